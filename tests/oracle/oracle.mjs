// An exchange in the plainest way there is: lists that are searched from one end to the other. It reads the commands
// that oracle_driver gives to the matching engine, carries them out by the exchange's rules, and compares every trade,
// every change of an order, every refusal, book and balance. Nothing here knows how the engine does it.
//
//   node oracle.mjs COMMANDS SEED PRECISION      (ORACLE_DRIVER names the driver)
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createInterface } from 'node:readline';

const ONE = 10000; // a dollar, in prices
const CENT = 10000; // a cent, in money
const price_of = (side, price) => (side === 'b' ? price : ONE - price); // what a contract costs this side
const other = (side) => (side === 'b' ? 'a' : 'b');
const sign = (side) => (side === 'b' ? 1 : -1);
const share = (amount, part, whole) => Number((BigInt(amount) * BigInt(part)) / BigInt(whole));

let now = 0, paused = false, precision = CENT, arrivals = 0;
const users = new Map(); // number -> { accounts, used client ids }
const markets = new Map();
const orders = new Map();
const out = []; // what happened, in the driver's words

const account = (user, sub) => {
  const { accounts } = users.get(user);
  if (!accounts.has(sub)) accounts.set(sub, { cash: 0, positions: new Map() });
  return accounts.get(sub);
};
const position = (order) => {
  const { positions } = order.account;
  if (!positions.has(order.market.index))
    positions.set(order.market.index, { size: 0, cost: 0, realized: 0, fees: 0, volume: 0, closers: [] });
  return positions.get(order.market.index);
};

// ---- fees: 0.07 M C P (1 - P) of a taker, up to the next 0.0001 dollar; makers a quarter or a half where the series says

const trade_fee = (market, taker, price, count) => {
  if (count <= 0 || market.multiplier <= 0) return 0;
  const up = (n, d) => Number((n + d - 1n) / d) * 100;
  if (market.fee === 3) return taker ? up(BigInt(market.multiplier) * BigInt(count), 10000n) : 0;
  const quarters = taker ? 4n : [0n, 1n, 2n][market.fee];
  const exact = 7n * quarters * BigInt(price) * BigInt(ONE - price) * BigInt(market.multiplier) * BigInt(count);
  return up(exact, 400000000000000n); // 0.0175 is 7/400; prices 1e-4 twice, counts 1e-2, M 1e-6, the fee 1e-4
};

// The change of balance is floored to the precision; cents that were rounded away come back.
const rounded_fee = (revenue, fee, keep) => {
  const change = revenue - fee;
  const floor = Math.floor(change / precision) * precision;
  let net = fee + (change - floor);
  keep.accumulator += change - floor;
  while (keep.accumulator > CENT && net >= CENT) {
    keep.accumulator -= CENT;
    net -= CENT;
  }
  return net;
};

// ---- money

const closable = (order) => {
  const { size } = position(order);
  return sign(order.side) * size < 0 ? Math.abs(size) : 0;
};
const promised = (order) => position(order).closers.reduce((n, o) => n + (o.side === order.side ? o.closing : 0), 0);
const held = (order) => (order.resting
  ? price_of(order.side, order.price) * (order.remaining - order.closing) +
    trade_fee(order.market, false, order.price, order.remaining)
  : 0);
const balance = (a) => {
  let free = a.cash;
  for (const order of a.resting ?? []) free -= held(order);
  return free;
};

const credit = (order, count) => {
  order.closing = Math.min(Math.max(0, closable(order) - promised(order)), count);
};

// A fill moves the position; what it closes brings a dollar less its price.
const book_fill = (order, price, count, taker) => {
  const p = position(order), own = price_of(order.side, price), before = Math.abs(p.size);
  const closed = Math.min(count, closable(order)), opened = count - closed;
  if (closed > 0) {
    const cost = share(p.cost, closed, before);
    p.cost -= cost;
    p.realized += (ONE - own) * closed - cost;
  }
  p.cost += own * opened;
  p.volume += count;
  p.size += sign(order.side) * count;
  const revenue = (ONE - own) * closed - own * opened;
  let fee = rounded_fee(revenue, trade_fee(order.market, taker, price, count), order);
  order.closing -= Math.min(order.closing, count);
  if (closed > 0) {
    // Orders that counted on closing what is gone need collateral: the latest first.
    let excess = promised(order) + (p.closers.includes(order) ? 0 : order.closing) - closable(order);
    for (let i = p.closers.length - 1; i >= 0 && excess > 0; i--) {
      const take = Math.min(excess, p.closers[i].closing);
      if (p.closers[i].side !== order.side) continue;
      p.closers[i].closing -= take;
      excess -= take;
    }
  }
  const left = balance(order.account) + revenue - fee; // never below zero: the fee gives way
  if (left < 0) fee = Math.max(0, fee + left);
  order.account.cash += revenue - fee;
  p.fees += fee;
  p.closers = p.closers.filter((o) => o.closing > 0 && o.resting);
  return fee;
};

