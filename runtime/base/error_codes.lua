-- Writes the codes of the catalogue of errors as a C file: lua error_codes.lua OUT.c STDLIB, where STDLIB is the folder
-- of the library, whose module cli.errors is the catalogue.
local out_path, stdlib = arg[1], arg[2]
package.path = stdlib .. "/?.lua"
local errors = require "cli.errors"

local codes, sayings = {}, {}
for _, e in ipairs(errors.list) do
  if e.group ~= "kinds" then codes[#codes + 1] = e.code end
  for _, text in ipairs(e.says or {}) do sayings[#sayings + 1] = { text, e.code } end
end
table.sort(codes, function(a, b) return a:lower() < b:lower() end)
table.sort(sayings, function(a, b)
  if #a[1] ~= #b[1] then return #a[1] > #b[1] end
  return a[1] < b[1]
end)

local lines = { "/* Made by runtime/base/error_codes.lua. */", '#include "base/error_codes.h"', "",
  "const char *const kl_error_codes[] = {" }
for _, code in ipairs(codes) do lines[#lines + 1] = ('  "%s",'):format(code) end
lines[#lines + 1] = ("};\nconst size_t kl_error_code_count = %d;\n\nconst kl_error_saying kl_error_sayings[] = {"):format(#codes)
for _, s in ipairs(sayings) do lines[#lines + 1] = ('  {"%s", "%s"},'):format(s[1]:gsub('["\\]', "\\%0"), s[2]) end
lines[#lines + 1] = ("};\nconst size_t kl_error_saying_count = %d;\n"):format(#sayings)

local out = assert(io.open(out_path, "wb"))
assert(out:write(table.concat(lines, "\n")))
assert(out:close())
