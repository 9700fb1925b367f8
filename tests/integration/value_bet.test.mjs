// The reference bot, scripts/examples/value_bet, on a simulated game and with each of its providers.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test, { describe } from 'node:test';
import { Sim, kalua, root, tempDir, until } from './peers.mjs';

const BOT = path.join(root, 'scripts/examples/value_bet');
const quick = { BET_BEFORE_START: 'true', POLL_SECONDS: '0.05', LOOKS: '1', MIN_CONFIDENCE: 'medium', HTTP_RETRIES: '1' };

// A server of JSON: `answer(request, number)` gives [status, body, headers], or nothing to stay silent.
async function serve(answer) {
  const seen = [];
  const server = http.createServer((req, res) => {
    let body = '';
    req.on('data', (d) => { body += d; });
    req.on('end', () => {
      seen.push({ method: req.method, url: req.url, headers: req.headers, body: body && JSON.parse(body) });
      const got = answer(seen.at(-1), seen.length);
      if (!got) return;
      res.writeHead(got[0], { 'Content-Type': 'application/json', ...got[2] });
      res.end(typeof got[1] === 'string' ? got[1] : JSON.stringify(got[1]));
    });
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  test.after(() => { server.closeAllConnections(); server.close(); });
  return { seen, url: `http://127.0.0.1:${server.address().port}` };
}

// Accounts with keys of their own, of the kind that is made at once: one for each test, and one that quotes.
const QUOTER = 8, users = [];
for (let i = 0; i <= QUOTER; i++) {
  const { privateKey } = crypto.generateKeyPairSync('ed25519');
  users[i] = { key_id: `bot-${i}`, key_path: path.join(tempDir(), 'key.pem'), privateKey };
  fs.writeFileSync(users[i].key_path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
}
const accounts = users.flatMap((u) => ['--user', `${u.key_id}=${u.key_path}`]);

const env = (s, user) => ({ KALSHI_ENV: 'sim', KALSHI_REST_URL: s.rest_url, KALSHI_WS_URL: s.ws_url,
  KALSHI_API_KEY_ID: users[user].key_id, KALSHI_PRIVATE_KEY_PATH: users[user].key_path });

async function rest(s, user, method, pathAndQuery, body) {
  const now = String(Date.now()), { pathname } = new URL(s.rest_url + pathAndQuery);
  const headers = { 'KALSHI-ACCESS-KEY': users[user].key_id, 'KALSHI-ACCESS-TIMESTAMP': now,
    'KALSHI-ACCESS-SIGNATURE': crypto.sign(null, Buffer.from(`${now}${method}${pathname}`), users[user].privateKey).toString('base64') };
  return (await s.rest(method, pathAndQuery, body, { headers: { 'Content-Type': 'application/json', ...headers } })).body;
}

// Runs the bot to its end; its decisions are the lines of its output.
async function bot(s, user, settings = {}, args = ['bet', 'any'], options = []) {
  const r = await kalua(['run', ...options, BOT, '--', ...args], { cwd: tempDir(), env: { ...env(s, user), ...quick, ...settings } });
  const decisions = r.stdout.split('\n').filter((l) => l.startsWith('{')).map((l) => JSON.parse(l));
  return { ...r, decisions };
}

let sim, game, home, away;

// A game that is on or will begin, and orders on it that stand for the market: the home team may be had at 0.40, its
// opposite at 0.62.
async function prepare(s) {
  const { milestones } = await rest(s, QUOTER, 'GET', '/milestones?limit=100');
  game = milestones.find((m) => m.type === 'basketball_game' && m.details.status !== 'closed');
  const { event } = await rest(s, QUOTER, 'GET', `/events/${game.primary_event_tickers[0]}?with_nested_markets=true`);
  for (const m of event.markets) {
    const isHome = m.yes_sub_title === game.details.home_team_name;
    for (const [side, price] of isHome ? [['bid', '0.38'], ['ask', '0.40']] : [['bid', '0.60'], ['ask', '0.62']]) {
      const order = await rest(s, QUOTER, 'POST', '/portfolio/events/orders', { ticker: m.ticker, side, price, count: '2000',
        time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross' });
      assert.ok(order.order_id, JSON.stringify(order));
    }
    if (isHome) home = m.ticker; else away = m.ticker;
  }
}

test.before(async () => {
  sim = await Sim.start('--quiet-market', '--seed', '11', ...accounts);
  await prepare(sim);
});
test.after(() => sim.stop());

const said = (probability, confidence, extra = {}) => ({ probability, confidence, reasons: ['because'], ...extra });

// They wait for servers and for each other's start most of the time.
describe('one game, an account each', { concurrency: 3 }, () => {
  test('games are listed with their markets, and a wrong word is answered with what there is', async () => {
    const [list, wrong, second] = await Promise.all([bot(sim, 0, {}, ['games']), bot(sim, 0, {}, ['bet', 'chess']),
      bot(sim, 0, {}, ['bet', `${game.primary_event_tickers[0]}G2`])]); // the second game of a day is another one
    assert.match(second.stderr, /no game fits /);
    assert.equal(list.code, 0, list.stderr);
    for (const part of [game.id, game.title, home, away]) assert.ok(list.stdout.includes(part), list.stdout);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /no game fits "chess": .* at /);
  });

  test('a local model: its probability is bet on, within the bounds, and held when there is no more to gain', async () => {
    const model = await serve((r) => [200, said(r.body.market.ticker === home ? 0.7 : 0.3, 0.9)]);
    const r = await bot(sim, 1, { PROVIDER: 'local_model', LOCAL_MODEL_URL: `${model.url}/p`, LOOKS: '2',
      MAX_POSITION_SIZE_USD: '20', KELLY_FRACTION: '0.5' });
    assert.equal(r.code, 0, r.stderr);
    const asked = model.seen[0].body;
    assert.equal(asked.game.title, game.title);
    assert.ok([home, away].includes(asked.market.ticker));
    assert.equal('bid' in asked.market, false, 'no price is shown to the model');
    const bought = r.decisions.filter((d) => d.action === 'buy');
    const backs = (d) => (d.ticker === home) === (d.side === 'yes');
    assert.ok(bought.length >= 1 && bought.every(backs), 'only the home team is bought');
    for (const d of bought) {
      assert.equal(d.code, 'edge');
      assert.deepEqual(d.reasons, ['because']);
      assert.ok(d.edge >= 0.05 && d.filled === d.count && d.average_price <= d.limit, JSON.stringify(d));
      assert.match(d.why, /costs 0\.\d+ with its fee, and is worth 0\.7000/);
    }
    // What both markets of the game cost is one bet: never more than the bound, also in the second look.
    const positions = (await rest(sim, 1, 'GET', '/portfolio/positions')).market_positions;
    const cost = positions.reduce((sum, p) => sum + Number(p.market_exposure_dollars), 0);
    assert.ok(cost > 15 && cost <= 20, `${cost}`);
    assert.ok(r.decisions.some((d) => d.code === 'MAX_POSITION_SIZE_USD' && /leaves/.test(d.why)));
    const fills = (await rest(sim, 1, 'GET', '/portfolio/fills')).fills;
    assert.deepEqual([...new Set(fills.map((f) => f.order_id))].sort(), [...new Set(bought.map((d) => d.order_id))].sort());
  });

  test('a position is closed when the other side of its market is worth more than it costs', async () => {
    let p = 0.7;
    const model = await serve((r, n) => { p = n > 1 ? 0.3 : 0.7; return [200, said(r.body.market.ticker === home ? p : 1 - p, 0.9)]; });
    const r = await bot(sim, 6, { PROVIDER: 'local_model', LOCAL_MODEL_URL: model.url, LOOKS: '2', MAX_POSITION_SIZE_USD: '20' });
    assert.equal(r.code, 0, r.stderr);
    const closed = r.decisions.filter((d) => d.action === 'close');
    assert.ok(closed.length >= 1, r.stdout);
    const opened = r.decisions.filter((d) => d.action === 'buy');
    for (const c of closed) {
      const o = opened.find((d) => d.ticker === c.ticker);
      assert.notEqual(c.side, o.side);
      assert.ok(c.filled <= o.filled, 'no more than was held');
    }
  });

  test('no bet, and the reason: not sure enough, no edge, an old answer, nonsense', async () => {
    const answers = [said(0.9, 0.3), 'fair', said(0.9, 0.9, { as_of: 1e9 }), said(1.7, 0.9), 'not json',
      { probability: 0.9, confidence: 0.9 }, [], said(0.9, 0.9, { as_of: Date.now() })];
    const fair = (r) => said(r.body.market.ticker === home ? 0.39 : 0.61, 0.9);
    const model = await serve((r, n) => [200, answers[n - 1] === 'fair' ? fair(r) : answers[n - 1]]);
    const r = await bot(sim, 2, { PROVIDER: 'local_model', LOCAL_MODEL_URL: model.url, LOOKS: String(answers.length) });
    assert.equal(r.code, 0, r.stderr);
    assert.equal(r.decisions.length, 2 * answers.length);
    assert.ok(r.decisions.every((d) => d.action === 'none' && d.provider === 'local_model' && d.mode === 'embedded exchange'));
    const looks = answers.map((_, i) => r.decisions[2 * i]);
    assert.deepEqual(looks.map((d) => d.code),
      ['low_confidence', 'no_edge', 'old_answer', 'no_answer', 'no_answer', 'no_answer', 'no_answer', 'no_answer']);
    const expected = [/sure to 0\.30, and MIN_CONFIDENCE is 0\.6/, /YES at 0\.\d+ costs .*; NO at/, /seconds old/,
      /no probability from 0 to 1 but 1\.7/, /not JSON/, /gave no reasons/, /gave no reasons/,
      /still to come: \d{13}; it is in seconds/];
    looks.forEach((d, i) => assert.match(d.why, expected[i]));
    assert.equal((await rest(sim, 2, 'GET', '/portfolio/orders')).orders.length, 0);
  });

  test('the Anthropic Messages API: what is sent, patience, malformed answers, a time limit, the cache', async () => {
    const tool = (input, usage = { input_tokens: 500, output_tokens: 100 }) => ({ type: 'message', role: 'assistant',
      stop_reason: 'tool_use', usage, content: [{ type: 'text', text: 'Let me see.' }, { type: 'tool_use', id: 't1', name: 'estimate', input }] });
    const answers = [
      [200, { content: [{ type: 'text', text: '0.9' }], stop_reason: 'end_turn', usage: { input_tokens: 500, output_tokens: 5 } }],
      [200, tool({ probability: 'high', confidence: 1, reasons: ['x'] })], undefined,
      [429, { type: 'error', error: { type: 'rate_limit_error', message: 'slow down' } }, { 'Retry-After': '0' }],
      [200, tool(said(0.75, 0.85))]];
    const api = await serve((r, n) => answers[Math.min(n, answers.length) - 1]);
    const r = await bot(sim, 3, { PROVIDER: 'anthropic', ANTHROPIC_URL: api.url, ANTHROPIC_API_KEY: 'sk-test-key', LOOKS: '6',
      ANTHROPIC_MODEL: 'some-model', HTTP_TIMEOUT_S: '8', HTTP_RETRIES: '1' });
    assert.equal(r.code, 0, r.stderr);
    const sent = api.seen[0];
    assert.deepEqual([sent.method, sent.url], ['POST', '/v1/messages']);
    assert.equal(sent.headers['x-api-key'], 'sk-test-key');
    assert.equal(sent.headers['anthropic-version'], '2023-06-01');
    assert.equal(sent.headers['content-type'], 'application/json');
    const { model, max_tokens, messages, tools, tool_choice, system } = sent.body;
    assert.deepEqual([model, max_tokens, tool_choice], ['some-model', 1024, { type: 'tool', name: 'estimate' }]);
    assert.ok(typeof system === 'string' && messages.length === 1 && messages[0].role === 'user');
    assert.deepEqual(tools[0].input_schema.required, ['probability', 'confidence', 'reasons']);
    assert.equal(JSON.parse(messages[0].content).game.title, game.title);
    assert.doesNotMatch(messages[0].content, /0\.38|0\.62|bid|ask/);
    const first = [0, 1, 2].map((i) => r.decisions[2 * i]);
    assert.ok(first.every((d) => d.code === 'no_answer'));
    assert.match(first[0].why, /without the tool \(stop_reason end_turn\)/);
    assert.match(first[1].why, /no probability from 0 to 1 but a string/);
    assert.match(first[2].why, /timeout/);
    assert.ok(r.decisions.some((d) => d.action === 'buy' && d.reasons[0] === 'because' && d.confidence === 0.85), r.stdout);
    // A game that is on may go on meanwhile.
    const answered = api.seen.slice(answers.length - 1).map((s) => s.body.messages[0].content);
    assert.equal(answered.length, new Set(answered).size, 'the same state of the game is asked about once');
    assert.ok(!r.stdout.includes('sk-test-key') && !r.stderr.includes('sk-test-key'));
  });

  test('the spending cap: counted from what answers report, and no call is made beyond it', async () => {
    const api = await serve(() => [200, { content: [], stop_reason: 'end_turn', usage: { input_tokens: 10000, output_tokens: 60000 } }]);
    const settings = { PROVIDER: 'anthropic', ANTHROPIC_URL: api.url, ANTHROPIC_API_KEY: 'k', LOOKS: '3', ANTHROPIC_MAX_USD_PER_DAY: '0.94' };
    const r = await bot(sim, 4, settings); // 10,000 at 3 and 60,000 at 15 dollars a million: 0.93
    assert.equal(r.code, 0, r.stderr);
    assert.equal(api.seen.length, 1);
    assert.match(r.decisions.at(-1).why, /spending cap: 0\.9300 of 0\.9400 dollars are spent today/);
    assert.ok(r.decisions.every((d) => d.action === 'none'));
  });

  test('a sports-data service: made once, asked for what is new, its score decides; trades of the day are counted', async () => {
    const row = (id, h, a, extra = {}) => ({ id, home_name: `${game.details.home_team_name} Club`, away_name: game.details.away_team_name,
      home_points: h, away_points: a, game_period: 4, game_clock: '02:00', desc: 'a three', ...extra });
    const api = await serve((r) => {
      if (r.url === '/v1/connections/create') return [200, { connection_id: '01C' }];
      if (r.body.since_event_id) return [200, { connection_id: '01C', data: [] }];
      return [200, { connection_id: '01C', data: [row('01A', 80, 84), row('01B', 95, 85), { id: '01X', home_name: 'Others', home_points: 1 }, 'noise'] }];
    });
    const r = await bot(sim, 5, { PROVIDER: 'sports_api', SPORTS_API_URL: `${api.url}/v1`, SPORTS_API_KEY: 'sk', LOOKS: '3',
      MAX_DAILY_TRADES: '1', MAX_POSITION_SIZE_USD: '200' });
    assert.equal(r.code, 0, r.stderr);
    assert.equal(api.seen[0].headers.authorization, 'Bearer sk');
    assert.match(api.seen[0].body.filter_instructions, new RegExp(game.details.home_team_name));
    assert.equal(api.seen.filter((s) => s.url.endsWith('/create')).length, 1);
    assert.deepEqual(api.seen[1].body, { limit: 100 });
    const bought = r.decisions.filter((d) => d.action === 'buy');
    assert.equal(bought.length, 1);
    assert.ok(bought[0].probability > 0.95 || bought[0].probability < 0.05);
    assert.match(bought[0].reasons.join(' '), /95, .* 85, 2 minutes left, by the sports service/);
    assert.deepEqual([r.decisions.at(-1).action, r.decisions.at(-1).code], ['stop', 'MAX_DAILY_TRADES']);
    assert.match(r.stderr, /no more bets: 1 trades today/);
  });

  test('a sports-data service that is behind: the newest score counts, and without one nothing is bet', async () => {
    const row = (id, h, a, extra = {}) => ({ id: `01${String(id).padStart(6, '0')}`, home_name: game.details.home_team_name,
      away_name: game.details.away_team_name, home_points: h, away_points: a, game_period: 4, game_clock: '02:00', ...extra });
    // 150 events, the home team far behind in the first ones; each answer has 100 at most, the newest first.
    const all = Array.from({ length: 150 }, (_, i) => row(i, i < 120 ? 20 : 95, 85));
    let last = [], stubborn = false;
    const api = await serve((r) => {
      if (r.url.endsWith('/create')) return [200, { connection_id: '01C' }];
      const after = [...all, ...last].filter((x) => stubborn || !r.body.since_event_id || x.id > r.body.since_event_id);
      return [200, { connection_id: '01C', data: after.slice(0, 100).reverse() }];
    });
    const settings = { PROVIDER: 'sports_api', SPORTS_API_URL: api.url, SPORTS_API_KEY: 'sk', KELLY_FRACTION: '0.001',
      MAX_POSITION_SIZE_USD: '0' };
    const r = await bot(sim, 0, settings);
    assert.equal(r.code, 0, r.stderr);
    assert.ok(r.decisions.length > 0 && r.decisions.every((d) => / 95, .* 85, 2 minutes/.test(d.reasons[0])), r.stdout);
    last = [row(150, 95, 88, { game_clock: '24.6' })]; // the score has changed, and nobody says how much time is left
    const blind = await bot(sim, 0, settings);
    assert.equal(blind.code, 0, blind.stderr);
    assert.ok(blind.decisions.length > 0 && blind.decisions.every((d) => d.code === 'no_answer' && /told no score/.test(d.why)), blind.stdout);
    all.length = 0;
    stubborn = true;
    last = Array.from({ length: 100 }, () => row(7, 20, 85)); // the same hundred again and again
    const stuck = await bot(sim, 0, settings);
    assert.equal(stuck.code, 0, stuck.stderr);
    assert.ok(stuck.decisions.length > 0 && stuck.decisions.every((d) => d.code === 'no_answer' && /more to tell than could be read/.test(d.why)), stuck.stdout);
  });

  test('an answer is as old as what it is about, however late it comes', async () => {
    const model = await serve((r) => [200, said(r.body.market.ticker === home ? 0.7 : 0.3, 0.9)]);
    const slow = http.createServer((req, res) => setTimeout(() => fetch(model.url, { method: 'POST',
      body: JSON.stringify({ market: { ticker: home } }) }).then((x) => x.text()).then((x) => res.end(x)), 1500));
    await new Promise((done) => slow.listen(0, '127.0.0.1', done));
    test.after(() => { slow.closeAllConnections(); slow.close(); });
    const r = await bot(sim, 2, { PROVIDER: 'local_model', LOCAL_MODEL_URL: `http://127.0.0.1:${slow.address().port}/`, MAX_ANSWER_AGE_S: '1' });
    assert.equal(r.code, 0, r.stderr);
    assert.ok(r.decisions.length > 0 && r.decisions.every((d) => d.code === 'old_answer'), r.stdout);
  });

  test('a limit of the host is a reason, too, and on paper no order reaches the exchange', async () => {
    const model = await serve((r) => [200, said(r.body.market.ticker === home ? 0.7 : 0.3, 0.9)]);
    const settings = { PROVIDER: 'local_model', LOCAL_MODEL_URL: model.url };
    const [bound, paper] = await Promise.all([bot(sim, 2, settings, ['bet', 'any'], ['--risk', 'max_order_count=3']),
      bot(sim, 4, settings, ['bet', 'any'], ['--paper'])]);
    assert.equal(bound.code, 0, bound.stderr);
    assert.deepEqual([bound.decisions[0].action, bound.decisions[0].code], ['refused', 'risk:max_order_count']);
    assert.match(bound.decisions[0].why, /max_order_count is 3/);
    assert.equal(paper.code, 0, paper.stderr);
    assert.ok(paper.decisions.length > 0 && paper.decisions.every((d) => d.mode === 'paper'), paper.stdout);
    assert.ok(paper.decisions.some((d) => d.action === 'buy' && d.filled > 0), paper.stdout);
    assert.equal((await rest(sim, 4, 'GET', '/portfolio/orders')).orders.length, 0);
  });

  test('a part of a contract is no position to close: the bounds hold', async () => {
    const part = await rest(sim, 7, 'POST', '/portfolio/events/orders', { ticker: home, side: 'ask', price: '0.38', count: '0.5',
      time_in_force: 'immediate_or_cancel', self_trade_prevention_type: 'taker_at_cross' });
    assert.equal(part.fill_count, '0.50', JSON.stringify(part));
    const model = await serve((r) => [200, said(r.body.market.ticker === home ? 0.7 : 0.3, 0.9)]);
    const r = await bot(sim, 7, { PROVIDER: 'local_model', LOCAL_MODEL_URL: model.url, MAX_POSITION_SIZE_USD: '20' });
    assert.equal(r.code, 0, r.stderr);
    assert.ok(r.decisions.every((d) => d.action !== 'close' && d.action !== 'refused'), r.stdout);
    const spent = r.decisions.reduce((sum, d) => sum + (d.filled ? d.filled * d.average_price : 0), 0);
    assert.ok(spent > 10 && spent <= 20, `${spent}`);
  });

  test('a provider that the bot may not ask ends it', async () => {
    const model = await serve((r) => [200, said(r.body.market.ticker === home ? 0.7 : 0.3, 0.9)]);
    const alone = await kalua(['run', '--allow-env', 'LOCAL_MODEL_URL', '--allow-env', 'PROVIDER', '--allow-env', 'BET_BEFORE_START', path.join(BOT, 'value_bet.lua'), '--',
      'bet', 'any'], { cwd: tempDir(), env: { ...env(sim, 0), PROVIDER: 'local_model', LOCAL_MODEL_URL: model.url,
      BET_BEFORE_START: 'true' } });
    assert.notEqual(alone.code, 0);
    assert.match(alone.stderr, /--allow-net/);
    assert.equal(model.seen.length, 0);
  });

  test('settings are checked, and a missing key is said', async () => {
    const [wrong, missing, part] = await Promise.all([bot(sim, 0, { KELLY_FRACTION: '3' }), bot(sim, 0, { PROVIDER: 'anthropic' }),
      bot(sim, 0, { HTTP_RETRIES: '1.5' })]);
    assert.match(part.stderr, /HTTP_RETRIES must be a whole number, not "1\.5"/);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /KELLY_FRACTION must be a number from 0\.001 to 1, not "3"/);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /the environment variable ANTHROPIC_API_KEY is not set/);
  });
});

// With VALUE_BET_FULL=1 the game is played to its end, which takes half a minute.
test('end to end: bets on a game, holds until it is over, and tells what came of it', async (t) => {
  const full = process.env.VALUE_BET_FULL === '1';
  const own = full ? await Sim.start('--quiet-market', '--seed', '3', '--speed', '1000', ...accounts) : sim;
  if (full) {
    t.after(() => own.stop());
    await prepare(own);
  }
  const cash = async () => Number((await rest(own, 0, 'GET', '/portfolio/balance')).balance_dollars);
  const before = await cash();
  // So much at home that there is an edge whatever the score is in the first half.
  const running = bot(own, 0, { LOOKS: '0', POLL_SECONDS: '0.1', MIN_CONFIDENCE: 'low', HOME_ADVANTAGE_POINTS: '50' });
  await until('a bet', async () => (await rest(own, 0, 'GET', '/portfolio/orders?status=executed')).orders.length > 0);
  if (!full) for (const [market, result] of [[home, 'yes'], [away, 'no']]) await own.trigger('settle', { market, result });
  const r = await running;
  assert.equal(r.code, 0, r.stderr);
  const bought = r.decisions.filter((d) => d.action === 'buy' && d.filled > 0), end = r.decisions.at(-1);
  assert.deepEqual([end.action, end.code, end.trades, end.forecasts], ['end', 'over', bought.length, bought.length], r.stdout);
  assert.match(bought[0].reasons.join(' '), /a lead of -?\d+ points with that time left wins \d+ % of games/);
  if (full) return;
  // Each contract on the home team pays a dollar; what was bet, its fees and the score are those of the decisions.
  let expected = before, brier = 0;
  for (const d of bought) {
    const wins = (d.ticker === home) === (d.side === 'yes');
    expected += d.filled * ((wins ? 1 : 0) - d.average_price) - d.fees;
    brier += (d.probability - (d.ticker === home ? 1 : 0)) ** 2 / bought.length;
  }
  await until('the money', async () => Math.abs((await cash()) - expected) < 0.011);
  assert.ok(Math.abs(end.brier - brier) < 1e-9, `${end.brier} ${brier}`);
});
