// Requests for quote, quotes, block trades and combos between two accounts, over real sockets, every answer and message
// checked against the exchange's own schemas.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Sim, until } from './peers.mjs';
import { messageErrors, requestErrors, restErrors, wireErrorErrors } from './schema.mjs';

const ANN = 0, BOB = 1, CAT = 2;
let sim, markets, users, ids;

// Quiet, three times as fast: there are 10 s to confirm a quote, which executes 5 s later; of a combo it is a second each.
before(async () => {
  sim = await Sim.start('--seed', '7', '--users', '3', '--quiet-market', '--speed', '3', '--markets', '120');
  ({ body: { markets } } = await sim.rest('GET', '/markets?status=open&limit=1000'));
  users = await Promise.all([ANN, BOB, CAT].map(async (user) =>
    (await sim.rest('GET', '/portfolio/orders?limit=1', undefined, { user })) && userId(user)));
  ids = await Promise.all([ANN, BOB, CAT].map(async (user) =>
    valid('GetCommunicationsID', await sim.rest('GET', '/communications/id', undefined, { user })).communications_id));
});
after(() => sim?.stop());

// An account's own id stands in its orders.
async function userId(user) {
  const m = cent();
  await sim.rest('POST', '/portfolio/events/orders', { ticker: m.ticker, side: 'bid', price: '0.0100', count: '1.00',
    time_in_force: 'immediate_or_cancel', self_trade_prevention_type: 'maker' }, { user });
  return (await sim.rest('GET', '/portfolio/orders?limit=1', undefined, { user })).body.orders[0].user_id;
}

const valid = (id, { status, body }, expected = 200) => {
  assert.equal(status, expected, `${id}: ${JSON.stringify(body)}`);
  assert.deepEqual(restErrors(id, status, body), [], `${id}: ${JSON.stringify(body)}`);
  return body;
};
const refused = ({ status, body }, expected, code) => {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(wireErrorErrors(body), []);
  if (code) assert.equal(body.error?.code ?? body.code, code);
};
// Of an event each: where events are exclusive, positions in several of their markets give collateral back.
const cent = (n = 0) => [...new Map(markets.filter((m) => m.price_level_structure === 'linear_cent' && m.exchange_index === 0)
  .map((m) => [m.event_ticker, m])).values()][n];
const call = (user) => (method, path, body) => sim.rest(method, path, body, { user });
const [ann, bob, cat] = [call(ANN), call(BOB), call(CAT)];
const ask = async (who, body) => {
  assert.deepEqual(requestErrors('CreateRFQ', body), []);
  return valid('CreateRFQ', await who('POST', '/communications/rfqs', body), 201).id;
};
const offer = async (who, rfq_id, yes_bid, no_bid, more = {}) => {
  const body = { rfq_id, yes_bid, no_bid, rest_remainder: false, ...more };
  assert.deepEqual(requestErrors('CreateQuote', body), []);
  return valid('CreateQuote', await who('POST', '/communications/quotes', body), 201).id;
};
const quote = async (who, rfq, id) => valid('GetRFQQuote', await who('GET', `/communications/rfqs/${rfq}/quotes/${id}`)).quote;
const listen = async (user, params = {}) => {
  const ws = await sim.ws(user);
  await ws.reply(ws.send('subscribe', { channels: ['communications'], ...params }));
  ws.of = (type, id) => ws.messages.filter((m) => m.type === type && (m.msg.id === id || m.msg.quote_id === id));
  ws.expect = (type, id) => until(`${type} of ${id}`, () => ws.of(type, id)[0]);
  return ws;
};
const checked = async (ws) => {
  const numbered = ws.messages.filter((m) => m.seq !== undefined);
  assert.deepEqual(numbered.map((m) => m.seq), numbered.map((_, i) => i + 1), 'seq without holes');
  for (const m of ws.messages) assert.deepEqual(messageErrors(m), [], JSON.stringify(m));
  await ws.close();
};
const combo = async (who, legs, collection = 'KXMVECROSSCATEGORY-SHARD1-R', more = {}) => who('POST',
  `/multivariate_event_collections/${collection}`, { selected_markets: legs, ...more });
