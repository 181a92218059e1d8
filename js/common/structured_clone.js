// Safe passing of structured data between realms, and within one.
// https://html.spec.whatwg.org/#safe-passing-of-structured-data
//
// The engines' own serializers cannot be had whole: QuickJS's knows no errors,
// views and holes, and none of them sees which objects are platform objects.
// Here a value becomes a list of primitives and bytes, which they all take.

(function () {
const { core, primordials } = __bootstrap;
const { op_bgfetch_receive_blob_part, op_bgfetch_send_blob_part } = core.ops;
const { append, createDataProperty, filterList } = core.loadExtScript(
  "ext:background_fetch/common/lists.js",
);
const {
  Array,
  ArrayBuffer,
  ArrayBufferPrototypeGetByteLength,
  ArrayIsArray,
  ArrayPrototypeIndexOf,
  BigInt,
  BigInt64Array,
  BigIntPrototypeValueOf,
  BigUint64Array,
  Boolean,
  BooleanPrototypeValueOf,
  DataView,
  DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength,
  DataViewPrototypeGetByteOffset,
  Date,
  DatePrototypeGetTime,
  Error,
  EvalError,
  FinalizationRegistry,
  Float32Array,
  Float64Array,
  Int16Array,
  Int32Array,
  Int8Array,
  Map,
  MapPrototypeForEach,
  MapPrototypeGet,
  MapPrototypeGetSize,
  MapPrototypeHas,
  MapPrototypeSet,
  Number,
  NumberPrototypeValueOf,
  Object,
  ObjectDefineProperty,
  ObjectFreeze,
  ObjectGetOwnPropertyDescriptor,
  ObjectGetPrototypeOf,
  ObjectHasOwn,
  ObjectKeys,
  ObjectPrototype,
  ObjectPrototypeIsPrototypeOf,
  ObjectSetPrototypeOf,
  RangeError,
  ReferenceError,
  RegExp,
  RegExpPrototypeGetFlags,
  RegExpPrototypeGetSource,
  SafeMap,
  Set,
  SetPrototypeAdd,
  SetPrototypeForEach,
  SetPrototypeGetSize,
  String,
  StringPrototypeValueOf,
  Symbol,
  SymbolIterator,
  SymbolPrototypeValueOf,
  SyntaxError,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetLength,
  TypedArrayPrototypeGetSymbolToStringTag,
  TypedArrayPrototypeKeys,
  TypedArrayPrototypeSet,
  TypeError,
  Uint16Array,
  Uint32Array,
  Uint8Array,
  Uint8ClampedArray,
  URIError,
  uncurryThis,
  WeakMap,
  WeakMapPrototypeHas,
  WeakRef,
  WeakRefPrototypeDeref,
  WeakSet,
  WeakSetPrototypeHas,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { DOMException, QuotaExceededError } = core.loadExtScript(
  "ext:deno_web/01_dom_exception.js",
);
const { Event } = core.loadExtScript("ext:deno_web/02_event.js");
const { BlobPrototype, FilePrototype } = core.loadExtScript(
  "ext:deno_web/09_file.js",
);
const { deserializeJsMessageData, isUncloneable, MessagePortPrototype } = core
  .loadExtScript("ext:deno_web/13_message_port.js");

// Taken now: a script may replace them later.
const EventPrototype = Event.prototype;
const DOMExceptionPrototype = DOMException.prototype;
const QuotaExceededErrorPrototype = QuotaExceededError.prototype;
const getter = (prototype, name) => {
  const descriptor = ObjectGetOwnPropertyDescriptor(prototype, name);
  return descriptor === undefined ? undefined : uncurryThis(descriptor.get);
};
const getName = getter(DOMExceptionPrototype, "name");
const getMessage = getter(DOMExceptionPrototype, "message");
const getQuota = getter(QuotaExceededErrorPrototype, "quota");
const getRequested = getter(QuotaExceededErrorPrototype, "requested");
const isDetached = getter(ArrayBuffer.prototype, "detached");
const isResizable = getter(ArrayBuffer.prototype, "resizable");
const getMaxByteLength = getter(ArrayBuffer.prototype, "maxByteLength");
const transferBuffer = uncurryThis(ArrayBuffer.prototype.transfer);
const describeBlob = uncurryThis(BlobPrototype[core.hostObjectBrand]);
const describeFile = uncurryThis(FilePrototype[core.hostObjectBrand]);

const errors = {
  __proto__: null,
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};
const views = {
  __proto__: null,
  BigInt64Array,
  BigUint64Array,
  DataView,
  // Not every engine has it.
  Float16Array: globalThis.Float16Array,
  Float32Array,
  Float64Array,
  Int16Array,
  Int32Array,
  Int8Array,
  Uint16Array,
  Uint32Array,
  Uint8Array,
  Uint8ClampedArray,
};

// The kinds of objects. Values in IndexedDB are stored with these numbers, and
// with those below: none of them may ever mean anything else.
const OTHER = -1;
const PLAIN = 0;
/** One that is told apart by its interface, if at all. */
const INSTANCE = 15;
const ARRAY = 1;
const DATE = 2;
const REGEXP = 3;
const MAP = 4;
const SET = 5;
const ERROR = 6;
const BUFFER = 7;
const SHARED_BUFFER = 8;
const TYPED_ARRAY = 9;
const DATA_VIEW = 10;
const BOOLEAN = 11;
const NUMBER = 12;
const STRING = 13;
const BIGINT = 14;

// What a value begins with in the list. Those above are themselves.
const PRIMITIVE = 100;
const REFERENCE = 101;
const TRANSFERRED = 102;
const DENSE_ARRAY = 103;
const HOLE = 104;
const BLOB = 105;
const FILE = 106;
const DOM_EXCEPTION = 107;
const QUOTA_EXCEEDED_ERROR = 108;
const REGISTERED = 109;

/** What the first item of a message is: other senders use deno_web's own. */
const MAGIC = "background_fetch structured clone";
/** The name under which a part of a blob travels. */
const BLOB_PART = "background_fetch blob part";

/**
 * [Serializable] interfaces of other files: by a name, how an instance is
 * known, and its serialization and deserialization steps, between an instance
 * and a value that can be cloned itself.
 * @type {{ name: string, isInstance: (value: object) => boolean,
 *   serialize: (value: object) => any, deserialize: (data: any) => object }[]}
 */
const serializables = [];

/** https://html.spec.whatwg.org/#serializable-objects */
function registerSerializable(serializable) {
  append(serializables, serializable);
}

// By the prototype that makes an object worth a look, what reads the internal
// slot that proves it: it throws where there is none. The ops of deno_core will
// not do: with QuickJS they ask Object.prototype.toString, which is a script's
// to change.
const slots = [
  [Date.prototype, DATE, DatePrototypeGetTime],
  [RegExp.prototype, REGEXP, RegExpPrototypeGetSource],
  [Map.prototype, MAP, MapPrototypeGetSize],
  [Set.prototype, SET, SetPrototypeGetSize],
  [ArrayBuffer.prototype, BUFFER, ArrayBufferPrototypeGetByteLength],
  [DataView.prototype, DATA_VIEW, DataViewPrototypeGetBuffer],
  [Boolean.prototype, BOOLEAN, BooleanPrototypeValueOf],
  [Number.prototype, NUMBER, NumberPrototypeValueOf],
  [String.prototype, STRING, StringPrototypeValueOf],
  [BigInt.prototype, BIGINT, BigIntPrototypeValueOf],
  [Symbol.prototype, OTHER, SymbolPrototypeValueOf],
  [WeakMap.prototype, OTHER, (value) => WeakMapPrototypeHas(value, value)],
  [WeakSet.prototype, OTHER, (value) => WeakSetPrototypeHas(value, value)],
  [WeakRef.prototype, OTHER, WeakRefPrototypeDeref],
];
const { SharedArrayBuffer } = globalThis;
if (SharedArrayBuffer !== undefined) {
  append(slots, [
    SharedArrayBuffer.prototype,
    SHARED_BUFFER,
    getter(SharedArrayBuffer.prototype, "byteLength"),
  ]);
}
// Those that nothing can be asked of without changing them.
const opaque = [
  ObjectGetPrototypeOf((function* () {}).prototype),
  ObjectGetPrototypeOf((async function* () {}).prototype),
  ObjectGetPrototypeOf([][SymbolIterator]()),
  ObjectGetPrototypeOf(new Map()[SymbolIterator]()),
  ObjectGetPrototypeOf(new Set()[SymbolIterator]()),
  ObjectGetPrototypeOf(""[SymbolIterator]()),
  FinalizationRegistry.prototype,
];

/**
 * The kind of an object. One whose prototype is that of ordinary objects, or
 * none, is taken for one of them.
 */
function kindOf(value) {
  // A proxy passes for an array.
  if (core.isProxy(value)) return OTHER;
  if (ArrayIsArray(value)) return ARRAY;
  const prototype = ObjectGetPrototypeOf(value);
  if (prototype === ObjectPrototype || prototype === null) return PLAIN;
  if (TypedArrayPrototypeGetSymbolToStringTag(value) !== undefined) {
    return TYPED_ARRAY;
  }
  if (core.isNativeError(value)) return ERROR;
  if (core.isPromise(value)) return OTHER;
  for (let i = 0; i < slots.length; i++) {
    const { 0: inherited, 1: kind, 2: read } = slots[i];
    if (ObjectPrototypeIsPrototypeOf(inherited, value) && hasSlot(value, read)) {
      return kind;
    }
  }
  for (let i = 0; i < opaque.length; i++) {
    if (ObjectPrototypeIsPrototypeOf(opaque[i], value)) return OTHER;
  }
  return INSTANCE;
}

function hasSlot(value, read) {
  try {
    read(value);
    return true;
  } catch {
    return false;
  }
}

const isArrayBuffer = (value) =>
  ObjectPrototypeIsPrototypeOf(ArrayBuffer.prototype, value) &&
  hasSlot(value, ArrayBufferPrototypeGetByteLength);

function dataCloneError(message) {
  return new DOMException(message, "DataCloneError");
}

/** A list that no setter of a script's can see into. */
function newTokens() {
  return ObjectSetPrototypeOf([], null);
}

const isBranded = (value) =>
  ObjectHasOwn(value, webidl.brand) && value[webidl.brand] === webidl.brand;

/** Whether `value` is an instance of an interface whose brand deno_web sets. */
const isA = (prototype, value) =>
  ObjectPrototypeIsPrototypeOf(prototype, value) && isBranded(value);

/**
 * https://html.spec.whatwg.org/#platform-object, none of which may be cloned
 * unless it was recognized before
 */
function isPlatformObject(value) {
  return isBranded(value) || isUncloneable(value) ||
    ObjectPrototypeIsPrototypeOf(EventPrototype, value);
}

/**
 * https://html.spec.whatwg.org/#structuredserializeinternal
 *
 * One list for the whole value, depth first: an object is a kind, then what its
 * kind wants.
 */
class Serializer {
  tokens = newTokens();
  /** Resources, each with a part of a blob. */
  parts = [];
  #memory = new SafeMap();
  #canShare;

  /**
   * @param {object[]} transfer what the value may name without its being
   *   serialized
   * @param {boolean} canShare whether it stays in this realm's agent
   */
  constructor(transfer, canShare) {
    this.#canShare = canShare;
    // StructuredSerializeWithTransfer, step 2.5. Set memory[transferable].
    for (let i = 0; i < transfer.length; i++) {
      MapPrototypeSet(this.#memory, transfer[i], -1 - i);
    }
  }

  /** How many objects were met. */
  #count = 0;

  #put(token) {
    this.tokens[this.tokens.length] = token;
  }

  write(value) {
    // Step 4: If value is a primitive value.
    if (
      value === null || (typeof value !== "object" &&
        typeof value !== "function" && typeof value !== "symbol")
    ) {
      this.#put(PRIMITIVE);
      this.#put(value);
      return;
    }
    // Step 5: If value is a Symbol, throw a "DataCloneError".
    if (typeof value === "symbol") {
      throw dataCloneError("A symbol cannot be cloned");
    }
    // Step 2: If memory[value] exists, then return memory[value].
    if (MapPrototypeHas(this.#memory, value)) {
      const index = MapPrototypeGet(this.#memory, value);
      this.#put(index < 0 ? TRANSFERRED : REFERENCE);
      this.#put(index < 0 ? -1 - index : index);
      return;
    }
    // Step 21: If IsCallable(value) is true, throw a "DataCloneError".
    if (typeof value === "function") {
      throw dataCloneError("A function cannot be cloned");
    }
    this.#writeObject(value);
  }

  // Step 25: Set memory[value] to serialized.
  #remember(value) {
    MapPrototypeSet(this.#memory, value, this.#count++);
  }

  #writeObject(value) {
    const kind = kindOf(value);
    switch (kind) {
      // Steps 7 to 10: Primitive values in objects.
      case BOOLEAN:
        return this.#writeSimple(value, kind, BooleanPrototypeValueOf(value));
      case NUMBER:
        return this.#writeSimple(value, kind, NumberPrototypeValueOf(value));
      case BIGINT:
        return this.#writeSimple(value, kind, BigIntPrototypeValueOf(value));
      case STRING:
        return this.#writeSimple(value, kind, StringPrototypeValueOf(value));
      // Step 11: [[DateValue]] makes it a date.
      case DATE:
        return this.#writeSimple(value, kind, DatePrototypeGetTime(value));
      // Step 12: [[RegExpMatcher]] makes it a regular expression.
      case REGEXP:
        this.#writeSimple(value, kind, RegExpPrototypeGetSource(value));
        return this.#put(RegExpPrototypeGetFlags(value));
      case BUFFER:
        return this.#writeBuffer(value);
      case SHARED_BUFFER:
        return this.#writeSharedBuffer(value);
      case TYPED_ARRAY:
        return this.#writeTypedArray(value);
      case DATA_VIEW:
        return this.#writeDataView(value);
      case MAP:
        return this.#writeMap(value);
      case SET:
        return this.#writeSet(value);
      case ERROR:
        return this.#writeError(value);
      case ARRAY:
        return this.#writeArray(value);
      case PLAIN:
        return this.#writePlain(value);
      case INSTANCE:
        return this.#writeInstance(value);
      default:
        // Steps 22 and 23: Internal slots, and exotic objects.
        throw dataCloneError("An object of its kind cannot be cloned");
    }
  }

  #writeSimple(value, kind, primitive) {
    this.#remember(value);
    this.#put(kind);
    this.#put(primitive);
  }

  // Step 13: [[ArrayBufferData]] makes it a buffer, whose bytes are copied.
  #writeBuffer(value) {
    if (isDetached(value)) {
      throw dataCloneError("A detached ArrayBuffer cannot be cloned");
    }
    this.#remember(value);
    this.#put(BUFFER);
    this.#put(copyBytes(value));
    const resizable = isResizable !== undefined && isResizable(value);
    this.#put(resizable ? getMaxByteLength(value) : undefined);
  }

  // Step 13.1: A SharedArrayBuffer stays within its agent cluster; here each
  // realm is one by itself.
  #writeSharedBuffer(value) {
    if (!this.#canShare) {
      throw dataCloneError("A SharedArrayBuffer cannot leave its thread");
    }
    this.#writeSimple(value, SHARED_BUFFER, value);
  }

  // Step 14: [[ViewedArrayBuffer]] makes it a view; its buffer is cloned first.
  #writeTypedArray(value) {
    // Step 14.1: If IsArrayBufferViewOutOfBounds(value) is true, then throw.
    if (!hasSlot(value, TypedArrayPrototypeKeys)) {
      throw dataCloneError("A view out of bounds cannot be cloned");
    }
    this.#writeView(
      value,
      TypedArrayPrototypeGetSymbolToStringTag(value),
      TypedArrayPrototypeGetBuffer(value),
      TypedArrayPrototypeGetByteOffset(value),
      TypedArrayPrototypeGetLength(value),
    );
  }

  #writeDataView(value) {
    let offset, length;
    try {
      offset = DataViewPrototypeGetByteOffset(value);
      length = DataViewPrototypeGetByteLength(value);
    } catch {
      throw dataCloneError("A DataView out of bounds cannot be cloned");
    }
    const buffer = DataViewPrototypeGetBuffer(value);
    this.#writeView(value, "DataView", buffer, offset, length);
  }

  #writeView(value, name, buffer, offset, length) {
    this.#put(TYPED_ARRAY);
    this.#put(name);
    this.write(buffer);
    this.#put(offset);
    this.#put(length);
    // The buffer comes before it, there and here.
    this.#remember(value);
  }

  // Steps 15 and 26.1: [[MapData]] makes it a map, with its entries of now.
  #writeMap(value) {
    const entries = newTokens();
    MapPrototypeForEach(value, (item, key) => {
      entries[entries.length] = key;
      entries[entries.length] = item;
    });
    this.#remember(value);
    this.#put(MAP);
    this.#put(entries.length);
    for (let i = 0; i < entries.length; i++) this.write(entries[i]);
  }

  // Steps 16 and 26.2: [[SetData]] makes it a set, with its entries of now.
  #writeSet(value) {
    const entries = newTokens();
    SetPrototypeForEach(value, (entry) => {
      entries[entries.length] = entry;
    });
    this.#remember(value);
    this.#put(SET);
    this.#put(entries.length);
    for (let i = 0; i < entries.length; i++) this.write(entries[i]);
  }

  // Step 17: [[ErrorData]] makes it an error, of a known name.
  #writeError(value) {
    if (isA(DOMExceptionPrototype, value)) {
      return this.#writeDOMException(value);
    }
    // Steps 17.1 and 17.2: Let name be ? Get(value, "name").
    let name = value.name;
    if (typeof name !== "string" || errors[name] === undefined) name = "Error";
    // Steps 17.3 and 17.4: Let valueMessageDesc be the own property.
    const descriptor = ObjectGetOwnPropertyDescriptor(value, "message");
    const message = descriptor !== undefined && ObjectHasOwn(descriptor, "value")
      ? String(descriptor.value)
      : undefined;
    this.#writeSimple(value, ERROR, name);
    this.#put(message);
    // Step 17.6: User agents should attach what is interesting.
    this.#put(stackOf(value));
  }

  // https://webidl.spec.whatwg.org/#idl-DOMException, serialization steps
  #writeDOMException(value) {
    const isQuota = isA(QuotaExceededErrorPrototype, value);
    const kind = isQuota ? QUOTA_EXCEEDED_ERROR : DOM_EXCEPTION;
    this.#writeSimple(value, kind, getMessage(value));
    this.#put(stackOf(value));
    if (isQuota) {
      this.#put(getQuota(value));
      this.#put(getRequested(value));
    } else {
      this.#put(getName(value));
    }
  }

  // Steps 18 and 26.4: An Array exotic object.
  #writeArray(value) {
    const { length } = value;
    const keys = ObjectKeys(value);
    this.#remember(value);
    if (
      keys.length !== length ||
      (length > 0 && keys[length - 1] !== `${length - 1}`)
    ) {
      this.#put(ARRAY);
      this.#put(length);
      return this.#writeProperties(value, keys);
    }
    // The keys of an array come in order: there is nothing but its items.
    this.#put(DENSE_ARRAY);
    this.#put(length);
    for (let i = 0; i < length; i++) {
      // A getter of another item may have deleted it.
      if (ObjectHasOwn(value, i)) this.write(value[i]);
      else this.#put(HOLE);
    }
  }

  // Steps 24 and 26.4: Otherwise, it is an object with its own properties.
  #writePlain(value) {
    this.#remember(value);
    this.#put(PLAIN);
    this.#writeProperties(value, ObjectKeys(value));
  }

  // Step 19: If value is a platform object that is a serializable object.
  #writeInstance(value) {
    if (isA(FilePrototype, value)) {
      return this.#writeBlob(value, FILE, describeFile);
    }
    if (isA(BlobPrototype, value)) {
      return this.#writeBlob(value, BLOB, describeBlob);
    }
    for (let i = 0; i < serializables.length; i++) {
      const { name, isInstance, serialize } = serializables[i];
      if (!isInstance(value)) continue;
      this.#put(REGISTERED);
      this.#put(name);
      this.write(serialize(value));
      return this.#remember(value);
    }
    // Step 20: Otherwise, if value is a platform object, throw.
    if (isPlatformObject(value)) {
      throw dataCloneError("An object of its interface cannot be cloned");
    }
    this.#writePlain(value);
  }

  #writeProperties(value, keys) {
    // Step 26.4.1: For each key in ! EnumerableOwnProperties(value, key).
    for (let i = 0; i < keys.length; i++) {
      // Step 26.4.1.1: If ! HasOwnProperty(value, key) is true.
      if (!ObjectHasOwn(value, keys[i])) continue;
      const item = value[keys[i]];
      this.#put(keys[i]);
      this.write(item);
    }
    // No key is a number.
    this.#put(0);
  }

  // https://w3c.github.io/FileAPI/#blob-section and
  // https://w3c.github.io/FileAPI/#file-section, serialization steps. The
  // parts go as they are: no byte is copied.
  #writeBlob(value, kind, describe) {
    let described;
    try {
      described = describe(value);
    } catch (error) {
      throw dataCloneError(error.message);
    }
    const { mimeType, parts, size } = described;
    this.#writeSimple(value, kind, mimeType);
    this.#put(size);
    if (kind === FILE) {
      this.#put(described.name);
      this.#put(described.lastModified);
    }
    this.#put(parts.length);
    for (let i = 0; i < parts.length; i++) {
      const rid = op_bgfetch_send_blob_part(parts[i].uuid);
      this.#put(this.parts.length);
      this.#put(parts[i].size);
      append(this.parts, rid);
    }
  }
}

