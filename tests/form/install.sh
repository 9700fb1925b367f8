#!/bin/sh
# What `cmake --install` puts below its prefix is complete, and runs from there.
set -eu
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
"$CMAKE" --install "$BUILD" --prefix "$prefix" >/dev/null

for file in bin/kalua share/man/man1/kalua.1 share/doc/kalua/README.md share/doc/kalua/CHANGELOG.md \
  share/doc/kalua/LICENSE share/bash-completion/completions/kalua share/zsh/site-functions/_kalua \
  share/fish/vendor_completions.d/kalua.fish lib/systemd/user/kalua@.service; do
  [ -s "$prefix/$file" ] || {
    echo "$file is not installed" >&2
    exit 1
  }
done

# Every page, declaration and example that the project has.
(
  for file in docs/*.md scripts/examples/*.lua; do echo "share/doc/kalua/$file"; done
  for file in lua/types/*.lua; do echo "share/kalua/types/${file##*/}"; done
) | while read -r file; do
  [ -s "$prefix/$file" ] || {
    echo "$file is not installed" >&2
    exit 1
  }
done

unit=$prefix/lib/systemd/user/kalua@.service
grep -qxF "ExecStart=\"$prefix/bin/kalua\" run --quiet \$KALUA_OPTIONS ." "$unit" || {
  echo "the unit does not start the installed binary" >&2
  exit 1
}
if command -v systemd-analyze >/dev/null 2>&1; then
  mkdir -p "$prefix/run" && chmod 700 "$prefix/run"
  said=$(XDG_RUNTIME_DIR=$prefix/run systemd-analyze --user verify --man=no "$unit" 2>&1) || said="not accepted: $said"
  case $said in
  *kalua@*)
    echo "systemd on the unit: $said" >&2
    exit 1
    ;;
  esac
fi

cd "$prefix"
bin/kalua --version
bin/kalua --quiet share/doc/kalua/scripts/examples/scanner.lua >/dev/null
