-- Module http above its core: requests as they are built, what a response has, lines and server-sent events cut in
-- every way. The core is made up here; tests/integration/http.test.mjs has servers. Runs in the folder tests/ with
-- --allow-fs for the project.
local json = require "json"
local task = require "task"
local test = require "test"

local file = assert(io.open "../lua/stdlib/http.lua")
local source = file:read "a"
file:close()

local sent, answer -- the core's last request, and what it answers
local pieces       -- of a stream

local function fake_error(kind, message, status, retryable)
  return setmetatable({ kind = kind, message = message, status = status, retryable = retryable or false },
    { __tostring = function(e) return e.kind .. ": " .. e.message end })
end

local function fake_stream()
  local at, closed = 0, false
  return {
    read = function()
      if closed then error(fake_error("closed", "the stream is closed"), 0) end
      at = at + 1
      if at > 50 then task.yield() end -- one that really reads waits
      return pieces[at]
    end,
    close = function() closed = true end,
  }
end

local http = assert(load(source, "=kalua/http.lua", "t"))({
  request = function(r)
    sent = r
    return answer.status, answer.url or r.url, answer.fields or {}, answer.body or ""
  end,
  stream = function(r)
    sent = r
    return fake_stream(), answer.status, r.url, answer.fields or {}
  end,
  error = fake_error,
  nearest = function(name, names)
    for _, n in ipairs(names) do if n:sub(1, 3) == name:sub(1, 3) then return n end end
  end,
})

local URL = "https://api.example.test/v1"
local function answers(a) answer = a end

-- ---- requests ----

test("a get has no body and follows five redirects", function(t)
  answers{ status = 200 }
  http.get(URL)
  t.eq(sent, { method = "GET", url = URL, headers = {}, redirects = 5, timeout_ms = 30000, max_body = 16777216 })
end)

test("a post follows none, unless it is told to", function(t)
  answers{ status = 200 }
  http.post(URL, "text", { headers = { ["Content-Type"] = "text/plain" }, timeout = 0.0015, max_body = 10 })
  t.eq(sent, { method = "POST", url = URL, headers = { "Content-Type: text/plain" }, body = "text", redirects = 0,
    timeout_ms = 2, max_body = 10 })
  http.post(URL, { redirects = 2 })
  t.eq(sent.redirects, 2)
  t.eq(sent.body, nil)
end)

test("json is encoded, and says so", function(t)
  answers{ status = 200 }
  http.post(URL, { json = { b = { 1, 2 }, a = json.null } })
  t.eq(sent.body, '{"a":null,"b":[1,2]}')
  t.eq(sent.headers, { "Content-Type: application/json", "Accept: application/json" })
  http.request{ url = URL, method = "put", json = false,
    headers = { ["content-type"] = "application/x+json", Accept = "*/*" } }
  t.eq(sent.method, "PUT")
  t.eq(sent.body, "false")
  t.eq(sent.headers, { "Accept: */*", "content-type: application/x+json" })
end)

test("a query is encoded and joined to what the address has", function(t)
  answers{ status = 200 }
  local function url(base, query)
    http.get(base, { query = query })
    return sent.url
  end
  t.eq(url(URL, { b = "a b&c=d/ü", a = 1, c = { true, 2.5, "x" }, d = 1e15, e = 0.1, f = 3.0 }),
    URL .. "?a=1&b=a%20b%26c%3Dd%2F%C3%BC&c=true&c=2.5&c=x&d=1000000000000000&e=0.1&f=3")
  t.eq(url(URL .. "?x=1", { ["a b"] = "-._~" }), URL .. "?x=1&a%20b=-._~")
  t.eq(url(URL .. "?", { a = "1" }), URL .. "?a=1")
  t.eq(url(URL .. "?x&", { a = "1" }), URL .. "?x&a=1")
  t.eq(url(URL .. "#part?", { a = "1" }), URL .. "?a=1")
  t.eq(url(URL, {}), URL)
end)

