#!/bin/sh
# Kills bgfetch N times (default 1000) at random moments of its life, and says
# whether anything was lost.
#
#   scripts/soak.sh [N [SEED]]
set -eu
cd "$(dirname "$0")/.."
CRASH_KILLS=${1:-1000} CRASH_SEED=${2:-$(date +%s)} \
  exec cargo test --release --test crash -- --nocapture
