std = "lua54"
max_line_length = 120
include_files = { "docs/*.lua", "lua/**/*.lua", "scripts/**/*.lua", "tests/**/*.lua" }
-- What hostile scripts do is what luacheck is there to prevent.
exclude_files = { "**/node_modules", "build", "tests/hostile" }
files["tests/lua"] = { read_globals = { "test" } }
-- Declarations for editors: the functions have no bodies, and a type is one line however long.
files["lua/types"] = { ignore = { "212", "241", "631" } }
