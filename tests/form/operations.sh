#!/bin/sh
# docs/operations.md is what docs/generate_operations.lua makes.
set -eu
"$KALUA" run --quiet docs/generate_operations.lua | diff -u docs/operations.md - || {
  echo 'docs/operations.md is out of date: kalua --quiet docs/generate_operations.lua > docs/operations.md' >&2
  exit 1
}
