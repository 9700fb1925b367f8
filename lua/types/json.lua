---@meta json

---@class json
---@field null any stands for JSON null
---@field empty_array any encodes as []
local json = {}

---Whole numbers become integers, null becomes `json.null`. Raises on text that is not JSON.
---@param text string
---@return any
function json.decode(text) end

---A table with the keys 1..n is an array; an empty one is an object, unless it was decoded from an array. Raises on functions, cycles, NaN and infinities.
---@param value any
---@return string
function json.encode(value) end

return json