function stackOf(error) {
  const { stack } = error;
  return typeof stack === "string" ? stack : undefined;
}

function copyBytes(buffer) {
  const copy = new Uint8Array(ArrayBufferPrototypeGetByteLength(buffer));
  TypedArrayPrototypeSet(copy, new Uint8Array(buffer));
  return copy;
}

/** https://html.spec.whatwg.org/#structureddeserialize */
class Deserializer {
  #tokens;
  #transferred;
  #parts;
  #at = 0;
  #memory = newTokens();

  /**
   * @param {any[]} tokens
   * @param {object[]} transferred
   * @param {number[]} parts resources
   */
  constructor(tokens, transferred, parts) {
    this.#tokens = tokens;
    this.#transferred = transferred;
    this.#parts = parts;
  }

  #take() {
    return this.#tokens[this.#at++];
  }

  #remember(value) {
    this.#memory[this.#memory.length] = value;
    return value;
  }

  read() {
    const kind = this.#take();
    switch (kind) {
      case PRIMITIVE:
        return this.#take();
      case REFERENCE:
        return this.#memory[this.#take()];
      case TRANSFERRED:
        return this.#transferred[this.#take()];
      case BOOLEAN:
      case NUMBER:
      case STRING:
      case BIGINT:
        return this.#remember(Object(this.#take()));
      case DATE:
        return this.#remember(new Date(this.#take()));
      case REGEXP:
        return this.#remember(new RegExp(this.#take(), this.#take()));
      case SHARED_BUFFER:
        return this.#remember(this.#take());
      case BUFFER:
        return this.#remember(newBuffer(this.#take(), this.#take()));
      case TYPED_ARRAY:
        return this.#readView();
      case MAP:
        return this.#readMap();
      case SET:
        return this.#readSet();
      case ERROR:
        return this.#readError();
      case DOM_EXCEPTION:
      case QUOTA_EXCEEDED_ERROR:
        return this.#readDOMException(kind);
      case DENSE_ARRAY:
        return this.#readDenseArray();
      case ARRAY:
        return this.#readProperties(this.#remember(new Array(this.#take())));
      case PLAIN:
        return this.#readProperties(this.#remember({}));
      case BLOB:
      case FILE:
        return this.#readBlob(kind);
      case REGISTERED:
        return this.#readRegistered();
      default:
        throw dataCloneError("The message cannot be read");
    }
  }

  #readView() {
    const constructor = views[this.#take()];
    const buffer = this.read();
    const offset = this.#take();
    const length = this.#take();
    return this.#remember(new constructor(buffer, offset, length));
  }

  #readMap() {
    const map = this.#remember(new Map());
    const length = this.#take();
    for (let i = 0; i < length; i += 2) {
      const key = this.read();
      MapPrototypeSet(map, key, this.read());
    }
    return map;
  }

  #readSet() {
    const set = this.#remember(new Set());
    const length = this.#take();
    for (let i = 0; i < length; i++) SetPrototypeAdd(set, this.read());
    return set;
  }

  #readError() {
    const constructor = errors[this.#take()];
    const message = this.#take();
    const error = message === undefined
      ? new constructor()
      : new constructor(message);
    return this.#remember(withStack(error, this.#take()));
  }

  #readDOMException(kind) {
    const message = this.#take();
    const stack = this.#take();
    if (kind === DOM_EXCEPTION) {
      const error = new DOMException(message, this.#take());
      return this.#remember(withStack(error, stack));
    }
    const options = { __proto__: null };
    const quota = this.#take();
    const requested = this.#take();
    if (quota !== null) options.quota = quota;
    if (requested !== null) options.requested = requested;
    const error = new QuotaExceededError(message, options);
    return this.#remember(withStack(error, stack));
  }

  #readDenseArray() {
    const length = this.#take();
    const array = this.#remember(new Array(length));
    for (let i = 0; i < length; i++) {
      if (this.#tokens[this.#at] === HOLE) this.#at++;
      else createDataProperty(array, i, this.read());
    }
    return array;
  }

  #readProperties(object) {
    while (true) {
      const key = this.#take();
      if (typeof key !== "string") return object;
      createDataProperty(object, key, this.read());
    }
  }

  #readBlob(kind) {
    const data = {
      __proto__: null,
      mimeType: this.#take(),
      size: this.#take(),
      parts: [],
    };
    if (kind === FILE) {
      data.name = this.#take();
      data.lastModified = this.#take();
    }
    const count = this.#take();
    for (let i = 0; i < count; i++) {
      const rid = this.#parts[this.#take()];
      const uuid = op_bgfetch_receive_blob_part(rid);
      append(data.parts, { __proto__: null, uuid, size: this.#take() });
    }
    const type = kind === FILE ? "File" : "Blob";
    return this.#remember(core.getCloneableDeserializers()[type](data));
  }

  #readRegistered() {
    const name = this.#take();
    const data = this.read();
    for (let i = 0; i < serializables.length; i++) {
      if (serializables[i].name === name) {
        return this.#remember(serializables[i].deserialize(data));
      }
    }
    throw dataCloneError(`${name} is not known in this realm`);
  }
}

