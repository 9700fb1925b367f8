-- An HTTP request with what every provider needs: a time limit, and patience with what passes (429, 529, 5xx).
local http = require "http"
local kalua = require "kalua"
local log = require "log"
local task = require "task"

local LONGEST_WAIT <const> = 30 -- seconds between two attempts

-- `o`: a request for http.request. `retries` after the first attempt; `on_attempt(response or nil, error or nil)` is
-- told of each. Returns the response, or raises the last refusal.
return function(o, retries, on_attempt)
  o.raise = false
  local wait = 0.5 + math.random() / 2
  for attempt = 0, retries do
    local ok, response = pcall(http.request, o)
    if on_attempt then on_attempt(ok and response or nil, not ok and response or nil) end
    if ok and response.status < 400 then return response end
    -- Not the provider's: the script ends, or may not ask it.
    if not ok and (response.kind == "cancelled" or response.kind == "permission") then error(response, 0) end
    -- A request that may have arrived is not repeated by itself, but for refusals that say that nothing was done.
    local passing = ok and (response.status == 429 or response.status == 529 or response.status >= 500)
    if not ok then passing = response.kind == "network" and response.code == "unsent" end
    local why = ok and "HTTP " .. response.status .. ": " .. response.body:sub(1, 200):gsub("%c+", " ")
      or tostring(response)
    if not passing or attempt == retries then error(why, 0) end
    local asked = ok and tonumber(response.headers["retry-after"])
    local pause = math.min(math.max(asked or wait, 0), LONGEST_WAIT)
    log.info("the provider asks for patience", { why = why, wait = pause, at = kalua.now() })
    task.sleep(pause)
    wait = wait * 2
  end
end
