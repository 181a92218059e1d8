#!/bin/sh
# Builds examples/embedder as a stranger would: outside of this repository, with
# a dependency on it by path and what the README names, and runs its programs.
# They run away from where they were built.
#
#   scripts/embedder.sh [PROGRAM...]
set -eu
cd "$(dirname "$0")/.."
repository=$PWD
outside=$(mktemp -d)
trap 'rm -rf "$outside"' EXIT
cp -R examples/embedder/. "$outside"
sed -i.old "s|path = \"../..\"|path = \"$repository\"|
  s|path = \"../../build_support\"|path = \"$repository/build_support\"|" \
  "$outside/Cargo.toml"
# What is locked here was tested.
cp Cargo.lock "$outside/Cargo.lock"
# The line that the README names.
mkdir -p "$outside/.cargo"
cat >"$outside/.cargo/config.toml" <<CONFIG
[env]
CMAKE_TOOLCHAIN_FILE = "$repository/cmake/simde.cmake"
CONFIG

target=${CARGO_TARGET_DIR:-$repository/target}
(cd "$outside" && CARGO_TARGET_DIR=$target cargo build --quiet --bins)

programs=$*
if [ -z "$programs" ]; then
  programs=$(cd examples/embedder/src/bin && ls ./*.rs | sed 's|./||; s|\.rs$||')
fi
for program in $programs; do
  cp "$target/debug/$program" "$outside/program"
  echo "embedder: $program"
  (cd "$outside" && RUST_BACKTRACE=1 ./program) || {
    echo "embedder: $program has failed" >&2
    exit 1
  }
done
