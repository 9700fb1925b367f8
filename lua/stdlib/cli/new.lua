---The files of a new strategy folder. Runs in a Lua state of its own (runtime/cli/new.c), with `embedded(name)` for the
---texts of lua/templates and lua/types. Given are the name of the strategy, that of the template, and the folder of the
---types, where they are installed; returned is a list of { path, text }.
local name, template, types = ...

local function text_of(module) return load(embedded(module))() end

local function fill(text) return (text:gsub("NAME", (name:gsub("%%", "%%%%")))) end

-- Comments behind commands begin in one column, however long the name is.
local function align(text)
  return (text:gsub("```\n(.-)```", function(block)
    local most = 0
    for command in block:gmatch "([^\n]-) +# " do most = math.max(most, #command) end
    return "```\n" .. block:gsub("([^\n]-) +# ", function(command)
      return command .. (" "):rep(most - #command) .. "  # "
    end) .. "```"
  end))
end

local function json(text)
  return '"' .. text:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
end

local EDITOR = [[
{
  "$schema": "https://raw.githubusercontent.com/LuaLS/vscode-lua/master/setting/schema.json",
  "runtime.version": "Lua 5.4",
  "workspace.library": [%s]
}
]]

local PROJECT = [[
-- What `kalua run` starts in this folder, and what that may lose at most. The limits are checked before an order
-- leaves, whatever the script does.
---@type kalua.Project
local project = {
  scripts = {
    { "NAME.lua" }, -- , args = { "TICKER" } },
  },
  on_failure = "restart",
  risk = { -- of each script
    max_order_count = 50, -- contracts of one order
    max_position = 200, -- contracts in one market, with all that may still fill
    max_open_orders = 20,
    max_orders_per_second = 20,
    self_cross = false, -- never trades with itself
  },
  account_risk = { -- of all of them together, in dollars
    max_exposure = 250,
    max_daily_loss = 50, -- then everything stops until you say `kalua run --resume`
  },
}
return project
]]

local ENVIRONMENT = [[
# Copy this file to .env, which `kalua` reads in the folder where it is started. Real environment variables win.
# Neither belongs into a repository: .gitignore keeps .env and key files out.

# Which exchange: sim (inside the process, the default), demo or prod.
#KALSHI_ENV=demo

# The key: its id, and the file with the private key (chmod 600). The website of that exchange makes both.
#KALSHI_API_KEY_ID=
#KALSHI_PRIVATE_KEY_PATH=demo.key

# The private key itself, in place of a file.
#KALSHI_PRIVATE_KEY=

# Limits of the account beside those of kalua.lua: the tighter one holds.
#KALUA_RISK=max_exposure=100,max_daily_loss=20

# How much is logged: error, warn, info, debug or trace.
#KALUA_LOG=info

# Another address of the exchange, and the certificates to trust for it.
#KALSHI_REST_URL=
#KALSHI_WS_URL=
#KALUA_CA=
]]

local IGNORED = [[
.env
*.pem
*.key
# what --state and its kind leave behind
*.state
*.state.*
*.orders
*.orders-*
*.exchange
*.exchange-*
*.paper
*.paper-*
# declarations for the editor, where `kalua new` made a copy
.kalua/
]]

local README = [[
# NAME

A strategy for [Kalshi](https://kalshi.com), run by Kalua.

## Run

```
kalua run                     # on an exchange inside the process; Ctrl-C ends it with a summary
kalua run --speed 5           # there, five times as fast
kalua NAME.lua -- TICKER      # in one market
```

`kalua.lua` says what runs, and the limits of what it may order and lose. Where the shell does not find `kalua`, put
its folder on the PATH.

## Change

Save `NAME.lua` while it runs: the new version takes over between two events, with connections, books and orders. When
it is wrong, the old one goes on and the error is on the terminal.

## Test

```
kalua test                    # NAME_test.lua: a market that does what the test says, and a clock that waits for it
kalua test --coverage         # and which lines the tests never reach
```

## Look inside

```
kalua attach NAME             # a prompt inside the running strategy, from another terminal; :help there
kalua logs NAME               # what it said last
kalua kill                    # stops all trading and cancels all orders
```

## With a key of the demo exchange

1. Make an account and a key at https://demo.kalshi.co, and save the private key here as `demo.key`.
2. `chmod 600 demo.key`, `cp .env.example .env`, and fill in `KALSHI_API_KEY_ID` and `KALSHI_PRIVATE_KEY_PATH`.
3. `kalua doctor --env demo` says what is right and what is wrong with the set-up.
4. `kalua run --env demo`

On `--env prod` orders are filled on paper, by live market data, until you say `--live`. Trading can lose money.
]]

local files = {
  { name .. ".lua", fill(text_of("cli.new." .. template .. ".strategy")) },
  { name .. "_test.lua", fill(text_of("cli.new." .. template .. ".test")) },
  { "kalua.lua", fill(PROJECT) },
  { ".luarc.json", EDITOR:format(json(types or ".kalua/types")) },
  { ".env.example", ENVIRONMENT },
  { ".gitignore", IGNORED },
  { "README.md", align(fill(README)) },
}
if not types then
  for _, module in ipairs(embedded()) do
    local file = module:match "^prompt%.types%.(.+)$" or module:match "^cli%.new%.types%.(.+)$"
    if file then files[#files + 1] = { ".kalua/types/" .. file .. ".lua", text_of(module) } end
  end
end
return files
