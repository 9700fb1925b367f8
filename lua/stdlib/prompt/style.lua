-- How text stands out on a terminal.
local style = {
  BOLD = "\27[1m", DIM = "\27[2m", RED = "\27[31m", GREEN = "\27[32m", YELLOW = "\27[33m", CYAN = "\27[36m",
  ALARM = "\27[1;37;41m",
}

local PLAIN = "\27[0m"

---A text in a style (one of those above; nil: in none) where there is colour.
function style.paint(colour, code, text)
  return colour and code and text ~= "" and code .. text .. PLAIN or text
end

---A text without its styles.
function style.plain(text)
  return (text:gsub("\27%[[%d;]*m", ""))
end

return style
