-- Writes the files of the simulator's page as a C file, the table of sim/page.h: lua embed_page.lua OUT.c FILE...
-- index.html is what "/" and "/sim" show; FILE is at "/sim/page/FILE".
local literal = dofile((arg[0]:match "^(.*)/" or ".") .. "/../base/c_literal.lua")

local types = {
  html = "text/html; charset=utf-8",
  css = "text/css; charset=utf-8",
  js = "text/javascript; charset=utf-8",
  svg = "image/svg+xml",
}

local out_path = assert(arg[1], "usage: embed_page.lua OUT.c FILE...")
local texts, rows = {}, {}
for i = 2, #arg do
  local name = arg[i]:match "[^/]+$"
  local kind = assert(types[name:match "%.(%w+)$"], arg[i] .. ": no type is known for this name")
  local file = assert(io.open(arg[i], "rb"))
  local text = assert(file:read "a")
  file:close()
  texts[#texts + 1] = string.format("static const char file%d[] =\n%s;", i - 1, literal(text))
  for _, path in ipairs(name == "index.html" and { "/", "/sim" } or { "/sim/page/" .. name }) do
    rows[#rows + 1] = string.format('  {"%s", "%s", file%d, %d},', path, kind, i - 1, #text)
  end
end

local out = assert(io.open(out_path, "wb"))
assert(out:write(
  '/* Made by runtime/sim/embed_page.lua. */\n#include "sim/page.h"\n\n',
  table.concat(texts, "\n"),
  "\n\nconst kl_sim_page_file kl_sim_page_files[] = {\n",
  table.concat(rows, "\n"),
  "\n  {NULL, NULL, NULL, 0}};\n"
))
assert(out:close())
