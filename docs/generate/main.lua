-- Writes what is made from the project's own sources: scripts/generate runs it. Arguments: the file with what
-- `kalua help --json` says; "--write", or "--check", which writes nothing and says what is out of date; files that use
-- the modules, of which what they use must exist.
local json = require "json"
local kalua = require "kalua"

local data_path, mode = table.unpack(kalua.args)

local function read(path)
  local file = io.open(path)
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

-- ---- the files that are made ----

local Out = {}
Out.__index = Out

---Adds a line, or several.
function Out:add(text) self[#self + 1] = text end

local Tree = { order = {}, files = {} }

---A file that is made whole, by its lines.
function Tree:file(path)
  local out = self.files[path] or setmetatable({ path = path }, Out)
  if not self.files[path] then table.insert(self.order, path) end
  self.files[path] = out
  return out
end

---Whether a file has a place for `name`.
function Tree:has(path, name)
  local file = self:file(path)
  return (file.text or read(path) or ""):find("<!-- generated: " .. name .. " -->\n", 1, true) ~= nil
end

---Replaces what stands in a file between the lines `<!-- generated: NAME -->` and `<!-- end -->`.
function Tree:between(path, name, lines)
  local file = self:file(path)
  local text = file.text or read(path) or error(path .. " is not there", 0)
  local from, first = text:find("<!-- generated: " .. name .. " -->\n", 1, true)
  local last = from and text:find("<!-- end -->", first, true)
  if not last then error(("%s has no lines <!-- generated: %s --> and <!-- end -->"):format(path, name), 0) end
  file.text = text:sub(1, first) .. table.concat(lines, "\n") .. "\n" .. text:sub(last)
end

local function first_difference(made, there)
  local line = 0
  local next_there = there:gmatch "([^\n]*)\n?"
  for wanted in made:gmatch "([^\n]*)\n?" do
    line = line + 1
    local found = next_there()
    if wanted ~= found then return ("line %d is\n  %s\nand not\n  %s"):format(line, found or "(the end)", wanted) end
  end
  return "it goes on at its end"
end

-- ---- all of them ----

local data = json.decode(read(data_path))
for _, part in ipairs{
  "operations", "completions", "manual", "commands_page", "operation_types", "reference",
} do
  require(part)(Tree, data)
end

for _, path in ipairs(Tree.order) do
  local out = Tree.files[path]
  local made = out.text or table.concat(out, "\n") .. "\n"
  local there = read(path)
  if made ~= there then
    if mode == "--check" then
      print(("%s is out of date: %s"):format(path, there and first_difference(made, there) or "it is not there"))
    else
      local file = assert(io.open(path, "w"))
      assert(file:write(made))
      assert(file:close())
      print(path)
    end
  end
end

local uses = require "uses"
for i = 3, #kalua.args do
  for _, line in ipairs(uses(kalua.args[i], read(kalua.args[i]))) do print(line) end
end
