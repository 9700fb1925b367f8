// Scripts that try to get past their risk limits: races of many tasks, amends upwards while fills come, batches, cancel and
// replace in a storm, raw calls, answers that are lost, several scripts at once, and reloads in between. An observer counts
// from the exchange's own account channel what is held and what may still fill, after every single message: no limit is
// exceeded by one contract, by a script or by the account.
//
//   RISK_ATTACK_MESSAGES=5000 RISK_ATTACK_RUNS=10 node --test risk_attack.test.mjs     the long version
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { describe } from 'node:test';
import { KALUA, Sim, cleanEnv, tell, tempDir, until } from './peers.mjs';

const MESSAGES = Number(process.env.RISK_ATTACK_MESSAGES ?? 150), RUNS = Number(process.env.RISK_ATTACK_RUNS ?? 1);
// An attack goes on until each of these has refused something, and until it came near one, or nothing is shown by it.
const TRIED = ['max_position', 'max_event_exposure', 'max_order_count', 'max_order_cost', 'max_open_orders'];
const PATIENCE_MS = 90000 + MESSAGES * 50;

// Everything that orders, with prices around those of the other side, so that much of it fills.
const ATTACKER = `
local T, mine = json.decode(arg[1]), {}
local made, refused, n = 0, {}, 0
local function order(large)
  local o = { ticker = T[math.random(#T)], side = math.random(2) == 1 and "bid" or "ask",
    count = large and math.random(80) or math.random(600) / 100,
    time_in_force = "good_till_canceled", self_trade_prevention_type = math.random(4) == 1 and "maker" or "taker_at_cross" }
  o.price = o.side == "bid" and math.random(30, 62) / 100 or math.random(38, 70) / 100
  local way = math.random(8)
  if way == 1 then o.time_in_force = "immediate_or_cancel"
  elseif way == 2 then o.time_in_force = "fill_or_kill"
  elseif way == 3 then o.post_only = true end
  n = n + 1
  if math.random(3) == 1 then o.client_order_id = kalua.name .. "!" .. kalua.generation .. "-" .. n .. "-" .. math.random(1 << 40) end
  return o
end
local function keep(a, o)
  made = made + 1
  if a.order_id and (a.remaining_count or 0) > 0 then table.insert(mine, { id = a.order_id, o = o }) end
end
local ways = {
  function() local o = order() keep(kalshi.create_order(o), o) end,
  function() local o = order(true) keep(kalshi.create_order(o), o) end,
  function()
    local many = {}
    for i = 1, 5 do many[i] = order(i == 5 and math.random(2) == 1) end
    for i, a in ipairs(kalshi.batch_create_orders{ orders = many }.orders) do keep(a, many[i]) end
  end,
  function() -- the body as it goes over the wire
    local o = order()
    o.price, o.count = string.format("%.4f", o.price), string.format("%.2f", o.count)
    kalshi.call("POST", "/portfolio/events/orders", o)
  end,
  function() local o = order() kalshi.legacy.create_order{ ticker = o.ticker, action = "buy", side = "yes", count = 50, type = "limit", yes_price = 50 } end,
  function(x) kalshi.amend_order(x.id, { ticker = x.o.ticker, side = x.o.side, price = x.o.price, count = x.o.count + math.random(100) }) end,
  function(x)
    local up = x.o.side == "bid" and 0.03 or -0.03
    kalshi.amend_order(x.id, { ticker = x.o.ticker, side = x.o.side, price = x.o.price + up, count = x.o.count + math.random(10) })
    x.o.price = x.o.price + up
  end,
  function(x) -- down, and up again before the first is answered
    task.spawn(pcall, kalshi.amend_order, x.id, { ticker = x.o.ticker, side = x.o.side, price = x.o.price, count = x.o.count })
    kalshi.call("POST", "/portfolio/events/orders/" .. x.id .. "/amend", { ticker = x.o.ticker, side = x.o.side,
      price = string.format("%.4f", x.o.price), count = string.format("%.2f", x.o.count + 40) })
  end,
  function(x) kalshi.decrease_order(x.id, { reduce_by = 0.5 }) end,
  function(x, at) table.remove(mine, at) kalshi.cancel_order(x.id) end,
  function(x, at) -- replaced while the cancel is on its way
    table.remove(mine, at)
    task.spawn(pcall, kalshi.cancel_order, x.id)
    local o = order()
    keep(kalshi.create_order(o), o)
  end,
  function() kalshi.limits{ max_position = 1e6, max_exposure = 1e6 } end,
  function() for _ = 1, 6 do task.spawn(pcall, kalshi.create_order, order()) end end,
  function()
    if not rawget(kalshi, "order") then return end
    local o = order()
    o.self_trade_prevention_type = nil
    local x = kalshi.order(o)
    if math.random(2) == 1 then x:amend{ count = o.count + 30 } end
  end,
}
local function attack()
  while true do
    local at = math.random(math.max(#mine, 1))
    local way = ways[math.random(#ways)]
    local x = mine[at]
    local ok, e = pcall(x and way or ways[1], x, at)
    if not ok and type(e) == "table" and e.kind == "risk" then
      if not refused[e.code] then print("refused " .. e.code) end
      refused[e.code] = (refused[e.code] or 0) + 1
    end
    if #mine > 12 then
      local old = table.remove(mine, 1)
      pcall(kalshi.cancel_order, old.id)
    end
    task.sleep(0)
  end
end
kalua.on_stop(function() print(json.encode{ made = made, refused = refused }) end)
for _ = 1, 12 do task.spawn(attack) end
print "go"
task.sleep(600)
`;

