// Bodies between scripts and the engine.

(function () {
const { core } = __bootstrap;
const { op_body_of_bytes } = core.ops;

const {
  acquireReadableStreamDefaultReader,
  getReadableStreamResourceBacking,
  isReadableStream,
  isReadableStreamDisturbed,
  readableStreamDisturb,
  readableStreamForRid,
  resourceForReadableStream,
} = core.loadExtScript("ext:deno_web/06_streams.js");
const { InnerBody } = core.loadExtScript("ext:deno_fetch/22_body.js");

/** A body of the engine's, for a Request or a Response. */
function createBody(rid) {
  return rid === null ? null : new InnerBody(readableStreamForRid(rid));
}

/** Whether it is a string or bytes, and it was not read as a stream. */
const isStatic = (body) => !isReadableStream(body.streamOrStatic);

/** The bytes of such a body; from then on it is used. */
function takeBytes(body) {
  const { streamOrStatic } = body;
  streamOrStatic.consumed = true;
  const { body: bytes } = streamOrStatic;
  return typeof bytes === "string" ? core.encode(bytes) : bytes;
}

/**
 * A body for the engine, as a resource that can be read; null for a null body.
 * From then on it is used.
 */
function takeBody(body) {
  if (body === null) return null;
  return isStatic(body)
    ? op_body_of_bytes(takeBytes(body))
    : takeStream(body.streamOrStatic);
}

function takeStream(stream) {
  const backing = getReadableStreamResourceBacking(stream);
  // One that comes from the engine goes back without a detour.
  if (backing && !isReadableStreamDisturbed(stream)) {
    acquireReadableStreamDefaultReader(stream);
    readableStreamDisturb(stream);
    return backing.rid;
  }
  return resourceForReadableStream(stream);
}

/** Anyone who reads it gets nothing more from the engine. */
function closeStream(stream) {
  const backing = getReadableStreamResourceBacking(stream);
  if (backing) core.tryClose(backing.rid);
}

return {
  closeStream,
  createBody,
  isStatic,
  takeBody,
  takeBytes,
  takeStream,
};
})();
