// The exchange's own published client against the simulator: every method it has, in the order in which a program uses them,
// unchanged but for the URL. What it does not have is called by plain signed requests, so that every documented operation is
// answered at least once as it should be. Every answer, good or refused, is checked as it came against the exchange's schemas.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { Sim, tell, tempDir, until } from './peers.mjs';
import { operations, restErrors } from './schema.mjs';
import { declaredMethods, sdkClient, sdkMethods } from './sdk.mjs';

const byId = new Map(operations.map((o) => [o.id, o]));
const camel = (id) => id[0].toLowerCase() + id.slice(1);
const idOf = new Map(operations.map((o) => [camel(o.id), o.id]));
// Operations that the exchange has removed: what they answer now.
const gone = { GetExchangeAnnouncements: 404, CreateOrder: 410, CancelOrder: 410, AmendOrder: 410, DecreaseOrder: 410,
  BatchCreateOrders: 410, BatchCancelOrders: 410 };

const good = { sdk: new Set(), plain: new Set() }, calls = { sdk: 0, plain: 0 }, removed = new Set();
function judge(kind, id, status, text) {
  const body = text === '' ? undefined : JSON.parse(text);
  assert.deepEqual(restErrors(id, status, body), [], `${id} ${status}: ${text.slice(0, 600)}`);
  calls[kind]++;
  if (status < 300) good[kind].add(id);
}
// An answer to the client; that it was the operation of its method is seen from the request line.
function judgeSdk(method, config, status, text) {
  const { id, method: verb, path: template } = byId.get(idOf.get(method));
  assert.equal(config.method.toUpperCase(), verb, id);
  const pattern = new RegExp(`^/trade-api/v2${template.replace(/\{[^}]*\}/g, '[^/]+')}$`);
  assert.match(new URL(config.url).pathname, pattern, id);
  judge('sdk', id, status, text);
}
const clientOf = (s, user) => sdkClient(s, s.users[user], judgeSdk);
const refused = async (call, status, code) => {
  const { response } = await assert.rejects(call).then(() => call.catch((e) => e));
  assert.equal(response?.status, status, JSON.stringify(response?.data));
  const { data } = response;
  if (code) assert.equal(data.error?.code ?? data.code ?? data.error, code);
};
// An operation which the client lacks: `at` holds its path parameters, `query` is appended.
async function plain(s, id, { at = {}, query = '', body, user = 0, status = 200 } = {}) {
  const { method, path: template } = byId.get(id);
  const answer = await s.rest(method, template.replace(/\{([^}]*)\}/g, (_, name) => at[name]) + query, body, { user });
  assert.equal(answer.status, status, `${id}: ${JSON.stringify(answer.body)}`);
  judge('plain', id, status, answer.body === undefined ? '' : JSON.stringify(answer.body));
  if (gone[id]) removed.add(id);
  return answer.body;
}
const now = () => Math.floor(Date.now() / 1000);
const uuid = () => crypto.randomUUID();

let sim, ann, bob, cat, markets, used = 0;
const fresh = () => markets[used++]; // of an event each, on shard 0 and by the cent; those that end last come first
const order = (ticker, over = {}) => ({ ticker, side: 'bid', price: '0.4000', count: '5.00', time_in_force: 'good_till_canceled',
  self_trade_prevention_type: 'taker_at_cross', ...over });

// Quiet and three times as fast: nothing trades but what is told to, there are 10 s to confirm a quote, and it executes 5 s later.
before(async () => {
  sim = await Sim.start('--seed', '7', '--users', '3', '--fcm', '--quiet-market', '--speed', '3', '--markets', '120');
  [ann, bob, cat] = [0, 1, 2].map((user) => clientOf(sim, user));
  const { markets: all } = await ann.getMarkets(1000, ...Array(10).fill(undefined), 'open');
  markets = [...new Map(all.filter((m) => m.exchange_index === 0 && m.price_level_structure === 'linear_cent')
    .map((m) => [m.event_ticker, m])).values()].sort((x, y) => Date.parse(y.close_time) - Date.parse(x.close_time));
});
after(() => sim?.stop());

