#!/bin/sh
# Kills bgfetch N times (default 1000) at random moments of its life, and lets
# the power fail as often in a process that is watched; says whether anything
# was lost. The debug build, unless --release is asked for.
#
#   scripts/soak.sh [--release] [N [SEED]]
set -eu
cd "$(dirname "$0")/.."
profile=
if [ "${1:-}" = --release ]; then
  profile=$1
  shift
fi
count=${1:-1000}
seed=${2:-$(date +%s)}
export CRASH_KILLS="$count" CRASH_SEED="$seed"
export POWER_STATES="$count" POWER_SEED="$seed"
# The option is one word or none.
# shellcheck disable=SC2086
exec cargo test $profile --test crash --test power -- --nocapture
