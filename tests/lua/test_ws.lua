-- Module ws without servers of other people: what it refuses before anything is sent, and how the exchange in the
-- process, to which no script may connect by itself, is treated. tests/integration/ws_client.test.mjs has the servers.
local kalshi = require "kalshi"
local test = require "test"
local ws = require "ws"

local URL = "wss://stream.example.test/v1"

local function refused(t, kind, says, fn, ...)
  local ok, e = pcall(fn, ...)
  t.ok(not ok, "it was not refused")
  t.eq(e.kind, kind)
  t.ok(e.message:find(says, 1, true), e.message)
  return e
end

test("an address must be one of WebSocket", function(t)
  refused(t, "validation", "must be a url, a string, not nil", ws.connect)
  refused(t, "validation", "wss://host", ws.connect, "https://stream.example.test/")
  refused(t, "validation", "", ws.connect, "wss://user:secret@stream.example.test/")
  refused(t, "validation", "127.0.0.1", ws.connect, "ws://stream.example.test/") -- not in the clear
  refused(t, "validation", "zero byte", ws.connect, "wss://stream.example.test/\0")
  refused(t, "validation", "", ws.connect, "")
end)

test("a host that is not allowed is not asked", function(t)
  local e = refused(t, "permission", "--allow-net stream.example.test", ws.connect, URL)
  t.ok(e.where:find("test_ws.lua", 1, true), e.where)
end)

test("options are checked", function(t)
  local function with(options) return function() return ws.connect(URL, options) end end
  refused(t, "validation", 'no option headrs (did you mean "headers"?)', with{ headrs = {} })
  refused(t, "validation", "argument 2 must be a table of options, not 5", with(5))
  refused(t, "validation", "headers must be a table, not a string", with{ headers = "X: 1" })
  refused(t, "validation", "line break", with{ headers = { X = "1\r\nY: 2" } })
  refused(t, "validation", "no name of a header", with{ headers = { ["X Y"] = "1" } })
  refused(t, "validation", "timeout must be above 0", with{ timeout = 0 })
  refused(t, "validation", "idle must be a number, not a boolean", with{ idle = true })
  refused(t, "validation", "max_message must be 1 byte at least", with{ max_message = 0 })
  refused(t, "validation", "protocols must be a list of names", with{ protocols = {} })
  refused(t, "validation", "protocols must be a list of names", with{ protocols = { x = "a" } })
  refused(t, "validation", "protocols must be strings, not 1", with{ protocols = { 1 } })
  refused(t, "validation", "one name in each place", with{ protocols = "a, b" })
end)

test("it waits, so it cannot be called where nothing waits", function(t)
  local e
  table.sort({ 1, 2 }, function() -- Lua cannot suspend a sort
    e = e or select(2, pcall(ws.connect, URL))
    return false
  end)
  t.eq(e.kind, "validation")
  t.ok(e.message:find("task.spawn", 1, true), e.message)
end)

test("the exchange is a server like others", function(t)
  t.eq(kalshi.env, "sim")
  refused(t, "permission", "--allow-net 127.0.0.1:9", ws.connect, "ws://127.0.0.1:9/trade-api/ws/v2")
end)
