// What clients make besides plain orders survives a kill -9 of the simulator: requests for quote and quotes, block trades,
// combos, order groups, keys, subaccounts and transfers. It is killed at the moment at which an answer arrives, when
// what was answered may be no later than that in the state file.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import path from 'node:path';
import test, { after } from 'node:test';
import { Sim, tempDir, until } from './peers.mjs';

const ROUNDS = 12, COLLECTION = '/multivariate_event_collections/KXMVECROSSCATEGORY-SHARD1-R';

let seed = 5;
const below = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor(seed / 2147483648 * n); };
const pick = (list) => list[below(list.length)];

let sim, agent;
after(() => sim?.process.kill('SIGKILL'));
const file = path.join(tempDir(), 'state');
// Three times as fast: there are 10 s to confirm a quote, which executes 5 s later.
const start = async () => {
  sim = await Sim.start('--state', file, '--users', '2', '--markets', '60', '--quiet-market', '--speed', '3');
  agent = new http.Agent({ keepAlive: true });
};

let left = Infinity; // answers until it is killed
function call(user, method, where, body) {
  const url = new URL(sim.rest_url + where);
  return new Promise((resolve, reject) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const rq = http.request(url, { method, agent, headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text),
      ...sim.headers(method, url.pathname, user) } }, (res) => {
      if (method !== 'GET' && --left === 0) sim.process.kill('SIGKILL');
      let answer = '';
      res.on('data', (d) => { answer += d; });
      res.on('error', reject);
      res.on('end', () => resolve({ status: res.statusCode, body: answer ? JSON.parse(answer) : undefined }));
    });
    rq.on('error', reject);
    rq.end(text);
  });
}
const get = async (user, where) => {
  const answer = await call(user, 'GET', where);
  assert.equal(answer.status, 200, `${where}: ${JSON.stringify(answer.body)}`);
  return answer.body;
};

// A thing that exists since its creation was answered. A call under way may have been done or not: then two states are
// possible until it is read again.
const things = { group: [], key: [], rfq: [], quote: [], combo: [], transfer: [], move: [], block: [], order: [] };
const counts = {};
function made(kind, thing, ...states) {
  counts[kind] = (counts[kind] ?? 0) + 1;
  things[kind].push({ ...thing, kind, states: new Set(states), busy: false });
  return things[kind].at(-1);
}
// Asks for a change that makes it one of `states`; what is refused changes nothing.
async function change(thing, states, ...args) {
  const before = [...thing.states];
  thing.read = false;
  thing.busy = true;
  states.forEach((s) => thing.states.add(s));
  const answer = await call(...args);
  thing.busy = false;
  thing.states = new Set(answer.status < 300 ? states : before);
  if (answer.status < 300) counts[`${thing.kind} ${states[0]}`] = (counts[`${thing.kind} ${states[0]}`] ?? 0) + 1;
  return answer.status < 300;
}
const idle = (kind, when = () => true) => pick(things[kind].filter((t) => !t.busy && when(t)));

const read = {
  group: async (t) => {
    const { status, body } = await call(t.user, 'GET', `/portfolio/order_groups/${t.id}`);
    return status === 404 ? 'gone' : `${body.contracts_limit_fp} ${body.is_auto_cancel_enabled}`;
  },
  key: async (t) => {
    const n = (await get(t.user, '/api_keys')).api_keys.filter((k) => k.api_key_id === t.id).length;
    return n === 1 ? 'there' : n === 0 ? 'gone' : 'twice';
  },
  rfq: async (t) => (await get(t.user, `/communications/rfqs/${t.id}`)).rfq.status,
  quote: async (t) => (await get(t.user, `/communications/rfqs/${t.rfq.id}/quotes/${t.id}`)).quote.status,
  combo: async (t) => {
    const { market } = await get(t.user, `/markets/${t.ticker}`);
    return market.mve_selected_legs.map((l) => `${l.market_ticker} ${l.side}`).sort().join();
  },
  transfer: async (t) => `${(await call(t.user, 'POST', '/portfolio/subaccounts/transfer', t.body)).status}`,
  move: async (t) => (await get(t.user, `/portfolio/intra_exchange_instance_transfers/${t.id}`)).transfer.transfer_id,
  block: async (t) => {
    const rows = (await get(t.user, '/communications/block-trade-proposals?limit=100')).block_trade_proposals.filter((p) => p.id === t.id);
    assert.equal(rows.length, 1, 'a proposal, once');
    return rows[0].status;
  },
  order: async (t) => {
    const { order } = await get(t.user, `/portfolio/orders/${t.id}`);
    return `${order.status} ${order.order_group_id}`;
  },
};

