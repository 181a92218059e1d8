#!/bin/sh
# Breaks the code in one way after the other (mutations.patch has them all, and
# MUTATION chooses one) and prints by which seed the simulation notices first.
#
# sh tests/sim/mutations.sh [SEEDS [NAME…]]
#
# The changed code is a copy in target/mutations; the status is 1 when a change
# goes unnoticed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
seeds=${1:-3000}
[ $# -gt 0 ] && shift
tree=$root/target/mutations

rm -rf "$tree"
mkdir -p "$tree"
cd "$root"
git archive HEAD | tar -x -C "$tree"
cd "$tree"
patch --quiet --strip 1 < "$here/mutations.patch"
# Another version, so that nothing of it is taken for the tree's own.
for manifest in Cargo.toml tests/sim/Cargo.toml; do
  sed '1,/^version = /s/^version = .*/version = "0.0.1"/' "$manifest" > new
  mv new "$manifest"
done
# The dependencies are those of the tree, built with its settings.
rm -rf .cargo
export CMAKE_TOOLCHAIN_FILE="$root/cmake/simde.cmake"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}"
cargo build --quiet --package sim
cp "$CARGO_TARGET_DIR/debug/sim" "$tree/sim"

if ! "$tree/sim" --seeds 100 > "$tree/output"; then
  cat "$tree/output"
  echo "without a change it fails, too" >&2
  exit 1
fi
names=${*:-$(sed -n 's/^+.*mutated("\([a-z-]*\)").*/\1/p' \
  "$here/mutations.patch" | sort -u)}
unnoticed=0
echo "| change | first seed | what it notices |"
echo "| --- | --- | --- |"
for name in $names; do
  if MUTATION=$name timeout 600 \
    "$tree/sim" --seeds "$seeds" --failures 1 > "$tree/output"; then
    echo "| \`$name\` | none of $seeds | |"
    unnoticed=1
  else
    line=$(grep -m 1 '^seed ' "$tree/output" || echo 'seed ?: no end')
    seed=${line%%:*}
    echo "| \`$name\` | ${seed#seed } | ${line#*: } |"
  fi
done
exit $unnoticed
