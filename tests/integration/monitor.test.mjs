// A process looked at from outside: /metrics, /health, alerts at a webhook, and a log of JSON lines.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { KALUA, Sim, cleanEnv, kalua, sleep, tempDir } from './peers.mjs';

let sim;
before(async () => { sim = await Sim.start('--users', '2'); });
after(() => sim?.stop());

const children = new Set();
after(() => { for (const child of children) child.kill('SIGKILL'); });

function start(cwd, args, env = {}) {
  const child = spawn(KALUA, ['run', '--quiet', ...args], {
    cwd, env: { ...cleanEnv(), ...sim.env(), XDG_STATE_HOME: cwd, ...env }, stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  child.text = '';
  child.out = '';
  child.stderr.on('data', (part) => { child.text += part; });
  child.stdout.on('data', (part) => { child.out += part; });
  child.stop = async () => { // by a signal, and in good order
    child.kill('SIGTERM');
    assert.equal(await child.over, 130, child.text);
  };
  child.over = new Promise((resolve) => child.on('close', (code) => { children.delete(child); resolve(code); }));
  return child;
}

function folder(scripts) {
  const cwd = tempDir();
  for (const [name, text] of Object.entries(scripts)) fs.writeFileSync(path.join(cwd, name), text);
  return cwd;
}

async function until(what, condition) {
  for (const end = Date.now() + 60000; ;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < end, typeof what === 'function' ? what() : what);
    await sleep(30);
  }
}

const portOf = (child) => until(() => `no port in ${child.text}`, () => child.text.match(/127\.0\.0\.1:(\d+)\/metrics/)?.[1]);
const get = async (port, where, options) => {
  const res = await fetch(`http://127.0.0.1:${port}${where}`, options).catch((e) => {
    throw new Error(`${where}: ${e.cause?.code ?? ''} ${e.cause?.message ?? e.message}\n${[...children].map((c) => c.text.slice(-2000)).join('\n')}`, { cause: e });
  });
  return { status: res.status, headers: res.headers, text: await res.text() };
};

// The text format 0.0.4, strictly: HELP and TYPE before the samples of a family, all samples of one together, no sample
// twice, buckets that grow.
function parse(text) {
  const families = {};
  let family;
  const seen = new Set();
  assert.ok(text.endsWith('\n'));
  for (const line of text.slice(0, -1).split('\n')) {
    const help = line.match(/^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/), type = line.match(/^# TYPE (\S+) (counter|gauge|histogram)$/);
    if (help) {
      assert.ok(!families[help[1]], `${help[1]} comes twice`);
      family = families[help[1]] = { name: help[1], help: help[2], samples: [] };
      continue;
    }
    if (type) {
      assert.equal(type[1], family.name);
      family.type = type[2];
      continue;
    }
    const sample = line.match(/^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (NaN|[+-]Inf|-?[0-9.e+-]+)$/);
    assert.ok(sample, `no sample: ${line}`);
    assert.ok(!seen.has(`${sample[1]}{${sample[2]}}`), `twice: ${line}`);
    seen.add(`${sample[1]}{${sample[2]}}`);
    const labels = Object.fromEntries([...(sample[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((m) => [m[1], m[2]]));
    assert.equal(sample[1].replace(/_(bucket|sum|count)$/, family.type === 'histogram' ? '' : '_$1'), family.name, line);
    family.samples.push({ name: sample[1], labels, value: Number(sample[3].replace('Inf', 'Infinity')) });
  }
  for (const f of Object.values(families).filter((one) => one.type === 'histogram')) {
    let last = 0;
    for (const s of f.samples) {
      if (!s.name.endsWith('_bucket')) { last = 0; continue; }
      assert.ok(s.value >= last, `${f.name}: buckets that shrink`);
      last = s.value;
    }
  }
  return families;
}
const value = (families, name, labels = {}) => families[name]?.samples
  .find((s) => Object.entries(labels).every(([k, v]) => s.labels[k] === v))?.value;

const quoter = (ticker) => `
local kalshi, metrics, task, kalua = require "kalshi", require "metrics", require "task", require "kalua"
local quotes = metrics.counter("quotes_total", "Quotes \\\\ sent\\nby scripts")
quotes:inc(1, { note = 'a "quoted" \\\\ text' })
quotes:inc()
local ticker = "${ticker}"
local book = kalshi.book(ticker)
if kalua.generation == 1 then
  local o = kalshi.order{ ticker = ticker, side = "yes", price = 0.01, count = 1, post_only = true }
  o:cancel()
end
print "ready"
task.sleep(600)`;

test('a process whose page closes is still asked for its metrics, and ends well', async () => {
  const cwd = folder({ 'a.lua': 'repeat require("task").sleep(0.05) until io.open "asked"' });
  const child = start(cwd, ['--metrics', '0', '--web', '0', '--allow-fs', '.', 'a.lua']);
  const port = await portOf(child), agent = new http.Agent({ keepAlive: true });
  let over = false, answers = 0;
  const ask = () => {
    if (over) return;
    http.get({ port, host: '127.0.0.1', path: '/metrics', agent }, (res) => {
      res.resume().on('end', () => { answers++; ask(); });
    }).on('error', () => {});
  };
  for (let i = 0; i < 12; i++) ask();
  await until('no answer', () => answers > 12);
  fs.writeFileSync(path.join(cwd, 'asked'), '');
  const code = await child.over;
  over = true;
  agent.destroy();
  assert.equal(code, 0, child.text);
});

test('figures for Prometheus, as the manual lists them; a counter goes on over a reload; who may not ask is refused', async () => {
  const text = quoter(await sim.middle()), cwd = folder({ 'quoter.lua': text });
  const child = start(cwd, ['--metrics', '0', '--probation', '0', 'quoter.lua']);
  const port = await portOf(child);
  await until('the script does not come to its end', () => child.out.includes('ready'));
  const res = await get(port, '/metrics');
  assert.equal(res.status, 200);
  assert.equal(res.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.equal(res.headers.get('access-control-allow-origin'), null);
  const families = parse(res.text);
  assert.equal(value(families, 'quotes_total', { script: 'quoter', note: 'a \\"quoted\\" \\\\ text' }), 1);
  assert.equal(value(families, 'kalua_orders_placed_total', { script: 'quoter' }), 1);
  assert.equal(value(families, 'kalua_order_answer_seconds', { write: 'create', le: '+Inf' }), 1);
  assert.equal(value(families, 'kalua_order_answer_seconds', { write: 'cancel', le: '+Inf' }), 1);
  assert.equal(value(families, 'kalua_books'), 1);
  assert.equal(value(families, 'kalua_script_state', { state: 'running' }), 1);
  assert.ok(value(families, 'process_resident_memory_bytes') > 1e6);
  assert.ok(Math.abs(value(families, 'process_start_time_seconds') - Date.now() / 1000) < 120);

  const page = fs.readFileSync(new URL('../../docs/monitoring.md', import.meta.url), 'utf8');
  const listed = new Set([...page.matchAll(/^\| `((?:kalua|process)_\w+)`/gm)].map((m) => m[1]));
  const atTimes = new Set([...page.matchAll(/^\| `((?:kalua|process)_\w+)`.*\(at times\)/gm)].map((m) => m[1]));
  const own = Object.keys(families).filter((name) => /^(kalua|process)_/.test(name));
  assert.deepEqual(own.filter((name) => !listed.has(name)), [], 'metrics that docs/monitoring.md does not list');
  assert.deepEqual([...listed].filter((name) => !families[name] && !atTimes.has(name)), [], 'listed, and not there');

  const health = await get(port, '/health');
  assert.equal(health.status, 200);
  assert.equal(JSON.parse(health.text).ok, true);
  assert.deepEqual(JSON.parse(health.text).scripts, [{ name: 'quoter', state: 'running', generation: 1 }]);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])
    assert.equal((await get(port, '/metrics', { method })).status, 405, method);
  assert.equal((await get(port, '/nothing')).status, 404);
  assert.equal((await get(port, '/metrics', { headers: { Origin: 'https://evil.example' } })).status, 403);

  fs.writeFileSync(path.join(cwd, 'quoter.lua'), `${text} -- changed`);
  await until('no reload', async () => value(parse((await get(port, '/metrics')).text), 'kalua_script_generation') === 2);
  const again = await until('the counter does not go on', async () => {
    const now = parse((await get(port, '/metrics')).text);
    return value(now, 'quotes_total', { note: 'a \\"quoted\\" \\\\ text' }) === 2 && value(now, 'kalua_script_reloads_total', { result: 'done' }) > 0 && now;
  });
  assert.equal(value(again, 'kalua_script_reloads_total', { result: 'done' }), 1);

  const other = start(folder({ 'other.lua': '' }), ['--metrics', port, 'other.lua']);
  assert.equal(await other.over, 3);
  assert.match(other.text, new RegExp(`--metrics: another program listens on 127.0.0.1 port ${port}.*choose another`));
  await child.stop();
});

test('the feed of each account has its own series', async () => {
  const cwd = folder({ 'both.lua': `
    local kalshi, task = require "kalshi", require "task"
    local other = kalshi.connect{ profile = "second" }
    local all = kalshi.get_markets{ status = "open", limit = 2 }.markets
    local one, two, more = kalshi.book(all[1].ticker), other.book(all[1].ticker), other.book(all[2].ticker)
    print "ready"
    task.sleep(600)` });
  const child = start(cwd, ['--env', 'sim', '--metrics', '0', 'both.lua'], Object.fromEntries(Object.keys(sim.env()).map((k) => [k, undefined])));
  const port = await portOf(child);
  await until('the script does not come to its end', () => child.out.includes('ready'));
  const families = parse((await get(port, '/metrics')).text);
  const of = (name, account, labels = {}) => families[name].samples.filter((s) => s.labels.account === account
    && Object.entries(labels).every(([k, v]) => s.labels[k] === v)).map((s) => s.value);
  assert.deepEqual([of('kalua_books'), of('kalua_books', 'second')], [[1], [2]]);
  for (const name of Object.keys(families).filter((n) => /^kalua_(feed|book)/.test(n))) {
    const labels = name === 'kalua_book_audits_total' ? { verdict: 'same' } : name === 'kalua_feed_messages_total' ? { channel: 'orderbook_delta' } : {};
    assert.deepEqual([of(name, undefined, labels).length, of(name, 'second', labels).length], [1, 1], name);
  }
  assert.ok(of('kalua_feed_received_bytes_total', 'second')[0] > 0);
  assert.deepEqual(of('kalua_feed_connected', 'second'), [1]);
  await child.stop();
});

const profile = (exchange, user) => Object.entries({ ...exchange.env(), KALSHI_API_KEY_ID: exchange.users[user].key_id, KALSHI_PRIVATE_KEY_PATH: exchange.users[user].key_path })
  .map(([k, v]) => `${k}=${v}\n`).join('');

test('the calls and the journal of each account have their own series', async () => {
  const cwd = folder({ '.env.second': profile(sim, 1), 'both.lua': `
    local kalshi, task = require "kalshi", require "task"
    local other = kalshi.connect{ profile = "second" }
    local ticker = kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
    for _ = 1, 2 do other.order{ ticker = ticker, side = "yes", price = 0.01, count = 1 } end
    kalshi.order{ ticker = ticker, side = "yes", price = 0.01, count = 1 }
    print "ready"
    task.sleep(600)` });
  const child = start(cwd, ['--metrics', '0', '--state', 'state.db', 'both.lua']);
  const port = await portOf(child);
  await until(() => `no orders: ${child.text}`, () => child.out.includes('ready'));
  const families = parse((await get(port, '/metrics')).text);
  const of = (name, account, labels = {}) => families[name].samples.filter((s) => s.labels.account === account
    && Object.entries(labels).every(([k, v]) => s.labels[k] === v)).map((s) => s.value);
  const create = { operation: 'create_order', status: '2xx' };
  assert.deepEqual([of('kalua_rest_requests_total', undefined, create), of('kalua_rest_requests_total', 'second', create)], [[1], [2]]);
  for (const name of Object.keys(families).filter((n) => /^kalua_(rest|lost|journal)/.test(n)))
    assert.deepEqual([undefined, 'second'].map((account) => of(name, account).length > 0), [true, true], name);
  assert.deepEqual(of('kalua_journal_broken', 'second'), [0]);
  child.kill('SIGTERM');
  await child.over;
});

test('health: the feed of a profile that is away for long is a reason, as that of the first account', async () => {
  const away = await Sim.start();
  const cwd = folder({ '.env.second': profile(away, 0), 'both.lua': `
    local kalshi, task = require "kalshi", require "task"
    local other = kalshi.connect{ profile = "second" }
    local one, two = kalshi.book(kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker), other.book(other.get_markets{ status = "open", limit = 1 }.markets[1].ticker)
    print "ready"
    task.sleep(600)` });
  const child = start(cwd, ['--metrics', '0', 'both.lua']);
  const health = async () => JSON.parse((await get(port, '/health')).text);
  const port = await portOf(child);
  await until(() => `no books: ${child.text}`, () => child.out.includes('ready'));
  assert.equal((await health()).ok, true);
  await away.stop();
  await until('no note', async () => (await health()).notes.some((n) => /^the feed at account second has been away for \d+ s$/.test(n)));
  await until('no reason', async () => !(await health()).ok);
  const { reasons } = await health();
  assert.equal(reasons.length, 1);
  assert.match(reasons[0], /^the feed at account second has been away for (1[5-9]|[2-9]\d|\d{3,}) s.*: see `kalua doctor`$/);
  child.kill('SIGTERM');
  await child.over;
});

const failing = `
local task = require "task"
task.sleep(0.5)
error "out of ideas"`;
const watching = `
local alerts = require "alerts"
local url = os.getenv "HOOK"
alerts.run{ every = 0.1, to = { alerts.webhook(url .. "/json"), alerts.slack(url .. "/slack"), alerts.ntfy(url .. "/gone") },
  rules = { alerts.script_failed(), alerts.rule{ name = "never", metric = "kalua_books", above = 1e9 } } }`;

test('a script that fails: health says so, and a webhook hears of it, though it fails at first', async () => {
  const heard = { '/secret/json': [], '/secret/slack': [], '/secret/gone': [] };
  let refusals = 1;
  const server = http.createServer((req, res) => {
    let body = '';
    req.on('data', (part) => { body += part; });
    req.on('end', () => {
      const refused = req.url.endsWith('/slack') && refusals-- > 0;
      if (!refused) heard[req.url].push(body);
      res.writeHead(req.url.endsWith('/gone') ? 404 : refused ? 500 : 200).end('ok');
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const hook = `http://127.0.0.1:${server.address().port}/secret`;
  const cwd = folder({
    'failing.lua': failing, 'watch.lua': watching,
    'kalua.lua': 'return { metrics = 0, scripts = { "failing.lua", { "watch.lua", allow_env = "HOOK", allow_net = "127.0.0.1" } } }',
  });
  const child = start(cwd, ['--log-json', 'kalua.lua'], { HOOK: hook });
  const port = await portOf(child);
  await until('no alert', () => heard['/secret/json'].length && heard['/secret/slack'].length && heard['/secret/gone'].length);
  const message = JSON.parse(heard['/secret/json'][0]);
  assert.equal(message.event, 'firing');
  assert.equal(message.rule, 'script_failed');
  assert.equal(message.text, '[sim] failing: the script has failed (1)');
  assert.deepEqual(message.labels, { script: 'failing' });
  assert.equal(message.by, 'watch');
  assert.deepEqual(JSON.parse(heard['/secret/slack'][0]), { text: message.text });
  assert.equal(heard['/secret/json'].length, 1);

  await until('no word of the one that refuses for good', () => /was not delivered, and is not tried again/.test(child.text));
  const health = await get(port, '/health');
  assert.equal(health.status, 503);
  const { ok, reasons } = JSON.parse(health.text);
  assert.equal(ok, false);
  assert.equal(reasons.length, 1);
  assert.match(reasons[0], /^script failing has failed: .*failing\.lua:4: out of ideas; `kalua start failing` starts it again$/);

  await child.stop();
  server.close();
  const lines = child.text.trimEnd().split('\n').map((line) => JSON.parse(line));
  for (const line of lines) assert.deepEqual(Object.keys(line).slice(0, 4), ['ts', 'level', 'source', 'msg']);
  assert.ok(!child.text.includes('/secret'), 'the address of a webhook is in the log');
  const failed = lines.find((line) => line.source === 'failing' && line.level === 'error');
  assert.match(failed.msg, /out of ideas/);
  assert.match(failed.traceback, /failing\.lua:4/);
  assert.equal(failed.generation, 1);
  const late = lines.find((line) => /is not delivered yet/.test(line.msg));
  assert.equal(late.fields.again_in, 1);
  assert.match(late.fields.target, /^slack at http:\/\/127\.0\.0\.1:\d+\/…$/);
  assert.ok(lines.some((line) => /was not delivered, and is not tried again/.test(line.msg) && /^ntfy/.test(line.fields.target)));
});

const talking = `
local log, kalshi = require "log", require "kalshi"
log.info("quoted", { price = 0.41, count = 3, post = true, note = "a b\\xFF\\1" .. os.getenv "SECRET", msg = "own" })
pcall(kalshi.get_market, "NO-SUCH-MARKET")
log.warn "done"`;

test('a log of JSON lines: whole, valid, with fields of their own', async () => {
  const cwd = folder({ 'talking.lua': talking });
  const args = ['--log-json', '--log', 'debug', '--allow-env', 'SECRET', 'talking.lua'];
  const child = spawn(KALUA, ['run', ...args], {
    cwd, env: { ...cleanEnv(), ...sim.env(), SECRET: 'x"y', XDG_STATE_HOME: cwd }, stdio: ['ignore', 'ignore', 'pipe'],
  });
  const parts = [];
  child.stderr.on('data', (part) => parts.push(part));
  assert.equal(await new Promise((resolve) => child.on('close', resolve)), 0);
  const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line));
  for (const line of lines) assert.match(line.ts, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const quoted = lines.find((line) => line.source === 'talking' && line.msg.startsWith('quoted'));
  assert.deepEqual(quoted.fields, { count: 3, msg: 'own', note: 'a b\uFFFD\u0001x"y', post: true, price: 0.41 });
  assert.equal(quoted.generation, 1);
  assert.equal(quoted.level, 'info');
  const request = lines.find((line) => line.source === 'session' && line.status === 404);
  assert.equal(request.operation, 'get_market');
  assert.ok(request.latency_ms > 0);
  assert.ok(lines.some((line) => line.msg.includes('-- summary --')));
});

test('the token of --web is made once, for this user alone', async () => {
  const cwd = folder({ 'wait.lua': 'print "up" require "task".sleep(600)' });
  const first = start(cwd, ['--web', '0', 'wait.lua']);
  await until('no page', () => /the page is at/.test(first.text) && first.out.includes('up'));
  const file = path.join(cwd, 'kalua', 'web-token');
  const token = fs.readFileSync(file, 'utf8');
  assert.match(token, /^[0-9a-f]{64}\n$/);
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  assert.ok(!first.text.includes(token.trim()));
  await first.stop();
  fs.chmodSync(file, 0o644);
  const second = start(cwd, ['--web', '0', 'wait.lua']);
  assert.equal(await second.over, 3);
  assert.match(second.text, /others can read or change .*web-token \(mode 644\): remove it/);
  assert.equal(fs.readFileSync(file, 'utf8'), token);
});

test('a market that is paused: /health and kalua ps say so until an order goes through there again', async () => {
  const market = await sim.middle();
  const cwd = folder({ 'asker.lua': `
local kalshi, task = require "kalshi", require "task"
local ticker = "${market}"
print "up"
while true do
  local ok, o = pcall(kalshi.order, { ticker = ticker, side = "yes", price = 0.01, count = 1, post_only = true })
  if ok then pcall(o.cancel, o) end -- which a pause refuses, too
  task.sleep(0.1)
end` });
  const child = start(cwd, ['--metrics', '0', 'asker.lua']);
  const port = await portOf(child);
  await until('no script', () => child.out.includes('up'));
  const notes = async () => JSON.parse((await get(port, '/health')).text).notes.filter((n) => n.includes('paused'));
  assert.deepEqual(await notes(), []);
  await sim.trigger('pause', { market });
  const [note] = await until('no note', async () => { const n = await notes(); return n.length && n; });
  assert.match(note, new RegExp(`^script asker: ${market} is paused or closed: the exchange refused an order \\d+ s ago \\(MARKET_INACTIVE\\)$`));
  const ps = async () => {
    const { code, stdout, stderr } = await kalua(['ps'], { env: { XDG_STATE_HOME: cwd } });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  assert.match(await ps(), new RegExp(`^\\[asker\\] ${market} is paused or closed: `, 'm'));
  await sim.trigger('resume', { market });
  await until('the note stays', async () => (await notes()).length === 0);
  assert.doesNotMatch(await ps(), /paused/);
  await child.stop();
});
