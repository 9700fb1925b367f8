// Every message that the exchange documents, made to happen in the simulator and read by npm's `ws`: each against the schemas,
// numbered where it is documented and not where it is not, of the channel that was acknowledged; and every error code.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import test, { after, before } from 'node:test';
import { Sim, tell, until } from './peers.mjs';
import { channels, commandErrors, enumsOf, errorCodes, messageErrors, messageTypes, restErrors } from './schema.mjs';

// Codes that nothing brings about, and why.
const never = new Map([[6, 'retired: subscribing again adds markets'], [9, 'every connection is signed'],
  [16, 'retired: an unknown ticker is error 11'], [17, 'retired: error 10'], [18, 'no command takes long here'],
  [23, 'no channel has match ids']]);
// Words of the schemas that no message says, and why.
const unsaid = new Map([['MarginCancel', 'there is no margin in event contracts'], ['unknown', 'every order has a status'],
  ['DIRECNET', 'no event nets by direction']]);

const connections = [], seen = new Map(), codes = new Set(), words = new Map();
const count = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);

// A connection whose commands are checked as they are sent.
async function connect(s, user = 0) {
  const c = await s.ws(user);
  connections.push(c);
  c.ask = (cmd, params) => {
    assert.deepEqual(commandErrors({ id: c.id + 1, cmd, ...(params && { params }) }), []);
    return c.reply(c.send(cmd, params));
  };
  c.subscribe = async (params) => { // {channel: sid}
    const { id } = await c.ask('subscribe', params);
    const acks = () => c.messages.filter((m) => m.id === id && m.type === 'subscribed');
    await until('all acknowledgements', () => acks().length === params.channels.length);
    return Object.fromEntries(acks().map((m) => [m.msg.channel, m.msg.sid]));
  };
  c.refused = async (cmd, params, text = undefined) => { // the code
    if (text !== undefined) c.socket.send(text);
    const { type, msg } = await (text === undefined ? c.reply(c.send(cmd, params))
      : c.wait('the error', (m) => m.type === 'error' && m.id === undefined && !m.sid));
    assert.equal(type, 'error', JSON.stringify(msg));
    return msg.code;
  };
  c.expect = (type, test = () => true) => c.wait(type, (m) => m.type === type && test(m.msg, m));
  return c;
}

// All that a connection heard.
function judge(c) {
  const channelOf = new Map(), last = new Map(), ended = new Set();
  for (const [i, m] of c.messages.entries()) {
    assert.deepEqual(messageErrors(m), [], JSON.stringify(m));
    assert.ok(c.raw[i].endsWith('\n') && c.raw[i].indexOf('\n') === c.raw[i].length - 1, 'one line');
    count(seen, m.type);
    if (m.type === 'error') codes.add(m.msg.code);
    if (m.type === 'subscribed') channelOf.set(m.msg.sid, m.msg.channel);
    if (m.seq !== undefined) {
      assert.equal(m.seq, (last.get(m.sid) ?? 0) + 1, `the number of ${JSON.stringify(m)}`);
      last.set(m.sid, m.seq);
    }
    assert.ok(!ended.has(m.sid), `after the end: ${JSON.stringify(m)}`);
    if (m.type === 'unsubscribed' || (m.type === 'error' && m.sid)) ended.add(m.sid);
    if (m.type === 'error' || m.sid === undefined) continue;
    const channel = channels[channelOf.get(m.sid)];
    assert.ok(channel, `before its acknowledgement: ${JSON.stringify(m)}`);
    const answer = ['ok', 'unsubscribed'].includes(m.type);
    assert.equal(m.seq !== undefined, channel.seq || answer, `numbered or not: ${JSON.stringify(m)}`);
    if (!answer) assert.ok(channel.messages.includes(m.type), `${m.type} on ${channelOf.get(m.sid)}`);
    for (const key of ['event_type', 'status', 'last_update_reason', 'collateral_return_type'])
      if (m.msg?.[key] !== undefined) count(words, `${m.type}.${key}=${m.msg[key]}`);
  }
}

let sim, markets, clients;
let used = 0;
const fresh = () => markets[used++]; // of an event each, on shard 0 and by the cent; those that end last come first
const order = (ticker, over = {}) => ({ ticker, side: 'bid', price: '0.4000', count: '5.00', time_in_force: 'good_till_canceled',
  self_trade_prevention_type: 'taker_at_cross', ...over });