const order = { side: 'bid', price: '0.0100', count: '2.00', time_in_force: 'good_till_canceled', self_trade_prevention_type: 'maker' };
const acts = (tickers, users, pairs) => ({
  async group(user) {
    const { status, body } = await call(user, 'POST', '/portfolio/order_groups/create', { contracts_limit: 100 });
    if (status === 201) made('group', { user, id: body.order_group_id }, '100.00 true');
  },
  async limit() {
    const t = idle('group', (g) => [...g.states].every((s) => s.endsWith('true')));
    const limit = `${1 + below(500)}.00`;
    if (t) await change(t, [`${limit} true`], t.user, 'PUT', `/portfolio/order_groups/${t.id}/limit`, { contracts_limit_fp: limit });
  },
  async grouped() {
    const t = idle('group', (g) => [...g.states].every((s) => s.endsWith('true')));
    if (!t) return;
    t.busy = true;
    const { status, body } = await call(t.user, 'POST', '/portfolio/events/orders', { ...order, ticker: tickers[0], order_group_id: t.id });
    t.busy = false;
    if (status === 201) made('order', { user: t.user, id: body.order_id, group: t }, `resting ${t.id}`);
  },
  async trigger() {
    const t = idle('group', (g) => [...g.states].every((s) => s.endsWith('true')));
    if (!t) return;
    const [state] = t.states;
    const inside = things.order.filter((o) => o.group === t);
    inside.forEach((o) => { o.states.add(`canceled ${t.id}`); o.read = false; });
    const gone = below(2) === 0;
    const done = gone ? await change(t, ['gone'], t.user, 'DELETE', `/portfolio/order_groups/${t.id}`)
      : await change(t, [state.replace('true', 'false')], t.user, 'PUT', `/portfolio/order_groups/${t.id}/trigger`, {});
    if (done) inside.forEach((o) => { o.states = new Set([`canceled ${t.id}`]); });
  },
  async key(user) {
    const { status, body } = await call(user, 'POST', '/api_keys/generate', { name: `k${below(1000)}` });
    if (status === 201) made('key', { user, id: body.api_key_id }, 'there');
  },
  async unkey() {
    const t = idle('key', (k) => k.states.has('there'));
    if (t) await change(t, ['gone'], t.user, 'DELETE', `/api_keys/${t.id}`);
  },
  async transfer(user) {
    const body = { client_transfer_id: crypto.randomUUID(), from_subaccount: below(2), to_subaccount: 0, amount_cents: 1 + below(9) };
    body.to_subaccount = 1 - body.from_subaccount;
    const { status } = await call(user, 'POST', '/portfolio/subaccounts/transfer', body);
    if (status === 200) made('transfer', { user, body }, '409');
  },
  async move(user) {
    const from = below(4), to = (from + 1 + below(3)) % 4;
    const { status, body } = await call(user, 'POST', '/portfolio/intra_exchange_instance_transfer', { source: 'event_contract',
      destination: 'event_contract', amount: 10000 * (1 + below(9)), source_exchange_shard: from, destination_exchange_shard: to });
    if (status === 200) made('move', { user, id: body.transfer_id }, body.transfer_id);
  },
  async combo(user) {
    const legs = pick(pairs).map((m) => ({ market_ticker: m.ticker, event_ticker: m.event_ticker, side: pick(['yes', 'no']) }));
    const { status, body } = await call(user, 'POST', COLLECTION, { selected_markets: legs });
    const name = legs.map((l) => `${l.market_ticker} ${l.side}`).sort().join();
    if (status === 200) made('combo', { user, ticker: body.market_ticker, legs }, name);
  },
  async ask(user) {
    const { status, body } = await call(user, 'POST', '/communications/rfqs', { market_ticker: pick(tickers), contracts_fp: '3.00', rest_remainder: false });
    if (status === 201) made('rfq', { user, id: body.id }, 'open');
  },
  async forget() {
    const t = idle('rfq', (r) => r.states.has('open') && !things.quote.some((q) => q.rfq === r));
    if (t) await change(t, ['closed'], t.user, 'DELETE', `/communications/rfqs/${t.id}`);
  },
  async quote() {
    const t = idle('rfq', (r) => r.states.has('open') && !things.quote.some((q) => q.rfq === r));
    if (!t) return;
    t.busy = true;
    const { status, body } = await call(1 - t.user, 'POST', '/communications/quotes', { rfq_id: t.id, yes_bid: '0.4000', no_bid: '0.5000', rest_remainder: false });
    t.busy = false;
    if (status === 201) made('quote', { user: 1 - t.user, rfq: t, id: body.id }, 'open');
  },
  async accept() {
    const t = idle('quote', (q) => q.states.has('open'));
    if (t) await change(t, ['accepted', 'cancelled'], t.rfq.user, 'PUT', `/communications/rfqs/${t.rfq.id}/quotes/${t.id}/accept`, { accepted_side: pick(['yes', 'no']) });
  },
  async confirm() {
    const t = idle('quote', (q) => q.states.has('accepted'));
    if (!t) return;
    t.rfq.states.add('closed');
    await change(t, ['executed', 'confirmed'], t.user, 'PUT', `/communications/rfqs/${t.rfq.id}/quotes/${t.id}/confirm`);
  },
  async propose(user) {
    const { status, body } = await call(user, 'POST', '/communications/block-trade-proposals', { buyer_user_id: users[user],
      seller_user_id: users[1 - user], market_ticker: pick(tickers), price_centi_cents: 100 * (30 + below(40)), centicount: 100 * (1 + below(20)),
      maker_side: 'no', expiration_ts: new Date(Date.now() + 600000).toISOString() });
    if (status === 201) made('block', { user, id: body.block_trade_proposal_id }, 'pending');
  },
  async shake() {
    const t = idle('block', (b) => b.states.has('pending'));
    if (t) await change(t, ['executed'], 1 - t.user, 'POST', `/communications/block-trade-proposals/${t.id}/accept`, {});
  },
});

