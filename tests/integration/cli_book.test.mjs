// `kalua book` in a terminal: the ladder against REST at every size, and the terminal as it was afterwards.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Sim, kalua, sleep, until } from './peers.mjs';
import { Terminal } from './terminal.mjs';

let sim, ticker;
before(async () => {
  sim = await Sim.start('--quiet-market', '--users', '2', '--seed', '5');
  ticker = (await sim.rest('GET', '/markets?limit=1&status=open')).body.markets[0].ticker;
  for (const [side, price, count] of [['bid', '0.4000', '10.00'], ['bid', '0.3900', '20.50'], ['ask', '0.4500', '5.00'],
    ['ask', '0.4700', '7.25'], ['ask', '0.5000', '100.00']]) await order(side, price, count);
});
after(() => {
  Terminal.closeAll();
  return sim?.stop();
});

async function order(side, price, count, user = 1) {
  const made = await sim.rest('POST', '/portfolio/events/orders', { ticker, side, price, count,
    client_order_id: `t-${Math.random()}`, time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross' }, { user });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return made.body.order_id ?? made.body.order?.order_id;
}

const money = (units) => (units / 10000).toFixed(2);
const units = (text) => Math.round(Number(text) * 10000);

// What the ladder must say, by REST alone: {asks, bids} of "price count cumulative", best first.
async function expected(side = 'yes') {
  const { yes_dollars: yes, no_dollars: no } = (await sim.rest('GET', `/markets/${ticker}/orderbook`)).body.orderbook_fp;
  const best = (levels, price) => {
    let total = 0;
    return [...levels].reverse().map(([p, c]) => `${money(price(units(p)))} ${c} ${((total += Math.round(Number(c) * 100)) / 100).toFixed(2)}`);
  };
  const [own, other] = side === 'yes' ? [yes, no] : [no, yes];
  return { bids: best(own, (p) => p), asks: best(other, (p) => 10000 - p) };
}

// What it says. Marks of own orders are left out.
function ladder(lines) {
  const middle = lines.findIndex((l) => /^ {2}-+/.test(l));
  const rung = (l) => /^[* ] +(\d\.\d+) +(\d+\.\d\d) +(\d+\.\d\d)/.exec(l)?.slice(1, 4).join(' ');
  return { asks: lines.slice(0, Math.max(middle, 0)).map(rung).filter(Boolean).reverse(),
    bids: middle < 0 ? [] : lines.slice(middle + 1).map(rung).filter(Boolean), middle };
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const book = (...args) => ['book', ticker, ...args];
const whole = (end) => {
  assert.equal(end.modes[0], end.modes[1], 'the modes of the terminal');
  assert.deepEqual([end.screen.alternate, end.screen.cursor, end.screen.wrap], [false, true, true]);
  assert.equal(end.screen.entered, end.screen.left);
};

test('the ladder is the book of REST, at any size, and follows the terminal', async () => {
  const t = await Terminal.start(book(), { env: sim.env(), rows: 24, columns: 80 });
  const rest = await expected();
  for (const [rows, columns] of [[24, 80], [40, 160], [12, 60], [8, 40], [24, 34], [60, 100], [24, 80]]) {
    t.resize(rows, columns);
    await t.shows(`a ladder of ${rows} by ${columns}`, (lines) => {
      const shown = ladder(lines);
      const n = Math.max(shown.asks.length, shown.bids.length);
      return lines[0].startsWith(ticker.slice(0, 8)) && lines[0].endsWith('live') && n > 0
        && same(shown.asks, rest.asks.slice(0, n)) && same(shown.bids, rest.bids.slice(0, n))
        && (rows < 24 || (shown.asks.length === rest.asks.length && shown.bids.length === rest.bids.length));
    });
  }
  // Where a column does not fit it is left out as a whole; a number is never cut.
  const words = new Set([...rest.asks, ...rest.bids].flatMap((l) => l.split(' ')));
  for (const [rows, columns] of [[24, 24], [24, 12], [10, 8], [6, 20], [5, 30], [4, 30], [3, 50], [2, 20], [1, 40], [1, 9], [1, 1], [3, 2]]) {
    t.resize(rows, columns);
    await sleep(50);
    await t.shows(`whole numbers, and the best prices where there is room, at ${rows} by ${columns}`, (lines, text) => (columns < 9 || text.trim() !== '')
      && lines.slice(3).every((line) => (line.match(/\d[\d.]*/g) ?? []).every((number) => words.has(number)))
      && (rows < 2 || columns < 12 || /0\.40.*0\.45/.test(text)));
  }
  t.type('q');
  const end = await t.end();
  assert.equal(end.code, 0);
  whole(end);
});

test('changes, trades and own orders appear as they happen, and nothing is drawn while nothing does', async () => {
  const t = await Terminal.start(book('--orders'), { env: sim.env(), rows: 30, columns: 90 });
  const follows = async (what) => {
    const rest = await expected();
    await t.shows(what, (lines) => { const l = ladder(lines); return same(l.asks, rest.asks) && same(l.bids, rest.bids); });
  };
  await follows('the book');
  const id = await order('bid', '0.4100', '3.00', 0);
  await follows('a new best bid');
  await t.shows('the mark of an own order', (lines) => lines.some((l) => /^\* +0\.41 /.test(l)));
  await order('ask', '0.4100', '1.00', 1);
  await follows('what is left of it');
  await t.shows('the trade', (lines) => lines.some((l) => /\d\d:\d\d:\d\d +sell 0\.41 x 1\.00/.test(l)));
  await sim.rest('DELETE', `/portfolio/events/orders/${id}`);
  await follows('the bid that is gone');
  await t.shows('no mark', (lines) => !lines.some((l) => l.startsWith('*')));
  await t.shows('its figures', (lines) => /bid 0\.40 x 10\.00 +ask 0\.45 x 5\.00 +spread 0\.05/.test(lines[1])
    && /mid 0\.4250 +micro 0\.4\d+ +imbalance [+-]\d\.\d\d +changed [\d.]+ s ago +feed [\d.]+ s/.test(lines[2]));
  // Only the ages change now: one line, about once a second.
  const { drawn } = t.screen, began = Date.now();
  await sleep(2000);
  const quiet = t.screen.drawn - drawn, ms = Date.now() - began;
  assert.ok(quiet < 5 * 90 * ms / 1000, `${quiet} characters in ${ms} quiet ms`);
  t.type('q');
  whole(await t.end());
});

test('trades from before are there at once, newest first', async () => {
  const t = await Terminal.start(book(), { env: sim.env(), rows: 30, columns: 120 });
  const trades = (await sim.rest('GET', `/markets/trades?ticker=${ticker}`)).body.trades;
  assert.ok(trades.length > 0);
  await t.shows('the last trades', (lines) => {
    const shown = lines.flatMap((l) => /(\d\d:\d\d:\d\d) +(?:buy|sell) +(\d\.\d+) x (\d+\.\d\d)/.exec(l)?.slice(1).join(' ') ?? []);
    return same(shown, trades.map((d) => `${d.created_time.slice(11, 19)} ${money(units(d.yes_price_dollars))} ${d.count_fp}`));
  });
  t.type('\x03');
  const end = await t.end();
  assert.equal(end.code, 130);
  whole(end);
});

test('keys: the other side, fewer and more levels, and those that mean nothing', async () => {
  const t = await Terminal.start(book('--levels', '2'), { env: sim.env() });
  const [yes, no] = [await expected('yes'), await expected('no')];
  const shows = (what, rest, n) => t.shows(what, (lines) => {
    const l = ladder(lines);
    return same(l.asks, rest.asks.slice(0, n)) && same(l.bids, rest.bids.slice(0, n));
  });
  await shows('two levels', yes, 2);
  t.type('-');
  await shows('one level', yes, 1);
  t.type('--');
  await sleep(200);
  await shows('still one', yes, 1);
  t.type('+\x1b[A');
  await shows('three', yes, 3);
  t.type('s');
  await shows('the side of NO', no, 3);
  assert.match(t.screen.lines()[0], / NO/);
  t.type('x\x1b[15~\x1bOP\x7fä');
  await sleep(200);
  await shows('the same', no, 3);
  t.type('q');
  assert.equal((await t.end()).code, 0);
});

for (const [how, code, act] of [['Ctrl-C', 130, (t) => t.type('\x03')], ['SIGTERM', 130, (t) => t.kill('SIGTERM')],
  ['SIGINT twice', 130, (t) => { t.kill('SIGINT'); t.kill('SIGINT'); }], ['SIGQUIT', 131, (t) => t.kill('SIGQUIT')],
  ['SIGHUP', 129, (t) => t.kill('SIGHUP')], ['--seconds', 0, () => {}]]) {
  test(`the terminal is as it was after ${how}`, async () => {
    const timed = how === '--seconds';
    const t = await Terminal.start(book(...(timed ? ['--seconds', '1.5'] : [])), { env: sim.env() });
    if (!timed) { // that one may be over before it is looked at
      await t.shows('the ladder', (lines) => ladder(lines).bids.length > 0);
      assert.deepEqual([t.screen.alternate, t.screen.cursor], [true, false]);
    }
    act(t);
    const end = await t.end();
    assert.equal(end.screen.entered, 1);
    assert.equal(end.code, code);
    whole(end);
  });
}

test('Ctrl-Z gives the terminal back to the shell, and fg draws the ladder anew', async () => {
  const t = await Terminal.start(book(), { env: sim.env(), setup: 'set -m', then: 'echo "stopped <$?>"; sleep 0.3; fg;' });
  const rest = await expected();
  const there = (lines) => same(ladder(lines).bids, rest.bids);
  await t.shows('the ladder', there);
  t.type('\x1a');
  await t.shows('the shell', () => t.found('stopped') === '148');
  await t.shows('the ladder again', (lines) => t.screen.entered === 2 && there(lines));
  assert.deepEqual([t.screen.left, t.screen.alternate, t.screen.cursor], [1, true, false]);
  t.type('q');
  const end = await t.end();
  assert.equal(end.code, 0);
  whole(end);
});

test('a lost exchange is STALE with the reason; its log is told when the screen is gone', async () => {
  const other = await Sim.start('--seed', '6');
  const market = (await other.rest('GET', '/markets?limit=1&status=open')).body.markets[0].ticker;
  const t = await Terminal.start(['book', market], { env: other.env(), columns: 100 });
  await t.shows('a live book', (lines) => lines[0].endsWith('live'));
  await other.stop();
  await t.shows('STALE', (lines) => /STALE: no connection/.test(lines[0]));
  assert.doesNotMatch(t.output, /warn/);
  t.resize(3, 30);
  await t.shows('STALE on a small screen', (lines) => /STALE$/.test(lines[0]));
  t.type('q');
  const end = await t.end();
  assert.equal(end.code, 0);
  whole(end);
  assert.match(end.output.slice(end.output.lastIndexOf('\x1b[?1049l')), /warn\b.* feed .*ended the connection/);
});

test('NO_COLOR has no colours, TERM=dumb no screen, a terminal that is not UTF-8 no blocks', async () => {
  const plain = await Terminal.start(book(), { env: { ...sim.env(), NO_COLOR: '1', LC_ALL: 'C' } });
  await plain.shows('the ladder', (lines) => ladder(lines).bids.length > 0 && lines.some((l) => /#+$/.test(l)));
  plain.type('q');
  const end = await plain.end();
  assert.doesNotMatch(end.output, /\x1b\[[0-9;]*[1-9][0-9;]*m/);
  assert.match(end.output, /^[\x00-\x7f]*$/);
  const dumb = await Terminal.start(book(), { env: { ...sim.env(), TERM: 'dumb' } });
  await until('a line', () => dumb.output.includes(`${ticker}  10.00 x 0.4000 | 0.4500 x 5.00`));
  dumb.type('\x03');
  const lines = await dumb.end();
  assert.equal(lines.code, 130);
  assert.doesNotMatch(lines.output, /\x1b/);
  const coloured = await Terminal.start(book(), { env: sim.env() });
  await coloured.shows('bars', (all) => all.some((l) => l.includes('█')));
  assert.ok(coloured.screen.styled);
  coloured.type('q');
  await coloured.end();
});

test('--once: a ladder on a terminal, a line or an object elsewhere', async () => {
  const t = await Terminal.start(book('--once', '--side', 'no'), { env: sim.env(), rows: 40 });
  const end = await t.end();
  const rest = await expected('no');
  assert.equal(end.code, 0);
  assert.equal(end.screen.entered, 0);
  assert.deepEqual(ladder(end.screen.lines()).asks, rest.asks);
  assert.deepEqual(ladder(end.screen.lines()).bids, rest.bids);
  const line = await kalua(book('--once'), { env: sim.env() });
  assert.deepEqual([line.code, line.stdout], [0, `${ticker}  10.00 x 0.4000 | 0.4500 x 5.00\n`], line.stderr);
  // Who asks for levels wants to see them, also in a file.
  const plain = await kalua(book('--once', '--levels', '2'), { env: sim.env() });
  assert.equal(plain.code, 0, plain.stderr);
  assert.equal(plain.stdout.split('\n').filter((row) => /^ +0\.\d+ +\d+\.\d\d /.test(row)).length, 4, plain.stdout);
  assert.doesNotMatch(plain.stdout, /\x1b/);
  const json = await kalua(book('--once', '--json', '--side', 'no', '--levels', '2'), { env: sim.env() });
  const { bids, asks, stale, side } = JSON.parse(json.stdout);
  assert.deepEqual([stale, side], [false, 'no']);
  const text = (levels) => levels.map(([p, c]) => `${p.toFixed(2)} ${c.toFixed(2)}`);
  assert.deepEqual(text(bids), rest.bids.slice(0, 2).map((l) => l.split(' ', 2).join(' ')));
  assert.deepEqual(text(asks), rest.asks.slice(0, 2).map((l) => l.split(' ', 2).join(' ')));
});

test('a ticker that is none is one line with what may have been meant', async () => {
  const event = (await sim.rest('GET', `/markets/${ticker}`)).body.market.event_ticker;
  for (const [given, said] of [[ticker.toLowerCase(), `did you mean ${ticker}\\?`], [event, `it is an event; markets of it: ${event}-`],
    [ticker.split('-')[0], 'it is a series; markets of it: '], [`${ticker}9`, `did you mean ${ticker}\\?`], ['KXNOPE-1', 'get_markets status=open'],
    ['a b', 'get_markets status=open']]) {
    const run = await kalua(['book', given], { env: sim.env() });
    assert.equal(run.code, 1, run.stderr);
    assert.match(run.stderr, new RegExp(`^kalua: there is no market "${given}".*${said}.*\n$`));
    assert.equal(run.stdout, '');
  }
  for (const args of [['book', ''], ['book', ticker, '--side', 'maybe'], ['book', ticker, '--levels', '0'], ['book', ticker, '--level', '3']]) {
    assert.equal((await kalua(args, { env: sim.env() })).code, 2, args.join(' '));
  }
});
