// Fees and settlement at the simulated exchange: precision of balances, changes of fees, results and what they pay. Every
// answer and message is checked against the exchange's own schemas.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Sim, until } from './peers.mjs';
import { messageErrors, restErrors } from './schema.mjs';

const valid = (operation, { status, body }, expected = 200) => {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(restErrors(operation, status, body), []);
  return body;
};
const orders = '/portfolio/events/orders';
const order = (ticker, over = {}) => ({ ticker, side: 'bid', time_in_force: 'good_till_canceled',
  self_trade_prevention_type: 'taker_at_cross', ...over });

// A simulator of its own for each: other options.
const withSim = async (args, body) => {
  const other = await Sim.start('--seed', '12', '--users', '2', '--quiet-market', ...args);
  try {
    await body(other, (await other.rest('GET', '/markets?status=open&limit=1000')).body.markets);
  } finally {
    assert.equal(await other.stop(), 0);
  }
};
const place = async (s, ticker, over, user) => valid('CreateOrderV2', await s.rest('POST', orders, order(ticker, over), { user }), 201);

const balancesOf = async (s, shard, user = 0) => Number((await s.rest('GET', `/portfolio/balance?exchange_index=${shard}`, undefined, { user }))
  .body.balance_dollars);

test('balances are kept to the cent, or to a hundredth of it for direct members', async () => {
  for (const [args, taker, fee] of [[[], '9999.4800', '0.020000'], [['--balance-precision', '0.0001'], '9999.4825', '0.017500']]) {
    await withSim(args, async (s, markets) => {
      const { ticker, exchange_index: shard } = markets.find((m) => m.exchange_index === 0);
      await place(s, ticker, { side: 'ask', price: '0.5000', count: '1.00' }, 1);
      await place(s, ticker, { price: '0.5000', count: '1.00' }, 0);
      const { balance_dollars } = (await s.rest('GET', `/portfolio/balance?exchange_index=${shard}`)).body;
      assert.equal(balance_dollars, taker);
      const { fills } = valid('GetFills', await s.rest('GET', '/portfolio/fills'));
      assert.equal(fills[0].fee_cost, fee);
    });
  }
});

test('settlement pays yes, no and scalar results, tells positions, and keeps their rows', async () => {
  await withSim([], async (s, markets) => {
    const chosen = markets.filter((m, i, all) => all.findIndex((x) => x.event_ticker === m.event_ticker) === i).slice(0, 3);
    const results = ['yes', 'no', 'scalar'], values = [1, 0, 0.3733], ws = await s.ws(0);
    await ws.reply(ws.send('subscribe', { channels: ['market_positions'] }));
    for (const [i, { ticker, exchange_index: shard }] of chosen.entries()) {
      await place(s, ticker, { side: 'ask', price: '0.6000', count: '1.01' }, 1);
      await place(s, ticker, { price: '0.6000', count: '1.01' }, 0);
      const before = await balancesOf(s, shard);
      await s.trigger('settle', { market: ticker, result: i === 2 ? '0.3733' : results[i] });
      const revenue = Math.floor(values[i] * 101) / 100;
      assert.equal((await balancesOf(s, shard) - before).toFixed(4), revenue.toFixed(4), results[i]);
      const told = await ws.wait('the settled position', (m) => m.type === 'market_position' && m.msg.market_ticker === ticker
        && m.msg.position_fp === '0.00' && m.msg.volume_fp !== '0.00');
      assert.deepEqual(messageErrors(told), []);
      assert.equal(told.msg.realized_pnl_dollars, (values[i] * 1.01 - 0.606).toFixed(6));
      const [row] = valid('GetSettlements', await s.rest('GET', '/portfolio/settlements')).settlements;
      assert.deepEqual([row.ticker, row.market_result, row.exchange_index, row.yes_count_fp, row.no_count_fp, row.revenue, row.value],
        [ticker, results[i], shard, '1.01', '0.00', Math.round(revenue * 100), Math.floor(values[i] * 100)]);
      const [other] = (await s.rest('GET', '/portfolio/settlements', undefined, { user: 1 })).body.settlements;
      assert.deepEqual([other.yes_count_fp, other.no_count_fp, other.revenue], ['0.00', '1.01', Math.floor((1 - values[i]) * 101 + 1e-9)]);
    }
    const shown = async (status) => valid('GetPositions', await s.rest('GET', `/portfolio/positions${status}`)).market_positions.length;
    assert.deepEqual([await shown(''), await shown('?settlement_status=settled'), await shown('?settlement_status=all')], [0, 3, 3]);
    const page = valid('GetSettlements', await s.rest('GET', '/portfolio/settlements?limit=2'));
    const rest = valid('GetSettlements', await s.rest('GET', `/portfolio/settlements?limit=2&cursor=${page.cursor}`));
    assert.deepEqual([...page.settlements, ...rest.settlements].map((r) => r.ticker), chosen.map((m) => m.ticker).reverse());
    await ws.close();
  });
});

