#!/bin/sh
# The strategy in README.md is scripts/examples/first.lua.
set -eu
# shellcheck disable=SC2016
sed -n '/^```lua$/,/^```$/{/^```/d;p;}' README.md | diff -u scripts/examples/first.lua -
