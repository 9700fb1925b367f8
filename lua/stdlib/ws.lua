---Module `ws`: WebSocket connections to any server. Run once by bindings/ws.c with its core; not for `require` from
---elsewhere.
---
---    local ws = require "ws"
---    local c <close> = ws.connect "wss://stream.example.com/v1"
---    c:send '{"subscribe":["BTC"]}'
---    for message in c:messages() do print(message) end
local core = ...
local checks = require "request_options"(core)

local ipairs, pairs, string, table, type = ipairs, pairs, string, table, type

local ws = {}

local TIMEOUT_MS <const> = 10000
local IDLE_MS <const> = 60000
local MAX_MESSAGE <const> = 16 * 1024 * 1024

local options = { "headers", "protocols", "timeout", "idle", "max_message" }

---"a, b" from a name or a list of them; the form of the names is checked with the request.
local function protocol_list(value, name)
  if value == nil then return nil end
  local list = type(value) == "table" and value or { value }
  local n = 0
  for _ in pairs(list) do n = n + 1 end
  if n == 0 or n ~= #list then checks.refuse(name .. ": protocols must be a list of names, the preferred one first") end
  for _, protocol in ipairs(list) do
    if type(protocol) ~= "string" then
      checks.refuse(name .. ": protocols must be strings, not " .. checks.is(protocol))
    end
    if string.find(protocol, ",", 1, true) then
      checks.refuse(name .. ": protocols is a list, one name in each place")
    end
  end
  return table.concat(list, ", ")
end

function ws.connect(url, o)
  local name = "ws.connect"
  if type(url) ~= "string" then
    checks.refuse(name .. ": argument 1 must be a url, a string, not " .. checks.is(url))
  end
  if o ~= nil and type(o) ~= "table" then
    checks.refuse(name .. ": argument 2 must be a table of options, not " .. checks.is(o))
  end
  o = o or {}
  checks.check_options(o, options, name)
  local max_message = checks.whole(o, "max_message", 1 << 40, name) or MAX_MESSAGE
  if max_message == 0 then checks.refuse(name .. ": max_message must be 1 byte at least") end
  return core.connect{
    url = url,
    headers = checks.header_lines(checks.check_type(o, "headers", "table", name), name, {}),
    protocols = protocol_list(o.protocols, name),
    timeout_ms = checks.milliseconds(o, "timeout", name) or TIMEOUT_MS,
    idle_ms = o.idle == false and -1 or checks.milliseconds(o, "idle", name) or IDLE_MS,
    max_message = max_message,
  }
end

return ws
