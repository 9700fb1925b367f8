// The prompt as the fingers feel it, in a terminal: how long from the start to the first prompt, beside other prompts; how
// long until a key is echoed and a Tab is answered, calm and while 20,000 messages a second arrive.
//   node tests/bench/prompt/prompt.mjs [--starts 15] [--keys 200] [--rate 20000] [--books 100]
import { spawn } from 'node:child_process';
import os from 'node:os';
import { NumberedExchange } from '../../integration/numbered_exchange.mjs';
import { KALUA, cleanEnv, sleep, tempDir, until } from '../../integration/peers.mjs';
import { options, quantile } from '../reload/process.mjs';

const o = options({ starts: 15, keys: 200, rate: 20000, books: 100 });
const home = tempDir();
const ms = (v) => v.toFixed(1).padStart(7);

// A program in a pseudo-terminal, by util-linux's `script`.
class Terminal {
  constructor(command, env = {}) {
    this.text = '';
    this.seen = [];
    this.began = performance.now();
    this.process = spawn('script', ['-qfec', command, '/dev/null'], {
      env: { ...cleanEnv(), TERM: 'xterm-256color', LC_ALL: 'C.UTF-8', HOME: home, XDG_STATE_HOME: home, ...env },
      stdio: ['pipe', 'pipe', 'inherit'] });
    this.process.stdout.on('data', (d) => {
      const at = performance.now();
      this.text += d;
      this.seen = this.seen.filter((s) => !s(this.text, at));
    });
    this.ended = new Promise((r) => this.process.on('close', r));
  }

  // Resolves with the time at which `pattern` was there, behind what is there now.
  next(pattern) {
    const from = this.text.length;
    return new Promise((resolve) => this.seen.push((text, at) => {
      if (!pattern.test(text.slice(from))) return false;
      resolve(at);
      return true;
    }));
  }

  type(text) { this.process.stdin.write(text); }

  async timed(text, pattern) {
    const there = this.next(pattern), began = performance.now();
    this.type(text);
    return await there - began;
  }

  async line(text) {
    const there = this.next(/> [^\n]*$/);
    this.type(`${text}\r`);
    await there;
    await sleep(300);
  }

  end() {
    this.process.stdin.end();
    this.process.kill();
    return this.ended;
  }
}

// ---- the start ----

const prompts = {
  kalua: [`${KALUA} repl`, /kalua> /], python3: ['python3 -q', />>> /], node: ['node -i', /> /], 'lua5.4': ['lua5.4 -i', /> /],
};
const starts = Object.fromEntries(Object.keys(prompts).map((k) => [k, []]));
for (let i = 0; i < o.starts; i++) {
  for (const [name, [command, prompt]] of Object.entries(prompts)) {
    const t = new Terminal(command);
    let missing = false;
    const at = await Promise.race([t.next(prompt), t.ended.then(() => { missing = true; }), sleep(10000)]);
    if (!missing && at) starts[name].push(at - t.began);
    await t.end();
  }
}
console.log(`${os.cpus()[0].model}, ${os.cpus().length} processors, load ${os.loadavg()[0].toFixed(1)}; ms\n`);
console.log('start to prompt      median     p90');
for (const [name, list] of Object.entries(starts))
  if (list.length) console.log(name.padEnd(18), ms(quantile(list, 0.5)), ms(quantile(list, 0.9)));

// ---- keys ----

async function keys(t, name) {
  const echo = [], tab = [], complete = [];
  for (let i = 0; i < o.keys; i++) {
    await sleep(20 + Math.random() * 30);
    const c = 'abcdefghij'[i % 10];
    echo.push(await t.timed(c, new RegExp(c)));
    if (i % 10 === 9) t.type('\x15');
  }
  for (let i = 0; i < o.keys / 10; i++) {
    t.type('\x15kalshi.get_mar');
    await sleep(150);
    tab.push(await t.timed('\t', /get_market_/));
    await sleep(50);
    t.type('\x1b');
    await sleep(100);
    t.type('\x15kalshi.book("NEX');
    await sleep(150);
    complete.push(await t.timed('\t', /T-/));
    await sleep(50);
    t.type('\x1b');
    await sleep(100);
  }
  t.type('\x15');
  for (const [what, list] of Object.entries({ 'key to echo': echo, 'Tab, operations': tab, 'Tab, tickers': complete }))
    console.log(`${what}, ${name}`.padEnd(32), ms(quantile(list, 0.5)), ms(quantile(list, 0.9)), ms(quantile(list, 0.99)), ms(Math.max(...list)));
}

const x = await NumberedExchange.start({ markets: o.books, rate: o.rate, prefix: 'NEXT' });
const t = new Terminal(`${KALUA} repl --audit 0`, x.env);
try {
  await t.next(/> /);
  await sleep(500);
  console.log('\n                                  median     p90     p99   worst');
  await t.line('books = {} for i = 1, ' + o.books + ' do books[i] = kalshi.book("NEXT-" .. i) end');
  await until('the books', () => x.snapshots >= o.books);
  await t.line('names = {} for i = 1, ' + o.books + ' do names[i] = { ticker = books[i].ticker, title = "a market" } end');
  await t.line('names');
  await keys(t, 'calm');
  x.run();
  await sleep(1000);
  await keys(t, `${o.rate} messages a second`);
} finally {
  await t.end();
  await x.stop?.();
}
process.exit(0);
