-- docs/reference: a page for each module out of the doc comments of lua/types, and an index of all names.
local doc_comments = require "prompt.doc_comments"

-- What the pages of a large module are about, by the file that each is made of.
local titles = {
  kalshi_books = "order books", kalshi_streams = "streams", kalshi_markets = "markets", kalshi_orders = "orders",
  kalshi_account = "the account",
}

local function short_of(name) return name:match "([%w_]+)$" end

-- The page that is made of a file.
local function page_of(file) return (file:gsub("_", "-")) end

-- The anchor of a heading, as Markdown makes it.
local function anchor(heading) return (heading:lower():gsub("[^%w_ -]", ""):gsub(" ", "-")) end

local function called(fn) return doc_comments.signature(fn):match "^[^(]+" end
local function class_heading(class) return class.name end

-- Names of classes in a type become links.
local function linked(type_text, docs, page)
  local plain = type_text:gsub("|", "\\|")
  local links, seen = {}, {}
  for name in type_text:gmatch "[%a_][%w_]*%.[%w_]+" do
    local class = docs.classes[name]
    if class and not seen[name] then
      seen[name] = true
      local target = page_of(class.file)
      links[#links + 1] = ("[%s](%s#%s)"):format(short_of(name), target == page and "" or target .. ".md",
        anchor(class_heading(class)))
    end
  end
  local shown = "`" .. plain .. "`"
  return #links == 0 and shown or shown .. " " .. table.concat(links, ", ")
end

local function cell(text) return (text:gsub("|", "\\|"):gsub("\n", " ")) end

local function add_fields(out, fields, docs, page, before)
  for _, field in ipairs(fields) do
    local name = before .. (field.name or "")
    local shown = field.name and "`" .. name .. (field.optional and "?`" or "`") or ""
    out:add(("| %s | %s | %s |"):format(shown, linked(field.type, docs, page), cell(field.text)))
  end
end

local function add_table(out, heading, fields, docs, page)
  if #fields == 0 then return end
  out:add(("\n| %s | type | |\n| --- | --- | --- |"):format(heading))
  add_fields(out, fields, docs, page, "")
end

local function add_examples(out, examples)
  for _, example in ipairs(examples) do out:add("\n```lua\n" .. example .. "\n```") end
end

local function add_function(out, fn, docs, page)
  out:add("\n### " .. called(fn))
  out:add("\n`" .. doc_comments.signature(fn) .. "`" .. (fn.async and ", may wait" or "")
    .. (fn.deprecated and ", deprecated" or ""))
  out:add("\n" .. fn.text)
  add_table(out, "parameter", fn.params, docs, page)
  add_table(out, "result", fn.returns, docs, page)
  local errors = doc_comments.raises(fn, docs)
  if errors and #errors > 0 then
    out:add("\nErrors: `" .. table.concat(errors, "`, `") .. "`. [What each means](../errors.md).")
  end
  add_examples(out, fn.examples)
end

local function add_class(out, class, docs, page)
  out:add("\n## " .. class_heading(class))
  if class.parent and docs.classes[class.parent] then
    out:add("\nHas also what " .. linked(class.parent, docs, page) .. " has.")
  end
  if class.text ~= "" then out:add("\n" .. class.text) end
  add_table(out, "field", class.fields, docs, page)
  add_examples(out, class.examples)
  for _, name in ipairs(class.methods) do add_function(out, docs.functions[name], docs, page) end
end

local function write_page(tree, docs, module, file)
  local page, title = page_of(file), titles[file] and module.name .. ": " .. titles[file] or file
  local out = tree:file("docs/reference/" .. page .. ".md")
  out:add("# " .. title)
  out:add("\n*Made by `scripts/generate` from `lua/types/" .. file .. ".lua`.*")
  if file == module.name then
    if module.text ~= "" then out:add("\n" .. module.text) end
    if module.files[2] then
      local links = {}
      for i = 2, #module.files do
        links[i - 1] = ("[%s](%s.md)"):format(titles[module.files[i]], page_of(module.files[i]))
      end
      out:add("\nOf pages of their own: " .. table.concat(links, ", ")
        .. "; [every REST operation](../operations.md) is a function, too.")
    end
    add_table(out, "field", module.fields, docs, page)
    add_examples(out, module.examples)
  end
  local functions = {}
  for _, name in ipairs(module.functions) do
    if docs.functions[name].file == file then functions[#functions + 1] = docs.functions[name] end
  end
  if #functions > 0 then out:add("\n## Functions") end
  for _, fn in ipairs(functions) do add_function(out, fn, docs, page) end
  for _, name in ipairs(module.classes) do
    if docs.classes[name].file == file then add_class(out, docs.classes[name], docs, page) end
  end
end

return function(tree)
  local docs = doc_comments.all()
  local pages, names = {}, {}
  for _, name in ipairs(doc_comments.modules) do
    local module = docs.modules[name]
    for _, file in ipairs(module.files) do
      write_page(tree, docs, module, file)
      pages[#pages + 1] = page_of(file)
    end
    for _, full in ipairs(module.functions) do
      names[#names + 1] = { called(docs.functions[full]), page_of(docs.functions[full].file) }
    end
    for _, class_name in ipairs(module.classes) do
      local class = docs.classes[class_name]
      names[#names + 1] = { class_heading(class), page_of(class.file) }
      for _, full in ipairs(class.methods) do
        names[#names + 1] = { called(docs.functions[full]), page_of(class.file) }
      end
    end
  end
  table.sort(names, function(a, b)
    if a[1]:lower() ~= b[1]:lower() then return a[1]:lower() < b[1]:lower() end
    if a[1] ~= b[1] then return a[1] < b[1] end
    return a[2] < b[2]
  end)
  local index = tree:file "docs/reference/index.md"
  index:add "# Reference"
  index:add "\n*Made by `scripts/generate` from the declarations in `lua/types`, which editors and `:help` read, too.*"
  index:add "\n```{toctree}\n:maxdepth: 1"
  for _, page in ipairs(pages) do index:add(page) end
  index:add "```"
  index:add "\n## All names\n"
  for _, name in ipairs(names) do
    index:add(("- [`%s`](%s.md#%s)"):format(name[1], name[2], anchor(name[1])))
  end
end
