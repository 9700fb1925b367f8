---@meta log

---One line per call, to stderr or the file of --log-file, with the script's name. `--log LEVEL` says which are shown. More
---than 200 fields in a line raise "validation"; lines beyond `--log-rate` are dropped and counted. With `--log-json` the
---fields are also in the object `fields` of the line, numbers and booleans as such.
---```lua
---log.info("quoting", { bid = 0.41, ask = 0.43 })
---```
---@class log
local log = {}

---Something went wrong that somebody must look at.
---```lua
---log.error("cannot hedge", { position = -20 })
---```
---@param message any as `tostring` gives it
---@param fields? table<string, any> appended as k=v, up to 200
function log.error(message, fields) end

---Something is odd, and the script goes on.
---```lua
---log.warn("the book is stale", { ticker = ticker })
---```
---@param message any as `tostring` gives it
---@param fields? table<string, any> appended as k=v, up to 200
function log.warn(message, fields) end

---Something happened.
---```lua
---log.info "started"
---```
---@param message any as `tostring` gives it
---@param fields? table<string, any> appended as k=v, up to 200
function log.info(message, fields) end

---For who looks for a fault; shown with `--log debug`.
---```lua
---log.debug("fair price", { price = 0.4213 })
---```
---@param message any as `tostring` gives it
---@param fields? table<string, any> appended as k=v, up to 200
function log.debug(message, fields) end

return log
