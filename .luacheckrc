std = "lua54"
max_line_length = 120
include_files = { "lua", "scripts", "tests" }
exclude_files = { "**/node_modules", "build" }
files["tests/lua"] = { read_globals = { "test" } }
