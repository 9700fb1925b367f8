-- What the bot does and how much it may risk. Every name may also be an environment variable, which wins where the
-- script may read it: kalua run --allow-env MIN_EDGE_PCT …, or `kalua run` on this folder, whose kalua.lua allows all.
return {
  -- When to bet
  MIN_EDGE_PCT = 5,                -- expected profit of a contract after fees: cents, which are points of probability
  EXIT_EDGE_PCT = 1,               -- the same for selling again what is held
  MIN_CONFIDENCE = 0.6,            -- of the provider: 0 to 1, or "low" (0.4), "medium" (0.6), "high" (0.8)
  BET_BEFORE_START = false,        -- true: also while the game has not begun
  MAX_ANSWER_AGE_S = 60,           -- an older probability is none

  -- How much
  KELLY_FRACTION = 0.25,           -- of the Kelly position
  MAX_TOTAL_EXPOSURE_USD = 500,    -- what all positions of the account may cost
  MAX_POSITION_SIZE_USD = 50,      -- what the position in one market may cost
  MAX_SINGLE_MARKET_PERCENT = 10,  -- the same, of cash and positions together
  MAX_DAILY_LOSS_USD = 100,        -- then no more bets today (UTC)
  MAX_DAILY_TRADES = 20,           -- orders that filled today
  MIN_ACCOUNT_BALANCE_USD = 50,    -- cash that must be left

  -- Who says what is probable: fixed, sports_api, anthropic or local_model
  PROVIDER = "fixed",
  HOME_ADVANTAGE_POINTS = 2.5,     -- of the score model of fixed and sports_api, over a whole game

  -- How
  LEAGUE_SERIES = "",              -- only games with a market of this series, for example KXNBAGAME
  POLL_SECONDS = 2,                -- between two looks at the game
  LOOKS = 0,                       -- looks until the end; 0: until the game is over
  DECISIONS_FILE = "",             -- where decisions are appended (needs --allow-fs); "": standard output

  -- Providers (docs: README.md). Keys are environment variables only: SPORTS_API_KEY, ANTHROPIC_API_KEY.
  SPORTS_API_URL = "https://api.shipp.ai/api/v1",
  ANTHROPIC_URL = "https://api.anthropic.com",
  ANTHROPIC_MODEL = "claude-sonnet-4-5",
  ANTHROPIC_MAX_TOKENS = 1024,     -- of one answer
  ANTHROPIC_INPUT_USD_PER_MTOK = 3,   -- what a million tokens cost: look it up for your model
  ANTHROPIC_OUTPUT_USD_PER_MTOK = 15,
  ANTHROPIC_MAX_USD_PER_DAY = 1,   -- no call is made that could cost more than is left of it
  LOCAL_MODEL_URL = "http://127.0.0.1:8000/probability",
  HTTP_TIMEOUT_S = 20,             -- of one request to a provider
  HTTP_RETRIES = 2,                -- after 429, 529 and other errors that pass
}
