// Money that is on its way, subaccounts, transfers and the target allocation survive a kill -9 of the simulator.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import path from 'node:path';
import test from 'node:test';
import { Sim, tempDir, until } from './peers.mjs';

test('a simulator that was killed goes on with the money as it was told', async () => {
  const args = ['--quiet-market', '--markets', '12', '--users', '2', '--state', path.join(tempDir(), 'exchange.db')];
  let sim = await Sim.start(...args);
  const send = async (method, where, body, status = 200) => {
    const answer = await sim.rest(method, where, body);
    assert.equal(answer.status, status, `${where}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const get = (where) => send('GET', where);
  const transfer = { client_transfer_id: crypto.randomUUID(), from_subaccount: 0, to_subaccount: 1, amount_cents: 12345 };
  const allocation = { allocations: [{ exchange_index: 0, percent: 60 }, { exchange_index: 1, percent: 40 }], resting_margin_reservation: 'max' };
  const lock = { subaccount_number: 1, exchange_index: 2 };
  await send('POST', '/portfolio/subaccounts', {}, 201);
  await send('POST', '/portfolio/subaccounts', { exchange_index: 2 }, 201);
  await send('POST', '/portfolio/subaccounts/transfer', transfer);
  await send('PUT', '/portfolio/subaccounts/netting', { subaccount_number: 1, enabled: false });
  await send('PUT', '/portfolio/subaccounts/settlement-advance-lock', lock);
  await send('POST', '/portfolio/target_balance_allocation', allocation);
  const lists = ['/portfolio/deposits', '/portfolio/subaccounts/transfers', '/portfolio/subaccounts/netting', '/series/fee_changes?show_historical=true'];
  const before = await Promise.all(lists.map(get));
  const { transfer_id: id } = await send('POST', '/portfolio/intra_exchange_instance_transfer', { source: 'event_contract',
    destination: 'event_contract', amount: 500000, source_exchange_shard: 0, destination_exchange_shard: 3 });
  sim.process.kill('SIGKILL');
  await sim.ended;

  sim = await Sim.start(...args);
  try {
    assert.deepEqual(await Promise.all(lists.map(get)), before);
    await until('the transfer', async () => (await get(`/portfolio/intra_exchange_instance_transfers/${id}`)).transfer.status === 'complete');
    const { subaccount_balances: rows } = await get('/portfolio/subaccounts/balances');
    const cents = (subaccount, shard) => Math.round(rows.find((r) => r.subaccount_number === subaccount && r.exchange_index === shard).balance * 100);
    assert.equal(cents(1, 0), 12345);
    assert.equal([0, 1, 2, 3].reduce((sum, i) => sum + cents(0, i), 0) + cents(1, 0) + cents(1, 2), 4000000);
    assert.ok(cents(0, 3) >= 1005000 || cents(0, 0) > 1005000, 'the transfer arrived, or the allocation moved it on');
    assert.deepEqual(await get('/portfolio/target_balance_allocation'), allocation);
    await send('POST', '/portfolio/subaccounts/transfer', transfer, 409);
    await send('PUT', '/portfolio/subaccounts/settlement-advance-lock', lock, 409);
  } finally {
    assert.equal(await sim.stop(), 0);
  }
});
