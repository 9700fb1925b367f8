---Module `http`: any other server. Run once by bindings/http.c with its core; not for `require` from elsewhere.
---
---    local http = require "http"
---    local res = http.get("https://api.example.com/v1/price", { query = { symbol = "BTC" } })
---    print(res:json().price)
local core = ...
local json = require "json"

local error, ipairs, pairs, pcall, setmetatable, tonumber, tostring, type =
  error, ipairs, pairs, pcall, setmetatable, tonumber, tostring, type
local math, string, table, utf8 = math, string, table, utf8

local http = {}

local MAX_BODY <const> = 16 * 1024 * 1024
local MAX_LINE <const> = 1024 * 1024
local REDIRECTS <const> = 5
local IDLE <const> = 60
local SHOWN <const> = 200 -- bytes of a refusal's body that its error message has

local checks = require "request_options"(core)
local refuse, is, check_options, check_type, milliseconds, whole, header_lines = checks.refuse, checks.is,
  checks.check_options, checks.check_type, checks.milliseconds, checks.whole, checks.header_lines

-- ---- requests ----

local options = {
  "url", "method", "headers", "body", "json", "query", "timeout", "max_body", "redirects", "raise", "secret_headers",
}
local stream_options = { table.unpack(options) }
stream_options[#stream_options + 1] = "idle"

---RFC 3986: everything but letters, digits and - . _ ~ as %XX.
local function escape(text)
  return (string.gsub(text, "[^%w%-._~]", function(c) return string.format("%%%02X", string.byte(c)) end))
end

local function query_value(key, value, name)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "boolean" then return tostring(value) end
  if kind ~= "number" or value ~= value or value == math.huge or value == -math.huge then
    refuse(name .. ": query." .. tostring(key) .. " must be a string, a number, a boolean or a list of them, not "
      .. is(value))
  end
  local n = math.tointeger(value)
  if n then return tostring(n) end
  local short = string.format("%.15g", value)
  return tonumber(short) == value and short or string.format("%.17g", value)
end

---{ b = 2, a = { 1, 3 } } as "a=1&a=3&b=2".
local function encode_query(query, name)
  local keys, parts = {}, {}
  for key in pairs(query) do
    if type(key) ~= "string" then refuse(name .. ": the keys of query are names, not " .. is(key)) end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local values = query[key]
    for _, value in ipairs(type(values) == "table" and values or { values }) do
      parts[#parts + 1] = escape(key) .. "=" .. escape(query_value(key, value, name))
    end
  end
  return table.concat(parts, "&")
end

local function full_url(o, name)
  if type(o.url) ~= "string" then refuse(name .. ": url must be a string, not " .. is(o.url)) end
  local url, query = string.match(o.url, "^[^#]*"), check_type(o, "query", "table", name)
  local text = query and encode_query(query, name) or ""
  if text == "" then return url end
  local last = string.sub(url, -1)
  local join = not string.find(url, "?", 1, true) and "?" or (last == "?" or last == "&") and "" or "&"
  return url .. join .. text
end

---The core's request from the options of a script.
local function build(o, known, name)
  check_options(o, known, name)
  local method = string.upper(check_type(o, "method", "string", name) or "GET")
  if not string.find(method, "^%u+$") or method == "CONNECT" or method == "TRACE" then
    refuse(name .. ": '" .. method .. "' is no method: GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS")
  end
  local body = check_type(o, "body", "string", name)
  local has = { ["content-type"] = false, accept = false }
  local headers = header_lines(check_type(o, "headers", "table", name), name, has)
  if o.json ~= nil then
    if body then refuse(name .. ": body or json, not both") end
    body = json.encode(o.json)
    if not has["content-type"] then headers[#headers + 1] = "Content-Type: application/json" end
    if not has.accept then headers[#headers + 1] = "Accept: application/json" end
  end
  if body and (method == "GET" or method == "HEAD") then
    refuse(name .. ": a " .. method .. " request has no body: use query, or another method")
  end
  check_type(o, "raise", "boolean", name)
  local safe = method == "GET" or method == "HEAD"
  return {
    method = method, url = full_url(o, name), headers = headers, body = body,
    secrets = check_type(o, "secret_headers", "table", name),
    redirects = whole(o, "redirects", 50, name) or (safe and REDIRECTS or 0),
  }, safe
end

-- ---- responses ----

---Invalid UTF-8 as U+FFFD, one for each longest start of a character, as browsers do.
local function valid_utf8(text)
  if utf8.len(text) then return text end
  local out, at = {}, 1
  while at <= #text do
    local n, bad = utf8.len(text, at)
    local to = n and #text or bad - 1
    if to >= at then out[#out + 1] = string.sub(text, at, to) end
    at = to + 1
    if at > #text then break end
    local lead, next_byte = string.byte(text, at, at + 1)
    local low, high, more = 0x80, 0xBF, lead >= 0xC2 and lead <= 0xDF and 1 or lead >= 0xE0 and lead <= 0xEF and 2
      or lead >= 0xF0 and lead <= 0xF4 and 3 or 0
    if lead == 0xE0 then low = 0xA0 elseif lead == 0xED then high = 0x9F end
    if lead == 0xF0 then low = 0x90 elseif lead == 0xF4 then high = 0x8F end
    local stop = at + 1
    if more > 0 and next_byte and next_byte >= low and next_byte <= high then
      stop = stop + 1
      while more > 1 and stop <= #text and string.byte(text, stop) & 0xC0 == 0x80 do stop, more = stop + 1, more - 1 end
    end
    out[#out + 1] = "\u{FFFD}"
    at = stop
  end
  return table.concat(out)
end

---The headers of a response: looked up ignoring case, repeated ones joined by ", "; walked by pairs each by itself, in
---the order of the answer.
local function headers_of(fields)
  local joined = {}
  for i = 1, #fields, 2 do
    local key = string.lower(fields[i])
    joined[key] = joined[key] and joined[key] .. ", " .. fields[i + 1] or fields[i + 1]
  end
  return setmetatable({}, {
    __metatable = "http.Headers",
    __index = function(_, key) return type(key) == "string" and joined[string.lower(key)] or nil end,
    __newindex = function() refuse "the headers of a response cannot be changed" end,
    __pairs = function()
      local i = -1
      return function()
        i = i + 2
        if fields[i] ~= nil then return fields[i], fields[i + 1] end
      end
    end,
  })
end

---All values of a header, in the order of the answer.
local function values_of(headers, name)
  local list = {}
  if type(name) ~= "string" then refuse("values: the name of a header is a string, not " .. is(name)) end
  for key, value in pairs(headers) do
    if string.lower(key) == string.lower(name) then list[#list + 1] = value end
  end
  return list
end

local function without_query(url) return string.match(url, "^[^?]*") end

local Response = {}

function Response:json()
  local ok, value = pcall(json.decode, self.body)
  if ok then return value end
  local start = string.gsub(string.sub(self.body, 1, 60), "%c", " ")
  local why = string.gsub(value.message, "^json.decode: ", "")
  error(core.error("protocol", without_query(self.url) .. " answered " .. self.status
    .. " with something that is not JSON (" .. why .. "): " .. start, self.status), 0)
end

function Response:values(name) return values_of(self.headers, name) end

local response_meta = {
  __index = Response,
  __name = "http.Response",
  __metatable = "http.Response",
  __tostring = function(r) return "http.Response: " .. r.status .. " " .. without_query(r.url) end,
}

local passing = { [408] = true, [425] = true, [429] = true, [500] = true, [502] = true, [503] = true, [504] = true }

---Raises what the server's refusal says.
local function raise_refusal(method, safe, status, url, body, response)
  local shown = string.gsub(string.sub(body, 1, SHOWN), "%c+", " ")
  if #body > SHOWN then -- no character cut in two
    for _ = 1, 3 do
      if not utf8.len(shown) then shown = string.sub(shown, 1, -2) end
    end
  end
  shown = valid_utf8(shown)
  local text = method .. " " .. without_query(url) .. " answered " .. status .. (shown ~= "" and ": " .. shown or "")
  local e = core.error("http", text, status, safe and passing[status])
  e.response = response
  error(e, 0)
end

local function request(o, name)
  local r, safe = build(o, options, name)
  r.timeout_ms = milliseconds(o, "timeout", name) or 30000
  r.max_body = whole(o, "max_body", 1 << 40, name) or MAX_BODY
  if r.max_body == 0 then refuse(name .. ": max_body must be 1 byte at least") end
  local status, url, fields, body = core.request(r)
  local response = setmetatable({
    status = status, ok = status >= 200 and status < 300, url = url, headers = headers_of(fields), body = body,
  }, response_meta)
  if status >= 400 and o.raise ~= false then raise_refusal(r.method, safe, status, url, body, response) end
  return response
end

function http.request(o)
  if type(o) ~= "table" then refuse("http.request: argument 1 must be a table of options, not " .. is(o)) end
  return request(o, "http.request")
end

---`o` with the address and what else a function fixes; the caller's table stays as it is.
local function with(o, fixed, name)
  local copy = {}
  for key, value in pairs(o or {}) do copy[key] = value end
  for key, value in pairs(fixed) do
    if copy[key] ~= nil then refuse(name .. ": " .. key .. " is given by the function, not by an option") end
    copy[key] = value
  end
  return copy
end

local function check_table(value, number, name)
  if value ~= nil and type(value) ~= "table" then
    refuse(name .. ": argument " .. number .. " must be a table of options, not " .. is(value))
  end
end

function http.get(url, o)
  check_table(o, 2, "http.get")
  return request(with(o, { url = url, method = "GET" }, "http.get"), "http.get")
end

function http.post(url, body, o)
  if type(body) ~= "string" then
    if o ~= nil then
      refuse("http.post: argument 2 must be the body, a string, when options follow it, not " .. is(body))
    end
    check_table(body, 2, "http.post")
    return request(with(body, { url = url, method = "POST" }, "http.post"), "http.post")
  end
  check_table(o, 3, "http.post")
  return request(with(o, { url = url, method = "POST", body = body }, "http.post"), "http.post")
end

-- ---- streams ----

local Stream = {}
local cores = setmetatable({}, { __mode = "k" })

local function core_of(stream, method)
  local c = cores[stream]
  if not c then refuse("stream:" .. method .. ": call it with a colon, on a stream") end
  return c
end

function Stream:read() return core_of(self, "read"):read() end

function Stream:close() core_of(self, "close"):close() end

function Stream:values(name)
  core_of(self, "values")
  return values_of(self.headers, name)
end

---Lines without their ends, which are LF or CRLF; what is behind the last end is a line too.
function Stream:lines()
  local c = core_of(self, "lines")
  local rest, at, ended = "", 1, false -- what was not handed out, from `at` on
  local looked = 1                     -- there is no end before this place
  return function()
    while true do
      local lf = string.find(rest, "\n", looked, true)
      if lf then
        local line = string.sub(rest, at, lf - 1)
        at, looked = lf + 1, lf + 1
        return string.sub(line, -1) == "\r" and string.sub(line, 1, -2) or line
      end
      if ended then
        if at > #rest then return nil end
        local line = string.sub(rest, at)
        at, looked = #rest + 1, #rest + 1
        return line
      end
      rest = string.sub(rest, at)
      at, looked = 1, #rest + 1
      if #rest > MAX_LINE then
        error(core.error("protocol", without_query(self.url) .. " sent a line longer than a megabyte"), 0)
      end
      local piece = c:read()
      if piece then rest = rest .. piece else ended = true end
    end
  end
end

---A parser of server-sent events as the WHATWG describes them: feed(piece) returns a list of events.
---A CR ends a line at once; the LF that may follow it in the next piece belongs to it.
local function event_parser()
  local rest, first, after_cr = "", true, false
  local data, kind, id, retry = {}, "", "", nil
  local size = 0 -- of the event that is coming in

  local function dispatch(events)
    if #data > 0 then
      events[#events + 1] = {
        event = kind ~= "" and kind or "message", data = table.concat(data, "\n"), id = id, retry_ms = retry,
      }
    end
    data, kind, size = {}, "", 0
  end

  local function take(line, events)
    if first then
      first = false
      if string.sub(line, 1, 3) == "\xEF\xBB\xBF" then line = string.sub(line, 4) end
    end
    if line == "" then return dispatch(events) end
    line = valid_utf8(line)
    local colon = string.find(line, ":", 1, true)
    local field = colon and string.sub(line, 1, colon - 1) or line
    local value = colon and string.sub(line, string.byte(line, colon + 1) == 32 and colon + 2 or colon + 1) or ""
    if field == "data" then
      data[#data + 1] = value
      size = size + #value + 1
    elseif field == "event" then
      kind = value
    elseif field == "id" then
      if not string.find(value, "\0", 1, true) then id = value end
    elseif field == "retry" and string.find(value, "^%d+$") then
      retry = math.tointeger(tonumber(value)) or retry
    end
  end

  ---The events that `piece` completes, and how many bytes of the next one are there.
  return function(piece)
    local events = {}
    if after_cr and piece ~= "" then
      if string.byte(piece) == 10 then piece = string.sub(piece, 2) end
      after_cr = false
    end
    local text, at = rest .. piece, 1
    local lf, cr = string.find(text, "\n", #rest + 1, true), string.find(text, "\r", #rest + 1, true)
    while lf or cr do
      local stop = lf and cr and math.min(lf, cr) or lf or cr
      take(string.sub(text, at, stop - 1), events)
      at = stop + 1
      if stop == cr then
        after_cr = at > #text
        if lf == at then at = at + 1 end
        cr = string.find(text, "\r", at, true)
      end
      if lf and lf < at then lf = string.find(text, "\n", at, true) end
    end
    rest = string.sub(text, at)
    return events, #rest + size
  end
end

---Server-sent events: { event = "message", data = "…", id = "", retry_ms = 3000 }, without comments.
function Stream:events()
  local c = core_of(self, "events")
  local media = string.lower(string.match(self.headers["content-type"] or "", "^[^; ]*"))
  if media ~= "text/event-stream" then
    error(core.error("protocol", without_query(self.url) .. " sends '" .. media .. "', no text/event-stream"), 0)
  end
  local feed, events, at = event_parser(), {}, 0
  return function()
    while true do
      at = at + 1
      if events[at] then return events[at] end
      local piece = c:read()
      if not piece then return nil end -- an event without its empty line does not count
      local waiting
      events, waiting = feed(piece)
      at = 0
      if waiting > MAX_BODY then
        error(core.error("protocol", without_query(self.url) .. " sent an event longer than 16 MiB"), 0)
      end
    end
  end
end

local stream_meta = {
  __index = Stream,
  __name = "http.Stream",
  __metatable = "http.Stream",
  __close = Stream.close,
  __tostring = function(s) return "http.Stream: " .. s.status .. " " .. without_query(s.url) end,
}

function http.stream(o)
  local name = "http.stream"
  if type(o) ~= "table" then refuse("http.stream: argument 1 must be a table of options, not " .. is(o)) end
  local r, safe = build(o, stream_options, name)
  r.head_timeout_ms = milliseconds(o, "timeout", name) or 30000
  r.idle_timeout_ms = o.idle == false and 0 or milliseconds(o, "idle", name) or IDLE * 1000
  r.max_body = whole(o, "max_body", 1 << 53, name)
  if r.max_body == 0 then refuse(name .. ": max_body must be 1 byte at least") end
  local c, status, url, fields = core.stream(r)
  local stream = setmetatable({
    status = status, ok = status >= 200 and status < 300, url = url, headers = headers_of(fields),
  }, stream_meta)
  cores[stream] = c
  if status < 400 or o.raise == false then return stream end
  local body = ""
  while #body < SHOWN do
    local piece = c:read()
    if not piece then break end
    body = body .. piece
  end
  c:close()
  return raise_refusal(r.method, safe, status, url, body, stream)
end

return http
