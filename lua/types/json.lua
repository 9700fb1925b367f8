---@meta json

---Text of JSON into Lua values and back.
---```lua
---json.decode '{"price": 0.42, "tags": ["a", "b"], "none": null}'
---```
---@class json
---@field null any stands for JSON null
---@field empty_array any encodes as []
local json = {}

---Whole numbers become integers, null becomes `json.null`. Raises "validation" on text that is not JSON, with the place.
---```lua
---t = json.decode "[1, 2.5, null]"
---print(t[1], t[2], t[3] == json.null)
---```
---@param text string of JSON
---@return any value tables for arrays and objects
function json.decode(text) end

---A table with the keys 1..n is an array; an empty one is an object, unless it was decoded from an array. Raises
---"validation" on functions, cycles, NaN and infinities.
---```lua
---json.encode{ ticker = "KXHIGHNY-26NOV22-B51", levels = { 0.41, 0.42 } }
---```
---@param value any plain data
---@return string text on one line
function json.encode(value) end

return json
