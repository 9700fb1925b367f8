-- The columns that text takes on a terminal, and text made to fit so many.
local width = {}

-- Ranges, in order. Characters that take no column: marks on the one before, and what is only for the layout.
local NONE = {
  0x0300, 0x036F, 0x0483, 0x0489, 0x0591, 0x05BD, 0x05BF, 0x05BF, 0x05C1, 0x05C2, 0x05C4, 0x05C5, 0x05C7, 0x05C7,
  0x0610, 0x061A, 0x064B, 0x065F, 0x0670, 0x0670, 0x06D6, 0x06DC, 0x06DF, 0x06E4, 0x06E7, 0x06E8, 0x06EA, 0x06ED,
  0x0711, 0x0711, 0x0730, 0x074A, 0x0900, 0x0902, 0x093A, 0x093A, 0x093C, 0x093C, 0x0941, 0x0948, 0x094D, 0x094D,
  0x0951, 0x0957, 0x0962, 0x0963, 0x0981, 0x0981, 0x09BC, 0x09BC, 0x0A01, 0x0A02, 0x0A3C, 0x0A3C, 0x0B01, 0x0B01,
  0x0E31, 0x0E31, 0x0E34, 0x0E3A, 0x0E47, 0x0E4E, 0x0EB1, 0x0EB1, 0x0EB4, 0x0EBC, 0x0EC8, 0x0ECE, 0x0F18, 0x0F19,
  0x0F35, 0x0F35, 0x0F37, 0x0F37, 0x0F39, 0x0F39, 0x0F71, 0x0F7E, 0x1160, 0x11FF, 0x135D, 0x135F, 0x17B4, 0x17B5,
  0x180B, 0x180F, 0x1AB0, 0x1ACE, 0x1DC0, 0x1DFF, 0x200B, 0x200F, 0x2028, 0x202E, 0x2060, 0x2064, 0x2066, 0x206F,
  0x20D0, 0x20F0, 0x302A, 0x302D, 0x3099, 0x309A, 0xA66F, 0xA672, 0xA674, 0xA67D, 0xFB1E, 0xFB1E, 0xFE00, 0xFE0F,
  0xFE20, 0xFE2F, 0xFEFF, 0xFEFF, 0xFFF9, 0xFFFB, 0x1F3FB, 0x1F3FF, 0xE0001, 0xE007F, 0xE0100, 0xE01EF,
}
-- Those that take two: of East Asia, and pictures.
local WIDE = {
  0x1100, 0x115F, 0x231A, 0x231B, 0x2329, 0x232A, 0x23E9, 0x23EC, 0x23F0, 0x23F0, 0x23F3, 0x23F3, 0x25FD, 0x25FE,
  0x2614, 0x2615, 0x2648, 0x2653, 0x267F, 0x267F, 0x2693, 0x2693, 0x26A1, 0x26A1, 0x26AA, 0x26AB, 0x26BD, 0x26BE,
  0x26C4, 0x26C5, 0x26CE, 0x26CE, 0x26D4, 0x26D4, 0x26EA, 0x26EA, 0x26F2, 0x26F3, 0x26F5, 0x26F5, 0x26FA, 0x26FA,
  0x26FD, 0x26FD, 0x2705, 0x2705, 0x270A, 0x270B, 0x2728, 0x2728, 0x274C, 0x274C, 0x274E, 0x274E, 0x2753, 0x2755,
  0x2757, 0x2757, 0x2795, 0x2797, 0x27B0, 0x27B0, 0x27BF, 0x27BF, 0x2B1B, 0x2B1C, 0x2B50, 0x2B50, 0x2B55, 0x2B55,
  0x2E80, 0x303E, 0x3041, 0x33FF, 0x3400, 0x4DBF, 0x4E00, 0xA4CF, 0xA960, 0xA97F, 0xAC00, 0xD7A3, 0xF900, 0xFAFF,
  0xFE10, 0xFE19, 0xFE30, 0xFE6F, 0xFF01, 0xFF60, 0xFFE0, 0xFFE6, 0x16FE0, 0x18CFF, 0x1AFF0, 0x1B2FF,
  0x1F004, 0x1F004, 0x1F0CF, 0x1F0CF, 0x1F18E, 0x1F18E, 0x1F191, 0x1F19A, 0x1F1E6, 0x1F202, 0x1F210, 0x1F23B,
  0x1F240, 0x1F248, 0x1F250, 0x1F251, 0x1F260, 0x1F265, 0x1F300, 0x1F320, 0x1F32D, 0x1F335, 0x1F337, 0x1F37C,
  0x1F37E, 0x1F393, 0x1F3A0, 0x1F3CA, 0x1F3CF, 0x1F3D3, 0x1F3E0, 0x1F3F0, 0x1F3F4, 0x1F3F4, 0x1F3F8, 0x1F43E,
  0x1F440, 0x1F440, 0x1F442, 0x1F4FC, 0x1F4FF, 0x1F53D, 0x1F54B, 0x1F54E, 0x1F550, 0x1F567, 0x1F57A, 0x1F57A,
  0x1F595, 0x1F596, 0x1F5A4, 0x1F5A4, 0x1F5FB, 0x1F64F, 0x1F680, 0x1F6C5, 0x1F6CC, 0x1F6CC, 0x1F6D0, 0x1F6D2,
  0x1F6D5, 0x1F6D7, 0x1F6DC, 0x1F6DF, 0x1F6EB, 0x1F6EC, 0x1F6F4, 0x1F6FC, 0x1F7E0, 0x1F7EB, 0x1F7F0, 0x1F7F0,
  0x1F90C, 0x1F93A, 0x1F93C, 0x1F945, 0x1F947, 0x1F9FF, 0x1FA70, 0x1FAFF, 0x20000, 0x2FFFD, 0x30000, 0x3FFFD,
}

