std = "lua54"
max_line_length = 120
include_files = { "docs/**/*.lua", "lua/**/*.lua", "packaging/*.lua", "scripts/**/*.lua", "tests/**/*.lua" }
-- What hostile scripts do is what luacheck is there to prevent.
exclude_files = { "**/node_modules", "build", "tests/hostile" }
files["tests/lua"] = { read_globals = { "test", "describe", "it", "before_each", "after_each", "pending" } }
-- What `kalua test` gives to a file, and `kalua new` to the text that makes a folder.
files["lua/templates"] = { read_globals = { "describe", "it", "before_each", "after_each", "pending" } }
files["lua/stdlib/cli/new.lua"] = { read_globals = { "embedded" } }
-- Declarations for editors: the functions have no bodies, and a type is one line however long.
files["lua/types"] = { ignore = { "212", "241", "631" } }
