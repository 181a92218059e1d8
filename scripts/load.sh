#!/bin/sh
# 10,000 background fetches of 200 realms in one store, 1,000 of them on the
# wire at once, over a slow server: looks whether anything was lost, and prints
# what it took.
#
#   scripts/load.sh [BACKGROUND_FETCHES [ACTIVE [REALMS]]]
set -eu
cd "$(dirname "$0")/.."
# A socket and a file for each that is active.
ulimit -n "$(ulimit -Hn)"
LOAD_REGISTRATIONS=${1:-10000} LOAD_ACTIVE=${2:-1000} \
  LOAD_REALMS=${3:-200} exec cargo test --test load -- --nocapture
