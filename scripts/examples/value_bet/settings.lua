-- Reads config.lua and the environment, and checks both: settings.KELLY_FRACTION and so on.
local json = require "json"

local CONFIDENCE <const> = { low = 0.4, medium = 0.6, high = 0.8 }

-- Numbers with their bounds, and what else there is.
local NUMBERS <const> = {
  MIN_EDGE_PCT = { 0, 100 }, EXIT_EDGE_PCT = { 0, 100 }, MIN_CONFIDENCE = { 0, 1 }, MAX_ANSWER_AGE_S = { 0.001, 86400 },
  KELLY_FRACTION = { 0.001, 1 }, MAX_TOTAL_EXPOSURE_USD = { 0, 1e9 }, MAX_POSITION_SIZE_USD = { 0, 1e9 },
  MAX_SINGLE_MARKET_PERCENT = { 0, 100 }, MAX_DAILY_LOSS_USD = { 0.01, 1e9 }, MAX_DAILY_TRADES = { 0, 1e6 },
  MIN_ACCOUNT_BALANCE_USD = { 0, 1e9 }, HOME_ADVANTAGE_POINTS = { -50, 50 }, POLL_SECONDS = { 0.01, 3600 },
  LOOKS = { 0, 1e9 }, ANTHROPIC_MAX_TOKENS = { 16, 64000 }, ANTHROPIC_INPUT_USD_PER_MTOK = { 0, 1e4 },
  ANTHROPIC_OUTPUT_USD_PER_MTOK = { 0, 1e4 }, ANTHROPIC_MAX_USD_PER_DAY = { 0, 1e4 }, HTTP_TIMEOUT_S = { 0.01, 600 },
  HTTP_RETRIES = { 0, 10 },
}
local WHOLE <const> = { MAX_DAILY_TRADES = true, LOOKS = true, ANTHROPIC_MAX_TOKENS = true, HTTP_RETRIES = true }
local OTHERS <const> = {
  BET_BEFORE_START = "boolean", PROVIDER = "string", LEAGUE_SERIES = "string", DECISIONS_FILE = "string",
  SPORTS_API_URL = "string", ANTHROPIC_URL = "string", ANTHROPIC_MODEL = "string", LOCAL_MODEL_URL = "string",
}

local settings = {}

-- A variable that the script may not read is none; `kalua run` says with which flag it may.
local function environment(name)
  local ok, value = pcall(os.getenv, name)
  return ok and value ~= "" and value or nil
end

-- A key, from the environment only. Raises what is missing and how to give it.
function settings.key(name)
  local ok, value = pcall(os.getenv, name)
  if not ok then error(value.message, 0) end
  if not value or value == "" then error("the environment variable " .. name .. " is not set", 0) end
  return value
end

local function refuse(name, value, expected)
  local shown = type(value) == "table" and "a table" or json.encode(value)
  error("settings: " .. name .. " must be " .. expected .. ", not " .. shown, 0)
end

local function number(name, value)
  local low, high = table.unpack(NUMBERS[name])
  local n = tonumber(name == "MIN_CONFIDENCE" and CONFIDENCE[value] or value)
  if not n or not (n >= low and n <= high) then refuse(name, value, "a number from " .. low .. " to " .. high) end
  if not WHOLE[name] then return n end
  return math.tointeger(n) or refuse(name, value, "a whole number")
end

local function other(name, value)
  if OTHERS[name] == "boolean" and type(value) == "string" then
    local words = { ["true"] = true, ["1"] = true, ["false"] = false, ["0"] = false }
    value = words[value]
  end
  if type(value) ~= OTHERS[name] then refuse(name, value, "a " .. OTHERS[name]) end
  return value
end

local config = require "config"
for name in pairs(config) do
  if not NUMBERS[name] and not OTHERS[name] then error("config.lua: there is no setting " .. tostring(name), 0) end
end
for _, group in ipairs{ NUMBERS, OTHERS } do
  for name in pairs(group) do
    local value = environment(name)
    if value == nil then value = config[name] end
    if value == nil then error("config.lua: " .. name .. " is missing", 0) end
    settings[name] = group == NUMBERS and number(name, value) or group == OTHERS and other(name, value)
  end
end

-- The same bounds in the names of the host, which refuses whatever goes over them.
function settings.limits()
  return {
    max_exposure = settings.MAX_TOTAL_EXPOSURE_USD, max_market_exposure = settings.MAX_POSITION_SIZE_USD,
    max_market_share = settings.MAX_SINGLE_MARKET_PERCENT, max_daily_loss = settings.MAX_DAILY_LOSS_USD,
    max_daily_trades = settings.MAX_DAILY_TRADES, min_balance = settings.MIN_ACCOUNT_BALANCE_USD,
  }
end

return settings
