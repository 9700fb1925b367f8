---Module `alerts`: rules on what the process has counted (metrics.read()), told to webhooks.
---
---    local alerts = require "alerts"
---    alerts.run{ to = { alerts.ntfy(os.getenv "NTFY_URL") }, rules = { alerts.script_failed(), alerts.feed_away() } }
local arguments = require "arguments"
local http = require "http"
local kalua = require "kalua"
local log = require "log"
local metrics = require "metrics"
local task = require "task"

local error, ipairs, math, pairs, pcall, setmetatable, table, tostring, type =
  error, ipairs, math, pairs, pcall, setmetatable, table, tostring, type

local alerts = {}

local EVERY <const> = 2 -- seconds between two looks
local COOLDOWN <const> = 300
local QUEUED <const> = 100 -- messages that wait for one target
local FIRST_PAUSE <const>, LAST_PAUSE <const> = 1, 60
local TIMEOUT <const> = 10

local refuse = arguments.refuse

-- The options of function `name`, which has no others than these; nil stands for none.
local function options_of(name, options, known)
  if options == nil then return {} end
  arguments.check_options(arguments.table(name, "what it is given", options), known, name)
  return options
end

-- ---- where to ----

-- Scheme and host of an address: the rest of a webhook's is a secret.
local function shown(url) return (url:match "^%w+://[^/?#]+" or "an address"):gsub("//.*@", "//") .. "/…" end

local function target(kind, url, make)
  if type(url) ~= "string" or not url:find "^https?://[^/]" then
    refuse(("alerts.%s: the address must be a text that begins with https://, from the environment: "
      .. "os.getenv \"ALERT_URL\" (and --allow-env ALERT_URL, --allow-net HOST)"):format(kind))
  end
  return { kind = kind, url = url, name = kind .. " at " .. shown(url), make = make }
end

---A message as it is, as JSON: {"text", "event", "rule", "severity", "labels", "value", "since", "at", "env", "by"}.
function alerts.webhook(url, headers)
  return target("webhook", url, function(m) return { json = m, headers = headers } end)
end

---A Slack incoming webhook.
function alerts.slack(url) return target("slack", url, function(m) return { json = { text = m.text } } end) end

-- No more bytes than the service takes, and no half letter at the end.
local function cut(text, most)
  if #text <= most then return text end
  while most > 0 and text:byte(most + 1) & 0xC0 == 0x80 do most = most - 1 end
  return text:sub(1, most)
end

---A Discord webhook.
function alerts.discord(url)
  return target("discord", url, function(m)
    return { json = { content = cut(m.text, 1900), allowed_mentions = { parse = {} } } }
  end)
end

---A topic of ntfy: https://ntfy.sh/TOPIC.
function alerts.ntfy(url)
  return target("ntfy", url, function(m)
    local urgent = m.event == "firing" and m.severity == "critical"
    return {
      body = m.text,
      headers = {
        ["Content-Type"] = "text/plain; charset=utf-8",
        Title = "kalua", Tags = m.event == "firing" and "warning" or "white_check_mark",
        Priority = urgent and "urgent" or "default",
      },
    }
  end)
end

---A Telegram bot. The address is its API with the token: https://api.telegram.org/botTOKEN.
function alerts.telegram(url, chat)
  if type(chat) ~= "string" and type(chat) ~= "number" then refuse "alerts.telegram: which chat? A number or a name" end
  local t = target("telegram", url, function(m) return { json = { chat_id = chat, text = cut(m.text, 4000) } } end)
  t.url, t.chat = url:gsub("/+$", "") .. "/sendMessage", chat
  return t
end

-- ---- rules ----

local RULE_OPTIONS <const> = {
  "name", "metric", "labels", "above", "below", "of", "within", "when", "for_seconds", "cooldown", "resolve",
  "severity", "text", "unit",
}

