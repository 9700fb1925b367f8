// The simulator's WebSocket, seen by npm's `ws`: schemas, sequence numbers, books that equal REST, documented errors.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Book, Sim, sleep, until } from './peers.mjs';
import { commandErrors, messageErrors } from './schema.mjs';

let sim, tickers, ticker;
before(async () => {
  sim = await Sim.start('--seed', '11', '--users', '2');
  tickers = (await sim.rest('GET', '/markets?status=open&limit=6')).body.markets.map((m) => m.ticker);
  ticker = await sim.middle(); // whose book has both sides, whatever the hour is
});
after(() => sim?.stop());

const allValid = (messages) => {
  for (const m of messages) assert.deepEqual(messageErrors(m), [], JSON.stringify(m));
};
const holes = (messages) => {
  const last = new Map();
  for (const m of messages.filter((x) => x.seq !== undefined)) {
    assert.equal(m.seq, (last.get(m.sid) ?? 0) + 1, `sequence of sid ${m.sid}`);
    last.set(m.sid, m.seq);
  }
};

test('market data is valid, without holes, and its books are those of REST', async () => {
  const c = await sim.ws();
  c.send('subscribe', { channels: ['orderbook_delta', 'trade', 'ticker'], market_tickers: tickers, use_yes_price: false,
    send_initial_snapshot: true });
  await until('enough messages', () => c.messages.filter((m) => m.type === 'orderbook_delta').length > 100);
  await until('a trade and a ticker', () => ['trade', 'ticker'].every((t) => c.messages.some((m) => m.type === t)), 60000);
  // REST and the stream are compared at a moment in which the market did not move between two looks at the stream.
  let compared = 0;
  for (let attempt = 0; attempt < 200 && compared < 3; attempt++) {
    const ticker = tickers[attempt % tickers.length];
    const mine = (m) => m.msg?.market_ticker === ticker && m.type.startsWith('orderbook');
    const seen = c.messages.filter(mine).length;
    const rest = (await sim.rest('GET', `/markets/${ticker}/orderbook`)).body.orderbook_fp;
    await sleep(60);
    const stream = c.messages.filter(mine);
    if (stream.length !== seen) continue;
    const book = new Book();
    stream.forEach((m) => book.apply(m));
    assert.deepEqual(book.levels('yes'), rest.yes_dollars);
    assert.deepEqual(book.levels('no'), rest.no_dollars);
    compared++;
  }
  assert.ok(compared >= 1, 'no quiet moment to compare in');
  allValid(c.messages);
  holes(c.messages);
  assert.ok(c.raw.every((r) => r.endsWith('\n')), 'text frames end with a newline');
  await c.close();
});

test('use_yes_price turns the NO side into YES prices', async () => {
  const [a, b] = await Promise.all([sim.ws(), sim.ws()]);
  a.send('subscribe', { channels: ['orderbook_delta'], market_ticker: ticker, use_yes_price: false });
  b.send('subscribe', { channels: ['orderbook_delta'], market_ticker: ticker, use_yes_price: true });
  const snap = async (c) => {
    const { sid } = (await c.wait('the subscription', (m) => m.type === 'subscribed')).msg;
    return (await c.reply(c.send('update_subscription', { sid, action: 'get_snapshot', market_tickers: [ticker] }))).msg;
  };
  const best = (levels) => Math.max(...levels.map(([p]) => Number(p)));
  const lowest = (levels) => Math.min(...levels.map(([p]) => Number(p)));
  await until('both sides in both, of about one moment', async () => { // the market lives
    const [x, y] = await Promise.all([snap(a), snap(b)]);
    if (![x, y].every((m) => m.yes_dollars_fp?.length && m.no_dollars_fp?.length)) return false;
    assert.ok(lowest(y.no_dollars_fp) > best(y.yes_dollars_fp), 'asks lie above bids');
    return Math.abs(best(x.no_dollars_fp) + lowest(y.no_dollars_fp) - 1) < 0.1;
  });
  await Promise.all([a.close(), b.close()]);
});