// ---- the book

const crosses = (side, price, against) => (side === 'b' ? against <= price : against >= price);
// The other side's orders in the order in which a taker meets them.
const queue = (market, side) => market.resting
  .filter((o) => o.side === other(side))
  .sort((a, b) => sign(side) * (a.price - b.price) || a.arrival - b.arrival);
const first_in_line = (market, side) => {
  let best = null;
  for (const o of market.resting)
    if (o.side !== side && (!best || sign(side) * (o.price - best.price) < 0 ||
        (o.price === best.price && o.arrival < best.arrival))) best = o;
  return best;
};

const tell = (order) => out.push(`o ${order.number} ${order.status} ${order.filled} ${order.remaining} ${order.reason}`);

const leave = (order) => {
  order.resting = false;
  order.closing = 0;
  order.market.resting.splice(order.market.resting.indexOf(order), 1);
  order.account.resting.splice(order.account.resting.indexOf(order), 1);
  const p = position(order);
  p.closers = p.closers.filter((o) => o !== order);
};
const rest = (order) => {
  order.resting = true;
  order.market.resting.push(order);
  (order.account.resting ??= []).push(order);
  if (order.closing > 0) position(order).closers.push(order);
};
const end = (order, reason) => {
  order.status = 'canceled';
  order.reason = reason;
  leave(order);
  order.remaining = 0;
  tell(order);
};

// What taking would fill and cost in fees at the most, without doing it.
const plan = (order, price, want) => {
  const keep = { accumulator: order.accumulator };
  const p = { filled: 0, fees: 0, self: false };
  let fees = 0;
  for (const maker of queue(order.market, order.side)) {
    if (p.filled >= want || !crosses(order.side, price, maker.price)) break;
    if (maker.user === order.user) {
      p.self = true;
      if (order.stp === 't') break;
      continue;
    }
    const n = Math.min(maker.remaining, want - p.filled);
    fees += rounded_fee(-price_of(order.side, maker.price) * n, trade_fee(order.market, true, maker.price, n), keep);
    p.fees = Math.max(p.fees, fees);
    p.filled += n;
  }
  return p;
};

const affordable = (order, price, count, extra, spoken_for) => {
  const closing = Math.max(0, Math.min(count, closable(order) - spoken_for));
  let need = price_of(order.side, price) * (count - closing);
  const have = balance(order.account) + extra;
  if (need > have) return false;
  const p = plan(order, price, count);
  need += p.fees;
  let resting = count - p.filled;
  if (p.self && order.stp === 't') resting = 0;
  if (order.tif === 'g') need += trade_fee(order.market, false, price, resting);
  return need <= have;
};

const match = (order, want) => {
  const done = { filled: 0, cost: 0, fees: 0, reached: true };
  const { market } = order;
  while (want > 0) {
    const maker = first_in_line(market, order.side);
    if (!maker || !crosses(order.side, order.price, maker.price)) break;
    if (maker.user === order.user) {
      if (order.stp === 't') {
        done.reached = false;
        break;
      }
      end(maker, 'SelfTradeCancel');
      continue;
    }
    const n = Math.min(want, maker.remaining), { price } = maker;
    const long = (o) => Math.max(0, position(o).size);
    const interest = long(maker) + long(order);
    maker.remaining -= n;
    order.remaining -= n;
    const gone = maker.remaining === 0;
    if (gone) {
      market.resting.splice(market.resting.indexOf(maker), 1);
      maker.account.resting.splice(maker.account.resting.indexOf(maker), 1);
      maker.resting = false;
    }
    const maker_fee = book_fill(maker, price, n, false);
    maker.filled += n;
    maker.reason = 'Trade';
    const taker_fee = book_fill(order, price, n, true);
    order.filled += n;
    order.reason = 'Trade';
    market.open_interest += long(maker) + long(order) - interest;
    market.volume += n;
    market.last = price;
    if (gone) maker.status = 'executed';
    out.push(`t ${maker.number} ${order.number} ${price} ${n} ${maker_fee} ${taker_fee} ${position(maker).size} ${position(order).size}`);
    tell(maker);
    want -= n;
    done.filled += n;
    done.cost += price * n;
    done.fees += taker_fee;
  }
  return done;
};

