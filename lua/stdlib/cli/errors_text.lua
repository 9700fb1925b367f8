-- Entries of the catalogue of errors as text: a page, the list, JSON.
local text = {}

local BOLD <const>, PLAIN <const> = "\27[1m", "\27[0m"
local WIDEST <const> = 100 -- longer lines are hard to read

local function bold(s, how) return how.bold and BOLD .. s .. PLAIN or s end

local function columns(s) return utf8.len(s) or #s end

-- A sentence in lines of at most `width` columns (nil: one line), which begin with `first` and then with `rest`. What
-- stands between backticks is not broken where it fits into a line.
local function wrap(s, width, first, rest)
  if not width then return first .. s .. "\n" end
  local words, open = {}, nil
  for word in s:gmatch "%S+" do
    if open then
      words[#words] = words[#words] .. " " .. word
    else
      words[#words + 1] = word
    end
    local _, ticks = word:gsub("`", "")
    if ticks % 2 == 1 then open = not open end
  end
  local out, line = {}, nil
  local function put(word)
    if not line then
      line = (#out == 0 and first or rest) .. word
    elseif columns(line) + 1 + columns(word) <= width then
      line = line .. " " .. word
    else
      out[#out + 1], line = line, rest .. word
    end
  end
  for _, word in ipairs(words) do
    if columns(rest) + columns(word) <= width then
      put(word)
    else
      for piece in word:gmatch "%S+" do put(piece) end
    end
  end
  out[#out + 1] = line
  return table.concat(out, "\n") .. "\n"
end

local function width_of(how) return how.width and math.max(40, math.min(how.width, WIDEST)) end

local function others(e)
  local of = e.kind ~= "" and e.kind ~= e.code and "kind " .. e.kind
  local exit = e.group ~= "exit" and e.exit ~= 1 and "exit code " .. e.exit
  return of and exit and of .. ", " .. exit or of or exit or ""
end

---An entry as a page.
function text.page(e, how)
  local width = width_of(how)
  local about = others(e)
  local out = { bold(e.code, how), about ~= "" and "   " .. about or "", "\n\n", wrap(e.what, width, "", ""), "\n",
    bold("Why", how), "\n", wrap(e.why, width, "  ", "  ") }
  if #e.todo > 0 then
    out[#out + 1] = "\n" .. bold("What to do", how) .. "\n"
    for _, one in ipairs(e.todo) do out[#out + 1] = wrap(one, width, "  - ", "    ") end
  end
  if #e.see > 0 then
    local pages = {}
    for i, page in ipairs(e.see) do pages[i] = "docs/" .. page end
    out[#out + 1] = "\n" .. bold("See", how) .. "\n" .. wrap(table.concat(pages, ", "), width, "  ", "  ")
  end
  return table.concat(out)
end

-- The first sentence, for a list.
local function short(e)
  return e.what:match "^(.-[.:])%s" or e.what
end

---All entries, a line each, in their groups.
function text.list(errors, how)
  local longest = 0
  for _, e in ipairs(errors.list) do longest = math.max(longest, #e.code) end
  local out = {}
  local width = width_of(how)
  for i, group in ipairs(errors.groups) do
    if i > 1 then out[#out + 1] = "\n" end
    out[#out + 1] = bold(group.title, how) .. "\n"
    for _, e in ipairs(errors.list) do
      if e.group == group.name then
        local first = ("  %-" .. longest .. "s  "):format(e.code)
        out[#out + 1] = wrap(short(e), width, first, (" "):rep(#first))
      end
    end
  end
  return table.concat(out)
end

-- ---- JSON ----

local function quoted(s)
  return '"' .. s:gsub('[%c"\\]', function(c)
    return (c == '"' or c == "\\") and "\\" .. c or ("\\u%04x"):format(c:byte())
  end) .. '"'
end

local function strings(list)
  local out = {}
  for i, s in ipairs(list) do out[i] = quoted(s) end
  return "[" .. table.concat(out, ",") .. "]"
end

local function object(e)
  local form = '{"code":%s,"kind":%s,"group":%s,"what":%s,"why":%s,"do":%s,"see":%s,"aliases":%s,"exit":%d}'
  return form:format(
    quoted(e.code), quoted(e.kind), quoted(e.group), quoted(e.what), quoted(e.why), strings(e.todo), strings(e.see),
    strings(e.alias),
    e.group == "exit" and tonumber(e.code:match "%d+$") or e.exit)
end

---Entries as JSON in one line: an array, or the object itself where there is one and no list is wanted.
function text.json(list, as_array)
  if #list == 1 and not as_array then return object(list[1]) .. "\n" end
  local out = {}
  for i, e in ipairs(list) do out[i] = object(e) end
  return "[" .. table.concat(out, ",\n") .. "]\n"
end

return text
