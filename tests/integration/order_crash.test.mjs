// kill -9 at random moments of a script that orders at a high rate: after the next start the record of orders equals the
// exchange's, no order is there twice, none is forgotten, and every fill is its party's, also those that came while
// nothing ran.
//
// The short version is of the first three of the ways below, a life each; a longer one is of all, by turns.
//
//   ORDER_CRASH_RUNS=1000 node --test order_crash.test.mjs     the long version; ORDER_CRASH_SEED=N repeats one,
//                                                              ORDER_CRASH_WAY=NAME is of one of the ways only
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { agrees, journal } from './order_record.mjs';
import { KALUA, Sim, cleanEnv, sleep, tell, tempDir, until } from './peers.mjs';

const RUNS = Number(process.env.ORDER_CRASH_RUNS ?? 3);
const AT_ONCE = 3, SECOND = 3; // the user of another profile
let done = 0;

// Small, fast and good enough: https://en.wikipedia.org/wiki/Linear_congruential_generator with Knuth's constants.
function randoms(seed) {
  let state = BigInt(seed) + 1n;
  return () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & ((1n << 64n) - 1n);
    return Number(state >> 33n) / 2 ** 31;
  };
}

const TRADER = `local json, kalua, kalshi, task = require "json", require "kalua", require "kalshi", require "task"
local args = kalua.args
local T, named, run = json.decode(args[1]), args[2] == "named", args[3]
if args[2] == "settle" then
  print "go"
  task.sleep(600)
end
local count = 0
local function order()
  count = count + 1
  local way = math.random(10)
  local o = { ticker = T[math.random(#T)], side = math.random(2) == 1 and "bid" or "ask", count = math.random(5),
    time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" }
  o.price = o.side == "bid" and 0.3 + math.random(15) / 100 or 0.7 - math.random(15) / 100
  if way <= 2 then
    o.time_in_force, o.price = "immediate_or_cancel", o.side == "bid" and 0.6 or 0.4
  elseif way == 3 then
    o.price = o.side == "bid" and 0.6 or 0.4
    o.count = 40
  end
  if named then o.client_order_id = kalua.name .. "-" .. run .. "-" .. count end
  return o
end
local function worker()
  local live = {}
  while true do
    local way, at = math.random(10), math.random(math.max(#live, 1))
    local o = live[at]
    pcall(function()
      if not o or way <= 5 then
        local wanted = order()
        local made = kalshi.create_order(wanted)
        if made.remaining_count > 0 then table.insert(live, { id = made.order_id, o = wanted }) end
      elseif way == 6 then
        kalshi.amend_order(o.id, { ticker = o.o.ticker, side = o.o.side, price = o.o.price + 0.01, count = o.o.count + 3 })
      elseif way == 7 then
        kalshi.decrease_order(o.id, { reduce_by = 1 })
      elseif way == 8 then
        local many = {}
        for i = 1, 3 do many[i] = order() end
        for _, made in ipairs(kalshi.batch_create_orders{ orders = many }.orders) do
          if made.order_id and (made.remaining_count or 0) > 0 then table.insert(live, { id = made.order_id, o = many[1] }) end
        end
      else
        table.remove(live, at)
        kalshi.cancel_order(o.id)
      end
    end)
    while #live > 20 do
      local old = table.remove(live, 1)
      pcall(kalshi.cancel_order, old.id)
    end
  end
end
for i = 1, 6 do task.spawn(worker) end
kalshi.create_order(order())
print "go"
task.sleep(600)
`;

