// What the tests of faults share: scripts that tell how their calls ended, and the writes of orders that they make.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { kalua, tempDir } from './peers.mjs';

// try(case, fn, ...) prints one line of JSON that says how the call ended.
const PRELUDE = `local kalshi, task, kalua, json = require "kalshi", require "task", require "kalua", require "json"
local function try(case, fn, ...)
  local begin = kalua.now()
  local r = table.pack(pcall(fn, ...))
  local out = { case = case, ok = r[1], seconds = kalua.now() - begin }
  if r[1] then
    out.answer = r[2]
  elseif type(r[2]) == "table" then
    for _, k in ipairs { "kind", "message", "status", "code", "operation", "retryable" } do out[k] = r[2][k] end
  else
    out.message = tostring(r[2])
  end
  print(json.encode(out))
end
`;

// Runs a script to its end, with more `options` of kalua; `cases` has what it told, by case.
export async function run(body, env, { args = [], options = [], timeout = 120000 } = {}) {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), PRELUDE + body);
  const r = await kalua(['--quiet', '--log', 'error', ...options, 's.lua', '--', ...args], { cwd, env, timeout });
  const lines = r.stdout.split('\n').filter((l) => l.startsWith('{')).map((l) => JSON.parse(l));
  return { ...r, cases: Object.fromEntries(lines.map((l) => [l.case, l])) };
}

export const ORDER = { side: 'bid', price: '0.0100', time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross' };

// Orders of 10 contracts at a cent, made directly at the simulator: { client_order_id: order_id }.
export async function placeOrders(sim, ticker, names) {
  const ids = {};
  for (const name of names) {
    const { body, status } = await sim.rest('POST', '/portfolio/events/orders', { ...ORDER, ticker, count: '10.00', client_order_id: name });
    assert.equal(status, 201, JSON.stringify(body));
    ids[name] = body.order_id;
  }
  return ids;
}

const FIELDS = 'time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross"';
const onOrder = (tail = '') => (name, id) => (rq) => rq.method !== 'GET' && rq.path.split('?')[0] === `/portfolio/events/orders/${id}${tail}`;

// Each write acts on an order of its own, which the client_order_id names: a new one, or (`on`) one that is there. `call`
// is Lua (T: the ticker, ID: order ids by name), `mine` recognizes its request, `carriedOut` sees it in the order.
export const WRITES = {
  create_order: {
    call: (name, more = '') => `kalshi.create_order{ ticker = T, side = "bid", price = 0.01, count = 1, client_order_id = "${name}", ${FIELDS}${more} }`,
    mine: (name) => (rq) => rq.body?.client_order_id === name,
    carriedOut: (o) => o?.status === 'resting',
  },
  amend_order: {
    on: true,
    call: (name, more = '') => `kalshi.amend_order(ID["${name}"], { ticker = T, side = "bid", price = 0.02, count = 9${more} })`,
    mine: onOrder('/amend'),
    carriedOut: (o) => o.yes_price_dollars === '0.0200' && o.remaining_count_fp === '9.00',
  },
  decrease_order: {
    on: true,
    call: (name, more = '') => `kalshi.decrease_order(ID["${name}"], { reduce_to = 8${more} })`,
    mine: onOrder('/decrease'),
    carriedOut: (o) => o.remaining_count_fp === '8.00',
  },
  cancel_order: {
    on: true,
    call: (name, more = '') => `kalshi.cancel_order(ID["${name}"]${more && `, { ${more.slice(2)} }`})`,
    mine: onOrder(),
    carriedOut: (o) => o.status === 'canceled',
  },
  batch_create_orders: {
    call: (name, more = '') => `kalshi.batch_create_orders{ orders = { { ticker = T, side = "bid", price = 0.01, count = 1,
      client_order_id = "${name}", ${FIELDS} } }${more} }`,
    mine: (name) => (rq) => rq.body?.orders?.[0].client_order_id === name,
    carriedOut: (o) => o?.status === 'resting',
  },
  batch_cancel_orders: {
    on: true,
    call: (name, more = '') => `kalshi.batch_cancel_orders{ orders = { { order_id = ID["${name}"] } }${more} }`,
    mine: (name, id) => (rq) => rq.body?.orders?.[0].order_id === id,
    carriedOut: (o) => o.status === 'canceled',
  },
};
