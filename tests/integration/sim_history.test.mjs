// The historical tier of the simulator: what is there from the start, what moves there, and that nothing is in both.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Sim, until } from './peers.mjs';
import { restErrors } from './schema.mjs';

const valid = (operation, { status, body }, expected = 200) => {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(restErrors(operation, status, body), []);
  return body;
};
// All rows of a paged list.
async function pages(sim, operation, where, field, limit = 7) {
  const rows = [];
  for (let cursor = ''; ;) {
    const page = valid(operation, await sim.rest('GET', `${where}${where.includes('?') ? '&' : '?'}limit=${limit}${cursor && `&cursor=${cursor}`}`));
    assert.ok(page[field].length <= limit);
    rows.push(...page[field]);
    if (!(cursor = page.cursor)) return rows;
  }
}
const ORDERS = '/portfolio/events/orders';

let sim;
before(async () => { sim = await Sim.start('--seed', '7'); });
after(() => sim?.stop());

test('the cutoffs are those of the exchange: three months for markets, two weeks for trades and orders', async () => {
  const cutoff = valid('GetHistoricalCutoff', await sim.rest('GET', '/historical/cutoff'));
  const days = (t) => Math.round((Date.now() - Date.parse(t)) / 86400000);
  assert.deepEqual([cutoff.market_settled_ts, cutoff.trades_created_ts, cutoff.orders_updated_ts,
    cutoff.market_positions_last_updated_ts].map(days), [90, 14, 14, 90]);
});

test('a past of settled events is there from the start: markets with results, candles, trades', async () => {
  const cutoff = valid('GetHistoricalCutoff', await sim.rest('GET', '/historical/cutoff'));
  const markets = await pages(sim, 'GetHistoricalMarkets', '/historical/markets', 'markets');
  assert.ok(markets.length >= 20);
  assert.equal(new Set(markets.map((m) => m.ticker)).size, markets.length, 'no row twice');
  for (const m of markets) {
    assert.equal(m.status, 'finalized');
    assert.match(m.result, /^(yes|no)$/);
    assert.ok(m.settlement_ts < cutoff.market_settled_ts, m.ticker);
    assert.ok(Number(m.volume_fp) > 0);
  }
  assert.ok(markets.some((m) => m.result === 'yes') && markets.some((m) => m.result === 'no'));
  // Of an event in which one market wins, one did.
  for (const ticker of new Set(markets.map((m) => m.event_ticker))) {
    const of = markets.filter((m) => m.event_ticker === ticker);
    const { event } = valid('GetEvent', await sim.rest('GET', `/events/${ticker}?with_nested_markets=true`));
    assert.deepEqual(event.markets, [], 'events stay, without the markets that moved');
    if (event.mutually_exclusive) assert.equal(of.filter((m) => m.result === 'yes').length, 1, ticker);
  }
  const [{ ticker, event_ticker: event, open_time, close_time }] = markets;
  assert.equal(valid('GetHistoricalMarket', await sim.rest('GET', `/historical/markets/${ticker}`)).market.ticker, ticker);
  const [start, end] = [open_time, close_time].map((t) => Math.floor(Date.parse(t) / 1000));
  const range = (period) => `start_ts=${start}&end_ts=${end + 3600}&period_interval=${period}`;
  for (const period of [60, 1440]) {
    const { candlesticks } = valid('GetMarketCandlesticksHistorical', await sim.rest('GET',
      `/historical/markets/${ticker}/candlesticks?${range(period)}`));
    assert.ok(candlesticks.length > 0 && candlesticks.some((c) => Number(c.volume) > 0));
  }
  // Live doors do not know it any more.
  const series = event.split('-')[0];
  for (const where of [`/markets/${ticker}`, `/markets/${ticker}/orderbook`, `/series/${series}/markets/${ticker}/candlesticks?${range(60)}`])
    assert.equal((await sim.rest('GET', where)).status, 404, where);
  assert.deepEqual(valid('GetMarkets', await sim.rest('GET', `/markets?tickers=${ticker}`)).markets, []);
  assert.deepEqual(valid('BatchGetMarketCandlesticks', await sim.rest('GET',
    `/markets/candlesticks?market_tickers=${ticker}&${range(60)}`)).markets, []);
  // The prices of trades lead to the result.
  const trades = await pages(sim, 'GetTradesHistorical', `/historical/trades?ticker=${ticker}`, 'trades', 5);
  assert.ok(trades.length >= 10);
  assert.deepEqual(trades.map((t) => t.created_time), trades.map((t) => t.created_time).toSorted().reverse(), 'newest first');
  const { market } = valid('GetHistoricalMarket', await sim.rest('GET', `/historical/markets/${ticker}`));
  assert.equal(Number(trades[0].yes_price_dollars) > 0.5, market.result === 'yes');
});

