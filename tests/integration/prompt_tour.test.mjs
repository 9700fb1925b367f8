// `:tour`: every step runs, through a pipe and as a newcomer walks it in a terminal of 80 columns and 24 rows.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { kalua, tempDir } from './peers.mjs';
import { Tmux, inTerminal } from './tmux.mjs';

const STEPS = 12;
const env = { XDG_RUNTIME_DIR: tempDir(), XDG_STATE_HOME: tempDir() };

after(() => Tmux.closeAll());

// The parts of what `:tour all` printed: {title, inputs: [[what was typed, what came of it]]}.
function parse(text) {
  const steps = [];
  for (const part of text.split(/^\d+ of 12: /m).slice(1)) {
    const [title, ...lines] = part.split(/\n\nWhat you typed,/)[0].trimEnd().split('\n');
    const inputs = [];
    for (const line of lines) {
      if (line.startsWith('kalua> ')) inputs.push([line.slice(7), '']);
      else if (inputs.length > 0 && line.startsWith('    .. ')) inputs.at(-1)[0] += `\n${line.slice(7)}`;
      else if (inputs.length > 0) inputs.at(-1)[1] += `${line}\n`;
    }
    steps.push({ title, inputs });
  }
  return steps;
}

test('every step runs and shows its values; what it leaves behind is a strategy', async (t) => {
  const r = await kalua(['repl'], { env, input: ':tour all\norder = nil\n:tour 11\n\n:tour end\n' });
  assert.deepEqual([r.code, r.stderr], [0, '']);
  const [all, again] = r.stdout.split('That was the tour.');
  const steps = parse(all);
  assert.equal(steps.length, STEPS);
  for (const { title, inputs } of steps) {
    assert.ok(inputs.length > 0 && inputs.at(-1)[1] !== '', `${title} shows nothing: ${JSON.stringify(inputs)}`);
    for (const [input, output] of inputs) {
      if (!/^[\w, ]+ = /.test(input)) assert.notEqual(output, '', `${title}: ${input} prints nothing`);
    }
  }
  const shown = steps.map(({ inputs }) => inputs.map(([, output]) => output).join(''));
  for (const [step, pattern] of [[1, /bid +ask +spread/], [2, /rules /], [3, /\d markets/], [4, /spread .*mid/], [5, /^0\.\d+, \d/], [6, /^0\.\d+, 500\.0, 0\.\d+$/m],
    [7, /^true|^false/], [8, /candles of 1 h/], [9, /balance +\$40,000\.00/], [10, /filled +0 +left 10/], [11, /resting[^]*\n10\.0\n\{\}/], [12, /filled +\d[^]*(1 position|^\{\}$)/m]])
    assert.match(shown[step - 1], pattern, `step ${step}`);
  assert.match(again, /^kalua> order = [^]*^11 of 12: [^]*Enter runs it\.[^]*resting[^]*Enter goes on: /m, 'a step makes what it needs');
  for (const line of r.stdout.split('\n').filter((l) => !/[^\x00-\x7f]/.test(l))) assert.ok(line.length <= 80, line);

  await t.test('that runs; and the tour is not for a strategy in which one can only look', async () => {
    const dir = tempDir();
    const source = r.stdout.match(/is a strategy:\n\n((?: {2}.*\n)+)/)[1].replace(/^ {2}/gm, '');
    fs.writeFileSync(path.join(dir, 'first.lua'), source);
    let attached;
    const ran = await kalua(['first.lua'], { cwd: dir, env, onOut: (out, p) => {
      if (out.includes('\n')) attached ??= kalua(['attach', 'first', '-e', ':tour all'], { env }).finally(() => p.kill('SIGINT'));
    } });
    assert.match(ran.stdout, /^KX\S+\t0\.\d+\n/);
    const { code, stdout, stderr } = await attached;
    const own = stdout.replace(/^KX\S+\t0\.\d+\n/gm, ''); // beside what the strategy prints meanwhile
    assert.deepEqual([code, own], [1, '']);
    assert.match(stderr, /permission: .*:arm first/);
  });
});