test('every method of the client is a documented operation', () => {
  assert.deepEqual([...sdkMethods].sort(), [...declaredMethods.keys()].sort(), 'found in the module and declared');
  assert.deepEqual(sdkMethods.filter((m) => !idOf.has(m)), []);
});

test('orders: create, read, amend, decrease, cancel, batches, all', async () => {
  const { ticker, event_ticker: event } = fresh();
  const made = await ann.createOrderV2(order(ticker, { client_order_id: uuid() })), id = made.order_id;
  assert.deepEqual([made.fill_count, made.remaining_count], ['0.00', '5.00']);
  assert.equal((await ann.getOrder(id)).order.status, 'resting');
  assert.equal((await ann.amendOrderV2(id, { ticker, side: 'bid', price: '0.4100', count: '7.00' })).remaining_count, '7.00');
  assert.equal((await ann.decreaseOrderV2(id, { reduce_to: '6.00' })).remaining_count, '6.00');
  await bob.createOrderV2(order(ticker, { side: 'ask', price: '0.4100', count: '2.00' }));
  assert.equal((await ann.getOrder(id)).order.fill_count_fp, '2.00');
  assert.equal((await ann.getOrderQueuePosition(id)).queue_position_fp, '0.00');
  const behind = (await bob.createOrderV2(order(ticker, { price: '0.4100', count: '1.00' }))).order_id;
  assert.equal((await bob.getOrderQueuePosition(behind)).queue_position_fp, '4.00');
  assert.deepEqual((await bob.getOrderQueuePositions(ticker)).queue_positions.map((q) => q.order_id), [behind]);
  assert.deepEqual((await bob.getOrderQueuePositions(undefined, event)).queue_positions.map((q) => q.order_id), [behind]);
  assert.ok((await ann.getOrders(ticker)).orders.some((o) => o.order_id === id));
  assert.equal((await ann.getOrders(undefined, event, undefined, undefined, 'resting', 1)).orders[0].order_id, id);
  assert.equal((await ann.cancelOrderV2(id, 0, undefined, ticker)).reduced_by, '4.00');
  await refused(ann.cancelOrderV2(id), 404, 'not_found');
  await refused(ann.amendOrderV2(id, { ticker, side: 'bid', price: '0.4100', count: '7.00' }), 404, 'not_found');
  await refused(ann.decreaseOrderV2(id, { reduce_by: '1.00' }), 404, 'not_found');
  await refused(ann.createOrderV2(order(ticker, { price: '0.4001' })), 400, 'invalid_price');
  await refused(ann.createOrderV2(order(ticker, { price: '0.9900', count: '900000.00' })), 400, 'insufficient_balance');
  await refused(ann.getOrder(uuid()), 404, 'not_found');
  const batch = (await ann.batchCreateOrdersV2({ orders: [order(ticker), order(ticker, { price: '0' }), order(ticker)] })).orders;
  assert.deepEqual(batch.map((o) => o.error?.code), [undefined, 'invalid_price', undefined]);
  const ended = (await ann.batchCancelOrdersV2({ orders: [{ order_id: batch[0].order_id }, { order_id: uuid() }] })).orders;
  assert.deepEqual(ended.map((o) => [o.reduced_by, o.error?.code]), [['5.00', undefined], [ended[1].reduced_by, 'not_found']]);
  await ann.cancelAllOrders();
  assert.equal((await ann.getOrder(batch[2].order_id)).order.status, 'canceled');
  const { fills } = await ann.getFills(ticker);
  assert.deepEqual(fills.map((f) => [f.order_id, f.count_fp]), [[id, '2.00']]);
  assert.equal((await ann.getFills(undefined, id, undefined, undefined, 1)).fills.length, 1);
  assert.equal((await ann.getPositions(undefined, undefined, undefined, ticker)).market_positions[0].position_fp, '2.00');
  await sim.trigger('settle', { market: ticker, result: 'yes' });
  assert.equal((await ann.getSettlements(10, undefined, ticker)).settlements[0].revenue, 200);
  await refused(ann.createOrderV2(order(ticker)), 400, 'MARKET_INACTIVE');
});

