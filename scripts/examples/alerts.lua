-- Watches the scripts that run beside it, and tells a webhook what somebody should know.
--
--   ALERT_URL=https://ntfy.sh/TOPIC kalua --allow-env ALERT_URL --allow-net ntfy.sh maker.lua alerts.lua
--
-- or in a project's kalua.lua, so that the strategies have none of these permissions:
--
--   scripts = { "maker.lua", { "alerts.lua", allow_env = "ALERT_URL", allow_net = "ntfy.sh", on_failure = "restart" } }
--
-- ALERT_KIND says what listens there: ntfy (when not said), slack, discord or webhook. Without ALERT_URL alerts go to
-- the log alone. It ends with the scripts that it watches.
local alerts = require "alerts"
local kalua = require "kalua"
local log = require "log"
local metrics = require "metrics"
local task = require "task"

local url, kind = os.getenv "ALERT_URL", os.getenv "ALERT_KIND" or "ntfy"
local kinds = { ntfy = alerts.ntfy, slack = alerts.slack, discord = alerts.discord, webhook = alerts.webhook }
if url and not kinds[kind] then error("ALERT_KIND is ntfy, slack, discord or webhook, not " .. kind, 0) end
if not url then log.warn "ALERT_URL is not set, or not allowed (--allow-env ALERT_URL): alerts go to the log alone" end

local watcher = alerts.new{
  to = url and { kinds[kind](url) } or {},
  rules = {
    alerts.script_failed(),
    alerts.script_halted(),
    alerts.reload_refused(),
    alerts.errors{ above = 5, within = 60 },
    alerts.feed_away{ seconds = 30 },
    alerts.stale_books{ for_seconds = 30 },
    alerts.orders_unknown(),
    alerts.journal_broken(),
    alerts.drawdown{ above = 50 },
    alerts.loss_today{ below = -20 },
    alerts.rule{
      name = "order answers", metric = "kalua_rest_requests_total", of = "increase", within = 60, above = 3,
      labels = { operation = "create_order", status = "5xx" }, text = "the exchange fails to take orders",
    },
  },
}

-- Whether something else still runs.
local function others_run()
  for _, sample in ipairs(metrics.read().kalua_script_state.samples) do
    if sample.labels.script ~= kalua.name and sample.labels.state ~= "ended" and sample.value == 1 then return true end
  end
  return false
end

local watching = task.spawn(watcher.run, watcher)
task.sleep(5)
while others_run() do task.sleep(2) end
watcher:look()
task.sleep(3) -- what is on its way is delivered
watching:cancel "nothing else runs"
