#!/bin/sh
# Prints what this machine lacks that some tests need, separated by commas, for
# TESTS_WITHOUT; and on standard error which tests that leaves out.
missing=
lacks() {
  echo "tests: left out is what needs $2" >&2
  missing=${missing:+$missing,}$1
}

directory=$(mktemp -d)
if mount -t tmpfs -o size=1m tmpfs "$directory" 2>/dev/null; then
  umount "$directory"
else
  lacks mount "the right to mount a file system"
fi
rmdir "$directory"

strace -f -o /dev/null true 2>/dev/null ||
  lacks strace "strace, and the right to watch a process with it"

{ chromium --version && node --version; } >/dev/null 2>&1 ||
  lacks chromium "chromium, and node to drive it"

{ chromium --version && node --version && command -v xvfb-run; } \
  >/dev/null 2>&1 || lacks window "chromium with a window: xvfb-run"

node target/setup/node_modules/typescript/lib/tsc.js --version \
  >/dev/null 2>&1 ||
  lacks typescript "node, and TypeScript's compiler from npm"

[ "$(id -u)" = 0 ] || lacks other-user "to become another user"

device() { stat -c %d "$1" 2>/dev/null; }
if ! [ -w /dev/shm ] || [ "$(device /dev/shm)" = "$(device "${TMPDIR:-/tmp}")" ]
then
  lacks other-disk "a second file system at /dev/shm"
fi

echo "$missing"