// The other side of everything: keeps a book and trades into whatever rests.
const STREET = `
local T = json.decode(arg[1])
local function worker()
  while true do
    pcall(function()
      local side = math.random(2) == 1 and "bid" or "ask"
      local far = math.random(3) == 1
      local o = kalshi.create_order{ ticker = T[math.random(#T)], side = side, count = math.random(20),
        price = far and (side == "bid" and 0.7 or 0.3) or (side == "bid" and 0.45 or 0.55) + math.random(-3, 3) / 100,
        time_in_force = far and "immediate_or_cancel" or "good_till_canceled", self_trade_prevention_type = "maker" }
      task.sleep(0.03)
      if o.remaining_count > 0 then kalshi.cancel_order(o.order_id) end
    end)
  end
end
for _ = 1, 6 do task.spawn(worker) end
task.sleep(600)
`;

const units = (text, places) => Math.round(Number(text) * 10 ** places);

// What is held and what may still fill, from the messages of user_orders alone: each has an order as it is at one moment.
class Observer {
  constructor(eventOf) {
    Object.assign(this, { eventOf, orders: new Map(), cells: new Map(), peak: {}, messages: 0 });
  }

  cell(who, ticker) {
    const key = `${who} ${ticker}`;
    if (!this.cells.has(key)) this.cells.set(key, { who, ticker, position: 0, cost: 0, open: new Map() });
    return this.cells.get(key);
  }

  // At average cost, as the exchange counts.
  static fill(c, bid, count, own) {
    const before = Math.abs(c.position), opposite = bid ? c.position < 0 : c.position > 0;
    const closed = opposite ? Math.min(before, count) : 0;
    if (closed) c.cost -= Math.floor(c.cost * closed / before);
    c.cost += own * (count - closed);
    c.position += bid ? count : -count;
  }

  told(msg) {
    this.messages++;
    const m = { bid: msg.book_side === 'bid', left: msg.status === 'resting' ? units(msg.remaining_count_fp, 2) : 0,
      filled: units(msg.fill_count_fp, 2), own: 0, cost: units(msg.taker_fill_cost_dollars, 6) + units(msg.maker_fill_cost_dollars, 6) };
    m.own = m.bid ? units(msg.yes_price_dollars, 4) : 10000 - units(msg.yes_price_dollars, 4);
    const old = this.orders.get(msg.order_id) ?? { filled: 0, cost: 0 };
    this.orders.set(msg.order_id, m);
    const script = msg.client_order_id.match(/^(a|b)(-g\d|!)/)?.[1];
    assert.ok(script, `an order of nobody: ${msg.client_order_id}`);
    for (const who of [script, 'account']) {
      const c = this.cell(who, msg.ticker);
      if (m.filled > old.filled) Observer.fill(c, m.bid, m.filled - old.filled, (m.cost - old.cost) / (m.filled - old.filled));
      if (m.left) c.open.set(msg.order_id, m); else c.open.delete(msg.order_id);
    }
    for (const who of [script, 'account']) this.measure(who);
  }

