// The terminal of the prompt in a real one: a small program that says what it is told, and `kalua repl`.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { root, sleep, tempDir, until } from './peers.mjs';
import { Tmux, inTerminal } from './tmux.mjs';

const BED = process.env.TERMINAL_BED ?? path.join(root, 'build/asan/tests/terminal_bed');
after(() => Tmux.closeAll());

// Says what was entered; some words do more.
const ECHO = `
local task, log = require "task", require "log"
local t = require "prompt.terminal".open{}
t:prompt("> ", ". ")
local words = {}
function words.quit() return true end
function words.ticks() task.spawn(function() for i = 1, 12 do task.sleep(0.05) t:above("tick " .. i) end end) end
function words.flood() for i = 1, 6000 do t:above("line " .. i) if i % 50 == 0 then task.sleep(0) end end end
function words.wait()
  local sleeper = task.spawn(task.sleep, 60)
  t:busy("waiting")
  local watcher = task.spawn(function()
    while true do if t:event() == "interrupt" then sleeper:cancel() end end
  end)
  pcall(sleeper.await, sleeper)
  watcher:cancel()
  t:busy(nil)
  t:above "waited"
end
function words.log() log.warn("to standard error", { n = 1 }) end
function words.later() task.spawn(function() task.sleep(0.3) log.warn("while typing") end) end
if not t:plain() then t:above "begun" end
while true do
  local kind, text, cursor = t:event()
  if kind == "enter" and text:find("do$") or kind == "enter" and text:find("do\\n") and not text:find("\\nend$") then
    t:newline()
  elseif kind == "enter" then
    t:accept()
    local word = words[text]
    if word then
      if word() then break end
    else
      t:above("<" .. text:gsub("\\n", "|") .. ">")
    end
  elseif kind == "complete" then
    local list = {}
    for i = 1, 30 do list[i] = { text = "item_" .. i, hint = "number " .. i } end
    t:offer(list, cursor)
  elseif kind == "interrupt" then t:above "interrupted"
  elseif kind == "resize" then t:above(("%d x %d"):format(t:size()))
  elseif kind == "eof" then t:above("eof " .. tostring(text)) break
  end
end
t:close()`;

const echo = (options, body) => inTerminal([ECHO], { program: [BED], ...options }, async (t) => {
  await t.shows('begun');
  await body(t);
});
// The bytes that the program writes from now on.
const record = async (t) => {
  const file = path.join(t.folder, 'bytes');
  await t.tmux('pipe-pane', '-o', `cat >> '${file}'`);
  return () => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
};

describe('keys', { concurrency: 4 }, () => {
  test('what is typed is edited, entered and remembered', echo({}, async (t) => {
    await t.type('wrld');
    await t.keys('Home', 'Right');
    await t.type('o');
    await t.shows(/^> world$/m);
    assert.deepEqual(await t.cursor(), { row: 1, column: 4 });
    await t.keys('Enter');
    await t.shows(/^<world>$/m);
    await t.line('second');
    await t.shows('<second>');
    await t.keys('Up', 'Up', 'Enter');
    await t.shows(/<second>\n> world\n<world>\n>$/m);
    const again = await Tmux.start([ECHO], { program: [BED], env: { HOME: t.folder } });
    await again.shows('begun');
    await again.keys('C-r');
    await again.type('sec');
    await again.shows(/^> second\nsearch backward: sec$/m);
    await again.keys('Enter');
    await again.shows('<second>');
    await again.close();
    const file = path.join(t.folder, '.local/state/kalua/history');
    assert.equal(fs.readFileSync(file, 'utf8'), 'world\nsecond\nworld\nsecond\n');
  }));

  test('a block goes on over lines and is one entry', echo({}, async (t) => {
    await t.line('for i = 1, 2 do');
    await t.line('print(i)');
    await t.shows(/^> for i = 1, 2 do\n\. {3}print\(i\)\n\.$/m);
    await t.line('end');
    await t.shows('<for i = 1, 2 do|  print(i)|end>');
    await t.keys('Up');
    await t.shows((lines) => lines.filter((l) => l === '.   print(i)').length === 2);
  }));

  test('a pasted block stands there until Enter', echo({}, async (t) => {
    await t.paste('one\n\ttwo\x07\nquit\n');
    await t.shows(/^> one\n\. {5}two\ufffd\n\. quit\n\.$/m);
    await sleep(100);
    await t.keys('BSpace', 'Enter');
    await t.shows('<one|\ttwo\ufffd|quit>'.replace('\t', '    ').slice(0, 5));
    await t.line('still here');
    await t.shows('<still here>');
  }));

  test('the menu of a completion', echo({}, async (t) => {
    await t.type('x');
    await t.keys('Tab');
    await t.shows(/^> xitem_\nitem_1 +item_2 /m);
    await t.keys('Tab', 'Tab');
    await t.shows(/^> xitem_2\n[^]*number 2$/m);
    await t.keys('Enter');
    await t.gone('number 2');
    await t.keys('Enter');
    await t.shows('<xitem_2>');
  }));

  test('Ctrl-C gives up the line, Ctrl-D leaves', echo({}, async (t) => {
    await t.type('no');
    await t.keys('C-c');
    await t.shows(/^> no\^C\ninterrupted\n>$/m);
    await t.keys('C-d');
    await t.shows('eof nil');
    assert.equal(await t.code(), 0);
  }));

  test('Ctrl-C right behind Enter is for what was entered', echo({}, async (t) => {
    await t.keys('w', 'a', 'i', 't', 'Enter', 'C-c');
    await t.shows(/^waited\n>$/m);
    assert.doesNotMatch(await t.all(), /interrupted/);
  }));

  test('Ctrl-C right in front of an input is not for that', echo({}, async (t) => {
    await t.type('no');
    await t.keys('C-c', 'w', 'a', 'i', 't', 'Enter');
    await t.shows(/^interrupted\n> wait\nwaiting$/m);
    await t.keys('C-c');
    await t.shows(/^waited\n>$/m);
  }));

  test('keys that are typed while an input runs come after it', echo({}, async (t) => {
    await t.line('wait');
    await t.shows(/^> wait\nwaiting$/m);
    await t.line('lost');
    await t.keys('C-c');
    await t.shows(/^waited\n>$/m); // Ctrl-C drops what was typed ahead
    await t.line('ticks');
    await t.line('one');
    await t.line('two');
    await t.shows(/<one>[^]*<two>/);
    assert.doesNotMatch(await t.all(), /lost>/);
  }));
});