const leg = (m, side = 'yes') => ({ market_ticker: m.ticker, event_ticker: m.event_ticker, side });

test('a request by size becomes a trade: asked, quoted, accepted, confirmed, executed', async () => {
  const [a, b, c] = await Promise.all([listen(ANN), listen(BOB), listen(CAT)]);
  const m = cent();
  const rfq = await ask(ann, { market_ticker: m.ticker, contracts_fp: '10.00', rest_remainder: false });
  for (const ws of [a, b, c]) {
    const { msg } = await ws.expect('rfq_created', rfq);
    assert.equal(msg.creator_id, ids[ANN]);
    assert.equal(msg.contracts_fp, '10.00');
  }
  refused(await ann('POST', '/communications/rfqs', { market_ticker: m.ticker, contracts_fp: '1', rest_remainder: false }), 409);
  const id = await offer(bob, rfq, '0.4000', '0.5500'), other = await offer(cat, rfq, '0.3900', '0.5400');
  await Promise.all([a.expect('quote_created', id), b.expect('quote_created', id), a.expect('quote_created', other)]);
  assert.equal((await quote(ann, rfq, id)).status, 'open');
  refused(await cat('GET', `/communications/rfqs/${rfq}/quotes/${id}`), 404);
  refused(await bob('PUT', `/communications/rfqs/${rfq}/quotes/${id}/accept`, { accepted_side: 'yes' }), 404);
  refused(await ann('PUT', `/communications/rfqs/${rfq}/quotes/${id}/accept`, { accepted_side: 'maybe' }), 400);
  refused(await bob('PUT', `/communications/rfqs/${rfq}/quotes/${id}/confirm`, {}), 400);
  valid('AcceptRFQQuote', await ann('PUT', `/communications/rfqs/${rfq}/quotes/${id}/accept`, { accepted_side: 'yes' }), 204);
  const accepted = (await b.expect('quote_accepted', id)).msg;
  assert.equal(accepted.contracts_accepted_fp, '10.00');
  assert.equal(accepted.accepted_side, 'yes');
  valid('ConfirmRFQQuote', await bob('PUT', `/communications/rfqs/${rfq}/quotes/${id}/confirm`, {}), 204);
  assert.equal((await quote(bob, rfq, id)).status, 'confirmed');
  refused(await bob('DELETE', `/communications/rfqs/${rfq}/quotes/${id}`), 400);
  refused(await ann('DELETE', `/communications/rfqs/${rfq}`), 400);
  const [mine, yours] = await Promise.all([b.expect('quote_executed', id), a.expect('quote_executed', id)]);
  assert.match(mine.msg.client_order_id, new RegExp(`^quote:[0-9a-f]{8}:${id}$`));
  assert.equal(yours.msg.client_order_id, '');
  assert.notEqual(mine.msg.order_id, yours.msg.order_id);
  await Promise.all([a, b, c].map((ws) => ws.expect('rfq_deleted', rfq)));

  const done = await quote(bob, rfq, id);
  assert.equal(done.status, 'executed');
  assert.equal(done.creator_order_id, mine.msg.order_id);
  assert.equal(done.creator_user_id, users[BOB]);
  assert.equal(done.rfq_creator_order_id, undefined, 'the other party’s order is not told');
  assert.equal((await quote(ann, rfq, id)).rfq_creator_order_id, yours.msg.order_id);
  assert.equal((await quote(cat, rfq, other)).status, 'cancelled');
  const fill = valid('GetFills', await bob('GET', `/portfolio/fills?order_id=${mine.msg.order_id}`)).fills[0];
  assert.deepEqual([fill.outcome_side, fill.count_fp, fill.yes_price_dollars], ['yes', '10.00', '0.4000']);
  const position = async (who) => valid('GetPositions', await who('GET', `/portfolio/positions?ticker=${m.ticker}`)).market_positions[0]?.position_fp;
  assert.equal(await position(bob), '10.00');
  assert.equal(await position(ann), '-10.00');
  assert.equal(c.messages.filter((x) => x.type.startsWith('quote_') && x.msg.quote_id === id).length, 0, 'quotes are private');
  const rows = valid('GetRFQ', await cat('GET', `/communications/rfqs/${rfq}`)).rfq;
  assert.deepEqual([rows.status, rows.cancellation_reason, rows.creator_user_id], ['closed', 'executed', undefined]);
  await Promise.all([a, b, c].map(checked));
});

