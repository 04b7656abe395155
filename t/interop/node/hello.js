// Client proxy and server skeleton of TestApp::Hello, by hand: the official generator is not published.
'use strict';
const stream = require('@tars/stream');
const error = require('@tars/rpc').error;

const isTup = (v) => v === stream.Tup.TUP_SIMPLE || v === stream.Tup.TUP_COMPLEX;

// The SDK fills in _worker and calls tars_invoke on it.
function HelloProxy() {
	this._name = undefined;
	this._worker = undefined;
}

HelloProxy.prototype.setTimeout = function (ms) {
	this._worker.timeout = ms;
};

HelloProxy.prototype.greet = function (name) {
	const os = new stream.TarsOutputStream();
	os.writeString(1, name);
	return this._worker.tars_invoke('greet', os.getBinBuffer()).then((data) => {
		const is = new stream.TarsInputStream(data.response.sBuffer);
		return { ret: is.readInt32(0, true), text: is.readString(2, true) };
	}, (failure) => {
		const e = failure.error || failure.response.error;
		throw Object.assign(new Error(e.message), { code: e.code });
	});
};

function HelloImp() {}

HelloImp.prototype.initialize = function () {};

HelloImp.prototype.onDispatch = function (current, func, body) {
	if (func === 'tars_ping') {
		const os = new stream.TarsOutputStream();
		os.writeInt32(0, 0);
		current.doResponse(os.getBinBuffer());
		return error.SUCCESS;
	}
	if (func !== 'greet')
		return error.SERVER.FUNC_NOT_FOUND;
	const version = current.getRequestVersion();
	let name;
	if (isTup(version)) {
		const tup = new stream.UniAttribute();
		tup.tupVersion = version;
		tup.decode(body);
		name = tup.readString('name');
	} else {
		name = new stream.TarsInputStream(body).readString(1, true);
	}
	const text = 'hello ' + name + ' from Node.js';
	if (isTup(version)) {
		const tup = new stream.UniAttribute();
		tup.tupVersion = version;
		tup.writeInt32('', 0);
		tup.writeString('text', text);
		current.doResponse(tup.encode());
	} else {
		const os = new stream.TarsOutputStream();
		os.writeInt32(0, 0);
		os.writeString(2, text);
		current.doResponse(os.getBinBuffer());
	}
	return error.SUCCESS;
};

module.exports = { HelloProxy, HelloImp };