function withStack(error, stack) {
  if (stack !== undefined) {
    ObjectDefineProperty(error, "stack", {
      __proto__: null,
      value: stack,
      writable: true,
      enumerable: false,
      configurable: true,
    });
  }
  return error;
}

function newBuffer(bytes, maxByteLength) {
  const length = TypedArrayPrototypeGetByteLength(bytes);
  if (maxByteLength === undefined) {
    const buffer = TypedArrayPrototypeGetBuffer(bytes);
    const isWhole = TypedArrayPrototypeGetByteOffset(bytes) === 0 &&
      ArrayBufferPrototypeGetByteLength(buffer) === length;
    if (isWhole) return buffer;
  }
  const buffer = maxByteLength === undefined
    ? new ArrayBuffer(length)
    : new ArrayBuffer(length, { __proto__: null, maxByteLength });
  TypedArrayPrototypeSet(new Uint8Array(buffer), bytes);
  return buffer;
}

/** The type of a [Transferable] object that deno_web knows how to send. */
function transferableType(object) {
  if (!isBranded(object)) return undefined;
  const type = object[core.hostObjectBrand];
  return typeof type === "string" ? type : undefined;
}

/**
 * StructuredSerializeWithTransfer, steps 2 and 5.1 to 5.3: what may not be
 * transferred.
 */
