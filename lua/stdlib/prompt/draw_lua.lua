-- Portraits as Lua that can be pasted back: sorted keys, lines that fit, and what has no text in Lua as a comment.
local draw_text = require "prompt.draw_text"
local style = require "prompt.style"
local syntax = require "prompt.syntax"
local values = require "prompt.values"
local width = require "prompt.width"

local lua = {}

local INDENT = "  "
local LEAST = 14       -- columns that a value has, however deep it is
local AGAIN = 100000   -- values that are written, before a shared table is not written once more
local REMARK = 60      -- columns of a comment
local SHORT = 24       -- bytes of a text of which several stand in one line
local PER_LINE = "\\z" -- what a text that goes on in the next line ends in: it skips blanks
local BLANK = "\\032"  -- one that is not skipped

-- ---- texts ----

local ESCAPES = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ["\\"] = "\\\\", ['"'] = '\\"' }

-- Characters that are not to be seen or that turn what stands beside them, and with `ascii` all beyond it.
local function escape_code(character, ascii)
  local code = utf8.codepoint(character)
  local hidden = code < 0xA0 or code == 0xAD or width.at(code) == 0 or code >= 0xE000 and code < 0xF900
    or code >= 0xF0000
  return (ascii or hidden) and string.format("\\u{%X}", code) or character
end

---A text as Lua would read it, in quotes. Control characters, bytes that are no UTF-8 and invisible characters are
---escaped.
function lua.quote(text, ascii)
  local quoted = text:gsub('([%c\127\\"])(%d?)', function(c, digit)
    return (ESCAPES[c] or string.format(digit == "" and "\\%d" or "\\%03d", c:byte())) .. digit
  end)
  if quoted:find "[\128-\255]" then
    if utf8.len(quoted) then
      quoted = quoted:gsub("[\194-\244][\128-\191]*", function(c) return escape_code(c, ascii) end)
    else
      quoted = quoted:gsub("[\128-\255]", function(c) return string.format("\\x%02X", c:byte()) end)
    end
  end
  return '"' .. quoted .. '"'
end

