// The page of a running process in a real browser, and the data below it: what a person sees is what the process and the
// exchange say, nothing is answered without the token, and hostile text stays text. Nobody trades here but the scripts.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import test, { after, before, describe } from 'node:test';
import { launch, skip } from './browser.mjs';
import { KALUA, PATIENCE_MS, Sim, becomes, cleanEnv, kalua, tempDir, until } from './peers.mjs';

const HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>';
const QUOTER = `
local kalshi = require "kalshi"
local kalua = require "kalua"
local task = require "task"
local ticker = kalua.args[1]
local book = kalshi.book(ticker) -- held open: the page shows it
print(${JSON.stringify(HOSTILE)})
print("right \\226\\128\\174 to left")
kalshi.order{ ticker = ticker, side = "yes", price = 0.40, count = 10 }
kalshi.order{ ticker = ticker, side = "no", price = 0.55, count = 7 }
while true do task.sleep(60) end
`;
const FAILING = 'require("task").sleep(0.05)\nerror("<b>no such market</b>")\n';
const HOSTILE_NAME = '<i>failing<\u2044i>'; // what a file may be called

async function run(sim, cwd, { wanted = 0, state = tempDir(), scripts = ['quoter.lua', `${HOSTILE_NAME}.lua`] } = {}) {
  const p = spawn(KALUA, ['run', '--quiet', '--web', String(wanted), ...scripts, '--', sim.ticker],
    { cwd, env: { ...cleanEnv(), ...sim.env(), XDG_STATE_HOME: state }, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  p.stderr.on('data', (d) => { stderr += d; });
  const ended = new Promise((r) => p.on('close', r));
  const port = Number(await until('the address of the page', () => {
    if (p.exitCode !== null) throw new Error(stderr);
    return /the page is at http:\/\/127\.0\.0\.1:(\d+)\//.exec(stderr)?.[1];
  }));
  const token = fs.readFileSync(path.join(state, 'kalua/web-token'), 'utf8').trim();
  const ask = async (what, headers = { Authorization: `Bearer ${token}` }) => {
    const answer = await fetch(`http://127.0.0.1:${port}${what}`, { headers });
    const text = await answer.text();
    return { status: answer.status, text, headers: answer.headers, get body() { return JSON.parse(text); } };
  };
  return { url: `http://127.0.0.1:${port}/`, port, token, ask, state, log: () => stderr,
    stop: async () => { p.kill('SIGTERM'); assert.equal(await ended, 130, stderr); } };
}

// With headers that fetch() does not let one choose.
const raw = (port, headers, what = '/api/state') => new Promise((resolve, reject) => {
  http.get({ host: '127.0.0.1', port, path: what, headers }, (r) => {
    let text = '';
    r.on('data', (d) => { text += d; });
    r.on('end', () => resolve({ status: r.statusCode, text }));
  }).on('error', reject);
});

describe('the page', { skip }, () => {
  const complaints = [];
  let sim, browser, host, page, cwd;
  const text = (selector) => page.locator(selector).allTextContents();
  const seen = (selector, wanted) => until(`${selector}: ${wanted}`, async () => (await text(selector)).some((x) => wanted.test(x)))
    .catch(async (e) => { throw new Error(`${e.message}; there is ${JSON.stringify(await text(selector))}`); });
  async function newPage(options = {}) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    const p = await context.newPage();
    p.setDefaultTimeout(PATIENCE_MS);
    p.on('pageerror', (e) => complaints.push(String(e)));
    p.on('console', (m) => { if (['error', 'warning'].includes(m.type()) && !/status of 401|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|net::ERR/.test(m.text())) complaints.push(m.text()); });
    p.on('dialog', (d) => { complaints.push(`dialog ${d.message()}`); d.dismiss(); });
    return p;
  }

  before(async () => {
    cwd = tempDir();
    fs.writeFileSync(path.join(cwd, 'quoter.lua'), QUOTER);
    fs.writeFileSync(path.join(cwd, `${HOSTILE_NAME}.lua`), FAILING);
    [sim, browser] = await Promise.all([Sim.start('--quiet-market', '--markets', '36', '--users', '2'), launch()]);
    sim.ticker = (await sim.rest('GET', '/markets?limit=1&status=open')).body.markets[0].ticker;
    for (const [side, price, count] of [['bid', '0.38', '120'], ['bid', '0.35', '7.5'], ['ask', '0.47', '30']])
      await sim.trigger('quote', { market: sim.ticker, side, price, count });
    host = await run(sim, cwd);
    page = await newPage();
  });
  after(async () => {
    await browser?.close();
    await host?.stop();
    await sim?.stop();
  });

  test('without the token, or for another site, there is no data', async () => {
    for (const what of ['state', 'orders', 'positions', 'fills', 'book?ticker=X', 'log', 'profit', 'events']) {
      const none = await host.ask(`/api/${what}`, {});
      assert.equal(none.status, 401, what);
      assert.doesNotMatch(none.text, /quoter|scripts|ticker/, what);
      assert.equal((await host.ask(`/api/${what}`, { Authorization: `Bearer ${host.token.slice(1)}0` })).status, 401, what);
      assert.equal((await host.ask(`/api/${what}${what.includes('?') ? '&' : '?'}token=${host.token}`, {})).status, 401, what);
    }
    const Authorization = `Bearer ${host.token}`;
    assert.equal((await raw(host.port, { Authorization, Host: `evil.example:${host.port}` })).status, 403);
    assert.equal((await raw(host.port, { Authorization, Origin: 'https://evil.example' })).status, 403);
    assert.equal((await raw(host.port, { Authorization })).status, 200);
    const shell = await host.ask('/', {});
    assert.equal(shell.status, 200);
    assert.match(shell.headers.get('content-security-policy'), /default-src 'none'; script-src 'self'/);
    assert.doesNotMatch(shell.text, /<script>|style=|onclick=/);
    assert.equal((await host.ask('/page/../page.css', {})).status, 404);
  });

  test('it asks for the token, says where it is, and forgets a wrong one', async () => {
    await page.goto(host.url);
    await page.locator('#door').waitFor();
    assert.match(await page.locator('#door').textContent(), /kalua run --web.*web-token/s);
    await page.locator('#door-token').fill('not the token');
    await page.locator('#door-form').getByRole('button').click();
    await seen('#door-why', /no token/);
    await page.locator('#door-token').fill('0'.repeat(64));
    await page.locator('#door-form').getByRole('button').click();
    await seen('#door-why', /not the token of the process/);
    await page.goto(`${host.url}#token=${host.token}`);
    await page.locator('main').waitFor();
    assert.equal(await page.evaluate(() => location.href), host.url); // it is gone from the address
    assert.equal(await page.evaluate(() => document.cookie + localStorage.length), '0');
    await page.reload(); // and still known to this tab
    await page.locator('main').waitFor();
  });

  test('strategies, orders and positions are those of the process', async () => {
    await seen('#mode', /^SIM$/);
    await seen('#script-rows tr', /quoter.*running/);
    await seen('#script-rows tr', /failing.*failed.*no such market/);
    const listed = JSON.parse((await kalua(['ps', '--json'])).stdout);
    const state = (await host.ask('/api/state')).body;
    assert.deepEqual(state.scripts.map((s) => [s.name, s.phase, s.failed, s.generation]), listed.map((s) => [s.name, s.phase, s.failed, s.generation]));
    assert.deepEqual((await text('.name')).slice(1), listed.map((s) => s.name));
    await until('the orders', async () => (await host.ask('/api/orders')).body.open === 2);
    await seen('#tab-orders', /^Orders \(2\)$/);
    await sim.trigger('trade', { market: sim.ticker, side: 'ask', count: 4 }); // sold into the own bid
    await seen('#orders tr', /bid0\.404 \/ 10resting/);
    await seen('#orders tr', /ask0\.450 \/ 7resting/);
    const { orders: real } = (await sim.rest('GET', '/portfolio/orders?status=resting')).body;
    await becomes('the same orders', real.map((o) => [o.order_id, o.remaining_count_fp]).sort(),
      async () => (await host.ask('/api/orders')).body.orders.map((o) => [o.order_id, o.remaining]).sort());
    await page.locator('#tab-positions').click();
    await seen('#positions tr', /^quoter.*4.*0\.40/);
    const held = (await host.ask('/api/positions')).body.positions;
    assert.deepEqual(held.map((p) => [p.script, p.ticker, p.position, p.cost]), [['quoter', sim.ticker, '4.00', '1.600000']]);
    await page.locator('#tab-fills').click();
    await seen('#fills tr', new RegExp(`quoter${sim.ticker}bid0\\.404`));
    assert.equal((await host.ask('/api/fills')).body.fills[0].count, '4.00');
    await seen('#figures', /at risk/);
    await until('the curve', async () => (await page.locator('#chart path.curve').count()) === 1);
    await until('a sample of the profit', async () => {
      const { series } = (await host.ask('/api/profit?script=quoter')).body;
      return series.length === 1 && series[0].samples.length > 0;
    });
  });

  test('the ladder is the book, with own orders beside their levels', async () => {
    const { orderbook_fp } = (await sim.rest('GET', `/markets/${sim.ticker}/orderbook`)).body;
    await becomes('the book', { bids: orderbook_fp.yes_dollars.toReversed(), asks: orderbook_fp.no_dollars.toReversed().map(([p, c]) => [(1 - Number(p)).toFixed(4), c]) },
      async () => { const { bids, asks } = (await host.ask(`/api/book?ticker=${sim.ticker}`)).body; return { bids, asks }; });
    await becomes('the ladder of the page', [['', '', '0.47', '30', ''], ['', '', '0.45', '7', '7'], ['6', '6', '0.40', '', ''], ['', '120', '0.38', '', ''], ['', '7.5', '0.35', '', '']],
      () => page.evaluate(() => ['asks', 'bids'].flatMap((id) => [...document.getElementById(id).rows].map((r) => [...r.cells].map((c) => c.textContent))).filter((r) => r[2])));
    await sim.trigger('quote', { market: sim.ticker, side: 'ask', price: '0.46', count: '3' });
    await seen('#asks tr', /^0\.463$/);
    assert.equal((await host.ask('/api/book?ticker=KXNOBODY')).status, 404);
    assert.equal((await host.ask('/api/orders?limit=9999999')).status, 400);
  });

  test('what scripts are called and say is text', async () => {
    await seen('#log-lines li', new RegExp(`quoter ${HOSTILE.replace(/[()]/g, '\\$&')}`));
    await seen('#log-lines li', /right \ufffd to left/);
    await page.locator('.name', { hasText: 'failing' }).click();
    await seen('#detail-title', new RegExp(HOSTILE_NAME));
    await seen('#detail-problem', /<b>no such market<\/b>/);
    await seen('#orders-note', /has no order/);
    await page.locator('#log-level').selectOption('0');
    await until('errors alone', async () => (await text('#log-lines li')).every((x) => /error/.test(x)));
    assert.equal(await page.locator('main img, main script, main #log b b, main i i').count(), 0);
    await page.locator('#log-level').selectOption('2');
    await page.locator('.name').first().click();
  });

  test('by keyboard, for readers, in the dark and on a phone', async (t) => {
    await page.locator('#chart').focus();
    await page.keyboard.press('Home');
    await until('a reading', async () => /dollars at/.test(await page.locator('#chart').getAttribute('aria-valuetext')));
    const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
    const faults = async (p, runOnly) => {
      await p.evaluate(fs.readFileSync(axe, 'utf8'));
      const { violations } = await p.evaluate((o) => globalThis.axe.run(document, { runOnly: o, resultTypes: ['violations'] }), runOnly);
      return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(' ')}`);
    };
    assert.deepEqual(await faults(page, ['wcag2a', 'wcag2aa', 'best-practice']), []);
    const shots = new Set();
    for (const [name, options] of [['dark', { colorScheme: 'dark' }], ['phone', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }]]) {
      const p = await newPage(options);
      await p.goto(`${host.url}#token=${host.token}`);
      await p.locator('#script-rows tr').nth(2).waitFor();
      assert.deepEqual(await faults(p, { type: 'rule', values: [name === 'dark' ? 'color-contrast' : 'target-size'] }), [], name);
      for (const view of name === 'phone' ? ['overview', 'book', 'activity', 'log'] : [null]) {
        if (view) await p.locator(`#views [data-view=${view}]`).click();
        assert.ok(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth && document.documentElement.scrollHeight <= innerHeight), `${name} ${view}`);
        const shot = await p.screenshot();
        assert.ok(shot.length > 10000, `${name} ${view}: ${shot.length} bytes`);
        shots.add(shot.toString('base64'));
      }
      const back = await p.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(back === 'rgb(12, 15, 20)', name === 'dark');
      await p.context().close();
    }
    assert.equal(shots.size, 5);
    t.diagnostic(`${shots.size} screenshots`);
  });

  test('each account has its heading, its orders and its curve; on a phone, too', async () => {
    const both = tempDir();
    fs.writeFileSync(path.join(both, 'both.lua'), `
      local kalshi, kalua, task = require "kalshi", require "kalua", require "task"
      local other = kalshi.connect{ profile = "second" }
      local held = other.book(kalua.args[1])
      kalshi.order{ ticker = kalua.args[1], side = "yes", price = 0.02, count = 1 }
      other.order{ ticker = kalua.args[1], side = "yes", price = 0.03, count = 2 }
      other.order{ ticker = kalua.args[1], side = "yes", price = 0.99, count = 1 }
      while true do task.sleep(60) end`);
    fs.writeFileSync(path.join(both, '.env.second'), `KALSHI_API_KEY_ID=${sim.users[1].key_id}\nKALSHI_PRIVATE_KEY_PATH=${sim.users[1].key_path}\n`, { mode: 0o600 });
    const mine = await run(sim, both, { scripts: ['both.lua'] });
    const p = await newPage({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    const sees = (selector, wanted) => until(`${selector}: ${wanted}`, async () => (await p.locator(selector).allTextContents()).some((x) => wanted.test(x)))
      .catch(async (e) => { throw new Error(`${e.message}; there is ${JSON.stringify(await p.locator(selector).allTextContents())}\n${mine.log()}`); });
    try {
      await p.goto(`${mine.url}#token=${mine.token}`);
      await until('the fill', async () => (await mine.ask('/api/fills')).body.fills.length === 1);
      // The fill may be told before its order is.
      await becomes('the orders', [2, [['', 'resting'], ['second', 'resting'], ['second', 'filled']]], async () => {
        const { open, orders } = (await mine.ask('/api/orders')).body;
        return [open, orders.map((o) => [o.profile, o.status])];
      });
      await becomes('the state', [[['', 'sim', 'sim', 1, 0], ['second', 'sim second', 'sim', 1, 1]], [1, 1, 2, [sim.ticker]]], async () => {
        const state = (await mine.ask('/api/state')).body;
        return [state.accounts.map((a) => [a.profile, a.shown, a.mode, a.orders_open, a.fills]),
          [state.account.orders_open, state.scripts[0].trading.placed, state.scripts[0].elsewhere.second.placed, state.books]];
      });
      assert.deepEqual((await mine.ask('/api/orders?profile=second&script=both')).body.orders.length, 2);
      assert.deepEqual((await mine.ask('/api/orders?profile=')).body.orders.map((o) => o.profile), ['']);
      await becomes('the position', [['second', '1.00']],
        async () => (await mine.ask('/api/positions')).body.positions.map((x) => [x.profile, x.position]));
      assert.equal((await mine.ask('/api/fills?profile=')).body.fills.length, 0);
      assert.deepEqual((await mine.ask(`/api/book?ticker=${sim.ticker}`)).body.own.map((o) => o.profile), ['', 'second']);
      // A sample is taken each second.
      await until('a sample of the script on the second account', async () => (await mine.ask('/api/profit')).body.series
        .some((x) => x.profile === 'second' && x.script === 'both' && x.samples.length));
      // A heading for each, and below it what trades there.
      await sees('#script-rows tr.heading', /^sim secondbalance/);
      await until('the rows', async () => (await p.locator('#script-rows .name').allTextContents()).join() === 'sim,both,sim second,both');
      await p.locator('#views [data-view=activity]').click();
      await until('the orders', async () => (await p.locator('#orders td.account:visible').allTextContents()).sort().join() === 'second,second,sim');
      for (const view of ['overview', 'activity', 'book']) {
        await p.locator(`#views [data-view=${view}]`).click();
        for (const tab of view === 'activity' ? ['orders', 'positions', 'fills'] : ['']) {
          if (tab) await p.locator(`#tab-${tab}`).click();
          const wide = await p.evaluate((id) => [document.documentElement, ...(id ? [document.getElementById(`${id}-tab`)] : [])].map((e) => e.scrollWidth - e.clientWidth), tab);
          assert.ok(wide.every((x) => x <= 0), `${view} ${tab} is ${wide} wider`);
          if (process.env.SHOTS) await p.screenshot({ path: path.join(process.env.SHOTS, `${view}${tab}.png`) });
        }
      }
      // What is chosen narrows orders and header to one account.
      await p.locator('#views [data-view=overview]').click();
      await p.locator('#script-rows .name').nth(2).click();
      await sees('#figures', /accountsim second/);
      await sees('#reading-time', /sim second, now/);
      await p.locator('#views [data-view=activity]').click();
      await p.locator('#tab-orders').click();
      await until('its orders', async () => (await p.locator('#orders td.account').allTextContents()).join() === 'second,second');
    } finally {
      await p.context().close();
      await mine.stop();
    }
  });

  test('a fill is that of its script, however long the name is', async () => {
    const [folder, name] = [tempDir(), `long_${'x'.repeat(200)}`];
    const { ticker } = (await sim.rest('GET', '/markets?limit=2&status=open')).body.markets[1];
    await sim.trigger('quote', { market: ticker, side: 'ask', price: '0.60', count: '5' });
    fs.writeFileSync(path.join(folder, `${name}.lua`), `
      local kalshi, task = require "kalshi", require "task"
      kalshi.order{ ticker = "${ticker}", side = "yes", price = 0.99, count = 1 }
      while true do task.sleep(60) end`);
    const mine = await run(sim, folder, { scripts: [`${name}.lua`] });
    try {
      await until('the fill', async () => (await mine.ask('/api/fills')).body.fills.length > 0);
      const [all, its] = await Promise.all(['', `?script=${name}`].map(async (x) => (await mine.ask(`/api/fills${x}`)).body.fills));
      assert.deepEqual(all.map((f) => f.script), [name]);
      assert.equal(its.length, 1);
    } finally {
      await mine.stop();
    }
  });

  test('it tells when the process has ended, and goes on with the next one', async () => {
    const { port, token, state } = host;
    assert.doesNotMatch(host.log(), new RegExp(token));
    await host.stop();
    host = null;
    await seen('#gone', /has ended or does not answer.*is from/);
    assert.ok(await page.evaluate(() => document.body.classList.contains('stale')));
    host = await run(sim, cwd, { wanted: port, state });
    assert.equal(host.token, token);
    await page.locator('#gone').waitFor({ state: 'hidden' });
    await seen('#figures', /up\d+s/);
    assert.deepEqual(complaints, []);
  });
});
