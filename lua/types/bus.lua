---@meta bus
-- Messages between the scripts of a process, on channels with names.

---@class bus.Subscription: userdata
local Subscription = {}

---`for value, from in subscription:messages() do`: each message, and the name of the script that sent it. Raises "overflow"
---at the place where messages are missing, once the loop was more than 10,000 messages or 16 MiB behind; the loop may be
---taken up again after it. One task reads at a time.
---@async
---@return fun(): any, string
function Subscription:messages() end

---The loops over it get what is there already, and then end.
function Subscription:close() end

---@class bus
local bus = {}

---Sends a copy of a value to all who listen to the channel now, this script too where it listens.
---@param channel string 1 to 200 bytes
---@param value boolean|number|string|table plain data, as in `kalua.state`
---@return integer listeners that get it
function bus.send(channel, value) end

---Hears what is sent on the channel from now on. Over a reload it goes on where the version before stopped.
---@param channel string 1 to 200 bytes
---@return bus.Subscription
function bus.listen(channel) end

---The value that was sent last, and who sent it.
---@param channel string
---@return any value nil when nothing was sent
---@return string? from
function bus.last(channel) end

---@return string[] names of the channels that somebody listens to or has sent to, sorted
function bus.channels() end

return bus
