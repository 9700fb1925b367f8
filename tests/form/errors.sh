#!/bin/sh
# The codes of errors: sources and catalogue agree, and docs/errors.md is what is made of the catalogue.
set -u
failed=0
commands=$("$KALUA" --help | sed -n 's/^  kalua \([a-z]*\).*/\1/p')
lua5.4 tests/form/errors.lua "$commands" || failed=1
lua5.4 docs/generate/errors.lua | diff -u docs/errors.md - >&2 || {
  echo 'docs/errors.md is out of date: lua5.4 docs/generate/errors.lua > docs/errors.md' >&2
  failed=1
}
exit $failed