function checkTransfer(transfer) {
  for (let i = 0; i < transfer.length; i++) {
    // Step 2.1: Neither [[ArrayBufferData]] nor [[Detached]]: throw.
    if (!isArrayBuffer(transfer[i])) {
      if (transferableType(transfer[i]) === undefined) {
        throw dataCloneError("An object that is transferred cannot be");
      }
    }
    // Step 2.4: If memory[transferable] exists, then throw.
    if (ArrayPrototypeIndexOf(transfer, transfer[i]) !== i) {
      throw dataCloneError("An object is transferred twice");
    }
  }
}

/**
 * https://html.spec.whatwg.org/#structuredserializewithtransfer
 * @param {object[]} transfer
 * @param {boolean} canShare
 */
function serializeWithTransfer(value, transfer, canShare) {
  checkTransfer(transfer);
  const serializer = new Serializer(transfer, canShare);
  const sent = [];
  try {
    // Step 3: Let serialized be ? StructuredSerializeInternal.
    serializer.write(value);
    // Step 5.2: If IsDetachedBuffer(transferable) is true, then throw.
    for (let i = 0; i < transfer.length; i++) {
      if (isArrayBuffer(transfer[i]) && isDetached(transfer[i])) {
        throw dataCloneError("An ArrayBuffer is detached already");
      }
    }
    // Steps 5.4 and 5.5: Threads share no memory here: a buffer is copied, and
    // then detached.
    for (let i = 0; i < transfer.length; i++) {
      append(
        sent,
        isArrayBuffer(transfer[i])
          ? sendBuffer(transfer[i])
          : sendResource(transfer[i]),
      );
    }
  } catch (error) {
    for (let i = 0; i < serializer.parts.length; i++) {
      core.tryClose(serializer.parts[i]);
    }
    throw error;
  }
  return { tokens: serializer.tokens, parts: serializer.parts, sent };
}

