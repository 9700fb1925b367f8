-- What the examples and the templates use of a module exists: `kalshi.get_markts` in one of them is told, and so are an
-- option that the function does not have, and a text that is none of those that an option may have.
local doc_comments = require "prompt.doc_comments"
local kalshi = require "kalshi"

local is_module = {}
for _, name in ipairs(doc_comments.modules) do is_module[name] = name ~= "project" end

-- Lua without what stands in comments, and with short strings emptied where `keep` is not given.
local function code_of(source, keep)
  local code = source:gsub("%-%-[^\n]*", "")
  if keep then return code end
  return (code:gsub('"[^"\n]*"', '""'):gsub("'[^'\n]*'", "''"))
end

-- The options of a function by name: the field of each, or true where its values are not known. Nil: it takes no table,
-- or one with any keys.
local function options_of(module, name)
  local fn = doc_comments.all().functions[module .. "." .. name]
  local found
  for _, param in ipairs(fn and fn.params or {}) do
    local fields = doc_comments.fields(param)
    for _, field in ipairs(fields or {}) do
      found = found or {}
      found[field.name] = field
    end
  end
  local ok, op = pcall(kalshi.describe, name)
  if module ~= "kalshi" or not ok then return found end
  found = found or {}
  for _, param in ipairs(op.params) do
    found[param.name] = found[param.name] or { enum = param.enum, type = param.type }
  end
  for own in ("raw timeout"):gmatch "%a+" do found[own] = found[own] or {} end
  return found
end

-- The keys of a table constructor that are written as names, with the text that stands behind where that is all.
local function keys_of(braces)
  local inside = braces:sub(2, -2)
  local flat = inside:gsub("%b{}", "{}"):gsub("%b()", "()"):gsub("%f[%w_]function%f[^%w_].*", "nil")
  local keys = {}
  for key, value in ("," .. flat):gmatch "[,;]%s*([%a_][%w_]*)%s*=%s*([^,;]*)" do
    keys[#keys + 1] = { key, value:match '^"([^"]*)"%s*$' }
  end
  return keys
end

-- The texts that a type allows; nil where it may be any.
local function texts_of(kind)
  local texts, aliases = {}, doc_comments.all().aliases
  for part in kind:gsub("%?", ""):gmatch "[^|]+" do
    local text, alias = part:match '^"(.*)"$', aliases[part]
    if not text and not alias then return nil end
    if text then texts[text] = true end
    for one in pairs(alias and texts_of(alias.type) or {}) do texts[one] = true end
  end
  return texts
end

local function may_be(field, value)
  if field.enum and field.type ~= "array" then
    for _, one in ipairs(field.enum) do
      if one == value then return true end
    end
    return false
  end
  local texts = not field.enum and field.type and texts_of(field.type)
  return not texts or texts[value] == true
end

---A line for each name that a file takes from a module which has none of it, and for each option that is none.
---@param path string
---@param source string
---@return string[]
return function(path, source)
  local wrong, seen = {}, {}
  local function tell(...)
    local line = string.format(...)
    if not seen[line] then wrong[#wrong + 1] = line end
    seen[line] = true
  end
  for variable, name in source:gmatch "local ([%a_][%w_]*) = require[ (]*[\"']([%w_.]+)[\"']" do
    if is_module[name] then
      local module = require(name)
      for used in code_of(source):gmatch("%f[%w_.:]" .. variable .. "%.([%a_][%w_]*)") do
        local ok, value = pcall(function() return module[used] end)
        if not ok or value == nil then tell("%s uses %s.%s, which is not there", path, name, used) end
      end
      for used, braces in code_of(source, true):gmatch("%f[%w_.:]" .. variable .. "%.([%a_][%w_]*)%s*%(?%s*(%b{})") do
        local options = options_of(name, used)
        for _, key in ipairs(options and keys_of(braces) or {}) do
          local field = options[key[1]]
          if not field then
            tell("%s: %s.%s has no option %s", path, name, used, key[1])
          elseif key[2] and not may_be(field, key[2]) then
            tell('%s: %s of %s.%s cannot be "%s"', path, key[1], name, used, key[2])
          end
        end
      end
    end
  end
  return wrong
end
