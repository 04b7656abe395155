// The types of Interop.tars on the codec of the official Node.js SDK, by hand: the official
// generator is not published.  In JavaScript a long is a text, a map a list of sorted pairs.
'use strict';
const stream = require('@tars/stream');

/*
 * A type: proto is what the SDK calls it, tup the end of its functions' names in TUP, to() and from() lead to its values and back, zero() is a
 * value without a default, and fill(how, i) the i-th one of a container: 'largest', 'smallest'
 * or 'zeros'.
 */
const plain = (tup, zero, largest, smallest) => ({
	proto: stream[tup], tup, to: (v) => v, from: (v) => v, zero: () => zero,
	fill: (how, i) => how === 'zeros' ? zero : how === 'largest' ? largest(i) : smallest(i),
});
const int = (tup, min, max) => plain(tup, 0, (i) => max - i, (i) => min + i);

const float = Math.fround(3.4028234663852886e38);
const types = {
	bool: plain('Boolean', false, () => true, () => false),
	byte: int('Int8', -128, 127),
	short: int('Int16', -32768, 32767),
	int: int('Int32', -2147483648, 2147483647),
	long: Object.assign(plain('Int64', '0',
		(i) => String(9223372036854775807n - BigInt(i)),
		(i) => String(-9223372036854775808n + BigInt(i))), { from: String, asText: 1 }),
	float: plain('Float', 0, () => float, () => -float),
	double: plain('Double', 0, () => Number.MAX_VALUE, () => -Number.MAX_VALUE),
	string: plain('String', '', (i) => `héllo 世界 ${i}`, (i) => i ? String(i) : ''),
	ubyte: int('UInt8', 0, 255),
	ushort: int('UInt16', 0, 65535),
	uint: int('UInt32', 0, 4294967295),
	color: Object.assign(plain('Int32', 0, () => 70000, () => -3),
		{ proto: stream.Enum }),
	bytes: {
		proto: stream.BinBuffer,
		tup: 'Bytes',
		to: (v) => new stream.BinBuffer(v),
		from: (v) => v.toNodeBuffer(),
		zero: () => Buffer.alloc(0),
		fill: (how) => how === 'largest' ? Buffer.from(Array.from({ length: 256 }, (_, k) => k)) :
			how === 'smallest' ? Buffer.from([0x80]) : Buffer.alloc(0),
	},
};

const three = (how) => how === 'zeros' ? [] : [0, 1, 2];

function list(elem) {
	const make = () => new stream.List(elem.proto, elem.asText);
	return {
		proto: make(),
		tup: 'List',
		to(v) {
			const to = make();
			v.forEach((e) => to.push(elem.to(e)));
			return to;
		},
		from: (v) => v.value.map(elem.from),
		zero: () => [],
		fill: (how) => three(how).map((k) => elem.fill(how, k)),
	};
}

const sorted = (pairs) => pairs.map((pair) => [JSON.stringify(pair[0]), pair])
	.sort((a, b) => a[0] < b[0] ? -1 : 1).map((keyed) => keyed[1]);

function map(key, val) {
	const make = () => new stream.Map(key.proto, val.proto, key.asText, val.asText);
	return {
		proto: make(),
		tup: 'Map',
		to(v) {
			const to = make();
			v.forEach(([k, e]) => to.insert(key.to(k), val.to(e)));
			return to;
		},
		from(v) {
			const pairs = [];
			v.forEach((k, e) => {
				pairs.push([key.from(k), val.from(e)]);
			});
			return sorted(pairs);
		},
		zero: () => [],
		fill: (how) => sorted(three(how).map((k) => [key.fill(how, k), val.fill(how, k)])),
	};
}

const write = (os, tag, type, value) => type.proto._write(os, tag, type.to(value), type.asText);
const read = (is, tag, type) =>
	type.from(type.proto._read(is, tag, type.proto, type.asText));

// The same in a TUP, by name.
const writeTup = (tup, name, type, value) =>
	tup[`write${type.tup}`](name, type.to(value), type.asText);
const readTup = (tup, name, type) => type.from(['List', 'Map', 'Struct'].includes(type.tup) ?
	tup[`read${type.tup}`](name, type.proto) :
	tup[`read${type.tup}`](name, undefined, type.asText));

// members: [tag, name, type, default]; those without a default are required.
function struct(name, members) {
	class Struct {
		constructor() {
			for (const [, member, type, standard] of members)
				this[member] = standard === undefined ? type.zero() : standard;
		}
		_writeTo(os) {
			for (const [tag, member, type] of members)
				write(os, tag, type, this[member]);
		}
		_equal(other) {
			return this._genKey() === other._genKey();
		}
		_genKey() {
			return JSON.stringify(this);
		}
		static _readFrom(is) {
			const value = new Struct();
			for (const [tag, member, type, standard] of members)
				if (standard === undefined || is._skipToTag(tag, false))
					value[member] = read(is, tag, type);
			return value;
		}
		static _write(os, tag, value) {
			os.writeStruct(tag, value);
		}
		static _read(is, tag) {
			return is.readStruct(tag, true, Struct);
		}
	}
	Struct._classname = name;
	return {
		proto: Struct, tup: 'Struct', to: (v) => v, from: (v) => v, zero: () => new Struct(),
		fill(how, i) {
			const value = new Struct();
			for (const [, member, type] of members)
				value[member] = type.fill(how, i);
			return value;
		},
	};
}

const t = types;
const prims = [
	[0, 'yes', t.bool], [1, 'i8', t.byte], [2, 'i16', t.short], [3, 'i32', t.int],
	[4, 'i64', t.long], [5, 'f32', t.float], [6, 'f64', t.double], [7, 'text', t.string],
	[8, 'u8', t.ubyte], [9, 'u16', t.ushort], [10, 'u32', t.uint], [11, 'color', t.color],
];
const defaults = [true, 7, -300, 100000, '5000000000', 1.5, 2.25, 'dflt', 200, 60000, 4000000000, 5];
t.Prims = struct('Interop.Prims', prims);
t.Defaults = struct('Interop.Defaults', prims.map((m, k) => [...m, defaults[k]]).concat([
	[12, 'ints', list(t.int), []], [13, 'words', map(t.string, t.string), []],
]));
t.Leaf = struct('Interop.Leaf', [[0, 'id', t.int], [1, 'label', t.string, '']]);
t.All = struct('Interop.All', [
	[0, 'prims', t.Prims], [1, 'dflts', t.Defaults], [2, 'raw', t.bytes], [3, 'ints', list(t.int)],
	[4, 'texts', list(t.string)], [5, 'leaves', list(t.Leaf)], [6, 'grid', list(list(t.int))],
	[7, 'words', map(t.string, t.string)], [8, 'byId', map(t.int, t.Leaf)],
	[9, 'lists', map(t.string, list(t.long))], [10, 'counts', map(t.Leaf, t.int)],
	[14, 'extra', t.Leaf, t.Leaf.zero()], [15, 'fifteen', t.string, ''], [200, 'last', t.double],
]);
t.words = map(t.string, t.string);

module.exports = { types, write, read, writeTup, readTup, prims };
