---@meta bus

---What `bus.listen` returns. `messages` of one that was closed raises "closed".
---@class bus.Subscription: userdata
local Subscription = {}

---`for value, from in subscription:messages() do`: each message, and the name of the script that sent it. Raises "overflow"
---at the place where messages are missing, once the loop was more than 10,000 messages or 16 MiB behind; the loop may be
---taken up again after it. One task reads at a time.
---```lua
---sub = bus.listen "prices"
---bus.send("prices", { fair = 0.43 })
---for value, from in sub:messages() do
---  print(value.fair, from)
---  break
---end
---sub:close()
---```
---@async
---@return fun(): any, string next for `for`: the value and the name of its sender
function Subscription:messages() end

---The loops over it get what is there already, and then end. Raises nothing, also where it was closed already.
---```lua
---sub = bus.listen "prices"
---sub:close()
---```
function Subscription:close() end

---Messages between the scripts of a process, on channels with names. A name that is empty or longer than 200 bytes, and a
---value that is no plain data, raise "validation".
---```lua
---sub = bus.listen "fair"
---bus.send("fair", { ticker = ticker, price = 0.43 })
---bus.last "fair"
---```
---@class bus
local bus = {}

---Sends a copy of a value to all who listen to the channel now, this script too where it listens. Waits for nobody; raises
---"limit" when more waits to be read than `--max-queued` allows.
---```lua
---bus.send("fair", { ticker = ticker, price = 0.43 })
---```
---@param channel string 1 to 200 bytes
---@param value boolean|number|string|table plain data, as in `kalua.state`
---@return integer listeners that get it
function bus.send(channel, value) end

---Hears what is sent on the channel from now on. Over a reload it goes on where the version before stopped.
---```lua
---sub = bus.listen "fair"
---```
---@param channel string 1 to 200 bytes
---@return bus.Subscription subscription to read with `messages`
function bus.listen(channel) end

---The value that was sent last, and who sent it.
---```lua
---bus.send("fair", 0.43)
---print(bus.last "fair")
---```
---@param channel string 1 to 200 bytes
---@return any value a copy; nil when nothing was sent
---@return string? from name of the script
function bus.last(channel) end

---The channels that somebody listens to or has sent to. Raises nothing.
---```lua
---bus.channels()
---```
---@return string[] names sorted
function bus.channels() end

return bus
