---@meta alerts

---Rules on what the process has counted (`metrics.read`), told to webhooks. A script of its own runs them, next to the
---strategies of a project: it sees all scripts of the process. Addresses of webhooks are secrets: they come from the
---environment (`--allow-env`, `--allow-net`), and the log shows no more of them than the host. A wrong
---argument raises "validation".
---```lua
----- needs --allow-net hooks.example.com
---local alerts = require "alerts"
---watcher = alerts.new{
---  to = { alerts.slack "https://hooks.example.com/services/T/B/X" },
---  rules = { alerts.script_failed(), alerts.feed_away{ seconds = 30 }, alerts.drawdown{ above = 50 } },
---}
---watcher:look()
---```
---@class alerts
local alerts = {}

---What is sent, and what `watcher:look` returns.
---@class alerts.Message
---@field event "firing"|"resolved" whether the condition holds or has ended
---@field rule string its name
---@field severity string "warning", "critical", or what the rule says
---@field text string for people
---@field labels table<string, string> of the series, as { script = "maker" }
---@field value? number of the series, in its unit
---@field since number when the condition began to hold, seconds since the epoch
---@field at number when it was looked, seconds since the epoch
---@field env string as kalua.env
---@field by string the name of the script that watches

---Where messages go: what `alerts.slack` and the like return.
---@class alerts.Target
---@field kind string "slack", "ntfy" and so on
---@field name string with the host of its address
---@field url string the secret
---@field make fun(message: alerts.Message): http.Options the request that it is sent as

---What `alerts.rule` and the rules with a name return.
---@class alerts.Rule
---@field name string in messages
---@field for_seconds number seconds that the condition must hold
---@field cooldown number seconds between two tellings

---For all rules that have a name. What a rule has no use for is refused.
---@class alerts.RuleOptions
---@field script? string this one alone; when absent, each script by itself. None of rules on the feed, the books, the balance and the journal
---@field above? number it fires above that; in the unit that the rule says
---@field below? number it fires below that; in the unit that the rule says
---@field seconds? number seconds that it has lasted
---@field within? number seconds that are looked back
---@field for_seconds? number seconds that the condition must hold before it is told (0)
---@field cooldown? number seconds from one telling to the next of the same series (300)
---@field resolve? boolean false: nothing is sent when it is over
---@field severity? string "warning", "critical"

---A rule of one's own.
---@class alerts.OwnRule: alerts.RuleOptions
---@field name string in messages
---@field metric? string name of a family of `metrics.read`: each series that has `labels` is looked at by itself
---@field labels? table<string, string|number|boolean> those that are not named may be any
---@field of? "value"|"increase"|"stall" what is compared: the value; how much it grew `within`; or whether it stood still so long
---@field when? fun(all: table<string, metrics.Family>): boolean, number?, string? instead of `metric`: whether it fires, a value and a text
---@field text? string for people (the name)
---@field unit? string behind the value

---What a watcher is made of.
---@class alerts.Config
---@field to alerts.Target[] where messages go; an empty list: to the log alone
---@field rules (alerts.Rule|alerts.OwnRule)[] one or more
---@field every? number seconds between two looks (2)

---Looks at the rules, and delivers.
---@class alerts.Watcher
local Watcher = {}

---Looks once: what began to fire or is over is logged, queued for the targets, and returned.
---```lua
---watcher = alerts.new{ to = {}, rules = { alerts.script_failed() } }
---print(#watcher:look())
---```
---@return alerts.Message[] messages in the order of the rules
function Watcher:look() end

---Looks again and again and delivers; does not return, and raises nothing. What cannot be delivered is logged and tried
---again after 1, 2, 4 and so on to 60 seconds; what the other side calls wrong (404 and the like) is logged and not tried
---again.
---```lua
---watcher = alerts.new{ to = {}, rules = { alerts.script_failed() } }
---watching = task.spawn(watcher.run, watcher)
---watching:cancel()
---```
---@async
function Watcher:run() end

---A watcher. What fires and what waits for delivery is kept in `kalua.state.alerts`, so that nothing is told twice or
---lost by a reload. Raises "validation" for what is no rule or no target.
---```lua
---watcher = alerts.new{ to = {}, rules = { alerts.drawdown{ above = 50 } }, every = 5 }
---```
---@param config alerts.Config targets and rules
---@return alerts.Watcher watcher that has not looked yet
function alerts.new(config) end

---`alerts.new` and `run`: the whole of a script that watches.
---```lua
---watching = task.spawn(alerts.run, { to = {}, rules = { alerts.script_failed() } })
---watching:cancel()
---```
---@async
---@param config alerts.Config targets and rules
function alerts.run(config) end

