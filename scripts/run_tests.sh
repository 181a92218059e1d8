#!/bin/sh
# run_tests.sh COMMAND...: runs tests. In CI, the names of those that have failed
# and what they said stand at the end: a long log is often read from there.
[ -n "${CI:-}" ] || exec "$@"
log=target/tests.log
mkdir -p target
# A file: of a pipe the end comes only when every process has left it.
"$@" >"$log" 2>&1
status=$?
cat "$log"
if [ "$status" -ne 0 ]; then
  echo "run_tests: failed ($status):"
  grep -E '^test .* FAILED$|^(TIMEOUT|error: )' "$log" | head -8
  grep -A 2 -E "^thread '.*panicked at" "$log" | cut -c 1-300 | head -12
fi
exit "$status"
