-- Counts seconds; for test_test_market.lua.
local kalua, task = require "kalua", require "task"
local state = kalua.state
state.n = state.n or 0
while true do
  task.sleep(1)
  state.n = state.n + 1
  print("old " .. state.n)
end