const call = async (operation, status, method, path, body, user = 0) => {
  const answer = await sim.rest(method, path, body, { user });
  assert.equal(answer.status, status, `${operation}: ${JSON.stringify(answer.body)}`);
  assert.deepEqual(restErrors(operation, status, answer.body), []);
  return answer.body;
};
const ORDERS = '/portfolio/events/orders';
const place = async (ticker, over, user) => (await call('CreateOrderV2', 201, 'POST', ORDERS, order(ticker, over), user)).order_id;
const amend = (id, ticker, over) => call('AmendOrderV2', 200, 'POST', `${ORDERS}/${id}/amend`, { ticker, side: 'bid', price: '0.4000',
  count: '5.00', ...over });

// Quiet and three times as fast: there are 10 s to confirm a quote, which executes 5 s later.
before(async () => {
  sim = await Sim.start('--seed', '7', '--users', '3', '--quiet-market', '--speed', '3', '--markets', '120');
  const all = (await call('GetMarkets', 200, 'GET', '/markets?status=open&limit=1000')).markets;
  markets = [...new Map(all.filter((m) => m.exchange_index === 0 && m.price_level_structure === 'linear_cent')
    .map((m) => [m.event_ticker, m])).values()].sort((x, y) => Date.parse(y.close_time) - Date.parse(x.close_time));
  clients = await Promise.all([0, 1, 2].map((user) => connect(sim, user)));
  const some = markets.slice(0, 3).map((m) => m.ticker);
  for (const c of clients) { // everything there is, in one command with all parameters
    c.sids = await c.subscribe({ channels: Object.keys(channels), market_tickers: some, use_yes_price: true, send_initial_snapshot: true,
      skip_ticker_ack: false, user_filter: '', shard_factor: 1, shard_key: 0, index_ids: ['all'], underlying_tickers: ['all'] });
    // What an account does in the other markets is heard, too.
    for (const channel of ['trade', 'fill', 'user_orders', 'market_positions'])
      await c.ask('update_subscription', { sid: c.sids[channel], action: 'add_markets', market_tickers: markets.map((m) => m.ticker) });
  }
});
after(() => sim?.stop());

test('market data: snapshots, deltas, tickers, trades', async () => {
  const [a, , c] = clients, { ticker } = fresh();
  await c.expect('orderbook_snapshot', (m) => m.market_ticker === ticker);
  await c.expect('ticker', (m) => m.market_ticker === ticker);
  const id = await place(ticker, { client_order_id: crypto.randomUUID() });
  await c.expect('orderbook_delta', (m) => m.market_ticker === ticker && m.delta_fp === '5.00' && m.client_order_id === undefined);
  await a.expect('orderbook_delta', (m) => m.market_ticker === ticker && m.client_order_id);
  await place(ticker, { side: 'ask', count: '2.00' }, 1);
  await c.expect('trade', (m) => m.market_ticker === ticker && m.count_fp === '2.00');
  await c.expect('ticker', (m) => m.market_ticker === ticker && m.price_dollars === '0.4000');
  await a.expect('fill', (m) => m.order_id === id && m.post_position_fp === '2.00');
  await a.expect('user_order', (m) => m.order_id === id && m.fill_count_fp === '2.00');
  await a.expect('market_position', (m) => m.market_ticker === ticker && m.position_fp === '2.00');
  assert.ok(!c.messages.some((m) => ['fill', 'user_order', 'market_position'].includes(m.type)), 'private channels are private');
  const again = await c.ask('update_subscription', { sid: c.sids.orderbook_delta, action: 'get_snapshot', market_tickers: [ticker] });
  assert.deepEqual([again.type, again.msg.yes_dollars_fp], ['orderbook_snapshot', [['0.4000', '3.00']]]);
});

