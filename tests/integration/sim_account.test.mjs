// What the simulator grants an account: usage levels, limits of the feed; and a read side that lags behind.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Sim, sleep, until } from './peers.mjs';
import { restErrors } from './schema.mjs';

const valid = (operation, { status, body }, expected = 200) => {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(restErrors(operation, status, body), []);
  return body;
};
async function withSim(args, use) {
  const sim = await Sim.start(...args);
  try {
    const [{ ticker }] = valid('GetMarkets', await sim.rest('GET', '/markets?status=open&limit=1')).markets;
    await use(sim, (over = {}, user = 0) => sim.rest('POST', '/portfolio/events/orders', { ticker, side: 'bid', price: '0.4000',
      count: '2.00', time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross', ...over }, { user }), ticker);
  } finally { await sim.stop(); }
}

test('the upgrade to Advanced needs an order, and is permanent', () => withSim(['--tier', 'basic', '--quiet-market'], async (sim, order) => {
  const limits = async () => valid('GetAccountApiLimits', await sim.rest('GET', '/account/limits'));
  const before = await limits();
  assert.deepEqual([before.usage_tier, before.grants], ['basic', []]);
  assert.equal((await sim.rest('POST', '/account/api_usage_level/upgrade', {})).status, 403);
  valid('CreateOrderV2', await order(), 201);
  assert.equal((await sim.rest('POST', '/account/api_usage_level/upgrade', {})).status, 201);
  const now = await limits();
  assert.deepEqual([now.usage_tier, now.write.refill_rate, now.write.bucket_capacity], ['advanced', 300, 900]);
  assert.deepEqual(now.grants, [{ exchange_instance: 'event_contract', level: 'advanced', source: 'manual' }]);
  assert.equal(valid('GetPerpsAccountApiLimits', await sim.rest('GET', '/account/limits/perps')).usage_tier, 'basic');
}));

test('trading enough earns a level by itself, with goals that say how much that is', () =>
  withSim(['--tier', 'basic', '--quiet-market', '--users', '2', '--speed', '1000'], async (sim, order) => {
    valid('CreateOrderV2', await order({ count: '100.00' }), 201);
    valid('CreateOrderV2', await order({ side: 'ask', count: '100.00' }, 1), 201);
    await until('the level', async () => {
      await sleep(100); // 20 reads a second are allowed
      return valid('GetAccountApiLimits', await sim.rest('GET', '/account/limits')).usage_tier !== 'basic';
    });
    const { grants: [grant] } = valid('GetAccountApiLimits', await sim.rest('GET', '/account/limits'));
    assert.equal(grant.source, 'volume');
    assert.ok(Math.abs(grant.expires_ts - Date.now() / 1000 - 30 * 86400) < 600);
    const { volume_progress: [p] } = valid('GetAccountApiUsageLevelVolumeProgress',
      await sim.rest('GET', '/account/api_usage_level/volume_progress'));
    assert.equal(p.trailing_30d_volume_fp, '100.00');
    assert.deepEqual(p.goals.map((g) => g.level), ['expert', 'premier', 'paragon', 'prime', 'prestige']);
    const reached = p.goals.filter((g) => Number(g.earn_volume_goal_fp) <= 100).at(-1);
    assert.equal(grant.level, reached.level);
    assert.ok(p.goals.every((g) => Number(g.keep_volume_goal_fp) < Number(g.earn_volume_goal_fp)));
  }));

test('an account has so many connections, market subscriptions and commands a second', () =>
  withSim(['--quiet-market', '--users', '2', '--ws-connections', '3', '--ws-markets', '5', '--ws-commands', '20'], async (sim) => {
    const { markets } = (await sim.rest('GET', '/markets?status=open&limit=6')).body;
    const tickers = markets.map((m) => m.ticker);
    const [a, , third] = [await sim.ws(), await sim.ws(), await sim.ws()];
    await assert.rejects(sim.ws(), /429/);
    await (await sim.ws(1)).close(); // another account has its own
    await third.close();
    await until('room for a connection', () => sim.ws().then(() => true, () => false));
    const ask = async (cmd, params) => a.reply(a.send(cmd, params));
    const first = await ask('subscribe', { channels: ['orderbook_delta'], market_tickers: tickers.slice(0, 3) });
    assert.equal((await ask('subscribe', { channels: ['ticker'], market_tickers: tickers.slice(0, 3) })).msg.code, 26);
    assert.equal((await ask('subscribe', { channels: ['ticker'], market_tickers: tickers.slice(0, 2) })).type, 'subscribed');
    const add = { sids: [first.msg.sid], action: 'add_markets' };
    assert.equal((await ask('update_subscription', { ...add, market_tickers: tickers.slice(0, 4) })).msg.code, 26);
    assert.equal((await ask('update_subscription', { ...add, market_tickers: tickers.slice(0, 3) })).type, 'ok', 'what is there already is no more');
    const ids = Array.from({ length: 60 }, () => a.send('list_subscriptions', undefined));
    const answers = await Promise.all(ids.map((id) => a.reply(id)));
    assert.ok(answers.some((m) => m.type === 'error' && m.msg.code === 27));
    assert.ok(answers.some((m) => m.type === 'ok'));
    await sleep(200);
    assert.equal((await ask('list_subscriptions', undefined)).type, 'ok', 'the session goes on');
  }));

test('with --read-lag what an account reads of itself is as it was so long ago', () =>
  withSim(['--quiet-market', '--users', '2', '--read-lag', '1500'], async (sim, order, ticker) => {
    await sleep(1600);
    const balance = async () => valid('GetBalance', await sim.rest('GET', '/portfolio/balance')).balance_dollars;
    const before = await balance();
    const at = Date.now();
    const made = valid('CreateOrderV2', await order(), 201);
    valid('CreateOrderV2', await order({ side: 'ask', count: '1.00' }, 1), 201);
    const reads = async () => [valid('GetOrders', await sim.rest('GET', '/portfolio/orders')).orders.map((o) => o.fill_count_fp),
      valid('GetFills', await sim.rest('GET', '/portfolio/fills')).fills.length,
      valid('GetPositions', await sim.rest('GET', '/portfolio/positions')).market_positions.length,
      (await sim.rest('GET', `/portfolio/orders/${made.order_id}`)).status, await balance()];
    const early = await reads();
    if (Date.now() - at < 1400) assert.deepEqual(early, [[], 0, 0, 404, before], 'nothing yet');
    const now = await until('the reads', async () => { const r = await reads(); return r[0][0] === '1.00' && r; });
    assert.deepEqual(now.slice(0, 4), [['1.00'], 1, 1, 200]);
    assert.ok(Number(now[4]) < Number(before));
    assert.ok(Date.now() - at >= 1500);
    const gone = Date.now();
    assert.equal((await sim.rest('DELETE', `/portfolio/events/orders/${made.order_id}`)).status, 200);
    const { order: still } = valid('GetOrder', await sim.rest('GET', `/portfolio/orders/${made.order_id}`));
    if (Date.now() - gone < 1400) assert.deepEqual([still.status, still.remaining_count_fp], ['resting', '1.00']);
    await until('the cancel', async () => (await sim.rest('GET', `/portfolio/orders/${made.order_id}`)).body.order.status === 'canceled');
    const { as_of_time } = valid('GetUserDataTimestamp', await sim.rest('GET', '/exchange/user_data_timestamp'));
    assert.ok(Date.now() - Date.parse(as_of_time) >= 1490);
    assert.ok(valid('GetMarketOrderbook', await sim.rest('GET', `/markets/${ticker}/orderbook`)), 'the market itself does not lag');
  }));

test('--clock-skew says how far a timestamp may be off', () => withSim(['--quiet-market', '--clock-skew', '60000'], async (sim) => {
  const at = (ms) => sim.rest('GET', '/portfolio/balance', undefined,
    { headers: sim.headers('GET', '/trade-api/v2/portfolio/balance', 0, Date.now() + ms) });
  assert.deepEqual([(await at(-50000)).status, (await at(50000)).status, (await at(-61000)).status], [200, 200, 401]);
}));