test('a quote that is not confirmed is cancelled, and the request goes on', async () => {
  const m = cent(1);
  const rfq = await ask(ann, { market_ticker: m.ticker, contracts_fp: '5', rest_remainder: true });
  const id = await offer(bob, rfq, '0.3000', '0.6000');
  valid('AcceptQuote', await ann('PUT', `/communications/quotes/${id}/accept`, { accepted_side: 'no' }), 204);
  await until('the end of the window', async () => (await quote(ann, rfq, id)).status === 'cancelled');
  assert.equal((await quote(ann, rfq, id)).cancellation_reason, 'not_confirmed');
  const again = await offer(bob, rfq, '0.3100', '0.6000');
  assert.equal(valid('GetQuote', await bob('GET', `/communications/quotes/${again}`)).quote.status, 'open');
  valid('AcceptQuote', await ann('PUT', `/communications/quotes/${again}/accept`, { accepted_side: 'no' }), 204);
  valid('ConfirmQuote', await bob('PUT', `/communications/quotes/${again}/confirm`), 204);
  await until('the execution', async () => (await quote(ann, rfq, again)).status === 'executed');
  assert.equal(valid('GetPositions', await ann('GET', `/portfolio/positions?ticker=${m.ticker}`)).market_positions[0].position_fp, '5.00');
});

test('what cannot be quoted is refused', async () => {
  const m = cent(2);
  refused(await ann('POST', '/communications/rfqs', { market_ticker: m.ticker, rest_remainder: false }), 400, 'invalid_parameters');
  refused(await ann('POST', '/communications/rfqs', { market_ticker: m.ticker, contracts_fp: '1' }), 400, 'invalid_parameters');
  refused(await ann('POST', '/communications/rfqs', { market_ticker: 'NOPE', contracts_fp: '1', rest_remainder: false }), 400);
  refused(await ann('POST', '/communications/rfqs', { market_ticker: m.ticker, contracts_fp: 1, rest_remainder: false }), 400, 'bad_request');
  refused(await ann('POST', '/communications/rfqs',
    { market_ticker: m.ticker, contracts_fp: '1.00', contracts: 2, rest_remainder: false }), 400, 'invalid_parameters');
  const rfq = await ask(ann, { market_ticker: m.ticker, contracts: 3, rest_remainder: false });
  const bad = async (yes_bid, no_bid, code = 'invalid_parameters', who = bob) => refused(await who('POST',
    '/communications/quotes', { rfq_id: rfq, yes_bid, no_bid, rest_remainder: false }), 400, code);
  await bad('0', '0');
  await bad('0.405', '0');
  await bad('0.6000', '0.5000');
  await bad('1.0000', '0');
  await bad('0.5000', '0.4000', 'invalid_parameters', ann);
  refused(await bob('POST', '/communications/quotes', { rfq_id: 'nothing', yes_bid: '0.5', no_bid: '0', rest_remainder: false }), 404);
  const id = await offer(bob, rfq, '0', '0.4');
  refused(await ann('PUT', `/communications/rfqs/${rfq}/quotes/${id}/accept`, { accepted_side: 'yes' }), 400);
  valid('DeleteQuote', await bob('DELETE', `/communications/quotes/${id}`), 204);
  refused(await bob('DELETE', `/communications/rfqs/${rfq}/quotes/${id}`), 404);
  refused(await bob('DELETE', `/communications/rfqs/${rfq}`), 404);
  valid('DeleteRFQ', await ann('DELETE', `/communications/rfqs/${rfq}`), 204);
  refused(await ann('DELETE', `/communications/rfqs/${rfq}`), 400, 'RFQ_CLOSED');
  await bad('0.5000', '0.4000', 'RFQ_CLOSED');
});

