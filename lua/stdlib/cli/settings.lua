-- The arguments of a command whose body is in Lua: "name=value" settings, "--", words.
local kalua = require "kalua"

local settings, words = {}, {}
local into = settings
for _, word in ipairs(kalua.args) do
  if into == settings and word == "--" then
    into = words
  elseif into == settings then
    local name, value = word:match "^(%w+)=(.*)$"
    settings[name] = value
  else
    words[#words + 1] = word
  end
end

return { settings = settings, words = words }
