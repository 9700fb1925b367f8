-- The body of `kalua doctor`: what can be seen only by talking to the exchange. Settings of kalua.args: id= (of the
-- key; empty: there is none), kind= (rsa, ed25519), keyless=1 (there is a key, but it cannot be used); then, for each
-- profile of the folder that could be read, its name and its key id.
local drift = require "cli.doctor_drift"
local json = require "json"
local kalshi = require "kalshi"
local kalua = require "kalua"
local report = require "cli.report"
local given = require "cli.settings"
local settings = given.settings
local task = require "task"

local env, has_key = kalua.env, settings.id and settings.id ~= ""
local ENV = env == "sim" and "" or " --env " .. env

-- Longer than a call goes on trying, so that its own reason is what is told.
local PATIENCE = 35
local DAY = 86400

-- ---- telling ----

local function tell(state, name, text, remedy, fields, kind)
  report.add{ state = state, name = name, text = text, remedy = remedy, fields = fields, kind = kind }
end
local function ok(name, text, fields) tell("ok", name, text, nil, fields) end
local function note(name, text, remedy, fields) tell("note", name, text, remedy, fields) end

-- Of an error object its message, without the pointer to this command.
local function words(err)
  local text = type(err) == "table" and err.message or tostring(err)
  return (text:gsub(": check the key id, that the key belongs to this environment, and the clock "
    .. "%(kalua doctor %-%-env ENV%)", ""))
end

local function wrong(name, err, remedy, fields)
  tell("wrong", name, words(err), remedy, fields, type(err) == "table" and err.kind or "internal")
end

-- What fn returns, or nothing after the error was told: as a note where this key may not ask, and `optional` says so.
local function try(name, fn, remedy)
  local done, answer = pcall(task.timeout, PATIENCE, fn)
  if done then return answer end
  if type(answer) == "table" and answer.kind == "cancelled" then error(answer, 0) end
  if type(answer) == "table" and answer.status == 403 then
    note(name, words(answer), "this key may not ask; make one with the scope read to see more")
  else
    wrong(name, answer, remedy)
  end
end

local function count(n, one) return string.format("%d %s%s", n, one, n == 1 and "" or "s") end

local function span(seconds)
  if seconds < 5400 then return string.format("%.0f minutes", seconds / 60) end
  if seconds < 2 * DAY then return string.format("%.0f hours", seconds / 3600) end
  return string.format("%.0f days", seconds / DAY)
end

local function present(v) return v ~= nil and v ~= json.null end

-- ---- REST, clock, the exchange ----

local status = try("REST", function()
  local s = kalshi.get_exchange_status{ raw = true }
  if type(s) ~= "table" or s.exchange_active == nil then
    error("the answer of get_exchange_status does not say whether the exchange is active; is the REST URL right?", 0)
  end
  return s
end, "the REST URL ends in /trade-api/v2, and its host is the exchange's")
if not status then return end