function sendBuffer(buffer) {
  const resizable = isResizable !== undefined && isResizable(buffer);
  const maxByteLength = resizable ? getMaxByteLength(buffer) : undefined;
  const bytes = copyBytes(buffer);
  try {
    transferBuffer(buffer);
  } catch {
    throw dataCloneError("An ArrayBuffer cannot be detached");
  }
  return { __proto__: null, bytes, maxByteLength };
}

function sendResource(object) {
  const type = transferableType(object);
  const sent = core.getTransferableResource(type).send(object);
  return {
    __proto__: null,
    transferable: {
      __proto__: null,
      kind: typeof sent === "number" ? "resource" : "multiResource",
      data: [type, sent],
    },
  };
}

function receiveResource({ data }) {
  const { 0: type, 1: received } = data;
  return core.getTransferableResource(type).receive(received);
}

/**
 * https://html.spec.whatwg.org/#dom-structuredclone
 * @param {object[]} transfer
 */
function cloneWithTransfer(value, transfer) {
  const { tokens, parts, sent } = serializeWithTransfer(value, transfer, true);
  const transferred = [];
  for (let i = 0; i < sent.length; i++) {
    const { bytes, maxByteLength, transferable } = sent[i];
    append(
      transferred,
      bytes === undefined
        ? receiveResource(transferable)
        : newBuffer(bytes, maxByteLength),
    );
  }
  return new Deserializer(tokens, transferred, parts).read();
}