local function within(ranges, code)
  local low, high = 1, #ranges // 2
  while low <= high do
    local mid = (low + high) // 2
    if code < ranges[2 * mid - 1] then
      high = mid - 1
    elseif code > ranges[2 * mid] then
      low = mid + 1
    else
      return true
    end
  end
  return false
end

---The columns of one character, by its code point: 0, 1 or 2.
function width.at(code)
  if code < 0x300 then return 1 end
  if within(NONE, code) then return 0 end
  return within(WIDE, code) and 2 or 1
end

-- The columns of a text, and the part of it that fits into so many.
local function measure(text, columns)
  if not text:find "[\128-\255]" or not utf8.len(text) then
    return #text, text:sub(1, math.max(0, math.min(columns, #text)))
  end
  local taken, fits = 0, nil
  for at, code in utf8.codes(text) do
    taken = taken + width.at(code)
    if not fits and taken > columns then fits = text:sub(1, at - 1) end
  end
  return taken, fits or text
end

---The columns that a text takes. One that is no UTF-8 is counted by bytes.
function width.of(text)
  return (measure(text, math.huge))
end

---The begin of a text that takes at most so many columns.
function width.part(text, columns)
  local _, fits = measure(text, columns)
  return fits
end

---A text of at most so many columns: what does not fit ends in `dots` ("…").
function width.cut(text, columns, dots)
  if width.of(text) <= columns then return text end
  dots = dots or "…"
  local room = columns - width.of(dots)
  if room < 0 then return width.part(dots, columns) end
  return width.part(text, room) .. dots
end

---A text with blanks behind it, or with `right` before it, so that it takes so many columns.
function width.pad(text, columns, right)
  local blanks = string.rep(" ", columns - width.of(text))
  return right and blanks .. text or text .. blanks
end

---A text as lines of at most so many columns, the first one of `first` (as many, where that is left out), broken at
---blanks where there are any.
function width.wrap(text, columns, first)
  local lines, words, taken = {}, {}, 0
  local room = math.max(first or columns, 1)
  local function flush()
    lines[#lines + 1] = table.concat(words, " ")
    words, taken, room = {}, 0, math.max(columns, 1)
  end
  for word in text:gmatch "%S+" do
    local needed = width.of(word)
    if taken > 0 and taken + 1 + needed > room then flush() end
    while needed > room do -- longer than a line
      local part = width.part(word, room)
      if part == "" then part = word:match "^[%z\1-\127\194-\244][\128-\191]*" or word:sub(1, 1) end
      words[1], word = part, word:sub(#part + 1)
      flush()
      needed = width.of(word)
    end
    if word ~= "" then
      words[#words + 1] = word
      taken = taken + needed + (taken > 0 and 1 or 0)
    end
  end
  if #words > 0 then flush() end
  return lines
end

---A text that cannot move the cursor, nor turn the direction of what is written: of one line, valid UTF-8. With `ascii`
---every other character is a question mark.
function width.clean(text, ascii)
  if not text:find "[%c\127-\255]" then return text end
  if not utf8.len(text) then text = text:gsub("[\128-\255]", "?") end
  text = text:gsub("[%c\127]", " "):gsub("\194[\128-\159]", " ")
  text = text:gsub("\226\128[\142\143\168-\174]", ""):gsub("\226\129[\166-\169]", "")
  if ascii then text = text:gsub("[\194-\244][\128-\191]*", "?") end
  return text
end

return width