const conclude = (order, rests, reason) => {
  if (order.remaining > 0 && rests) {
    rest(order);
  } else {
    order.status = order.remaining > 0 ? 'canceled' : 'executed';
    if (order.remaining > 0) order.reason = reason;
    order.remaining = 0;
    order.closing = 0;
  }
  tell(order);
};

// ---- time

const expire = () => {
  for (;;) {
    let due = null;
    for (const m of markets.values())
      for (const o of m.resting)
        if (o.expires > 0 && o.expires <= now && (!due || o.expires < due.expires ||
            (o.expires === due.expires && o.arrival < due.arrival))) due = o;
    if (!due) return;
    end(due, 'ExpiryCancel');
  }
};
const go_to = (t) => {
  now = Number(t);
  expire();
};
const clear = (market, reason) => {
  for (const side of ['a', 'b']) // bids go first: they are what an ask meets
    for (let o = first_in_line(market, side); o; o = first_in_line(market, side)) end(o, reason);
};

// ---- commands

const on_grid = (market, price) => price > 0 && price < ONE &&
  market.bands.some(([from, to, step]) => price >= from && price <= to && (price - from) % step === 0);
// The user's resting order, or why nothing can be done: in a market that is not open, the same for those that have ended.
const find = (number, user, sub) => {
  const o = orders.get(number);
  if (!o || o.user !== user || o.sub !== sub) return 'not_found';
  if (o.market.status !== 'active') return 'MARKET_INACTIVE';
  return o.resting ? o : 'not_found';
};

