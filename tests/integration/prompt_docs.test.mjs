// The sessions in README.md and docs/*.md, typed into `kalua repl` in a terminal of 80 columns: it must print what they
// say. A session is a fenced block with lines that begin with `kalua> ` (and `    .. `): those are typed, the others
// printed. One whose first line is `$ kalua repl …` begins a prompt; the others of a page go on in the last one. A block
// for another exchange, or for a prompt inside a strategy, has another prompt, and one that shows what is not entered
// names a language (```text): they are not typed.
//
// Words, order and alignment must be those of the page. What the market and the clock make need only be of its kind:
// numbers, dates and times, spans of time, ids; bars, of whatever length; and how many rows of one kind there are.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { kalua, root, until } from './peers.mjs';
import { Tmux } from './tmux.mjs';

after(() => Tmux.closeAll());

const FIRST = 'kalua> ', NEXT = '    .. ';
// A market that hardly moves: what one input shows is still there at the next.
const QUIET = ['--rate', '0.1', '--seed', '1'];

// The sessions of a page: {line, command (words, or nothing), greeting (lines), inputs: [{line, text, output (lines)}]}.
function sessions(file) {
  const out = [];
  let block;
  fs.readFileSync(file, 'utf8').split('\n').forEach((text, i) => {
    if (text.startsWith('```')) {
      if (block?.inputs.length > 0 && block.language === '') out.push(block);
      block = block ? undefined : { line: i + 1, language: text.slice(3), greeting: [], inputs: [] };
      return;
    }
    if (!block) return;
    const last = block.inputs.at(-1);
    if (text.startsWith(FIRST)) block.inputs.push({ line: i + 1, text: text.slice(FIRST.length), output: [] });
    else if (last && last.output.length === 0 && text.startsWith(NEXT)) last.text += `\n${text.slice(NEXT.length)}`;
    else if (last) last.output.push(text);
    else if (/^\$ \S*kalua /.test(text)) block.command = text.split(' ').slice(2);
    else block.greeting.push(text);
  });
  return out;
}

const BARS = /[▏▎▍▌▋▊▉█▐#]{1,}$/u;

// What a line is, without what changes from run to run.
const kind = (line) => line
  .replace(/┤.*/u, '┤') // of a chart: its axis
  .replace(BARS, '')
  .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}\b/g, 'ID').replace(/\brepl-g1-[0-9a-z]+\b/g, 'CLIENT-ID')
  .replace(/\bcursor [0-9a-f]+…?,/g, 'cursor ID,')
  .replace(/\b\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?/g, 'TIME')
  .replace(/-\d\d[A-Z]{3}\d*/g, '-DATE')
  .replace(/\bjust now\b|\b\d+(\.\d+)? ?(ms|s|min|h|d)( \d+ (s|min|h))? ago\b/g, 'AGO')
  .replace(/\b\d+h\d+m\b|\b\d+(\.\d+)? ?(ms|s|min|h|d)( \d+ (s|min|h))?\b/g, 'SPAN')
  .replace(/[-+]?\d[\d,]*(\.\d+)?/g, 'N')
  .replace(/ {2,}/g, '  ').trimEnd();

// Lines by their kinds, those in a row that are alike as one. How deep a book is does not matter.
function kinds(lines) {
  return lines.map(kind).filter((k) => !/^ {2}N more (bid|ask)s?(, N contracts)?$/.test(k)).filter((k, i, all) => k !== all[i - 1]);
}

// The cells of a line: [[first column, column behind it]].
const cells = (line) => [...line.replace(BARS, '').matchAll(/\S+( \S+)*/g)].map((m) => [m.index, m.index + m[0].length]);

// How the columns of a table stand: "left", "right" or "both" for each; a table is a line without digits and the lines
// behind it with as many cells. For lines like `  balance   $40,000.00`: where the value begins.
function alignment(lines) {
  const out = [];
  for (let i = 0; i + 1 < lines.length; i++) {
    const head = cells(lines[i]);
    if (/\d/.test(lines[i]) || head.length < 3) continue;
    const rows = [head];
    while (i + 1 < lines.length && cells(lines[i + 1]).length === head.length) rows.push(cells(lines[++i]));
    if (rows.length < 2) continue;
    const same = (column, edge) => rows.every((r) => r[column][edge] === rows[0][column][edge]);
    out.push(head.map((_, c) => `${same(c, 0) ? 'left' : ''}${same(c, 1) ? 'right' : ''}` || 'not aligned'));
  }
  return out;
}
const labels = (lines) => lines.map((l) => l.match(/^ *[a-z][a-z ]*? {2,}(?=[$\d]|[0-9a-f]{8}-)/)?.[0]).filter(Boolean);

