#!/bin/sh
# What scripts/generate writes is up to date, and what the examples use exists; mistakes of an example are told.
set -eu
scripts/generate --check
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/wrong.lua" <<'END'
local kalshi = require "kalshi"
kalshi.get_markts{ status = "open" }
kalshi.get_markets{ status = "opne", limit = 5 }
kalshi.order{ ticker = "T", side = "buy", price = 0.1, count = 1, post_olny = true }
END
"$KALUA" help --json >"$folder/help.json"
"$KALUA" run --quiet --cpu-ms 60000 --allow-fs . --allow-fs "$folder" docs/generate/main.lua -- "$folder/help.json" \
  --check "$folder/wrong.lua" >"$folder/said"
cat >"$folder/wanted" <<END
$folder/wrong.lua uses kalshi.get_markts, which is not there
$folder/wrong.lua: status of kalshi.get_markets cannot be "opne"
$folder/wrong.lua: side of kalshi.order cannot be "buy"
$folder/wrong.lua: kalshi.order has no option post_olny
END
diff -u "$folder/wanted" "$folder/said" >&2
