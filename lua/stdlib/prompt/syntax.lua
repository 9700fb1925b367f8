-- Lua as it is typed: which words are its own, and whether a text is complete.
local syntax = {}

local TRIES = 64 -- places at which a last expression may begin, looked at from the end

-- A line end behind it: a quoted string ends with its line.
local function compiles(text, chunk) return load(text .. "\n", chunk or "=prompt", "t", {}) end

---The words that no variable can be called: a set.
syntax.keywords = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true until
  while]]):gmatch "%a+" do syntax.keywords[word] = true end

---Whether a text is an expression (or several, with commas between).
function syntax.is_expression(text)
  return load("return " .. text, "=prompt", "t", {}) ~= nil
end

---Why a text is not complete: what Lua says where something is missing at its end. nil where nothing is, or where it is
---wrong whatever follows. chunk: what the place in the message is called, "prompt" where it is left out.
function syntax.unfinished(text, chunk)
  chunk = "=" .. (chunk or "prompt")
  local expression, as_expression = compiles("return " .. text, chunk)
  if expression then return nil end
  local statements, as_statements = compiles(text, chunk)
  if statements then return nil end
  for _, message in ipairs{ as_statements, as_expression } do
    if message:find "<eof>'?$" then return message end
  end
  return nil
end

---The text without the "=" in front that other prompts of Lua take; in its place is a blank.
function syntax.without_equals(text) return (text:gsub("^(%s*)=", "%1 ")) end

---The name of the function where a text ends in "value:name", which is no expression; nil where it does not.
function syntax.lone_method(text)
  local name = not text:find("\n", 1, true) and text:match(":%s*([%a_][%w_]*)%s*$")
  return name and compiles("return " .. text .. "()") and name or nil
end

---Splits statements from an expression behind them, so that its value can be shown: both, or nil where there are no
---two. Lua itself goes on with a name after a line end only where it could not end there: no text changes its sense.
function syntax.split(text)
  if compiles("return " .. text) then return nil end
  if text:find "<%s*const%s*>" or text:find "<%s*close%s*>" then return nil end -- such variables end with their input
  local at = #text + 1
  for _ = 1, TRIES do
    repeat at = at - 1 until at < 1 or text:find("^[\n;]", at)
    if at < 1 then return nil end
    local head, tail = text:sub(1, at), text:sub(at + 1)
    if tail:find("^%s*[%a_]") and compiles("return " .. tail) and compiles(head) then
      local in_comment = text:sub(at, at) == ";" and compiles(head .. " $")
      if not in_comment then
        return head, ("\n"):rep(select(2, head:gsub("\n", ""))) .. tail
      end
    end
  end
end

return syntax