test('an event gets a lower fee for a while, told before and when it comes', async () => {
  const s = await Sim.start('--seed', '13', '--speed', '400', '--rate', '10');
  try {
    const ws = await s.ws();
    await ws.reply(ws.send('subscribe', { channels: ['market_lifecycle_v2'] }));
    const update = await ws.wait('a change of fees', (m) => m.type === 'event_fee_update', 30000);
    assert.deepEqual(messageErrors(update), []);
    const { event_ticker: event, fee_multiplier_override: multiplier } = update.msg;
    const rows = valid('GetEventFeeChanges', await s.rest('GET', `/events/fee_changes?event_ticker=${event}`)).event_fee_changes;
    assert.ok(rows.some((r) => r.fee_multiplier_override === multiplier && Date.parse(r.scheduled_ts) <= Date.now()));
    const [last] = rows.slice(-1);
    assert.deepEqual([last.fee_type_override, last.fee_multiplier_override], [null, null], 'it ends');
    const shown = valid('GetEvent', await s.rest('GET', `/events/${event}`)).event;
    assert.ok([undefined, multiplier].includes(shown.fee_multiplier_override));
    const first = valid('GetEventFeeChanges', await s.rest('GET', '/events/fee_changes?limit=1'));
    assert.notEqual(first.cursor, '');
    await ws.close();
  } finally {
    assert.equal(await s.stop(), 0);
  }
});

test('changes of fees are listed, upcoming ones and, where asked for, past ones', async () => {
  await withSim([], async (s) => {
    const upcoming = valid('GetSeriesFeeChanges', await s.rest('GET', '/series/fee_changes')).series_fee_change_arr;
    const all = valid('GetSeriesFeeChanges', await s.rest('GET', '/series/fee_changes?show_historical=true')).series_fee_change_arr;
    assert.ok(upcoming.length === 1 && all.length > upcoming.length);
    const [next] = upcoming;
    assert.ok(Date.parse(next.scheduled_ts) > Date.now());
    const { series } = (await s.rest('GET', `/series/${next.series_ticker}`)).body;
    assert.equal(next.fee_multiplier, series.fee_multiplier / 2);
    const own = valid('GetSeriesFeeChanges', await s.rest('GET', `/series/fee_changes?series_ticker=${next.series_ticker}&show_historical=true`));
    assert.equal(own.series_fee_change_arr.length, 2);
    valid('GetEventFeeChanges', await s.rest('GET', '/events/fee_changes'));
  });
});

test('fees can be changed at will, at once or at a time, and money comes and goes', async () => {
  await withSim([], async (s, markets) => {
    const { ticker, event_ticker: event } = markets.find((m) => m.exchange_index === 0);
    const fee = async () => {
      await place(s, ticker, { side: 'ask', price: '0.5000', count: '100.00' }, 1);
      await place(s, ticker, { price: '0.5000', count: '100.00' }, 0);
      return valid('GetFills', await s.rest('GET', '/portfolio/fills?limit=1')).fills[0].fee_cost;
    };
    assert.equal(await fee(), '1.750000');
    await s.trigger('fees', { event, multiplier: '0.5' });
    assert.equal(await fee(), '0.880000');
    const shown = async () => valid('GetEvent', await s.rest('GET', `/events/${event}`)).event;
    assert.equal((await shown()).fee_multiplier_override, 0.5);
    await s.trigger('fees', { event, type: 'flat', multiplier: '0.01' });
    assert.deepEqual([(await shown()).fee_type_override, await fee()], ['flat', '1.000000']);
    await s.trigger('fees', { event });
    assert.deepEqual([(await shown()).fee_type_override, await fee()], [undefined, '1.750000']);
    const [series] = event.split('-');
    await s.trigger('fees', { series, multiplier: '2', in: '0.3s' });
    await until('the new fees', async () => (await s.rest('GET', `/series/${series}`)).body.series.fee_multiplier === 2);
    assert.equal(await fee(), '3.500000');
    const before = await balancesOf(s, 1);
    await s.trigger('deposit', { amount: '12.50', shard: '1' });
    await s.trigger('withdraw', { amount: '2.25', shard: '1' });
    assert.equal(await balancesOf(s, 1) - before, 10.25);
    assert.equal(valid('GetDeposits', await s.rest('GET', '/portfolio/deposits?limit=1')).deposits[0].amount_cents, 1250);
    assert.equal(valid('GetWithdrawals', await s.rest('GET', '/portfolio/withdrawals')).withdrawals[0].amount_cents, 225);
    assert.equal((await s.triggered('withdraw', { amount: '99999999', shard: '1' })).status, 409);
    assert.equal((await s.triggered('fees', { event, series })).status, 400);
    assert.equal((await s.triggered('deposit', { amount: '0.001' })).status, 400);
  });
});
