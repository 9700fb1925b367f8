-- Lua as it is typed: which words are its own, and whether a text is complete.
local syntax = {}

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
  local expression, as_expression = load("return " .. text, chunk, "t", {})
  if expression then return nil end
  local statements, as_statements = load(text, chunk, "t", {})
  if statements then return nil end
  for _, message in ipairs{ as_statements, as_expression } do
    if message:find "<eof>'?$" then return message end
  end
  return nil
end

return syntax