// All of them, or those that were touched since they were last read and some others.
async function check(all) {
  for (const t of Object.values(things).flat()) {
    if (!all && t.read && below(4) > 0) continue;
    t.read = true;
    const state = await read[t.kind](t);
    assert.ok(t.states.has(state), `${t.kind} ${t.id ?? t.ticker}: ${state}, acknowledged ${[...t.states].join(' or ')}`);
    t.busy = false;
    t.states = new Set(state === 'confirmed' ? ['confirmed', 'executed'] : state === 'accepted' ? ['accepted', 'cancelled'] : [state]);
    if (t.kind === 'rfq' && things.quote.some((q) => q.rfq === t && q.states.has('executed'))) t.states.add('closed');
  }
  for (const user of [0, 1]) {
    const rows = (await get(user, '/communications/rfqs?user_filter=self&status=open&limit=100')).rfqs;
    assert.equal(new Set(rows.map((r) => r.market_ticker)).size, rows.length, 'one open request a market');
  }
}

// Every cent that an account has is what it began with, what its fills moved and what they cost.
async function checkMoney(user) {
  const list = async (where, field) => {
    const rows = [];
    for (let cursor = ''; ;) {
      const body = await get(user, `${where}?limit=200&cursor=${cursor}`);
      rows.push(...body[field]);
      cursor = body.cursor;
      if (!cursor) return rows;
    }
  };
  const units = (text, scale) => Math.round(Number(text) * scale);
  const positions = new Map();
  let money = 4 * 10000 * 1e6, traded = 0;
  for (const f of await list('/portfolio/fills', 'fills')) {
    const count = units(f.count_fp, 100), signed = f.outcome_side === 'yes' ? count : -count;
    positions.set(f.ticker, (positions.get(f.ticker) ?? 0) + signed);
    money -= signed * units(f.yes_price_dollars, 10000) + units(f.fee_cost, 1e6);
    traded += count;
  }
  for (const n of positions.values()) money -= Math.max(0, -n) * 10000;
  const orders = await list('/portfolio/orders', 'orders');
  assert.equal(orders.filter((o) => o.status === 'resting').length, 0);
  assert.equal(orders.reduce((sum, o) => sum + units(o.fill_count_fp, 100), 0), traded, 'fills and orders agree');
  const named = orders.map((o) => o.client_order_id).filter((id) => id.startsWith('quote:'));
  assert.equal(new Set(named).size, named.length, 'a quote executes once');
  for (const q of things.quote.filter((t) => t.user === user && t.states.has('executed')))
    assert.equal(named.filter((id) => id.endsWith(q.id)).length, 1, `the order of quote ${q.id}`);
  await until(`the exact money of user ${user}`, async () => {
    const { subaccount_balances: rows } = await get(user, '/portfolio/subaccounts/balances');
    return rows.reduce((sum, r) => sum + units(r.balance, 1e6), 0) === money;
  });
  return traded;
}

