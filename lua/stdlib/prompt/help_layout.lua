-- How pages of help are laid out: paragraphs within a width, rows of names and what they mean, and a few colours.
local style = require "prompt.style"
local width = require "prompt.width"

local layout = {}

local codes = { bold = style.BOLD, dim = style.DIM, code = style.CYAN }

-- A line of code in as many lines as it needs, broken at blanks: the terminal would break it within a word.
local function code_lines(line, columns)
  local lead = line:match "^ *"
  local rest = line:sub(#lead + 1)
  if width.of(line) <= columns or rest:find "  " then return { line } end
  local parts = width.wrap(rest, columns - #lead - 4, columns - #lead)
  for i, part in ipairs(parts) do parts[i] = lead .. (i > 1 and "    " or "") .. part end
  return parts
end

---The lines of a text, at most `columns` wide; the first is indented by `first`, the others by `rest` spaces. Empty
---lines stay, and so do lines that begin with a space, which are code.
---@param text string
---@param columns integer
---@param first integer
---@param rest integer
---@return string[]
function layout.wrap(text, columns, first, rest)
  local out = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local indent = #out == 0 and first or rest
    if line == "" then
      out[#out + 1] = ""
    elseif line:sub(1, 1) == " " then
      for _, part in ipairs(code_lines((" "):rep(indent) .. line, columns)) do out[#out + 1] = part end
    else
      local hanging = line:match "^%- " and rest + 2 or rest
      for i, part in ipairs(width.wrap(line, columns - hanging, columns - indent)) do
        out[#out + 1] = (" "):rep(i == 1 and indent or hanging) .. part
      end
    end
  end
  return out
end

local page = {}
page.__index = page

---A page to write on.
---@param o {width?: integer, colour?: boolean}
function layout.page(o)
  return setmetatable({ width = math.max(o.width or 80, 30), colour = o.colour or false, lines = {} }, page)
end

---A text in one of the colours of help: "bold", "dim" or "code".
function page:paint(kind, text)
  return style.paint(self.colour, codes[kind], text)
end

---A line as it is.
function page:line(text) self.lines[#self.lines + 1] = text end

---An empty line, unless there is one.
function page:gap()
  local last = self.lines[#self.lines]
  if last and last ~= "" then self:line "" end
end

---The first line of a page, with a note behind it.
function page:title(text, note)
  self:gap()
  local lines = layout.wrap(text, self.width, 0, 4)
  for i, line in ipairs(lines) do
    local last = note and i == #lines
    self:line(self:paint("bold", line) .. (last and "   " .. self:paint("dim", note) or ""))
  end
end

---The line above a part of the page, behind an empty one.
function page:heading(text)
  self:gap()
  for _, line in ipairs(layout.wrap(text, self.width, 0, 0)) do self:line(self:paint("bold", line)) end
end

---A text in paragraphs; lines that begin with a space are code.
function page:text(text, indent)
  if text == "" then return end
  for _, line in ipairs(layout.wrap(text, self.width, indent or 0, indent or 0)) do
    self:line(line:sub(1, (indent or 0) + 1):match "^ +$" and self:paint("code", line) or line)
  end
end

---Lines of code.
function page:code(text)
  for line in (text .. "\n"):gmatch "(.-)\n" do
    for _, part in ipairs(code_lines("  " .. line, self.width)) do self:line(self:paint("code", part)) end
  end
end

---Rows of { name, type, text }: in columns where they fit, else the text below the name. `type` may be "".
---@param rows string[][]
---@param indent? integer
function page:rows(rows, indent)
  indent = indent or 2
  local most = math.max(self.width // 3, 12)
  local names, types = 0, 0
  for _, row in ipairs(rows) do
    if width.of(row[1]) <= most then names = math.max(names, width.of(row[1])) end
    if width.of(row[2]) <= most then types = math.max(types, width.of(row[2])) end
  end
  local left = indent + names + 2 + (types > 0 and types + 2 or 0)
  if self.width - left < 24 then left = indent + 4 end
  for _, row in ipairs(rows) do
    local name, kind = row[1], row[2]
    local head = name
    if types > 0 then head = head .. (" "):rep(names - width.of(name)) .. "  " .. self:paint("dim", kind) end
    local used = indent + math.max(width.of(name), types > 0 and names or 0) + (types > 0 and 2 + width.of(kind) or 0)
    local text = layout.wrap(row[3], self.width, left, left)
    local lead = (" "):rep(indent) .. head
    if row[3] == "" then
      self:line((lead:gsub("%s+$", "")))
    elseif used + 2 > left then
      self:line(lead)
      for _, line in ipairs(text) do self:line(line) end
    else
      self:line(lead .. (" "):rep(left - used) .. text[1]:sub(left + 1))
      for i = 2, #text do self:line(text[i]) end
    end
  end
end

---Words one behind the other, wrapped.
function page:words(list, indent)
  local text = table.concat(list, ", ")
  for _, line in ipairs(layout.wrap(text, self.width, indent or 2, indent or 2)) do self:line(line) end
end

---The text of the page, without empty lines at its end.
---@return string
function page:finish()
  while self.lines[#self.lines] == "" do self.lines[#self.lines] = nil end
  return table.concat(self.lines, "\n")
end

return layout
