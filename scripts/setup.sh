#!/bin/sh
# Makes sure that what a build needs is there. Installs what is missing where
# that takes no question, and otherwise says which command does. Quick when
# all is there.
#
#   scripts/setup.sh [quickjs|v8]
set -eu
cd "$(dirname "$0")/.."
engine=${1:-quickjs}
# What is installed here is found by the Makefile and by cmake/simde.cmake.
own=target/setup
PATH=$PWD/$own/cmake/data/bin:$PATH

say() { echo "setup: $*" >&2; }
fail() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 1
  fi
}

apt_install() {
  have apt-get && as_root true || return 1
  say "installing $* with apt-get"
  apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >&2; }
  # The lists of packages may be old, or not there at all.
  apt install -y "$@" 2>/dev/null || { apt update && apt install -y "$@"; }
}

# Into a directory of this clone: nothing of the user's own changes.
pip_install() {
  python3 -m pip --version >/dev/null 2>&1 || return 1
  say "installing $* with pip into $own"
  PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --no-input \
    --disable-pip-version-check --no-deps --upgrade --target "$own" "$@" >&2
}

have_simde() {
  for prefix in /usr/include /usr/local/include /opt/homebrew/include \
    "$own/cmeel.prefix/include"; do
    [ ! -e "$prefix/simde/wasm/simd128.h" ] || return 0
  done
  return 1
}

have cargo || fail "cargo is missing; install Rust: https://rustup.rs"

have cc || apt_install build-essential || true
have cc || fail "a C compiler is missing; install one:" \
  "apt-get install build-essential (Debian), xcode-select --install (macOS)"

# The v8 crate fetches its library with it; for QuickJS it is pip's alone.
have python3 || apt_install python3 || true
have python3 || [ "$engine" != v8 ] ||
  say "python3 is missing; the v8 crate will try curl instead"

[ "$(uname)" != Linux ] || have strace || apt_install strace ||
  say "strace is missing; the tests of power failures will show nothing"

# Checks the types for scripts, in a directory of this clone. Nothing else needs
# node.
if have npm && ! [ -e "$own/node_modules/typescript/lib/tsc.js" ]; then
  say "installing typescript with npm into $own"
  npm install --silent --no-audit --no-fund --no-save --prefix "$own" \
    typescript@5.9.3 >&2 || say "the types for scripts are not checked"
fi

[ "$engine" = quickjs ] || exit 0

have cmake || apt_install cmake || pip_install cmake || true
have cmake || fail "cmake is missing; install it:" \
  "apt-get install cmake (Debian), brew install cmake (macOS)"

have_simde || apt_install libsimde-dev || pip_install cmeel-simde || true
have_simde || say "the SIMDe headers are missing; the build will fetch them" \
  "(to have them: apt-get install libsimde-dev, brew install simde)"