// By order objects, which begin with what the last run left, and change it while it is looked up.
const OBJECTS = `local json, kalua, kalshi, orders, task = require "json", require "kalua", require "kalshi", require "orders", require "task"
local args = kalua.args
local T, named, run = json.decode(args[1]), args[2] == "named", args[3]
local account = OTHER and kalshi.connect{ profile = OTHER } or kalshi
if args[2] == "settle" then
  print "go"
  task.sleep(600)
end
local count = 0
local function wanted()
  count = count + 1
  local o = { ticker = T[math.random(#T)], side = math.random(2) == 1 and "bid" or "ask", count = math.random(5), wait = math.random(4) > 1 }
  o.price = o.side == "bid" and 0.3 + math.random(15) / 100 or 0.7 - math.random(15) / 100
  local way = math.random(10)
  if way <= 2 then
    o.time_in_force, o.price = "ioc", o.side == "bid" and 0.6 or 0.4
  elseif way == 3 then
    o.price, o.count = o.side == "bid" and 0.6 or 0.4, 40
  end
  if named then o.client_order_id = kalua.name .. "-" .. run .. "-" .. count end
  return o
end
local live = {}
local function worker()
  while true do
    pcall(function()
      local way, at = math.random(12), math.random(math.max(#live, 1))
      local o = live[at]
      if not o or way <= 5 then
        table.insert(live, (account.order(wanted())))
      elseif way == 6 then
        o:amend{ price = o.side == "bid" and 0.3 + math.random(15) / 100 or 0.7 - math.random(15) / 100, count = o.filled + math.random(6) }
      elseif way == 7 then
        o:decrease(1)
      elseif way == 8 then
        live[at] = orders.requote(o, { ticker = o.ticker, side = o.side, count = math.random(5),
          price = o.side == "bid" and 0.3 + math.random(15) / 100 or 0.7 - math.random(15) / 100 })
      elseif way == 9 and math.random(10) == 1 then
        account.cancel_mine()
      else
        table.remove(live, at)
        o:cancel()
      end
    end)
    task.sleep(0.001)
    while #live > 30 do
      local old = table.remove(live, 1)
      pcall(old.cancel, old)
    end
  end
end
for _, o in ipairs(account.own_orders()) do live[#live + 1] = o end
if math.random(3) == 1 then task.spawn(pcall, account.cancel_mine) end
for i = 1, 6 do task.spawn(worker) end
pcall(account.order, wanted())
print "go"
task.sleep(600)
`;

// What a life is under. `exchange` and `options` are of the command lines; `reload` rewrites the script while it orders;
// `scripts` is how many there are; `quick` kills soon after the start, so that it happens among look-ups; `account` is a
// profile that orders.
const WAYS = {
  plain: {},
  objects: { text: OBJECTS },
  faults: { exchange: ['--read-lag', '400', '--faults', 'create_order:lose-after=4% user 1; create_order:lose-before=2% user 1; ' +
    'batch_create_orders,amend_order,decrease_order,cancel_order:lose-after=4% user 1; writes:latency=exponential(15ms) user 1; ' +
    'get_order,get_user_data_timestamp:fail-before=10%; ws:vanish=1%; ws:disconnect every 4s; create_order:hang-after=1% user 1'] },
  lossy: { text: OBJECTS, exchange: ['--read-lag', '900', '--faults', 'writes:lose-after=5% user 1; writes:lose-before=2% user 1; ' +
    'writes:arrival=exponential(20ms) user 1; ws:drop=1%; ws:reset every 7s'] },
  leased: { text: OBJECTS, options: ['--lease', '5', '--order-groups', '5000'] },
  grouped: { options: ['--order-groups', '5000'] },
  limited: { options: ['--risk', 'max_position=300,max_exposure=2000', '--lease', '6'], text: OBJECTS },
  reload: { reload: true, text: OBJECTS },
  two: { scripts: 2 },
  quick: { quick: true },
  quick_objects: { quick: true, text: OBJECTS, exchange: ['--read-lag', '300'] },
  second: { account: 'second', text: OBJECTS },
};
const NAMES = Object.keys(WAYS), LIVES = Math.min(RUNS, NAMES.length * Math.ceil(RUNS / 600));

class Life {
  constructor(number, way = NAMES[number % NAMES.length]) {
    this.way = WAYS[way];
    assert.ok(this.way, `${way} is none of ${NAMES.join(', ')}`);
    this.name = way;
    this.dir = tempDir();
    this.random = randoms(Number(process.env.ORDER_CRASH_SEED ?? 7) * 1000 + number);
    this.state = path.join(this.dir, 'state');
    this.journal = `${this.state}${this.way.account ? `.${this.way.account}` : ''}.orders`;
    this.party = `trader${number}`;
    this.scripts = Array.from({ length: this.way.scripts ?? 1 }, (_, i) => path.join(this.dir, `${this.party}${'x'.repeat(i)}.lua`));
    this.write();
    this.sync = (number + Math.floor(number / NAMES.length)) % 2 === 1; // of each way some
  }