test('lists have filters and pages', async () => {
  const some = [3, 4, 5].map(cent).map((m) => m.ticker);
  const made = [];
  for (const market_ticker of some) made.push(await ask(ann, { market_ticker, target_cost_dollars: '20', rest_remainder: false }));
  const quotes = [];
  for (const rfq of made) quotes.push(await offer(bob, rfq, '0.2000', '0.2000'));
  const rfqs = async (who, query) => valid('GetRFQs', await who('GET', `/communications/rfqs?${query}`));
  assert.deepEqual((await rfqs(ann, 'user_filter=self&status=open')).rfqs.map((r) => r.id), [...made].reverse());
  assert.equal((await rfqs(bob, 'user_filter=self&status=open')).rfqs.length, 0);
  assert.deepEqual((await rfqs(bob, `market_ticker=${some[1]}`)).rfqs.map((r) => r.id), [made[1]]);
  assert.equal((await rfqs(ann, `creator_user_id=${users[ANN]}&status=open`)).rfqs.length, 3);
  const first = await rfqs(cat, 'status=open&limit=2'), rest = await rfqs(cat, `status=open&limit=2&cursor=${first.cursor}`);
  assert.deepEqual([...first.rfqs, ...rest.rfqs].map((r) => r.id), [...made].reverse());
  assert.equal(rest.cursor, '');
  const list = async (who, query) => valid('GetQuotes', await who('GET', `/communications/quotes?${query}`)).quotes.map((q) => q.id);
  assert.deepEqual(await list(bob, 'user_filter=self&status=open'), [...quotes].reverse());
  assert.deepEqual(await list(ann, 'rfq_user_filter=self&status=open'), [...quotes].reverse());
  assert.deepEqual(await list(ann, 'user_filter=self&status=open'), []);
  assert.deepEqual(await list(cat, 'status=open'), []);
  assert.deepEqual(await list(ann, `rfq_id=${made[0]}`), [quotes[0]]);
  assert.deepEqual(await list(ann, `max_ts=1000000000`), []);
  const page = valid('GetQuotes', await bob('GET', '/communications/quotes?status=open&limit=2'));
  assert.deepEqual((await list(bob, `status=open&limit=2&cursor=${page.cursor}`)), [quotes[0]]);
  const q = await quote(ann, made[0], quotes[0]);
  // Twenty dollars at 0.80 with the taker's fee of 0.0112: 24.65 contracts.
  assert.deepEqual([q.yes_contracts_fp, q.rfq_target_cost_dollars], ['24.65', '20.000000']);
  refused(await ann('GET', '/communications/rfqs?status=maybe'), 400);
  refused(await ann('GET', '/communications/rfqs?limit=101'), 400);
  refused(await ann('GET', '/communications/quotes?user_filter=all'), 400);
  for (const rfq of made) valid('DeleteRFQ', await ann('DELETE', `/communications/rfqs/${rfq}`), 204);
});

