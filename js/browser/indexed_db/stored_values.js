// Values as the store has them: what StructuredSerializeForStorage makes, as
// bytes that mean the same for every engine and every version of this program.
//
// A format, the parts of its blobs, then the tokens of structured_clone.js, one
// after the other: what is written here once means the same in every later version.

(function () {
const { core, primordials } = __bootstrap;
const { op_indexed_db_new_blob_part, op_indexed_db_read_blob_part } = core.ops;
const {
  BigInt,
  BigIntPrototypeToString,
  NumberIsInteger,
  ObjectIs,
  StringFromCharCode,
  StringPrototypeCharCodeAt,
  TypedArrayPrototypeGetByteLength,
  uncurryThis,
} = primordials;

const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { append } = core.loadExtScript("ext:background_fetch/common/lists.js");
const { deserializeFromStorage, serializeForStorage } = core.loadExtScript(
  "ext:background_fetch/common/structured_clone.js",
);
const { internal } = core.loadExtScript("ext:background_fetch/common/tasks.js");
const { ByteReader, ByteWriter } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/bytes.js",
);

// Taken now: a script may replace it later.
const isWellFormed = uncurryThis("".isWellFormed);

const FORMAT = 1;

const UNDEFINED = 0;
const NULL = 1;
const TRUE = 2;
const FALSE = 3;
const INTEGER = 4;
const NEGATIVE_INTEGER = 5;
const FLOAT = 6;
const BIGINT = 7;
const TEXT = 8;
const CODE_UNITS = 9;
const BYTES = 10;

/** A clone of `value`, and nothing that a script can reach. */
function cloneForStorage(value) {
  const { tokens, parts } = serializeForStorage(value);
  return deserializeFromStorage(tokens, parts);
}

/** The bytes of what `serializeForStorage()` has returned. */
async function encode({ tokens, parts }) {
  const writer = new ByteWriter();
  writer.byte(FORMAT);
  writer.varint(parts.length);
  for (let i = 0; i < parts.length; i++) {
    const bytes = await internal(op_indexed_db_read_blob_part(parts[i]));
    writer.varint(TypedArrayPrototypeGetByteLength(bytes));
    writer.bytes(bytes);
  }
  for (let i = 0; i < tokens.length; i++) writeToken(writer, tokens[i]);
  return writer.finish();
}

function writeToken(writer, token) {
  switch (typeof token) {
    case "undefined":
      return writer.byte(UNDEFINED);
    case "boolean":
      return writer.byte(token ? TRUE : FALSE);
    case "number":
      return writeNumber(writer, token);
    case "bigint":
      writer.byte(BIGINT);
      return writeText(writer, BigIntPrototypeToString(token));
    case "string":
      return writeString(writer, token);
  }
  if (token === null) return writer.byte(NULL);
  writer.byte(BYTES);
  writer.varint(TypedArrayPrototypeGetByteLength(token));
  writer.bytes(token);
}

function writeNumber(writer, number) {
  const isSmall = number < 0x7fffffff && number > -0x7fffffff;
  if (isSmall && NumberIsInteger(number) && !ObjectIs(number, -0)) {
    writer.byte(number < 0 ? NEGATIVE_INTEGER : INTEGER);
    return writer.varint(number < 0 ? -number : number);
  }
  writer.byte(FLOAT);
  writer.float(number);
}

function writeString(writer, string) {
  // A decoder takes the first of these for a mark.
  const isText = isWellFormed(string) &&
    !(string.length > 0 && StringPrototypeCharCodeAt(string, 0) === 0xfeff);
  if (isText) {
    writer.byte(TEXT);
    return writeText(writer, string);
  }
  writer.byte(CODE_UNITS);
  writer.varint(string.length);
  for (let i = 0; i < string.length; i++) {
    const unit = StringPrototypeCharCodeAt(string, i);
    writer.byte(unit >> 8);
    writer.byte(unit & 0xff);
  }
}

function writeText(writer, text) {
  const bytes = core.encode(text);
  writer.varint(TypedArrayPrototypeGetByteLength(bytes));
  writer.bytes(bytes);
}

/** The value of which {@link encode} has made `bytes`. */
function decode(bytes) {
  try {
    const reader = new ByteReader(bytes);
    if (reader.byte() === FORMAT) return readValue(reader);
  } catch {
    // Below.
  }
  throw new DOMException("A stored value cannot be read", "UnknownError");
}

function readValue(reader) {
  const parts = [];
  const count = reader.varint();
  for (let i = 0; i < count; i++) {
    const bytes = reader.bytes(reader.varint());
    append(parts, op_indexed_db_new_blob_part(bytes));
  }
  const tokens = [];
  while (!reader.isAtEnd) append(tokens, readToken(reader));
  return deserializeFromStorage(tokens, parts);
}

function readToken(reader) {
  switch (reader.byte()) {
    case UNDEFINED:
      return undefined;
    case NULL:
      return null;
    case TRUE:
      return true;
    case FALSE:
      return false;
    case INTEGER:
      return reader.varint();
    case NEGATIVE_INTEGER:
      return -reader.varint();
    case FLOAT:
      return reader.float();
    case BIGINT:
      return BigInt(readText(reader));
    case TEXT:
      return readText(reader);
    case CODE_UNITS: {
      let string = "";
      for (let left = reader.varint(); left > 0; left--) {
        string += StringFromCharCode((reader.byte() << 8) + reader.byte());
      }
      return string;
    }
    case BYTES:
      return reader.bytes(reader.varint());
    default:
      throw new DOMException("It has an unknown token", "UnknownError");
  }
}

const readText = (reader) => core.decode(reader.bytes(reader.varint()));

return { cloneForStorage, decode, encode, serializeForStorage };
})();
