#!/bin/sh
# Installs a bgfetch that was built, with what it generates itself.
#
#   install.sh PROGRAM PREFIX
set -eu

program=$1
prefix=$2

install -d "$prefix/bin"
install -m 755 "$program" "$prefix/bin/bgfetch"
# Without its line tables it is a fifth of the size.
strip "$prefix/bin/bgfetch" 2>/dev/null || true

bgfetch="$prefix/bin/bgfetch"
share="$prefix/share"
bash="$share/bash-completion/completions"
zsh="$share/zsh/site-functions"
fish="$share/fish/vendor_completions.d"
install -d "$bash" "$zsh" "$fish" "$share/man/man1"
"$bgfetch" completions bash > "$bash/bgfetch"
"$bgfetch" completions zsh > "$zsh/_bgfetch"
"$bgfetch" completions fish > "$fish/bgfetch.fish"
"$bgfetch" man --out "$share/man/man1"
echo "installed $bgfetch, its completions and its manual pages"