test('an order changes for every documented reason', async () => {
  const [a] = clients, { ticker } = fresh();
  const because = (id, reason, status) => a.expect('user_order',
    (m) => m.order_id === id && m.last_update_reason === reason && m.status === status);
  const id = await place(ticker);
  await a.expect('user_order', (m) => m.order_id === id && m.last_update_reason === undefined);
  await call('DecreaseOrderV2', 200, 'POST', `${ORDERS}/${id}/decrease`, { reduce_by: '1.00' });
  await because(id, 'Decrease', 'resting');
  await amend(id, ticker, { price: '0.3000' });
  await because(id, 'Amend', 'resting');
  await place(ticker, { side: 'ask', price: '0.3000', count: '2.00' }, 1);
  await because(id, 'Trade', 'resting');
  const taker = await place(ticker, { side: 'ask', price: '0.3000' });
  await because(taker, 'SelfTradeCancel', 'canceled');
  await place(ticker, { side: 'ask', price: '0.3000', count: '1.00', self_trade_prevention_type: 'maker' });
  await because(id, 'SelfTradeCancel', 'canceled');
  await call('CancelAllOrders', 204, 'DELETE', ORDERS);
  const late = await place(ticker, { expiration_time: Math.ceil(Date.now() / 1000) + 4 });
  await because(late, 'ExpiryCancel', 'canceled');
  await place(ticker, { side: 'ask', price: '0.5000' }, 1);
  const polite = await place(ticker, { post_only: true });
  await amend(polite, ticker, { price: '0.5000' });
  await because(polite, 'PostOnlyCrossCancel', 'canceled');
  await place(ticker, { price: '0.2000', count: '9.00' }, 1);
  const less = await place(ticker, { side: 'ask', price: '0.2000', count: '8.00', time_in_force: 'immediate_or_cancel',
    reduce_only: true });
  await because(less, 'ReduceOnlyCancel', 'canceled');
  const halted = await place(ticker, { price: '0.1000', cancel_order_on_pause: true });
  await sim.trigger('pause', { for: '10m' });
  await because(halted, 'HaltCancel', 'canceled');
  await sim.trigger('resume');
  const closed = await place(ticker, { price: '0.1000' });
  await sim.trigger('close', { market: ticker });
  await because(closed, 'CloseCancel', 'canceled');
  const done = await place(markets[used].ticker, { count: '1.00' });
  await place(markets[used].ticker, { count: '1.00', side: 'ask' }, 1);
  await because(done, 'Trade', 'executed');
});

test('requests for quote and quotes, in both sizes, to those whom they concern', async () => {
  const [a, b, c] = clients, { ticker } = fresh();
  const ask = async (body) => (await call('CreateRFQ', 201, 'POST', '/communications/rfqs', { market_ticker: ticker,
    rest_remainder: false, replace_existing: true, ...body })).id;
  const quote = async (rfq, user = 1) => (await call('CreateQuote', 201, 'POST', '/communications/quotes', { rfq_id: rfq, yes_bid: '0.4000',
    no_bid: '0.5500', rest_remainder: false }, user)).id;
  const first = await ask({ target_cost_dollars: '10.00' });
  await quote(first, 2);
  const rfq = await ask({ contracts_fp: '10.00' });
  await c.expect('rfq_deleted', (m) => m.id === first);
  const id = await quote(rfq);
  const at = `/communications/rfqs/${rfq}/quotes/${id}`;
  await Promise.all([a, b].map((x) => x.expect('quote_created', (m) => m.quote_id === id)));
  await call('AcceptRFQQuote', 204, 'PUT', `${at}/accept`, { accepted_side: 'yes' });
  await Promise.all([a, b].map((x) => x.expect('quote_accepted', (m) => m.quote_id === id)));
  await call('ConfirmRFQQuote', 204, 'PUT', `${at}/confirm`, {}, 1);
  await Promise.all([a, b].map((x) => x.expect('quote_executed', (m) => m.quote_id === id)));
  for (const x of clients) {
    await x.expect('rfq_created', (m) => m.id === rfq);
    await x.expect('rfq_deleted', (m) => m.id === rfq);
  }
  assert.ok(!c.messages.some((m) => m.type.startsWith('quote_') && m.msg.quote_id === id));
});

test('order groups: every event', async () => {
  const [a, b] = clients;
  const { order_group_id: id } = await call('CreateOrderGroup', 201, 'POST', '/portfolio/order_groups/create', { contracts_limit: 8 });
  const change = (operation, method, tail, body) => call(operation, 200, method, `/portfolio/order_groups/${id}${tail}`, body);
  await change('UpdateOrderGroupLimit', 'PUT', '/limit', { contracts_limit: 9 });
  await change('TriggerOrderGroup', 'PUT', '/trigger', {});
  await change('ResetOrderGroup', 'PUT', '/reset', {});
  await change('DeleteOrderGroup', 'DELETE', '');
  await a.expect('order_group_updates', (m) => m.event_type === 'deleted');
  assert.deepEqual(a.messages.filter((m) => m.type === 'order_group_updates').map((m) => m.msg.event_type),
    ['created', 'limit_updated', 'triggered', 'reset', 'deleted']);
  assert.ok(!b.messages.some((m) => m.type === 'order_group_updates'));
});