  // The loss when the market settles against those who hold what bids (asks) buy.
  static loss(c, bid) {
    const orders = [...c.open.values()].filter((o) => o.bid === bid).sort((a, b) => b.own - a.own);
    const all = orders.reduce((n, o) => n + o.left, 0), held = bid ? c.position : -c.position;
    if (held < 0 && all <= -held) return -(10000 * -held - c.cost) * (-held - all) / -held;
    let opening = held < 0 ? all + held : all, cost = held > 0 ? c.cost : 0;
    for (const o of orders) {
      const n = Math.min(o.left, opening);
      cost += n * o.own;
      opening -= n;
    }
    return cost;
  }

  measure(who) {
    const events = new Map();
    let open = 0, position = 0, market = 0;
    for (const c of this.cells.values()) {
      if (c.who !== who) continue;
      const sum = (bid) => [...c.open.values()].reduce((n, o) => n + (o.bid === bid ? o.left : 0), 0);
      open += c.open.size;
      position = Math.max(position, c.position + sum(true), sum(false) - c.position);
      const no = Observer.loss(c, true), yes = Observer.loss(c, false);
      market = Math.max(market, no, yes);
      const { id, exclusive } = this.eventOf(c.ticker);
      if (!events.has(id)) events.set(id, { exclusive, no: 0, more: 0, sum: 0 });
      const e = events.get(id);
      e.no += no;
      e.more = Math.max(e.more, yes - no);
      e.sum += Math.max(no, yes, 0);
    }
    const losses = [...events.values()].map((e) => Math.max(0, e.exclusive ? e.no + e.more : e.sum));
    const now = { max_position: position / 100, max_market_exposure: market / 1e6, max_event_exposure: Math.max(0, ...losses) / 1e6,
      max_exposure: losses.reduce((a, b) => a + b, 0) / 1e6, max_open_orders: open };
    for (const [k, v] of Object.entries(now)) this.peak[`${who} ${k}`] = Math.max(this.peak[`${who} ${k}`] ?? 0, v);
  }
}

const LIMITS = {
  a: { max_position: 8, max_market_exposure: 5, max_event_exposure: 6, max_order_count: 20 },
  b: { max_position: 6.5, max_exposure: 10, max_order_cost: 12 },
  account: { max_position: 10.25, max_market_exposure: 6, max_event_exposure: 9, max_exposure: 16, max_open_orders: 24 } };
const lua = (limits) => `{ ${Object.entries(limits).map(([k, v]) => `${k} = ${v}`).join(', ')} }`;

async function markets(sim) {
  const { body } = await sim.rest('GET', '/events?status=open&with_nested_markets=true&limit=200');
  const day = Date.now() + 12 * 3600e3;
  const late = (e) => (e.markets ?? []).filter((m) => m.status === 'active' && Date.parse(m.close_time) > day);
  const of = (exclusive) => body.events.find((e) => e.mutually_exclusive === exclusive && late(e).length >= 2);
  const chosen = [of(true), of(false)].filter(Boolean);
  assert.ok(chosen.length, 'no event to trade in');
  const events = new Map();
  for (const e of chosen)
    for (const m of late(e).slice(0, 3)) events.set(m.ticker, { id: e.event_ticker, exclusive: e.mutually_exclusive });
  return events;
}

