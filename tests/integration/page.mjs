// Pages of the manual as a reader follows them. A block without a language is a terminal: what stands behind `$` is typed, `^C`
// is pressed, and the rest must then be seen, in its form: numbers, tickers, times and names of one run are those of the run.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { KALUA, cleanEnv, root, tempDir, until } from './peers.mjs';

export const read = (name) => fs.readFileSync(path.join(root, 'docs', name), 'utf8');
export const blocks = (page) => [...page.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map((m) => ({ language: m[1], text: m[2] }));
export const lua = (page) => blocks(page).filter((b) => b.language === 'lua').map((b) => b.text);

const kind = (line) => line
  .replace(/\d\d:\d\d:\d\d\.\d+/g, 'TIME')
  .replace(/\bKX[A-Z0-9]+-[\w.-]+(\w|…)/g, 'TICKER')
  .replace(/^(market +TICKER).*/, '$1')
  .replace(/^( *\d+ +waiting.*(main chunk|:\d+)) .*/, '$1')
  .replace(/^(\w+ +\d+ +sim +)probation/, '$1running')
  .replace(/waits for .*/, 'waits for EVENT')
  .replace(/\b(status|resting) +(age|\d+s).*/, '$1') // as many columns as there is room for
  .replace(/\b(\d+h)?(\d+m)?\d+s\b/g, 'SPAN')
  .replace(/^(SPAN|TIME) print/, 'TIME print')
  .replace(/\b(a change|an order) for/, 'an order for')
  .replace(/^((TIME print \w+ |fill +)?)(bid|ask)\b/, '$1SIDE')
  .replace(/\b(passed|failed).* in .* s$/, '$1')
  .replace(/[-+]?\d+(\.\d+)?[KM]?\b/g, 'N')
  .replace(/\s+/g, ' ').trim();

const words = (command) => [...command.matchAll(/'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2]);

// A reader at a terminal, in a folder of its own. `lasting` are commands that go on by themselves.
export class Reader {
  constructor({ env = {}, lasting = /^kalua (run|demo)/ } = {}) {
    this.cwd = tempDir();
    this.lasting = lasting;
    const bin = tempDir();
    fs.symlinkSync(KALUA, path.join(bin, 'kalua'));
    this.env = { ...cleanEnv(), XDG_STATE_HOME: tempDir(), ...env, PATH: `${bin}:${process.env.PATH}` };
    this.running = new Set();
  }

  file(name) { return path.join(this.cwd, name); }
  write(name, text) { fs.writeFileSync(this.file(name), text); }
  change(name, from, to) {
    const before = fs.readFileSync(this.file(name), 'utf8');
    assert.ok(before.includes(from), `${name} has ${from}`);
    this.write(name, before.replace(from, to));
  }

  start(command) {
    // Without a pipe it is the program itself, so that a signal reaches it.
    const piped = /[|>]/.test(command);
    const p = piped ? spawn('sh', ['-c', command], { cwd: this.cwd, env: this.env, stdio: ['ignore', 'pipe', 'pipe'] })
      : spawn(words(command)[0], words(command).slice(1), { cwd: this.cwd, env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    const run = { p, command, out: '' };
    this.running.add(run);
    for (const s of [p.stdout, p.stderr]) s.on('data', (d) => { run.out += d; });
    run.ended = new Promise((r) => p.on('close', (code) => { this.running.delete(run); r(code); }));
    return run;
  }

  async ends(run) {
    const late = setTimeout(() => run.p.kill('SIGKILL'), 120000);
    assert.equal(await run.ended, 0, `${run.command}\n${run.out}`);
    clearTimeout(late);
  }

  async shows(run, lines) {
    for (const line of lines.filter((l) => l.trim() !== '')) {
      const wanted = kind(line);
      await until(line, () => run.out.slice(run.seen ?? 0).split('\n').some((l) => kind(l) === wanted))
        .catch(() => assert.fail(`${run.command} does not show\n${line}\n(${wanted}) but\n${run.out}`));
    }
  }

  // One block. What shows without a command belongs to the last that goes on: only what came since the block before.
  async follow(text, { shows = true } = {}) {
    let run = this.last, lines = [];
    const look = async () => {
      if (shows && run) await this.shows(run, lines);
      lines = [];
    };
    for (const line of text.trimEnd().split('\n')) {
      if (line.startsWith('$ cd ')) {
        await look();
        this.cwd = path.resolve(this.cwd, line.slice(5));
      } else if (line.startsWith('$ ')) {
        await look();
        run = this.start(line.slice(2));
        if (this.lasting.test(run.command)) this.last = run;
        else await this.ends(run);
      } else if (line === '^C') {
        await look();
        run.p.kill('SIGINT');
        assert.equal(await run.ended, 130, run.out);
      } else {
        lines.push(line);
      }
    }
    await look();
  }

  // From here on only what is new counts.
  mark() { if (this.last) this.last.seen = this.last.out.length; }

  async end() {
    for (const run of [...this.running]) {
      run.p.kill('SIGKILL');
      await run.ended;
    }
  }
}
