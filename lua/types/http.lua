---@meta http

---How a request is made.
---@class http.Options
---@field headers? table<string, string|number|(string|number)[]> a list sends a header several times
---@field query? table<string, string|number|boolean|(string|number|boolean)[]> encoded and added to the address
---@field body? string bytes to send
---@field json? any encoded as the body, with its Content-Type
---@field timeout? number seconds for the whole call, redirects included (30); of a stream: until its head is there
---@field max_body? integer bytes, unpacked, that the answer may have (16 MiB; a stream: no limit)
---@field redirects? integer how many are followed (GET and HEAD: 5, others: 0)
---@field raise? boolean false: a status of 400 or more is an answer like others
---@field secret_headers? string[] names of headers that no other origin gets, as Authorization and Cookie never are

---A request in one table.
---@class http.RequestOptions: http.Options
---@field url string https, or http to loopback
---@field method? string "GET" when absent

---A stream in one table.
---@class http.StreamOptions: http.RequestOptions
---@field idle? number|false seconds without a byte after which it fails (60); false: no limit

---Looked up ignoring case; `pairs` walks all of them in the order of the answer.
---@alias http.Headers table<string, string>

---An answer.
---```lua
----- needs --allow-net api.example.com
---answer = http.get "https://api.example.com/v1/price"
---print(answer.status, answer.headers["content-type"], #answer.body)
---```
---@class http.Response
---@field status integer 200, 404 …
---@field ok boolean status 200 to 299
---@field url string that answered, after redirects
---@field headers http.Headers repeated ones joined by ", "
---@field body string unpacked
local Response = {}

---The body decoded as JSON; raises "protocol" where it is none.
---```lua
----- needs --allow-net api.example.com
---http.get("https://api.example.com/v1/price"):json()
---```
---@return any value as `json.decode` gives it
function Response:json() end

---Every value of a header.
---```lua
----- needs --allow-net api.example.com
---http.get("https://api.example.com/v1/price"):values "set-cookie"
---```
---@param name string of the header, in any case
---@return string[] values in the order of the answer; none: empty
function Response:values(name) end

---A server-sent event.
---@class http.Event
---@field event string "message" where the server names none
---@field data string its lines joined by LF
---@field id string the last one the server gave: for the header Last-Event-ID of the next connection
---@field retry_ms? integer how long the server wants one to wait before that, milliseconds

---An answer that is read as it comes. While it is not read, the server is held back. One task reads at a time.
---@class http.Stream
---@field status integer 200, 404 …
---@field ok boolean status 200 to 299
---@field url string that answered, after redirects
---@field headers http.Headers repeated ones joined by ", "
local Stream = {}

---The next piece of the body, of any length. Raises "network" or "timeout" where it breaks off.
---```lua
----- needs --allow-net api.example.com
---s = http.stream{ url = "https://api.example.com/v1/price" }
---print(s:read())
---s:close()
---```
---@async
---@return string? bytes nil at the end
function Stream:read() end

---`for line in stream:lines() do`: without LF or CRLF. Raises "network" or "timeout" where the body breaks off.
---```lua
----- needs --allow-net api.example.com
---s = http.stream{ url = "https://api.example.com/v1/price" }
---for line in s:lines() do print(line) end
---```
---@async
---@return fun(): string? next for `for`
function Stream:lines() end

---`for event in stream:events() do`: server-sent events. Raises "network" or "timeout" where the body breaks off.
---```lua
----- needs --allow-net api.example.com
---s = http.stream{ url = "https://api.example.com/v1/events", headers = { Accept = "text/event-stream" } }
---for event in s:events() do print(event.event, event.data) end
---```
---@async
---@return fun(): http.Event? next for `for`
function Stream:events() end

---Every value of a header.
---```lua
----- needs --allow-net api.example.com
---s = http.stream{ url = "https://api.example.com/v1/price" }
---s:values "content-type"
---s:close()
---```
---@param name string of the header, in any case
---@return string[] values in the order of the answer; none: empty
function Stream:values(name) end

---Ends the transfer. `local s <close> = http.stream{ … }` does so at the end of the block. Raises nothing, also where it has
---ended already.
---```lua
----- needs --allow-net api.example.com
---s = http.stream{ url = "https://api.example.com/v1/price" }
---s:close()
---```
function Stream:close() end

---HTTP to any server that `--allow-net` allows, beside the exchange. Calls wait. They raise "permission" for a host that is
---not allowed, "http" for a status of 400 or more, with `status` and the whole answer in `response`, "network", "timeout" or
---"protocol" where no answer came, with `code` "unsent" when the server surely has not got the request; and "validation" for
---a wrong argument.
---```lua
----- needs --allow-net api.example.com
---http.get("https://api.example.com/v1/price", { query = { symbol = "BTC" } }):json().price
---```
---@class http
local http = {}

---Asks for something.
---```lua
----- needs --allow-net api.example.com
---answer = http.get("https://api.example.com/v1/price", { query = { symbol = "BTC" }, timeout = 5 })
---print(answer.status, answer:json().price)
---```
---@async
---@param url string https, or http to loopback
---@param options? http.Options how
---@return http.Response answer unpacked
function http.get(url, options) end

---Sends something.
---```lua
----- needs --allow-net api.example.com
---http.post("https://api.example.com/v1/notes", { json = { text = "filled" } }).status
---```
---@async
---@param url string https, or http to loopback
---@param body? string|http.Options bytes to send, or the options at once
---@param options? http.Options how
---@return http.Response answer unpacked
function http.post(url, body, options) end

---Any request.
---```lua
----- needs --allow-net api.example.com
---answer = http.request{ url = "https://api.example.com/v1/notes/1", method = "PUT", body = "text", raise = false }
---print(answer.status)
---```
---@async
---@param options http.RequestOptions address, method, and how
---@return http.Response answer unpacked
function http.request(options) end

---Returns when the head of the answer is there; the body is read as it comes.
---```lua
----- needs --allow-net api.example.com
---s = http.stream{ url = "https://api.example.com/v1/events" }
---for event in s:events() do
---  print(event.data)
---  break
---end
---s:close()
---```
---@async
---@param options http.StreamOptions address, method, and how
---@return http.Stream stream to read, and to close
function http.stream(options) end

return http