test('order groups: created, listed, limited, triggered, reset, deleted', async () => {
  const { ticker } = fresh();
  const { order_group_id: id } = await ann.createOrderGroup({ contracts_limit: 3 });
  const rests = (await ann.createOrderV2(order(ticker, { order_group_id: id }))).order_id;
  assert.deepEqual((await ann.getOrderGroup(id)).orders, [rests]);
  assert.ok((await ann.getOrderGroups()).order_groups.some((g) => g.id === id));
  await ann.updateOrderGroupLimit(id, { contracts_limit_fp: '8.00' });
  await ann.triggerOrderGroup(id);
  assert.equal((await ann.getOrder(rests)).order.status, 'canceled');
  await refused(ann.createOrderV2(order(ticker, { order_group_id: id })), 400, 'exceeded_order_group_risk_limit');
  await ann.resetOrderGroup(id);
  await ann.createOrderV2(order(ticker, { order_group_id: id }));
  await ann.deleteOrderGroup(id);
  await refused(ann.getOrderGroup(id), 404, 'not_found');
  await refused(ann.createOrderGroup({}), 400, 'invalid_parameters');
  for (const call of ['deleteOrderGroup', 'resetOrderGroup', 'triggerOrderGroup']) await refused(ann[call](id), 404, 'not_found');
  await refused(ann.updateOrderGroupLimit(id, { contracts_limit: 1 }), 404, 'not_found');
});

test('money: balances, subaccounts, transfers, netting, allocation, deposits and withdrawals', async () => {
  const { balance_breakdown: parts } = await ann.getBalance();
  assert.equal(parts.length, 4);
  assert.equal((await ann.getBalance(0, 2)).balance_breakdown.length, 1);
  const { subaccount_number: sub } = await ann.createSubaccount({});
  const move = { client_transfer_id: uuid(), from_subaccount: 0, to_subaccount: sub, amount_cents: 50000 };
  await ann.applySubaccountTransfer(move);
  await refused(ann.applySubaccountTransfer(move), 409);
  assert.equal((await ann.getBalance(sub)).balance, 50000);
  const { subaccount_balances: rows } = await ann.getSubaccountBalances();
  assert.ok(rows.some((b) => b.subaccount_number === sub && b.balance === '500.0000'));
  assert.equal((await ann.getSubaccountTransfers(5)).transfers[0].amount_cents, 50000);
  await ann.updateSubaccountNetting({ subaccount_number: sub, enabled: false });
  assert.ok((await ann.getSubaccountNetting()).netting_configs.some((c) => c.subaccount_number === sub && !c.enabled));
  await refused(ann.updateSubaccountNetting({ subaccount_number: 60, enabled: false }), 404);

  const { transfer_id: id } = await ann.intraExchangeInstanceTransfer({ source: 'event_contract', destination: 'event_contract',
    amount: 1000000, source_exchange_shard: 0, destination_exchange_shard: 2 });
  const done = await until('the transfer', async () => {
    const { transfer } = await ann.getIntraExchangeInstanceTransfer(id);
    return transfer.status === 'complete' && transfer;
  });
  assert.equal(done.amount, '100.0000');
  assert.equal((await ann.getIntraExchangeInstanceTransfers(1)).transfers[0].transfer_id, id);
  await refused(ann.getIntraExchangeInstanceTransfer(uuid()), 404, 'not_found');

  const allocations = [{ exchange_index: 0, percent: 60 }, { exchange_index: 2, percent: 40 }];
  await cat.setTargetBalanceAllocation({ allocations, resting_margin_reservation: 'max' });
  assert.deepEqual(await cat.getTargetBalanceAllocation(), { allocations, resting_margin_reservation: 'max' });
  await refused(cat.setTargetBalanceAllocation({ allocations: [{ exchange_index: 0, percent: 7 }] }), 400, 'invalid_parameters');
  await cat.setTargetBalanceAllocation({ allocations: [] });

  const { ticker } = fresh();
  await ann.createOrderV2(order(ticker, { price: '0.1000', count: '10.00' }));
  assert.equal((await ann.getPortfolioRestingOrderTotalValue()).total_resting_order_value, 100);
  await sim.trigger('deposit', { amount: '12.34' });
  await sim.trigger('withdraw', { amount: '5' });
  assert.equal((await ann.getDeposits(1)).deposits[0].amount_cents, 1234);
  assert.equal((await ann.getWithdrawals(1)).withdrawals[0].amount_cents, 500);

  // What the client does not have: contracts move between subaccounts, and a subaccount is locked for an advance.
  await ann.createOrderV2(order(ticker, { side: 'bid', price: '0.6000' }));
  await bob.createOrderV2(order(ticker, { side: 'ask', price: '0.6000' }));
  await plain(sim, 'ApplySubaccountPositionTransfer', { body: { client_transfer_id: uuid(), from_subaccount: 0, to_subaccount: sub,
    market_ticker: ticker, side: 'yes', count: 2, price: '0.5000' } });
  assert.equal((await ann.getPositions(undefined, undefined, undefined, ticker, undefined, sub)).market_positions[0].position_fp, '2.00');
  await plain(sim, 'LockSubaccountForSettlementAdvance', { body: { subaccount_number: sub } });
  await refused(ann.createOrderV2(order(ticker, { subaccount: sub })), 409, 'subaccount_locked');
  await plain(sim, 'UnlockSubaccountForSettlementAdvance', { body: { subaccount_number: sub } });
  await plain(sim, 'UnlockSubaccountForSettlementAdvance', { body: { subaccount_number: sub }, status: 409 });
});