-- A Date header says which second it is; where that changes says more. The same calls measure the way.
local function round_trips()
  local times = {}
  for _ = 1, 9 do
    task.sleep(0.12)
    local began = kalua.now()
    kalshi.get_exchange_status()
    times[#times + 1] = (kalua.now() - began) * 1000
  end
  table.sort(times)
  return times
end

local times = try("REST", round_trips)
if times then
  local least, middle = times[1], times[(#times + 1) // 2]
  ok("REST", string.format("a call takes %.1f ms, at least %.1f", middle, least),
    { median_ms = middle, min_ms = least, calls = #times })

  local offset, about = kalshi.status().clock_offset, kalshi.status().clock_error
  local said = offset and string.format("%.3f s %s the exchange's, give or take %.3f s", math.abs(offset),
    offset > 0 and "behind" or "ahead of", about)
  local fields = offset and { offset_s = offset, error_s = about }
  if not offset then
    note("clock", "the exchange gave no time", "something in between takes the Date header away")
  elseif math.abs(offset) > 5 then
    tell("wrong", "clock", "this machine's clock is " .. said,
      "signatures allow for it, but set it by NTP (timedatectl set-ntp true)", fields, "config")
  elseif offset == 0 then
    ok("clock", string.format("within %.3f s of the exchange's", about), fields)
  else
    ok("clock", said, fields)
  end
end

local function exchange()
  local paused, fields = {}, { exchange_active = status.exchange_active, trading_active = status.trading_active }
  for _, shard in ipairs(present(status.exchange_index_statuses) and status.exchange_index_statuses or {}) do
    if not (shard.exchange_active and shard.trading_active) then
      paused[#paused + 1] = string.format("%s (%d)", shard.description, shard.exchange_index)
    end
  end
  local back = present(status.exchange_estimated_resume_time) and
    ", back at about " .. status.exchange_estimated_resume_time or ""
  local text = string.format("exchange %s, trading %s%s", status.exchange_active and "active" or "not active",
    status.trading_active and "active" or "paused", back)
  if not (status.exchange_active and status.trading_active) then
    note("exchange", text, "wait: orders are refused, or rest until it goes on", fields)
  elseif paused[1] then
    fields.paused = paused
    note("exchange", text .. ", but not for " .. table.concat(paused, ", "), "markets there do not trade now", fields)
  else
    ok("exchange", text, fields)
  end
end
exchange()

local schedule = try("maintenance", function() return kalshi.get_exchange_schedule{ raw = true } end)

local function maintenance()
  local now, soonest, ends = kalua.now() + (kalshi.status().clock_offset or 0), nil, nil
  for _, w in ipairs(schedule.schedule.maintenance_windows) do
    local from, to = report.seconds(w.start_datetime), report.seconds(w.end_datetime)
    if from and to and to > now and (not soonest or from < soonest) then soonest, ends = from, to end
  end
  if not soonest then return ok("maintenance", "none is announced") end
  local fields = { starts = soonest, ends = ends }
  local at = os.date("!%Y-%m-%dT%H:%MZ", math.floor(soonest))
  if soonest <= now and status.trading_active then
    ok("maintenance", string.format("announced for another %s, but trading is active", span(ends - now)), fields)
  elseif soonest <= now then
    note("maintenance", "under way for another " .. span(ends - now), "wait until it is over", fields)
  elseif soonest - now < DAY then
    note("maintenance", string.format("at %s, in %s, for %s", at, span(soonest - now), span(ends - soonest)),
      "orders rest through it, unless cancel_order_on_pause is set", fields)
  else
    ok("maintenance", string.format("the next is at %s, for %s", at, span(ends - soonest)), fields)
  end
end
if schedule and present(schedule.schedule) then maintenance() end

-- ---- the key ----

-- Why the exchange `where` refuses the key `id`, as far as it says: nil, nil where it does not.
local function refusal(err, where, id)
  local text = err.message:upper()
  id = id:sub(1, 8) .. "…"
  if text:find("NOT_FOUND", 1, true) then
    return string.format("%s knows no key with the id %s", where, id),
      "copy the id from the page of API keys on the site; a key of prod is unknown to demo and the other way round " ..
      "(--env), and a deleted one to both"
  elseif text:find("INCORRECT_API_KEY_SIGNATURE", 1, true) then
    return string.format("%s knows the id %s, but the private key is another one", where, id),
      "name the file that was saved when this id was made; if it is lost, make a new key"
  elseif text:find("TIMESTAMP_EXPIRED", 1, true) then
    return "the exchange takes the time of the signature for wrong", "set this machine's clock by NTP"
  elseif text:find("SIGNATURE_IS_MISSING", 1, true) then
    return "the signature did not arrive", "something in between takes header fields away: a proxy, or a wrong REST URL"
  end
end

local accepted, limits = false, nil

-- Any answer but 401 says that key and signature are right.
local function ask_with_key()
  local done, answer = pcall(task.timeout, PATIENCE, kalshi.get_account_api_limits, { raw = true })
  if not done and (type(answer) ~= "table" or answer.status ~= 403) then
    if type(answer) == "table" and answer.kind == "cancelled" then error(answer, 0) end
    local text, remedy
    if type(answer) == "table" and answer.status == 401 then text, remedy = refusal(answer, env, settings.id) end
    local fields = type(answer) == "table" and { code = answer.code, status = answer.status } or nil
    if text then return tell("wrong", "accepted", text, remedy, fields, "auth") end
    return wrong("accepted", answer, "check the key id, the key, --env and the clock", fields)
  end
  accepted, limits = true, done and answer or nil
  ok("accepted", "the exchange takes signatures of this key")
end

local scopes_may = { write = true, ["write::trade"] = true }

local function permissions(keys)
  local own
  for _, key in ipairs(keys.api_keys) do
    if key.api_key_id == settings.id then own = key end
  end
  if not own then
    return note("permissions", "the list of keys does not have this one", "ask the exchange's support")
  end
  local trades = false
  for _, scope in ipairs(own.scopes) do trades = trades or scopes_may[scope] end
  local fields = { scopes = own.scopes, label = own.name, key_type = present(own.key_type) and own.key_type or nil }
  local text = string.format("key \"%s\": %s", own.name, table.concat(own.scopes, ", "))
  if present(own.subaccount) then
    fields.subaccount = own.subaccount
    text = string.format("%s; for subaccount %d only", text, own.subaccount)
  end
  text = text .. "; the exchange does not say how old it is"
  if present(own.key_type) and own.key_type ~= settings.kind then
    note("permissions", string.format("%s; it is registered as %s, and yours is %s", text, own.key_type, settings.kind),
      "name the file that was saved when this id was made", fields)
  elseif not trades then
    note("permissions", text, "it may look and not trade: make a key with the scope write for orders", fields)
  else
    ok("permissions", text, fields)
  end
end

-- The exchange tells when an attestation ends, not when it was made.
local function attestation(keys)
  local ends = keys.api_key_region_expiration_ts
  local where = "on the exchange's site say again where you are"
  if not present(ends) then
    if env == "sim" then return ok("attestation", "none is asked for") end
    return note("attestation", "none of where you are: orders in Sports, Elections and Entertainment may be refused",
      "attest your location on the exchange's site, if you trade those")
  end
  local left = ends - kalua.now()
  local fields = { ends = ends, left_s = left }
  if left <= 0 then
    note("attestation", "of where you are has lapsed: no orders in Sports, Elections and Entertainment", where, fields)
  elseif left < 7 * DAY then
    note("attestation", string.format("of where you are ends in %s; then no orders in Sports, Elections and " ..
      "Entertainment", span(left)), where, fields)
  else
    ok("attestation", string.format("of where you are holds for %s", span(left)), fields)
  end
end

local function tier()
  local read, write = limits.read, limits.write
  local text = string.format("%s: %g read and %g write tokens a second, buckets of %g and %g; most calls take 10",
    limits.usage_tier, read.refill_rate, write.refill_rate, read.bucket_capacity, write.bucket_capacity)
  local fields = { tier = limits.usage_tier, read = read, write = write }
  local ends
  for _, grant in ipairs(present(limits.grants) and limits.grants or {}) do
    if grant.level == limits.usage_tier and present(grant.expires_ts) then ends = grant.expires_ts end
  end
  if limits.usage_tier:lower() == "basic" then
    note("tier", text, "advanced is free once one of your last 100 orders came by the API: " ..
      "kalua api upgrade_account_api_usage_level" .. ENV, fields)
  elseif ends and ends - kalua.now() < 3 * DAY then
    fields.ends = ends
    note("tier", string.format("%s; it ends in %s", text, span(math.max(0, ends - kalua.now()))),
      "the exchange renews it by your volume: kalua api get_account_api_usage_level_volume_progress" .. ENV, fields)
  else
    ok("tier", text, fields)
  end
end

local function more(page) return present(page.cursor) and page.cursor ~= "" and " or more" or "" end

local function holdings(at)
  local balance = at.get_balance()
  if not balance.balance_dollars then
    error("the answer of get_balance has no balance; is the REST URL that of the exchange?", 0)
  end
  local orders = at.get_orders{ status = "resting", limit = 1000 }
  local positions, held = at.get_positions{ limit = 1000 }, 0
  for _, p in ipairs(positions.market_positions or {}) do
    if (p.position_fp or 0) ~= 0 then held = held + 1 end
  end
  local n = #(orders.orders or {})
  return string.format("%.2f dollars, %s%s, %s%s", balance.balance_dollars,
    count(n, "open order"), more(orders), count(held, "position"), more(positions)),
    { balance_dollars = balance.balance_dollars, open_orders = n, positions = held }
end

local function account()
  ok("account", holdings(kalshi))
  return true
end

-- ---- profiles ----

-- Whether it is an account of its own, whose key the exchange takes, and what is there.
local function profile(name, id)
  local title = "profile " .. name
  local check = "check key id, key and KALSHI_ENV in .env." .. name
  local function fail(err)
    if type(err) == "table" and err.kind == "cancelled" then error(err, 0) end
    local code, text, remedy = type(err) == "table" and err.code or nil, nil, nil
    local fields = { profile = name, code = code, status = type(err) == "table" and err.status or nil }
    if code == "account_twice" then remedy = "each account needs one profile: move .env." .. name .. " away" end
    if type(err) == "table" and err.status == 401 then
      text, remedy = refusal(err, kalshi.connect{ profile = name }.env, id)
    end
    tell("wrong", title, text or words(err), remedy or check, fields, type(err) == "table" and err.kind or "internal")
  end
  local done, at = pcall(task.timeout, PATIENCE, kalshi.connect, { profile = name })
  if not done then return fail(at) end
  local asked, answer = pcall(task.timeout, PATIENCE, at.get_account_api_limits, { raw = true })
  if not asked and (type(answer) ~= "table" or answer.status ~= 403) then return fail(answer) end
  local tier_of = asked and answer.usage_tier .. ", " or ""
  local read, text, fields = pcall(task.timeout, PATIENCE, holdings, at)
  if read then
    fields.profile = name
    return ok(title, "the exchange takes its key: " .. tier_of .. text, fields)
  elseif type(text) == "table" and text.status == 403 then
    return note(title, "the exchange takes its key, which may not ask for the account",
      "make one with the scope read to see more", { profile = name })
  end
  fail(text)
end

-- ---- the stream ----

local function stream()
  local markets = kalshi.get_markets{ status = "open", limit = 2 }.markets
  if not markets[1] then return note("stream", "no market is open to try it with", "try again when one is") end
  local began, opened, book = kalua.now(), nil, nil
  task.all{
    function() book = kalshi.book(markets[1].ticker) end,
    function()
      while not kalshi.status().connected and not book do task.sleep(0.002) end
      opened = (kalua.now() - began) * 1000
    end,
  }
  local snapshot = (kalua.now() - began) * 1000
  local again
  if markets[2] then -- a command and its answer on a connection that is there
    local from = kalua.now()
    local second <close> = kalshi.book(markets[2].ticker)
    again = second and (kalua.now() - from) * 1000
  end
  ok("stream", string.format("connected in %.0f ms, the first book in %.0f%s: %s, %d levels", opened, snapshot,
    again and string.format(", the next in %.1f", again) or "", book.ticker, book:levels() + book:levels "no"),
    { connect_ms = opened, first_book_ms = snapshot, next_book_ms = again, ticker = book.ticker })
  book:close()
  return true
end

-- ---- what it finds ----

local seen = { get_exchange_status = status, get_exchange_schedule = schedule }

if has_key then
  ask_with_key()
  if accepted then
    local keys = try("permissions", function() return kalshi.get_api_keys{ raw = true } end)
    seen.get_api_keys, seen.get_account_api_limits = keys, limits
    if keys then
      permissions(keys)
      attestation(keys)
    end
    if limits then tier() end
    try("account", account)
    try("stream", stream, "REST works, so look at the WebSocket URL, and at a firewall or proxy that stops WebSockets")
  end
elseif settings.keyless ~= "1" then
  note("stream", "not tried: the feed takes nobody without a key", "set KALSHI_API_KEY_ID and KALSHI_PRIVATE_KEY_PATH")
end

for i = 1, #given.words, 2 do profile(given.words[i], given.words[i + 1]) end

local found = try("drift", function()
  seen.get_markets = kalshi.get_markets{ status = "open", limit = 20, raw = true }
  return drift(seen, kalshi.get_account_endpoint_costs())
end)
if found and #found == 0 then
  ok("drift", "what the exchange answers is what this Kalua knows")
elseif found then
  local shown = table.concat(found, "; ", 1, math.min(#found, 4))
  if #found > 4 then shown = shown .. string.format("; and %d more", #found - 4) end
  note("drift", "the exchange's API has moved: " .. shown,
    "new fields do no harm; for missing ones and for costs look for a newer Kalua", { differences = found })
end
