// Matching engines on the same commands, in memory, one core each, in turns: node tests/bench/matching/matching.mjs
//   [--rounds 5] [--commands 2000000] [--markets 100] [--build build/release]
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
const { values: o } = parseArgs({ options: {
  rounds: { type: 'string', default: '5' }, commands: { type: 'string', default: '2000000' },
  markets: { type: 'string', default: '100' }, build: { type: 'string', default: 'build/release' } } });
const bin = path.resolve(o.build, 'tests/bench/matching');
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'kalua-matching-'));
process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));
const flow = path.join(dir, 'flow');
execFileSync(path.join(bin, 'flow_generate'), [flow, o.commands, o.markets, '1']);

function compile(out, ...args) {
  execFileSync('c++', ['-O2', '-w', '-std=c++17', `-I${here}`, ...args, '-o', path.join(dir, out)]);
  return [path.join(dir, out)];
}

// QuickFIX's example is taken from its Debian package and built as it is.
function quickfix() {
  try {
    execFileSync('apt-get', ['download', 'libquickfix-doc'], { cwd: dir, stdio: 'ignore' });
    execFileSync('sh', ['-c', 'dpkg-deb -x libquickfix-doc_*.deb qf'], { cwd: dir, stdio: 'ignore' });
    const source = path.join(dir, 'qf/usr/share/doc/libquickfix-doc/examples/ordermatch');
    return compile('matching_quickfix', `-I${source}`, path.join(here, 'matching_quickfix.cpp'), path.join(source, 'Market.cpp'));
  } catch (e) {
    console.error(`without QuickFIX's matcher: ${e.message.split('\n')[0]}`);
    return null;
  }
}

const engines = [
  { name: 'Kalua, with accounts, fees and positions', command: [path.join(bin, 'matching_kalua')] },
  { name: 'the same, with client order ids', command: [path.join(bin, 'matching_kalua')], more: ['ids'] },
  { name: 'std::map and std::list, matching only', command: compile('matching_map', path.join(here, 'matching_map.cpp')) },
  { name: 'QuickFIX ordermatch, matching only', command: quickfix() },
  { name: 'nodejs-order-book, matching only', command: [process.execPath, path.join(here, 'matching_node.mjs')] },
].filter((e) => e.command);

const median = (a) => [...a].sort((x, y) => x - y)[a.length >> 1];
for (const e of engines) e.runs = [];
for (let round = 0; round < Number(o.rounds); round++)
  for (const e of engines)
    e.runs.push(JSON.parse(execFileSync(e.command[0], [...e.command.slice(1), flow, o.markets, ...(e.more ?? [])], { encoding: 'utf8' })));

const [ours] = engines;
console.log(`${o.commands} commands (${ours.runs[0].trades} trades) on ${o.markets} markets, ${o.rounds} rounds; CPU time, medians\n`);
for (const e of engines) {
  const { trades, contracts, check } = e.runs[0];
  if (trades !== ours.runs[0].trades || contracts !== ours.runs[0].contracts || (check ?? ours.runs[0].check) !== ours.runs[0].check)
    if (!e.name.startsWith('QuickFIX') || contracts !== ours.runs[0].contracts)
      throw new Error(`${e.name} matched otherwise: ${JSON.stringify(e.runs[0])} and not ${JSON.stringify(ours.runs[0])}`);
  const rate = median(e.runs.map((r) => r.commands / r.seconds));
  const ratio = median(e.runs.map((r, i) => r.seconds / ours.runs[i].seconds));
  console.log(`${e.name.padEnd(42)} ${(rate / 1e6).toFixed(2).padStart(6)} million commands/s   ${ratio.toFixed(2).padStart(7)} x Kalua's time`);
}
