//! Puts the scripts of own_globals' extensions into the program.

fn main() {
  background_fetch_build::Scripts::new()
    .folder("js", "embedder", "")
    .dependency("deno_webidl")
    .dependency("deno_web")
    .dependency("deno_net")
    .dependency("deno_fetch")
    .dependency("deno_crypto")
    .write("scripts.rs");
}
