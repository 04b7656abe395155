// Client proxy and server skeleton of Interop::Echo.
'use strict';
const stream = require('@tars/stream');
const error = require('@tars/rpc').error;
const { types: t, write, read, writeTup, readTup, prims } = require('./types.js');

// Each function: its parameters, its result (null: void), and what it gives out.
const functions = {
	echoAll: { in: [['given', t.All]], ret: t.int, out: [['back', t.All]] },
	echoPrims: {
		in: prims.map(([, name, type]) => [name, type]), ret: t.int,
		out: prims.map(([, name, type]) => [`${name}2`, type]),
	},
	add: { in: [['a', t.int], ['b', t.int]], ret: t.int, out: [['sum', t.int]] },
	big: { in: [['text', t.string]], ret: t.string, out: [] },
	fail: { in: [['code', t.int]], ret: null, out: [] },
	context: { in: [], ret: t.int, out: [['seen', t.words]] },
	note: { in: [['what', t.string]], ret: null, out: [] },
	noted: { in: [['what', t.string]], ret: t.int, out: [] },
	tars_ping: { in: [], ret: null, out: [] },
};

function newTup(body) {
	const tup = new stream.UniAttribute();
	tup.tupVersion = stream.Tup.TUP_SIMPLE;
	if (body)
		tup.decode(body);
	return tup;
}

// The SDK fills in _worker and calls tars_invoke on it.
function EchoProxy() {
	this._name = undefined;
	this._worker = undefined;
}

EchoProxy.prototype.setTimeout = function (ms) {
	this._worker.timeout = ms;
};

// Calls in TUP from now on.
EchoProxy.prototype.useTup = function () {
	this._worker.version = stream.Tup.TUP_SIMPLE;
	this._tup = true;
};

// Gives { ret, out, context }; fails with an Error that has a code.
EchoProxy.prototype.call = function (name, args, property) {
	const f = functions[name] || functions.tars_ping;
	const os = new stream.TarsOutputStream();
	const tup = newTup();
	args.forEach((arg, k) => this._tup ? writeTup(tup, ...f.in[k], arg) :
		write(os, 1 + k, f.in[k][1], arg));
	return (this._tup ? this._worker.tup_invoke(name, tup, property) :
		this._worker.tars_invoke(name, os.getBinBuffer(), property)).then((data) => {
		if (property && property.packetType)
			return {};
		if (this._tup)
			return {
				ret: f.ret && readTup(data.response.tup, '', f.ret),
				out: f.out.map(([member, type]) => readTup(data.response.tup, member, type)),
			};
		const is = new stream.TarsInputStream(data.response.sBuffer);
		return {
			ret: f.ret && read(is, 0, f.ret),
			out: f.out.map(([, type], k) => read(is, 1 + f.in.length + k, type)),
			context: data.response.context,
		};
	}, (failure) => {
		const e = failure.error || failure.response.error;
		throw Object.assign(new Error(e.message), { code: e.code });
	});
};

function EchoImp() {}

EchoImp.prototype.initialize = function () {};

// Each handler gives [ret, ...out]; shared by all connections.
const notes = new Map();
const handlers = {
	tars_ping: () => [],
	echoAll: (current, given) => [0, given],
	echoPrims: (current, ...given) => [0, ...given],
	add: (current, a, b) => [0, (a + b) | 0],
	big: (current, text) => [text],
	context(current) {
		const seen = [];
		current.getContext().forEach((key, value) => {
			seen.push([key, value]);
		});
		current.setResponseContext({ seen: seen.length });
		return [0, seen];
	},
	note(current, what) {
		notes.set(what, (notes.get(what) || 0) + 1);
		return [];
	},
	noted: (current, what) => [notes.get(what) || 0],
	fail(current, code) {
		if (code)
			throw Object.assign(new Error(`code ${code} as asked`), { code });
		return [];
	},
};

// What the handler gave, as it goes back.
function encode(f, [ret, ...out], isTup) {
	if (isTup) {
		const tup = newTup();
		if (f.ret)
			writeTup(tup, '', f.ret, ret);
		out.forEach((value, k) => writeTup(tup, ...f.out[k], value));
		return tup.encode();
	}
	const os = new stream.TarsOutputStream();
	if (f.ret)
		write(os, 0, f.ret, ret);
	out.forEach((value, k) => write(os, 1 + f.in.length + k, f.out[k][1], value));
	return os.getBinBuffer();
}

EchoImp.prototype.onDispatch = function (current, name, body) {
	if (!Object.hasOwn(functions, name))
		return error.SERVER.FUNC_NOT_FOUND;
	const f = functions[name];
	const isTup = current.getRequestVersion() === stream.Tup.TUP_SIMPLE;
	try {
		const from = isTup ? newTup(body) : new stream.TarsInputStream(body);
		const args = f.in.map(([member, type], k) =>
			isTup ? readTup(from, member, type) : read(from, 1 + k, type));
		current.doResponse(encode(f, handlers[name](current, ...args), isTup));
	} catch (e) {
		current.sendErrorResponse(e.code || error.SERVER.DECODE_ERROR, e.message);
	}
	return error.SUCCESS;
};

module.exports = { EchoProxy, EchoImp };
