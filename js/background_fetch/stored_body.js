// Bodies that the engine has stored.

(function () {
const { core, primordials } = __bootstrap;
const { TypedArrayPrototypeGetByteLength } = primordials;
const {
  createReadableStream,
  readableStreamDefaultControllerClose,
  readableStreamDefaultControllerEnqueue,
} = core.loadExtScript("ext:deno_web/06_streams.js");

/** In bytes: the largest slice of a stored body that is read at once. */
const SLICE = 512 * 1024;

/**
 * records.2.6 to records.2.8: a stream of a stored body, which is read as it is
 * pulled.
 * @param {(offset: number, length: number) => Promise<{ bytes: Uint8Array }>} read
 *   the bytes from an offset on; none of them at the end
 */
function storedBodyStream(read) {
  let transmittedBytes = 0;
  return createReadableStream(
    () => {},
    // records.2.8.4, records.2.8.4.5: what is returned resolves in the realm.
    async (controller) => {
      const { bytes } = await read(transmittedBytes, SLICE);
      const length = TypedArrayPrototypeGetByteLength(bytes);
      // records.2.8.4.2: nothing is left, so that the stream ends.
      if (length === 0) {
        readableStreamDefaultControllerClose(controller);
      } else {
        // records.2.8.3.2: remember how far it was read.
        transmittedBytes += length;
        // records.2.8.4.1.1, records.2.8.4.1.2: give the reader the bytes.
        readableStreamDefaultControllerEnqueue(controller, bytes);
      }
    },
    async () => {},
    // Nothing is read from the store before the script asks for it.
    0,
  );
}

return { storedBodyStream };
})();
