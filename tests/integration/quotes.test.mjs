// Quotes under limits between two accounts on the embedded exchange: quotes and orders together never pass a limit, what
// a quote becomes is its script's, on both sides; and the example that answers requests.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { KALUA, Sim, cleanEnv, root, tempDir, until } from './peers.mjs';

const MAKER = 0, ASKER = 1, CROWD = 2;
let sim, tickers, other; // a market of each event, and one more
const running = [];

// Five times as fast: there are 6 s to confirm a quote, which executes 3 s later.
before(async () => {
  sim = await Sim.start('--quiet-market', '--users', '3', '--speed', '5', '--markets', '120', '--seed', '7');
  const { body } = await sim.rest('GET', '/markets?status=open&limit=1000');
  const fit = body.markets.filter((m) => m.price_level_structure === 'linear_cent' && m.exchange_index === 0 &&
    Date.parse(m.close_time) > Date.now() + 2 * 3600e3);
  tickers = [...new Map(fit.map((m) => [m.event_ticker, m.ticker])).values()];
  other = fit.map((m) => m.ticker).find((ticker) => !tickers.slice(0, 3).includes(ticker));
  for (const [side, price] of [['bid', '0.4700'], ['ask', '0.5300']]) await order(tickers[2], side, price);
});
after(async () => {
  running.forEach((p) => { if (p.exitCode === null) p.kill('SIGKILL'); });
  await sim?.stop();
});

const ok = ({ status, body }) => {
  assert.ok(status < 300, JSON.stringify(body));
  return body;
};
const order = async (ticker, side, price) => ok(await sim.rest('POST', '/portfolio/events/orders', { ticker, side, price,
  count: '500.00', time_in_force: 'good_till_canceled', self_trade_prevention_type: 'maker' }, { user: CROWD }));
const asker = async (method, where, body) => ok(await sim.rest(method, `/communications${where}`, body, { user: ASKER }));
const ask = async (ticker, size) => (await asker('POST', '/rfqs', { market_ticker: ticker, rest_remainder: false,
  replace_existing: true, ...size })).id;
const accept = (rfq, quote, side) => asker('PUT', `/rfqs/${rfq}/quotes/${quote}/accept`, { accepted_side: side });
const position = async (user, ticker) => Number(ok(await sim.rest('GET', `/portfolio/positions?ticker=${ticker}`, undefined,
  { user })).market_positions[0]?.position_fp ?? 0);

function start(user, file, { args = [], options = [], body, name = 'script' } = {}) {
  const dir = tempDir();
  if (body) fs.writeFileSync(file = path.join(dir, `${name}.lua`), body);
  const p = spawn(KALUA, ['run', '--quiet', ...options, file, ...(args.length ? ['--', ...args] : [])],
    { cwd: dir, env: { ...cleanEnv(), ...sim.env(user), XDG_STATE_HOME: dir } });
  running.push(p);
  const r = { p, file, out: '', err: '' };
  p.stdout.on('data', (d) => { r.out += d; });
  p.stderr.on('data', (d) => { r.err += d; });
  r.ended = new Promise((resolve) => p.on('close', resolve));
  r.said = (re) => until(`${re}`, () => r.out.match(re) ||
    (p.exitCode !== null && Promise.reject(new Error(`ended without ${re}: ${r.out}${r.err}`))));
  return r;
}

