// Bytes, written and read one after the other.

(function () {
const { primordials } = __bootstrap;
const {
  DataView,
  DataViewPrototypeGetFloat64,
  DataViewPrototypeSetFloat64,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetLength,
  TypedArrayPrototypeSet,
  Uint8Array,
} = primordials;

const number = new Uint8Array(8);
const numberView = new DataView(TypedArrayPrototypeGetBuffer(number));

/** The part of `bytes` that begins at `start`. */
function part(bytes, start, length) {
  const buffer = TypedArrayPrototypeGetBuffer(bytes);
  const offset = TypedArrayPrototypeGetByteOffset(bytes);
  return new Uint8Array(buffer, offset + start, length);
}

/**
 * Below 0, 0 or above 0, as `first` comes before `second`, is it, or comes
 * after it.
 */
function compareBytes(first, second) {
  const firstLength = TypedArrayPrototypeGetLength(first);
  const secondLength = TypedArrayPrototypeGetLength(second);
  const length = firstLength < secondLength ? firstLength : secondLength;
  for (let i = 0; i < length; i++) {
    if (first[i] !== second[i]) return first[i] - second[i];
  }
  return firstLength - secondLength;
}

class ByteWriter {
  #bytes = new Uint8Array(64);
  #length = 0;

  #reserve(more) {
    const wanted = this.#length + more;
    const capacity = TypedArrayPrototypeGetLength(this.#bytes);
    if (wanted <= capacity) return;
    const doubled = 2 * capacity;
    const bytes = new Uint8Array(wanted > doubled ? wanted : doubled);
    TypedArrayPrototypeSet(bytes, this.#bytes);
    this.#bytes = bytes;
  }

  byte(byte) {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  bytes(bytes) {
    const length = TypedArrayPrototypeGetLength(bytes);
    this.#reserve(length);
    TypedArrayPrototypeSet(this.#bytes, bytes, this.#length);
    this.#length += length;
  }

  /** A safe integer that is not below 0. */
  varint(value) {
    while (value >= 0x80) {
      this.byte((value % 0x80) + 0x80);
      value = (value - (value % 0x80)) / 0x80;
    }
    this.byte(value);
  }

  /** As IEEE 754 has it, the most significant byte first. */
  float(value) {
    DataViewPrototypeSetFloat64(numberView, 0, value);
    this.bytes(number);
  }

  /** All that was written. */
  finish() {
    const all = new Uint8Array(this.#length);
    TypedArrayPrototypeSet(all, part(this.#bytes, 0, this.#length));
    return all;
  }
}

class ByteReader {
  #bytes;
  #at = 0;
  #length;

  constructor(bytes) {
    this.#bytes = bytes;
    this.#length = TypedArrayPrototypeGetLength(bytes);
  }

  get isAtEnd() {
    return this.#at >= this.#length;
  }

  peek() {
    return this.#bytes[this.#at];
  }

  byte() {
    return this.#bytes[this.#at++];
  }

  /** Throws when there are fewer. */
  bytes(length) {
    const bytes = part(this.#bytes, this.#at, length);
    this.#at += length;
    return bytes;
  }

  varint() {
    let value = 0;
    let scale = 1;
    while (true) {
      const byte = this.byte();
      if (byte < 0x80) return value + byte * scale;
      value += (byte - 0x80) * scale;
      scale *= 0x80;
    }
  }

  float() {
    TypedArrayPrototypeSet(number, this.bytes(8));
    return DataViewPrototypeGetFloat64(numberView, 0);
  }
}

return { ByteReader, ByteWriter, compareBytes };
})();