test('commands are acknowledged and errors have their codes', async () => {
  const c = await sim.ws();
  const code = async (id) => (await c.reply(id)).msg.code;
  assert.equal(await code(c.send('subscribe', { channels: ['nonsense'] })), 8);
  assert.equal(await code(c.send('subscribe', { channels: [] })), 3);
  assert.equal(await code(c.send('subscribe')), 2);
  assert.equal(await code(c.send('dance', {})), 5);
  assert.equal(await code(c.send('subscribe', { channels: ['orderbook_delta'] })), 14);
  assert.equal(await code(c.send('unsubscribe', { sids: [99] })), 7);
  assert.equal(await code(c.send('unsubscribe', { sids: [] })), 4);
  c.socket.send('this is not JSON');
  await c.wait('error 1', (m) => m.type === 'error' && m.msg.code === 1);
  const sub = await c.reply(c.send('subscribe', { channels: ['orderbook_delta'], market_tickers: [tickers[0]] }));
  assert.equal(sub.type, 'subscribed');
  const { sid } = sub.msg;
  const added = await c.reply(c.send('update_subscription', { sid, action: 'add_markets', market_tickers: [tickers[1]] }));
  assert.deepEqual([...added.msg.market_tickers].sort(), [tickers[0], tickers[1]].sort());
  await c.wait('the second snapshot', (m) => m.type === 'orderbook_snapshot' && m.msg.market_ticker === tickers[1]);
  const snapId = c.send('update_subscription', { sid, action: 'get_snapshot', market_tickers: [tickers[0]] });
  assert.equal((await c.reply(snapId)).type, 'orderbook_snapshot');
  const removed = await c.reply(c.send('update_subscription', { sid, action: 'delete_markets', market_tickers: [tickers[0]] }));
  assert.deepEqual(removed.msg.market_tickers, [tickers[1]]);
  assert.equal(await code(c.send('update_subscription', { sid, action: 'juggle', market_tickers: [tickers[1]] })), 13);
  const list = await c.reply(c.send('list_subscriptions'));
  assert.deepEqual(list.msg, [{ channel: 'orderbook_delta', sid }]);
  assert.equal((await c.reply(c.send('unsubscribe', { sids: [sid] }))).type, 'unsubscribed');
  allValid(c.messages);
  holes(c.messages);
  await c.close();
});

test('an unsigned or wrongly signed handshake is refused', async () => {
  await assert.rejects(sim.ws(0, { headers: {} }), /401/);
  const headers = sim.headers('GET', '/somewhere/else');
  await assert.rejects(sim.ws(0, { headers }), /401/);
});

test('the server pings with "heartbeat" and answers pings', async () => {
  const c = await sim.ws();
  const pong = new Promise((r) => c.socket.on('pong', (d) => r(d.toString())));
  c.socket.ping('hello');
  assert.equal(await pong, 'hello');
  await until('a ping', () => c.pings.length > 0);
  assert.equal(c.pings[0], 'heartbeat');
  await c.close();
});

test('a client that stops reading for a while gets every frame whole afterwards, and its pongs', async () => {
  const c = await sim.ws();
  const PINGS = 20, COMMANDS = 3000;
  let pongs = 0;
  c.socket.on('pong', () => { pongs++; });
  c.send('subscribe', { channels: ['orderbook_delta'], market_tickers: tickers, use_yes_price: false });
  await c.wait('a snapshot', (m) => m.type === 'orderbook_snapshot');
  const { sid } = c.messages.find((m) => m.type === 'subscribed').msg;
  c.socket.pause();
  for (let i = 0; i < COMMANDS; i++) { // more than the sockets hold
    c.send('update_subscription', { sid, action: 'get_snapshot', market_tickers: tickers });
    if (i % (COMMANDS / PINGS) === 0) c.socket.ping('hello');
  }
  await sleep(1000);
  c.socket.resume();
  const snapshots = () => c.messages.filter((m) => m.type === 'orderbook_snapshot').length;
  await until('all snapshots', () => snapshots() === (COMMANDS + 1) * tickers.length, 60000);
  await until('all pongs', () => pongs > 0);
  assert.deepEqual(c.messages.filter((m) => m.type === 'error'), []);
  holes(c.messages);
  await c.close();
});

test('own orders and fills reach their owner and nobody else', async () => {
  const [mine, other] = await Promise.all([sim.ws(0), sim.ws(1)]);
  for (const c of [mine, other]) {
    const id = c.send('subscribe', { channels: ['fill', 'user_orders', 'market_positions'] });
    await until('three acks', () => c.messages.filter((m) => m.id === id).length === 3);
  }
  const best = await until('an ask', async () =>
    (await sim.rest('GET', `/markets/${ticker}/orderbook`)).body.orderbook_fp.no_dollars.at(-1));
  const ask = (1 - Number(best[0])).toFixed(4);
  const made = await sim.rest('POST', '/portfolio/events/orders', { ticker, side: 'bid', price: ask, count: '1.00',
    time_in_force: 'immediate_or_cancel', self_trade_prevention_type: 'taker_at_cross', client_order_id: 'private-1' });
  assert.equal(made.status, 201);
  await mine.wait('the order', (m) => m.type === 'user_order' && m.msg.order_id === made.body.order_id);
  if (made.body.fill_count === '1.00') {
    const fill = await mine.wait('the fill', (m) => m.type === 'fill' && m.msg.order_id === made.body.order_id);
    assert.equal(fill.msg.client_order_id, 'private-1');
    await mine.wait('the position', (m) => m.type === 'market_position' && m.msg.market_ticker === ticker);
  }
  await sleep(200);
  assert.equal(other.messages.filter((m) => !m.id).length, 0, 'the other user heard nothing');
  allValid(mine.messages);
  await Promise.all([mine.close(), other.close()]);
});