test('the channel is split by shards and filtered by self', async () => {
  const shards = await Promise.all([0, 1].map((shard_key) => listen(CAT, { shard_factor: 2, shard_key })));
  const own = await listen(ANN, { user_filter: 'self' }), nobody = await listen(BOB, { user_filter: 'self' });
  const made = [];
  for (let i = 6; i < 12; i++) made.push(await ask(ann, { market_ticker: markets[i].ticker, contracts_fp: '1', rest_remainder: false }));
  for (const rfq of made) await own.expect('rfq_created', rfq);
  await until('both shards', () => shards[0].messages.length + shards[1].messages.length >= 2 + made.length);
  const seen = shards.map((ws) => new Set(ws.messages.filter((m) => m.type === 'rfq_created').map((m) => m.msg.id)));
  assert.equal(seen[0].size + seen[1].size, made.length);
  assert.ok([...seen[0]].every((id) => !seen[1].has(id)));
  assert.equal(nobody.messages.filter((m) => m.type === 'rfq_created').length, 0);
  const bad = await sim.ws(CAT);
  for (const [params, code] of [[{ shard_key: 1 }, 20], [{ shard_factor: 0 }, 19], [{ shard_factor: 2, shard_key: 2 }, 21],
    [{ shard_factor: 101 }, 22], [{ user_filter: 'all' }, 11]])
    assert.equal((await bad.reply(bad.send('subscribe', { channels: ['communications'], ...params }))).msg.code, code);
  await bad.close();
  for (const rfq of made) await ann('DELETE', `/communications/rfqs/${rfq}`);
  await Promise.all([...shards, own, nobody].map(checked));
});

test('quotes of subaccounts stay there, and each party sees its own', async () => {
  const m = cent(1);
  await bob('POST', '/portfolio/subaccounts', {});
  const moved = await bob('POST', '/portfolio/subaccounts/transfer', { client_transfer_id: crypto.randomUUID(),
    from_subaccount: 0, to_subaccount: 1, amount_cents: 50000 });
  assert.equal(moved.status, 200, JSON.stringify(moved.body));
  const [a, b] = await Promise.all([listen(ANN), listen(BOB)]);
  const rfq = await ask(ann, { market_ticker: m.ticker, contracts_fp: '2', rest_remainder: false });
  const id = await offer(bob, rfq, '0.5000', '0.4000', { subaccount: 1, post_only: true });
  assert.equal((await b.expect('quote_created', id)).msg.subaccount, 1);
  assert.equal((await a.expect('quote_created', id)).msg.subaccount, undefined);
  assert.equal((await quote(bob, rfq, id)).creator_subaccount, 1);
  valid('AcceptRFQQuote', await ann('PUT', `/communications/rfqs/${rfq}/quotes/${id}/accept`, { accepted_side: 'yes' }), 204);
  valid('ConfirmRFQQuote', await bob('PUT', `/communications/rfqs/${rfq}/quotes/${id}/confirm`), 204);
  await b.expect('quote_executed', id);
  const { market_positions: [p] } = valid('GetPositions', await bob('GET', `/portfolio/positions?ticker=${m.ticker}&subaccount=1`));
  assert.equal(p.position_fp, '2.00');
  await Promise.all([checked(a), checked(b)]);
});