test('markets and events: every event of their lives', async () => {
  const [a] = clients, [{ ticker, event_ticker: event }] = markets.splice(markets.findIndex((m) => m.strike_type === 'structured'), 1);
  const told = (type) => a.expect('market_lifecycle_v2', (m) => m.market_ticker === ticker && m.event_type === type);
  await sim.trigger('pause', { market: ticker });
  await told('deactivated');
  await sim.trigger('resume', { market: ticker });
  await told('activated');
  await sim.trigger('structure', { market: ticker, name: 'deci_cent' });
  await told('price_level_structure_updated');
  await sim.trigger('strike', { market: ticker, type: 'between', floor: '5', cap: '9.5', title: 'Between 5 and 9.5' });
  await told('metadata_updated');
  await sim.trigger('fees', { event, type: 'quadratic_with_maker_fees', multiplier: '0.5' });
  await a.expect('event_fee_update', (m) => m.event_ticker === event && m.fee_multiplier_override === 0.5);
  await sim.trigger('fees', { event });
  await a.expect('event_fee_update', (m) => m.event_ticker === event && m.fee_type_override === null);
  await sim.trigger('close', { market: ticker, in: '1h' });
  await told('close_date_updated');
  await place(ticker, { count: '1.00' });
  await place(ticker, { count: '1.00', side: 'ask' }, 1);
  await sim.trigger('determine', { market: ticker, result: 'yes' });
  await told('determined');
  await sim.trigger('settle', { market: ticker });
  await told('settled');
  await a.expect('market_position', (m) => m.market_ticker === ticker && m.position_fp === '0.00');
  // The next event of a series begins when one is over.
  const { markets: rest } = (await call('GetEvent', 200, 'GET', `/events/${event}?with_nested_markets=true`)).event;
  for (const m of rest.filter((x) => x.ticker !== ticker)) await sim.trigger('settle', { market: m.ticker, result: 'no' });
  const [series] = event.split('-');
  const next = await a.expect('event_lifecycle', (m) => m.series_ticker === series && m.event_ticker !== event);
  const { msg: made } = await a.expect('market_lifecycle_v2', (m) => m.event_type === 'created'
    && m.additional_metadata.event_ticker === next.msg.event_ticker);
  const { market } = await call('GetMarket', 200, 'GET', `/markets/${made.market_ticker}`);
  for (const key of ['title', 'yes_sub_title', 'strike_type', 'floor_strike', 'cap_strike', 'custom_strike'])
    assert.deepEqual(made.additional_metadata[key], market[key], key);
  assert.ok(market.custom_strike, 'a market about somebody says about whom');
});

test('combos: their own channel, every event', async () => {
  const [a] = clients, legs = [fresh(), fresh()];
  const { market_ticker: ticker, event_ticker: event } = await call('CreateMarketInMultivariateEventCollection', 200, 'POST',
    '/multivariate_event_collections/KXMVECROSSCATEGORY-SHARD1-R',
    { selected_markets: legs.map((m) => ({ market_ticker: m.ticker, event_ticker: m.event_ticker, side: 'yes' })) });
  const told = (type) => a.expect('multivariate_market_lifecycle', (m) => m.market_ticker === ticker && m.event_type === type);
  await told('created');
  const { sid } = await a.expect('event_lifecycle', (m) => m.event_ticker === event);
  assert.equal(sid, a.sids.multivariate_market_lifecycle);
  await sim.trigger('pause', { market: ticker });
  await told('deactivated');
  await sim.trigger('resume', { market: ticker });
  await told('activated');
  for (const m of legs) await sim.trigger('determine', { market: m.ticker, result: 'yes' });
  await told('determined');
  for (const m of legs) await sim.trigger('settle', { market: m.ticker });
  await told('settled');
  await told('close_date_updated');
  assert.ok(!a.messages.some((m) => m.type === 'market_lifecycle_v2' && m.msg.market_ticker.startsWith('KXMVE')));
});

