-- The catalogue of errors: what each code means, why it happens, what to do. `list` has all entries in order:
--   code, kind, group, what, why, todo (a list of sentences), see (a list of pages of docs/), alias (a list of other
--   words for it), says (a list of texts by which an error without a code is known), exit (code of a command that ends
--   with it).
-- Texts name commands and code between backticks.
local errors = { groups = {}, list = {}, by_word = {} }

local EXIT <const> = { usage = 2, config = 3, auth = 3, network = 4, timeout = 4 }

local function key(word) return word:lower():gsub("[%s_]+", "_") end

local function index(word, entry)
  local all = errors.by_word[key(word)] or {}
  errors.by_word[key(word)] = all
  for _, e in ipairs(all) do
    if e == entry then return end
  end
  all[#all + 1] = entry
end

for _, part in ipairs{ "settings", "project", "network", "script", "store", "orders", "exchange", "numbers" } do
  for _, group in ipairs(require("cli.errors." .. part)) do
    errors.groups[#errors.groups + 1] = { name = group.name, title = group.title, source = group.source }
    for _, e in ipairs(group) do
      e.code, e.group = e[1], group.name
      e.kind = e.kind or group.kind or ""
      e.exit = e.exit or group.exit or EXIT[e.kind] or 1
      e.alias, e.says, e.see = e.alias or {}, e.says or {}, e.see or {}
      e[1] = nil
      errors.list[#errors.list + 1] = e
    end
  end
end
-- A word of its own goes before words for something else; kinds come last, after what has the same name.
for _, e in ipairs(errors.list) do index(e.code, e) end
for _, e in ipairs(errors.list) do
  for _, word in ipairs(e.alias) do index(word, e) end
end

---The entries of a word: a code in any case, with blanks or _, or another word for it; an empty list where there is
---none.
function errors.find(word) return errors.by_word[key(word:match "^%s*(.-)%s*$")] or {} end

---The entries that a whole line is about: by the code at its end, by what it says, by a code within it, by its kind.
function errors.of_line(line)
  local found = errors.find(line)
  if #found > 0 then return found end
  local code
  for hint in line:gmatch "%(kalua explain ([^()]+)%)" do code = hint end
  if code and #errors.find(code) > 0 then return errors.find(code) end
  local said, longest = nil, 0
  for _, e in ipairs(errors.list) do
    for _, text in ipairs(e.says) do
      if #text > longest and line:find(text, 1, true) then said, longest = e, #text end
    end
  end
  if said then return { said } end
  local last
  for word in line:gmatch "[%w_]+" do -- words with a _ are codes; a plain one may be any word
    if word:find "_" and #errors.find(word) > 0 then last = errors.find(word) end
  end
  if last then return last end
  local status = line:match "answered (%d%d%d)" or line:match "HTTP (%d%d%d)"
  if status and #errors.find(status) > 0 then return errors.find(status) end
  local number = line:match "%(code (%d+)%)"
  if number and #errors.find("ws " .. number) > 0 then return errors.find("ws " .. number) end
  local kind -- "validation: …", as errors print
  for word in line:gmatch "([%a_]+): " do
    for _, e in ipairs(errors.find(word)) do
      if e.group == "kinds" then kind = word end
    end
  end
  return kind and errors.find(kind) or {}
end

local FAR <const> = 3

-- The letters by which two words differ (insertions, deletions, changes), up to `most`.
local function distance(a, b, most)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local corner, least = row[0], i
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local value = math.min(row[j] + 1, row[j - 1] + 1, corner + cost)
      corner, row[j] = row[j], value
      least = math.min(least, value)
    end
    if least > most then return most + 1 end
  end
  return row[#b]
end

---Codes that may be meant by a word that is none: near ones first, then those that have a part of it; at most `most`.
function errors.near(word, most)
  word = key(word)
  local found = {}
  for _, e in ipairs(errors.list) do
    local code = key(e.code)
    local d = distance(word, code, FAR)
    if d <= FAR and d < #word / 2 then
      found[#found + 1] = { d, e.code }
    elseif #word >= 3 and code:find(word, 1, true) then
      found[#found + 1] = { FAR + 1, e.code }
    else
      for part in word:gmatch "[^_]+" do
        if #part >= 4 and code:find(part, 1, true) then
          found[#found + 1] = { FAR + 2, e.code }
          break
        end
      end
    end
  end
  table.sort(found, function(a, b)
    if a[1] ~= b[1] then return a[1] < b[1] end
    return a[2] < b[2]
  end)
  local out = {}
  for i = 1, math.min(most, #found) do out[i] = found[i][2] end
  return out
end

return errors