-- The pieces of a quoted text that may not be torn: escapes, characters.
local function pieces(quoted)
  local out, at = {}, 1
  while at <= #quoted do
    local piece = quoted:match("^\\u{%x+}", at) or quoted:match("^\\x%x%x", at) or quoted:match("^\\%d%d?%d?", at)
      or quoted:match("^\\.", at) or quoted:match("^[\194-\244][\128-\191]*", at) or quoted:sub(at, at)
    out[#out + 1] = piece
    at = at + #piece
  end
  return out
end

-- A quoted text as lines of at most so many columns, the first of `first`, broken at blanks where there are any.
local function broken(quoted, first, rest)
  local lines, line, taken, blank = {}, {}, 0, nil
  local room = first - 2
  for _, piece in ipairs(pieces(quoted)) do
    local columns = width.of(piece)
    if taken + columns > room and #line > 0 then
      local from = blank and blank > #line // 2 and blank or #line
      lines[#lines + 1] = table.concat(line, "", 1, from) .. PER_LINE
      line = table.move(line, from + 1, #line, 1, {})
      if line[1] == " " then line[1] = BLANK end
      taken, blank, room = width.of(table.concat(line)), nil, rest - 2
      if #line == 0 and piece == " " then piece, columns = BLANK, #BLANK end
    end
    line[#line + 1] = piece
    taken = taken + columns
    if piece == " " then blank = #line end
  end
  lines[#lines + 1] = table.concat(line)
  return lines
end

-- The columns of a text that may have codes of colour.
local function columns_of(s)
  if not s:find "[\27\128-\255]" then return #s end
  return width.of(style.plain(s))
end

-- A comment of at most so many columns, as far as that leaves any for its text.
local function remark(c, text, room)
  room = math.max(math.min(REMARK, (room or REMARK) - #"--[[  ]]"), LEAST - #"--[[  ]]")
  text = width.cut(width.clean(text, c.ascii):gsub("%]%]", "] ]"), room, c.ascii and "..." or "…")
  return style.paint(c.colour, style.DIM, "--[[ " .. text .. " ]]")
end

-- ---- single values ----

local function number(p)
  local n = values.number(p)
  if math.type(n) == "integer" then return n == math.mininteger and "math.mininteger" or string.format("%d", n) end
  if not n or n ~= n then return "0/0" end
  if n == math.huge then return "math.huge" end
  if n == -math.huge then return "-math.huge" end
  return p.n:match "^%-?[%d.]+e?[+-]?%d*$" or string.format("%.17g", n) -- the other end may be anybody
end

-- What a userdata's picture says of it, in a few words.
local function userdata_words(p)
  local picture = p.v and values.of(p.v) or {}
  local words = { p.u }
  for _, name in ipairs{ "id", "ticker", "status", "name" } do
    local value = picture[name]
    if type(value) == "string" or type(value) == "number" then words[#words + 1] = tostring(value) end
  end
  if picture.closed == true then words[#words + 1] = "closed" end
  return table.concat(words, " ")
end

---What a value without a text in Lua is, in words: "function json.encode". `key`: the name that it has where it stands,
---which is then not said again.
function lua.words(p, key)
  local kind = values.kind(p)
  if kind == "function" then
    if key and p.c and (p.fn == key or p.fn:sub(-#key - 1) == "." .. key) then return "function" end
    return p.fn == "?" and "function of C" or "function " .. p.fn
  end
  if kind == "thread" then return "coroutine, " .. p.co .. (p.at and " at " .. p.at or "") end
  if kind == "userdata" then return userdata_words(p) end
  return "light userdata"
end

local write

-- The target of a reference: nil with words when it cannot be written (again).
local function target(p, c)
  local is = c.ids[p.ref]
  if not is then return nil, "table " .. p.ref end
  for up = #c.open, 1, -1 do
    if c.open[up] == p.ref then
      local levels = #c.open - up
      if levels == 0 then return nil, "itself" end
      return nil, "the table " .. draw_text.several(levels, "level") .. " up"
    end
  end
  if c.written > AGAIN then return nil, "table " .. p.ref .. " again" end
  return is
end

-- A value in one line; nil when it is longer than `room` columns.
local function flat(p, c, room, key)
  if room < 1 then return nil end
  c.written = c.written + 1
  local kind = values.kind(p)
  local text
  if kind == "nil" then
    text = "nil"
  elseif kind == "boolean" then
    text = tostring(p)
  elseif kind == "number" then
    text = number(p)
  elseif kind == "null" then
    text = "json.null"
  elseif kind == "string" then
    local s, length = values.text(p)
    if #s > 4 * room then return nil end
    text = lua.quote(s, c.ascii)
    if length > #s then text = text .. " " .. remark(c, draw_text.number(length - #s, 0) .. " more bytes") end
  elseif kind == "ref" then
    local is, words = target(p, c)
    if is then return flat(is, c, room, key) end
    text = "nil " .. remark(c, words)
  elseif kind == "table" then
    return write.flat_table(p, c, room)
  else
    text = "nil " .. remark(c, lua.words(p, key), (c.room or math.huge) - #"nil ")
  end
  if #text > room and columns_of(text) > room then return nil end
  return text
end

-- ---- tables ----

write = {}

local function is_name(p)
  return type(p) == "string" and p:find "^[%a_][%w_]*$" and not syntax.keywords[p]
end

-- `name = `, `[1.5] = `; nil for a key that cannot be written.
local function key_text(p, c)
  if is_name(p) then return p .. " = " end
  local kind = values.kind(p)
  if kind == "ref" then
    p = target(p, c)
    if not p then return nil end
    kind = values.kind(p)
  end
  if kind == "string" then
    local s, length = values.text(p)
    if length > #s then return nil end
    return "[" .. lua.quote(s, c.ascii) .. "] = "
  end
  if kind ~= "number" and kind ~= "boolean" and kind ~= "table" and kind ~= "null" then return nil end
  local text = flat(p, c, math.huge)
  return text and "[" .. text .. "] = "
end

-- What a table says of itself beside its entries.
local function remarks(p, c)
  local out = {}
  if p.deep then
    local n = p.n or 0
    if p.cut then
      out[1] = remark(c, draw_text.number(n, 0) .. " or more entries")
    elseif n ~= 0 then
      out[1] = remark(c, draw_text.several(n, "entry", "entries"))
    end
  elseif p.na or p.nh then
    local more = (p.na or 0) + (p.nh or 0)
    out[1] = remark(c, draw_text.number(more, 0) .. (p.cut and p.nh and " or more" or "") .. " more")
  end
  if p.mt then out[#out + 1] = remark(c, p.mt == true and "metatable" or "metatable " .. p.mt) end
  return out
end

-- fn(key text or nil, value) for each entry until it returns true; how many there are.
local function each_entry(p, c, fn)
  local a, h = p.a or {}, p.h or {}
  for i = 1, #a do
    if fn(nil, a[i]) then return end
  end
  for i = 1, #h do
    local key = key_text(h[i][1], c)
    if key then
      if fn(key, h[i][2]) then return end
    elseif fn(nil, nil, h[i]) then
      return
    end
  end
end

-- An entry whose key cannot be written.
local function lost_entry(pair, c, room)
  local kind = values.kind(pair[1])
  local key = (kind == "ref" and "a table" or kind == "string" and "a long text" or lua.words(pair[1]))
  local value = flat(pair[2], c, REMARK) or c.ascii and "..." or "…"
  return remark(c, "[" .. key .. "] = " .. style.plain(value), room)
end

function write.flat_table(p, c, room)
  local parts, taken, failed = {}, 4, false
  c.open[#c.open + 1] = p.t
  each_entry(p, c, function(key, value, lost)
    local text
    if lost then
      text = lost_entry(lost, c)
    else
      key = key or ""
      text = flat(value, c, room - taken - #key, key:match "^[%w_]+")
      text = text and key .. text
    end
    if not text then
      failed = true
      return true
    end
    parts[#parts + 1] = text
    taken = taken + columns_of(text) + 2
    failed = taken > room + 2
    return failed
  end)
  c.open[#c.open] = nil
  if failed then return nil end
  for _, text in ipairs(remarks(p, c)) do parts[#parts + 1] = text end
  if #parts == 0 then return "{}" end
  local text = "{ " .. table.concat(parts, ", ") .. " }"
  if columns_of(text) > room then return nil end
  return text
end

local function out_line(c, text)
  c.lines[#c.lines + 1] = text
end

-- Values of a list that are short stand in one line as far as there is room.
local function is_short(p)
  local kind = values.kind(p)
  return kind == "number" or kind == "boolean" or kind == "null" or type(p) == "string" and #p <= SHORT
end

function write.table(p, c, depth, before, after)
  local indent = INDENT:rep(math.min(depth + 1, c.width // 4))
  out_line(c, before .. "{")
  c.open[#c.open + 1] = p.t
  local row = nil
  local function flush()
    if row then out_line(c, indent .. row) end
    row = nil
  end
  local shown, all = 0, #(p.a or {}) + #(p.h or {})
  each_entry(p, c, function(key, value, lost)
    if #c.lines >= c.most then
      flush()
      local more = draw_text.number(all - shown + (p.na or 0) + (p.nh or 0), 0) .. " more"
      out_line(c, indent .. remark(c, more, c.width - #indent))
      shown = nil
      return true
    end
    shown = shown + 1
    local text = not lost and not key and is_short(value) and flat(value, c, c.width - #indent - 1)
    if lost then
      flush()
      out_line(c, indent .. lost_entry(lost, c, c.width - #indent))
    elseif text then
      text = text .. ","
      if row and width.of(indent) + width.of(row) + 1 + width.of(text) > c.width then flush() end
      row = row and row .. " " .. text or text
    else
      flush()
      write.value(value, c, depth + 1, indent .. (key or ""), ",", key and key:match "^[%w_]+")
    end
  end)
  flush()
  c.open[#c.open] = nil
  if shown then
    for _, text in ipairs(remarks(p, c)) do out_line(c, indent .. text) end
  end
  out_line(c, INDENT:rep(math.min(depth, c.width // 4)) .. "}" .. after)
end

-- A value over as many lines as it needs; `before` stands before its first one, `after` behind its last one.
function write.value(p, c, depth, before, after, key)
  local room = math.max(c.width - width.of(before) - #after, LEAST)
  c.room = room
  local text = flat(p, c, room, key)
  if text then return out_line(c, before .. text .. after) end
  local kind = values.kind(p)
  if kind == "ref" then
    p = target(p, c)
    kind = values.kind(p)
  end
  if kind == "table" then return write.table(p, c, depth, before, after) end
  if kind ~= "string" then return out_line(c, before .. flat(p, c, math.huge, key) .. after) end
  local indent = INDENT:rep(math.min(depth + 1, c.width // 4))
  local s, length = values.text(p)
  local lines = broken(lua.quote(s, c.ascii), room, math.max(c.width - #indent - #after, LEAST))
  for i, line in ipairs(lines) do
    if i == #lines and length > #s then
      line = line .. " " .. remark(c, draw_text.number(length - #s, 0) .. " more bytes")
    end
    out_line(c, (i == 1 and before or indent) .. line .. (i == #lines and after or ""))
  end
end

---The lines of a value as Lua. `ids`: the tables by number (values.index), for what was shown before. o: width, colour,
---ascii (nothing beyond it), lines (most of them, for a table; what is left out is said).
function lua.lines(p, ids, o)
  local c = {
    ids = ids, width = o.width or 80, colour = o.colour, ascii = o.ascii, most = o.lines or math.huge, lines = {},
    open = {}, written = 0,
  }
  local kind = values.kind(p)
  if kind == "function" or kind == "thread" or kind == "pointer" or kind == "userdata" then
    return { remark(c, lua.words(p)) }
  end
  write.value(p, c, 0, "", "")
  return c.lines
end

return lua
