---What modules share: the checks of options that a script gives, those of requests (`http`, `ws`) and those that any
---module has (by `arguments`). Returns a function that makes them from the functions `error` and `nearest` of a core.
local error, ipairs, pairs, tostring, type = error, ipairs, pairs, tostring, type
local math, string, table = math, string, table

return function(core)
  -- `code`: the situation, where it has one of its own.
  local function refuse(text, code)
    error(core.error("validation", text, nil, nil, code or "wrong_arguments"), 0)
  end

  ---A value for a message.
  local function is(value)
    if value == nil or type(value) == "number" then return tostring(value) end
    return "a " .. type(value)
  end

  local function check_options(o, known, name)
    for key in pairs(o) do
      local found = false
      for _, k in ipairs(known) do found = found or k == key end
      if not found then
        local near = type(key) == "string" and core.nearest(key, known)
        refuse(name .. ": there is no option " .. tostring(key) .. (near and ' (did you mean "' .. near .. '"?)' or ""),
          "unknown_option")
      end
    end
  end

  local function check_type(o, key, expected, name)
    local value = o[key]
    if value ~= nil and type(value) ~= expected then
      refuse(name .. ": " .. key .. " must be a " .. expected .. ", not " .. is(value), "wrong_type")
    end
    return value
  end

  ---Seconds as whole milliseconds, rounded up; nil where there is none.
  local function milliseconds(o, key, name)
    local seconds = check_type(o, key, "number", name)
    if seconds == nil then return nil end
    if not (seconds > 0 and seconds <= 1e6) then
      refuse(name .. ": " .. key .. " must be above 0 and at most a million seconds, not " .. tostring(seconds),
        "out_of_range")
    end
    return math.ceil(seconds * 1000)
  end

  local function whole(o, key, most, name)
    local value = o[key]
    local n = type(value) == "number" and math.tointeger(value) or nil
    if value ~= nil and not (n and n >= 0 and n <= most) then
      refuse(name .. ": " .. key .. " must be a whole number from 0 to " .. most .. ", not " .. is(value),
        "out_of_range")
    end
    return n
  end

  ---Header lines in a fixed order, and whether `wanted` (lower case) are among them.
  local function header_lines(headers, name, wanted)
    local lines, names = {}, {}
    for key in pairs(headers or {}) do
      if type(key) ~= "string" then refuse(name .. ": the keys of headers are names, not " .. is(key), "wrong_type") end
      if not string.find(key, "^[%w!#$%%&'*+%-.^_`|~]+$") then
        refuse(name .. ": '" .. key .. "' is no name of a header", "malformed_value")
      end
      names[#names + 1] = key
      if wanted[string.lower(key)] ~= nil then wanted[string.lower(key)] = true end
    end
    table.sort(names)
    for _, key in ipairs(names) do
      local values = headers[key]
      for _, value in ipairs(type(values) == "table" and values or { values }) do
        if type(value) == "number" then value = tostring(value) end
        if type(value) ~= "string" then
          refuse(name .. ": the header " .. key .. " must be a string or a list of strings, not " .. is(value),
            "wrong_type")
        end
        if string.find(value, "[\0-\8\10-\31\127]") then
          refuse(name .. ": the header " .. key .. " has a line break or another control character in its value",
            "malformed_value")
        end
        lines[#lines + 1] = key .. ": " .. value
      end
    end
    return lines
  end

  return {
    refuse = refuse, is = is, check_options = check_options, check_type = check_type, milliseconds = milliseconds,
    whole = whole, header_lines = header_lines,
  }
end
