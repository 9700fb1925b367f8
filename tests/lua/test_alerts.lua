-- Rules and what comes of them; what reaches a webhook is in integration/monitor.test.mjs.
local alerts = require "alerts"
local kalua = require "kalua"
local metrics = require "metrics"
local test = require "test"

local function watcher(...)
  kalua.state.alerts = nil
  return alerts.new{ to = {}, rules = { ... } }
end

local function events(messages)
  local out = {}
  for i, m in ipairs(messages) do out[i] = m.rule .. " " .. m.event end
  return out
end

local level = metrics.gauge "alerts_test_level"

test("a rule fires once and says when it is over", function(t)
  local w = watcher(alerts.rule{
    name = "high", metric = "alerts_test_level", above = 10, unit = "dollars", cooldown = 0,
  })
  level:set(10)
  t.eq(events(w:look()), {})
  level:set(12.5)
  local told = w:look()
  t.eq(events(told), { "high firing" })
  t.eq(told[1].text, "[sim] " .. kalua.name .. ": high (12.5 dollars)")
  t.eq(told[1].value, 12.5)
  t.eq(events(w:look()), {})
  level:set(1)
  t.eq(events(w:look()), { "high resolved" })
  t.eq(events(w:look()), {})
  level:set(20)
  t.eq(events(w:look()), { "high firing" })
end)

test("cooldown keeps a trembling value from telling again and again", function(t)
  local w = watcher(alerts.rule{ name = "high", metric = "alerts_test_level", above = 10, cooldown = 60 })
  level:set(20)
  t.eq(events(w:look()), { "high firing" })
  level:set(0)
  t.eq(events(w:look()), { "high resolved" })
  level:set(20)
  t.eq(events(w:look()), {})
end)

test("for_seconds waits", function(t)
  local w = watcher(alerts.rule{ name = "low", metric = "alerts_test_level", below = 5, for_seconds = 3600 })
  level:set(1)
  t.eq(events(w:look()), {})
  t.ok(next(kalua.state.alerts.rules), "it is counted from now")
end)

test("growth is counted within a time, and over a counter that began anew", function(t)
  local c = metrics.gauge "alerts_test_grows" -- a gauge, so that it can begin anew
  local w = watcher(alerts.rule{
    name = "grows", metric = "alerts_test_grows", of = "increase", within = 60, above = 2,
  })
  c:set(100)
  t.eq(events(w:look()), {}, "what was before is no growth")
  c:set(102)
  t.eq(events(w:look()), {})
  c:set(1)
  local told = w:look()
  t.eq(events(told), { "grows firing" })
  t.eq(told[1].value, 3.0)
end)

test("the first count of a series is growth, too", function(t)
  local c = metrics.counter "alerts_test_appears_total"
  c:inc(7, { reason = "old" })
  local w = watcher(alerts.rule{
    name = "appears", metric = "alerts_test_appears_total", of = "increase", within = 60, above = 0,
  })
  t.eq(events(w:look()), {})
  c:inc(1, { reason = "new" })
  local told = w:look()
  t.eq(events(told), { "appears firing" })
  t.eq({ told[1].labels.reason, told[1].value }, { "new", 1 })
end)

test("a rule by a function, and one that fails, do not disturb others", function(t)
  local w = watcher(
    alerts.rule{ name = "broken", when = function() error "no" end },
    alerts.rule{ name = "own", when = function(all) return all.kalua_build_info ~= nil, 3, "three" end }
  )
  local told = w:look()
  t.eq(events(told), { "own firing" })
  t.eq(told[1].text, "[sim] three")
end)

test("over a reload nothing is told twice", function(t)
  local rule = alerts.rule{ name = "high", metric = "alerts_test_level", above = 10 }
  level:set(20)
  t.eq(events(watcher(rule):look()), { "high firing" })
  local again = alerts.new{ to = {}, rules = { rule } }
  t.eq(events(again:look()), {})
  level:set(0)
  t.eq(events(again:look()), { "high resolved" })
end)

