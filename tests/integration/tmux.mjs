// A real terminal: tmux, with a server of its own for each, driven by keys and looked at as a person would.
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { KALUA, PATIENCE_MS, cleanEnv, tempDir, until } from './peers.mjs';

const run = promisify(execFile);
const quoted = (words) => words.map((w) => `'${String(w).replaceAll("'", "'\\''")}'`).join(' ');

export class Tmux {
  static open = new Set();
  // For the end of a test file, whatever became of its tests.
  static closeAll() { for (const t of [...Tmux.open]) t.closeNow(); }

  // Starts `kalua` (or another program, a list of words) with these arguments. t.folder is its home and current folder,
  // and goes with the terminal.
  static async start(args, { columns = 80, rows = 24, env = {}, cwd, program = [KALUA] } = {}) {
    const t = new Tmux();
    t.folder = tempDir();
    t.socket = path.join(t.folder, 'tmux');
    const settings = path.join(t.folder, 'tmux.conf');
    // What has ended stays to be looked at; all rows are the program's; Esc is handed on at once.
    fs.writeFileSync(settings, 'set -g remain-on-exit on\nset -g status off\nset -s escape-time 0\nset -g history-limit 50000\n'
      + 'set -g remain-on-exit-format ""\n');
    const all = { ...cleanEnv(), TERM: 'xterm-256color', LC_ALL: 'C.UTF-8', HOME: t.folder, SHELL: '/bin/sh', ...env };
    for (const name of ['TMUX', 'TMUX_PANE', 'XDG_STATE_HOME', 'NO_COLOR']) if (!(name in env)) delete all[name];
    t.env = all;
    Tmux.open.add(t);
    // TERM of a pane is tmux's own choice: what was asked for is set behind it.
    const own = env.TERM ? `TERM=${quoted([env.TERM])} ` : '';
    await t.tmux('-f', settings, 'new-session', '-d', '-x', columns, '-y', rows, '-c', cwd ?? t.folder,
      `${own}exec ${quoted([...program, ...args])}`);
    return t;
  }

  // A command of tmux's; its output.
  async tmux(...args) {
    const { stdout } = await run('tmux', ['-u', '-S', this.socket, ...args.map(String)], { env: this.env });
    return stdout;
  }

  // Keys by tmux's names: 'Enter', 'C-r', 'M-b', 'Up', 'Escape', 'Home', 'DC'.
  keys(...names) { return this.tmux('send-keys', ...names); }
  // Text as it is typed, key by key.
  type(text) { return this.tmux('send-keys', '-l', text); }
  // A line and Enter.
  async line(text) {
    await this.type(text);
    await this.keys('Enter');
  }
  // Text as it comes from a clipboard: bracketed, where the program has asked for that.
  async paste(text) {
    const file = path.join(this.folder, 'clipboard');
    fs.writeFileSync(file, text);
    await this.tmux('load-buffer', file);
    await this.tmux('paste-buffer', '-p', '-r');
  }

  // What is on the screen: its lines, without blanks at their ends.
  async lines() { return (await this.tmux('capture-pane', '-p')).replace(/\n$/, '').split('\n').map((l) => l.trimEnd()); }
  async text() { return (await this.lines()).join('\n').trimEnd(); }
  // The same with what has scrolled out of sight before it; lines that were wrapped are put together again.
  async all() { return (await this.tmux('capture-pane', '-p', '-J', '-S', '-')).split('\n').map((l) => l.trimEnd()).join('\n').trimEnd(); }
  // With the codes of colours.
  coloured() { return this.tmux('capture-pane', '-p', '-e'); }
  async value(format) { return (await this.tmux('display-message', '-p', format)).trimEnd(); }
  async cursor() {
    const [column, row] = (await this.value('#{cursor_x} #{cursor_y}')).split(' ').map(Number);
    return { row, column };
  }
  async pid() { return Number(await this.value('#{pane_pid}')); }
  resize(columns, rows) { return this.tmux('resize-window', '-x', columns, '-y', rows); }

  // Waits until the screen shows a text, matches a pattern, or fn(lines, text) holds; gives the lines. The text is without
  // the empty lines at the end.
  async shows(wanted, ms = PATIENCE_MS) {
    const holds = typeof wanted === 'function' ? wanted
      : wanted instanceof RegExp ? (lines, text) => wanted.test(text) : (lines, text) => text.includes(wanted);
    let lines = [];
    try {
      return await until(String(wanted), async () => {
        lines = await this.lines();
        return holds(lines, lines.join('\n').trimEnd()) && lines;
      }, ms);
    } catch (e) {
      throw new Error(`${e.message}; on the screen:\n${lines.join('\n').trimEnd()}\n(the end)`, { cause: e });
    }
  }
  // Waits until it no longer does.
  gone(wanted, ms) {
    return this.shows((lines, text) => !(wanted instanceof RegExp ? wanted.test(text) : text.includes(wanted)), ms);
  }

  // Waits for the end of the program; its exit code (128 and more: by a signal).
  async code(ms = PATIENCE_MS) {
    await until('the end of the program', async () => (await this.value('#{pane_dead}')) === '1', ms);
    const [status, signal] = (await this.value('#{pane_dead_status} #{pane_dead_signal}')).split(' ').map(Number);
    return signal ? 128 + signal : status;
  }

  // Ends the program by SIGKILL, if need be, and tmux.
  async close() {
    if (!Tmux.open.delete(this)) return;
    await this.tmux('kill-server').catch(() => {});
    fs.rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
  closeNow() {
    Tmux.open.delete(this);
    try {
      execFileSync('tmux', ['-S', this.socket, 'kill-server'], { stdio: 'ignore' });
    } catch {
      // It has gone already.
    }
    fs.rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

// The body of a test in a terminal, which is closed behind it: test('…', inTerminal(['repl'], {}, async (t) => { … })).
export const inTerminal = (args, options, body) => async () => {
  const t = await Tmux.start(args, options);
  try {
    await body(t);
  } finally {
    await t.close();
  }
};