test("a header may be given several times, or by a number", function(t)
  answers{ status = 200 }
  http.get(URL, { headers = { ["X-B"] = { "1", "2" }, ["X-A"] = 5 }, secret_headers = { "X-B" } })
  t.eq(sent.headers, { "X-A: 5", "X-B: 1", "X-B: 2" })
  t.eq(sent.secrets, { "X-B" })
end)

test("wrong options are errors that name them", function(t)
  answers{ status = 200 }
  for text, call in pairs{
    ["http.request: argument 1 must be a table"] = function() http.request(URL) end,
    ["http.get: url must be a string"] = function() http.get() end,
    ["http.get: argument 2 must be a table"] = function() http.get(URL, "x") end,
    ["there is no option timout (did you mean \"timeout\"?)"] = function() http.get(URL, { timout = 1 }) end,
    ["there is no option idle"] = function() http.get(URL, { idle = 1 }) end,
    ["method is given by the function"] = function() http.get(URL, { method = "POST" }) end,
    ["timeout must be above 0"] = function() http.get(URL, { timeout = 0 }) end,
    ["timeout must be a number, not a string"] = function() http.get(URL, { timeout = "1" }) end,
    ["redirects must be a whole number from 0 to 50, not 51"] = function() http.get(URL, { redirects = 51 }) end,
    ["max_body must be a whole number"] = function() http.get(URL, { max_body = 1.5 }) end,
    ["max_body must be 1 byte at least"] = function() http.get(URL, { max_body = 0 }) end,
    ["raise must be a boolean"] = function() http.get(URL, { raise = 1 }) end,
    ["a GET request has no body"] = function() http.get(URL, { json = 1 }) end,
    ["body or json, not both"] = function() http.post(URL, "x", { json = 1 }) end,
    ["'CONNECT' is no method"] = function() http.request{ url = URL, method = "CONNECT" } end,
    ["'G T' is no method"] = function() http.request{ url = URL, method = "G T" } end,
    ["query.a must be a string"] = function() http.get(URL, { query = { a = print } }) end,
    ["the keys of query are names"] = function() http.get(URL, { query = { "a" } }) end,
    ["query.n must be"] = function() http.get(URL, { query = { n = 0 / 0 } }) end,
    ["'X Y' is no name of a header"] = function() http.get(URL, { headers = { ["X Y"] = "1" } }) end,
    ["the keys of headers are names"] = function() http.get(URL, { headers = { "X: 1" } }) end,
    ["line break"] = function() http.get(URL, { headers = { X = "1\r\nY: 2" } }) end,
    ["the header X must be a string"] = function() http.get(URL, { headers = { X = true } }) end,
    ["http.post: argument 2 must be the body"] = function() http.post(URL, { json = 1 }, {}) end,
    ["JSON has no place for a function"] = function() http.post(URL, { json = print }) end,
    ["idle must be above 0"] = function() http.stream{ url = URL, idle = -1 } end,
  } do
    sent = nil
    local err = t.raises(call, "validation")
    t.ok(tostring(err):find(text, 1, true), tostring(err))
    t.eq(sent, nil)
  end
end)

test("the options of a script stay as they are", function(t)
  answers{ status = 200 }
  local o = { headers = { A = "1" } }
  http.get(URL, o)
  http.post(URL, "b", o)
  t.eq(o, { headers = { A = "1" } })
end)

-- ---- responses ----

local FIELDS = { "Content-Type", "application/json", "Set-Cookie", "a=1", "SET-COOKIE", "b=2", "X-Empty", "" }