test(`requests, quotes, block trades, combos, groups, keys and money survive ${ROUNDS} kills`, async () => {
  await start();
  const { markets } = await get(0, '/markets?status=open&limit=1000');
  // Of an event each, so that no positions net.
  const single = [...new Map(markets.filter((m) => m.exchange_index === 0 && m.price_level_structure === 'linear_cent').map((m) => [m.event_ticker, m])).values()]
    .sort((a, b) => b.close_time.localeCompare(a.close_time)).slice(0, 6);
  const pairs = single.flatMap((a, i) => single.slice(i + 1).map((b) => [a, b]));
  const users = [];
  for (const user of [0, 1]) {
    assert.equal((await call(user, 'POST', '/portfolio/subaccounts', {})).status, 201);
    assert.equal((await call(user, 'POST', '/portfolio/subaccounts/transfer',
      { client_transfer_id: crypto.randomUUID(), from_subaccount: 0, to_subaccount: 1, amount_cents: 10000 })).status, 200);
    await call(user, 'POST', '/portfolio/events/orders', { ...order, ticker: single[0].ticker, time_in_force: 'immediate_or_cancel' });
    users.push((await get(user, '/portfolio/orders')).orders[0].user_id);
  }
  const act = acts(single.map((m) => m.ticker), users, pairs), kinds = Object.keys(act);
  const n = (kind) => counts[kind] ?? 0;
  const missing = () => [...Object.keys(things).map((kind) => [kind, 8]), ['quote executed', 5], ['block executed', 5], ['key gone', 5]]
    .filter(([kind, least]) => n(kind) < least).map(([kind]) => `${n(kind)} of ${kind}`);
  for (let round = 0; round < ROUNDS || (missing().length && round < 4 * ROUNDS); round++) { // a slow machine does less in each
    left = 35 + below(20);
    const work = async (n) => {
      try {
        while (left > 0) await act[pick(kinds)](n % 2);
      } catch (e) {
        assert.ok(left <= 0, e); // only a server that is gone does not answer
      }
    };
    await Promise.all([0, 1, 2, 3].map(work));
    await sim.ended;
    left = Infinity;
    await start();
    await check();
  }
  for (const t of things.quote) await until('what was confirmed executes', async () => await read.quote(t) !== 'confirmed');
  await check(true);
  for (const user of [0, 1]) assert.equal((await call(user, 'DELETE', '/portfolio/events/orders')).status, 204);
  const traded = await checkMoney(0);
  assert.equal(await checkMoney(1), traded);
  assert.equal(await sim.stop(), 0);
  assert.deepEqual(missing(), []);
  console.log(`# ${Object.entries(counts).filter(([k]) => !k.startsWith('group ')).map(([k, v]) => `${v} ${k}`).join(', ')}`);
});

