-- Modules that are compiled when they are first used: the prompt shows itself before that.
local proxies = {}

local function load_now(self, key)
  local proxy = getmetatable(self)
  local module = require(proxy.name)
  proxy.__index = module
  return module[key]
end

---Stands for a module (a table) until one of its fields is asked for.
local function later(name)
  local self = proxies[name]
  if not self then
    self = setmetatable({}, { name = name, __index = load_now })
    proxies[name] = self
  end
  return self
end

return later
