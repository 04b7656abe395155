/* Values that are sent with the official Java SDK, and where those that come back differ. */
package interop;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import tars.interop.All;
import tars.interop.Defaults;
import tars.interop.Leaf;
import tars.interop.Prims;

enum Values {
	LARGEST, SMALLEST, ZEROS;

	private <T> T pick(T largest, T smallest, T zero) {
		return this == LARGEST ? largest : this == SMALLEST ? smallest : zero;
	}

	private String text(int i) {
		return pick("h\u00e9llo \u4e16\u754c " + i, i == 0 ? "" : "" + i, "");
	}

	private int i32(int i) {
		return pick(Integer.MAX_VALUE - i, Integer.MIN_VALUE + i, 0);
	}

	private List<Integer> ints() {
		return this == ZEROS ? new ArrayList<>() : Arrays.asList(i32(0), i32(1), i32(2));
	}

	private Map<String, String> words() {
		Map<String, String> words = new HashMap<>();

		for (int i = 0; i < 3 && this != ZEROS; i++)
			words.put(text(i), text(i));
		return words;
	}

	private byte[] raw() {
		byte[] raw = new byte[pick(256, 1, 0)];

		for (int i = 0; i < raw.length; i++)
			raw[i] = (byte) (raw.length == 1 ? 0x80 : i);
		return raw;
	}

	private Leaf leaf(int i) {
		return new Leaf(i32(i), text(i));
	}

	Prims prims() {
		return new Prims(this == LARGEST, pick(Byte.MAX_VALUE, Byte.MIN_VALUE, (byte) 0),
				pick(Short.MAX_VALUE, Short.MIN_VALUE, (short) 0), i32(0),
				pick(Long.MAX_VALUE, Long.MIN_VALUE, 0L),
				pick(Float.MAX_VALUE, -Float.MAX_VALUE, 0f),
				pick(Double.MAX_VALUE, -Double.MAX_VALUE, 0d), text(0),
				pick((short) 255, (short) 0, (short) 0), pick(65535, 0, 0),
				pick(4294967295L, 0L, 0L), pick(70000, -3, 0));
	}

	private Defaults defaults() {
		Prims p = prims();

		return new Defaults(p.yes, p.i8, p.i16, p.i32, p.i64, p.f32, p.f64, p.text, p.u8, p.u16,
				p.u32, p.color, ints(), words());
	}

	/** dflts: null: as the others. */
	All all(Defaults dflts) {
		List<String> texts = new ArrayList<>();
		List<Leaf> leaves = new ArrayList<>();
		List<List<Integer>> grid = new ArrayList<>();
		Map<Integer, Leaf> byId = new HashMap<>();
		Map<String, List<Long>> lists = new HashMap<>();
		Map<Leaf, Integer> counts = new HashMap<>();

		for (int i = 0; i < 3 && this != ZEROS; i++) {
			texts.add(text(i));
			leaves.add(leaf(i));
			grid.add(ints());
			byId.put(i32(i), leaf(i));
			lists.put(text(i), Arrays.asList(Long.MAX_VALUE, Long.MIN_VALUE, 0L));
			counts.put(leaf(i), i32(i));
		}
		return new All(prims(), dflts == null ? defaults() : dflts, raw(), ints(), texts, leaves,
				grid, words(), byId, lists, counts, leaf(0), text(15),
				pick(Double.MAX_VALUE, -Double.MAX_VALUE, 0d));
	}

	private static boolean isNothing(Object o) {
		return o == null || o instanceof Collection && ((Collection<?>) o).isEmpty()
				|| o instanceof Map && ((Map<?, ?>) o).isEmpty();
	}

	/** The name of the first member that differs, or null.  An empty container may be absent. */
	static String difference(Object given, Object back) throws IllegalAccessException {
		for (Field f : given.getClass().getFields()) {
			if (Modifier.isStatic(f.getModifiers()))
				continue;
			Object a = f.get(given), b = back == null ? null : f.get(back);
			boolean isStruct = a != null && a.getClass().getPackage() == All.class.getPackage();

			if (isStruct && difference(a, b) != null)
				return difference(a, b);
			if (!isStruct && !Objects.deepEquals(a, b) && !(isNothing(a) && isNothing(b)))
				return f.getName();
		}
		return null;
	}
}