test('indices: values and lists', async () => {
  const [, b] = clients;
  for (const type of ['cfbenchmarks_value', 'cfbenchmarks_value_5hz', 'pyth_value']) {
    await b.expect(type);
    const action = type === 'pyth_value' ? 'underlying_list' : 'indexlist';
    assert.equal((await b.ask('update_subscription', { sid: b.sids[type], action })).type, `${type}_${action}`);
  }
});

test('a command does on each channel what is documented for it, and nothing else', async () => {
  const c = await connect(sim, 2), [one, two] = markets.slice(0, 2), both = [one.ticker, two.ticker];
  const index = { index_ids: ['BRTI'] }, underlying = { underlying_tickers: ['Crypto.BTC/USD'] };
  const given = { add_markets: { market_tickers: both }, delete_markets: { market_tickers: [two.ticker] },
    get_snapshot: { market_tickers: [one.ticker] }, subscribe_indices: index, unsubscribe_indices: index, indexlist: {},
    subscribe_underlyings: underlying, unsubscribe_underlyings: underlying, underlying_list: {} };
  let allowed = 0;
  for (const [channel, { market_filter: filter, update_actions: actions, params }] of Object.entries(channels)) {
    const about = filter === 'required' || filter === 'optional' ? { market_ticker: one.ticker } : {};
    const listed = params.includes('skip_ticker_ack'), options = listed ? { skip_ticker_ack: false } : {};
    const { [channel]: sid } = await c.subscribe({ channels: [channel], ...about, ...options });
    const update = (action, extra) => c.reply(c.send('update_subscription', { sid, action, ...given[action], ...extra }));
    for (const action of Object.keys(given)) {
      const answer = await update(action);
      if (!actions.includes(action)) {
        assert.deepEqual([answer.type, answer.msg.code], ['error', 13], `${channel}: ${action}`);
        continue;
      }
      allowed++;
      assert.notEqual(answer.type, 'error', `${channel}: ${action}: ${JSON.stringify(answer)}`);
      assert.equal(answer.sid, sid);
      const tickers = { add_markets: both, delete_markets: [one.ticker] }[action];
      if (tickers) assert.deepEqual([...answer.msg.market_tickers].sort(), [...tickers].sort(), `${channel}: ${action}`);
    }
    if (listed) { // the list is left out from then on
      await c.subscribe({ channels: [channel], market_ticker: one.ticker, skip_ticker_ack: true });
      assert.equal((await update('add_markets')).msg?.market_tickers, undefined, channel);
    }
    assert.deepEqual((await c.ask('list_subscriptions')).msg, [{ channel, sid }]);
    const { sid: ended } = await c.ask('unsubscribe', { sids: [sid] });
    assert.equal(ended, sid);
    const fresh = (await c.subscribe({ channels: [channel], ...about }))[channel];
    assert.ok(fresh > sid, 'a new subscription has a new number');
    await c.ask('unsubscribe', { sids: [fresh] });
  }
  assert.equal(allowed, Object.values(channels).reduce((n, ch) => n + ch.update_actions.length, 0));
  // The ticker takes ids, which stand in its messages.
  const { msg: { market_id: id } } = await clients[0].expect('ticker', (m) => m.market_ticker === one.ticker);
  const { ticker: sid } = await c.subscribe({ channels: ['ticker'], market_ids: [id], send_initial_snapshot: true });
  await c.expect('ticker', (m, whole) => whole.sid === sid && m.market_id === id);
});

