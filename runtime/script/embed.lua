-- Writes Lua modules as a C file: lua embed.lua OUT.c ROOT[=PREFIX] FILE.lua... [--[text] ROOT[=PREFIX] FILE.lua...]
-- The name of a module is PREFIX and the path below ROOT, with dots: ROOT/cli/api.lua is "cli.api". Those behind
-- `--text` are not run when they are required: the module is the text of the file.
local literal = dofile((arg[0]:match "^(.*)/" or ".") .. "/../base/c_literal.lua")

local out_path = assert(arg[1], "usage: embed.lua OUT.c ROOT[=PREFIX] FILE.lua... [--[text] ROOT[=PREFIX] FILE.lua...]")

local function read_module(path, root, prefix, as_text)
  assert(path:sub(1, #root + 1) == root .. "/" and path:sub(-4) == ".lua", path .. " is no .lua file below " .. root)
  local file = assert(io.open(path, "rb"))
  local text = assert(file:read "a")
  file:close()
  assert(load(text, "@" .. path, "t")) -- a syntax error stops the build
  if as_text then text = string.format("return %q\n", text) end
  return { name = prefix .. path:sub(#root + 2, -5):gsub("/", "."), text = text }
end

local modules = {}
local root, prefix
local as_text = false
for i = 2, #arg do
  if arg[i] == "--" or arg[i] == "--text" then
    root, as_text = nil, arg[i] == "--text"
  elseif not root then
    root, prefix = arg[i]:match "^([^=]+)=?(.*)$"
  else
    modules[#modules + 1] = read_module(arg[i], root, prefix, as_text)
  end
end
table.sort(modules, function(a, b) return a.name < b.name end)

local lines = { "/* Made by runtime/script/embed.lua. */", '#include "script/script.h"', "", "const kl_embedded kl_stdlib[] = {" }
for _, m in ipairs(modules) do
  lines[#lines + 1] = string.format('  {"%s",\n%s,\n   %d},', m.name, literal(m.text), #m.text)
end
lines[#lines + 1] = "  {NULL, NULL, 0}};"
lines[#lines + 1] = string.format("const size_t kl_stdlib_count = %d;\n", #modules)

local out = assert(io.open(out_path, "wb"))
assert(out:write(table.concat(lines, "\n")))
assert(out:close())
