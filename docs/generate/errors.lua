-- luacheck: no max line length
-- Writes docs/errors.md from the catalogue of errors: lua5.4 docs/generate/errors.lua > docs/errors.md, in the project's
-- folder.
package.path = "lua/stdlib/?.lua"
local errors = require "cli.errors"

local out = {}
local function put(...) out[#out + 1] = table.concat{ ... } end

put [[
# Errors

Every error that Kalua raises or prints for a situation that you can meet has a code that stays what it is: the field `code` of the
error object, and the end of the line on stderr and in the log:

```
$ kalua --env demo run maker.lua
kalua: kalshi.pem: no such file; name the private key file with --key FILE or KALSHI_PRIVATE_KEY_PATH (kalua explain key_not_found)
$ kalua explain key_not_found
```

`kalua explain` without a code lists them all; `kalua explain "LINE"` takes a whole line. HTTP statuses (`401`), numbers of the feed
(`ws 8`), exit codes (`exit 3`) and kinds (`timeout`) are understood, too; `--json` is for programs. At [the prompt](prompt.md)
`:explain` says it of the last error. Codes of the exchange are its own words.

```lua
local ok, err = pcall(kalshi.order, { ticker = t, side = "yes", price = price, count = 10 })
if not ok and err.code == "max_position" then … end
```

This page is made from the catalogue (`lua/stdlib/cli/errors/`): do not change it by hand.
]]

local function anchor(title) return title:lower():gsub("[^%w%s-]", ""):gsub("%s", "-") end

for _, group in ipairs(errors.groups) do put("- [", group.title, "](#", anchor(group.title), ")") end
for _, group in ipairs(errors.groups) do
  put("\n## ", group.title)
  for _, e in ipairs(errors.list) do
    if e.group == group.name then
      put("\n### ", e.code)
      local about = {}
      if e.kind ~= "" and e.kind ~= e.code then about[#about + 1] = "kind `" .. e.kind .. "`" end
      if group.name ~= "exit" and e.exit ~= 1 then about[#about + 1] = "exit code " .. e.exit end
      for _, word in ipairs(e.alias) do about[#about + 1] = "also `" .. word .. "`" end
      put("\n", e.what, #about > 0 and " (" .. table.concat(about, ", ") .. ")" or "")
      put("\n", e.why)
      if #e.todo > 0 then put "" end
      for _, one in ipairs(e.todo) do put("- ", one) end
      local pages = {}
      for i, page in ipairs(e.see) do pages[i] = ("[%s](%s)"):format(page, page) end
      if #pages > 0 then put("\nSee ", table.concat(pages, ", "), ".") end
    end
  end
end
io.write(table.concat(out, "\n"), "\n")