function compare(where, said, printed) {
  const both = `${where}\n-- the page:\n${said.join('\n')}\n-- the prompt:\n${printed.join('\n')}`;
  assert.deepEqual(kinds(printed), kinds(said), both);
  for (const [i, columns] of alignment(said).entries()) {
    const now = alignment(printed)[i];
    // Where all cells happen to be of one width both edges are in line.
    columns.forEach((c, k) => assert.ok(c === now?.[k] || now?.[k] === 'leftright' || c === 'leftright', `${both}\ncolumn ${k + 1}: ${now?.[k]}, not ${c}`));
    assert.ok(!columns.includes('not aligned') && !now.includes('not aligned'), both);
  }
  assert.deepEqual(new Set(labels(printed)), new Set(labels(said)), both);
  const hasBars = (lines) => lines.some((l) => BARS.test(l));
  assert.equal(hasBars(printed), hasBars(said), both);
}

class Prompt {
  static async start(args) {
    const p = new Prompt();
    p.terminal = await Tmux.start([...args, ...QUIET], { rows: 60 });
    p.shown = []; // lines that were looked at already
    p.greeting = await p.printed();
    return p;
  }
  // Waits for the next prompt, or the end; the new lines before it, of which `echo` are the input: the prompt that it
  // is typed at is not the next one.
  async printed(echo = 0) {
    let lines;
    await until('a prompt', async () => {
      lines = (await this.terminal.all()).split('\n');
      this.ended = await this.terminal.value('#{pane_dead}') === '1';
      return this.ended || lines.length > this.shown.length + echo && lines.at(-1) === FIRST.trim();
    });
    const fresh = lines.slice(this.shown.length, this.ended ? undefined : -1);
    this.shown = lines.slice(0, -1);
    return fresh;
  }
  async input(text) {
    if (text.includes('\n')) await this.terminal.paste(text);
    else await this.terminal.type(text);
    await this.terminal.keys('Enter');
    const echo = text.split('\n').length;
    return (await this.printed(echo)).slice(echo);
  }
}

const pages = ['README.md', ...fs.readdirSync(path.join(root, 'docs')).filter((f) => f.endsWith('.md')).map((f) => `docs/${f}`)];
const found = pages.map((page) => [page, sessions(path.join(root, page))]).filter(([, list]) => list.length > 0);

test('README.md and docs/prompt.md have a session', () => {
  for (const page of ['README.md', 'docs/prompt.md']) assert.ok(found.some(([name]) => name === page), page);
});

for (const [page, list] of found) {
  test(`the sessions in ${page}`, async () => {
    let prompt;
    for (const session of list) {
      if (!prompt || prompt.ended || session.command) {
        await prompt?.terminal.close();
        prompt = await Prompt.start(session.command ?? ['repl']);
        if (session.command) compare(`${page}:${session.line}`, session.greeting, prompt.greeting);
      }
      for (const { line, text, output } of session.inputs) {
        const where = `${page}:${line}: ${text}`;
        for (const l of text.split('\n')) assert.ok(FIRST.length + l.length <= 80, `${where}: more than 80 columns`);
        assert.ok(!prompt.ended, `${where}: the prompt has ended before`);
        compare(where, output, await prompt.input(text));
      }
    }
    await prompt.terminal.close();
  });
}

test('docs/prompt.md has the commands that :help has', async () => {
  const rows = [...fs.readFileSync(path.join(root, 'docs/prompt.md'), 'utf8').split('\n## Commands\n')[1].split('\n## ')[0]
    .matchAll(/^\| `(:.*)` \| (.*) \|$/gm)].map(([, usage, help]) => `${usage} ${help}`.replaceAll('\\|', '|'));
  const { stdout } = await kalua(['-e', ':help commands']);
  const commands = [];
  for (const line of stdout.split('\n')) {
    if (line.startsWith('  :')) commands.push(line);
    else if (line.startsWith('   ')) commands[commands.length - 1] += ` ${line}`;
  }
  assert.deepEqual(rows, commands.map((c) => c.trim().replace(/ +/g, ' ')));
});
