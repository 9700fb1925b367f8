-- What stands before the cursor: a reader of Lua that goes on through whatever is unfinished or wrong, and says in
-- which expression, string, argument and field of a table something is being typed.
local syntax = require "prompt.syntax"

local context = {}

local MOST = 8 << 10 -- bytes before the cursor that are read: a pasted program must not make a key wait

---@class prompt.Part One step of an expression `a.b[1]:c("x").d`.
---@field kind "name"|"index"|"call"|"string"|"unknown" "string": a literal; "unknown": what only running it could tell
---@field value? string|integer of a name or an index
---@field mark? "."|":" before a name that is not the first

---@class prompt.Frame A bracket, or a block, that is open at the cursor.
---@field open "("|"{"|"["|"block"
---@field callee? prompt.Part[] of a call: `f(`, `f{`, `f"`
---@field argument? integer of a call: the number of the argument at the cursor
---@field key? string of a table: of the value at the cursor, `{ key = `
---@field given? string[] of a table: the keys so far
---@field of? prompt.Part[] of an index: `a.b[`

---@class prompt.Place
---@field kind "name"|"string"|"comment"|"number"|"end" "end": right behind an expression
---@field from integer bytes before the word
---@field word string what of it is typed
---@field path prompt.Part[] what stands before the word and its mark; empty when it begins an expression
---@field mark? "."|":"
---@field frames prompt.Frame[] the innermost last
---@field key boolean a key of a table may be meant
---@field value boolean an argument or a value begins here
---@field declares boolean the name is a new one
---@field names table<string, prompt.Part[]|true> those that the text itself makes, and what they are set to

-- ---- tokens ----

-- The token at `at`: its kind, and the position behind it; for what is not finished also the position of its inside.
local function long_bracket(text, at)
  local level, inside = text:match("^%[(=*)%[()", at)
  if not level then return nil end
  local _, last = text:find("]" .. level .. "]", inside, true)
  return last and last + 1, inside
end

local function quoted(text, at, quote)
  local from = at + 1
  while true do
    local found = text:find("[\\\n" .. quote .. "]", from)
    if not found then return nil end
    local c = text:sub(found, found)
    if c == quote then return found + 1 end
    if c == "\n" then return found end -- it cannot go on: a mistake, and over
    from = found + 2
    if from > #text + 1 then return nil end
  end
end

local function next_token(text, at)
  local after = text:match("^[%a_\128-\255][%w_\128-\255]*()", at)
  if after then return "name", after end
  local c = text:sub(at, at)
  if c == '"' or c == "'" then
    after = quoted(text, at, c)
    return "string", after, at + 1
  elseif text:find("^%-%-", at) then
    local inside
    after, inside = long_bracket(text, at + 2)
    if inside then return "comment", after, inside end
    after = text:find("\n", at, true)
    return "comment", after, at + 2
  elseif text:find("^%[=*%[", at) then
    local inside
    after, inside = long_bracket(text, at)
    return "string", after, inside
  elseif text:find("^%.?%d", at) then
    return "number", text:match("^0[xX][%x.]*()", at) or text:match("^[%d.]*[eE][+-]%d*()", at) or
      text:match("^[%d.]+%w*()", at)
  end
  return "mark", text:match("^%.%.%.?()", at) or text:match("^[=~<>]=()", at) or text:match("^::()", at) or at + 1
end

-- ---- the reader ----

local Reader = {}
Reader.__index = Reader