test('nor for another exchange than the embedded one', async () => {
  const key = path.join(tempDir(), 'key.pem');
  execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', key], { stdio: 'ignore' });
  fs.chmodSync(key, 0o600);
  const r = await kalua(['repl', '--env', 'demo', '--key-id', 'none', '--key', key, '--rest-url', 'http://127.0.0.1:9/trade-api/v2',
    '--ws-url', 'ws://127.0.0.1:9/', '-e', ':tour all'], { env });
  assert.deepEqual([r.code, r.stdout], [1, ''], r.stderr);
  assert.match(r.stderr, /for the embedded exchange only/);
});

test('Enter runs a step and goes on, also where nobody trades', inTerminal(['repl', '--rate', '0.1'], {}, async (t) => {
  const runs = (lines) => lines.some((l) => l.startsWith('Enter runs this'));
  const goesOn = (lines) => lines.some((l) => l.startsWith('Enter goes on: '));
  const isAt = (step) => (lines) => lines.some((l) => l.startsWith(`${step} of 12: `)) && runs(lines);
  // Runs the step that is shown, and looks that its text is still seen then; the lines from it on.
  async function step(n) {
    const before = await t.shows(isAt(n));
    const text = before[before.findIndex((l) => l.startsWith(`${n} of 12: `)) + 2];
    const code = before.slice(before.lastIndexOf('kalua>') + 1).map((l) => l.trim());
    await t.keys('Enter');
    const lines = await t.shows(goesOn);
    const from = lines.indexOf(text);
    assert.ok(from >= 0, `step ${n} with its values is more than a screen:\n${lines.join('\n')}`);
    assert.equal(lines.slice(from).find((l) => l.startsWith('kalua> ')), `kalua> ${code[0]}`);
    return lines.slice(from).join('\n');
  }
  await t.shows(':tour shows around');
  await t.line(':tour');
  for (let n = 1; n <= 4; n++) {
    await step(n);
    if (n === 2) { // something of one's own, a mistake, and Ctrl-C
      await t.line('m.ticker');
      await t.shows(/^"KX/m);
      await t.line('no.such');
      await t.shows(/attempt to index a nil value/);
      await t.type('half a line');
      await t.keys('C-c');
      await t.shows((lines) => lines.includes('kalua> half a line^C') && goesOn(lines));
    }
    await t.keys('Enter');
  }
  await t.shows(isAt(5));
  await t.keys('Up', 'Enter'); // what a step ran is in the history
  await t.shows((lines) => lines.slice(lines.findIndex((l) => l.startsWith('5 of 12: '))).includes('kalua> book = kalshi.book(m.ticker)'));

  // The book may change before the key is there: then the step goes on by itself.
  for (let tries = 0, cancelled; !cancelled; tries++) {
    assert.ok(tries < 5, 'the book has changed each time');
    await t.line(':tour 7');
    await t.shows(isAt(7));
    await t.keys('Enter');
    const lines = await t.shows((l, text) => text.includes('Ctrl-C cancels') || goesOn(l));
    if (goesOn(lines)) continue;
    await t.keys('C-c');
    const after = await t.shows((l) => (l.includes('cancelled') && runs(l)) || goesOn(l));
    cancelled = after.includes('cancelled');
  }

  await t.line(':tour 10');
  for (const [n, shows] of [[10, /filled +0 +left 10/], [11, /10\.0\nkalua> kalshi\.orders\(\)\n\{\}/], [12, /filled +5 at[^]*1 position/]]) {
    assert.match(await step(n), shows);
    await t.keys('Enter');
  }
  await t.shows('That was the tour.');
  await t.keys('Enter');
  await t.line('1 + 1');
  await t.shows((lines) => lines.includes('2') && !goesOn(lines) && !runs(lines));
  await t.line(':tour 3');
  await t.shows(isAt(3));
  await t.line(':tour end');
  await t.shows((lines) => !runs(lines));
  await t.keys('C-d');
  assert.equal(await t.code(), 0);
}));