  get script() { return this.scripts[0]; }

  write(version = 0) {
    const text = `local OTHER = ${this.way.account ? `"${this.way.account}"` : 'nil'} -- ${version}\n${this.way.text ?? TRADER}`;
    this.scripts.forEach((file) => fs.writeFileSync(file, text));
  }

  // Names that scripts give begin with the script's, as those do that are made for them.
  partyOf(clientId) {
    return this.scripts.length > 1 && clientId.startsWith(`${this.party}x`) ? `${this.party}x` : this.party;
  }

  async open(...more) {
    this.sim = await Sim.start('--state', path.join(this.dir, 'exchange'), '--quiet-market', '--users', '4', '--markets', '40', '--speed', '0.01',
      ...(this.way.exchange ?? []), ...more);
    const { body: { markets } } = await this.sim.rest('GET', '/markets?status=open&limit=1000');
    const day = Date.now() + 12 * 3600e3;
    this.tickers = markets.filter((m) => Date.parse(m.close_time) > day).slice(0, 3).map((m) => m.ticker);
    assert.equal(this.tickers.length, 3);
    if (this.way.account) {
      const { KALSHI_API_KEY_ID: id, KALSHI_PRIVATE_KEY_PATH: key } = this.sim.env(SECOND);
      fs.writeFileSync(path.join(this.dir, `.env.${this.way.account}`), `KALSHI_API_KEY_ID=${id}\nKALSHI_PRIVATE_KEY_PATH=${key}\n`, { mode: 0o600 });
    }
    for (const ticker of this.tickers)
      for (const [side, price] of [['bid', '0.4000'], ['ask', '0.6000']]) await this.other(1, ticker, side, price, 1500, 'good_till_canceled');
  }

  other(user, ticker, side, price, count, tif) {
    return this.sim.rest('POST', '/portfolio/events/orders', { ticker, side, price, count: `${count}.00`, time_in_force: tif,
      self_trade_prevention_type: 'taker_at_cross' }, { user });
  }

  // Starts the script: {process, out(), ended}.
  start(...args) {
    const p = spawn(KALUA, ['run', '--quiet', '--resume', '--cpu-ms', '30000', ...(this.way.reload ? [] : ['--no-watch']), '--state', this.state,
      ...(this.sync ? ['--orders-sync'] : []), ...(this.way.options ?? []), ...this.scripts, '--', ...args], { env: { ...cleanEnv(), ...this.sim.env() }, cwd: this.dir, stdio: ['ignore', 'pipe', 'pipe'] });
    const one = { process: p, out: '', err: '' };
    p.stdout.on('data', (d) => { one.out += d; });
    p.stderr.on('data', (d) => { one.err += d; });
    one.ended = new Promise((r) => p.on('close', (code, signal) => r({ code, signal })));
    return one;
  }

  async going(one) {
    await until('the script', () => {
      if (one.process.exitCode !== null) throw new Error(`it ended: ${one.err}`);
      return one.out.split('go').length > this.scripts.length;
    });
  }

  async crash(run) {
    const one = this.start(JSON.stringify(this.tickers), this.random() < 0.5 ? 'named' : 'unnamed', `r${run}`);
    if (this.random() < (this.way.quick ? 0.7 : 0.15)) {
      await sleep(this.random() * 600); // before, or among, the first orders; or while those of the last run are looked up
    } else {
      await this.going(one);
      for (let i = 0; this.way.reload && i < 3; i++) {
        this.write(`${run} ${i}`);
        await sleep(this.random() * 200);
      }
      await sleep(this.random() * 500);
    }
    one.process.kill('SIGKILL');
    const { code, signal } = await one.ended;
    assert.equal(signal, 'SIGKILL', `it ended by itself: ${code} ${one.err}`);
    assert.doesNotMatch(one.err, /ERROR|runtime error|AddressSanitizer/);
    // While nobody listens.
    if (this.random() < 0.7)
      for (const ticker of this.tickers)
        for (const [side, price] of [['ask', '0.3000'], ['bid', '0.7000']])
          await this.other(2, ticker, side, price, 1 + Math.floor(this.random() * 10), 'immediate_or_cancel');
  }

