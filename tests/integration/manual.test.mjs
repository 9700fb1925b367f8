// The tutorial and the pages with one goal, followed literally; a simulator stands for the exchange inside the process, so that
// its market does what the pages tell. And the values that the explanations show.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import test, { after, before } from 'node:test';
import { Sim, until } from './peers.mjs';
import { Reader, blocks, lua, read } from './page.mjs';

let sim, markets, ticker;
const quote = (side, price, count, market = ticker) =>
  sim.trigger('quote', { market, side, price: String(price), count: String(count) });

before(async () => {
  sim = await Sim.start('--quiet-market', '--seed', '5', '--tier', 'basic');
  markets = (await sim.rest('GET', '/markets?status=open&series_ticker=KXFED&limit=5')).body.markets.map((m) => m.ticker);
  ticker = markets[0];
  await quote('bid', 0.3, 100);
  await quote('ask', 0.34, 100);
});
after(() => sim?.stop());

test('the tutorial, and what to look at when it does not trade', async () => {
  const reader = new Reader({ env: sim.env() });
  const page = blocks(read('tutorial.md'));
  const at = (text) => {
    const i = page.findIndex((b) => b.text.includes(text));
    assert.ok(i >= 0, text);
    return i;
  };
  // What the reader does between the blocks, in front of the one with that text.
  const acts = new Map([
    [at('generation 2\nbid'), () => reader.change('maker.lua', 'EDGE = 0.002', 'EDGE = 0.001')],
    [at('fill bid 9'), () => sim.trigger('trade', { market: ticker, side: 'ask', count: '9', price: '0.31' })],
    [at('generation 2 goes on)\n'), () => reader.change('maker.lua', 'EDGE = 0.001', 'EDGE = 0.001 +')],
    [at('generation 3\nbid'), async () => {
      const both = fs.readFileSync(reader.file('maker.lua'), 'utf8').replace('SIZE = 10 ', 'SIZE = 100 ');
      reader.write('maker.lua', both.replace('EDGE = 0.001 +', 'EDGE = 0.001'));
      await until('generation 3', () => reader.last.out.includes('generation 3'));
      await quote('bid', 0.31, 100); // the book moves
    }],
    [at('^C\nstopped with a position of +15'), async () => {
      for (const b of blocks(read('why-no-trade.md'))) await reader.follow(b.text);
      reader.change('maker.lua', 'SIZE = 100 ', 'SIZE = 10 ');
    }],
  ]);
  try {
    for (const [i, { language, text }] of page.entries()) {
      if (language === 'lua') assert.ok(fs.readFileSync(reader.file('maker.lua'), 'utf8').includes(text), text);
      if (language !== '') continue;
      if (!text.startsWith('$')) reader.mark();
      await acts.get(i)?.();
      await reader.follow(text);
    }
  } finally {
    await reader.end();
  }
});

test('a strategy that quotes, another source of data, history in a file, accounts', async () => {
  const reader = new Reader({ env: sim.env(), lasting: /^kalua run (quote|--allow-net)/ });
  const market = markets[3]; // where nothing of the tutorial is left
  await quote('bid', 0.31, 100, market);
  await quote('ask', 0.32, 100, market);
  const server = http.createServer((q, a) => { a.end('{"probability": 0.62}'); });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  const here = (text) => text.replace(/KXFED-26DEC-T4\.25/g, market)
    .replace(/https:\/\/forecast\.example\.com/g, `http://127.0.0.1:${server.address().port}`).replace(/forecast\.example\.com/g, '127.0.0.1');
  try {
    for (const [name, files] of [['quote.md', ['quote.lua', 'quote_test.lua']], ['data-source.md', ['forecast.lua']], ['history.md', ['candles.lua']], ['accounts.md', ['second.lua']]]) {
      lua(read(name)).forEach((text, i) => reader.write(files[i], text));
      for (const { language, text } of blocks(read(name))) if (language === '') await reader.follow(here(text));
    }
    const rows = (file) => fs.readFileSync(reader.file(file), 'utf8').split('\n').filter(Boolean);
    for (const row of [...rows('trades.jsonl'), ...rows('markets.jsonl'), ...rows('stream.jsonl')]) assert.ok(JSON.parse(row));
    assert.match(rows('markets.csv')[0], /^"KXFED-/);
    assert.equal(rows('candles.csv')[0], 'end,open,high,low,close,volume');
  } finally {
    server.close();
    await reader.end();
  }
});

// `expression --> value` in a page becomes a check of the value; what stands behind it in words is not looked at. Numbers of the
// moment are compared by their type.
function checked(name, text) {
  const value = /(?:-?[\d.]+|"[^"]*"|true|false|nil|\{[^}]*\})/.source;
  return text.split('\n').map((line) => {
    const m = /^(local \w+ = )?(.*?)\s*-->\s*(.*)$/.exec(line);
    if (!m) return line;
    const [, local, expression, said] = m;
    const shown = new RegExp(`^${value}(?:,\\s*${value})*`).exec(said)?.[0];
    const where = JSON.stringify(`${name}: ${line.trim()}`);
    const variable = local && /local (\w+)/.exec(local)[1];
    const head = local ? `${local}${expression} ` : '';
    return `${head}same(${where}, table.pack(${shown ?? ''}), ${variable ?? expression})`;
  }).join('\n');
}

test('the values that the explanations show', async () => {
  const reader = new Reader({ env: sim.env() });
  for (const market of markets.slice(1, 3)) {
    for (const [side, price, count] of [['bid', 0.31, 3], ['bid', 0.3, 210.06], ['ask', 0.32, 88], ['ask', 0.33, 40]]) {
      await quote(side, price, count, market);
    }
  }
  const setup = {
    'two-sides': `local ticker = "${markets[1]}"`, fees: '',
    queue: `local t = "${markets[2]}" local book = kalshi.book(t)`, 'rate-limits': '',
  };
  for (const [name, before] of Object.entries(setup)) {
    reader.write(`${name}.lua`, `local kalshi, same = require "kalshi", require "lib.same"
${before}
${lua(read(`${name}.md`)).map((text) => checked(name, text)).join('\n')}
print(same())`);
  }
  fs.mkdirSync(reader.file('lib'));
  reader.write('lib/same.lua', `local checks = 0
return function(where, shown, ...)
  if not where then return checks .. " values" end
  checks = checks + 1
  local got = table.pack(...)
  for i = 1, shown.n do
    local is, expected = got[i], shown[i]
    if type(expected) == "number" and where:find("just now", 1, true) then
      assert(type(is) == "number", where)
    elseif type(expected) == "number" then
      assert(math.abs(is - expected) < 1e-9, where .. ": " .. tostring(is))
    elseif type(expected) == "table" then
      for k, v in pairs(expected) do assert(is[k] == v, where .. ": " .. k .. " is " .. tostring(is[k])) end
    else
      assert(is == expected, where .. ": " .. tostring(is))
    end
  end
end`);
  const run = reader.start(`kalua run ${Object.keys(setup).map((n) => `${n}.lua`).join(' ')}`);
  assert.equal(await run.ended, 0, run.out);
  assert.deepEqual([...run.out.matchAll(/(\d+) values/g)].map((m) => Number(m[1])).sort(), [1, 2, 5, 5], run.out);
});