/**
 * A message as it goes to another realm: what deno_web's ops for messages, and
 * this extension's, take.
 * @param {object[]} transfer
 */
function serializeMessage(value, transfer) {
  const { tokens, parts, sent } = serializeWithTransfer(value, transfer, false);
  const transferables = [];
  const transferred = newTokens();
  for (let i = 0; i < sent.length; i++) {
    const { bytes, maxByteLength, transferable } = sent[i];
    transferred[transferred.length] = bytes;
    transferred[transferred.length] = maxByteLength;
    if (transferable !== undefined) append(transferables, transferable);
  }
  for (let i = 0; i < parts.length; i++) {
    append(transferables, {
      __proto__: null,
      kind: "resource",
      data: [BLOB_PART, parts[i]],
    });
  }
  const whole = newTokens();
  whole[0] = MAGIC;
  whole[1] = transferred;
  whole[2] = tokens;
  return { __proto__: null, data: core.serialize(whole), transferables };
}

/**
 * What was sent, and the ports that were transferred with it; undefined when it
 * cannot be read, which is a `messageerror`.
 * https://html.spec.whatwg.org/#structureddeserializewithtransfer
 * @returns {{ value: any, ports: MessagePort[] } | undefined}
 */
function deserializeMessage(message) {
  try {
    const isBare =
      TypedArrayPrototypeGetSymbolToStringTag(message) !== undefined;
    const data = isBare ? message : message.data;
    const whole = core.deserialize(data);
    if (!ArrayIsArray(whole) || whole[0] !== MAGIC) {
      // From a realm that has deno_web's own `postMessage()`.
      const { 0: value, 1: transferred } = deserializeJsMessageData(message);
      return received(value, transferred);
    }
    return read(whole[1], whole[2], isBare ? [] : message.transferables);
  } catch {
    return undefined;
  }
}

