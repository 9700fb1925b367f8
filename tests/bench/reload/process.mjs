// A strategy under reloads, seen from outside: its lines, its file, what the kernel says of its process.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { KALUA, cleanEnv, tempDir, until } from '../../integration/peers.mjs';

export const wallNow = () => (performance.timeOrigin + performance.now()) / 1000;
export const quantile = (list, q) => (list.length ? Float64Array.from(list).sort()[Math.min(list.length - 1, Math.floor(list.length * q))] : NaN);

// The options of a bench, `--name value` each, over their defaults.
export function options(defaults) {
  const o = { ...defaults }, args = process.argv.slice(2);
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i].replace(/^--/, '');
    if (!(name in o) || args[i + 1] === undefined) {
      console.error(`options and their defaults: ${Object.entries(defaults).map(([k, v]) => `--${k} ${v}`).join(' ')}`);
      process.exit(2);
    }
    o[name] = typeof defaults[name] === 'number' ? Number(args[i + 1]) : args[i + 1];
  }
  return o;
}

export class Strategy {
  // `onLine` gets the fields of each line that it prints, `onLog` each line of the log. `others`: more scripts beside it.
  constructor({ name, source, args, env, onLine, onLog, others = {} }) {
    const dir = tempDir();
    this.file = path.join(dir, `${name}.lua`);
    this.save(source);
    const more = Object.entries(others).map(([file, text]) => {
      fs.writeFileSync(path.join(dir, file), text);
      return path.join(dir, file);
    });
    this.ended = false;
    this.lastLog = [];
    this.process = spawn(KALUA, ['run', '--quiet', '--audit', '0', '--log', 'debug', ...args, this.file, ...more], {
      env: { ...cleanEnv(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.pid = this.process.pid;
    // Beside others it says its name in front of every line.
    this.#lines(this.process.stdout, (text) => onLine(text.replace(/^\[\w+\] /, '').split('\t')));
    this.#lines(this.process.stderr, (text) => {
      this.lastLog.push(text);
      if (this.lastLog.length > 40) this.lastLog.shift();
      onLog(text);
    });
    this.over = new Promise((r) => this.process.on('close', (code, signal) => { this.ended = true; r(code ?? signal); }));
  }

  #lines(stream, take) {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (d) => {
      const list = (rest + d).split('\n');
      rest = list.pop();
      list.forEach(take);
    });
  }

  // Moved over the file, as editors do.
  save(source) {
    fs.writeFileSync(`${this.file}.new`, source);
    const at = wallNow();
    fs.renameSync(`${this.file}.new`, this.file);
    return at;
  }

  write(source) {
    const at = wallNow();
    fs.writeFileSync(this.file, source);
    return at;
  }

  hangUp() {
    const at = wallNow();
    this.process.kill('SIGHUP');
    return at;
  }

  async wait(what, fn, ms = 60000) {
    await until(what, () => {
      if (this.ended) throw new Error(`kalua ended before ${what}:\n${this.lastLog.join('\n')}`);
      return fn();
    }, ms).catch((e) => { throw new Error(`${e.message}\n${this.lastLog.join('\n')}`); });
  }

  get rssMB() { return Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${this.pid}/status`, 'utf8'))[1]) / 1024; }

  // Seconds that the loop's thread has run.
  get loopSeconds() { return Number(fs.readFileSync(`/proc/${this.pid}/task/${this.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9; }

  // Open descriptors by kind, but for connections to `port`: a pool of them grows and shrinks with what is under way.
  descriptors(port) {
    const pool = new Set(), kinds = {};
    for (const row of fs.readFileSync(`/proc/${this.pid}/net/tcp`, 'utf8').split('\n').slice(1)) {
      const [, , remote, , , , , , , inode] = row.trim().split(/\s+/);
      if (remote && parseInt(remote.split(':')[1], 16) === port) pool.add(`socket:[${inode}]`);
    }
    for (const fd of fs.readdirSync(`/proc/${this.pid}/fd`)) {
      let to;
      try { to = fs.readlinkSync(`/proc/${this.pid}/fd/${fd}`); } catch { continue; }
      const kind = pool.has(to) ? 'rest' : to.replace(/:\[\d+\]$/, '');
      if (kind !== 'rest') kinds[kind] = (kinds[kind] ?? 0) + 1;
    }
    return kinds;
  }

  async stop() {
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 30000);
    const code = await this.over;
    clearTimeout(timer);
    return code;
  }
}