describe('the screen', { concurrency: 4 }, () => {
  test('text appears above what is typed, also from standard error', echo({}, async (t) => {
    await t.line('ticks');
    await t.type('typing');
    await t.shows(/tick 12\n> typing$/m);
    assert.equal((await t.all()).match(/tick \d+/g).length, 12);
    assert.equal((await t.all()).match(/> typing/g).length, 1);
    await t.keys('C-u');
    await t.line('later');
    await t.type('more');
    await t.shows(/while typing\n> more$/m);
  }));

  test('another size of the window leaves one input', echo({}, async (t) => {
    const text = 'abcdefghijklmnopqrstuvwxyz'.repeat(6);
    await t.line('ticks'); // what is at the top is scrolled away when lines are wrapped anew
    await t.shows('tick 12');
    await t.type(text);
    await t.shows((lines) => lines.join('').endsWith(`> ${text}`));
    for (const columns of [60, 33, 120, 80]) {
      await t.resize(columns, 24);
      await t.shows((lines) => lines.join('').includes(`${columns} x 24> ${text}`));
    }
    assert.equal((await t.all()).match(/> abc/g).length, 1); // also above the screen
    await t.resize(10, 12);
    await t.shows((lines) => lines.join('').endsWith('xyz') && lines.join('').length > 110);
    await t.resize(80, 24);
    await t.shows((lines) => lines.join('').endsWith(`80 x 24> ${text}`));
    await t.keys('Enter');
    await t.shows((lines) => lines.join('').includes(`<${text}>`));
  }));

  test('ten columns and four rows are enough', echo({ columns: 10, rows: 4 }, async (t) => {
    await t.type('some words that wrap and scroll and wrap');
    await t.shows((lines) => lines.join('').endsWith('that wrap and scroll and wrap'));
    await t.keys('C-a');
    await t.shows((lines) => lines[0] === '> some wor');
    await t.keys('Enter');
    await t.shows((lines, text) => text.includes('<some word') || lines.join('').includes('and wrap>'));
  }));

  test('an input that is longer than the screen is shown around the cursor', echo({}, async (t) => {
    await t.paste(Array.from({ length: 300 }, (_, i) => `line ${i}`).join('\n'));
    await t.shows((lines) => lines.at(-1) === '. line 299' && lines[0] === '. line 276');
    await t.keys('M-<');
    await t.shows((lines) => lines[0] === '> line 0');
    await t.keys('Enter');
    await t.shows(/\|line 299>/);
  }));

  test('wide characters and what combines', echo({ columns: 20 }, async (t) => {
    await t.type('日本語日本語日本語 é');
    await t.shows((lines) => lines[1] === '> 日本語日本語日本語' && lines[2] === ' é');
    await t.keys('C-a', 'Right', 'Right', 'BSpace');
    await t.shows((lines) => lines[1] === '> 日語日本語日本語 é');
    assert.deepEqual(await t.cursor(), { row: 1, column: 4 });
  }));

  test('six thousand lines lose none, and keys are seen meanwhile', echo({}, async (t) => {
    await t.line('flood');
    await t.type('typed');
    await t.shows(/line 6000\n> typed$/m, 60000);
    const numbers = [...(await t.all()).matchAll(/^line (\d+)$/gm)].map((m) => Number(m[1]));
    assert.deepEqual(numbers, Array.from({ length: 6000 }, (_, i) => i + 1));
  }));

  test('NO_COLOR', echo({ env: { NO_COLOR: '1' } }, async (t) => {
    const bytes = await record(t);
    await t.line('local x = "a"');
    await t.shows('<local x');
    await until('the bytes', () => bytes().includes('<local x'));
    assert.doesNotMatch(bytes(), /\x1b\[[\d;]*m/);
  }));
});

describe('giving it back', { concurrency: 4 }, () => {
  // The modes of the terminal before and after a program, and its exit code.
  const inShell = (options, body) => inTerminal(['-c', 'stty -g; "$0" "$1"; echo "code $?"; stty -g; sleep 100', BED, ECHO],
    { program: ['sh'], ...options }, async (t) => {
      await t.shows('begun');
      const before = (await t.lines())[0];
      await body(t);
      const lines = await t.shows(/code \d+\n[0-9a-f:]+/);
      assert.equal(lines[lines.findIndex((l) => l.startsWith('code ')) + 1], before);
    });
  const child = async (t) => {
    const { stdout } = await new Promise((resolve) => {
      const p = spawn('ps', ['-o', 'pid=', '--ppid', String(t.shell)]);
      let out = '';
      p.stdout.on('data', (d) => { out += d; });
      p.on('close', () => resolve({ stdout: out }));
    });
    return Number(stdout.trim().split('\n')[0]);
  };
  for (const signal of ['SIGTERM', 'SIGSEGV', 'SIGQUIT', 'SIGHUP']) {
    test(`at ${signal}`, inShell({}, async (t) => {
      await t.type('typing');
      await t.shows('> typing');
      t.shell = await t.pid();
      process.kill(await child(t), signal);
    }));
  }
  test('at its end', inShell({}, async (t) => {
    await t.line('quit');
    await t.shows('code 0');
  }));

  test('Ctrl-Z gives it to the shell, fg takes it again', inTerminal(['--norc', '-i'],
    { program: ['bash'], env: { PS1: 'shell$ ', HISTFILE: '', BED, ECHO } }, async (t) => {
      await t.shows('shell$');
      await t.line('"$BED" "$ECHO"');
      await t.shows('begun');
      await t.type('half an inp');
      await t.shows('> half an inp');
      await t.keys('C-z');
      await t.shows(/Stopped[^]*shell\$$/);
      await t.line('echo "it is $((6 * 7))"');
      await t.shows('it is 42');
      await t.line('fg');
      await t.shows(/> half an inp$/);
      await t.type('ut');
      await t.keys('Enter');
      await t.shows('<half an input>');
      await t.keys('C-d');
      await t.shows(/eof nil[^]*shell\$$/);
    }));
});

describe('without a terminal', { concurrency: 4 }, () => {
  const piped = (input, stdio) => new Promise((resolve) => {
    const p = spawn(BED, [ECHO], { stdio: stdio ?? ['pipe', 'pipe', 'pipe'], env: { ...process.env, TERM: 'xterm' } });
    let stdout = '', stderr = '';
    p.stdout.on('data', (d) => { stdout += d; });
    p.stderr.on('data', (d) => { stderr += d; });
    p.stdin?.on('error', () => {});
    p.stdin?.end(input);
    p.on('close', (code) => resolve({ code, stdout, stderr }));
  });

  test('a pipe gives lines, and nothing but text comes out', async () => {
    const r = await piped('one\r\nfor x do\nbody\nend\nlast without an end');
    assert.deepEqual(r, { code: 0, stdout: '<one>\n<for x do|body|end>\n<last without an end>\neof nil\n', stderr: '' });
  });

  test('an input that is not complete is told at the end', async () => {
    assert.equal((await piped('for x do\nbody\n')).stdout, 'eof for x do\nbody\n');
  });

  test('a file, and nothing at all', async () => {
    const file = path.join(tempDir(), 'inputs');
    fs.writeFileSync(file, 'one\ntwo\n');
    assert.equal((await piped('', [fs.openSync(file), 'pipe', 'pipe'])).stdout, '<one>\n<two>\neof nil\n');
    assert.equal((await piped('', ['ignore', 'pipe', 'pipe'])).stdout, 'eof nil\n');
    assert.match((await piped('', [fs.openSync(tempDir()), 'pipe', 'pipe'])).stderr, /cannot read standard input: Is a directory/);
  });

  test('a reader that goes away ends it', async () => {
    const p = spawn(BED, [ECHO], { stdio: ['pipe', 'pipe', 'pipe'] });
    let stderr = '';
    p.stderr.on('data', (d) => { stderr += d; });
    p.stdin.on('error', () => {});
    p.stdin.write('flood\n'.repeat(10)); // and no end: it does not wait for one
    p.stdout.once('data', () => p.stdout.destroy());
    assert.equal(await new Promise((r) => p.on('close', r)), 1);
    assert.match(stderr, /broken_pipe: the reader of standard output has gone/);
  });

  test('a dumb terminal has the prompt, and no codes', inTerminal([ECHO],
    { program: [BED], env: { TERM: 'dumb' } }, async (t) => {
      const bytes = await record(t);
      await t.shows(/^>$/m);
      await t.line('one');
      await t.shows(/^> one\n<one>\n>$/m);
      await t.line('for x do');
      await t.shows(/^> for x do\n\.$/m);
      await t.keys('C-c');
      await t.shows(/interrupted\n>$/m);
      await t.keys('C-d');
      assert.equal(await t.code(), 0);
      assert.doesNotMatch(bytes(), /\x1b/);
    }));
});

describe('kalua repl', { concurrency: 2 }, () => {
  const repl = (options, body) => inTerminal(['repl', '--cpu-ms', '15000'], options, async (t) => {
    await t.shows(/^kalua> *$/m);
    await body(t);
    await t.keys('C-c', 'C-d');
    assert.equal(await t.code(), 0);
  });
  test('values, output of tasks while typing, and a call that waits', repl({}, async (t) => {
    await t.line('1 + 1');
    await t.shows(/^2\nkalua>$/m);
    await t.line('_ = task.spawn(function() for i = 1, 3 do task.sleep(0.1) print("tick " .. i) end end)');
    await t.type('typing');
    await t.shows(/tick 3\nkalua> typing$/m);
    await t.keys('C-u');
    await t.line('task.sleep(60)');
    await t.shows('Ctrl-C cancels');
    await t.type('3 * 4');
    await t.keys('C-c');
    await t.shows(/cancelled\nkalua>$/m);
    await t.line('while true do end');
    await sleep(300);
    await t.keys('C-c');
    await t.shows(/while true do end\n(cancelled|error: .*interrupted)[^]*\nkalua>$/);
    await t.line('"on it " .. "goes"');
    await t.shows(/on it goes/);
  }));

  test('a SIGHUP reads the script again, also behind Ctrl-Z and fg', inTerminal(['--norc', '-i'],
    { program: ['bash'], env: { PS1: 'shell$ ', HISTFILE: '', KALUA: process.env.KALUA } }, async (t) => {
      fs.writeFileSync(path.join(t.folder, 's.lua'), 'n = 1\n');
      await t.line('"$KALUA" repl s.lua');
      await t.shows(/^s> *$/m);
      await t.keys('C-z');
      await t.shows(/Stopped[^]*shell\$$/);
      await t.line('echo "pid=$(jobs -p)="');
      const lines = await t.shows(/pid=\d+=/);
      const [, pid] = lines.join('\n').match(/pid=(\d+)=/);
      await t.line('fg');
      await t.shows(/\ns>$/);
      process.kill(Number(pid), 'SIGHUP');
      await t.shows(/reload/);
      await t.line('n + 41');
      await t.shows(/^42$/m);
      await t.keys('C-d');
      await t.shows(/shell\$$/);
    }));

  // The passphrase is read before the prompt takes the terminal; nothing answers there.
  test('an encrypted key: its passphrase is asked for first', async () => {
    const key = path.join(tempDir(), 'locked.pem');
    execFileSync('openssl', ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-aes256', '-pass',
      'pass:sesame', '-out', key], { stdio: 'ignore' });
    const url = '127.0.0.1:9';
    await inTerminal(['repl', '--env', 'sim', '--rest-url', `http://${url}`, '--ws-url', `ws://${url}`, '--key', key, '--key-id',
      'abc', '--log', 'error'], {}, async (t) => {
      await t.shows('Passphrase of');
      await t.line('sesame');
      await t.shows(/^kalua> *$/m);
      await t.line('6 * 7');
      await t.shows(/^42$/m);
      assert.doesNotMatch(await t.all(), /sesame/);
      await t.keys('C-d');
      assert.equal(await t.code(), 0);
    })();
  });
});