function read(buffers, tokens, transferables) {
  const parts = [];
  const resources = [];
  for (let i = 0; i < transferables.length; i++) {
    const { data } = transferables[i];
    if (data[0] === BLOB_PART) append(parts, data[1]);
    else append(resources, receiveResource(transferables[i]));
  }
  const transferred = [];
  let next = 0;
  for (let i = 0; i < buffers.length; i += 2) {
    append(
      transferred,
      buffers[i] === undefined
        ? resources[next++]
        : newBuffer(buffers[i], buffers[i + 1]),
    );
  }
  const value = new Deserializer(tokens, transferred, parts).read();
  return received(value, transferred);
}

function received(value, transferred) {
  const ports = filterList(
    transferred,
    (object) => ObjectPrototypeIsPrototypeOf(MessagePortPrototype, object),
  );
  return { __proto__: null, value, ports: ObjectFreeze(ports) };
}

/**
 * The list of what is transferred, of both overloads of `postMessage()`.
 * @returns {object[]}
 */
function convertTransfer(options, prefix) {
  if (
    webidl.type(options) === "Object" && options[SymbolIterator] !== undefined
  ) {
    return webidl.converters["sequence<object>"](options, prefix, "Argument 2");
  }
  return webidl.converters.StructuredSerializeOptions(
    options,
    prefix,
    "Argument 2",
  ).transfer;
}

