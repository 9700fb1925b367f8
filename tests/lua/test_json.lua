-- Module `json` as scripts use it.
local json = require "json"
local test = require "test"

test("whole numbers stay whole to 64 bits, others are doubles", function(t)
  for text, value in pairs{
    ["9223372036854775807"] = math.maxinteger, ["-9223372036854775808"] = math.mininteger, ["0"] = 0, ["0.25"] = 0.25,
    ["1e+300"] = 1e300,
  } do
    t.eq(json.decode(text), value)
    t.eq(math.type(json.decode(text)), math.type(value))
    t.eq(json.encode(value), text)
  end
  t.eq(json.decode "9223372036854775808", 2.0 ^ 63)
  t.eq(json.encode(0.1 + 0.2), "0.30000000000000004")
end)

test("null is json.null, and an empty list is told from an empty object", function(t)
  local doc = json.decode '{"a":null,"b":[null,1],"c":[]}'
  t.ok(rawequal(doc.a, json.null) and rawequal(doc.b[1], json.null))
  t.eq(#doc.b, 2)
  t.eq(json.encode(json.null), "null")
  t.eq(json.encode{}, "{}")
  t.eq(json.encode(json.empty_array), "[]")
  t.eq(json.encode{ list = json.empty_array }, '{"list":[]}')
end)

test("an empty list that was decoded is written as one until it is filled", function(t)
  local text = '{"a":[],"b":{},"c":[[],{}]}'
  local doc = json.decode(text)
  t.eq(json.encode(doc), text)
  t.eq(#doc.a, 0)
  doc.a[1] = "x"
  doc.c[1].name = "y"
  t.eq(json.encode(doc), '{"a":["x"],"b":{},"c":[{"name":"y"},{}]}')
end)

test("names come out in order, so that a text can be compared", function(t)
  t.eq(json.encode{ b = 1, a = { true, false }, c = "x" }, '{"a":[true,false],"b":1,"c":"x"}')
end)

test("strings survive the way there and back", function(t)
  for _, s in ipairs{ "", "a\0b", 'quote " and \\', "\1\31\127", "tab\tline\n", "é 😀", ("x"):rep(100000) } do
    t.eq(json.decode(json.encode(s)), s)
  end
  t.eq(json.decode [["\ud83d\ude00 \u00e9"]], "😀 é")
end)

test("what JSON cannot hold is refused", function(t)
  local own = {}
  own[1] = own
  for _, v in ipairs{ 0 / 0, 1 / 0, print, { f = print }, { 1, nil, 3 }, { [1.5] = 1 }, { [true] = 1 },
    { 1, a = 2 }, own } do
    t.raises(function() json.encode(v) end, "validation")
  end
  t.raises(function() json.encode() end, "validation")
  t.raises(function() json.decode() end, "validation")
  t.raises(function() json.decode(5) end, "validation")
end)

test("a text that is no JSON is refused with its place", function(t)
  for _, s in ipairs{
    "", " ", "[1,]", '{"a":1,}', "{a:1}", "'x'", '"a', [["\x"]], [["\u12"]], '"\t"',
    "[1] x", "tru", "[", "]", "01", "+1",
    ".5", "1.", "1e", "nan", "1e999", ("["):rep(100000), ("["):rep(101) .. ("]"):rep(101), "// c\n1", "\xef\xbb\xbf1",
  } do
    t.ok(t.raises(function() json.decode(s) end, "validation").message:find "at byte %d+")
  end
end)
