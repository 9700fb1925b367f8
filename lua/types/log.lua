---@meta log
-- One line per call, to stderr or the file of --log-file, with the script's name.

---@class log
local log = {}

---@param message any
---@param fields? table<string, any> appended as k=v
function log.error(message, fields) end
---@param message any
---@param fields? table<string, any>
function log.warn(message, fields) end
---@param message any
---@param fields? table<string, any>
function log.info(message, fields) end
---@param message any
---@param fields? table<string, any>
function log.debug(message, fields) end

return log