/**
 * A message that many may read, and that nothing is transferred with: its
 * bytes, and the resources of the parts of its blobs.
 */
function serializeForMany(value) {
  const { data, transferables } = serializeMessage(value, []);
  const parts = [];
  for (let i = 0; i < transferables.length; i++) {
    append(parts, transferables[i].data[1]);
  }
  return { __proto__: null, data, parts };
}

/** What {@link deserializeMessage} makes of such a message. */
function deserializeForMany(data, parts) {
  const transferables = [];
  for (let i = 0; i < parts.length; i++) {
    append(transferables, { __proto__: null, data: [BLOB_PART, parts[i]] });
  }
  return deserializeMessage({ __proto__: null, data, transferables });
}

/**
 * https://html.spec.whatwg.org/#structuredserializeforstorage: tokens, which are
 * primitives and bytes, and the resources of the parts of blobs.
 */
function serializeForStorage(value) {
  const { tokens, parts } = serializeWithTransfer(value, [], false);
  return { __proto__: null, tokens, parts };
}

/** What is made of them again. Throws when they cannot be read. */
function deserializeFromStorage(tokens, parts) {
  return new Deserializer(tokens, [], parts).read();
}

return {
  cloneWithTransfer,
  convertTransfer,
  deserializeForMany,
  deserializeFromStorage,
  deserializeMessage,
  registerSerializable,
  serializeForMany,
  serializeForStorage,
  serializeMessage,
};
})();
