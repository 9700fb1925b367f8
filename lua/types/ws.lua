---@meta ws
-- WebSocket to any server that `--allow-net` allows, beside the exchange. Calls wait; errors are raised.

---@class ws.Options
---@field headers? table<string, string|number|(string|number)[]> of the handshake
---@field protocols? string|string[] subprotocols to offer, the preferred one first
---@field timeout? number seconds until the connection is open (10)
---@field idle? number|false seconds without a byte after which it fails (60); halfway a ping asks for one. false: no limit, no pings
---@field max_message? integer bytes that a message may have (16 MiB)

---@alias ws.Kind "text"|"binary"

---@class ws.Connection: userdata
---@field url string
---@field protocol? string the subprotocol that the server chose
---@field open boolean messages can be sent
---@field close_code? integer once it is over: the server's; 1005 where it gave none, 1006 where the connection broke
---@field close_reason? string once it is over: the server's, "" where it gave none
local Connection = {}

---Sends a text message, which must be UTF-8. Waits while more than a megabyte is still to go out.
---@async
---@param text string
function Connection:send(text) end

---Sends a binary message. Waits as `send` does.
---@async
---@param bytes string
function Connection:send_binary(bytes) end

---The next message. Raises what ended the connection badly, and "overflow" where messages were lost.
---@async
---@param timeout? number seconds
---@return string? message nil when there is none
---@return ws.Kind|"closed"|"timeout" kind
function Connection:recv(timeout) end

---`for message, kind in connection:messages() do`: until the connection is closed. Raises as `recv` does.
---@async
---@return fun(): string?, ws.Kind?
function Connection:messages() end

---Sends a ping and waits for its pong.
---@async
---@param payload? string at most 125 bytes
---@param timeout? number seconds (10); then it raises "timeout"
---@return number seconds that it took
function Connection:ping(payload, timeout) end

---Closes it and waits at most five seconds for the server to agree. The end of the block does so without waiting:
---`local c <close> = ws.connect(url)`.
---@async
---@param code? integer 1000 to 1003, 1007 to 1014 or 3000 to 4999 (1000)
---@param reason? string at most 123 bytes
---@return boolean agreed the server answered with a close frame of its own
function Connection:close(code, reason) end

---@class ws
local ws = {}

---Returns when the connection is open.
---@async
---@param url string
---@param options? ws.Options
---@return ws.Connection
function ws.connect(url, options) end

return ws
