// Every example of `:help` runs as it stands on the embedded exchange.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import { kalua, root, tell, tempDir } from './peers.mjs';
import { closeAll, npmServer } from './ws_servers.mjs';

test.after(closeAll);

async function httpServer() {
  const server = http.createServer((req, res) => {
    if (req.url.endsWith('/events')) {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' });
      res.end('event: price\nid: 1\ndata: {"price": 0.42}\n\n');
    } else {
      res.writeHead(200, { 'Content-Type': 'application/json', 'Set-Cookie': ['a=1', 'b=2'] });
      res.end('{"price": 0.42}');
    }
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

test('each example of the help runs without an error', async () => {
  const web = await httpServer();
  const echo = await npmServer({ on: (c) => c.on('message', (m, binary) => c.send(m, { binary })) });
  const folder = tempDir();
  const script = path.join(root, 'tests/integration/help_examples.lua');
  const r = await kalua(['run', '--quiet', '--allow-net', '127.0.0.1', '--allow-fs', folder, '--allow-fs', '/tmp', '--allow-env', 'HOME',
    '--allow-run', script, '--', web.url, echo.url.replace(/\/$/, ''), folder], { timeout: 120000 });
  web.close();
  assert.equal(r.code, 0, `${r.stdout}\n${r.stderr}`);
  const count = /(\d+) examples, 0 failed/.exec(r.stdout);
  assert.ok(count && Number(count[1]) > 200, r.stdout);
  tell(`help: ${count[1]} examples run as they stand`);
});

// Names of commands in the texts of help, by what stands before them.
function named(before) {
  const folders = ['lua/stdlib/prompt', 'lua/types'].map((f) => path.join(root, f));
  const files = folders.flatMap((f) => fs.readdirSync(f).map((name) => path.join(f, name)));
  const texts = files.filter((f) => /types\/\w+\.lua$|help\w*\.lua$/.test(f)).map((f) => fs.readFileSync(f, 'utf8'));
  return new Set([...texts.join('\n').matchAll(before)].map((m) => m[1]));
}

test('the prompt answers :help, and a name with a question mark, as the page about it shows', async () => {
  const page = fs.readFileSync(path.join(root, 'docs/prompt.md'), 'utf8');
  const shown = /\n```\nkalua> (:help [^\n]*)\n([^]*?)```/.exec(page);
  const inputs = [shown[1], 'book:mid?', ':help', ':help commands'];
  // Without a terminal only what is printed is there; lines tell the answers apart.
  const typed = async (lines) => {
    const r = await kalua(['repl'], { input: lines.map((l) => `${l}\nprint "--------"\n`).join(''), timeout: 60000 });
    assert.equal(r.code, 0, r.stderr);
    return r.stdout.split('--------\n');
  };
  const answers = await typed(inputs);
  assert.equal(answers[0], shown[2]);
  assert.equal(answers[1], shown[2]);
  for (const word of [':quit', ':load', ':tour', ':tasks', 'waiting']) assert.ok(answers[2].includes(word), word);
  // It names no command that does not exist.
  const usage = (await kalua(['--help'])).stdout;
  const [shell, prompt] = [named(/`kalua ([a-z]+)/g), named(/[ `]:([a-z]{3,})\b/g)];
  assert.ok(shell.size >= 4 && prompt.size >= 6, [...shell, ...prompt].join());
  for (const name of shell) assert.match(usage, new RegExp(`^ {2}kalua ${name}\\b`, 'm'));
  for (const name of prompt) assert.match(answers[3], new RegExp(`^ {2}:${name}\\b`, 'm'));
  // What it tells a newcomer to type works.
  const code = /one after the other:\n\n((?: {2}.*\n)+)/.exec(answers[2])[1].trim().split(/\n */);
  assert.equal(code.length, 6, code.join('\n'));
  const values = await typed(code);
  code.forEach((line, i) => assert.equal(values[i] === '', / = /.test(line) && !line.includes('{'), `${line}\n${values[i]}`));
});
