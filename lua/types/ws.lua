---@meta ws

---How a connection is made.
---@class ws.Options
---@field headers? table<string, string|number|(string|number)[]> of the handshake
---@field protocols? string|string[] subprotocols to offer, the preferred one first
---@field timeout? number seconds until the connection is open (10)
---@field idle? number|false seconds without a byte after which it fails (60); halfway a ping asks for one. false: no limit, no pings
---@field max_message? integer bytes that a message may have (16 MiB)

---What kind of message it is.
---@alias ws.Kind "text"|"binary"

---A connection. A method of one that is over raises "closed", or what ended it badly.
---```lua
----- needs --allow-net stream.example.com
---c = ws.connect "wss://stream.example.com/v1"
---print(c.open, c.url, c.protocol)
---c:close()
---```
---@class ws.Connection: userdata
---@field url string that it was opened with
---@field protocol? string the subprotocol that the server chose
---@field open boolean messages can be sent
---@field close_code? integer once it is over: the server's; 1005 where it gave none, 1006 where the connection broke
---@field close_reason? string once it is over: the server's, "" where it gave none
local Connection = {}

---Sends a text message, which must be UTF-8. Waits while more than a megabyte is still to go out.
---```lua
----- needs --allow-net stream.example.com
---c = ws.connect "wss://stream.example.com/v1"
---c:send(json.encode{ subscribe = { "BTC" } })
---c:close()
---```
---@async
---@param text string UTF-8, at most 64 MiB
function Connection:send(text) end

---Sends a binary message. Waits as `send` does.
---```lua
----- needs --allow-net stream.example.com
---c = ws.connect "wss://stream.example.com/v1"
---c:send_binary(string.pack("<I4d", 1, 0.42))
---c:close()
---```
---@async
---@param bytes string at most 64 MiB
function Connection:send_binary(bytes) end

---The next message. Raises what ended the connection badly, and "overflow" where messages were lost: more than 10,000 or
---16 MiB that were not read. One task reads at a time.
---```lua
----- needs --allow-net stream.example.com
---c = ws.connect "wss://stream.example.com/v1"
---c:send "hello"
---print(c:recv(5))
---c:close()
---```
---@async
---@param timeout? number seconds; without it as long as it takes
---@return string? message nil when there is none
---@return ws.Kind|"closed"|"timeout" kind why there is none, in that case
function Connection:recv(timeout) end

---`for message, kind in connection:messages() do`: until the connection is closed. Raises as `recv` does.
---```lua
----- needs --allow-net stream.example.com
---c = ws.connect "wss://stream.example.com/v1"
---c:send "hello"
---for message, kind in c:messages() do
---  print(kind, message)
---  break
---end
---c:close()
---```
---@async
---@return fun(): string?, ws.Kind? next for `for`
function Connection:messages() end

---Sends a ping and waits for its pong. Raises "timeout" when none comes in time.
---```lua
----- needs --allow-net stream.example.com
---c = ws.connect "wss://stream.example.com/v1"
---c:ping()
---c:close()
---```
---@async
---@param payload? string at most 125 bytes
---@param timeout? number seconds (10)
---@return number seconds that it took
function Connection:ping(payload, timeout) end

---Closes it and waits at most five seconds for the server to agree. The end of the block does so without waiting:
---`local c <close> = ws.connect(url)`.
---```lua
----- needs --allow-net stream.example.com
---c = ws.connect "wss://stream.example.com/v1"
---c:close(1000, "done")
---```
---@async
---@param code? integer 1000 to 1003, 1007 to 1014 or 3000 to 4999 (1000)
---@param reason? string UTF-8 of at most 123 bytes
---@return boolean agreed the server answered with a close frame of its own
function Connection:close(code, reason) end

---WebSocket to any server that `--allow-net` allows, beside the exchange. Calls wait. They raise "permission" for a host
---that is not allowed, "http" for a handshake that the server refuses, "network", "timeout" or "protocol" where the
---connection fails, and "validation" for a wrong argument.
---```lua
----- needs --allow-net stream.example.com
---c = ws.connect "wss://stream.example.com/v1"
---c:send "hello"
---print(c:recv(5))
---c:close()
---```
---@class ws
local ws = {}

---Returns when the connection is open.
---```lua
----- needs --allow-net stream.example.com
---c = ws.connect("wss://stream.example.com/v1", { timeout = 5 })
---c:close()
---```
---@async
---@param url string wss, or ws to loopback
---@param options? ws.Options how
---@return ws.Connection connection open; close it when it is not needed any more
function ws.connect(url, options) end

return ws