test('keys and usage levels', async () => {
  const made = await ann.generateApiKey({ name: 'made by the exchange', scopes: ['read'] });
  const { publicKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  const own = await ann.createApiKey({ name: 'own', public_key: publicKey.export({ type: 'spki', format: 'pem' }) });
  const listed = (await ann.getApiKeys()).api_keys.map((k) => k.api_key_id);
  assert.ok([made, own].every((k) => listed.includes(k.api_key_id)));
  await ann.deleteApiKey(own.api_key_id);
  await refused(ann.deleteApiKey(own.api_key_id), 404);
  await refused(ann.createApiKey({ name: 'bad', public_key: 'none' }), 400);
  assert.equal((await ann.getAccountApiLimits()).usage_tier, 'prestige');
  assert.ok((await ann.getAccountEndpointCosts()).endpoint_costs.length > 0);
  assert.ok((await ann.getAccountApiUsageLevelVolumeProgress()).volume_progress[0].goals.length > 0);
  await ann.upgradeAccountApiUsageLevel(); // it has traded before
  assert.equal((await plain(sim, 'GetPerpsAccountApiLimits')).usage_tier, 'basic');
  // A key that only reads is held to it.
  const reader = sdkClient(sim, { key_id: made.api_key_id, key_path: pem(made.private_key) }, judgeSdk);
  assert.ok((await reader.getBalance()).balance > 0);
  await refused(reader.cancelAllOrders(), 403, 'forbidden');
});
function pem(text) {
  const file = path.join(tempDir(), 'key.pem');
  fs.writeFileSync(file, text, { mode: 0o600 });
  return file;
}

// A request and a quote of it for ann by bob.
async function quoted(ticker) {
  const { id: rfq } = await ann.createRFQ({ market_ticker: ticker, contracts_fp: '10.00', rest_remainder: false, replace_existing: true });
  const { id: quote } = await bob.createQuote({ rfq_id: rfq, yes_bid: '0.4000', no_bid: '0.5500', rest_remainder: false });
  return { rfq, quote };
}

test('requests for quote: asked, quoted, accepted, confirmed, executed', async () => {
  const [me, you] = [await ann.getCommunicationsID(), await bob.getCommunicationsID()].map((c) => c.communications_id);
  assert.notEqual(me, you);
  const { ticker, event_ticker: event } = fresh();
  const { rfq, quote } = await quoted(ticker);
  assert.equal((await cat.getRFQ(rfq)).rfq.creator_id, me);
  assert.deepEqual((await cat.getRFQs(undefined, event, ticker, undefined, 10, 'open')).rfqs.map((r) => r.id), [rfq]);
  assert.deepEqual((await ann.getRFQs(undefined, undefined, undefined, 0, 10, 'open', undefined, 'self')).rfqs.map((r) => r.id), [rfq]);
  assert.equal((await ann.getRFQQuote(rfq, quote)).quote.creator_id, you);
  assert.equal((await ann.getQuote(quote)).quote.status, 'open');
  assert.deepEqual((await bob.getQuotes(undefined, undefined, undefined, 10, 'open', undefined, 'self')).quotes.map((q) => q.id), [quote]);
  assert.equal((await cat.getQuotes(undefined, undefined, undefined, 10)).quotes.length, 0);
  await refused(cat.getRFQQuote(rfq, quote), 404);
  await refused(bob.confirmRFQQuote(rfq, quote, {}), 400);
  await refused(bob.createQuote({ rfq_id: rfq, yes_bid: '0', no_bid: '0', rest_remainder: false }), 400, 'invalid_parameters');
  await refused(ann.createRFQ({ market_ticker: ticker, contracts_fp: '1', rest_remainder: false }), 409, 'rfq_already_exists');
  await ann.acceptRFQQuote(rfq, quote, { accepted_side: 'yes' });
  await bob.confirmRFQQuote(rfq, quote, {});
  const position = async (who) => (await who.getPositions(undefined, undefined, undefined, ticker)).market_positions[0]?.position_fp;
  await until('its execution', async () => (await bob.getRFQQuote(rfq, quote)).quote.status === 'executed');
  assert.deepEqual([await position(bob), await position(ann)], ['10.00', '-10.00']);

  // The same by the operations without the request's id, and what is withdrawn.
  const other = fresh().ticker, second = await quoted(other);
  await ann.acceptQuote(second.quote, { accepted_side: 'no' });
  await bob.confirmQuote(second.quote, {});
  await until('its execution', async () => (await bob.getQuote(second.quote)).quote.status === 'executed');
  const third = await quoted(other);
  await bob.deleteQuote(third.quote);
  const fourth = (await bob.createQuote({ rfq_id: third.rfq, yes_bid: '0.1', no_bid: '0.1', rest_remainder: false })).id;
  await bob.deleteRFQQuote(third.rfq, fourth);
  await refused(ann.acceptQuote(fourth, { accepted_side: 'yes' }), 400, 'invalid_parameters');
  await ann.deleteRFQ(third.rfq);
  await refused(ann.deleteRFQ(third.rfq), 400, 'RFQ_CLOSED');
});

test('a block trade: proposed, listed, accepted', async () => {
  const { ticker } = fresh();
  const userId = async (who) => (await who.getOrders(undefined, undefined, undefined, undefined, undefined, 1)).orders[0].user_id;
  const body = { buyer_user_id: await userId(ann), seller_user_id: await userId(bob), market_ticker: ticker, price_centi_cents: 6200,
    centicount: 1500, maker_side: 'no', expiration_ts: new Date(Date.now() + 60000).toISOString() };
  const { block_trade_proposal_id: id } = await ann.proposeBlockTrade(body);
  const [row] = (await bob.getBlockTradeProposals(undefined, ticker, 10, 'pending')).block_trade_proposals;
  assert.deepEqual([row.id, row.status], [id, 'pending']);
  await refused(cat.acceptBlockTradeProposal(id, {}), 404);
  await refused(cat.proposeBlockTrade(body), 403);
  await bob.acceptBlockTradeProposal(id, {});
  const { trades } = await cat.getTrades(10, undefined, ticker, undefined, undefined, true);
  assert.deepEqual(trades.map((t) => [t.count_fp, t.yes_price_dollars, t.is_block_trade]), [['15.00', '0.6200', true]]);
});

test('combos: collections, their markets, lookups', async () => {
  const { multivariate_contracts: all } = await ann.getMultivariateEventCollections();
  const collection = all.map((c) => c.collection_ticker).find((c) => c.startsWith('KXMVECROSS'));
  assert.equal((await ann.getMultivariateEventCollection(collection)).multivariate_contract.collection_ticker, collection);
  const legs = [fresh(), fresh()].map((m) => ({ market_ticker: m.ticker, event_ticker: m.event_ticker, side: 'yes' }));
  const made = await ann.createMarketInMultivariateEventCollection(collection,
    { selected_markets: legs, with_market_payload: true });
  assert.equal(made.market.mve_selected_legs.length, 2);
  await refused(ann.createMarketInMultivariateEventCollection(collection, { selected_markets: [legs[0], legs[0]] }),
    400, 'duplicated_legs');
  await refused(ann.getMultivariateEventCollection('NONE'), 404);
  const { events } = await ann.getMultivariateEvents(10, undefined, undefined, collection, true);
  assert.deepEqual(events.map((e) => e.markets[0].ticker), [made.market_ticker]);
  assert.equal((await ann.getMarket(made.market_ticker)).market.exchange_index, 1);
  const at = { collection_ticker: collection };
  const found = await plain(sim, 'LookupTickersForMarketInMultivariateEventCollection', { at, body: { selected_markets: legs } });
  assert.equal(found.market_ticker, made.market_ticker);
  const { lookup_points: points } = await plain(sim, 'GetMultivariateEventCollectionLookupHistory', { at, query: '?lookback_seconds=60' });
  assert.equal(points[0].market_ticker, made.market_ticker);
});

test('an FCM member, its subtraders, their caps, blocks, orders, fills and positions', async () => {
  const { ticker, event_ticker } = fresh();
  const { subtrader_id: id } = await ann.createFCMSubtrader({ subtrader_suffix: 'alpha' });
  await refused(ann.createFCMSubtrader({ subtrader_suffix: 'alpha' }), 409);
  await refused(bob.listFCMSubtraders(), 403);
  assert.deepEqual((await ann.listFCMSubtraders()).subtraders.map((t) => t.subtrader_id), [id]);
  const key = await ann.generateApiKey({ name: 'alpha', fcm_subtrader_id: id });
  assert.deepEqual((await ann.getApiKeys(id)).api_keys.map((k) => k.api_key_id), [key.api_key_id]);
  await ann.updateFCMEventContractDailyCap({ subtrader_id: id, limit: '100.00' });
  const trader = sdkClient(sim, { key_id: key.api_key_id, key_path: pem(key.private_key) }, judgeSdk);
  await trader.createOrderV2(order(ticker));
  await bob.createOrderV2(order(ticker, { side: 'ask', count: '3.00' }));
  assert.equal((await ann.getFCMEventContractDailyCap(id)).executed_utilization, '1.200000');
  assert.equal((await ann.getFCMOrders(id)).orders[0].fill_count_fp, '3.00');
  assert.equal((await ann.getFCMPositions(id, ticker)).market_positions[0].position_fp, '3.00');
  assert.equal((await plain(sim, 'GetFCMFills', { query: `?subtrader_id=${id}` })).fills[0].count_fp, '3.00');
  const { category } = (await ann.getEvent(event_ticker)).event;
  await plain(sim, 'UpdateFCMSubtraderBlockedCategories', { body: { subtrader_id: id, category, blocked: true } });
  assert.deepEqual((await plain(sim, 'GetFCMSubtraderBlockedCategories', { query: `?subtrader_id=${id}` })).categories, [category]);
  await refused(trader.createOrderV2(order(ticker)), 403, 'category_blocked');
  await ann.deleteFCMEventContractDailyCap(id);
  await refused(ann.getFCMEventContractDailyCap(id), 404);
});

test('what was removed says so', async () => {
  const at = { order_id: uuid() };
  const body = { ticker: markets[0].ticker, side: 'yes', action: 'buy', count: 1, yes_price: 40 };
  for (const [id, status] of Object.entries(gone)) {
    const sent = byId.get(id).method === 'GET' ? undefined : id.startsWith('Batch') ? { orders: [] } : body;
    const answer = await plain(sim, id, { at, status, body: sent });
    if (status === 410) assert.match(JSON.stringify(answer), /deprecated_v1_order_endpoint.*portfolio\/events\/orders/);
  }
});

test('a living world: what there is to read of it', async () => {
  const world = await Sim.start('--seed', '7', '--markets', '40', '--rate', '10');
  try {
    const c = clientOf(world, 0);
    const status = await c.getExchangeStatus();
    assert.deepEqual([status.exchange_active, status.trading_active], [true, true]);
    assert.ok((await c.getExchangeSchedule()).schedule.standard_hours.length > 0);
    assert.ok(Date.parse((await c.getUserDataTimestamp()).as_of_time) > Date.now() - 60000);
    const { events, milestones: some } = await c.getEvents(200, undefined, true, true, 'open');
    assert.ok(events.length > 3 && some.length > 0);
    const e = events.find((x) => x.series_ticker === 'KXFED'), [m] = e.markets;
    assert.equal((await c.getEvent(e.event_ticker, true)).event.markets.length, e.markets.length);
    assert.equal((await c.getEventMetadata(e.event_ticker)).market_details.length, e.markets.length);
    await refused(c.getEvent('KXNONE'), 404);
    assert.ok((await c.getSeriesList('Crypto', undefined, true, true)).series.every((s) => s.category === 'Crypto'));
    assert.equal((await c.getSeries(e.series_ticker, true)).series.ticker, e.series_ticker);
    assert.equal((await c.getMarket(m.ticker)).market.event_ticker, e.event_ticker);
    assert.equal((await c.getMarkets(3, undefined, e.event_ticker)).markets.length, 3);
    await until('a book with both sides', async () => {
      const { yes_dollars: yes, no_dollars: no } = (await c.getMarketOrderbook(m.ticker, 5)).orderbook_fp;
      return yes.length > 0 && no.length > 0 && yes.length <= 5;
    });
    const two = e.markets.slice(0, 2).map((x) => x.ticker);
    assert.deepEqual((await c.getMarketOrderbooks(two)).orderbooks.map((b) => b.ticker), two);
    await until('a trade', async () => (await c.getTrades(1)).trades.length > 0);
    await refused(c.getTrades(100000), 400);

    const [from, to] = [now() - 7200, now()];
    assert.ok((await c.getMarketCandlesticks(e.series_ticker, m.ticker, from, to, 60)).candlesticks.length > 0);
    assert.deepEqual((await c.batchGetMarketCandlesticks(two.join(), from, to, 1, true)).markets.map((x) => x.market_ticker), two);
    assert.deepEqual((await c.getMarketCandlesticksByEvent(e.event_ticker, e.series_ticker, from, to, 60)).market_tickers,
      e.markets.map((x) => x.ticker));
    const { forecast_history: forecast } = await c.getEventForecastPercentilesHistory(e.event_ticker, e.series_ticker,
      [2500, 5000], from, to, 60);
    assert.ok(forecast.length > 0);
    await refused(c.getEventForecastPercentilesHistory(e.event_ticker, e.series_ticker, [20000], from, to, 60), 400);

    const { milestones } = await c.getMilestones(500);
    assert.equal((await c.getMilestone(milestones[0].id)).milestone.id, milestones[0].id);
    await refused(c.getMilestone(uuid()), 404);
    for (const type of new Set(milestones.map((x) => x.type))) {
      const { id } = milestones.find((x) => x.type === type);
      assert.equal((await c.getLiveDataByMilestone(id)).live_data.type, type);
      assert.equal((await c.getLiveData(type, id, true)).live_data.milestone_id, id);
      await c.getGameStats(id);
    }
    const ids = milestones.slice(0, 3).map((x) => x.id);
    assert.deepEqual((await c.getLiveDatas(ids)).live_datas.map((d) => d.milestone_id), ids);
    const coin = events.find((x) => x.series_ticker === 'KXBTC');
    assert.ok((await c.getEventLiveData(coin.event_ticker, '15min')).live_data.details.timeseries.length > 0);
    assert.ok((await c.getWeatherIndex('nyc', undefined, undefined, 3600, true)).timeseries.length > 0);
    assert.ok((await c.getWeatherIndexCalibrations('nyc')).calibrations.length > 0);
    await refused(c.getWeatherIndex('atlantis'), 400);
    const { data } = await plain(world, 'CFBenchmarksPassthrough', { at: { endpoint: 'values' }, query: '?id=BRTI' });
    assert.ok(data.payload.length > 0);

    const { structured_targets: targets } = await c.getStructuredTargets();
    assert.equal((await c.getStructuredTarget(targets[0].id)).structured_target.name, targets[0].name);
    assert.equal((await c.getStructuredTargets(targets.slice(0, 2).map((t) => t.id))).structured_targets.length, 2);
    const tags = await c.getTagsForSeriesCategories();
    assert.ok(Object.keys(tags.tags_by_categories).length > 0);
    assert.ok((await c.getFiltersForSports()).sport_ordering.length > 0);
    assert.ok((await c.getIncentivePrograms('active')).incentive_programs.length > 0);
    const { series_fee_change_arr: changes } = await c.getSeriesFeeChanges(undefined, true);
    assert.ok(changes.length > 0);
    await world.trigger('fees', { event: e.event_ticker, type: 'quadratic', multiplier: '0.5', in: '10m' });
    assert.equal((await c.getEventFeeChanges(e.event_ticker)).event_fee_changes[0].fee_multiplier_override, 0.5);
  } finally {
    assert.equal(await world.stop(), 0);
  }
});

test('the historical tier: what was there, and what moves there', async () => {
  const old = await Sim.start('--seed', '7', '--quiet-market', '--users', '2', '--history', '2');
  try {
    const [c, other] = [clientOf(old, 0), clientOf(old, 1)];
    assert.ok(Date.parse((await c.getHistoricalCutoff()).trades_created_ts) < Date.now());
    const { markets: past } = await c.getHistoricalMarkets(1000);
    const m = (await c.getHistoricalMarket(past[0].ticker)).market;
    assert.equal(m.status, 'finalized');
    const [from, to] = [m.open_time, m.close_time].map((t) => Math.floor(Date.parse(t) / 1000));
    assert.ok((await c.getMarketCandlesticksHistorical(m.ticker, from, to + 3600, 60)).candlesticks.length > 0);
    assert.ok((await c.getTradesHistorical(m.ticker)).trades.length > 0);
    await refused(c.getHistoricalMarket('NONE'), 404);

    const { events } = await c.getEvents(200, undefined, true, false, 'open');
    const e = events.find((x) => x.mutually_exclusive && x.exchange_index === 0);
    const [{ ticker }] = e.markets;
    const { order_id: id } = await c.createOrderV2(order(ticker));
    await other.createOrderV2(order(ticker, { side: 'ask' }));
    for (const [i, x] of e.markets.entries()) await old.trigger('settle', { market: x.ticker, result: i === 0 ? 'yes' : 'no' });
    await until('the order to move', async () => (await c.getHistoricalOrders(ticker)).orders.some((o) => o.order_id === id));
    await until('the fill to move', async () => (await c.getFillsHistorical(ticker)).fills.some((f) => f.order_id === id));
    await until('the position to move', async () => (await c.getHistoricalPositions(ticker)).market_positions.length === 1);
    assert.equal((await c.getPositions(undefined, undefined, undefined, ticker)).market_positions.length, 0);
    await refused(c.getOrder(id), 404);
  } finally {
    assert.equal(await old.stop(), 0);
  }
});

// Arguments that are wrong for every method, by what its declaration says of their types.
const nonsense = (type) => (/number/.test(type) ? 999999999 : /Array</.test(type) ? ['nothing'] : /boolean/.test(type) ? true
  : /Request$|object/.test(type) ? {} : 'nothing');

test('whatever is asked, the answer is by the schema: nonsense, and nobody who asks it', async () => {
  const stranger = sdkClient(sim, { key_id: uuid(), key_path: sim.users[0].key_path }, judgeSdk);
  for (const method of sdkMethods) {
    const args = declaredMethods.get(method).params.map((p) => nonsense(p.type));
    for (const who of [cat, stranger]) {
      const status = await who[method](...args).then(() => 200, (e) => e.response?.status ?? assert.fail(`${method}: ${e.stack}`));
      assert.ok(status < 500, `${method}: ${status}`);
    }
  }
});

test('nothing was left out', () => {
  const missing = sdkMethods.filter((m) => !good.sdk.has(idOf.get(m)));
  assert.deepEqual(missing, [], 'methods that never had a good answer');
  const rest = operations.map((o) => o.id).filter((id) => !good.sdk.has(id) && !good.plain.has(id) && !removed.has(id));
  assert.deepEqual(rest, [], 'operations that never had a good answer');
  tell(`sdk: ${good.sdk.size} of ${sdkMethods.length} operations, ${calls.sdk} calls, all answers by the schema`);
  tell(`documented: ${operations.length} operations, ${good.sdk.size} by the client, ${good.plain.size + removed.size} by plain requests`
    + ` (${calls.plain} calls), ${removed.size} of these removed and refused as such`);
});