---A rule of one's own.
function alerts.rule(options)
  local r = options_of("alerts.rule", options, RULE_OPTIONS)
  if type(r.name) ~= "string" or r.name == "" then refuse "alerts.rule: a rule has a name" end
  local name = "alerts.rule " .. r.name
  local where = name .. ": "
  if (r.metric == nil) == (r.when == nil) then refuse(where .. "either metric or when says what is looked at") end
  if r.metric and type(r.metric) ~= "string" then refuse(where .. "metric is the name of one") end
  local of = arguments.choice(name, "of", r.of, { "value", "increase", "stall" }, "value")
  if of ~= "value" then arguments.number(name, "within", r.within, 0.001) end
  if r.metric and of ~= "stall" and (r.above == nil) == (r.below == nil) then
    refuse(where .. "either above or below says when it fires")
  end
  for _, key in ipairs{ "above", "below" } do arguments.optional(name, key, r[key]) end
  local for_seconds = arguments.optional(name, "for_seconds", r.for_seconds, 0, 0)
  local cooldown = arguments.optional(name, "cooldown", r.cooldown, COOLDOWN, 0)
  return {
    name = r.name, metric = r.metric, labels = r.labels, above = r.above, below = r.below, of = of, within = r.within,
    when = r.when, for_seconds = for_seconds, cooldown = cooldown, resolve = r.resolve ~= false,
    severity = r.severity or "warning", text = r.text or r.name, unit = r.unit,
  }
end

