-- Writes the files of a page as a C file, a table of base/page.h: lua embed_page.lua OUT.c TABLE FOLDER ROOTS FILE...
-- index.html is what each of ROOTS ("/,/sim") shows; FILE is at FOLDER ("/sim/page/") and its name.
local literal = dofile((arg[0]:match "^(.*)/" or ".") .. "/c_literal.lua")

local types = {
  html = "text/html; charset=utf-8",
  css = "text/css; charset=utf-8",
  js = "text/javascript; charset=utf-8",
  svg = "image/svg+xml",
}

local out_path, table_name, folder, root_list = arg[1], arg[2], arg[3], arg[4]
assert(root_list, "usage: embed_page.lua OUT.c TABLE FOLDER ROOTS FILE...")
local roots = {}
for root in root_list:gmatch "[^,]+" do roots[#roots + 1] = root end
local texts, rows = {}, {}
for i = 5, #arg do
  local name = arg[i]:match "[^/]+$"
  local kind = assert(types[name:match "%.(%w+)$"], arg[i] .. ": no type is known for this name")
  local file = assert(io.open(arg[i], "rb"))
  local text = assert(file:read "a")
  file:close()
  local number = #texts + 1
  texts[number] = string.format("static const char file%d[] =\n%s;", number, literal(text))
  for _, path in ipairs(name == "index.html" and roots or { folder .. name }) do
    rows[#rows + 1] = string.format('  {"%s", "%s", file%d, %d},', path, kind, number, #text)
  end
end

local out = assert(io.open(out_path, "wb"))
assert(out:write(
  '/* Made by runtime/base/embed_page.lua. */\n#include "base/page.h"\n\n',
  table.concat(texts, "\n"),
  "\n\nconst kl_page_file ", table_name, "[] = {\n",
  table.concat(rows, "\n"),
  "\n  {NULL, NULL, NULL, 0}};\n"
))
assert(out:close())