test("headers are found ignoring case, and kept each by itself", function(t)
  answers{ status = 201, fields = FIELDS, body = '{"a":1}', url = URL .. "/2" }
  local res = http.get(URL)
  t.eq({ res.status, res.ok, res.url, res.body }, { 201, true, URL .. "/2", '{"a":1}' })
  t.eq(res.headers["content-TYPE"], "application/json")
  t.eq(res.headers["set-cookie"], "a=1, b=2")
  t.eq(res.headers["x-empty"], "")
  t.eq(res.headers.missing, nil)
  t.eq(res:values "Set-Cookie", { "a=1", "b=2" })
  t.eq(res:values "missing", {})
  local all = {}
  for name, value in pairs(res.headers) do all[#all + 1] = name .. "=" .. value end
  t.eq(all, { "Content-Type=application/json", "Set-Cookie=a=1", "SET-COOKIE=b=2", "X-Empty=" })
  t.raises(function() res.headers.x = 1 end, "validation")
  t.eq(res:json(), { a = 1 })
end)

test("a body that is no JSON is a protocol error that shows it", function(t)
  answers{ status = 200, body = "<html>\n" }
  local err = t.raises(function() http.get(URL .. "?key=secret"):json() end, "protocol")
  t.eq(err.status, 200)
  t.ok(tostring(err):find("api.example.test/v1 answered 200", 1, true), tostring(err))
  t.ok(tostring(err):find("<html>", 1, true))
  t.ok(not tostring(err):find "secret")
end)

test("a refusal raises, with a piece of the body and the whole response", function(t)
  answers{ status = 503, fields = { "Retry-After", "5" }, body = "ü" .. ("x"):rep(197) .. "é and more\n" }
  local err = t.raises(function() http.get(URL .. "?key=secret") end, "http")
  t.eq({ err.status, err.retryable, err.response.headers["retry-after"], #err.response.body }, { 503, true, "5", 211 })
  t.eq(err.message, "GET " .. URL .. " answered 503: ü" .. ("x"):rep(197))
  t.eq(t.raises(function() http.post(URL, "x") end, "http").retryable, false)
  answers{ status = 404, body = "a\xFFb\0c" }
  err = t.raises(function() http.get(URL) end, "http")
  t.eq({ err.retryable, err.message }, { false, "GET " .. URL .. " answered 404: a\u{FFFD}b c" })
  local res = http.get(URL, { raise = false })
  t.eq({ res.status, res.ok, res.body }, { 404, false, "a\xFFb\0c" })
end)

test("a redirect that was not followed is a response", function(t)
  answers{ status = 302, fields = { "Location", "/x" } }
  local res = http.post(URL, "x")
  t.eq({ res.status, res.ok, res.headers.location }, { 302, false, "/x" })
end)

-- ---- streams ----

local function stream(fields, o)
  answers{ status = 200, fields = fields }
  o = o or {}
  o.url = URL
  return http.stream(o)
end

---Calls fn with the text cut into pieces in every way there is with one cut, and byte by byte.
local function every_way(text, fn)
  for cut = 0, #text do
    pieces = { text:sub(1, cut), text:sub(cut + 1) }
    if cut == 0 or cut == #text then pieces = { text } end
    fn("cut at " .. cut)
  end
  pieces = {}
  for i = 1, #text do pieces[i] = text:sub(i, i) end
  fn "byte by byte"
end

test("a stream is asked for with limits of its own", function(t)
  pieces = {}
  stream({}, { timeout = 5, idle = 2, max_body = 7 })
  t.eq(sent, { method = "GET", url = URL, headers = {}, redirects = 5, head_timeout_ms = 5000, idle_timeout_ms = 2000,
    max_body = 7 })
  stream{}
  t.eq({ sent.head_timeout_ms, sent.idle_timeout_ms, sent.max_body }, { 30000, 60000, nil })
  stream({}, { idle = false })
  t.eq(sent.idle_timeout_ms, 0)
end)

test("pieces are read as they come", function(t)
  pieces = { "a", "bc" }
  local s = stream(FIELDS)
  t.eq({ s.status, s.ok, s.url, s.headers["content-type"] }, { 200, true, URL, "application/json" })
  t.eq(s:values "set-cookie", { "a=1", "b=2" })
  t.eq({ s:read(), s:read(), s:read() }, { "a", "bc" })
  s:close()
  t.raises(function() s:read() end, "closed")
  t.raises(function() s.read{} end, "call it with a colon")
end)

test("a stream closes with its block", function(t)
  pieces = { "a" }
  local kept
  do
    local s <close> = stream{}
    kept = s
  end
  t.raises(function() kept:read() end, "closed")
end)

test("lines, however they are cut", function(t)
  every_way("one\ntwo\r\n\r\n\nthree\rstill\nlast", function(how)
    local got = {}
    for line in stream{}:lines() do got[#got + 1] = line end
    t.eq(got, { "one", "two", "", "", "three\rstill", "last" }, how)
  end)
  pieces = { "a\n" }
  local got = {}
  for line in stream{}:lines() do got[#got + 1] = line end
  t.eq(got, { "a" })
end)

test("a line without an end is not kept for ever", function(t)
  pieces = {}
  for i = 1, 20 do pieces[i] = ("x"):rep(65536) end
  t.raises(function() for _ in stream{}:lines() do end end, "protocol")
end)

local EVENTS = { "Content-Type", "text/event-stream; charset=utf-8" }

local function events(text, t, expected)
  every_way(text, function(how)
    local got = {}
    for event in stream(EVENTS):events() do
      got[#got + 1] = event.event .. "|" .. event.data .. "|" .. event.id .. "|" .. tostring(event.retry_ms)
    end
    t.eq(got, expected, how)
  end)
end

test("server-sent events, however they are cut", function(t)
  events("\u{FEFF}data: one\n\n: a comment\r\ndata:two\r\ndata\rdata:  three é\r\revent: tick\nid: 7\nretry: 1500\n"
    .. "data: x:y\n\nretry: soon\nid\ndata: last\n\n", t, {
    "message|one||nil", "message|two\n\n three é||nil", "tick|x:y|7|1500", "message|last||1500",
  })
end)

test("events without data are none, and one that breaks off does not count", function(t)
  events("event: a\n\nid: 1\n\ndata\n\ndata: \n\nunknown: x\ndata : y\n\ndata: cut", t,
    { "message||1|nil", "message||1|nil" })
end)

test("an id with a zero byte is passed over, a byte order mark is one only at the start", function(t)
  events("id: a\ndata: 1\n\nid: b\0c\ndata: 2\n\n\u{FEFF}data: 3\n\n", t, { "message|1|a|nil", "message|2|a|nil" })
end)

test("invalid UTF-8 in events becomes U+FFFD, as browsers have it", function(t)
  local bad = "\u{FFFD}"
  events("data: a\xFFb\xE2\x82c\xF0\x9F\x98\xC3\xA9\xED\xA0\x80\xC0\xAF\xF4\x90\n\n", t,
    { "message|a" .. bad .. "b" .. bad .. "c" .. bad .. "é" .. bad:rep(3) .. bad:rep(2) .. bad:rep(2) .. "||nil" })
end)

test("the end of line may be CR and LF in any mixture", function(t)
  local expected = {}
  local text = ""
  for _, a in ipairs{ "\n", "\r", "\r\n" } do
    for _, b in ipairs{ "\n", "\r", "\r\n" } do
      if a ~= "\r" or b ~= "\n" then -- those two are one
        text = text .. "data: x" .. a .. b
        expected[#expected + 1] = "message|x||nil"
      end
    end
  end
  events(text, t, expected)
end)

test("an answer of another type has no events", function(t)
  pieces = {}
  for _, fields in ipairs{ {}, { "Content-Type", "text/plain" } } do
    local err = t.raises(function() stream(fields):events() end, "protocol")
    t.ok(tostring(err):find("no text/event-stream", 1, true), tostring(err))
  end
end)

test("an event without an end is not kept for ever", function(t)
  pieces = {}
  local piece = "data: " .. ("x"):rep(65536) .. "\n"
  for i = 1, 300 do pieces[i] = piece end
  t.raises(function() for _ in stream(EVENTS):events() do end end, "protocol")
end)

test("a stream that is refused raises what the server said", function(t)
  pieces = { "not ", "here" }
  answers{ status = 404, fields = {} }
  local err = t.raises(function() http.stream{ url = URL } end, "http")
  t.eq({ err.status, err.message }, { 404, "GET " .. URL .. " answered 404: not here" })
  t.eq(http.stream{ url = URL, raise = false }:read(), "not ")
end)
