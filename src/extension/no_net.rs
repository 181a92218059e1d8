//! What stands in for `deno_net`.
//!
//! One script of `deno_fetch` asks for one function of it. All of `deno_net`
//! would bring TLS, QUIC and a resolver of its own into every program, which no
//! realm may use: scripts reach the network by the engine only.

deno_core::extension!(
  deno_net,
  deps = [deno_web],
  lazy_loaded_js = [dir "js/no_net", "02_tls.js"],
);
