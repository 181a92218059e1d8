// deno_fetch's HTTP client wants this of deno_net, which is not part of a realm
// here: scripts reach the network by the engine only.

(function () {
  const { TypeError } = __bootstrap.primordials;

  function loadTlsKeyPair(api) {
    throw new TypeError(`${api} is not supported`);
  }

  return { loadTlsKeyPair };
})();