test('a block trade prints past the book', async () => {
  const m = cent(2);
  const ws = await sim.ws(CAT);
  await ws.reply(ws.send('subscribe', { channels: ['trade'], market_ticker: m.ticker }));
  const body = { buyer_user_id: users[ANN], seller_user_id: users[BOB], market_ticker: m.ticker, price_centi_cents: 6200,
    centicount: 1500, maker_side: 'no', expiration_ts: new Date(Date.now() + 60000).toISOString() };
  assert.deepEqual(requestErrors('ProposeBlockTrade', body), []);
  const propose = (change, who = ann) => who('POST', '/communications/block-trade-proposals', { ...body, ...change });
  refused(await propose({ seller_user_id: 'nobody' }), 400, 'user_not_found:_nobody');
  refused(await propose({ price_centi_cents: 6250 }), 400);
  refused(await propose({ expiration_ts: '2020-01-01T00:00:00Z' }), 400);
  refused(await propose({ buyer_user_id: users[BOB] }), 400);
  refused(await propose({}, cat), 403);
  const { block_trade_proposal_id: id } = valid('ProposeBlockTrade', await propose({}), 201);
  const list = async (who, query = '') => valid('GetBlockTradeProposals',
    await who('GET', `/communications/block-trade-proposals${query}`)).block_trade_proposals;
  assert.equal((await list(cat)).length, 0);
  assert.deepEqual((await list(bob)).map((p) => [p.id, p.status, p.buyer_accepted, p.seller_accepted]), [[id, 'pending', true, false]]);
  const accept = (who, about = id) => who('POST', `/communications/block-trade-proposals/${about}/accept`, {});
  refused(await accept(cat), 404);
  refused(await accept(ann), 400);
  valid('AcceptBlockTradeProposal', await accept(bob), 204);
  refused(await accept(bob), 400);
  const trade = await ws.wait('the print', (x) => x.type === 'trade');
  assert.deepEqual(messageErrors(trade), []);
  assert.deepEqual([trade.msg.is_block_trade, trade.msg.yes_price_dollars, trade.msg.count_fp, trade.msg.taker_book_side],
    [true, '0.6200', '15.00', 'bid']);
  const [row] = await list(ann, `?status=executed&market_ticker=${m.ticker}`);
  assert.equal(row.status, 'executed');
  assert.equal(valid('GetOrder', await ann('GET', `/portfolio/orders/${row.buyer_order_id}`)).order.status, 'executed');
  const trades = valid('GetTrades', await ann('GET', `/markets/trades?ticker=${m.ticker}&is_block_trade=true`)).trades;
  assert.deepEqual(trades.map((t) => [t.trade_id, t.is_block_trade]), [[trade.msg.trade_id, true]]);
  let soon; // on its way it may be over already
  for (let ms = 300; soon?.status !== 201 && ms < 30000; ms *= 3) soon = await propose({ expiration_ts: new Date(Date.now() + ms).toISOString() });
  const { block_trade_proposal_id: late } = valid('ProposeBlockTrade', soon, 201);
  await until('its end', async () => (await list(ann, '?status=expired')).some((p) => p.id === late));
  refused(await accept(bob, late), 400);
  // More than the seller has: the proposal stays.
  const { block_trade_proposal_id: big } = valid('ProposeBlockTrade', await propose({ centicount: 10000000, price_centi_cents: 100 }), 201);
  refused(await accept(bob, big), 400, 'insufficient_balance');
  assert.equal((await list(bob, '?status=pending'))[0].id, big);
  await ws.close();
});