-- Rules that have a name: what they are unless it is said otherwise. `of_process`: their metric has no label `script`.
local function preset(name, base, argument)
  local known = { "for_seconds", "cooldown", "resolve", "severity" }
  if not base.of_process then known[#known + 1] = "script" end
  if base.above then known[#known + 1] = "above" end
  if base.below then known[#known + 1] = "below" end
  if argument then known[#known + 1] = "seconds" end
  if base.of == "increase" then known[#known + 1] = "within" end
  alerts[name] = function(options)
    local o = options_of("alerts." .. name, options, known)
    local r = { name = name }
    for key, value in pairs(base) do r[key] = value end
    r.of_process = nil
    for key, value in pairs(o) do
      if key ~= "script" and key ~= "seconds" then r[key] = value end
    end
    if argument then r[argument] = o.seconds or base[argument] end
    if o.script then
      r.labels = { script = o.script }
      for key, value in pairs(base.labels or {}) do r.labels[key] = value end
    end
    return alerts.rule(r)
  end
end

preset("script_failed", {
  metric = "kalua_script_failed", above = 0, severity = "critical", text = "the script has failed",
})
preset("script_halted", {
  metric = "kalua_script_halted", above = 0, severity = "critical",
  text = "the script is halted: it sends nothing but cancels",
})
preset("reload_refused", {
  metric = "kalua_script_reloads_total", labels = { result = "refused" }, of = "increase", within = 60, above = 0,
  text = "a new version was refused, the old one goes on",
})
preset("errors", {
  metric = "kalua_script_errors_total", of = "increase", within = 60, above = 0, text = "errors that nobody took",
})
preset("feed_away", {
  of_process = true,
  metric = "kalua_feed_away_seconds", above = 30, severity = "critical", text = "the feed is away", unit = "s",
}, "above")
preset("feed_quiet", {
  of_process = true,
  metric = "kalua_feed_last_message_age_seconds", above = 60, text = "nothing comes over the feed", unit = "s",
}, "above")
preset("reconnects", {
  of_process = true,
  metric = "kalua_feed_reconnects_total", of = "increase", within = 300, above = 0, text = "the feed reconnected",
})
preset("stale_books", {
  of_process = true,
  metric = "kalua_books_stale", above = 0, for_seconds = 10, text = "order books are stale",
})
preset("book_differences", {
  of_process = true,
  metric = "kalua_book_audits_total", labels = { verdict = "different" }, of = "increase", within = 3600, above = 0,
  text = "a live book was not what REST says",
})
preset("drawdown", { metric = "kalua_drawdown_dollars", above = 0, text = "drawdown", unit = "dollars" })
preset("loss_today", { metric = "kalua_profit_today_dollars", below = 0, text = "profit of the day", unit = "dollars" })
preset("position", { metric = "kalua_position_contracts", above = 0, text = "position", unit = "contracts" })
preset("exposure", { metric = "kalua_exposure_dollars", above = 0, text = "may be lost at worst", unit = "dollars" })
preset("no_orders", {
  metric = "kalua_orders_placed_total", of = "stall", within = 600, text = "no order was sent",
}, "within")
preset("orders_refused", {
  metric = "kalua_orders_refused_total", of = "increase", within = 60, above = 0, text = "orders were refused here",
})
preset("orders_unknown", {
  metric = "kalua_orders_open", labels = { state = "unknown" }, above = 0, for_seconds = 10, severity = "critical",
  text = "orders whose state is not known",
})
preset("balance", {
  of_process = true,
  metric = "kalua_balance_dollars", below = 0, text = "balance", unit = "dollars",
})
preset("journal_broken", {
  of_process = true,
  metric = "kalua_journal_broken", above = 0, severity = "critical", text = "the journal of orders cannot be written",
})

-- ---- looking ----

local function fits(labels, wanted)
  for name, value in pairs(wanted or {}) do
    if labels[name] ~= tostring(value) then return false end
  end
  return true
end

local function label_text(labels)
  local names, parts = {}, {}
  for name in pairs(labels) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do parts[#parts + 1] = name .. "=" .. labels[name] end
  return table.concat(parts, ",")
end

-- What a series has come to: how much it grew within a time, or for how long it has stood still. `from`: what it was
-- before it was seen for the first time.
local function increase(series, value, from, now, within)
  local last = series.last or from
  series.last = value
  if value ~= last then -- one that is smaller began anew
    series.steps[#series.steps + 1] = { at = now, by = value > last and value - last or value }
  end
  local sum, kept = 0, {}
  for _, step in ipairs(series.steps) do
    if now - step.at <= within then
      sum, kept[#kept + 1] = sum + step.by, step
    end
  end
  series.steps = kept
  return sum
end

local function stood_still(series, value, now)
  if series.last ~= value then series.last, series.since = value, now end
  return now - series.since
end

local Watcher = {}
Watcher.__index = Watcher

-- Calls fn(key, labels, value, fires) for all that a rule looks at.
function Watcher:each(rule, all, now, fn)
  if rule.when then
    local fires, value, text = rule.when(all)
    fn(rule.name, {}, type(value) == "number" and value or nil, fires and true or false, text)
    return
  end
  local family = all[rule.metric]
  for _, sample in ipairs(family and family.samples or {}) do
    if fits(sample.labels, rule.labels) then
      local key = rule.name .. "{" .. label_text(sample.labels) .. "}"
      local series = self.series[key] or { steps = {} }
      self.series[key] = series
      local value = sample.value or sample.count
      if rule.of == "increase" then
        -- A counter is there from its first count on; what had been counted when the watcher began is no growth.
        value = increase(series, value, self.looked and 0 or value, now, rule.within)
      end
      if rule.of == "stall" then
        value = stood_still(series, value, now)
        fn(key, sample.labels, value, value >= rule.within)
      else
        fn(key, sample.labels, value, rule.above and value > rule.above or rule.below and value < rule.below or false)
      end
    end
  end
end

local function number_text(v) return (("%.4f"):format(v):gsub("%.?0+$", "")) end

local function describe(rule, labels, value, event, said)
  local parts = { "[" .. kalua.env .. "]" }
  if event == "resolved" then parts[#parts + 1] = "resolved:" end
  if labels.script then parts[#parts + 1] = labels.script .. ":" end
  parts[#parts + 1] = said or rule.text
  if value and not said then
    local unit = rule.of == "stall" and "s" or rule.unit
    parts[#parts + 1] = "(" .. number_text(value) .. (unit and " " .. unit or "") .. ")"
  end
  return table.concat(parts, " ")
end

function Watcher:tell(event, rule, state, labels, value, now, said)
  local message = {
    event = event, rule = rule.name, severity = rule.severity, labels = labels, value = value, since = state.since,
    at = now, env = kalua.env, by = kalua.name, text = describe(rule, labels, value, event, said),
  }
  log[event == "firing" and "warn" or "info"](message.text, { rule = rule.name, event = event, value = value })
  self:send(message)
  return message
end

-- One series of a rule: waits until it has fired long enough, tells once, and once more when it is over.
function Watcher:judge(rule, key, labels, value, fires, now, said, told)
  local state = self.state.rules[key]
  if not fires then
    if state and state.firing and rule.resolve then
      told[#told + 1] = self:tell("resolved", rule, state, labels, value, now, said)
    end
    self.state.rules[key] = state and state.told_at and { told_at = state.told_at } or nil
    return
  end
  state = state or {}
  self.state.rules[key] = state
  state.since, state.labels = state.since or now, labels
  if state.firing or now - state.since < rule.for_seconds then return end
  if state.told_at and now - state.told_at < rule.cooldown then return end
  state.firing, state.told_at = true, now
  told[#told + 1] = self:tell("firing", rule, state, labels, value, now, said)
end

---Looks once: what began to fire or is over is on its way to the targets, and is returned.
function Watcher:look()
  local all, now, told, seen = metrics.read(), kalua.now(), {}, {}
  for _, rule in ipairs(self.rules) do
    local ok, err = pcall(self.each, self, rule, all, now, function(key, labels, value, fires, said)
      seen[key] = true
      self:judge(rule, key, labels, value, fires, now, said, told)
    end)
    if not ok and type(err) == "table" and err.kind == "cancelled" then error(err, 0) end
    if not ok then log.error("a rule failed", { rule = rule.name, why = tostring(err) }) end
    if not ok then seen[rule.name] = true end
    for key, state in pairs(self.state.rules) do -- what is not there any more fires no more
      local own = key == rule.name or key:sub(1, #rule.name + 1) == rule.name .. "{"
      if own and not seen[key] and state.firing then
        self:judge(rule, key, state.labels, nil, false, now, nil, told)
      end
    end
  end
  self.looked = true
  return told
end

-- ---- delivering ----

function Watcher:send(message)
  for i, to in ipairs(self.to) do
    local queue = self.queues[i]
    if #queue >= QUEUED then
      local lost = table.remove(queue, 2) -- the first is on its way
      log.error("an alert is lost: too many wait for the target", { target = to.name, alert = lost.text })
    end
    queue[#queue + 1] = message
    self.news[i]:send(true)
  end
end

-- The address of a webhook is a secret, and errors of http name it.
local function without(text, secret)
  local at, last = text:find(secret, 1, true)
  while at do
    text = text:sub(1, at - 1) .. shown(secret) .. text:sub(last + 1)
    at, last = text:find(secret, at + 1, true)
  end
  local path = secret:match "^%w+://[^/?#]+(/.+)$"
  return path and text:find(path, 1, true) and "the request failed" or text
end

-- Worth another try: not where the other side says that the request is wrong.
local function passes(err)
  if err.kind == "http" then return err.status >= 500 or err.status == 408 or err.status == 425 or err.status == 429 end
  return err.kind == "network" or err.kind == "timeout" or err.kind == "limit"
end

local function deliver(to, message)
  local pause, since = FIRST_PAUSE, kalua.now()
  for try = 1, math.huge do
    local request = to.make(message)
    request.timeout = TIMEOUT
    local ok, err = pcall(http.post, to.url, request)
    if ok then
      if try > 1 then log.info("the alert was delivered", { target = to.name, alert = message.text, tries = try }) end
      return
    end
    if type(err) ~= "table" then error(err, 0) end
    if err.kind == "cancelled" then error(err, 0) end
    local why = without(tostring(err), to.url)
    if not passes(err) then
      log.error("the alert was not delivered, and is not tried again: is the address right, and allowed "
        .. "(--allow-net HOST)?", { target = to.name, alert = message.text, why = why })
      return
    end
    log[try == 1 and "error" or "warn"]("the alert is not delivered yet", {
      target = to.name, alert = message.text, why = why, again_in = pause, waits = math.floor(kalua.now() - since),
    })
    task.sleep(pause)
    pause = math.min(pause * 2, LAST_PAUSE)
  end
end

-- One after the other, so that "resolved" never comes before what it resolves.
function Watcher:work(i)
  local to, queue = self.to[i], self.queues[i]
  while true do
    while queue[1] do
      deliver(to, queue[1])
      table.remove(queue, 1)
    end
    self.news[i]:recv()
  end
end

---Looks again and again; does not return.
function Watcher:run()
  local workers = {}
  for i in ipairs(self.to) do workers[i] = function() self:work(i) end end
  workers[#workers + 1] = function()
    while true do
      self:look()
      task.sleep(self.every)
    end
  end
  task.all(workers)
end

-- A channel that remembers that there is news, however often.
local function signal()
  local channel, full = task.channel(1), false
  return {
    send = function()
      if full then return end
      full = true
      channel:send(true)
    end,
    recv = function()
      channel:recv()
      full = false
    end,
  }
end

-- What a target is found by after a reload, also when the list was reordered. Its address is a secret, and kalua.state
-- may go to a file: of it there is a number that says nothing about it.
local function queue_key(to, taken)
  local hash = 0xcbf29ce484222325
  for _, text in ipairs{ tostring(to.kind), "\0", tostring(to.url), "\0", tostring(to.chat) } do
    for i = 1, #text do hash = (hash ~ text:byte(i)) * 0x100000001b3 end
  end
  local base = ("%s %016x"):format(tostring(to.kind), hash)
  local key, n = base, 2
  while taken[key] do
    key, n = base .. " " .. n, n + 1
  end
  return key
end

---A watcher: `run` looks again and again, `look` once.
function alerts.new(config)
  local c = options_of("alerts.new", config, { "to", "rules", "every" })
  local every = arguments.optional("alerts.new", "every", c.every, EVERY, 0.05)
  if type(c.rules) ~= "table" or #c.rules == 0 then refuse "alerts.new: rules is a list of one or more" end
  if type(c.to) ~= "table" then refuse "alerts.new: to is a list of targets: { alerts.slack(url) }" end
  for i, to in ipairs(c.to) do
    if type(to) ~= "table" or not to.make then refuse("alerts.new: target " .. i .. " is none: alerts.slack(url)") end
  end
  local names = {}
  local w = { to = {}, rules = {}, news = {}, queues = {}, series = {}, every = every }
  setmetatable(w, Watcher)
  for i, rule in ipairs(c.rules) do
    if type(rule) ~= "table" then refuse("alerts.new: rule " .. i .. " is none") end
    w.rules[i] = rule.for_seconds and rule.cooldown and rule.of and rule or alerts.rule(rule)
    local name, n = w.rules[i].name, 2
    while names[name] do
      name, n = w.rules[i].name .. "#" .. n, n + 1
    end
    names[name] = true
    w.rules[i] = setmetatable({ name = name }, { __index = w.rules[i] })
  end
  -- Over a reload, and with --state over a restart, nothing is told twice and nothing that waits is lost.
  local kept = type(kalua.state.alerts) == "table" and kalua.state.alerts or {}
  kalua.state.alerts = kept
  kept.rules = type(kept.rules) == "table" and kept.rules or {}
  local before = type(kept.queues) == "table" and kept.queues or {}
  local queues = {}
  for i, to in ipairs(c.to) do
    w.to[i], w.news[i] = to, signal()
    local key = queue_key(to, queues)
    local found = before[key] ~= nil and key or i -- by its place as earlier versions kept it
    queues[key] = type(before[found]) == "table" and before[found] or {}
    w.queues[i] = queues[key]
    before[found] = nil
  end
  for _, waiting in pairs(before) do
    if type(waiting) == "table" and waiting[1] then
      log.warn("alerts are dropped: the target that they wait for is not there any more", { alerts = #waiting })
    end
  end
  kept.queues, w.state = queues, kept
  return w
end

---Looks at the rules and tells the targets, until the script is stopped.
function alerts.run(config) alerts.new(config):run() end

return alerts
