// The page of the simulator in a real browser, over thousands of markets that move, and over a restart.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import { launch, run, seen, skip, visit } from './browser.mjs';
import { KALUA, Sim, cleanEnv, tempDir, until } from './peers.mjs';

test('5,000 markets: a page of them is in the document, they move, sort and can be found', { skip }, async (t) => {
  const [sim, browser] = await Promise.all([Sim.start('--markets', '5000', '--rate', '200'), launch()]);
  t.after(() => Promise.all([browser.close(), sim.stop()]));
  const page = await visit(browser, sim.page_url);
  await seen(page, '#range', /^1–100 of [5-9],\d{3}$/);
  assert.equal(await page.locator('#market-rows tr').count(), 100);
  const prices = () => page.locator('#market-rows').textContent();
  const before = await prices();
  await until('something to move', async () => (await prices()) !== before);
  await page.locator('#next').click();
  await seen(page, '#range', /^101–200 of/);
  for (const [head, field, order] of [['Market', 'ticker', 'asc'], ['Volume', 'volume', 'desc'], ['Last', 'last', 'desc']]) {
    await page.locator('#market-heads button', { hasText: head }).click();
    await page.locator(`th[aria-sort=${order}ending] button`, { hasText: head }).waitFor();
    await until(`by ${field}`, async () => {
      const cells = await page.locator('#market-rows tr').evaluateAll((rows, i) => rows.map((r) => (i ? r.cells[i].textContent.replaceAll(',', '') : r.querySelector('a').textContent)),
        { ticker: 0, volume: 5, last: 4 }[field]);
      const sorted = [...cells].sort(field === 'ticker' ? undefined : (a, b) => (Number(b) || 0) - (Number(a) || 0));
      return cells.length === 100 && cells.join() === sorted.join();
    });
  }
  await page.locator('#market-heads button', { hasText: 'Market' }).click();
  await page.locator('#market-heads button', { hasText: 'Market' }).click();
  await page.locator('th[aria-sort=descending] button', { hasText: 'Market' }).waitFor();
  await page.locator('#q').fill('no such market at all');
  await page.locator('#markets-note').waitFor();
  await page.locator('#q').fill('kxbtc');
  await until('those found', async () => {
    const all = await page.locator('#market-rows a').allTextContents();
    return all.length > 0 && all.every((x) => x.includes('KXBTC'));
  });
  assert.deepEqual(page.complaints, []);
});

test('it survives the simulator, over TLS and with a state file', { skip }, async (t) => {
  const port = await new Promise((resolve) => {
    const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => resolve(port)); });
  });
  const args = ['--tls', '--state', path.join(tempDir(), 'exchange'), '--port', String(port), '--quiet-market'];
  const [sim, browser] = await Promise.all([Sim.start(...args), launch()]);
  t.after(() => Promise.all([browser.close(), sim.stop()]));
  const page = await visit(browser, sim.page_url, { ignoreHTTPSErrors: true, allowed: /ERR_CONNECTION|ERR_EMPTY|ERR_SSL|ERR_ADDRESS|ERR_SOCKET/ });
  const ticker = await page.locator('#market-rows a').first().textContent();
  await page.locator('#market-rows a').first().click();
  assert.ok((await run(page, 'deposit', { amount: '500' })).ok);
  await seen(page, '#accounts tr', /\$40,500\.00/);
  await page.locator('#trigger-withdraw summary').click();
  await page.locator('#trigger-withdraw [name=amount]').fill('12.34');
  await sim.stop();
  await seen(page, '#gone', new RegExp(`127\\.0\\.0\\.1:${port} does not answer`));
  await seen(page, '#exchange-state', 'not there');
  const second = spawn(KALUA, ['sim', ...args], { env: cleanEnv(), stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => second.kill('SIGTERM'));
  let said = '';
  second.stdout.on('data', (d) => { said += d; });
  await page.locator('#gone').waitFor({ state: 'hidden' });
  await until('where to look', () => said.includes(`look at it in a browser: https://127.0.0.1:${port}/\n`));
  await seen(page, '#exchange-state', 'exchange active');
  await seen(page, '#accounts tr', /\$40,500\.00/);
  assert.equal(await page.locator('#ticker').textContent(), ticker);
  assert.equal(await page.locator('#trigger-withdraw [name=amount]').inputValue(), '12.34', 'what was typed stays');
  await page.locator('#quick').getByRole('button', { name: 'Close' }).click();
  await seen(page, '#market-status', 'closed');
  assert.deepEqual(page.complaints, []);
});