test('the id of a command comes back, and 0 or none does not', async () => {
  const c = await connect(sim, 1);
  for (const id of [undefined, 0, 77]) {
    const before = c.messages.length;
    c.socket.send(JSON.stringify({ id, cmd: 'list_subscriptions' }));
    await until('an answer', () => c.messages.length > before);
    assert.equal(c.messages.at(-1).id, id || undefined);
  }
});
test('errors: every code that can happen', async () => {
  const strict = await Sim.start('--seed', '7', '--quiet-market', '--ws-markets', '3', '--ws-commands', '50');
  try {
    const tickers = (await strict.rest('GET', '/markets?status=open&limit=4')).body.markets.map((m) => m.ticker);
    const c = await connect(sim, 0), d = await connect(strict);
    const sub = (params, to = c) => to.refused('subscribe', params);
    const update = (params) => c.refused('update_subscription', params);
    const { ticker } = markets[0];
    const sids = await c.subscribe({ channels: ['orderbook_delta', 'cfbenchmarks_value', 'pyth_value'], market_ticker: ticker });
    const sid = sids.orderbook_delta;
    for (const [code, made] of [
      [1, () => c.refused(undefined, undefined, 'no JSON')],
      [2, () => sub(undefined)],
      [3, () => sub({})],
      [4, () => c.refused('unsubscribe', {})],
      [5, () => c.refused('dance', {})],
      [7, () => c.refused('unsubscribe', { sids: [999] })],
      [7, () => update({ sid: 999, action: 'add_markets', market_tickers: [ticker] })],
      [8, () => sub({ channels: ['nonsense'] })],
      [8, () => sub({ channels: ['multivariate'] })],
      [8, () => sub({ channels: ['ticker_v2'] })],
      [11, () => sub({ channels: ['ticker'], market_ticker: 'NONE' })],
      [11, () => sub({ channels: ['trade'], market_ticker: ticker, market_tickers: [ticker] })],
      [11, () => sub({ channels: ['communications'], user_filter: 'all' })],
      [12, () => update({ action: 'add_markets', market_tickers: [ticker] })],
      [12, () => update({ sids: [sid, sids.pyth_value], action: 'add_markets', market_tickers: [ticker] })],
      [13, () => update({ sid, action: 'juggle', market_tickers: [ticker] })],
      [14, () => sub({ channels: ['orderbook_delta'] })],
      [14, () => update({ sid, action: 'get_snapshot' })],
      [15, () => update({ sid })],
      [19, () => sub({ channels: ['communications'], shard_factor: 0 })],
      [20, () => sub({ channels: ['communications'], shard_key: 1 })],
      [21, () => sub({ channels: ['communications'], shard_factor: 2, shard_key: 2 })],
      [22, () => sub({ channels: ['communications'], shard_factor: 101 })],
      [24, () => update({ sid: sids.cfbenchmarks_value, action: 'subscribe_indices' })],
      [26, () => sub({ channels: ['ticker'], market_tickers: tickers }, d)],
      [28, () => update({ sid: sids.pyth_value, action: 'subscribe_underlyings' })],
    ]) assert.equal(await made(), code, made.toString());
    const burst = Array.from({ length: 120 }, () => d.send('list_subscriptions', undefined));
    const answers = await Promise.all(burst.map((id) => d.reply(id)));
    assert.ok(answers.some((m) => m.type === 'error' && m.msg.code === 27));
    // The server ends subscriptions: for good, and the session goes on.
    await sim.trigger('end', { code: 10, channel: 'cfbenchmarks_value', user: 1 });
    await c.expect('error', (m, whole) => m.code === 10 && whole.sid === sids.cfbenchmarks_value);
    await sim.trigger('end', { code: 25, channel: 'orderbook_delta', user: 1 });
    await c.expect('error', (m, whole) => m.code === 25 && whole.sid === sid);
    assert.deepEqual((await c.ask('list_subscriptions')).msg, [{ channel: 'pyth_value', sid: sids.pyth_value }]);
    d.messages.forEach((m) => assert.deepEqual(messageErrors(m), [], JSON.stringify(m)));
  } finally {
    assert.equal(await strict.stop(), 0);
  }
});

test('nothing was left out, and all of it is by the schema', async () => {
  for (const c of connections) {
    judge(c);
    await c.close();
  }
  assert.deepEqual(messageTypes.filter((t) => !seen.has(t)), [], 'types that never came');
  const expected = errorCodes.map((e) => e.code).filter((code) => !never.has(code));
  assert.deepEqual([...codes].sort((x, y) => x - y), expected, 'error codes');
  const missing = [];
  for (const type of messageTypes)
    for (const key of ['event_type', 'status', 'last_update_reason'])
      missing.push(...enumsOf(type, key)
        .filter((word) => !unsaid.has(word) && !words.has(`${type}.${key}=${word}`)).map((word) => `${type}.${key}=${word}`));
  assert.deepEqual(missing, [], 'words that no message said');
  tell(`messages: ${[...seen.values()].reduce((x, y) => x + y)} of ${seen.size} types, all by the schema, ${codes.size} error codes`);
  for (const type of messageTypes) console.log(`  ${type}: ${seen.get(type)}`);
});
