#!/bin/sh
# cpack makes a Debian package that has every file, names every library the program needs, and whose program runs.
set -eu
fail() {
  echo "$1" >&2
  exit 1
}
if ! command -v dpkg-shlibdeps >/dev/null 2>&1; then
  fail "dpkg-dev is not installed: scripts/setup test"
fi
# A folder of its own: others may pack the same build.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# A sanitized program has half a million relocations without a symbol, and dpkg-shlibdeps takes seconds to skip them.
mkdir "$dir/bin"
printf '#!/bin/sh\n"%s" "$@" | grep -v _RELATIVE\n' "$(command -v objdump)" >"$dir/bin/objdump"
chmod 755 "$dir/bin/objdump"
# Packing tightly would take longer than everything else.
(umask 077 && cd "$dir" && PATH=$dir/bin:$PATH SOURCE_DATE_EPOCH=1700000000 cpack --config "$BUILD/CPackConfig.cmake" -B "$dir" \
  -D CPACK_DEBIAN_COMPRESSION_TYPE=none >"$dir/log" 2>&1) || {
  cat "$dir/log" >&2
  fail "cpack failed"
}
version=$("$KALUA" --version | sed 's/^kalua //')
deb=$dir/kalua_$version-1_$(dpkg --print-architecture).deb
[ -s "$deb" ] || fail "no package is called ${deb##*/}: $(ls "$dir")"

dpkg-deb -f "$deb" >"$dir/control"
dpkg-deb -c "$deb" >"$dir/contents"
field() { sed -n "s/^$1: //p" "$dir/control"; }
[ "$(field Package)" = kalua ] || fail "Package: $(field Package)"
[ "$(field Version)" = "$version-1" ] || fail "Version: $(field Version)"
[ "$(field Section)" = misc ] || fail "Section: $(field Section)"
case $(field Maintainer) in *' <'*'@'*'>') ;; *) fail "Maintainer: $(field Maintainer)" ;; esac
[ "$(grep -c '^ ' "$dir/control")" -ge 5 ] || fail "the description is short"

dpkg-deb -x "$deb" "$dir/root"
doc=$dir/root/usr/share/doc/kalua
(
  cat <<FILES
usr/bin/kalua
usr/share/man/man1/kalua.1.gz
usr/share/doc/kalua/copyright
usr/share/doc/kalua/changelog.gz
usr/share/doc/kalua/changelog.Debian.gz
usr/share/doc/kalua/README.md
usr/share/doc/kalua/examples/market_maker.lua
usr/share/bash-completion/completions/kalua
usr/share/zsh/vendor-completions/_kalua
usr/share/fish/vendor_completions.d/kalua.fish
usr/lib/systemd/user/kalua@.service
FILES
  for file in docs/*.md docs/*/*.md; do echo "usr/share/doc/kalua/$file"; done
  for file in lua/types/*.lua; do echo "usr/share/kalua/types/${file##*/}"; done
) | while read -r file; do
  [ -s "$dir/root/$file" ] || fail "$file is not in the package"
done
gzip -dc "$doc/changelog.Debian.gz" | head -n 1 | grep -q "^kalua ($version-1) " || fail "changelog.Debian.gz is wrong"
gzip -dc "$doc/changelog.Debian.gz" | grep -q 'Tue, 14 Nov 2023 22:13:20 +0000$' || fail "changelog.Debian.gz: its date"
grep -q '^License: Expat$' "$doc/copyright" || fail "copyright names no licence"
grep -qxF "ExecStart=\"/usr/bin/kalua\" run --quiet \$KALUA_OPTIONS ." \
  "$dir/root/usr/lib/systemd/user/kalua@.service" || fail "the unit does not start /usr/bin/kalua"

# Whatever the umask of who packs: everybody may read, nobody else may write, everything is root's and of one time.
grep -vE '^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--|lrwxrwxrwx) root/root ' "$dir/contents" && fail "odd modes or owners"
grep -v ' 2023-11-1[45] ' "$dir/contents" && fail "times that are not SOURCE_DATE_EPOCH's"

# Each library that the program names belongs to a package that Depends names.
depends=" $(field Depends | sed 's/([^)]*)//g; s/[,|]/ /g') "
for package in ca-certificates libwebsockets-evlib-uv; do
  case $depends in *" $package "*) ;; *) fail "Depends lacks $package" ;; esac
done
readelf -d "$dir/root/usr/bin/kalua" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >"$dir/needed"
[ -s "$dir/needed" ] || fail "the program names no library"
# By the name with its architecture: others of the same name may be installed beside it.
# shellcheck disable=SC2046,SC2086 # names of packages have no blanks
dpkg-query -L $(dpkg-query -W -f '${binary:Package} ' $depends) | sed 's|.*/||' >"$dir/brought"
while read -r library; do
  grep -qxF "$library" "$dir/brought" || fail "Depends names no package that has $library"
done <"$dir/needed"

cd "$dir"
[ "$(root/usr/bin/kalua --version)" = "kalua $version" ] || fail "the program in the package does not run"
[ "$(root/usr/bin/kalua -e '1+1')" = 2 ] || fail "the program in the package does not compute"
