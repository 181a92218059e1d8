// Keys: https://w3c.github.io/IndexedDB/#key-construct
//
// Here a key is bytes, and comparing two of them byte by byte compares the
// keys. In the store they are the same bytes: what is written here once must
// mean the same for ever.
//
// A kind comes first, in the order of the kinds. A number and a date follow as
// IEEE 754 has them, with the bits turned that make negative ones come first.
// Strings and binary keys end with a 0, which nothing else in them is; arrays
// end with a 0, which is no kind.

(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayBuffer,
  ArrayBufferPrototypeGetByteLength,
  ArrayIsArray,
  ArrayPrototypeIncludes,
  ArrayPrototypePop,
  Date,
  DatePrototypeGetTime,
  DataView,
  DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength,
  DataViewPrototypeGetByteOffset,
  ObjectHasOwn,
  ObjectGetOwnPropertyDescriptor,
  ObjectPrototypeIsPrototypeOf,
  StringFromCharCode,
  StringPrototypeCharCodeAt,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetLength,
  TypedArrayPrototypeGetSymbolToStringTag,
  Uint8Array,
  uncurryThis,
} = primordials;

const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { append } = core.loadExtScript("ext:background_fetch/common/lists.js");
const { ByteReader, ByteWriter, compareBytes } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/bytes.js",
);

// Taken now: a script may replace them later.
const detached = ObjectGetOwnPropertyDescriptor(
  ArrayBuffer.prototype,
  "detached",
);
const isDetached = uncurryThis(detached.get);

const END = 0;
const NUMBER = 0x10;
const DATE = 0x20;
const STRING = 0x30;
const BINARY = 0x40;
const ARRAY = 0x50;

/** Before every key, and after every key. */
const FIRST = new Uint8Array(0);
const LAST = new Uint8Array(1);
LAST[0] = 0xff;

/** What is not a key: https://w3c.github.io/IndexedDB/#invalid-value */
const INVALID = { __proto__: null };

/** Deeper ones would take more stack than there is. */
const MAX_DEPTH = 500;

/**
 * https://w3c.github.io/IndexedDB/#convert-value-to-key
 *
 * Throws what a getter of an array throws.
 * @returns {Uint8Array | typeof INVALID}
 */
function convertToKey(value) {
  const writer = new ByteWriter();
  return write(writer, value, []) ? writer.finish() : INVALID;
}

/** Step 3: By the type of input. False when it is none of them. */
function write(writer, value, seen) {
  if (typeof value === "number") {
    if (value !== value) return false;
    writer.byte(NUMBER);
    writeNumber(writer, value);
    return true;
  }
  if (typeof value === "string") {
    writer.byte(STRING);
    writeString(writer, value);
    return true;
  }
  if (typeof value !== "object" || value === null) return false;
  if (core.isProxy(value)) return false;
  if (ArrayIsArray(value)) return writeArray(writer, value, seen);
  const time = timeOf(value);
  if (time !== undefined) {
    if (time !== time) return false;
    writer.byte(DATE);
    writeNumber(writer, time);
    return true;
  }
  const bytes = bytesOf(value);
  if (bytes === undefined) return false;
  writer.byte(BINARY);
  writeBinary(writer, bytes);
  return true;
}

function timeOf(value) {
  if (!ObjectPrototypeIsPrototypeOf(Date.prototype, value)) return undefined;
  try {
    return DatePrototypeGetTime(value);
  } catch {
    return undefined;
  }
}

/** Of a buffer source that is not detached. */
function bytesOf(value) {
  try {
    if (TypedArrayPrototypeGetSymbolToStringTag(value) !== undefined) {
      return view(
        TypedArrayPrototypeGetBuffer(value),
        TypedArrayPrototypeGetByteOffset(value),
        TypedArrayPrototypeGetByteLength(value),
      );
    }
    if (ObjectPrototypeIsPrototypeOf(DataView.prototype, value)) {
      return view(
        DataViewPrototypeGetBuffer(value),
        DataViewPrototypeGetByteOffset(value),
        DataViewPrototypeGetByteLength(value),
      );
    }
    if (ObjectPrototypeIsPrototypeOf(ArrayBuffer.prototype, value)) {
      return view(value, 0, ArrayBufferPrototypeGetByteLength(value));
    }
  } catch {
    // It is not what its prototype says.
  }
  return undefined;
}

function view(buffer, offset, length) {
  return isDetached(buffer) ? undefined : new Uint8Array(buffer, offset, length);
}

function writeArray(writer, value, seen) {
  // Step 2: If seen contains input, then return "invalid value".
  if (ArrayPrototypeIncludes(seen, value) || seen.length >= MAX_DEPTH) {
    return false;
  }
  append(seen, value);
  writer.byte(ARRAY);
  const { length } = value;
  for (let i = 0; i < length; i++) {
    // If hop is false, return "invalid value".
    if (!ObjectHasOwn(value, i) || !write(writer, value[i], seen)) return false;
  }
  writer.byte(END);
  ArrayPrototypePop(seen);
  return true;
}

