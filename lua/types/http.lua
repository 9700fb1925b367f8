---@meta http
-- HTTP to any server that `--allow-net` allows, beside the exchange. Calls wait; errors are raised.

---@class http.Options
---@field headers? table<string, string|number|(string|number)[]>
---@field query? table<string, string|number|boolean|(string|number|boolean)[]> encoded and added to the address
---@field body? string
---@field json? any encoded as the body, with its Content-Type
---@field timeout? number seconds for the whole call, redirects included (30); of a stream: until its head is there
---@field max_body? integer bytes, unpacked, that the answer may have (16 MiB; a stream: no limit)
---@field redirects? integer how many are followed (GET and HEAD: 5, others: 0)
---@field raise? boolean false: a status of 400 or more is an answer like others
---@field secret_headers? string[] names of headers that no other origin gets, as Authorization and Cookie never are

---@class http.RequestOptions: http.Options
---@field url string
---@field method? string "GET"

---@class http.StreamOptions: http.RequestOptions
---@field idle? number|false seconds without a byte after which it fails (60); false: no limit

---Looked up ignoring case; `pairs` walks all of them in the order of the answer.
---@alias http.Headers table<string, string>

---@class http.Response
---@field status integer
---@field ok boolean status 200 to 299
---@field url string that answered, after redirects
---@field headers http.Headers repeated ones joined by ", "
---@field body string unpacked
local Response = {}

---The body decoded as JSON; raises "protocol" where it is none.
---@return any
function Response:json() end

---Every value of a header.
---@param name string
---@return string[]
function Response:values(name) end

---@class http.Event
---@field event string "message" where the server names none
---@field data string
---@field id string the last one the server gave: for the header Last-Event-ID of the next connection
---@field retry_ms? integer how long the server wants one to wait before that

---An answer that is read as it comes. While it is not read, the server is held back.
---@class http.Stream
---@field status integer
---@field ok boolean
---@field url string
---@field headers http.Headers
local Stream = {}

---The next piece of the body, of any length; nil at the end.
---@async
---@return string?
function Stream:read() end

---`for line in stream:lines() do`: without LF or CRLF.
---@async
---@return fun(): string?
function Stream:lines() end

---`for event in stream:events() do`: server-sent events.
---@async
---@return fun(): http.Event?
function Stream:events() end

---Every value of a header.
---@param name string
---@return string[]
function Stream:values(name) end

---Ends the transfer. `local s <close> = http.stream{ … }` does so at the end of the block.
function Stream:close() end

---@class http
local http = {}

---@async
---@param url string
---@param options? http.Options
---@return http.Response
function http.get(url, options) end

---@async
---@param url string
---@param body? string|http.Options
---@param options? http.Options
---@return http.Response
function http.post(url, body, options) end

---@async
---@param options http.RequestOptions
---@return http.Response
function http.request(options) end

---Returns when the head of the answer is there.
---@async
---@param options http.StreamOptions
---@return http.Stream
function http.stream(options) end

return http
