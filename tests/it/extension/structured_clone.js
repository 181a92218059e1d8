// What can be cloned, and what cannot. Each line that is written is a case that
// does not hold, but for the last one.
// https://html.spec.whatwg.org/#structuredserializeinternal

const out = (name, f) => { let v; try { v = f(); } catch (e) { v = `${e.name}: ${e.message}`; } if (v !== true) console.log("BAD", name, v); };
const throwsClone = (name, f) => { try { f(); console.log("BAD", name, "no error"); } catch (e) { if (e.name !== "DataCloneError" || !(e instanceof DOMException)) console.log("BAD", name, e.name, e.message); } };
const c = structuredClone;
for (const v of [undefined, null, true, false, 0, -0, NaN, Infinity, 1.5, 2**53, "", "a\ud800b", "é😀", 12345678901234567890n, -1n]) out(`prim ${String(v)}`, () => Object.is(c(v), v) && Object.is(c([v])[0], v) && Object.is(c({a:v}).a, v));
out("Boolean", () => c(new Boolean(false)) instanceof Boolean && c(Object(false)).valueOf() === false);
out("String", () => c(new String("x")) instanceof String && c(Object("x")).valueOf() === "x");
out("Number", () => Object.is(c(new Number(-0)).valueOf(), -0));
out("BigInt", () => c(Object(5n)).valueOf() === 5n && typeof c(Object(5n)) === "object");
out("Date", () => c(new Date(5)).getTime() === 5 && Object.is(c(new Date(NaN)).getTime(), NaN));
out("RegExp", () => { const r = /a(b)/gi; r.lastIndex = 3; const d = c(r); return d.source === "a(b)" && d.flags === "gi" && d.lastIndex === 0; });
out("Map", () => { const k = {}; const m = new Map([[k, k], [1, 2]]); const d = c(m); const [[a, b]] = d; return a === b && a !== k && d.get(1) === 2; });
out("Set", () => { const s = new Set([1, {a: 1}]); s.add(s); const d = c(s); return d.size === 3 && d.has(d); });
out("cycle", () => { const o = { a: [] }; o.a.push(o, o.a); const d = c(o); return d.a[0] === d && d.a[1] === d.a; });
out("errors", () => [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].every((E) => { const e = new E("m"); e.extra = 1; const d = c(e); return d instanceof E && d.message === "m" && d.name === e.name && !("extra" in d) && d.stack === e.stack; }));
out("error no message", () => !Object.hasOwn(c(new Error()), "message"));
out("error custom name", () => { class My extends Error { name = "My"; } const d = c(new My("q")); return d.name === "Error" && d.constructor === Error; });
out("error in object", () => { const e = new TypeError("z"); const d = c({ a: e, b: e }); return d.a === d.b && d.a instanceof TypeError; });
out("DOMException", () => { const d = c(new DOMException("m", "AbortError")); return d instanceof DOMException && d.name === "AbortError" && d.code === 20 && d.message === "m"; });
out("Quota", () => { const d = c(new QuotaExceededError("m", { quota: 5, requested: 7 })); return d instanceof QuotaExceededError && d.quota === 5 && d.requested === 7; });
out("buffer", () => { const b = new Uint8Array([1, 2, 3]).buffer; const d = c(b); return d !== b && d.byteLength === 3 && new Uint8Array(d)[2] === 3; });
out("views share", () => { const b = new ArrayBuffer(16); const d = c({ b, v: new Uint16Array(b, 2, 3), w: new DataView(b, 4, 5) }); return d.v.buffer === d.b && d.w.buffer === d.b && d.v.byteOffset === 2 && d.v.length === 3 && d.w.byteOffset === 4 && d.w.byteLength === 5 && d.w.constructor === DataView; });
out("all views", () => [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array].every((T) => c(new T(3)).constructor === T));
out("empty", () => c(new Uint8Array(0)).length === 0 && c([]).length === 0 && Object.keys(c({})).length === 0);
out("sparse", () => { const a = [1, , 3]; a.extra = "e"; a.length = 5; const d = c(a); return !(1 in d) && d.length === 5 && d.extra === "e" && !(4 in d); });
out("proto key", () => { const o = JSON.parse('{"__proto__": {"x": 1}}'); const d = c(o); return Object.hasOwn(d, "__proto__") && d.__proto__.x === 1 && d.x === undefined; });
out("getter", () => { const o = { get a() { return 5; } }; const d = c(o); return Object.getOwnPropertyDescriptor(d, "a").value === 5; });
out("class instance", () => { class A { x = 1; } const d = c(new A()); return d.constructor === Object && d.x === 1; });
out("null proto", () => c(Object.assign(Object.create(null), { a: 1 })).a === 1);
out("symbol keys", () => Object.getOwnPropertySymbols(c({ [Symbol()]: 1 })).length === 0);
out("toStringTag", () => { const d = c({ [Symbol.toStringTag]: "Date", a: 1 }); return d.a === 1; });
out("Object.prototype", () => Object.keys(c(Object.prototype)).length === 0);
out("blob", () => { const d = c(new Blob(["abc"], { type: "text/x" })); return d instanceof Blob && d.size === 3 && d.type === "text/x"; });
out("file", () => { const d = c(new File(["abc"], "n", { type: "text/x", lastModified: 7 })); return d instanceof File && d.name === "n" && d.lastModified === 7 && d.size === 3; });
out("user getter throws", () => { try { c({ get a() { throw new RangeError("mine"); } }); } catch (e) { return e.message === "mine" && e instanceof RangeError; } });
class WithSlot extends Map {}
out("Map subclass", () => c(new WithSlot([[1, 1]])).constructor === Map);
out("fake map", () => Object.keys(c(Object.create(Map.prototype))).length === 0);
out("deletes later", () => { const a = [{ get x() { delete a[1]; return 1; } }, 2, 3]; const d = c(a); return !(1 in d) && d[2] === 3 && d.length === 3; });
out("sab", () => { const s = new SharedArrayBuffer(4); const d = c(s); new Uint8Array(s)[0] = 9; return new Uint8Array(d)[0] === 9; });
out("resizable", () => { const b = new ArrayBuffer(4, { maxByteLength: 8 }); const d = c(b); return d.resizable && d.maxByteLength === 8 && d.byteLength === 4; });
// transfer
out("transfer", () => { const b = new ArrayBuffer(5); const d = c({ b, v: new Uint8Array(b, 1) }, { transfer: [b] }); return b.byteLength === 0 && d.b.byteLength === 5 && d.v.buffer === d.b && d.v.length === 4; });
out("transfer port", () => { const { port1, port2 } = new MessageChannel(); const d = c({ port2 }, { transfer: [port2] }); port1.close(); d.port2.close(); return d.port2 instanceof MessagePort && d.port2 !== port2; });
const b2 = new ArrayBuffer(1);
throwsClone("twice", () => c(b2, { transfer: [b2, b2] }));
throwsClone("plain transfer", () => c(1, { transfer: [{}] }));
throwsClone("detached", () => { const b = new ArrayBuffer(1); c(b, { transfer: [b] }); c(b); });
throwsClone("out of bounds", () => { const b = new ArrayBuffer(8, { maxByteLength: 16 }); const v = new Uint8Array(b, 4); b.resize(2); c(v); });
throwsClone("detached view", () => { const v = new Uint8Array(1); c(1, { transfer: [v.buffer] }); c(v); });
throwsClone("detached transfer", () => { const b = new ArrayBuffer(1); c(b, { transfer: [b] }); c(1, { transfer: [b] }); });
out("not detached on failure", () => { const b = new ArrayBuffer(5); try { c({ b, f() {} }, { transfer: [b] }); } catch {} return b.byteLength === 5; });
for (const [n, v] of Object.entries({ sym: Symbol(), fn() {}, req: new Request("/"), res: new Response(""), wm: new WeakMap(), ws: new WeakSet(), wr: new WeakRef({}), promise: Promise.resolve(), gen: (function* () {})(), it: [][Symbol.iterator](), mit: new Map().keys(), ev: new Event("x"), et: new EventTarget(), url: new URL("a:b"), headers: new Headers(), port: new MessageChannel().port1, stream: new ReadableStream(), proxy: new Proxy({}, {}), proxyArr: new Proxy([], {}), glob: globalThis, symObj: Object(Symbol()), nav: navigator, fr: new FinalizationRegistry(() => {}), ac: new AbortController(), signal: new AbortController().signal, fd: new FormData(), te: new TextEncoder(), reg: globalThis.registration ?? navigator.serviceWorker, usp: new URLSearchParams() })) { throwsClone(n, () => c(v)); throwsClone("nested " + n, () => c({ v })); throwsClone("in array " + n, () => c([v])); throwsClone("map " + n, () => c(new Map([[1, v]]))); }
let deep = {};
for (let i = 0; i < 1e5; i++) deep = { deep };
out("deep", () => { try { c(deep); } catch (e) { return e instanceof RangeError; } return true; });
// ports
const ch = new MessageChannel();
const got = [];
ch.port2.onmessage = (e) => { got.push(e.data); if (got.length === 8) finish(); };
ch.port2.onmessageerror = () => console.log("BAD messageerror");
ch.port1.postMessage(new Blob(["abc"])); ch.port1.postMessage(undefined); ch.port1.postMessage([new File(["x"], "f"), new TypeError("t")]);
const ab = new ArrayBuffer(5); ch.port1.postMessage({ ab }, [ab]); ch.port1.postMessage({ ab: new Uint8Array(3) }, { transfer: [] });
ch.port1.postMessage("a\ud800"); ch.port1.postMessage(new DataView(new ArrayBuffer(3), 1));
const inner = new MessageChannel(); ch.port1.postMessage(inner.port2, [inner.port2]);
throwsClone("sab", () => ch.port1.postMessage(new SharedArrayBuffer(1)));
throwsClone("self", () => ch.port1.postMessage(1, [ch.port1]));
throwsClone("fn", () => ch.port1.postMessage(() => {}));
const finish = async () => {
  out("blob text", () => got[0].size === 3); const texts = [await got[0].text(), await got[2][0].text()].join();
  out("blob texts", () => texts === "abc,x");
  out("error through a port", () => got[2][1] instanceof TypeError && got[2][1].message === "t");
  out("undef", () => got[1] === undefined); out("ab", () => got[3].ab.byteLength === 5 && ab.byteLength === 0);
  out("lone", () => got[5] === "a\ud800"); out("dv", () => got[6].byteLength === 2 && got[6].constructor === DataView);
  got[7].onmessage = (e) => {
    out("a message through a port that was sent", () => e.data === "hi" && e.ports.length === 0 && e.isTrusted);
    for (const port of [got[7], inner.port1, ch.port1, ch.port2]) port.close();
    console.log("done");
  };
  inner.port1.postMessage("hi");
};
