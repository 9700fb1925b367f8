-- A text as a C string literal, one line per line of the text; what is not plain ASCII as three octal digits.
return function(text)
  local lines = {}
  for line in text:gmatch "[^\n]*\n?" do
    if line ~= "" then
      local escaped = line:gsub('[%c"\\?\127-\255]', function(c) return string.format("\\%03o", c:byte()) end)
      lines[#lines + 1] = '   "' .. escaped .. '"'
    end
  end
  return #lines > 0 and table.concat(lines, "\n") or '   ""'
end