test('all historical trades are one list without holes or doubles, and its filters hold', async () => {
  const trades = await pages(sim, 'GetTradesHistorical', '/historical/trades', 'trades', 100);
  assert.equal(new Set(trades.map((t) => t.trade_id)).size, trades.length);
  const cutoff = valid('GetHistoricalCutoff', await sim.rest('GET', '/historical/cutoff')).trades_created_ts;
  assert.ok(trades.length > 100 && trades.every((t) => t.created_time < cutoff));
  const live = valid('GetTrades', await sim.rest('GET', '/markets/trades?limit=1000')).trades;
  assert.ok(live.every((t) => t.created_time >= cutoff));
  const middle = Math.floor(Date.parse(trades[trades.length >> 1].created_time) / 1000);
  const older = await pages(sim, 'GetTradesHistorical', `/historical/trades?max_ts=${middle}`, 'trades', 1000);
  const newer = await pages(sim, 'GetTradesHistorical', `/historical/trades?min_ts=${middle + 1}`, 'trades', 1000);
  assert.equal(older.length + newer.length, trades.length);
  assert.deepEqual(await pages(sim, 'GetTradesHistorical', '/historical/trades?is_block_trade=true', 'trades'), []);
  assert.equal((await sim.rest('GET', '/historical/trades?limit=1001')).status, 400);
  const first = valid('GetTradesHistorical', await sim.rest('GET', '/historical/trades?limit=3&cursor=garbage')).trades;
  assert.deepEqual(first.map((t) => t.trade_id), trades.slice(0, 3).map((t) => t.trade_id));
});

test('filters of historical markets exclude each other', async () => {
  const [m] = valid('GetHistoricalMarkets', await sim.rest('GET', '/historical/markets?limit=1')).markets;
  const series = m.event_ticker.split('-')[0];
  const count = async (q) => valid('GetHistoricalMarkets', await sim.rest('GET', `/historical/markets?limit=1000&${q}`)).markets.length;
  assert.equal(await count(`tickers=${m.ticker}`), 1);
  assert.ok(await count(`event_ticker=${m.event_ticker}`) > 1);
  assert.ok(await count(`series_ticker=${series}`) >= await count(`event_ticker=${m.event_ticker}`));
  assert.ok(await count('mve_filter=exclude') > 10);
  for (const q of [`tickers=${m.ticker}&event_ticker=${m.event_ticker}`, `series_ticker=${series}&mve_filter=exclude`, 'mve_filter=only'])
    assert.equal((await sim.rest('GET', `/historical/markets?${q}`)).status, 400, q);
  assert.equal((await sim.rest('GET', '/historical/markets/NONE')).status, 404);
});

test('fills, ended orders and trades move with the cutoff; resting orders never do', async () => {
  const s = await Sim.start('--quiet-market', '--users', '2', '--history', '2');
  try {
    const [{ ticker }] = valid('GetMarkets', await s.rest('GET', '/markets?status=open&limit=1')).markets;
    const order = (over) => ({ ticker, side: 'bid', price: '0.4000', count: '2.00', time_in_force: 'good_till_canceled',
      self_trade_prevention_type: 'taker_at_cross', ...over });
    const place = async (over, user) => valid('CreateOrderV2', await s.rest('POST', ORDERS, order(over), { user }), 201).order_id;
    const rests = await place({ price: '0.1000' });
    const filled = await place({});
    await place({ side: 'ask' }, 1);
    const ids = async (tier, kind) => {
      const [operation, where] = { fills: { live: ['GetFills', '/portfolio/fills'], old: ['GetFillsHistorical', '/historical/fills'] },
        orders: { live: ['GetOrders', '/portfolio/orders'], old: ['GetHistoricalOrders', '/historical/orders'] },
        trades: { live: ['GetTrades', `/markets/trades?ticker=${ticker}`], old: ['GetTradesHistorical', `/historical/trades?ticker=${ticker}`] },
      }[kind][tier];
      return (await pages(s, operation, where, kind)).map((r) => r.order_id ?? r.trade_id);
    };
    await until('the order to move', async () => (await ids('old', 'orders')).includes(filled));
    assert.deepEqual([await ids('live', 'fills'), await ids('old', 'fills')], [[], [filled]]);
    assert.deepEqual([await ids('live', 'orders'), await ids('old', 'orders')], [[rests], [filled]]);
    assert.deepEqual([(await ids('live', 'trades')).length, (await ids('old', 'trades')).length], [0, 1]);
    assert.equal((await s.rest('GET', `/portfolio/orders/${filled}`)).status, 404);
    valid('GetOrder', await s.rest('GET', `/portfolio/orders/${rests}`));
    // A position of a market that is not settled stays where it is.
    assert.equal(valid('GetPositions', await s.rest('GET', '/portfolio/positions')).market_positions.length, 1);
    assert.deepEqual(valid('GetHistoricalPositions', await s.rest('GET', '/historical/positions')).market_positions, []);
    assert.deepEqual(valid('GetFillsHistorical', await s.rest('GET', '/historical/fills?ticker=NONE')).fills, []);
    assert.deepEqual(valid('GetHistoricalOrders', await s.rest('GET', `/historical/orders?min_ts=${Math.ceil(Date.now() / 1000)}`)).orders, []);
  } finally { await s.stop(); }
});
