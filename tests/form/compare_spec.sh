#!/bin/sh
# scripts/compare-spec sees each kind of change in a doctored copy of the exchange's description.
# shellcheck disable=SC2016 # "$ref" is a name
set -u
spec=runtime/kalshi/spec/openapi.json
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0
complain() {
  echo "$1" >&2
  failed=1
}

# doctor CODE: a copy on which the Lua CODE was run, with `paths`, `schemas` and `parameters` of the document.
doctor() {
  lua5.4 - "$spec" "$folder/new.json" "$1" <<'LUA' || complain "doctor: $1"
local cjson = require "cjson"
local file = assert(io.open(arg[1]))
document = cjson.decode(file:read "a")
paths, schemas, parameters = document.paths, document.components.schemas, document.components.parameters
assert(load(arg[3]))()
assert(io.open(arg[2], "w")):write(cjson.encode(document))
LUA
}

# sees CODE LINE...: after CODE there are differences, and these lines are all of them.
sees() {
  doctor "$1"
  shift
  scripts/compare-spec "$folder/new.json" >"$folder/out" 2>"$folder/err"
  [ $? = 1 ] || complain "not exit code 1 with: $*$(cat "$folder/err")"
  printf '%s\n' "$@" | sort >"$folder/expected"
  sed -n 's/^  //p' "$folder/out" | sort >"$folder/lines"
  diff -u "$folder/expected" "$folder/lines" >&2 || failed=1
}

same() {
  doctor "$1"
  scripts/compare-spec "$folder/new.json" >"$folder/out" || complain "a difference after $1: $(cat "$folder/out")"
  tail -n 1 "$folder/out" | grep -qx 'no differences' || complain "no word about no differences after $1"
}

same ''
same 'document.info.title = "another" paths["/markets"].get.summary = "words"'
# What is removed by the table's own record need not be in a newer description.
same 'paths["/exchange/announcements"] = nil'
same 'schemas.Market2, schemas.Market = schemas.Market, { ["$ref"] = "#/components/schemas/Market2" }'

# Operations.
sees 'paths["/things/{id}"] = { get = { operationId = "GetThingV2", parameters = {
  { name = "id", ["in"] = "path", required = true, schema = { type = "string" } } }, responses = {} } }' \
  '+ GetThingV2: GET /things/{id}, kalshi.get_thing'
sees 'paths["/markets/trades"] = nil' '- GetTrades: GET /markets/trades'
sees 'paths["/markets/trades"].get.operationId = "GetPublicTrades"' \
  '~ GetPublicTrades: was GetTrades, GET /markets/trades'
sees 'paths["/trades"], paths["/markets/trades"] = paths["/markets/trades"], nil' \
  '~ GetTrades: path: /markets/trades -> /trades'
sees 'local item = paths["/portfolio/events/orders/{order_id}/amend"] item.put, item.post = item.post, nil' \
  '~ AmendOrderV2: method: POST -> PUT'
sees 'local op = paths["/markets"].get op.deprecated, op["x-status"] = true, nil' \
  '~ GetMarkets: status: current -> deprecated'
sees 'paths["/portfolio/orders"].post["x-status"] = nil paths["/portfolio/orders"].post.deprecated = nil' \
  '~ CreateOrder: status: removed -> current'
sees 'paths["/markets"].get.security = { { key = {} } }' '~ GetMarkets: needs a key: no -> yes'
sees 'paths["/markets"].get.responses["200"] = { description = "" }' '~ GetMarkets: answer: object -> no content'

# Parameters.
sees 'table.insert(paths["/markets"].get.parameters, { name = "colour", ["in"] = "query", schema = {
  type = "string", enum = { "red", "blue" }, default = "red" } })' \
  '+ GetMarkets query colour: string, one of red blue, default red'
sees 'table.remove(paths["/markets/trades"].get.parameters, 1)' \
  '- GetTrades query limit: integer, default 100, at least 0, at most 1000'
