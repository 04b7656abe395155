// Calls Interop::Echo with the official Node.js SDK and says what comes back: "ok ROW" or
// "not ok ROW: why", a line each.
// usage: client OBJ [--locator LOCATOR] [tup] [ROW...]
//        client OBJ --locator LOCATOR where any|mod CALLS [SET]
// where: which server each call went to, the hash of the k-th being k.
'use strict';
const { isDeepStrictEqual } = require('util');
const Tars = require('@tars/rpc').client;
const { EchoProxy } = require('./echo.js');
const { types: t, ...types } = require('./types.js');

const prims = types.prims.map(([, , type]) => type);

const give = (e, name, ...args) => e.call(name, args).then((answer) => answer.out);

function differ(given, back) {
	for (const name of Object.keys(given))
		if (!isDeepStrictEqual(given[name], back[name]))
			throw new Error(`'${name}' came back changed`);
}

const echoPrims = (how) => async (e) => {
	const given = prims.map((type) => type.fill(how, 0));
	differ(given, await give(e, 'echoPrims', ...given));
};

const echoAll = (how) => async (e) => {
	const given = how === 'defaults' ? t.All.zero() : t.All.fill(how, 0);
	differ(given, (await give(e, 'echoAll', given))[0]);
};

async function add(e, a = 2147483647, b = 2) {
	const [sum] = await give(e, 'add', a, b);
	if (sum !== ((a + b) | 0))
		throw new Error('a wrong sum');
}

async function big(e) {
	const text = '0123456789abcdef'.repeat(65536);
	if ((await e.call('big', [text])).ret !== text)
		throw new Error('another text');
}

const many = (e) => Promise.all(Array.from({ length: 1000 }, (_, k) => add(e, k, 1)));

const codeOf = (call) => call.then(() => 0, (failure) => failure.code);

async function fail(e) {
	for (const code of [0, 1, 7, 100000, -77]) {
		const got = await codeOf(e.call('fail', [code]));
		if (got !== code)
			throw new Error(`code ${code} came as ${got}`);
	}
}

// What tars2go generates answers 1, the others -3.
async function nofunc(e) {
	const code = await codeOf(e.call('noSuchFunction', []));
	if (code !== -3 && code !== 1)
		throw new Error(`code ${code}`);
}

async function context(e) {
	const sent = { empty: '', first: '1', second: 'héllo' };
	const seen = new Map((await e.call('context', [], { context: sent })).out[0]);
	for (const key of Object.keys(sent))
		if (seen.get(key) !== sent[key])
			throw new Error('an entry is missing or changed');
}

async function replyContext(e) {
	const reply = (await e.call('context', [])).context;
	if (!reply || !(reply.get ? reply.get('seen') : reply.seen))
		throw new Error("the reply has no context 'seen'");
}

async function oneway(e) {
	const what = `Node.js ${process.pid}`;
	let n = 0;
	for (let k = 0; k < 10; k++)
		e.call('note', [what], { packetType: 1 }).catch(() => {});
	for (let k = 0; k < 500 && n !== 10; k++) {
		n = (await e.call('noted', [what])).ret;
		await new Promise((wake) => setTimeout(wake, 10));
	}
	if (n !== 10)
		throw new Error(`${n} of 10 arrived`);
}

const rows = {
	'prims-largest': echoPrims('largest'), 'prims-smallest': echoPrims('smallest'),
	'prims-zeros': echoPrims('zeros'), 'all-largest': echoAll('largest'),
	'all-smallest': echoAll('smallest'), 'all-zeros': echoAll('zeros'),
	'all-defaults': echoAll('defaults'), add: (e) => add(e), big, many, fail, nofunc, context,
	'reply-context': replyContext, oneway, ping: (e) => e.call('tars_ping', []),
};

// Gives 1 if a call failed.
async function where(e, how, calls) {
	let failed = 0;
	for (let k = 1; k <= Number(calls); k++) {
		const { context } = await e.call('context', [], how === 'mod' ? { hashCode: k } : {})
			.catch((why) => {
				failed = 1;
				return { context: new Map([['where', why.message]]) };
			});
		console.log(`${k} ${context.get('where')}`);
	}
	return failed;
}

async function main([object, ...wanted]) {
	let status = 0;
	if (wanted[0] === '--locator')
		Tars.setProperty('locator', wanted.splice(0, 2)[1]);
	const e = Tars.stringToProxy(EchoProxy, object, wanted[0] === 'where' ? wanted[3] : undefined);
	e.setTimeout(10000);
	if (wanted[0] === 'tup') {
		e.useTup();
		wanted.shift();
	}
	if (wanted[0] === 'where')
		return where(e, wanted[1], wanted[2]);
	for (const row of wanted.length ? wanted : Object.keys(rows)) {
		try {
			await rows[row](e);
			console.log(`ok ${row}`);
		} catch (why) {
			console.log(`not ok ${row}: ${why.message}${why.code ? ` (code ${why.code})` : ''}`);
			status = 1;
		}
	}
	return status;
}

main(process.argv.slice(2)).then((code) => process.exit(code), (why) => {
	console.error(why);
	process.exit(2);
});