test('synthetic makers and askers take up where they were', async () => {
  const args = ['--state', path.join(tempDir(), 'state'), '--users', '2', '--markets', '12', '--rate', '20'];
  const again = async () => {
    sim.process.kill('SIGKILL');
    await sim.ended;
    agent = new http.Agent({ keepAlive: true });
    sim = await Sim.start(...args);
  };
  const combos = async () => (await get(0, '/markets?mve_filter=only&limit=1000')).markets.map((m) => m.ticker);
  const quotes = async (user, rfq) => (await get(user, `/communications/quotes?rfq_id=${rfq}`)).quotes;
  const creators = new Set();
  const offered = (rfq, ms) => until('quotes of the makers', async () => {
    const open = (await quotes(0, rfq)).filter((q) => q.status === 'open');
    open.forEach((q) => creators.add(q.creator_id));
    return open.length > 0 && open;
  }, ms);
  agent = new http.Agent({ keepAlive: true });
  sim = await Sim.start(...args);
  const before = await combos();
  const { markets } = await get(0, '/markets?status=open&limit=1000');
  const market = markets.filter((m) => !m.mve_collection_ticker).sort((a, b) => b.close_time.localeCompare(a.close_time))[0];
  let rfq, open;
  for (let tries = 0; !open && tries < 5; tries++) { // each maker may leave a request alone
    const asked = await call(0, 'POST', '/communications/rfqs', { market_ticker: market.ticker, contracts_fp: '2.00', rest_remainder: false, replace_existing: true });
    assert.equal(asked.status, 201);
    rfq = asked.body.id;
    open = await offered(rfq, 8000).catch(() => undefined);
  }
  assert.ok(open, 'none of five requests was answered');
  // A client answers somebody who asks about a combo, while that one still asks.
  let other, answer;
  await until('somebody who asks', async () => {
    other = (await get(1, '/communications/rfqs?status=open&limit=100')).rfqs.find((r) => r.id !== rfq);
    answer = other && await call(1, 'POST', '/communications/quotes', { rfq_id: other.id, yes_bid: '0.0100', no_bid: '0.0100', rest_remainder: false });
    return answer?.status === 201;
  });
  await again();
  assert.deepEqual((await combos()).filter((t) => before.includes(t)).sort(), before.sort(), 'the combos are there');
  const { quote } = await get(1, `/communications/rfqs/${other.id}/quotes/${answer.body.id}`);
  assert.ok(['open', 'cancelled'].includes(quote.status), quote.status); // cancelled where who asked has given up
  const [best] = await offered(rfq);
  assert.equal((await get(0, `/communications/rfqs/${rfq}`)).rfq.status, 'open');
  const side = Number(best.yes_bid_dollars) > 0 ? 'yes' : 'no';
  const accepted = await call(0, 'PUT', `/communications/rfqs/${rfq}/quotes/${best.id}/accept`, { accepted_side: side });
  await again();
  if (accepted.status === 204) // or it had just been replaced
    await until('the maker', async () => ['confirmed', 'executed', 'cancelled'].includes((await get(0, `/communications/rfqs/${rfq}/quotes/${best.id}`)).quote.status), 40000);
  assert.ok(creators.size <= 3, `${creators.size} makers`);
  assert.equal(await sim.stop(), 0);
});
