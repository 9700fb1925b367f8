// A real browser for the tests of the simulator's page: Debian's chromium, driven by playwright-core.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { PATIENCE_MS, until } from './peers.mjs';

const CHROMIUM = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
// scripts/test installs one, and sets KALUA_TEST_BROWSER: there it must be. By hand the files may run without.
export const skip = CHROMIUM || process.env.KALUA_TEST_BROWSER === 'required' ? false
  : 'there is no chromium: apt-get install chromium, or name one by CHROMIUM=/path';

export const launch = () => chromium.launch({ executablePath: CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'], timeout: PATIENCE_MS });

// A page at `url` that remembers in `complaints` what its console said. An answer that is an error is told there by the
// browser itself: `allowed` matches those that a test provokes.
export async function visit(browser, url, { allowed = /^$/, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.complaints = [];
  page.on('pageerror', (e) => page.complaints.push(String(e)));
  page.on('console', (m) => { if (['error', 'warning'].includes(m.type()) && !allowed.test(m.text())) page.complaints.push(m.text()); });
  page.on('dialog', (d) => { page.complaints.push(`dialog ${d.message()}`); d.dismiss(); });
  await page.goto(url);
  await page.waitForSelector('#market-rows tr');
  return page;
}

// Waits until one of the elements has the text.
export const seen = (page, selector, wanted) => until(`${selector}: ${wanted}`, async () => {
  const got = await page.locator(selector).allTextContents();
  return got.some((x) => (wanted instanceof RegExp ? wanted.test(x) : x === wanted));
});

// Opens the form of a trigger, fills it and runs it: whether it was done, and what is said about it.
export async function run(page, kind, args = {}) {
  const form = page.locator(`#trigger-${kind}`);
  if (!(await form.evaluate((d) => d.open))) await form.locator('summary').click();
  for (const field of await form.locator('[name]').all()) {
    const { name, select } = await field.evaluate((f) => ({ name: f.name, select: f.tagName === 'SELECT' }));
    if (!(name in args) && name === 'market') continue; // stays what is in view
    if (select) await field.selectOption(args[name] ?? '');
    else await field.fill(args[name] ?? '');
  }
  const out = form.locator('output');
  await out.evaluate((o) => o.replaceChildren());
  await form.getByRole('button', { name: `Run ${kind}` }).click();
  await until(`the outcome of ${kind}`, () => out.textContent());
  return { ok: (await out.getAttribute('class')) === 'good', text: await out.textContent() };
}