const commands = {
  precision: ([p]) => { precision = Number(p); },
  user: ([user, deposit]) => {
    users.set(Number(user), { accounts: new Map(), used: new Set() });
    account(Number(user), 0).cash = Number(deposit);
  },
  market: ([index, fee, multiplier, ...bands]) => {
    markets.set(Number(index), { index: Number(index), fee: Number(fee), multiplier: Number(multiplier), last: 0, volume: 0,
      open_interest: 0, status: 'active', resting: [], bands: bands.map((b) => b.split(':').map(Number)) });
  },
  new: ([t, number, user, sub, index, side, price, count, tif, stp, post, reduce, onpause, expires, client]) => {
    go_to(t);
    [number, user, sub, price, count, expires] = [number, user, sub, price, count, expires].map(Number);
    const market = markets.get(Number(index)), owner = users.get(user);
    const order = { number, user, sub, market, side, price, tif, stp, expires, remaining: count, initial: count, filled: 0,
      account: account(user, sub), accumulator: 0, closing: 0, resting: false, status: 'resting', reason: '-',
      post: post === '1', onpause: onpause === '1' };
    if (client !== '-' && owner.used.has(client)) return 'order_already_exists';
    if (market.status !== 'active') return 'MARKET_INACTIVE';
    if (paused) return 'trading_is_paused';
    if (count <= 0) return 'invalid_order_size';
    if (!on_grid(market, price)) return 'invalid_price';
    if (tif !== 'g' && (order.post || expires !== 0)) return 'invalid_parameters';
    if (reduce === '1' && tif !== 'i') return 'invalid_parameters';
    if (expires !== 0 && expires <= now) return 'invalid_parameters';
    const opposite = first_in_line(market, side);
    if (order.post && opposite && crosses(side, price, opposite.price)) return 'invalid_order';
    const want = reduce === '1' ? Math.min(count, closable(order)) : count;
    if (!affordable(order, price, want, 0, promised(order))) return 'insufficient_balance';
    if (client !== '-') owner.used.add(client);
    order.arrival = ++arrivals;
    orders.set(number, order);
    let done = { filled: 0, cost: 0, fees: 0, reached: true };
    const p = tif === 'f' ? plan(order, price, want) : null;
    if (!p || p.filled === want || p.self) {
      credit(order, want);
      done = match(order, want);
    }
    const reason = !done.reached ? 'SelfTradeCancel' : want < count && done.filled === want ? 'ReduceOnlyCancel' : 'Cancel';
    conclude(order, tif === 'g' && done.reached, reason);
    return `ok ${done.filled} ${order.remaining} ${done.cost} ${done.fees}`;
  },
  amend: ([t, number, user, sub, , side, price, count]) => {
    go_to(t);
    [number, user, sub, price, count] = [number, user, sub, price, count].map(Number);
    const order = find(number, user, sub);
    if (typeof order === 'string') return order;
    const { market } = order;
    if (paused) return 'trading_is_paused';
    if (side !== order.side) return 'order_side_mismatch';
    if (count <= order.filled) return 'invalid_order_size';
    if (!on_grid(market, price)) return 'invalid_price';
    const remaining = count - order.filled;
    if (price === order.price && remaining <= order.remaining) {
      if (remaining < order.remaining) shrink(order, order.remaining - remaining, 'Amend');
      return `ok 0 ${remaining} 0 0`;
    }
    const opposite = first_in_line(market, side);
    if (order.post && opposite && crosses(side, price, opposite.price)) {
      end(order, 'PostOnlyCrossCancel');
      return 'ok 0 0 0 0';
    }
    if (!affordable(order, price, remaining, held(order), promised(order) - order.closing)) return 'insufficient_balance';
    leave(order);
    Object.assign(order, { price, remaining, initial: count, reason: 'Amend', arrival: ++arrivals });
    credit(order, remaining);
    const done = match(order, remaining);
    conclude(order, done.reached, 'SelfTradeCancel');
    return `ok ${done.filled} ${order.remaining} ${done.cost} ${done.fees}`;
  },
  decrease: ([t, number, user, sub, by, to]) => {
    go_to(t);
    [number, user, sub, by, to] = [number, user, sub, by, to].map(Number);
    const order = find(number, user, sub);
    if (typeof order === 'string') return order;
    if (to === -1 ? by <= 0 : to > order.remaining) return 'invalid_order_size';
    const n = to === -1 ? by : order.remaining - to;
    if (n >= order.remaining) end(order, 'Cancel');
    else if (n > 0) shrink(order, n, 'Decrease');
    return 'ok';
  },
  cancel: ([t, number, user, sub]) => {
    go_to(t);
    const order = find(Number(number), Number(user), Number(sub));
    if (typeof order === 'string') return order;
    end(order, 'Cancel');
    return 'ok';
  },
  all: ([t, user, sub]) => {
    go_to(t);
    const mine = [...markets.values()].flatMap((m) => m.resting).filter((o) => o.user === Number(user) &&
      (sub === '-1' || o.sub === Number(sub)) && o.market.status === 'active');
    mine.sort((a, b) => a.arrival - b.arrival);
    for (const o of mine) end(o, 'Cancel');
    return `${mine.length}`;
  },
  pause: ([t, on]) => {
    go_to(t);
    paused = on === '1';
    const going = paused ? [...markets.values()].flatMap((m) => m.resting).filter((o) => o.onpause) : [];
    for (const o of going.sort((a, b) => a.user - b.user || a.arrival - b.arrival)) end(o, 'HaltCancel');
    return 'ok';
  },
  active: ([t, index, on]) => {
    go_to(t);
    const market = markets.get(Number(index));
    market.status = on === '1' ? 'active' : 'inactive';
    if (on === '1') clear(market, 'HaltCancel');
    return 'ok';
  },
  transfer: ([user, from, to, amount]) => {
    const a = account(Number(user), Number(from)), n = Number(amount);
    if (n <= 0) return 'invalid_parameters';
    if (balance(a) < n) return 'insufficient_balance';
    a.cash -= n;
    account(Number(user), Number(to)).cash += n;
    return 'ok';
  },
  settle: ([t, index, value]) => {
    go_to(t);
    const market = markets.get(Number(index));
    market.status = 'finalized';
    clear(market, 'CloseCancel');
    for (const { accounts } of users.values())
      for (const a of accounts.values()) {
        const p = a.positions.get(market.index);
        if (!p || p.size === 0) continue;
        const payout = (p.size > 0 ? Number(value) : ONE - Number(value)) * Math.abs(p.size);
        p.realized += payout - p.cost;
        p.fees += payout % CENT;
        a.cash += payout - (payout % CENT);
        p.size = p.cost = 0;
      }
    return 'ok';
  },
};

