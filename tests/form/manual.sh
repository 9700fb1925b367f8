#!/bin/sh
# The man page, docs/commands.md and the completions know every command, and the man page every option of each.
set -eu
missing=0
lacks() {
  echo "$1 lacks $2" >&2
  missing=1
}

manual=$(sed 's/\\-/-/g' docs/kalua.1)
for command in $("$KALUA" --help | sed -n 's/^  kalua \([a-z]*\) .*/\1/p'); do
  echo "$manual" | grep -qx "\.B $command" || lacks docs/kalua.1 "$command"
  grep -q "^kalua \[*$command" docs/commands.md || lacks docs/commands.md "$command"
  for file in completions/*; do
    grep -qw "$command" "$file" || lacks "$file" "$command"
  done
  for option in $("$KALUA" "$command" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p'); do
    echo "$manual" | grep -qw -e "$option" || lacks docs/kalua.1 "$option of $command"
  done
done
version=$("$KALUA" --version)
echo "$manual" | grep -q "^\.TH .*\"$version\"" || lacks docs/kalua.1 "the version, $version"
exit $missing
