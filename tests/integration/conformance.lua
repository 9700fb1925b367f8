-- Calls every operation as the cases say and prints what came of each, one JSON object a line. Run by
-- conformance.test.mjs, which writes cases.lua beside a copy of this file.
local kalshi, json = require "kalshi", require "json"

local cases = json.decode(require "cases")
kalshi.get_account_api_limits() -- the limits are wide from here on

local described = {}
for i, operation in ipairs(kalshi.operations()) do
  described[i] = kalshi.describe((operation.legacy and "legacy." or "") .. operation.name)
end
print(json.encode { described = described })

local functions = {}
for _, operation in ipairs(described) do
  functions[operation.id] = (operation.legacy and kalshi.legacy or kalshi)[operation.name]
end

for _, case in ipairs(cases) do
  local arguments, n = case.path, #case.path
  if case.args ~= json.null then
    n = n + 1
    arguments[n] = case.args
  end
  local call = functions[case.id]
  local ok, value = pcall(call, table.unpack(arguments, 1, n))
  if ok then
    print(json.encode { value = value })
  elseif type(value) == "table" then
    local e = value
    print(json.encode { error = { kind = e.kind, message = e.message, status = e.status, code = e.code,
      operation = e.operation, retryable = e.retryable } })
  else
    print(json.encode { error = { kind = "plain", message = tostring(value) } })
  end
end
