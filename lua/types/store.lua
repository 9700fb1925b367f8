---@meta store

---What `store.info` tells of a store.
---@class store.Info
---@field bytes integer that it takes on the disk
---@field most integer bytes that it may take (`--max-store`)
---@field keys integer how many there are
---@field lists integer how many there are

---What `store.batch` calls its function with: each call notes one operation as the function of the store
---of that name does it, and nothing is written before the function has returned.
---@class store.Batch
---@field set fun(key: string, value: boolean|number|string|table) as `store.set`, of plain data
---@field delete fun(key: string) as `store.delete`
---@field add fun(key: string, n: number) as `store.add`
---@field append fun(list: string, value: boolean|number|string|table, kept?: integer) as `store.append`, of plain data
---@field clear fun(list: string) as `store.clear`

---A store that scripts share: what `store.open` returns. It has the functions of the module but `open`, which do the same.
---@class store.Shared
---@field get fun(key: string, default?: any): any as `store.get`
---@field set fun(key: string, value: boolean|number|string|table): boolean as `store.set`, of plain data
---@field delete fun(key: string): boolean as `store.delete`
---@field add fun(key: string, n: number): number as `store.add`
---@field update fun(key: string, fn: fun(value: any): any): any as `store.update`
---@field batch fun(what: table<string, any>|fun(batch: store.Batch)): any[] as `store.batch`
---@field each fun(prefix?: string): fun(): string?, any as `store.each`
---@field keys fun(prefix?: string, limit?: integer): string[] as `store.keys`
---@field append fun(list: string, value: boolean|number|string|table, kept?: integer): integer as `store.append`, of plain data
---@field last fun(list: string, n?: integer): any as `store.last`
---@field lists fun(prefix?: string, limit?: integer): string[] as `store.lists`
---@field clear fun(list: string): integer as `store.clear`
---@field info fun(): store.Info as `store.info`

---A small database of the strategy's own, on the disk: values by key, and lists of values. It is there again after a restart
---and belongs to the script's name and the environment. What writes returns once it is on the disk, and waits without holding the
---others up. Keys and names of lists are texts of 1 to 512 bytes, values are plain data as in `kalua.state`, of at most 1 MiB each.
---Every function may raise "config": the file is damaged (`store_damaged`), not Kalua's (`store_foreign`), of a newer version
---(`store_newer`), locked by another process (`store_locked`), cannot be written (`store_unusable`) or its disk is full
---(`store_no_space`). What was written before stays.
---```lua
---store.set("fair:" .. ticker, 0.43)
---store.get("fair:" .. ticker)
---```
---@class store
local store = {}

---The value of a key.
---```lua
---store.get("trades", 0)
---```
---@async
---@param key string 1 to 512 bytes
---@param default? any what is returned where there is none; nil where it is not given
---@return any value a copy, exact: integers are integers, floats have each of their bits
function store.get(key, default) end

---Keeps a value under a key, in place of what was there; it is on the disk when this returns. Raises "limit" where the value
---(`store_too_big`) or the store (`store_full`) would be too large, and "validation" where it is no plain data.
---```lua
---store.set("fair:" .. ticker, { bid = 0.42, ask = 0.44 })
---```
---@async
---@param key string 1 to 512 bytes
---@param value boolean|number|string|table plain data, at most 1 MiB
---@return boolean written true
function store.set(key, value) end

---Removes a key.
---```lua
---store.delete("fair:" .. ticker)
---```
---@async
---@param key string 1 to 512 bytes
---@return boolean existed whether it was there
function store.delete(key) end

---Adds to a number, which is 0 where there is none yet, in one step. Raises "validation" where the value is none
---(`store_no_number`), or where the sum of two integers is more than an integer holds (`store_overflow`).
---```lua
---store.add("trades", 1)
---```
---@async
---@param key string 1 to 512 bytes
---@param n number what is added, in the unit of the value
---@return number sum in the same unit; an integer where both are
function store.add(key, n) end

---Replaces a value by what a function makes of it, in one step: no other script and no other process comes between. The
---function computes and may not wait; it is called again when the value has changed meanwhile.
---```lua
---store.update("seen", function(seen)
---  seen = seen or {}
---  seen[ticker] = true
---  return seen
---end)
---```
---@async
---@param key string 1 to 512 bytes
---@param fn fun(value: any): any gets the value, nil where there is none; what it returns is kept, nil removes the key
---@return any value what the function has returned
function store.update(key, fn) end

---Writes several things together, or none of them: values from a table, or what a function notes. The function may not wait. At
---most 10,000 operations and 16 MiB; more raise "limit".
---```lua
---store.batch{ bid = 0.42, ask = 0.44 }
---store.batch(function(b)
---  b.add("trades", 1)
---  b.append("prices", 0.43, 1000)
---end)
---```
---@async
---@param what table<string, any>|fun(batch: store.Batch) keys and values, or a function
---@return any[] results what each operation gives, in order, as the function of that name does
function store.batch(what) end

---Keys and values in the order of the keys' bytes. What is written while the loop runs may be seen or not.
---```lua
---for key, value in store.each "fair:" do
---  print(key, value)
---end
---```
---@async
---@param prefix? string what the keys begin with; without it all
---@return fun(): string?, any next for `for`
function store.each(prefix) end

---Keys, in the order of their bytes.
---```lua
---store.keys("fair:", 10)
---```
---@async
---@param prefix? string what they begin with; without it all
---@param limit? integer how many at most, the first ones; without it all
---@return string[] keys the keys, an empty list where there is none
function store.keys(prefix, limit) end

---Adds a value at the end of a list. Lists and keys are apart: one of each may have the same name.
---```lua
---store.append("closes:" .. ticker, { at = kalua.now(), price = 0.43 }, 365)
---```
---@async
---@param list string 1 to 512 bytes
---@param value boolean|number|string|table plain data, at most 1 MiB
---@param kept? integer how many items the list has at most, the newest ones; without it all stay
---@return integer number of the item: 1 for the first that the list ever had
function store.append(list, value, kept) end

---The newest item of a list, or the newest ones, the oldest of them first. More than 16 MiB raise "limit".
---```lua
---store.last("closes:" .. ticker)
---store.last("closes:" .. ticker, 30)
---```
---@async
---@param list string 1 to 512 bytes
---@param n? integer how many at most, up to 1,000,000; without it one, by itself
---@return any items a table of values with `n`, which is empty where there is no such list; without it a value, or nil
function store.last(list, n) end

---Names of lists, in the order of their bytes.
---```lua
---store.lists "closes:"
---```
---@async
---@param prefix? string what they begin with; without it all
---@param limit? integer how many at most, the first ones; without it all
---@return string[] names the names, an empty list where there is none
function store.lists(prefix, limit) end

---Removes a list.
---```lua
---store.clear("closes:" .. ticker)
---```
---@async
---@param list string 1 to 512 bytes
---@return integer removed how many items it had
function store.clear(list) end

---How large the store is.
---```lua
---store.info()
---```
---@async
---@return store.Info info bytes and counts of keys and lists
function store.info() end

---A store that all scripts share that open it by this name, in this environment, also those of other processes. It is
---none of a strategy's own, whatever its name.
---```lua
---prices = store.open "prices"
---prices.set("fair", 0.43)
---```
---@param name string 1 to 100 bytes
---@return store.Shared shared the same functions
function store.open(name) end

return store