describe('quotes under limits', { concurrency: 4 }, () => {
  test('quotes and orders together never pass a limit, and an executed quote is in the portfolio', { timeout: 120000 }, async () => {
    const ticker = tickers[0];
    const rfq = await ask(ticker, { contracts_fp: '10.00' });
    const r = start(MAKER, null, { options: ['--risk', 'max_position=15'], body: `
  local kalshi, task = require "kalshi", require "task"
  local T, RFQ = ${JSON.stringify(ticker)}, ${JSON.stringify(rfq)}
  local heard <close> = kalshi.subscribe{ channels = { "communications" } }
  local accepted = {}
  task.spawn(function()
    for m in heard:messages() do if m.type == "quote_accepted" then accepted[m.quote_id] = true end end
  end)
  local function bid(count)
    return kalshi.order{ ticker = T, side = "bid", price = 0.05, count = count, post_only = true }
  end
  local function refused(f, ...)
    local ok, e = pcall(f, ...)
    return not ok and e.kind == "risk" and e.code or ("not refused: " .. tostring(e))
  end
  local resting = bid(5)
  local q = kalshi.create_quote{ rfq_id = RFQ, yes_bid = 0.40, no_bid = 0.50, rest_remainder = false }
  print("order beside: " .. refused(bid, 0.01))
  resting:cancel()
  resting = bid(5)                                -- what was canceled is free again, what is quoted is not
  print("again: " .. refused(bid, 0.01))
  q = kalshi.create_quote{ rfq_id = RFQ, yes_bid = 0.41, no_bid = 0.50, rest_remainder = false }
  print("replaced: " .. refused(bid, 0.01))
  print("quote " .. q.id)
  while not accepted[q.id] do task.sleep(0.02) end
  kalshi.confirm_rfq_quote{ rfq_id = RFQ, quote_id = q.id }
  print("confirmed: " .. refused(bid, 0.01))
  while #kalshi.portfolio().positions == 0 do task.sleep(0.02) end
  local p = kalshi.portfolio().positions[1]
  print(("portfolio: %s %g at %g"):format(p.ticker, p.position, p.average_price))
  print("held: " .. refused(bid, 0.01))
  local o = kalshi.own_orders{ ticker = T, status = "filled" }[1]
  print("order: " .. (o and o.client_id or "none"))
  ` });
    const [, id] = await r.said(/quote (\S+)\n/);
    await accept(rfq, id, 'yes');
    assert.equal(await r.ended, 0, r.out + r.err);
    for (const when of ['order beside', 'again', 'replaced', 'confirmed', 'held']) assert.match(r.out, new RegExp(`${when}: max_position\n`), r.out);
    assert.ok(r.out.includes(`portfolio: ${ticker} 10 at 0.41\n`), r.out);
    // Without the 8 digits where the look that follows a confirmation told of the order before the channel did.
    assert.match(r.out, new RegExp(`order: (none|quote:([0-9a-f]{8}:)?${id})\n`));
    assert.equal(await position(MAKER, ticker), 10);
  });

  test('who accepts is limited, too, and has the fill', { timeout: 120000 }, async () => {
    const ticker = tickers[1];
    const r = start(ASKER, null, { options: ['--risk', 'max_market_exposure=7'], body: `
  local kalshi, task = require "kalshi", require "task"
  local T = ${JSON.stringify(ticker)}
  local heard <close> = kalshi.subscribe{ channels = { "communications" } }
  local rfq = kalshi.create_rfq{ market_ticker = T, contracts_fp = 10, rest_remainder = false }.id
  print("rfq " .. rfq)
  local quote
  for m in heard:messages() do if m.type == "quote_created" and m.rfq_id == rfq then quote = m.quote_id break end end
  local ok, e = pcall(kalshi.accept_rfq_quote, { rfq_id = rfq, quote_id = quote, accepted_side = "no" })
  print("no: " .. (ok and "accepted" or e.code))                                  -- YES at 0.80
  kalshi.accept_rfq_quote{ rfq_id = rfq, quote_id = quote, accepted_side = "yes" } -- NO at 0.60
  ok, e = pcall(kalshi.order, { ticker = T, side = "ask", price = 0.10, count = 2, post_only = true })
  print("beside: " .. (ok and "placed" or e.code))
  print "accepted"
  while #kalshi.portfolio().positions == 0 do task.sleep(0.02) end
  local p = kalshi.portfolio().positions[1]
  print(("portfolio: %g at %g"):format(p.position, p.average_price))
  ` });
    const [, rfq] = await r.said(/rfq (\S+)\n/);
    const maker = async (method, where, body) => ok(await sim.rest(method, `/communications${where}`, body, { user: MAKER }));
    const { id } = await maker('POST', '/quotes', { rfq_id: rfq, yes_bid: '0.4000', no_bid: '0.2000', rest_remainder: false });
    await r.said(/accepted\n/);
    await maker('PUT', `/rfqs/${rfq}/quotes/${id}/confirm`, {});
    assert.equal(await r.ended, 0, r.out + r.err);
    assert.match(r.out, /no: max_market_exposure\n/);
    assert.match(r.out, /beside: max_market_exposure\n/);
    assert.match(r.out, /portfolio: -10 at 0\.4\n/);
  });

  test('what executes while the process is away is its script’s after the restart', { timeout: 120000 }, async () => {
    const ticker = other, state = path.join(tempDir(), 'state');
    const rfq = await ask(ticker, { contracts_fp: '10.00' });
    // Of a name that no other test beside it has: it is known by that after the restart.
    const again = (more) => start(MAKER, null, { options: ['--state', state, '--risk', 'max_position=15'], name: 'away',
      body: `local kalshi, task = require "kalshi", require "task"\n${more}` });
    let r = again(`
  local heard <close> = kalshi.subscribe{ channels = { "communications" } }
  local q = kalshi.create_quote{ rfq_id = "${rfq}", yes_bid = 0.40, no_bid = 0.50, rest_remainder = false }
  print("quote " .. q.id)
  for m in heard:messages() do if m.type == "quote_accepted" and m.quote_id == q.id then break end end
  kalshi.confirm_rfq_quote{ rfq_id = "${rfq}", quote_id = q.id }
  print "confirmed"
  task.sleep(60)`);
    const [, id] = await r.said(/quote (\S+)\n/);
    await accept(rfq, id, 'yes');
    await r.said(/confirmed\n/);
    await until('the journal has a note of it', () => ['', '-wal'].some((end) =>
      fs.readFileSync(`${state}.orders${end}`).includes(`"id":"${id}"`)));
    r.p.kill('SIGKILL');
    await r.ended;
    r = again(`
  local ok, e = pcall(kalshi.order, { ticker = ${JSON.stringify(ticker)}, side = "bid", price = 0.05, count = 6, post_only = true })
  print("beside: " .. (ok and "placed" or e.code))
  while #kalshi.portfolio().positions == 0 do task.sleep(0.02) end
  print(("portfolio: %g"):format(kalshi.portfolio().positions[1].position))`);
    assert.equal(await r.ended, 0, r.out + r.err);
    assert.match(r.out, /beside: max_position\nportfolio: 10\n/);
  });

  test('the example answers, leans, confirms and reports, within its limits', { timeout: 120000 }, async () => {
    const ticker = tickers[2];
    const r = start(MAKER, null, { name: 'rfq_responder', body: fs.readFileSync(path.join(root, 'scripts/examples/rfq_responder.lua'), 'utf8'),
      args: [ticker.split('-')[0], '0.02'], options: ['--risk', 'max_position=100'] });
    await r.said(/waiting for requests/);
    let rfq = await ask(ticker, { contracts_fp: '60.00' });
    await r.said(new RegExp(`quoted    ${ticker}  yes 0.4800  no 0.4800  fair 0.5000`));
    const [{ id }] = (await asker('GET', `/quotes?rfq_user_filter=self&rfq_id=${rfq}`)).quotes;
    fs.appendFileSync(r.file, '-- a version that did not make this quote confirms it\n');
    await until('the new version', () => r.out.match(/waiting for requests/g).length === 2);
    await accept(rfq, id, 'yes');
    await r.said(/confirmed \S+ {2}60 yes at 0.4800/);
    await r.said(/executed {2}\S+ {2}position \+60/);
    assert.equal(await position(MAKER, ticker), 60);

    rfq = await ask(ticker, { target_cost_dollars: '40.0000' }); // 78 contracts or so: too many YES beside the 60
    await r.said(new RegExp(`beyond    ${ticker}  max_position`));
    rfq = await ask(ticker, { contracts_fp: '20.00' });
    await r.said(/quoted {4}\S+ {2}yes 0.4600 {2}no 0.4900 {2}fair 0.4880/); // it wants to sell now
    r.p.kill('SIGINT');
    await r.ended;
    assert.match(r.out, /answered 1 requests, 1 quotes executed/);
    const { quotes } = await asker('GET', `/quotes?rfq_user_filter=self&rfq_id=${rfq}`);
    assert.deepEqual(quotes.map((q) => q.status), ['cancelled']);
  });
});
