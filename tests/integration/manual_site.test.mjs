// The manual as a site: scripts/docs builds it without a warning, every page is reached by links that lead somewhere, and in a
// real browser, from files and without any network, it is searched, reads in light and dark, and fits on a phone.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { before } from 'node:test';
import { pathToFileURL } from 'node:url';
import { launch, skip as noBrowser } from './browser.mjs';
import { root, tempDir, until } from './peers.mjs';

const missing = spawnSync('sphinx-build', ['--version']).error && process.env.KALUA_TEST_BROWSER !== 'required';
const skip = missing ? 'there is no sphinx-build: scripts/setup test' : false;
// KALUA_TEST_SITE: one that is built already.
const site = path.resolve(process.env.KALUA_TEST_SITE ?? path.join(tempDir(), 'site'));

before(() => {
  if (skip || process.env.KALUA_TEST_SITE) return;
  const built = spawnSync(path.join(root, 'scripts/docs'), [site], { encoding: 'utf8' });
  assert.equal(built.status, 0, built.stdout + built.stderr);
  assert.equal(built.stderr, '');
});

const decode = (s) => s.replace(/&amp;/g, '&').replace(/&quot;/g, '"').replace(/&#39;|&#x27;/g, "'");
const pages = new Map(); // file -> {links, ids, own: what it loads}
function page(file) {
  if (!pages.has(file)) {
    const text = fs.readFileSync(file, 'utf8').replace(/<script[^>]*>[^]*?<\/script>/g, (s) => s.slice(0, s.indexOf('>') + 1));
    pages.set(file, {
      links: [...text.matchAll(/<a\b[^>]*?\bhref="([^"]*)"/g)].map((m) => decode(m[1])),
      ids: new Set([...text.matchAll(/\bid="([^"]*)"/g)].map((m) => decode(m[1]))),
      loads: [...text.matchAll(/<(?:link|script|img|iframe|source)\b[^>]*?\b(?:href|src)="([^"]*)"/g)].map((m) => decode(m[1])),
    });
  }
  return pages.get(file);
}

test('every page is reached, and every link leads somewhere', { skip }, () => {
  const start = path.join(site, 'index.html');
  const todo = [start], seen = new Set(todo), broken = [];
  while (todo.length) {
    const from = todo.pop();
    for (const src of page(from).loads) assert.doesNotMatch(src, /^([a-z]+:)?\/\//, `${from} loads ${src}`);
    for (const href of page(from).links) {
      if (/^(https?|mailto):/.test(href)) continue;
      const [name, id] = href.split('#');
      const to = name ? path.resolve(path.dirname(from), decodeURIComponent(name.split('?')[0])) : from;
      if (!fs.existsSync(to)) {
        broken.push(`${path.relative(site, from)}: ${href}`);
      } else if (to.endsWith('.html')) {
        if (id && !page(to).ids.has(decodeURIComponent(id))) broken.push(`${path.relative(site, from)}: ${href}`);
        if (!seen.has(to)) {
          seen.add(to);
          todo.push(to);
        }
      }
    }
  }
  assert.deepEqual(broken, []);
  const sources = fs.readdirSync(path.join(root, 'docs'), { recursive: true }).filter((f) => f.endsWith('.md') && !f.startsWith('generate'));
  assert.ok(sources.length > 40);
  for (const f of sources) assert.ok(seen.has(path.join(site, f.replace(/md$/, 'html'))), `${f} is not reached from the front page`);
  assert.ok(seen.has(path.join(site, 'source/scripts/examples/market_maker.lua.html')));
});

test('a page begins with what it is for', () => {
  for (const f of fs.readdirSync(path.join(root, 'docs')).filter((n) => n.endsWith('.md'))) {
    const [title, blank, first] = fs.readFileSync(path.join(root, 'docs', f), 'utf8').replace(/^<!--.*-->\n/m, '').split('\n');
    assert.match(title, /^# \S/, f);
    assert.equal(blank, '', f);
    assert.match(first, /^[A-Z`\[*].{20,}/, `${f} begins with ${first}`);
  }
});

test('in a browser, from files', { skip: skip || noBrowser }, async () => {
  const browser = await launch();
  try {
    const context = await browser.newContext({ colorScheme: 'light' });
    const tab = await context.newPage();
    const complaints = [], requests = [];
    tab.on('pageerror', (e) => complaints.push(String(e)));
    tab.on('console', (m) => { if (['error', 'warning'].includes(m.type())) complaints.push(m.text()); });
    tab.on('request', (r) => { if (!/^(file|data):/.test(r.url())) requests.push(r.url()); });
    const open = (name) => tab.goto(`${pathToFileURL(path.join(site, name))}`);

    await open('index.html');
    for (const [words, wanted] of [['queue position', 'queue.html'], ['max_position', 'errors.html'], ['probation', 'reload.html'],
      ['does not trade', 'why-no-trade.html'], ['price_off_grid', 'errors.html'], ['requote', 'reference/orders.html']]) {
      await open('index.html');
      await tab.locator('.sidebar-search').fill(words);
      await tab.locator('.sidebar-search').press('Enter');
      await tab.waitForURL(/search\.html/); // what is asked of a page that is being left is an error
      const first = () => tab.locator('#search-results .search li a').evaluateAll((a) => a.slice(0, 3).map((x) => x.getAttribute('href')));
      await until(`${words} finds ${wanted}`, async () => (await first()).some((h) => h.split(/[?#]/)[0].endsWith(wanted)))
        .catch(async (e) => { throw new Error(`${e.message}: ${await first()}`); });
    }

    const background = () => tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await open('fees.html');
    const light = await background();
    assert.ok(await tab.locator('.highlight-lua .highlight .k, .highlight-lua .highlight .kd').count() > 0, 'Lua is coloured');
    await tab.emulateMedia({ colorScheme: 'dark' });
    await until('a dark page', async () => await background() !== light);
    assert.equal(await tab.evaluate(() => document.body.getBoundingClientRect().left), 0);

    // The button: the other of both, also on the next page; the same held fast; what the system says.
    const theme = () => tab.evaluate(() => document.body.dataset.theme), button = tab.locator('.theme-toggle:visible').first();
    await button.click();
    assert.deepEqual([await theme(), await background()], ['light', light]);
    await open('queue.html');
    assert.deepEqual([await theme(), await background()], ['light', light]);
    await button.click();
    await tab.emulateMedia({ colorScheme: 'light' });
    assert.equal(await theme(), 'dark');
    assert.notEqual(await background(), light);
    await tab.emulateMedia({ colorScheme: 'dark' });
    await button.click();
    assert.equal(await theme(), 'auto');
    assert.notEqual(await background(), light);

    await tab.setViewportSize({ width: 375, height: 700 });
    for (const name of ['index', 'tutorial', 'architecture', 'commands', 'fees', 'errors', 'reference/kalshi-books', 'why-no-trade']) {
      await open(`${name}.html`);
      const wide = await tab.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 375, `${name} is ${wide} wide on a phone`);
    }
    await open('architecture.html');
    const cut = await tab.evaluate(() => [...document.querySelectorAll('#the-way-of-a-message pre, #the-way-of-an-order pre')]
      .map((p) => p.scrollWidth - p.clientWidth));
    assert.deepEqual(cut, [0, 0], 'the drawings fit on a phone');
    assert.deepEqual(complaints, []);
    assert.deepEqual(requests, []);
  } finally {
    await browser.close();
  }
});
