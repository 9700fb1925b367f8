// How close a burst comes to what the rate limits of a tier allow: 500 reads and 500 creates at once, on a quiet simulator.
//
//   node tests/bench/burst.mjs [tier] [calls]     KALUA=path of kalua
import { run } from '../integration/fault_cases.mjs';
import { simStats } from '../integration/fault_server.mjs';
import { Sim } from '../integration/peers.mjs';

const tier = process.argv[2] ?? 'basic', N = Number(process.argv[3] ?? 500);
const sim = await Sim.start('--quiet-market', '--tier', tier);
const { body: { markets: [{ ticker }] } } = await sim.rest('GET', '/markets?series_ticker=KXNBAGAME&limit=1', undefined, { headers: {} });
const limits = (await sim.rest('GET', '/account/limits')).body;
await new Promise((r) => setTimeout(r, 1000)); // those tokens are back
const { cases, stderr } = await run(`local begin = kalua.now()
  local jobs, last = {}, { read = 0, write = 0 }
  for _ = 1, ${N} do
    jobs[#jobs + 1] = function() kalshi.get_exchange_schedule{ timeout = 600 } last.read = kalua.now() - begin end
    jobs[#jobs + 1] = function()
      kalshi.create_order{ ticker = "${ticker}", side = "bid", price = 0.01, count = 1, time_in_force = "good_till_canceled",
        self_trade_prevention_type = "taker_at_cross", timeout = 600 }
      last.write = kalua.now() - begin
    end
  end
  try("burst", function() task.all(jobs) return last end)`, sim.env(), { timeout: 600000 });
if (!cases.burst?.ok) {
  console.error(JSON.stringify(cases.burst), stderr);
  process.exit(1);
}
const stats = await simStats(sim);
console.log(`${N} reads and ${N} creates at once, tier ${tier}`);
for (const kind of ['read', 'write']) {
  const { refill_rate: rate, bucket_capacity: capacity } = limits[kind];
  const ideal = Math.max(0, (N * 10 - capacity) / rate), took = cases.burst.answer[kind];
  console.log(`${kind.padEnd(6)} ${rate}/s up to ${capacity}: the bucket allows ${ideal.toFixed(2)} s, took ${took.toFixed(2)} s (${((took / ideal - 1) * 100).toFixed(1)} % over)`);
}
console.log(`answered 429: ${stats.rate_limited}`);
await sim.stop();
process.exit(stats.rate_limited ? 1 : 0);