test('combos are found in collections, made by their legs, and asked about', async () => {
  const { multivariate_contracts: all } = valid('GetMultivariateEventCollections', await sim.rest('GET', '/multivariate_event_collections'));
  assert.equal(all.length, 2);
  const name = 'KXMVECROSSCATEGORY-SHARD1-R';
  const one = valid('GetMultivariateEventCollection', await sim.rest('GET', `/multivariate_event_collections/${name}`)).multivariate_contract;
  refused(await sim.rest('GET', '/multivariate_event_collections/NOPE'), 404);
  const two = [...new Map(markets.map((m) => [m.event_ticker, m])).values()].slice(0, 2);
  assert.ok(two.every((m) => one.associated_events.some((e) => e.ticker === m.event_ticker)));
  const filtered = valid('GetMultivariateEventCollections',
    await sim.rest('GET', `/multivariate_event_collections?status=open&associated_event_ticker=${two[0].event_ticker}&limit=1`));
  assert.ok(filtered.multivariate_contracts.length === 1);

  const life = await sim.ws(CAT), plain = await sim.ws(CAT);
  await life.reply(life.send('subscribe', { channels: ['multivariate_market_lifecycle'] }));
  await plain.reply(plain.send('subscribe', { channels: ['market_lifecycle_v2'] }));
  const legs = [leg(two[0]), leg(two[1], 'no')];
  const lookup = (list) => sim.rest('PUT', `/multivariate_event_collections/${name}/lookup`, { selected_markets: list });
  refused(await lookup(legs), 404);
  const made = valid('CreateMarketInMultivariateEventCollection', await combo(ann, legs, name, { with_market_payload: true }));
  assert.match(made.market_ticker, /^KXMVECROSSCATEGORY-SHARD1-S20\d\d[0-9A-F]{11}-[0-9A-F]{11}$/);
  assert.equal(made.market.exchange_index, 1);
  assert.deepEqual(made.market.mve_selected_legs.map((l) => `${l.market_ticker} ${l.side}`).sort(),
    legs.map((l) => `${l.market_ticker} ${l.side}`).sort());
  assert.equal(made.market.price_level_structure, 'center_deci_edge_centi_cent');
  const again = valid('CreateMarketInMultivariateEventCollection', await combo(bob, [...legs].reverse(), name));
  assert.equal(again.market_ticker, made.market_ticker);
  assert.equal(valid('LookupTickersForMarketInMultivariateEventCollection', await lookup(legs)).market_ticker, made.market_ticker);
  const { lookup_points: points } = valid('GetMultivariateEventCollectionLookupHistory',
    await sim.rest('GET', `/multivariate_event_collections/${name}/lookup?lookback_seconds=60`));
  assert.equal(points[0].market_ticker, made.market_ticker);
  refused(await combo(ann, [legs[0], legs[0]]), 400, 'duplicated_legs');
  refused(await combo(ann, [legs[0], leg(two[0], 'no')]), 400, 'conflicting_leg_outcomes');
  refused(await combo(ann, [legs[0]]), 400, 'invalid_market_combination');
  refused(await combo(ann, [legs[0], { side: 'yes' }]), 400, 'bad_request');

  const created = await life.wait('its creation', (x) => x.type === 'multivariate_market_lifecycle' && x.msg.market_ticker === made.market_ticker);
  assert.equal(created.msg.event_type, 'created');
  assert.ok(life.messages.some((x) => x.type === 'event_lifecycle' && x.msg.event_ticker === made.event_ticker));
  assert.equal(plain.messages.filter((x) => JSON.stringify(x).includes('KXMVE')).length, 0);
  for (const x of life.messages) assert.deepEqual(messageErrors(x), [], JSON.stringify(x));
  await Promise.all([life.close(), plain.close()]);

  const events = valid('GetMultivariateEvents', await sim.rest('GET', `/events/multivariate?collection_ticker=${name}&with_nested_markets=true`)).events;
  assert.deepEqual(events.map((e) => e.event_ticker), [made.event_ticker]);
  assert.equal(events[0].markets[0].ticker, made.market_ticker);
  const others = valid('GetEvents', await sim.rest('GET', '/events')).events;
  assert.ok(!others.some((e) => e.event_ticker.startsWith('KXMVE')));
  valid('GetSeries', await sim.rest('GET', '/series/KXMVECROSSCATEGORY-SHARD1'));
  const only = valid('GetMarkets', await sim.rest('GET', '/markets?mve_filter=only')).markets;
  assert.deepEqual(only.map((x) => x.ticker), [made.market_ticker]);
  const without = valid('GetMarkets', await sim.rest('GET', '/markets?mve_filter=exclude&limit=1000')).markets;
  assert.ok(without.length >= markets.length && !without.some((x) => x.mve_collection_ticker));

  const ws = await listen(CAT);
  const rfq = await ask(ann, { market_ticker: made.market_ticker, target_cost_dollars: '10.00', rest_remainder: false });
  const { msg } = await ws.expect('rfq_created', rfq);
  assert.equal(msg.mve_collection_ticker, name);
  assert.equal(msg.mve_selected_legs.length, 2);
  assert.equal(valid('GetRFQ', await bob('GET', `/communications/rfqs/${rfq}`)).rfq.mve_selected_legs.length, 2);
  const b = await listen(BOB);
  let id, confirmed;
  for (let i = 0; i < 10 && confirmed?.status !== 204; i++) { // on a busy machine the window may be over
    id = await offer(bob, rfq, '0', '0.7450');
    assert.equal((await quote(bob, rfq, id)).no_contracts_fp, '37.27'); // as seen on the exchange
    valid('AcceptRFQQuote', await ann('PUT', `/communications/rfqs/${rfq}/quotes/${id}/accept`, { accepted_side: 'no' }), 204);
    assert.equal((await b.expect('quote_accepted', id)).msg.contracts_accepted_fp, undefined);
    confirmed = await bob('PUT', `/communications/rfqs/${rfq}/quotes/${id}/confirm`);
  }
  valid('ConfirmRFQQuote', confirmed, 204);
  const { msg: executed } = await b.expect('quote_executed', id);
  const { order } = valid('GetOrder', await bob('GET', `/portfolio/orders/${executed.order_id}`));
  assert.equal(order.fill_count_fp, '37.27');
  assert.equal(Number(order.taker_fees_dollars), 0, 'the quoter pays the maker’s fee');
  assert.ok(Number(order.maker_fees_dollars) > 0);
  await Promise.all([checked(ws), checked(b)]);
});