sees 'table.insert(parameters.MveFilterQuery.schema.enum, "all") parameters.MveFilterQuery.schema.enum[1] = "just"' \
  '~ GetMarkets query mve_filter: enum + all just, - only'
sees 'parameters.TransfersLimitQuery.schema.maximum = 200 parameters.TransfersLimitQuery.schema.default = 50' \
  '~ GetIntraExchangeInstanceTransfers query limit: default: 100 -> 50' \
  '~ GetIntraExchangeInstanceTransfers query limit: maximum: 500 -> 200'
sees 'parameters.MveFilterQuery.deprecated = true' '~ GetMarkets query mve_filter: deprecated: no -> yes'
sees 'parameters.MveFilterQuery.required = true' '~ GetMarkets query mve_filter: required: no -> yes'
sees 'schemas.CreateOrderV2Request.properties.post_only.type = "string"' \
  '~ CreateOrderV2 body post_only: type: boolean -> string' \
  '~ CreateOrderV2Request.post_only: type: boolean -> string  (BatchCreateOrdersV2)'
sees 'schemas.UpdateFCMSubtraderBlockedCategoriesRequest.properties.category.maxLength = 50' \
  '~ UpdateFCMSubtraderBlockedCategories body category: longest: 100 -> 50'

# Fields of answers: told once, with the operations that have them.
sees 'schemas.Trade.properties.venue = { type = "string", nullable = true }' \
  '+ Trade.venue: string, nullable  (GetTrades, GetTradesHistorical)'
sees 'schemas.Trade.properties.taker_side = nil' \
  '- Trade.taker_side: string, deprecated, one of yes no  (GetTrades, GetTradesHistorical)'
sees 'schemas.Trade.properties.count_fp = { type = "integer", deprecated = true }' \
  '~ Trade.count_fp: deprecated: no -> yes  (GetTrades, GetTradesHistorical)' \
  '~ Trade.count_fp: type: fixed-point count -> integer  (GetTrades, GetTradesHistorical)'
# A schema inside itself ends.
sees 'schemas.Trade.properties.parent = { ["$ref"] = "#/components/schemas/Trade" }' \
  '+ Trade.parent: object  (GetTrades, GetTradesHistorical)'

# Stable, in any order of keys, and as JSON.
doctor 'schemas.Trade.properties.venue = { type = "string" } paths["/markets"].get.deprecated = true
  paths["/markets"].get["x-status"] = nil document.info.version = "9.9"'
scripts/compare-spec "$folder/new.json" >"$folder/one"
scripts/compare-spec "$folder/new.json" | diff "$folder/one" - >&2 || complain 'two runs differ'
scripts/compare-spec --json "$folder/new.json" >"$folder/json"
[ $? = 1 ] || complain '--json changes the exit code'
lua5.4 - "$folder/json" <<'LUA' || complain '--json'
local answer = require("cjson").decode(assert(io.open(arg[1])):read "a")
assert(answer.new == "9.9" and #answer.changes == 2)
local status, venue = answer.changes[1], answer.changes[2]
assert(status.kind == "operation" and status.change == "changed" and status.what == "status")
assert(status.old == "current" and status.new == "deprecated" and status.operations[1] == "GetMarkets")
assert(venue.kind == "answer" and venue.change == "added" and venue.name == "Trade.venue")
assert(venue.text == "string" and #venue.operations == 2)
LUA
# The other way round.
scripts/compare-spec --old "$folder/new.json" $spec | grep -q '^  - Trade.venue: string' || complain '--old'

# Trouble is exit code 2 and one line.
echo '[1' >"$folder/bad.json"
for words in '' "$folder/none.json" "$folder/bad.json" README.md "$spec $spec" "--nonsense $spec" \
  runtime/kalshi/spec/ws.json; do
  # shellcheck disable=SC2086
  scripts/compare-spec $words >"$folder/out" 2>"$folder/err"
  [ $? = 2 ] || complain "not exit code 2: $words"
  [ "$(wc -l <"$folder/err")" = 1 ] || complain "not one line: $words: $(cat "$folder/err")"
done
exit $failed
