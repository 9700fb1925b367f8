// What the journal of orders says, compared with what the exchange has: nothing doubled, nothing forgotten.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { KALUA, sleep, until } from './peers.mjs';

const DUMP = process.env.JOURNAL_DUMP ?? path.join(path.dirname(KALUA), 'tests/journal_dump');

export const journal = (file) => JSON.parse(execFileSync(DUMP, [file], { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] }));

// All rows of a list, over its pages.
export async function all(sim, what, user = 0) {
  const rows = [], key = what.split('/').at(-1).split('?')[0];
  for (let cursor = ''; ;) {
    const { status, body } = await sim.rest('GET', `${what}${what.includes('?') ? '&' : '?'}limit=1000&cursor=${encodeURIComponent(cursor)}`,
      undefined, { user });
    if (status !== 200) throw new Error(`${what}: ${status} ${JSON.stringify(body)}`);
    rows.push(...body[key]);
    ({ cursor } = body);
    if (!cursor) return rows;
  }
}

const STATUS = { resting: 'resting', canceled: 'canceled', executed: 'filled' };

// Every difference between the record and the exchange, in words; `party` is whose orders and fills they all are, or a
// function that says it of a client id.
export function differences({ orders, fills }, atExchange, fillsThere, party) {
  const wrong = [], byId = new Map(), say = (text) => wrong.push(text);
  const partyOf = typeof party === 'function' ? party : () => party;
  for (const o of orders) {
    if (o.party !== partyOf(o.client_id)) say(`${o.client_id} is of ${o.party}`);
    if (o.status === 'pending' || o.status === 'unknown') say(`${o.client_id} is ${o.status}`);
    if (!o.id) {
      if (o.status !== 'rejected') say(`${o.client_id} is ${o.status} without an id`);
      continue;
    }
    if (byId.has(o.id)) say(`${o.id} stands twice in the record`);
    byId.set(o.id, o);
  }
  const names = new Set();
  for (const x of atExchange) {
    const o = byId.get(x.order_id);
    if (names.has(x.client_order_id)) say(`${x.client_order_id} is twice at the exchange`);
    names.add(x.client_order_id);
    if (!o) { say(`forgotten: ${x.client_order_id} ${x.order_id} ${x.status}`); continue; }
    const ended = x.status !== 'resting';
    const want = { client_id: x.client_order_id, ticker: x.ticker, status: STATUS[x.status], filled: x.fill_count_fp,
      remaining: x.remaining_count_fp, seen: x.fill_count_fp, price: x.yes_price_dollars };
    if (ended) want.remaining = '0.00';
    const other = Object.entries(want).filter(([k, v]) => o[k] !== v).map(([k, v]) => `${k} is ${o[k]}, at the exchange ${v}`);
    if (other.length) say(`${x.client_order_id}: ${other.join(', ')} (${JSON.stringify(o)}, ${JSON.stringify(x)})`);
    byId.delete(x.order_id);
  }
  for (const o of byId.values()) say(`${o.client_id} ${o.id} is ${o.status} and not at the exchange`);
  for (const o of orders) if (o.status === 'rejected' && !o.id && names.has(o.client_id)) say(`${o.client_id} is rejected and at the exchange`);
  const nameOf = new Map(atExchange.map((x) => [x.order_id, x.client_order_id]));
  const told = new Map(fills.map((f) => [`${f.trade_id}/${f.order_id}`, f]));
  for (const f of fillsThere) {
    const key = `${f.trade_id}/${f.order_id}`, t = told.get(key);
    if (!t) say(`fill ${key} of ${f.count_fp} is missing`);
    else if (t.count !== f.count_fp || t.price !== f.yes_price_dollars || Number(t.fee) !== Number(f.fee_cost) || t.party !== partyOf(nameOf.get(f.order_id)))
      say(`fill ${key}: ${JSON.stringify(t)}, at the exchange ${JSON.stringify(f)}`);
    told.delete(key);
  }
  for (const key of told.keys()) say(`fill ${key} is not at the exchange`);
  return wrong;
}

// Waits until the record equals the exchange, at which nothing is done any more but what is still on its way; throws with
// the differences that stay.
export async function agrees(sim, file, party, { user = 0, ms = 60000 } = {}) {
  let orders, fills, wrong = [];
  try {
    await until('the record', async () => {
      [orders, fills] = [await all(sim, '/portfolio/orders', user), await all(sim, '/portfolio/fills', user)];
      wrong = differences(journal(file), orders, fills, party);
      return wrong.length === 0 || sleep(200);
    }, ms);
  } catch (cause) {
    throw new Error(`the record is not as the exchange, ${wrong.length} differences: ${wrong.slice(0, 5).join('; ')} (${cause.message})`, { cause });
  }
  return { orders: orders.length, fills: fills.length };
}