function Reader:top() return self.frames[#self.frames] end

function Reader:push(frame)
  self.frames[#self.frames + 1] = frame
  self.expr = nil
  return frame
end

-- Takes the innermost bracket of this kind off, and what was left open inside of it; a block holds brackets together.
function Reader:pop(open)
  for i = #self.frames, 1, -1 do
    local frame = self.frames[i]
    if frame.open == open then
      for k = #self.frames, i, -1 do self.frames[k] = nil end
      return frame
    end
    if frame.open == "block" then return nil end
  end
end

-- Goes on with the expression that has just ended, or begins another one.
function Reader:append(part)
  if self.expr then
    self.expr[#self.expr + 1] = part
    self.candidate = nil
    return
  end
  self.expr = { part }
  if self.set and self.before == "=" and #self.frames == self.depth then self.names[self.set] = self.expr end
end

-- Whether what comes next belongs to the expression: a call, an index.
function Reader:continues() return self.expr ~= nil and not self.mark end

function Reader:name(word)
  local top = self:top()
  if self.mark then
    if self.expr then self:append{ kind = "name", value = word, mark = self.mark } end
    self.mark = nil
    return
  end
  if self.declares or self.header then
    if self.before ~= "<" then -- an attribute
      self.names[word] = true
      self.set = self.declares and word or nil
    end
    self.expr = self.header and { { kind = "name", value = word } } or nil
    return
  end
  if self.expr then self.set, self.several = nil, false end -- another statement
  self.expr = nil
  self:append{ kind = "name", value = word }
  if top and top.open == "{" and self:at_key() then
    top.candidate = word
  elseif not top or top.open == "block" then
    self.candidate = word -- of an assignment
  end
end

-- A key may stand here: the table has just begun, or its last field has ended.
function Reader:at_key()
  local b = self.before
  return b == "{" or b == "," or b == ";"
end

function Reader:keyword(word)
  self.expr, self.mark, self.set, self.several, self.candidate = nil, nil, nil, false, nil
  self.declares = word == "local" or word == "for"
  if word == "function" then
    self:push{ open = "block" }
    self.header = true
  elseif word == "if" or word == "do" or word == "repeat" then
    self:push{ open = "block" }
  elseif word == "end" or word == "until" then
    for i = #self.frames, 1, -1 do
      local open = self.frames[i].open
      self.frames[i] = nil
      if open == "block" then break end
    end
  end
end

function Reader:open_round()
  if self.header then
    self.header = false
    self:push{ open = "(", params = true }
    self.declares = true
    return
  end
  self:push{ open = "(", callee = self:continues() and self.expr or nil, argument = 1 }
end

function Reader:close_round()
  local frame = self:pop "("
  self.expr, self.declares = nil, false
  if not frame or frame.params then return end
  if frame.callee then
    self.expr = frame.callee
    self:append{ kind = "call" }
  else
    self.expr = { { kind = frame.tokens == 1 and frame.constant == "string" and "string" or "unknown" } }
  end
end

function Reader:open_square()
  if self:continues() then return self:push{ open = "[", of = self.expr } end
  local top = self:top()
  self:push{ open = "[", key_of = top and top.open == "{" and self:at_key() and top or nil }
end

function Reader:close_square()
  local frame = self:pop "["
  self.expr = nil
  if not frame then return end
  if frame.key_of then
    frame.key_of.candidate = frame.constant == "string" and frame.value or nil
  elseif frame.of then
    self.expr = frame.of
    local value = frame.tokens == 1 and frame.value
    self:append(value and { kind = "index", value = value } or { kind = "unknown" })
  end
end

function Reader:close_curly()
  local frame = self:pop "{"
  self.expr = nil
  if frame and frame.callee then
    self.expr = frame.callee
    self:append{ kind = "call" }
  end
end

function Reader:comma()
  local top = self:top()
  self.expr, self.set, self.candidate = nil, nil, nil
  if not top or top.open == "block" then
    self.several = true
    return
  end
  if top.argument then top.argument = top.argument + 1 end
  if top.open == "{" then top.key, top.candidate = nil, nil end
end

function Reader:equals()
  local top = self:top()
  self.expr, self.declares = nil, false
  if top and top.open == "{" then
    if top.candidate and not top.key then
      top.key = top.candidate
      table.insert(top.given, top.candidate)
    end
  elseif self.several then
    self.set = nil
  elseif not self.set then
    self.set = self.candidate
  end
  self.depth, self.several, self.candidate = #self.frames, false, nil
end

local marks = {
  ["("] = Reader.open_round, [")"] = Reader.close_round, ["["] = Reader.open_square, ["]"] = Reader.close_square,
  ["}"] = Reader.close_curly, [","] = Reader.comma, [";"] = Reader.comma, ["="] = Reader.equals,
  ["{"] = function(self)
    self:push{ open = "{", callee = self:continues() and self.expr or nil, given = {} }
  end,
}
-- Behind these a list of new names goes on.
local in_declaration = { [","] = true, ["<"] = true, [">"] = true, ["..."] = true }

function Reader:token(kind, text)
  if kind == "comment" then return end
  local top = not text:find "^[)%]}]$" and self:top()
  if top then
    top.tokens = (top.tokens or 0) + 1
    top.constant, top.value = kind, nil
    if kind == "string" then top.value = text:match "^[\"'](.*)[\"']$" or text:match "^%[=*%[(.*)%]=*%]$" end
    if kind == "number" then top.value = math.tointeger(tonumber(text)) end
  end
  if kind == "name" then
    if syntax.keywords[text] and not self.mark then self:keyword(text) else self:name(text) end
  elseif kind == "string" then
    self.mark = nil
    if self:continues() then self:append{ kind = "call" } else self.expr = nil end
  elseif kind == "number" then
    self.expr, self.mark = nil, nil
  elseif (text == "." or text == ":") then
    self.mark = text
    if self.header and self.expr and self.expr[1].value then self.names[self.expr[1].value] = nil end -- function a.b()
    if not self.expr then self.expr = { { kind = "unknown" } } end
  else
    self.mark = nil
    if self.declares and not in_declaration[text] and text ~= "(" then self.declares = false end
    local act = marks[text]
    if act then
      act(self, text)
    else
      if self.set and self.expr and self.names[self.set] == self.expr then self.names[self.set] = true end
      self.expr, self.set = nil, nil
    end
  end
  self.before = text
end

-- ---- the place ----

local function values_begin(before)
  return before == "=" or before == "(" or before == "," or before == "{" or before == ";"
end

---What is being typed behind the first `cursor` bytes of `text`.
---@param text string
---@param cursor integer
---@return prompt.Place
function context.at(text, cursor)
  local cut = cursor > MOST and text:find("\n", cursor - MOST, true) or 0
  if cut >= cursor then cut = cursor - MOST end
  text = text:sub(cut + 1, cursor)
  local reader = setmetatable({ frames = {}, names = {}, declares = false }, Reader)
  local place = { kind = "name", from = #text, word = "", path = {}, frames = reader.frames, names = reader.names,
    key = false, value = false, declares = false }
  local at = 1
  while true do
    at = text:match("^%s*()", at)
    if at > #text then break end
    local kind, after, inside = next_token(text, at)
    if not after then -- not finished
      place.kind, place.from, place.word = kind, inside - 1, text:sub(inside)
      if kind == "string" and reader:continues() then
        reader:push{ open = "(", callee = reader.expr, argument = 1 }
      end
      break
    end
    if after > #text and (kind == "name" or kind == "number") then
      place.kind, place.from, place.word = kind, at - 1, text:sub(at)
      break
    end
    reader:token(kind, text:sub(at, after - 1))
    if after > #text and (kind == "string" or text:find("[])}]$")) then place.kind = "end" end
    at = after
  end
  place.from = place.from + cut
  if place.kind == "name" then
    if reader.mark then
      place.mark, place.path = reader.mark, reader.expr or {}
    else
      local top = reader:top()
      place.declares = reader.declares or reader.header or false
      place.key = top ~= nil and top.open == "{" and top.key == nil and reader:at_key()
      place.value = top ~= nil and (top.open == "(" or top.open == "{") and values_begin(reader.before)
    end
  end
  return place
end

return context
