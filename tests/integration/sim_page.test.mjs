// The page of the simulator in a real browser: what a person sees is what the exchange says, and what a person presses
// happens. Nobody trades here but the test.
import assert from 'node:assert/strict';
import test, { after, afterEach, before, beforeEach, describe } from 'node:test';
import { launch, run, seen, skip, visit } from './browser.mjs';
import { Sim, until } from './peers.mjs';

const ORDERS = '/portfolio/events/orders';
let made = 0;

async function place(sim, ticker, over = {}) {
  const { status, body } = await sim.rest('POST', ORDERS, { ticker, side: 'bid', price: '0.4000', count: '10.00',
    client_order_id: `page${++made}`, time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross', ...over });
  assert.equal(status, 201, JSON.stringify(body));
  return body.order_id;
}
// The ladder as it is shown, the best levels first: {bids: [[price, size]], asks: …} in figures.
const ladderOf = (page) => page.evaluate(() => {
  const rows = (id, side) => [...document.getElementById(id).rows].map((r) => [r.cells[1].textContent, r.cells[side].textContent])
    .filter(([p]) => p).map((l) => l.map((x) => Number(x.replaceAll(',', ''))));
  return { bids: rows('bids', 0), asks: rows('asks', 2).reverse() };
});

describe('a quiet market', { skip }, () => {
  let sim, browser, page, tickers;
  before(async () => {
    [sim, browser] = await Promise.all([Sim.start('--quiet-market', '--users', '2', '--markets', '36'), launch()]);
    tickers = (await sim.rest('GET', '/markets?limit=1000&status=open')).body.markets.map((m) => m.ticker);
    page = await visit(browser, sim.page_url, { allowed: /status of (400|404|409)/ });
  });
  after(async () => {
    await browser?.close();
    await sim?.stop();
  });
  beforeEach(async () => { // a market of its own for each test
    const ticker = tickers.shift();
    await page.locator('#tab-accounts').click();
    await page.evaluate((t) => { location.hash = t; }, ticker);
    await seen(page, '#ticker', ticker);
  });
  afterEach(() => assert.deepEqual(page.complaints, []));
  const inView = () => page.evaluate(() => decodeURIComponent(location.hash.slice(1)));

  test('the ladder is the order book of the exchange', async () => {
    const ticker = await inView();
    for (const [side, price, count] of [['bid', '0.41', '7'], ['bid', '0.39', '1200.5'], ['bid', '0.02', '3'], ['ask', '0.44', '5'], ['ask', '0.97', '20']])
      await sim.trigger('quote', { market: ticker, side, price, count });
    await page.locator('#depth').selectOption('0');
    const { orderbook_fp } = (await sim.rest('GET', `/markets/${ticker}/orderbook`)).body;
    const numbers = (levels) => levels.map((l) => l.map(Number)).reverse();
    const wanted = { bids: numbers(orderbook_fp.yes_dollars), asks: numbers(orderbook_fp.no_dollars).map(([p, c]) => [Number((1 - p).toFixed(4)), c]) };
    assert.equal(wanted.bids.length + wanted.asks.length, 5);
    let got;
    await until('the ladder', async () => { got = await ladderOf(page); return JSON.stringify(got) === JSON.stringify(wanted); })
      .catch(() => assert.deepEqual(got, wanted));
    await seen(page, '#spread', /spread 0\.03 · middle 0\.425/);
    assert.ok(await page.evaluate(() => {
      const box = document.getElementById('ladder-box').getBoundingClientRect(), s = document.getElementById('spread').getBoundingClientRect();
      return s.top > box.top && s.bottom < box.bottom;
    }), 'the spread is in view');
    await sim.trigger('trade', { market: ticker, side: 'bid', count: 2 });
    await seen(page, '#trades tr', /0\.44 ▲2$/);
    await seen(page, '#asks tr', /0\.443$/);
  });

  test('an order placed by REST shows, is filled and canceled by buttons, and is in the account', async () => {
    const ticker = await inView();
    await place(sim, ticker);
    const row = page.locator('#market-orders tr').first();
    await seen(page, '#market-orders tr', /^1bid0\.400 \/ 10resting/);
    await run(page, 'fill', { count: '4' });
    await seen(page, '#market-orders tr', /4 \/ 10resting/);
    await seen(page, '#positions tr', new RegExp(`^1${ticker}YES 4\\$1\\.6`));
    await row.getByRole('button', { name: 'Fill' }).click();
    await seen(page, '#market-orders tr', /10 \/ 10executed/);
    await seen(page, '#toast', /10\.00|filled|6\.00/);
    await place(sim, ticker, { price: '0.3000' });
    await page.locator('#tab-orders').click();
    await page.locator('#orders tr', { hasText: '0.30' }).getByRole('button', { name: 'Cancel' }).click();
    await page.locator('#orders-note').waitFor();
    await page.locator('#ended').check();
    await seen(page, '#orders tr', new RegExp(`^${ticker}1bid0\\.300 / 10canceled`));
  });

  test('pause and resume are seen and done', async () => {
    await seen(page, '#trading-state', 'trading active');
    await page.locator('#pause').click();
    await seen(page, '#trading-state', 'trading paused');
    await seen(page, '#exchange-state', 'exchange active');
    const { status } = await sim.rest('POST', ORDERS, { ticker: await inView(), side: 'bid', price: '0.4000', count: '1.00', time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross' });
    assert.equal(status, 400);
    await page.getByRole('button', { name: 'Resume trading' }).click();
    await seen(page, '#trading-state', 'trading active');
    assert.equal((await sim.look('status')).state, 'running');
    await run(page, 'pause', { shard: '2' });
    await seen(page, '#trading-state', 'trading paused on shard 2');
    await sim.trigger('maintenance', { for: '1h' });
    await seen(page, '#exchange-state', /^exchange paused|outage/);
    await page.getByRole('button', { name: 'Resume trading' }).click();
    await seen(page, '#trading-state', 'trading active');
  });

  test('news and settle act on the market in view', async () => {
    const ticker = await inView();
    const news = await run(page, 'news', { size: '-1.5' });
    assert.ok(news.ok, news.text);
    assert.match(news.text, new RegExp(ticker));
    await page.locator('#quick').getByRole('button', { name: 'Settle NO' }).click();
    await seen(page, '#market-status', 'finalized');
    await seen(page, '#facts div', /YES is worth0\.00/);
    assert.equal((await sim.rest('GET', `/markets/${ticker}`)).body.market.result, 'no');
    await page.locator('#tab-log').click();
    await seen(page, '#log tr', /trigger.*settle:/);
    await page.locator('#market-rows a').first().click(); // what is in view now is what the form means
    await until('the form', async () => (await page.locator('#trigger-news [name=market]').inputValue()) === (await inView()));
    assert.notEqual(await inView(), ticker);
  });

  test('an error of a trigger is said where it was asked for', async () => {
    const missing = await run(page, 'trade', { side: 'bid' });
    assert.ok(!missing.ok);
    assert.match(missing.text, /trade needs count=/);
    const refused = await run(page, 'fill', { order: '00000000-0000-4000-8000-000000000000' });
    assert.ok(!refused.ok);
    assert.match(refused.text, /no client has an order/);
    await page.locator('#quick').getByRole('button', { name: 'Settle YES' }).click();
    await seen(page, '#market-status', 'finalized');
    await page.locator('#quick').getByRole('button', { name: 'Pause' }).click();
    await seen(page, '#toast', /^pause: .* is finalized/);
    const rule = await run(page, 'fault', { spec: 'nonsense' });
    assert.ok(!rule.ok);
  });

  test('fault rules come, are counted, and go', async () => {
    const done = await run(page, 'fault', { spec: 'create_order:fail-before next 5' });
    assert.ok(done.ok, done.text);
    await page.locator('#tab-faults').click();
    await seen(page, '#faults tr', /create_order:fail-before next 50Remove$/);
    const { status } = await sim.rest('POST', ORDERS, { ticker: await inView(), side: 'bid', price: '0.4000', count: '1.00' });
    assert.equal(status, 503);
    await seen(page, '#faults tr', /create_order:fail-before next 51Remove$/);
    await page.locator('#faults').getByRole('button', { name: 'Remove' }).click();
    await page.locator('#faults-note').waitFor();
    assert.deepEqual((await sim.look('status')).faults, []);
  });

  test('what a market is called is text, whatever it holds', async () => {
    const ticker = await inView();
    for (const title of ['<script>alert(1)</script>', '<img src=x onerror="alert(2)">', '"\'>&lt;b onclick=\'x']) {
      const done = await run(page, 'strike', { title });
      assert.ok(done.ok, done.text);
      await until('the title', async () => (await page.locator('#title').textContent()).endsWith(` · ${title}`));
      await page.locator('#q').fill(ticker);
      await until('the list', async () => (await page.locator('#market-rows small').allTextContents()).some((x) => x.endsWith(title)));
    }
    assert.equal(await page.locator('main script, main img, main b[onclick]').count(), 0);
  });

  test('by keyboard alone: filter, open, run', async () => {
    const other = tickers.at(-1);
    await page.keyboard.press('/');
    await page.keyboard.type(other);
    await until('the one', async () => (await page.locator('#market-rows a').allTextContents()).join() === other);
    while (!(await page.evaluate(() => document.activeElement.closest('#market-rows') !== null))) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await seen(page, '#ticker', other);
    await page.locator('#trigger-quote summary').focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.name), 'market');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.type('bid');
    await page.keyboard.press('Tab');
    await page.keyboard.type('0.25');
    await page.keyboard.press('Tab');
    await page.keyboard.type('9');
    await page.keyboard.press('Enter');
    await seen(page, '#bids tr', /^90\.25/);
  });

  test('on a phone one view at a time, nothing wider than it', async (t) => {
    const { width, height } = page.viewportSize();
    t.after(() => page.setViewportSize({ width, height }));
    await page.setViewportSize({ width: 360, height: 740 });
    for (const view of ['markets', 'market', 'activity', 'triggers']) {
      await page.locator(`#views [data-view=${view}]`).click();
      assert.deepEqual(await page.locator('.pane:visible').evaluateAll((all) => all.map((x) => x.id)), [view]);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), view);
    }
  });

  test('all of it is small, and nothing comes from elsewhere', async (t) => {
    const requests = [];
    let bytes = 0;
    const count = (r) => { requests.push(r.url()); if (/\/(#.*)?$|page\//.test(r.url())) bytes += Number(r.headers()['content-length']); };
    page.on('response', count);
    t.after(() => page.off('response', count));
    await page.reload();
    await page.waitForSelector('#market-rows tr');
    assert.ok(requests.every((u) => u.startsWith(sim.page_url)), requests.join());
    assert.ok(bytes > 20000 && bytes < 60000, `${bytes} bytes`);
    assert.equal((await fetch(`${sim.page_url}sim`)).headers.get('content-type'), 'text/html; charset=utf-8');
    assert.equal((await fetch(`${sim.page_url}sim/page/nothing.js`)).status, 404);
  });

  test('it asks for nothing while nobody sees it', async () => {
    let asked = 0, last = Date.now();
    page.on('request', () => { asked++; last = Date.now(); });
    await page.evaluate(() => { // a tab in the background, as the browser tells it
      Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await until('silence, behind what was under way', () => Date.now() - last > 1500);
    asked = 0;
    await page.evaluate(() => { delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange')); });
    await until('questions', () => asked > 0);
  });
});
