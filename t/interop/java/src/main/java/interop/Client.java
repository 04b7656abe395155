/* Calls Interop::Echo with the official Java SDK and says what comes back, row by row. */
package interop;

import com.qq.tars.client.Communicator;
import com.qq.tars.client.CommunicatorConfig;
import com.qq.tars.client.CommunicatorFactory;
import com.qq.tars.common.support.Holder;
import com.qq.tars.protocol.annotation.Servant;
import com.qq.tars.rpc.exc.ClientException;
import com.qq.tars.rpc.exc.ServerException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import tars.interop.All;
import tars.interop.Defaults;
import tars.interop.EchoPrx;
import tars.interop.Prims;

/** "ok ROW" or "not ok ROW: why", a line each.  Arguments: OBJ [--locator LOCATOR] [ROW...] */
public final class Client {
	private static final int TIMEOUT_MS = 20000;

	/** What the IDL does not have. */
	@Servant
	public interface BarePrx {
		int noSuchFunction();

		void tars_ping();
	}

	private interface Row {
		/** Null, or why not. */
		String run() throws Exception;
	}

	private final EchoPrx echo;
	private final BarePrx bare;
	private final Map<String, Row> rows = new LinkedHashMap<>();

	private Client(Communicator communicator, String object) {
		echo = communicator.stringToProxy(EchoPrx.class, object);
		bare = communicator.stringToProxy(BarePrx.class, object);
		rows.put("prims-largest", () -> prims(Values.LARGEST.prims()));
		rows.put("prims-smallest", () -> prims(Values.SMALLEST.prims()));
		rows.put("prims-zeros", () -> prims(Values.ZEROS.prims()));
		rows.put("all-largest", () -> all(Values.LARGEST.all(null)));
		rows.put("all-smallest", () -> all(Values.SMALLEST.all(null)));
		rows.put("all-zeros", () -> all(Values.ZEROS.all(null)));
		rows.put("all-defaults", () -> all(Values.ZEROS.all(new Defaults())));
		rows.put("add", () -> add(Integer.MAX_VALUE, 2));
		rows.put("big", this::big);
		rows.put("many", this::many);
		rows.put("fail", this::fail);
		rows.put("nofunc", () -> code(() -> "" + bare.noSuchFunction()) == -3 ? null : "another code");
		rows.put("ping", () -> code(() -> {
			bare.tars_ping();
			return null;
		}) == 0 ? null : "refused");
		rows.put("context", this::context);
		rows.put("oneway", this::oneway);
	}

	private String prims(Prims p) throws IllegalAccessException {
		Holder<Boolean> yes = new Holder<>();
		Holder<Byte> i8 = new Holder<>();
		Holder<Short> i16 = new Holder<>(), u8 = new Holder<>();
		Holder<Integer> i32 = new Holder<>(), u16 = new Holder<>(), color = new Holder<>();
		Holder<Long> i64 = new Holder<>(), u32 = new Holder<>();
		Holder<Float> f32 = new Holder<>();
		Holder<Double> f64 = new Holder<>();
		Holder<String> text = new Holder<>();
		int ret = echo.echoPrims(p.yes, p.i8, p.i16, p.i32, p.i64, p.f32, p.f64, p.text, p.u8, p.u16,
				p.u32, p.color, yes, i8, i16, i32, i64, f32, f64, text, u8, u16, u32, color);

		return ret != 0 ? "returned " + ret : changed(p, new Prims(yes.value, i8.value, i16.value,
				i32.value, i64.value, f32.value, f64.value, text.value, u8.value, u16.value,
				u32.value, color.value));
	}

	private String all(All given) throws IllegalAccessException {
		Holder<All> back = new Holder<>();
		int ret = echo.echoAll(given, back);

		return ret != 0 ? "returned " + ret : changed(given, back.value);
	}

	private static String changed(Object given, Object back) throws IllegalAccessException {
		String name = Values.difference(given, back);

		return name == null ? null : "'" + name + "' came back changed";
	}

