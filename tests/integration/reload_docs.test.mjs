// The walk of docs/reload.md as a reader does it: its script, its edits one after the other, and what the page says that is
// then to be seen. Lines of the program's own are compared word by word, but for milliseconds; of the script's, the counts.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { KALUA, cleanEnv, kalua, root, tempDir, until } from './peers.mjs';

const walk = /## A walk\n([^]*?)\n## /.exec(fs.readFileSync(path.join(root, 'docs/reload.md'), 'utf8'))[1];
const fenced = (text, language) => [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].filter((m) => m[1] === language).map((m) => m[2]);
const blocks = (text) => fenced(text, '').map((b) => b.trimEnd().split('\n'));
const [opening, ...rest] = walk.split(/^(?=\*\*[A-Z][a-z]+\.\*\*)/m);
const steps = new Map(rest.map((text) => [/^\*\*(\w+)/.exec(text)[1], text]));

// "`new` in place of `old`"
function edited(source, step) {
  const [, put, old] = /`([^`]+)`\s+in\s+place\s+of\s+`([^`]+)`/.exec(steps.get(step));
  assert.equal(source.split(old).length, 2, `${step}: the script has "${old}" once`);
  return source.replace(old, () => put);
}

const literal = (s) => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const said = (line) => new RegExp(`^${literal(line).replace(/[\d]+\\\.\d+ ms/, '\\d+\\.\\d ms')}$`, 'm');
const counted = (line) => new RegExp(`^\\d+${'\t-?[\\d.]+'.repeat(line.split('\t').length - 1)}$`, 'm');

test('edit, break, see, mend, change', async () => {
  const dir = tempDir(), file = path.join(dir, 'watch.lua');
  let [source] = fenced(opening, 'lua');
  fs.writeFileSync(file, source);
  const [command, ...first] = blocks(opening)[0];
  const words = command.replace(/^\$ kalua /, '').split(' ');
  const p = spawn(KALUA, [...words, '--quiet'], { cwd: dir, env: cleanEnv() });
  const ended = new Promise((r) => p.on('close', r));
  let out = '', err = '';
  p.stdout.on('data', (d) => { out += d; });
  p.stderr.on('data', (d) => { err += d; });

  // All lines of the page come, those of the program in the page's order; then a line of the script in the page's form.
  async function shown(what, lines, { fromOut, fromErr }) {
    let at = fromErr;
    for (const line of lines.filter((l) => l.startsWith('[watch]'))) {
      await until(`${what}: ${line}`, () => {
        assert.equal(p.exitCode, null, err);
        return said(line).test(err.slice(at));
      }).catch((e) => { throw new Error(`${e.message}\n${err.slice(fromErr)}`); });
      at += said(line).exec(err.slice(at)).index + 1;
    }
    const last = lines.filter((l) => !l.startsWith('[watch]')).at(-1);
    await until(`${what}: ${last}`, () => counted(last).test(out.slice(fromOut)));
  }
  const from = () => ({ fromOut: out.length, fromErr: err.length });
  async function save(what, text, lines) {
    const f = from();
    fs.writeFileSync(file, text);
    await shown(what, lines, f);
  }

  try {
    await shown('run', first, { fromOut: 0, fromErr: 0 });
    const good = source = edited(source, 'Edit');
    await save('edit', source, blocks(steps.get('Edit'))[0]);

    const state = async () => JSON.parse((await kalua(['ps', '--json'])).stdout)[0].phase;
    await until('the end of the probation', async () => await state() === 'running');
    const [fails, refused] = blocks(steps.get('Break'));
    source = edited(source, 'Break');
    await save('break', source, fails);
    source = source.replace(/end\n$/, '');
    await save('break the other way', source, refused);

    const ps = blocks(steps.get('See'))[0];
    const { stdout, code } = await kalua(ps[0].replace('$ kalua ', '').split(' '));
    assert.equal(code, 0);
    const shape = (text) => text.trim().split(/\s+/).map((w) => w.replace(/\d+/g, '0').replace(/^0[mhs]0?[ms]?$/, '0s'));
    const [head, row] = stdout.split('\n');
    assert.deepEqual(head.trim().split(/\s+/), ps[1].trim().split(/\s+/));
    assert.deepEqual(row.split(/\s+/).slice(4, 5), ps[2].split(/\s+/).slice(4, 5), 'the generation');
    assert.deepEqual(shape(row).filter((w) => w !== 'probation' && w !== 'running'), shape(ps[2]).filter((w) => w !== 'running'));
    assert.equal(stdout.trimEnd().split('\n').at(-1), ps.at(-1));

    await save('mend', good, blocks(steps.get('Mend'))[0]);
    source = edited(good, 'Change');
    await save('change', source, blocks(steps.get('Change'))[0]);
  } finally {
    p.kill('SIGINT');
    await ended;
  }
  // The count never began anew, and no line is missing but those of the version that failed at it.
  const counts = [...out.matchAll(/^(\d+)\t/gm)].map((m) => Number(m[1]));
  assert.equal(counts[0], 20);
  counts.slice(1).forEach((n, i) => assert.ok(n === counts[i] + 20, `${n} after ${counts[i]}`));
});