async function attack(seed) {
  const dir = tempDir();
  const sim = await Sim.start('--quiet-market', '--users', '2', '--markets', '60', '--speed', '0.01', '--seed', String(seed),
    '--faults', 'create_order:lose-after=4%;create_order:lose-before=3%;batch_create_orders:lose-after=4%;amend_order:lose-after=5%;' +
      'cancel_order:lose-after=3%;create_order:latency=uniform(0ms,30ms);amend_order:latency=uniform(0ms,30ms)');
  const running = [];
  const start = (user, cwd, ...args) => {
    const p = spawn(KALUA, ['run', '--quiet', '--log', 'error', ...args], { env: { ...cleanEnv(), ...sim.env(user) }, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const one = { p, out: '', err: '' };
    p.stdout.on('data', (d) => { one.out += d; });
    p.stderr.on('data', (d) => { one.err += d; });
    one.ended = new Promise((r) => p.on('close', (code) => r(code)));
    running.push(one);
    return one;
  };
  try {
    const events = await markets(sim), tickers = JSON.stringify([...events.keys()]);
    fs.writeFileSync(path.join(dir, 'street.lua'), `local kalshi, task, json, arg = require "kalshi", require "task", require "json", require("kalua").args\n${STREET}`);
    const source = `local kalshi, task, kalua, json = require "kalshi", require "task", require "kalua", require "json"\nlocal arg = kalua.args\n${ATTACKER}`;
    const files = ['a', 'b'].map((n) => path.join(dir, `${n}.lua`));
    files.forEach((f) => fs.writeFileSync(f, source));
    fs.writeFileSync(path.join(dir, 'kalua.lua'), `return { scripts = { { "a.lua", risk = ${lua(LIMITS.a)} }, { "b.lua", risk = ${lua(LIMITS.b)} } },
      account_risk = ${lua(LIMITS.account)}, args = { ${JSON.stringify(tickers)} } }\n`);
    const observer = new Observer((t) => events.get(t)), c = await sim.ws(0);
    let wrong;
    c.socket.on('message', (d) => {
      const m = JSON.parse(d.toString());
      if (m.type === 'user_order' && !wrong) try { observer.told(m.msg); } catch (e) { wrong = e; }
    });
    await c.reply(c.send('subscribe', { channels: ['user_orders'] }));
    const street = start(1, dir, 'street.lua', '--', tickers);
    const bot = start(0, dir, 'kalua.lua');
    await until('the attack', () => bot.out.split('\n').filter((l) => /go$/.test(l)).length >= 2 ||
      (bot.p.exitCode !== null && Promise.reject(new Error(bot.err))));
    let reloads = 0;
    const reload = setInterval(() => fs.writeFileSync(files[reloads % 2], `${source}-- ${reloads++}\n`), 500);
    try {
      await until('every limit to be tried', () => wrong || bot.p.exitCode !== null ||
        (observer.messages >= MESSAGES && reloads >= 4 && TRIED.every((k) => bot.out.includes(`refused ${k}`))
          && observer.peak['a max_position'] > 0.5 * LIMITS.a.max_position), PATIENCE_MS);
    } finally {
      clearInterval(reload);
    }
    bot.p.kill('SIGINT');
    setTimeout(() => bot.p.kill('SIGINT'), 500); // does not wait for answers that were lost
    assert.equal(await bot.ended, 130, bot.err);
    street.p.kill('SIGKILL'); // what rests would be filled while it is compared
    await street.ended;
    const reports = bot.out.split('\n').filter((l) => l.includes('{"')).map((l) => JSON.parse(l.slice(l.indexOf('{"'))));
    const refused = {};
    for (const r of reports) for (const [k, v] of Object.entries(r.refused)) refused[k] = (refused[k] ?? 0) + v;
    for (const [who, limits] of Object.entries(LIMITS))
      for (const [k, most] of Object.entries(limits)) {
        const peak = observer.peak[`${who} ${k}`];
        if (peak !== undefined) assert.ok(peak <= most + 1e-9, `${who} came to ${peak}, and ${k} is ${most} (seed ${seed})`);
      }
    // What the observer has counted is what the exchange has.
    const held = async () => ((await sim.rest('GET', '/portfolio/positions?limit=1000')).body.market_positions ?? [])
      .map((p) => [p.ticker, units(p.position_fp, 2)]);
    const counted = (rows) => rows.map(([ticker]) => [ticker, observer.cell('account', ticker).position]);
    await until('the last messages', async () => { const rows = await held(); return counted(rows).join() === rows.join(); }, 20000)
      .catch(async () => { const rows = await held(); assert.deepEqual(counted(rows), rows); });
    if (wrong) throw wrong;
    await c.close();
    return { orders: observer.orders.size, messages: observer.messages, refused, peak: observer.peak };
  } finally {
    running.forEach((r) => { if (r.p.exitCode === null) r.p.kill('SIGKILL'); });
    await sim.stop();
  }
}

describe('an attack on risk limits', () => {
  for (let run = 1; run <= RUNS; run++) {
    test(`no limit is exceeded by one contract, run ${run}`, { timeout: PATIENCE_MS + 60000 }, async () => {
      const r = await attack(run);
      tell(`risk attack: ${r.orders} orders, ${r.messages} messages, refused ${JSON.stringify(r.refused)}, came to ${JSON.stringify(r.peak)}`);
    });
  }
});
