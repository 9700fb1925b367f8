// A terminal for programs under test: util-linux's `script` gives the pseudo-terminal, this interprets what comes out.
import { execFileSync, spawn } from 'node:child_process';
import { KALUA, cleanEnv, tempDir, until } from './peers.mjs';

// The few codes that a screen needs. An unknown one is an error, so that a test sees every kind in use.
// `misfit` says what was drawn outside since the screen was cleared: of another size, until that is noticed.
export class Screen {
  constructor(rows, columns) {
    Object.assign(this, { alternate: false, cursor: true, wrap: true, styled: false, entered: 0, left: 0, drawn: 0 });
    this.resize(rows, columns);
  }

  resize(rows, columns) {
    Object.assign(this, { rows, columns, misfit: '' });
    this.clear();
  }

  clear() {
    this.cells = Array.from({ length: this.rows }, () => Array(this.columns).fill(' '));
    this.row = this.column = 0;
  }

  mode(name, on) {
    if (name === '1049') {
      this.alternate = on;
      this[on ? 'entered' : 'left']++;
      this.clear();
    } else if (name === '25') this.cursor = on;
    else if (name === '7') this.wrap = on;
    else throw new Error(`unknown mode ${name}`);
  }

  control(parameters, final) {
    if (final === 'h' || final === 'l') return this.mode(parameters.replace('?', ''), final === 'h');
    if (final === 'm') return void (this.styled ||= parameters !== '0');
    if (final === 'J' && parameters === '2') {
      this.misfit = '';
      return this.cells.forEach((r) => r.fill(' '));
    }
    if (final === 'K' && parameters === '2') return this.cells[this.row].fill(' ');
    if (final !== 'H') throw new Error(`unknown sequence CSI ${parameters}${final}`);
    const [row, column] = parameters.split(';').map(Number);
    if (row > this.rows && row !== 999) this.misfit ||= `row ${row} of ${this.rows}`;
    this.row = Math.min(row, this.rows) - 1;
    this.column = Math.min(column, this.columns) - 1;
  }

  // Takes whole sequences; what is left of one that is cut off comes back.
  feed(text) {
    for (let i = 0; i < text.length;) {
      const sequence = /^\x1b\[([?0-9;]*)([A-Za-z])/.exec(text.slice(i, i + 24));
      if (sequence) {
        this.control(sequence[1], sequence[2]);
        i += sequence[0].length;
        continue;
      }
      const c = String.fromCodePoint(text.codePointAt(i));
      if (c === '\x1b') {
        if (text.length - i < 24) return text.slice(i);
        throw new Error(`unknown sequence ${JSON.stringify(text.slice(i, i + 12))}`);
      }
      i += c.length;
      if (c === '\r') this.column = 0;
      else if (c === '\n') this.row = Math.min(this.row + 1, this.rows - 1);
      else if (c >= ' ') {
        if (this.alternate && this.column >= this.columns) this.misfit ||= `row ${this.row + 1} is wider than the screen`;
        if (this.column < this.columns) this.cells[this.row][this.column++] = c;
        this.drawn++;
      }
    }
    return '';
  }

  lines() { return this.cells.map((r) => r.join('').trimEnd()); }
  text() { return this.lines().join('\n'); }
}

// kalua in a terminal of its own, started by a shell. `then` is what the shell does after it.
export class Terminal {
  static open = new Set();
  // For the end of a test file, whatever became of its tests.
  static closeAll() { for (const t of Terminal.open) t.process.kill('SIGKILL'); }

  static async start(args, { rows = 24, columns = 80, env = {}, setup = 'trap : INT', then = '' } = {}) {
    const t = new Terminal();
    const quoted = [KALUA, ...args].map((a) => `'${a}'`).join(' ');
    const command = `${setup}; stty rows ${rows} cols ${columns}; echo "modes <$(stty -g)>"; echo "tty <$(tty)>"; `
      + `sh -c 'echo "pid <$$>"; exec "$@"' sh ${quoted}; ${then} echo "code <$?>"; echo "modes <$(stty -g)>"`;
    t.screen = new Screen(rows, columns);
    t.output = '';
    t.process = spawn('script', ['-qec', command, '/dev/null'], { cwd: tempDir(), stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...cleanEnv(), TERM: 'xterm-256color', LC_ALL: 'C.UTF-8', SHELL: '/bin/sh', ...env } });
    t.process.stdout.setEncoding('utf8');
    let rest = '';
    t.process.stdout.on('data', (d) => {
      t.output += d;
      try {
        rest = t.screen.feed(rest + d);
      } catch (e) {
        t.failure ??= e;
      }
    });
    t.process.stdin.on('error', () => {});
    t.ended = new Promise((r) => t.process.on('close', r));
    Terminal.open.add(t);
    t.ended.then(() => Terminal.open.delete(t));
    await until('the program in its terminal', () => t.found('pid'));
    t.pid = Number(t.found('pid'));
    return t;
  }

  found(name, which = 0) { return [...this.output.matchAll(new RegExp(`${name} <([^>]*)>`, 'g'))][which]?.[1]; }
  type(keys) { this.process.stdin.write(keys); }
  kill(signal) { process.kill(this.pid, signal); }

  resize(rows, columns) {
    this.screen.resize(rows, columns);
    execFileSync('stty', ['-F', this.found('tty'), 'rows', String(rows), 'cols', String(columns)]);
  }

  // Waits until fn(lines) holds; throws what the screen could not show.
  async shows(what, fn, ms) {
    try {
      await until(what, () => {
        if (this.failure) throw this.failure;
        return !this.screen.misfit && fn(this.screen.lines(), this.screen.text());
      }, ms);
    } catch (e) {
      throw new Error(`${e.message}; ${this.screen.misfit || 'the screen'}:\n${this.screen.text()}\n${JSON.stringify(this.output.slice(-600))}`);
    }
  }

  // The end: the exit code, and the modes of the terminal before and after as stty tells them.
  async end() {
    await until(`the end of the program, after ${JSON.stringify(this.output.slice(-600))}`, () => this.found('modes', 1));
    this.process.stdin.end();
    this.process.kill();
    await this.ended;
    if (this.failure) throw this.failure;
    return { code: Number(this.found('code')), modes: [this.found('modes', 0), this.found('modes', 1)],
      screen: this.screen, output: this.output };
  }
}