  async settle() {
    const one = this.start(JSON.stringify(this.tickers), 'settle');
    await this.going(one);
    let got;
    try {
      got = await agrees(this.sim, this.journal, (clientId) => this.partyOf(clientId), { user: this.way.account ? SECOND : 0 });
    } catch (e) {
      throw new Error(`${e.message}\nseed ${process.env.ORDER_CRASH_SEED ?? 7}, ${this.dir}\n${one.err}`);
    } finally {
      one.process.kill('SIGTERM');
      await one.ended;
    }
    assert.deepEqual(await one.ended, { code: 130, signal: null }, one.err);
    return got;
  }

  // A run is a kill; what is there is compared after each.
  async live(runs) {
    await this.open();
    let got = { orders: 0, fills: 0 };
    try {
      for (let run = 0; run < runs || got.orders < 12; run++) { // a slow machine orders less before a kill
        const again = this.random() < 0.3 && run + 1 < runs; // a kill soon after a kill
        await this.crash(run);
        if (!again) got = await this.settle();
        if (RUNS > 10 && ++done % 10 === 0) console.log(`${done} kills`);
      }
      // Not even an order that never left is doubtful in the end.
      const { orders } = journal(this.journal);
      return { ...got, never: orders.filter((o) => o.status === 'rejected').length };
    } finally {
      await this.sim.stop();
    }
  }
}

test('an order that ended while nothing ran, and is history by now, is known with its fills', async () => {
  const life = new Life(90, 'plain');
  await life.open('--history', '1');
  const [ticker] = life.tickers, { sim } = life;
  fs.writeFileSync(life.script, `local kalua, kalshi, task = require "kalua", require "kalshi", require "task"
    if kalua.args[1] == "place" then
      for i = 1, 2 do
        kalshi.create_order{ ticker = "${ticker}", side = "bid", price = 0.45, count = 2 + i, time_in_force = "good_till_canceled",
          self_trade_prevention_type = "taker_at_cross" }
      end
    end
    print "go"
    task.sleep(600)`);
  const one = life.start('place');
  await life.going(one);
  one.process.kill('SIGKILL');
  await one.ended;
  await life.other(2, ticker, 'ask', '0.4500', 7, 'immediate_or_cancel');
  const history = async (what) => (await sim.rest('GET', `/historical/${what}?ticker=${ticker}&limit=1000`)).body[what];
  await until('history', async () => (await history('fills')).length === 2 && (await history('orders')).length === 2);
  const two = life.start('settle');
  try {
    await until('the record', () => {
      const { orders, fills } = journal(`${life.state}.orders`);
      return fills.length === 2 && orders.every((o) => o.status === 'filled' && o.filled === o.seen && o.party === life.party);
    });
    const { orders } = journal(`${life.state}.orders`);
    assert.deepEqual(orders.map((o) => o.filled), ['3.00', '4.00']);
    two.process.kill('SIGTERM');
    assert.deepEqual(await two.ended, { code: 130, signal: null }, two.err);
  } finally {
    two.process.kill('SIGKILL');
    await two.ended;
    await sim.stop();
    fs.rmSync(life.dir, { recursive: true });
  }
});

test(`after ${RUNS} kills the record of orders equals the exchange`, { timeout: RUNS * 30000 + 60000 }, async () => {
  const left = Array.from({ length: LIVES }, (_, i) => i), sum = { orders: 0, fills: 0, never: 0 };
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left.length) {
      const number = left.shift(), life = new Life(number, process.env.ORDER_CRASH_WAY);
      const got = await life.live(Math.floor((number + 1) * RUNS / LIVES) - Math.floor(number * RUNS / LIVES));
      for (const k of Object.keys(sum)) sum[k] += got[k];
      if (RUNS > 10) console.log(`life ${number}, ${life.name}${life.sync ? ', each order on the disk' : ''}: ${JSON.stringify(got)}`);
      fs.rmSync(life.dir, { recursive: true });
    }
  }));
  tell(`${RUNS} kills: ${sum.orders} orders and ${sum.fills} fills as at the exchange, ${sum.never} orders never reached it`);
  assert.ok(sum.orders > 20 && sum.fills > 0, JSON.stringify(sum));
});
