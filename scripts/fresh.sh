#!/bin/sh
# Builds bgfetch as a machine would that has never built anything: with an
# empty cargo home, so that only what this one build needs is downloaded. Then
# the cargo home is gone, and the program has to run a script without it.
#
#   scripts/fresh.sh [quickjs|v8]
set -eu
cd "$(dirname "$0")/.."
engine=${1:-quickjs}
sh scripts/setup.sh "$engine"
PATH=$PWD/target/setup/cmake/data/bin:$PATH

# The same path each time, so that a target directory that is kept stays valid.
fresh=${CARGO_TARGET_DIR:-$PWD/target}/fresh
features="--features cli,$engine"
rm -rf "$fresh/home" "$fresh/work"
mkdir -p "$fresh/home" "$fresh/work"
# shellcheck disable=SC2086 # two words
CARGO_HOME=$fresh/home CARGO_TARGET_DIR=$fresh/target \
  cargo build --quiet --no-default-features $features --bin bgfetch
rm -rf "$fresh/home"

cd "$fresh/work"
# Something of each extension: a request, a stream, a class of our own.
cat >main.js <<'SCRIPT'
const text = await new Response(new Blob(["built on ", "nothing"])).text();
console.log(text, new Request("/a").url, typeof BackgroundFetchManager);
SCRIPT
said=$("$fresh/target/debug/bgfetch" run main.js --store store \
  --base http://127.0.0.1:1/)
[ "$said" = "built on nothing http://127.0.0.1:1/a function" ] || {
  echo "fresh: the program says: $said" >&2
  exit 1
}
echo "fresh: a program built with an empty cargo home runs without one"