test("targets that are reordered over a reload keep their own waiting alerts", function(t)
  kalua.state.alerts = nil
  local high = alerts.rule{ name = "high", metric = "alerts_test_level", above = 10, cooldown = 0 }
  local a, b = alerts.slack "https://a.test/secret-a", alerts.telegram("https://b.test/secret-b", 7)
  local w = alerts.new{ to = { a, b }, rules = { high } } -- it looks, and no work of it delivers
  level:set(12)
  w:look()
  table.remove(w.queues[1]) -- a has been told
  local c = alerts.slack "https://c.test/x"
  w = alerts.new{ to = { alerts.telegram("https://b.test/secret-b", 7), c, a, a }, rules = { high } }
  t.eq({ #w.queues[1], #w.queues[2], #w.queues[3], #w.queues[4] }, { 1, 0, 0, 0 })
  t.ok(w.queues[1][1].text:find "high")
  for key in pairs(kalua.state.alerts.queues) do t.ok(not key:find "secret", key) end
  t.raises(function() alerts.new{ to = { alerts.telegram("https://b.test/secret-b", 7), "b" }, rules = { high } } end)
  w = alerts.new{ to = { alerts.telegram("https://b.test/secret-b", 7) }, rules = { high } }
  t.eq(#w.queues[1], 1, "what waits after a list that was refused")
  level:set(0)
  kalua.state.alerts = nil
end)

test("the rules that have a name are rules", function(t)
  local made = 0
  for name, fn in pairs(alerts) do
    if not ({ new = 1, run = 1, rule = 1, webhook = 1, slack = 1, discord = 1, ntfy = 1, telegram = 1 })[name] then
      local rule = fn{ cooldown = 5 }
      t.eq(rule.name, name)
      t.eq(rule.cooldown, 5)
      made = made + 1
    end
  end
  t.ok(made >= 15)
  t.eq(events(watcher(alerts.script_failed(), alerts.feed_away(), alerts.stale_books()):look()), {})
end)

test("each metric that a rule with a name looks at is there, or is said to be at times", function(t)
  local at_times = {
    kalua_balance_dollars = true, kalua_journal_broken = true, kalua_feed_last_message_age_seconds = true,
  }
  local all = metrics.read()
  for name, fn in pairs(alerts) do
    local ok, rule = pcall(fn, {})
    if ok and type(rule) == "table" and rule.metric then
      t.ok(all[rule.metric] or at_times[rule.metric], name .. ": " .. rule.metric)
    end
  end
end)

test("a script is taken where the metric tells scripts apart, and refused where it does not", function(t)
  local all, seen = metrics.read(), {}
  for name, fn in pairs(alerts) do
    local made, rule = pcall(fn, {})
    local family = made and type(rule) == "table" and all[rule.metric]
    local sample = family and family.samples[1]
    if sample then
      local ok, err = pcall(fn, { script = "x" })
      t.eq(ok, sample.labels.script ~= nil, name .. ": " .. tostring(err))
      seen[#seen + 1] = name
    end
  end
  t.ok(#seen >= 12, #seen)
end)

test("what is no rule or no target is refused with what to do", function(t)
  local wrong = {
    { alerts.rule, {} }, { alerts.rule, { name = "x" } }, { alerts.rule, { name = "x", metric = "a" } },
    { alerts.rule, { name = "x", metric = "a", above = 1, below = 2 } },
    { alerts.rule, { name = "x", metric = "a", above = 0 / 0 } },
    { alerts.rule, { name = "x", metric = "a", above = 1, of = "sum" } },
    { alerts.rule, { name = "x", metric = "a", above = 1, colour = "red" } },
    { alerts.drawdown, { seconds = 5 } }, { alerts.drawdown, 5 },
    { alerts.slack }, { alerts.slack, "hooks.slack.com/x" }, { alerts.telegram, "https://api.telegram.org/bot1:x" },
    { alerts.new, {} }, { alerts.new, { rules = {}, to = {} } }, { alerts.new, { rules = { {} }, to = {} } },
    { alerts.new, { rules = { alerts.script_failed() }, to = { "https://x.example" } } },
    { alerts.new, { rules = { alerts.script_failed() }, to = {}, every = 0 } },
  }
  for i, case in ipairs(wrong) do
    local ok, err = pcall(case[1], case[2])
    t.eq(ok, false, "case " .. i)
    t.eq(type(err) == "table" and err.kind, "validation", "case " .. i .. ": " .. tostring(err))
  end
end)

test("an address is shown by its host alone", function(t)
  t.eq(alerts.slack "https://hooks.slack.com/services/T/B/SECRET".name, "slack at https://hooks.slack.com/…")
  t.eq(alerts.webhook "https://user:SECRET@example.com".name, "webhook at https://example.com/…")
  t.eq(alerts.telegram("https://api.telegram.org/bot1:SECRET", 5).name, "telegram at https://api.telegram.org/…")
end)

test("a message that is too long for its service is cut between two letters", function(t)
  local made = alerts.discord("https://example.com/x").make{ text = ("x"):rep(1899) .. "é" .. ("é"):rep(900) }
  t.eq(made.json.content, ("x"):rep(1899))
  t.eq(#alerts.telegram("https://example.com/x", 1).make{ text = ("é"):rep(3000) }.json.text, 4000)
end)