test('with traders, makers answer and confirm, and somebody asks', async () => {
  const busy = await Sim.start('--seed', '7', '--speed', '5');
  try {
    const { body: { markets: [m] } } = await busy.rest('GET', '/markets?status=open&limit=1');
    const ws = await busy.ws();
    await ws.reply(ws.send('subscribe', { channels: ['communications'] }));
    // A maker may leave a request alone, put another quote in the place of one, and regret what was accepted.
    const mine = new Set();
    let done;
    for (let tries = 0; !done && tries < 5; tries++) {
      const { status, body: { id: rfq } } = await busy.rest('POST', '/communications/rfqs',
        { market_ticker: m.ticker, contracts_fp: '3', rest_remainder: false, replace_existing: true });
      assert.equal(status, 201);
      mine.add(rfq);
      const last = (type) => ws.messages.findLast((x) => x.type === type && x.msg.rfq_id === rfq);
      const accepted = () => until('a quote that is accepted', async () => {
        const made = last('quote_created');
        const side = Number(made?.msg.yes_bid_dollars) > 0 ? 'yes' : 'no';
        return made && (await busy.rest('PUT', `/communications/rfqs/${rfq}/quotes/${made.msg.quote_id}/accept`, { accepted_side: side })).status === 204;
      }, 8000);
      done = await accepted().then(() => until('its execution', () => last('quote_executed'), 8000)).catch(() => undefined);
    }
    assert.ok(done, 'none of five requests was answered and executed');
    assert.deepEqual(messageErrors(done), []);
    for (const { type, msg } of ws.messages)
      assert.ok(type !== 'quote_created' || Number(msg.yes_bid_dollars) + Number(msg.no_bid_dollars) <= 1, JSON.stringify(msg));
    let tried = 0; // those that ask are served within seconds
    await until('a quote for somebody who asks', async () => {
      const asked = ws.messages.filter((x) => x.type === 'rfq_created' && !mine.has(x.msg.id))[tried];
      if (!asked) return false;
      tried++;
      assert.ok(asked.msg.market_ticker.startsWith('KXMVE'));
      assert.deepEqual(messageErrors(asked), []);
      const answer = await busy.rest('POST', '/communications/quotes',
        { rfq_id: asked.msg.id, yes_bid: '0.0100', no_bid: '0.0100', rest_remainder: false });
      if (answer.status !== 201) assert.equal(answer.body.error.code, 'RFQ_CLOSED');
      return answer.status === 201;
    });
  } finally {
    await busy.stop();
  }
});

test('money is where the trades put it', async () => {
  for (const who of [ann, bob, cat]) {
    let sum = 0n; // in millionths: cash, cost of positions and fees, less what was won, is what was deposited
    const millionths = (text) => BigInt(Math.round(Number(text) * 1e6));
    for (const subaccount of [0, 1]) {
      const { balance_dollars: cash } = valid('GetBalance', await who('GET', `/portfolio/balance?subaccount=${subaccount}`));
      sum += millionths(cash);
      const { market_positions: rows } = valid('GetPositions', await who('GET', `/portfolio/positions?subaccount=${subaccount}&limit=1000`));
      for (const p of rows)
        sum += millionths(p.market_exposure_dollars) + millionths(p.fees_paid_dollars) - millionths(p.realized_pnl_dollars);
    }
    assert.equal(sum, 40_000_000_000n);
  }
});
