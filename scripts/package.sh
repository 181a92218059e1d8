#!/bin/sh
# Packages the two crates as `cargo publish` would, unpacks them elsewhere, and
# builds and tests them there: with what is in the packages, and nothing else of
# this repository. What needs more is not in them: black-box tests need the crate
# `support`, which is not published.
#
#   scripts/package.sh [NAME OF A TEST]
set -eu
cd "$(dirname "$0")/.."
repository=$PWD
target=${CARGO_TARGET_DIR:-$repository/target}

cargo package --quiet --no-verify --allow-dirty \
  --package background_fetch --package background_fetch_build

outside=$(mktemp -d)
trap 'rm -rf "$outside"' EXIT
for package in "$target"/package/background_fetch*.crate; do
  tar -xzf "$package" -C "$outside"
done
library=$(echo "$outside"/background_fetch-[0-9]*)
build=$(echo "$outside"/background_fetch_build-[0-9]*)
# Not in a registry yet.
cat >>"$library/Cargo.toml" <<END

[patch.crates-io]
background_fetch_build = { path = "$build" }
END
# What is locked here was tested.
cp Cargo.lock "$library/Cargo.lock"
mkdir -p "$library/.cargo"
cat >"$library/.cargo/config.toml" <<END
[env]
CMAKE_TOOLCHAIN_FILE = "$library/cmake/simde.cmake"
END

cd "$library"
echo "package: tests of the library, and of its documents in a lean build"
CARGO_TARGET_DIR=$target cargo test --quiet --features cli --lib "$@"
CARGO_TARGET_DIR=$target cargo test --quiet --no-default-features \
  --features quickjs,dashboard --doc "$@"