function shrink(order, n, reason) {
  order.closing = Math.min(order.closing, order.remaining - n);
  order.remaining -= n;
  order.initial -= n;
  order.reason = reason;
  const p = position(order);
  p.closers = p.closers.filter((o) => o.closing > 0);
  tell(order);
}

// Everything that can be seen, in the driver's words and order-independent.
const state = () => {
  const lines = [];
  for (const m of markets.values()) {
    if (m.status === 'finalized') continue;
    const levels = new Map();
    for (const o of m.resting) {
      const key = `level ${m.index} ${o.side === 'b' ? 'yes' : 'no'} ${price_of(o.side, o.price)}`;
      levels.set(key, (levels.get(key) ?? 0) + o.remaining);
    }
    for (const [key, n] of levels) lines.push(`${key} ${n}`);
    lines.push(`stats ${m.index} ${m.last} ${m.volume} ${m.open_interest}`);
  }
  for (const [user, { accounts }] of users)
    for (let sub = 0; sub < 2; sub++) {
      const a = accounts.get(sub) ?? { cash: 0, positions: new Map() };
      lines.push(`balance ${user} ${sub} ${balance(a)}`);
      if (balance(a) < 0) throw new Error(`user ${user} owes money`);
      for (const [index, p] of a.positions)
        if (p.volume) lines.push(`position ${user} ${sub} ${index} ${p.size} ${p.cost} ${p.realized} ${p.fees} ${p.volume}`);
    }
  return lines.sort();
};

// ---- the comparison

const counts = { commands: 0, trades: 0, changes: 0, refusals: 0, dumps: 0 };
let command = null, dump = null;
const differs = (what, engine, oracle) => {
  console.error(`the engine and the oracle differ at ${what}\n  command: ${command}\n  engine: ${engine}\n  oracle: ${oracle}`);
  process.exit(1);
};

const read = (line) => {
  if (dump) {
    if (line !== 'end') return void dump.push(line);
    const mine = state(), theirs = dump.sort();
    for (let i = 0; i < Math.max(mine.length, theirs.length); i++)
      if (mine[i] !== theirs[i]) differs(`state ${counts.dumps}`, theirs[i], mine[i]);
    counts.dumps++;
    dump = null;
    return;
  }
  if (line === 'dump') return void (dump = []);
  const word = line.slice(0, line.indexOf(' '));
  if (word === 't' || word === 'o' || word === '=') {
    const mine = out.shift();
    if (mine !== line) differs(`command ${counts.commands}`, line, mine);
    if (word === 't') counts.trades++;
    else if (word === 'o') counts.changes++;
    else if (!line.startsWith('= ok')) counts.refusals++;
    return;
  }
  if (word === 'orders') return void (counts.orders = Number(line.slice(7)));
  if (out.length) differs(`the end of command ${counts.commands}`, 'nothing more', out[0]);
  command = line;
  const result = commands[word](line.split(' ').slice(1));
  if (result !== undefined) {
    out.push(`= ${result}`);
    counts.commands++;
  }
};

const [total = '100000', seed = '1', digits = '10000'] = process.argv.slice(2);
const driver = spawn(process.env.ORACLE_DRIVER ?? 'oracle_driver', [total, seed, digits], { stdio: ['ignore', 'pipe', 'inherit'] });
const exit = new Promise((resolve) => driver.on('close', resolve));
for await (const line of createInterface({ input: driver.stdout })) read(line);
const code = await exit;
if (code !== 0 || out.length) differs('the end', `exit ${code}`, out[0]);
const line = `oracle: ${counts.commands} commands (${counts.orders} orders), ${counts.trades} trades, ${counts.changes} order changes, ` +
  `${counts.refusals} other results, ${counts.dumps} states: all equal`;
console.log(line);
if (process.env.TEST_COUNTS) fs.appendFileSync(process.env.TEST_COUNTS, `${line}\n`);