	private String add(int a, int b) {
		Holder<Integer> sum = new Holder<>();
		int ret = echo.add(a, b, sum);

		return ret == 0 && sum.value == a + b ? null : "returned " + ret + ", sum " + sum.value;
	}

	private String big() {
		char[] text = new char[1 << 20];

		for (int i = 0; i < text.length; i++)
			text[i] = (char) ('a' + i % 23);
		return new String(text).equals(echo.big(new String(text))) ? null : "another text";
	}

	/** Sync calls, each in a thread of its own, that begin at the same time. */
	private String many() throws Exception {
		int n = 1000;
		ExecutorService threads = Executors.newFixedThreadPool(n);
		CountDownLatch ready = new CountDownLatch(n);
		List<Future<String>> calls = new ArrayList<>();
		String why = null;

		for (int i = 0; i < n; i++) {
			int a = i;

			calls.add(threads.submit(() -> {
				ready.countDown();
				ready.await();
				return add(a, 1);
			}));
		}
		for (Future<String> call : calls)
			why = call.get() == null ? why : call.get();
		threads.shutdownNow();
		return why;
	}

	/** 0, or the code of the answer, which the SDK wraps into an exception without one. */
	private static int code(Row call) throws Exception {
		try {
			call.run();
			return 0;
		} catch (ClientException e) {
			if (e.getCause() instanceof ServerException)
				return ((ServerException) e.getCause()).getRet();
			throw e;
		}
	}

	private String fail() throws Exception {
		for (int code : new int[] { 0, 1, 7, 100000, -77 }) {
			int got = code(() -> {
				echo.fail(code);
				return null;
			});

			if (got != code)
				return "code " + code + " came as " + got;
		}
		return null;
	}

	private String context() {
		Map<String, String> sent = new HashMap<>();
		Holder<Map<String, String>> seen = new Holder<>();

		sent.put("first", "1");
		sent.put("second", "h\u00e9llo");
		sent.put("empty", "");
		echo.context(seen, sent);
		return sent.equals(seen.value) ? null : "it saw " + seen.value;
	}

	/** A call without a callback is one-way. */
	private String oneway() throws InterruptedException {
		String what = "java " + System.nanoTime();
		int n = 0;

		echo.async_note(null, what);
		for (int i = 0; i < 500 && n == 0; i++) {
			n = echo.noted(what);
			if (n == 0)
				Thread.sleep(10);
		}
		return n == 1 ? null : "it was noted " + n + " times";
	}

	private boolean runRow(String name) {
		String why;

		try {
			Row row = rows.get(name);

			why = row == null ? "there is no such row" : row.run();
		} catch (Exception e) {
			why = String.valueOf(e).replace('\n', ' ');
		}
		System.out.println(why == null ? "ok " + name : "not ok " + name + ": " + why);
		return why == null;
	}

	/** Threads of the SDK would keep the process when this one has ended. */
	public static void main(String[] args) {
		try {
			System.exit(run(args) ? 0 : 1);
		} catch (Throwable t) {
			t.printStackTrace();
			System.exit(2);
		}
	}

	private static boolean run(String[] args) {
		List<String> names = new ArrayList<>(Arrays.asList(args).subList(1, args.length));
		CommunicatorConfig config = new CommunicatorConfig();
		boolean isFine = true;

		if (names.size() > 1 && names.get(0).equals("--locator")) {
			config.setLocator(names.get(1));
			names = names.subList(2, names.size());
		}
		config.setSyncInvokeTimeout(TIMEOUT_MS);
		config.setAsyncInvokeTimeout(TIMEOUT_MS);
		Client client = new Client(CommunicatorFactory.getInstance().getCommunicator(config), args[0]);

		for (String name : names.isEmpty() ? new ArrayList<>(client.rows.keySet()) : names)
			isFine &= client.runRow(name);
		return isFine;
	}
}
