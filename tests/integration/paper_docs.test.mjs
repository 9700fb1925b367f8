// docs/paper-to-live.md as a reader follows it: its files, its commands and what it says that is then to be seen, with
// simulators in place of demo and prod. What the market does meanwhile is done here. Numbers, times, tickers and names of
// one run are those of the run.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { KALUA, Sim, cleanEnv, root, tempDir, until } from './peers.mjs';

const page = fs.readFileSync(path.join(root, 'docs/paper-to-live.md'), 'utf8');
const fenced = (language) => [...page.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].filter((m) => m[1] === language).map((m) => m[2]);
const [script, project] = fenced('lua');
const blocks = fenced('').map((b) => b.trimEnd().split('\n'));

const kind = (line) => line
  .replace(/(https?|wss?):\/\/[\w.:/-]+/g, 'URL')
  .replace(/(ok +key: .*, )\/.*(, not encrypted)/, '$1FILE$2')
  .replace(/\d{4}-\d\d-\d\dT[\d:]+Z|^\d\d:\d\d:\d\d\.\d+/g, 'TIME')
  .replace(/\bKX[A-Z0-9]+-[\w.-]+[\w]/g, 'TICKER')
  .replace(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/g, 'ID')
  .replace(/\bjoin(-g\d+)-\w+/g, 'join$1-N')
  .replace(/as measured|assumed/, 'as known')
  .replace(/\d+ orders? canceled, none left/, 'no orders left') // counted beside the cancel, which may be first
  .replace(/\d+(h|m)\d+(m|s)|\d+s\b/g, 'SPAN')
  .replace(/[-+]?\d+(\.\d+)?[KM]?\b/g, 'N')
  .replace(/ +/g, ' ').trim();

test('from a file on the embedded exchange to live, and back', async () => {
  const dir = tempDir(), state = tempDir(), sims = {}, running = new Set(), users = {};
  fs.writeFileSync(path.join(dir, 'join.lua'), script);
  let next = 0;
  const words = (command) => [...command.matchAll(/'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2]);

  // Starts the command of the next block, or goes on with what it shows of one that runs: {p, out, ended, code}.
  function start(command) {
    const args = words(command.replace(/^\$ kalua /, ''));
    const env = args[args.indexOf('--env') + 1], sim = args.includes('--env') ? sims[env] : undefined;
    const p = spawn(KALUA, args, { cwd: dir, env: { ...cleanEnv(), XDG_STATE_HOME: state,
      ...(sim ? { KALSHI_REST_URL: sim.rest_url, KALSHI_WS_URL: sim.ws_url, ...users[env] } : {}) }, stdio: ['ignore', 'pipe', 'pipe'] });
    const run = { p, out: '', command };
    running.add(run);
    p.stdout.on('data', (d) => { run.out += d; });
    p.stderr.on('data', (d) => { run.out += d; });
    run.ended = new Promise((r) => p.on('close', (code) => { running.delete(run); r(code); }));
    return run;
  }
  async function shows(run, lines) {
    for (const line of lines) {
      const wanted = kind(line);
      await until(`${run.command}: ${line}`, () => run.out.split('\n').some((l) => kind(l) === wanted))
        .catch((e) => { throw new Error(`${e.message}\n${run.out}`); });
    }
  }
  // A block: a command and what it shows; behind ^C what it says then. A command that ends by itself is waited for.
  async function step(command, { run, ends = false, between } = {}) {
    const lines = [...blocks[next++]];
    assert.ok(lines[0].startsWith(command ?? lines[0]), `${lines[0]}, not ${command}`);
    const r = run ?? start(lines.shift());
    const at = lines.indexOf('^C');
    const before = at < 0 ? lines : lines.slice(0, at);
    await shows(r, between ? before.slice(0, between.after) : before);
    if (between) {
      await between.does();
      await shows(r, before.slice(between.after));
    }
    if (at >= 0) {
      r.p.kill('SIGINT');
      assert.equal(await r.ended, 130, r.out);
      await shows(r, lines.slice(at + 1));
    }
    if (ends !== false) assert.equal(await r.ended, ends, r.out);
    return r;
  }
  const quote = (sim, side, price, count) => sim.trigger('quote', { market: sim.market, side, price: String(price), count: String(count) });
  const resting = async (sim) => (await sim.rest('GET', '/portfolio/orders?status=resting')).body.orders.length;

  try {
    await step('$ kalua run join.lua');
    for (const name of ['demo', 'prod']) {
      const sim = sims[name] = await Sim.start('--quiet-market', '--seed', '5');
      sim.market = (await sim.rest('GET', '/markets?status=open&limit=1')).body.markets[0].ticker;
      users[name] = { KALSHI_API_KEY_ID: sim.key_id, KALSHI_PRIVATE_KEY_PATH: sim.key_path };
      await quote(sim, 'bid', 0.4, 50);
      await quote(sim, 'ask', 0.6, 50);
    }
    const { demo, prod } = sims;
    await step('$ kalua doctor --env demo', { ends: 0 });
    const sell = () => prod.trigger('trade', { market: prod.market, side: 'ask', count: '50', price: '0.4' });
    await step('$ kalua run --env prod join.lua', { between: { after: 2, does: async () => {
      await quote(prod, 'bid', 0.4, 200); // behind it
      await prod.trigger('trade', { market: prod.market, side: 'ask', count: '100', price: '0.4' });
    } } });
    assert.equal((await prod.rest('GET', '/portfolio/orders')).body.orders.length, 0);
    await step('$ kalua run --env demo --risk', { ends: 1 });
    fs.writeFileSync(path.join(dir, 'kalua.lua'), project);

    let run = await step('$ kalua run --env demo');
    await step('$ kalua ps', { ends: 0 });
    await step('$ kalua attach', { ends: 0 });
    await step('$ kalua stop', { ends: 0 });
    await run.ended;
    await step(undefined, { run });
    assert.equal(await resting(demo), 1);
    run = await step('$ kalua run --env demo');
    assert.equal(await resting(demo), 1);
    const second = await step('$ kalua run --env demo');
    for (const r of [second, run]) {
      r.p.kill('SIGINT');
      await r.ended;
    }

    run = await step('$ kalua run --env prod --live');
    await sell();
    await until('our place in the queue to be reached', async () => {
      await prod.trigger('trade', { market: prod.market, side: 'ask', count: '60', price: '0.4' }).catch(() => {});
      return (await prod.rest('GET', '/portfolio/fills')).body.fills.length > 0;
    });
    await quote(prod, 'bid', 0.1, 50);
    await quote(prod, 'ask', 0.12, 50);
    await step(undefined, { run, ends: 1 });
    assert.equal(await resting(prod), 0);
    await step('$ kalua run --env prod --live', { ends: 1 });
    run = await step('$ kalua run --env prod --live --resume');
    assert.equal(await resting(prod), 1);
    await step('$ kalua kill --env prod', { ends: 0 });
    await run.ended;
    assert.equal(await resting(prod), 0);
    await step('$ kalua doctor --env prod', { ends: 0 });
    await step('$ kalua kill --release', { ends: 0 });
    assert.equal(next, blocks.length, 'every block of the page was followed');
  } finally {
    for (const r of running) r.p.kill('SIGKILL');
    for (const sim of Object.values(sims)) await sim.stop();
  }
});
