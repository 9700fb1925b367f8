---What `kalua test` calls with the main chunk of a file, in place of it: the file gets its globals, and is run.
local tree = require "test_tree"

return function(chunk)
  for _, name in ipairs{ "describe", "it", "before_each", "after_each", "pending" } do _G[name] = tree.test[name] end
  return tree.run_file(chunk)
end
