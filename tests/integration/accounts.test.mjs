// kalshi.connect: several accounts in one process. What is ordered, held, limited, canceled and stopped on each.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before, describe } from 'node:test';
import { KALUA, Sim, cleanEnv, kalua, tempDir, until } from './peers.mjs';

describe('several accounts', () => {
  let sim;
  const running = [], home = tempDir();
  before(async () => { sim = await Sim.start('--quiet-market', '--users', '2'); });
  after(async () => {
    running.forEach((r) => { if (r.p.exitCode === null) r.p.kill('SIGKILL'); });
    await sim?.stop();
  });
  const env = () => ({ ...sim.env(0), XDG_STATE_HOME: home });
  const profile = (more = '') => `KALSHI_API_KEY_ID=${sim.users[1].key_id}\nKALSHI_PRIVATE_KEY_PATH=${sim.users[1].key_path}\n${more}`;
  const resting = async (user) => (await sim.rest('GET', '/portfolio/orders?status=resting', undefined, { user })).body.orders;

  // A folder with a script and the files of profiles, which only their owner can read.
  function folder(script, files) {
    const cwd = tempDir();
    fs.writeFileSync(path.join(cwd, 's.lua'), script);
    for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(cwd, name), text, { mode: 0o600 });
    return cwd;
  }

  function start(cwd, ...args) {
    const p = spawn(KALUA, ['run', ...args, 's.lua'], { cwd, env: { ...cleanEnv(), ...env() } });
    const r = { p, out: '', err: '' };
    running.push(r);
    p.stdout.on('data', (d) => { r.out += d; });
    p.stderr.on('data', (d) => { r.err += d; });
    r.ended = new Promise((resolve) => p.on('close', (code, signal) => resolve({ code, signal })));
    r.says = (what) => until(what, () => r.out.includes(what) || (p.exitCode !== null && Promise.reject(new Error(r.out + r.err))));
    return r;
  }

  test('orders, money and limits are apart; wrong profiles say what to write where; scripts read none of it', async () => {
    const { privateKey } = crypto.generateKeyPairSync('ed25519', {
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }, publicKeyEncoding: { type: 'spki', format: 'pem' } });
    const cwd = folder(`
      local kalshi, task = require "kalshi", require "task"
      local a, b = table.unpack(task.all{
        function() return kalshi.connect{ profile = "second" } end, function() return kalshi.connect{ profile = "second" } end })
      assert(a == b and a == kalshi.connect{ profile = "second" } and a.profile == "second" and kalshi.profile == "")
      local t = kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
      local mine, theirs = kalshi.order{ ticker = t, side = "bid", price = 0.02, count = 3 }, a.order{ ticker = t, side = "bid", price = 0.03, count = 4 }
      a.create_order{ ticker = t, side = "bid", price = 0.01, count = 1, time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" }
      assert(#kalshi.own_orders() == 1 and #a.own_orders() == 2 and not a.find_order(mine.id) and not kalshi.find_order(theirs.id))
      assert(#kalshi.orders() == 1 and #a.orders() == 2)
      print("placed")
      -- What takes from one does not trade on the other.
      assert(kalshi.cancel_all() == 1 and mine.status == "canceled" and theirs.status == "resting" and #a.get_orders{ status = "resting" }.orders == 2)
      assert(theirs:amend{ price = 0.02 } == theirs and theirs:decrease(1) == theirs and theirs.remaining == 3)
      -- The account's own limit, and that of the command line, which is tighter for open orders.
      for _, case in ipairs{ { price = 0.5, count = 5, limit = "max_order_cost" }, { price = 0.01, count = 1, limit = "max_open_orders" } } do
        local ok, e = pcall(a.order, { ticker = t, side = "bid", price = case.price, count = case.count })
        assert(not ok and e.kind == "risk" and e.code == case.limit, tostring(e))
        if case.limit == "max_order_cost" then a.order{ ticker = t, side = "bid", price = 0.01, count = 1 } end
      end
      local first, second = kalshi.limits().account, a.limits().account
      assert(first.max_order_cost == 20 and first.max_open_orders == 3 and second.max_order_cost == 2 and second.max_open_orders == 3)
      -- What a profile leaves open is as the process has it, so that nothing escapes its limits under another name.
      assert(first.max_position == 40 and second.max_position == 40)
      assert(a.cancel_mine() == 3 and #a.own_orders() == 0)
      for _, name in ipairs{ "none", "noid", "nopath", "line", "locked", "place", "first", "twice", "pipe" } do
        local ok, e = pcall(kalshi.connect, { profile = name })
        print(name, not ok and e.kind, not ok and e.code, not ok and e.message)
      end
      for _, file in ipairs{ ".env.second", "./.env.never", ${JSON.stringify(sim.users[1].key_path)}, "never.pem" } do
        local ok, e = pcall(io.open, file)
        print(file, ok, not ok and e.kind)
      end
      -- Nor does one write a profile, which would say whose key signs, for whom, and what limits it.
      for _, file in ipairs{ ".env.new", "./.env.new", ".env" } do
        print("written", pcall(io.open, file, "w"))
        print("moved", pcall(os.rename, "plain", file))
      end
      assert(io.open("other.env", "w")):close()
      print("done")`, {
      '.env.second': profile('KALUA_RISK=max_order_cost=2,max_open_orders=9\n'),
      '.env.noid': 'KALSHI_PRIVATE_KEY_PATH=x\n', '.env.nopath': 'KALSHI_API_KEY_ID=x\n', '.env.line': 'what is this\n',
      '.env.locked': 'KALSHI_API_KEY_ID=x\nKALSHI_PRIVATE_KEY_PATH=locked.pem\n', 'locked.pem': privateKey,
      '.env.place': profile('KALSHI_ENV=mars\n'), '.env.twice': profile(),
      '.env.first': `KALSHI_API_KEY_ID=${sim.users[0].key_id}\nKALSHI_PRIVATE_KEY_PATH=${sim.users[0].key_path}\n`,
      '.env.never': 'KALSHI_PRIVATE_KEY_PATH=never.pem\n', 'never.pem': 'secret', plain: '', '.env': 'KALUA_RISK=max_order_cost=20,max_position=40\n' });
    execFileSync('mkfifo', [path.join(cwd, '.env.pipe')]); // whoever reads it waits for ever
    const { code, stdout, stderr } = await kalua(['run', '--allow-fs', '.', '--allow-fs', path.dirname(sim.users[1].key_path), '--risk', 'max_open_orders=3', 's.lua'], { cwd, env: env() });
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /done/);
    const said = (name) => stdout.split('\n').find((l) => l.startsWith(`${name}\t`)) ?? '';
    assert.match(said('none'), /config\tprofile_missing\tthere is no profile none: write a file \.env\.none in \S+ with KALSHI_API_KEY_ID=… and KALSHI_PRIVATE_KEY_PATH=…/);
    assert.match(said('noid'), /key_id_missing\tprofile noid \(\.env\.noid\): KALSHI_API_KEY_ID is missing/);
    assert.match(said('nopath'), /private_key_missing\tprofile nopath \(\.env\.nopath\): KALSHI_PRIVATE_KEY_PATH is missing/);
    assert.match(said('line'), /config\t\S+\tprofile line \(\.env\.line\): .*line 1/);
    assert.match(said('locked'), /profile locked .*encrypted and there is no way to ask for its passphrase/);
    assert.match(said('place'), /env_unknown\tprofile place .*unknown environment "mars"/);
    assert.match(said('first'), /account_twice\t.*it is the account of `kalshi` itself/);
    assert.match(said('twice'), /account_twice\t.*profile second/);
    assert.match(said('pipe'), /settings_unreadable\t.*a pipe or a device/);
    assert.equal(stdout.match(/^(written|moved)\tfalse\tpermission: /gm)?.length, 6, stdout);
    for (const file of ['.env.second', './.env.never', sim.users[1].key_path, 'never.pem']) assert.match(said(file), /false\tpermission/);
    assert.doesNotMatch(stderr, /others can get at/);
    assert.match(stderr, /-- summary --[^]*orders {4}1\n[^]*-- account sim second --\n {2}orders {4}3\n/);
    assert.deepEqual([await resting(0), await resting(1)], [[], []]);
  });

  test('two keys of one account are one account; keys that are each locked to a subaccount are two', async () => {
    const made = async (user, more = {}) => {
      const { body } = await sim.rest('POST', '/api_keys/generate', { name: 'x', key_type: 'ed25519', ...more }, { user });
      return `KALSHI_API_KEY_ID=${body.api_key_id}\nKALSHI_PRIVATE_KEY="${body.private_key}"\n`;
    };
    const { subaccount_number: part } = (await sim.rest('POST', '/portfolio/subaccounts', undefined, { user: 1 })).body;
    const cwd = folder(`
      local kalshi, task = require "kalshi", require "task"
      local function try(name)
        local ok, e = pcall(kalshi.connect, { profile = name })
        print(name, ok, not ok and e.code, not ok and e.message)
      end
      for _, name in ipairs{ "first", "part", "primary", "second", "third" } do try(name) end
      kalshi.connect{ profile = "part" }
      print("done")`, {
      '.env.first': await made(0), '.env.second': await made(1), '.env.third': await made(1, { scopes: ['read', 'write::trade'] }),
      '.env.part': await made(1, { subaccount: part }), '.env.primary': await made(1, { subaccount: 0 }) });
    const { code, stdout, stderr } = await kalua(['run', 's.lua'], { cwd, env: env() });
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^first\tfalse\taccount_twice\t.*its API key \S+ is of the same account as that of `kalshi` itself/m);
    assert.match(stdout, /^part\ttrue[^]*^primary\ttrue/m);
    // The whole is not apart from its parts.
    assert.match(stdout, /^second\tfalse\taccount_twice\t.*that of profile part/m);
    assert.match(stdout, /^third\tfalse\taccount_twice/m);
    // The whole is open, and one that may not ask comes: those that may are asked. Two at once: one of them.
    fs.writeFileSync(path.join(cwd, 's.lua'), `
      local kalshi, task = require "kalshi", require "task"
      local said = {}
      local function try(name) return function()
        local ok, e = pcall(kalshi.connect, { profile = name })
        said[#said + 1] = ok and "ok" or e.code
      end end
      task.all{ try("second"), try("third") }
      table.sort(said)
      print(table.concat(said, " "))
      try("part")()
      print(said[3])`);
    const whole = await kalua(['run', 's.lua'], { cwd, env: env() });
    assert.equal(whole.code, 0, whole.stderr);
    assert.match(whole.stdout, /^account_twice ok\naccount_twice\n/, whole.stderr);
    // An exchange that does not say is no reason not to trade.
    await sim.trigger('fault', { spec: 'get_api_keys:fail-before' });
    const unknown = await kalua(['run', 's.lua'], { cwd, env: env() });
    await sim.trigger('clear');
    assert.equal(unknown.code, 0, unknown.stderr);
    assert.match(unknown.stdout, /^ok ok\nok\n/, unknown.stderr);
    assert.match(unknown.stderr, /whether profile second \(\.env\.second\) is of an account that this process trades on already is not known/);
  });

  test('a key that is named only after the start is kept from scripts from the first connect on', async () => {
    const cwd = folder(`
      local kalshi, task = require "kalshi", require "task"
      print("before", io.open("late.pem") ~= nil)
      repeat task.sleep(0.05) until pcall(kalshi.connect, { profile = "late" })
      print("after", pcall(io.open, "late.pem"))`, { 'late.pem': fs.readFileSync(sim.users[1].key_path) });
    const r = start(cwd, '--allow-fs', '.');
    await r.says('before\ttrue');
    fs.writeFileSync(path.join(cwd, 'made'), `KALSHI_API_KEY_ID=${sim.users[1].key_id}\nKALSHI_PRIVATE_KEY_PATH=late.pem\n`, { mode: 0o600 });
    fs.renameSync(path.join(cwd, 'made'), path.join(cwd, '.env.late'));
    assert.equal((await r.ended).code, 0, r.out + r.err);
    assert.match(r.out, /after\tfalse\tpermission: /);
  });

  test('a reload keeps the account; kalua kill clears what a process that is no more left on both', async () => {
    const script = (generation) => `
      local kalshi, kalua, task = require "kalshi", require "kalua", require "task"
      local other = kalshi.connect{ profile = "second" }
      local t = kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
      if kalua.generation == 1 then
        kalshi.order{ ticker = t, side = "bid", price = 0.02, count = 1 }
        other.order{ ticker = t, side = "bid", price = 0.03, count = 1 }
      end
      local theirs, ours = other.subscribe{ channels = { "user_orders" } }, kalshi.subscribe{ channels = { "user_orders" } }
      task.spawn(function() for m in theirs:messages() do print("told", m.client_order_id) end end)
      task.spawn(function() for m in ours:messages() do print("not mine", m.client_order_id) end end)
      if kalua.generation == 2 then
        assert(#other.own_orders() == 1 and #kalshi.own_orders() == 1 and other.own_orders()[1].price == 0.03)
        other.order{ ticker = t, side = "bid", price = 0.01, count = 1, client_order_id = "after-reload" }
      end
      print("up ${generation}")
      while true do task.sleep(1) end`;
    const cwd = folder(script(1), { '.env.second': `KALSHI_API_KEY_ID=${sim.users[1].key_id}\nKALSHI_PRIVATE_KEY="${fs.readFileSync(sim.users[1].key_path, 'utf8')}"\n` });
    const r = start(cwd);
    await r.says('up 1');
    fs.writeFileSync(path.join(cwd, 's.lua'), script(2));
    await r.says('up 2');
    await r.says('told\tafter-reload');
    assert.equal((r.out.match(/told\tafter-reload/g) ?? []).length, 1, r.out);
    assert.doesNotMatch(r.out, /not mine\tafter-reload/);
    assert.equal((r.err.match(/connected to account second/g) ?? []).length, 1, r.err);
    assert.deepEqual([(await resting(0)).length, (await resting(1)).length], [1, 2]);
    r.p.kill('SIGKILL');
    await r.ended;
    // What a process that is no more has left on the account of a profile goes by its file.
    const half = await kalua(['kill'], { cwd, env: { ...env(), KALSHI_PRIVATE_KEY_PATH: 'gone.pem' } }); // nor does it need the first one's key
    assert.equal(half.code, 3, half.stdout + half.stderr);
    assert.match(half.stdout, new RegExp(`account ${sim.users[1].key_id} on sim, profile second: 2 orders canceled`), half.stderr);
    const { code, stdout, stderr } = await kalua(['kill'], { cwd, env: env() });
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, new RegExp(`account ${sim.users[0].key_id} on sim: 1 order canceled`));
    assert.deepEqual([await resting(0), await resting(1)], [[], []]);
    // A profile that cannot be used may have orders all the same; a file that is none of an account is no matter.
    fs.writeFileSync(path.join(cwd, '.env.example'), '#KALSHI_API_KEY_ID=\n', { mode: 0o600 });
    const example = await kalua(['kill'], { cwd, env: env() });
    assert.equal(example.code, 0, example.stdout + example.stderr);
    assert.doesNotMatch(example.stdout, /example/);
    fs.writeFileSync(path.join(cwd, '.env.moved'), 'KALSHI_API_KEY_ID=x\nKALSHI_PRIVATE_KEY_PATH=gone.pem\n', { mode: 0o600 });
    const moved = await kalua(['kill'], { cwd, env: env() });
    assert.match(moved.stdout, /^profile moved: orders may still rest: profile moved \(\.env\.moved\): .*gone\.pem/m, moved.stderr);
    assert.equal(moved.code, 1);
    // Nor does anything go to either until that is lifted.
    const refused = await kalua(['run', 's.lua'], { cwd: folder(`
      local other = require "kalshi".connect{ profile = "second" }
      print(pcall(other.order, { ticker = "X", side = "bid", price = 0.5, count = 1 }))`, { '.env.second': profile() }), env: env() });
    assert.match(refused.stdout, /trading was stopped by `kalua kill`/, refused.stderr);
    assert.equal((await kalua(['kill', '--release'], { env: { XDG_STATE_HOME: home } })).code, 0);
  });

  test('a process that answers kalua kill cancels on each account; prod without --live is paper', async () => {
    const cwd = folder(`
      local kalshi, task = require "kalshi", require "task"
      local other, paper, refused = kalshi.connect{ profile = "second" }
      local function open(name) return function()
        local ok, x = pcall(kalshi.connect, { profile = name })
        if ok then paper = x else refused = x end
      end end
      task.all{ open("real"), open("again") } -- the same account, and neither is open when the other begins
      assert(refused.code == "account_twice", refused)
      local t = kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
      for _, at in ipairs{ kalshi, other, paper } do assert(at.order{ ticker = t, side = "bid", price = 0.02, count = 1 }.status == "resting") end
      print("up", paper.env, #paper.orders())
      while true do task.sleep(1) end`, { '.env.second': profile(),
      // Another key of the same user, since one account is one account.
      ...await (async () => {
        const { privateKey, publicKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048,
          privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } });
        const made = await sim.rest('POST', '/api_keys', { name: 'real', public_key: publicKey }, { user: 1 });
        const text = `KALSHI_ENV=prod\nKALSHI_REST_URL=${sim.rest_url}\nKALSHI_WS_URL=${sim.ws_url}\nKALSHI_API_KEY_ID=${made.body.api_key_id}\nKALSHI_PRIVATE_KEY="${privateKey}"\n`;
        return { '.env.real': text, '.env.again': text };
      })() });
    const r = start(cwd);
    await r.says('up\tprod\t1');
    assert.deepEqual([(await resting(0)).length, (await resting(1)).length], [1, 1]);
    assert.match(r.err, /connected to account (real|again): prod, on paper/);
    const looked = await kalua(['attach', 's', '-e', ':orders'], { env: { XDG_STATE_HOME: home } });
    assert.match(looked.stdout, /^-- account sim\n[^]*0\.02[^]*^-- account sim second\n[^]*0\.02[^]*^-- account paper\/prod (real|again)\n[^]*0\.02/m, looked.stderr);
    const { code, stdout, stderr } = await kalua(['kill'], { env: { XDG_STATE_HOME: home } });
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /stopped, (\d orders? canceled, none left|no orders left)/);
    assert.equal((await r.ended).code, 130, r.err);
    assert.deepEqual([await resting(0), await resting(1)], [[], []]);
    assert.equal((await kalua(['kill', '--release'], { env: { XDG_STATE_HOME: home } })).code, 0);
  });

  test('who is halted on one account is halted on those that are connected to later, and after the next start', async () => {
    const t = (await sim.rest('GET', '/markets?status=open&limit=1')).body.markets[0].ticker;
    await sim.rest('POST', '/portfolio/events/orders', { ticker: t, side: 'bid', price: '0.0100', count: '1', client_order_id: 'taken',
      time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross' }, { user: 1 });
    const files = { '.env.second': profile() };
    const script = (what) => `local kalshi, task = require "kalshi", require "task"\nlocal t = "${t}"\n${what}`;
    const cwd = folder(script('kalshi.order{ ticker = t, side = "ask", price = 0.01, count = 1 } while true do task.sleep(1) end'), files);
    const lost = await kalua(['run', '--state', 'kept', '--risk', 'max_daily_loss=0.005', 's.lua'], { cwd, env: env() });
    assert.match(lost.stderr, /stopped by its breaker/);
    fs.writeFileSync(path.join(cwd, 's.lua'), script(`
      local other = kalshi.connect{ profile = "second" }
      print(kalshi.limits().halted, other.limits().halted == kalshi.limits().halted)
      print(pcall(other.order, { ticker = t, side = "bid", price = 0.01, count = 1 }))`));
    const { stdout, stderr } = await kalua(['run', '--state', 'kept', 's.lua'], { cwd, env: env() });
    assert.match(stdout, /has lost 0\.\d+ dollars today.*\ttrue\nfalse\trisk: s is halted/, stderr);
    assert.deepEqual(await resting(1), []);
  });
});
