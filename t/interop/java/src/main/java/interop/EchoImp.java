/* Interop::Echo, served with the official Java SDK. */
package interop;

import com.qq.tars.common.support.Holder;
import com.qq.tars.rpc.protocol.tars.TarsServantRequest;
import com.qq.tars.rpc.protocol.tars.TarsServantResponse;
import com.qq.tars.server.core.ContextManager;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import tars.interop.All;
import tars.interop.EchoServant;

public class EchoImp implements EchoServant {
	private final Map<String, Integer> notes = new ConcurrentHashMap<>();

	@Override
	public int echoAll(All given, Holder<All> back) {
		back.value = given;
		return 0;
	}

	@Override
	public int echoPrims(boolean yes, byte i8, short i16, int i32, long i64, float f32, double f64,
			String text, short u8, int u16, long u32, int color, Holder<Boolean> yes2,
			Holder<Byte> i82, Holder<Short> i162, Holder<Integer> i322, Holder<Long> i642,
			Holder<Float> f322, Holder<Double> f642, Holder<String> text2, Holder<Short> u82,
			Holder<Integer> u162, Holder<Long> u322, Holder<Integer> color2) {
		yes2.value = yes;
		i82.value = i8;
		i162.value = i16;
		i322.value = i32;
		i642.value = i64;
		f322.value = f32;
		f642.value = f64;
		text2.value = text;
		u82.value = u8;
		u162.value = u16;
		u322.value = u32;
		color2.value = color;
		return 0;
	}

	@Override
	public int add(int a, int b, Holder<Integer> sum) {
		sum.value = a + b;
		return 0;
	}

	@Override
	public String big(String text) {
		return text;
	}

	/** An exception would be code -10, whichever it is; the SDK's way to a code is the response. */
	@Override
	public void fail(int code) {
		TarsServantResponse response = (TarsServantResponse) ContextManager.getContext().response();

		if (request().getContext() != null && request().getContext().containsKey("throw"))
			throw new IllegalStateException("as asked");
		response.setRet(code);
		response.setRemark("code " + code + " as asked");
	}

	/** In TARS the SDK's replies have no context. */
	@Override
	public int context(Holder<Map<String, String>> seen) {
		Map<String, String> context = request().getContext();

		seen.value = context == null ? new HashMap<>() : new HashMap<>(context);
		return 0;
	}

	@Override
	public void note(String what) {
		notes.merge(what, 1, Integer::sum);
	}

	@Override
	public int noted(String what) {
		return notes.getOrDefault(what, 0);
	}

	private static TarsServantRequest request() {
		return (TarsServantRequest) ContextManager.getContext().request();
	}
}
