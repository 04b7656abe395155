// The official Node.js SDK as a client.  usage: client.js LOCATOR OBJ NAME [CALLS]
// Prints one line per outcome: "N x ret=0 text=..." or "error CODE MESSAGE".
'use strict';
const Tars = require('@tars/rpc').client;
const { HelloProxy } = require('./hello.js');

const [locator, obj, name, calls = '1'] = process.argv.slice(2);

async function main() {
	if (locator !== '-')
		Tars.setProperty('locator', locator);
	const hello = Tars.stringToProxy(HelloProxy, obj);
	hello.setTimeout(3000);
	const replies = await Promise.all(Array.from({ length: Number(calls) }, () =>
		hello.greet(name).then((r) => `ret=${r.ret} text=${r.text}`,
			(e) => `error ${e.code} ${e.message}`)));
	const counts = new Map();
	for (const line of replies)
		counts.set(line, (counts.get(line) || 0) + 1);
	for (const [line, n] of counts)
		console.log(`${n} x ${line}`);
	return [...counts.keys()].every((line) => line.startsWith('ret=')) ? 0 : 1;
}

main().then((code) => process.exit(code), (e) => {
	console.error(e);
	process.exit(2);
});