function writeNumber(writer, value) {
  const float = new ByteWriter();
  // There is one 0.
  float.float(value === 0 ? 0 : value);
  const bytes = float.finish();
  const isNegative = bytes[0] >= 0x80;
  for (let i = 0; i < 8; i++) {
    if (isNegative) bytes[i] = 0xff - bytes[i];
    else if (i === 0) bytes[i] += 0x80;
  }
  writer.bytes(bytes);
}

// One byte for code units up to 0x7e, two up to 0x407e, three for the others.
function writeString(writer, value) {
  for (let i = 0; i < value.length; i++) {
    const unit = StringPrototypeCharCodeAt(value, i);
    if (unit <= 0x7e) {
      writer.byte(unit + 1);
    } else if (unit <= 0x407e) {
      const rest = unit - 0x7f;
      writer.byte(0x80 + (rest >> 8));
      writer.byte(rest & 0xff);
    } else {
      writer.byte(0xc0);
      writer.byte(unit >> 8);
      writer.byte(unit & 0xff);
    }
  }
  writer.byte(END);
}

function writeBinary(writer, bytes) {
  const length = TypedArrayPrototypeGetLength(bytes);
  for (let i = 0; i < length; i++) {
    if (bytes[i] <= 1) {
      writer.byte(1);
      writer.byte(bytes[i] + 1);
    } else {
      writer.byte(bytes[i]);
    }
  }
  writer.byte(END);
}

/** https://w3c.github.io/IndexedDB/#convert-a-key-to-a-value */
function convertToValue(key) {
  return read(new ByteReader(key));
}

function read(reader) {
  switch (reader.byte()) {
    case NUMBER:
      return readNumber(reader);
    case DATE:
      return new Date(readNumber(reader));
    case STRING:
      return readString(reader);
    case BINARY:
      return readBinary(reader);
    case ARRAY: {
      const array = [];
      while (!reader.isAtEnd && reader.peek() !== END) {
        append(array, read(reader));
      }
      reader.byte();
      return array;
    }
    default:
      throw new DOMException("A stored key cannot be read", "UnknownError");
  }
}

function readNumber(reader) {
  const bytes = new Uint8Array(8);
  const isNegative = reader.peek() < 0x80;
  for (let i = 0; i < 8; i++) {
    const byte = reader.byte();
    bytes[i] = isNegative ? 0xff - byte : i === 0 ? byte - 0x80 : byte;
  }
  return new ByteReader(bytes).float();
}

function readString(reader) {
  let text = "";
  while (true) {
    const byte = reader.byte();
    if (byte === END || byte === undefined) return text;
    let unit = byte - 1;
    if (byte === 0xc0) unit = (reader.byte() << 8) + reader.byte();
    else if (byte >= 0x80) unit = ((byte - 0x80) << 8) + reader.byte() + 0x7f;
    text += StringFromCharCode(unit);
  }
}

function readBinary(reader) {
  const writer = new ByteWriter();
  while (true) {
    const byte = reader.byte();
    if (byte === END || byte === undefined) break;
    writer.byte(byte === 1 ? reader.byte() - 1 : byte);
  }
  return TypedArrayPrototypeGetBuffer(writer.finish());
}

/**
 * https://w3c.github.io/IndexedDB/#convert-value-to-multientry-key
 * @returns {Uint8Array[] | typeof INVALID} each once
 */
function convertToKeys(value) {
  if (!ArrayIsArray(value)) {
    const key = convertToKey(value);
    return key === INVALID ? INVALID : [key];
  }
  const keys = [];
  for (let i = 0; i < value.length; i++) {
    const key = convertToKey(value[i]);
    if (key !== INVALID && !contains(keys, key)) append(keys, key);
  }
  return keys;
}

function contains(keys, key) {
  for (let i = 0; i < keys.length; i++) {
    if (compareBytes(keys[i], key) === 0) return true;
  }
  return false;
}

/** The key of a key generator. */
function keyOfNumber(number) {
  return convertToKey(number);
}

/** The number that a key is, or undefined. */
function numberOfKey(key) {
  return key[0] === NUMBER ? convertToValue(key) : undefined;
}

/** A key from a script; anything else is a `DataError`. */
function toKey(value, prefix) {
  const key = convertToKey(value);
  if (key === INVALID) {
    throw new DOMException(`${prefix}: the value is not a valid key`, "DataError");
  }
  return key;
}

/** Whether it might be a key, by its type alone. */
function isOfKeyType(value) {
  if (typeof value === "number" || typeof value === "string") return true;
  if (typeof value !== "object" || value === null) return false;
  return ArrayIsArray(value) || timeOf(value) !== undefined ||
    TypedArrayPrototypeGetSymbolToStringTag(value) !== undefined ||
    ObjectPrototypeIsPrototypeOf(DataView.prototype, value) ||
    ObjectPrototypeIsPrototypeOf(ArrayBuffer.prototype, value);
}

return {
  compareBytes,
  convertToKey,
  convertToKeys,
  convertToValue,
  FIRST,
  INVALID,
  isOfKeyType,
  keyOfNumber,
  LAST,
  numberOfKey,
  toKey,
};
})();
