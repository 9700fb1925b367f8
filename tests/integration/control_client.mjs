// A client of the control socket of a process: one JSON object a line, both ways (runtime/control/protocol.h).
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { until } from './peers.mjs';

// Connects to the only process that is listed in $XDG_RUNTIME_DIR, or to that one. `events` and `answers` are all that came.
export class ControlClient {
  constructor(runtime = process.env.XDG_RUNTIME_DIR) {
    const folder = path.join(runtime, 'kalua');
    Object.assign(this, { events: [], answers: [], last: 0, took: [], waiting: new Map() });
    this.socket = net.connect(path.join(folder, fs.readdirSync(folder).find((f) => f.endsWith('.sock'))));
    this.socket.on('error', () => {});
    let text = '';
    this.socket.on('data', (d) => {
      const lines = (text + d).split('\n');
      text = lines.pop();
      for (const m of lines.map((l) => JSON.parse(l))) this.#take(m);
    });
  }

  #take(m) {
    if (m.event) {
      this.events.push(m);
      return;
    }
    this.answers.push(m);
    this.waiting.get(m.id)?.(m);
    this.waiting.delete(m.id);
  }

  start(op, fields = {}) {
    this.socket.write(`${JSON.stringify({ id: ++this.last, op, ...fields })}\n`);
    return this.last;
  }

  // The answer, refused or not.
  ask(op, fields) {
    const id = this.start(op, fields);
    return new Promise((resolve) => { this.waiting.set(id, resolve); });
  }

  // Opens a session in a script; its id.
  async session(fields) {
    const id = this.start('prompt', fields);
    await until('the session', () => this.events.some((m) => m.id === id && m.event === 'ready'));
    return id;
  }

  // What came is forgotten, for clients that ask much.
  forget() { this.events.length = this.answers.length = 0; }
  close() { this.socket.destroy(); }
}