---A rule of one's own. Raises "validation" where it does not say what is looked at and when it fires.
---```lua
---rule = alerts.rule{ name = "slow", metric = "kalua_script_longest_run_seconds", above = 0.1, unit = "s" }
---rule = alerts.rule{ name = "night", when = function() return os.date("!%H") == "03", nil, "it is three" end }
---```
---@param options alerts.OwnRule all of it
---@return alerts.Rule rule for `rules`
function alerts.rule(options) end

---The message as JSON, by POST.
---```lua
---target = alerts.webhook("https://hooks.example.com/kalua", { Authorization = "Bearer x" })
---```
---@param url string address, a secret
---@param headers? table<string, string> sent with it
---@return alerts.Target target for `to`
function alerts.webhook(url, headers) end

---A Slack incoming webhook.
---```lua
---target = alerts.slack "https://hooks.slack.com/services/T/B/X"
---```
---@param url string address, a secret
---@return alerts.Target target for `to`
function alerts.slack(url) end

---A Discord webhook.
---```lua
---target = alerts.discord "https://discord.com/api/webhooks/1/x"
---```
---@param url string address, a secret
---@return alerts.Target target for `to`
function alerts.discord(url) end

---A topic of ntfy, which phones subscribe to.
---```lua
---target = alerts.ntfy "https://ntfy.sh/a-name-nobody-guesses"
---```
---@param url string address, a secret
---@return alerts.Target target for `to`
function alerts.ntfy(url) end

---A chat of a Telegram bot.
---```lua
---target = alerts.telegram("https://api.telegram.org/bot1:x", 123456)
---```
---@param url string https://api.telegram.org/bot and the token
---@param chat string|integer its id or name
---@return alerts.Target target for `to`
function alerts.telegram(url, chat) end

---A script was ended by an error.
---```lua
---rule = alerts.script_failed()
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.script_failed(options) end

---A script may send nothing but cancels: a breaker has opened.
---```lua
---rule = alerts.script_halted()
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.script_halted(options) end

---A new version of a script was refused within the last minute.
---```lua
---rule = alerts.reload_refused()
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.reload_refused(options) end

---A script had errors that nobody took: more than `above` (0) within `within` seconds (60).
---```lua
---rule = alerts.errors{ above = 5, within = 60 }
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.errors(options) end

---A connection of the feed that is wanted is missing for `seconds` (30).
---```lua
---rule = alerts.feed_away{ seconds = 30 }
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.feed_away(options) end

---Nothing came over the feed for `seconds` (60).
---```lua
---rule = alerts.feed_quiet()
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.feed_quiet(options) end

---The feed reconnected more than `above` (0) times within `within` seconds (300).
---```lua
---rule = alerts.reconnects()
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.reconnects(options) end

---More than `above` (0) books are stale, for 10 seconds unless `for_seconds` says otherwise.
---```lua
---rule = alerts.stale_books{ for_seconds = 30 }
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.stale_books(options) end

---The audit found a live book that was not what REST says, within the last hour.
---```lua
---rule = alerts.book_differences()
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.book_differences(options) end

---The profit of a script is more than `above` dollars below its peak.
---```lua
---rule = alerts.drawdown{ above = 50 }
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.drawdown(options) end

---The profit of the day is below `below` dollars (0): -20 is a loss of twenty.
---```lua
---rule = alerts.loss_today{ below = -20 }
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.loss_today(options) end

---A script holds more than `above` contracts over all markets.
---```lua
---rule = alerts.position{ above = 500 }
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.position(options) end

---What a script holds and has ordered may lose more than `above` dollars at worst.
---```lua
---rule = alerts.exposure{ above = 100 }
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.exposure(options) end

---A script has sent no order for `seconds` (600).
---```lua
---rule = alerts.no_orders{ script = "maker", seconds = 900 }
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.no_orders(options) end

---More than `above` (0) orders of a script were refused by limits within `within` seconds (60).
---```lua
---rule = alerts.orders_refused()
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.orders_refused(options) end

---The state of an order is not known, for 10 seconds unless `for_seconds` says otherwise.
---```lua
---rule = alerts.orders_unknown()
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.orders_unknown(options) end

---The cash of the account is below `below` dollars. It is known once a script or a limit asks for it.
---```lua
---rule = alerts.balance{ below = 100 }
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.balance(options) end

---The journal of orders cannot be written.
---```lua
---rule = alerts.journal_broken()
---```
---@param options? alerts.RuleOptions what is to be other than it is by itself
---@return alerts.Rule rule for `rules`
function alerts.journal_broken(options) end

return alerts
