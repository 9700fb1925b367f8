// Reference and live data of the simulator: milestones, targets, live data, indices, programmes, charts. Every answer and
// message against the exchange's own schemas, and that they say what the simulator's state is.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Sim, sleep, until } from './peers.mjs';
import { messageErrors, restErrors, wireErrorErrors } from './schema.mjs';

let sim, fast, events; // fast: a world in which games are played while the other tests run
before(async () => {
  [sim, fast] = await Promise.all([Sim.start('--seed', '7', '--speed', '30', '--markets', '60'),
    Sim.start('--seed', '7', '--speed', '240', '--markets', '40', '--rate', '2')]);
  await sleep(1500);
  ({ body: { events } } = await sim.rest('GET', '/events?status=open&with_nested_markets=true'));
});
after(() => Promise.all([sim?.stop(), fast?.stop()]));

const valid = (operation, { status, body }, expected = 200) => {
  assert.equal(status, expected, JSON.stringify(body).slice(0, 400));
  assert.deepEqual(restErrors(operation, status, body), []);
  return body;
};
const refused = ({ status, body }, expected, text) => {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(wireErrorErrors(body), []);
  if (text) assert.match(JSON.stringify(body), text);
};
const get = (path) => sim.rest('GET', path);
const series = (prefix) => events.filter((e) => e.series_ticker === prefix);
const milestones = async (query = '') => valid('GetMilestones', await get(`/milestones?limit=500${query}`)).milestones;
const now = () => Math.floor(Date.now() / 1000);
// Answers of several requests are of one world: again, where a new event has come between two of them.
async function undisturbed(look) {
  for (;;) {
    const before = (await milestones()).map((m) => m.id).join();
    try {
      return await look();
    } catch (e) {
      if ((await milestones()).map((m) => m.id).join() === before) throw e;
    }
  }
}

test('the first request after the start finds the world as it is', async () => {
  const s = await Sim.start('--seed', '9');
  try {
    const read = async (operation, path) => valid(operation, await s.rest('GET', path));
    assert.ok((await read('GetWeatherIndex', '/live_data/weather/nyc')).timeseries.length > 0);
    assert.ok((await read('CFBenchmarksPassthrough', '/cfbenchmarks/values?id=BRTI')).data.payload.length > 0);
    const { event_ticker } = (await read('GetEvents', '/events?series_ticker=KXBTC&status=open')).events[0];
    assert.ok((await read('GetEventLiveData', `/live_data/events/${event_ticker}`)).live_data.details.timeseries.length > 0);
  } finally {
    assert.equal(await s.stop(), 0);
  }
});

test('milestones tie events to what happens, with filters and pages', () => undisturbed(async () => {
  const all = await milestones();
  for (const e of events) {
    const of = all.filter((m) => m.related_event_tickers.includes(e.event_ticker));
    assert.equal(of.length, 1, `${e.event_ticker} belongs to one milestone`);
    assert.equal(of[0].category, e.category);
    assert.ok(Date.parse(of[0].start_date) <= Date.parse(of[0].end_date), 'it ends after its start');
  }
  assert.equal(new Set(all.map((m) => m.id)).size, all.length);
  const one = valid('GetMilestone', await get(`/milestones/${all[0].id}`)).milestone;
  assert.equal(one.title, all[0].title);
  const by = async (key, value) => milestones(`&${key}=${encodeURIComponent(value)}`);
  for (const [key, read] of [['category', (m) => m.category], ['type', (m) => m.type], ['source_id', (m) => m.source_id],
    ['competition', (m) => m.details.league]]) {
    const value = read(all.find((m) => read(m)));
    assert.deepEqual((await by(key, value)).map((m) => m.id), all.filter((m) => read(m) === value).map((m) => m.id), key);
  }
  assert.deepEqual((await by('related_event_ticker', events[3].event_ticker)).map((m) => m.related_event_tickers[0]).length, 1);
  const starts = all.map((m) => m.start_date).sort(), middle = starts[Math.floor(starts.length / 2)];
  assert.equal((await by('minimum_start_date', middle)).length, starts.filter((s) => s >= middle).length);
  assert.deepEqual(await by('min_updated_ts', now() + 3600), []);
  assert.deepEqual(await by('category', 'No such'), []);

  const paged = [], size = Math.ceil(all.length / 4);
  let cursor = '';
  do {
    const page = valid('GetMilestones', await get(`/milestones?limit=${size}${cursor && `&cursor=${cursor}`}`));
    assert.ok(page.milestones.length <= size);
    paged.push(...page.milestones.map((m) => m.id));
    cursor = page.cursor;
  } while (cursor);
  assert.deepEqual(paged, all.map((m) => m.id));

  refused(await get('/milestones'), 400, /limit is required/);
  refused(await get('/milestones?limit=501'), 400, /limit out of range/);
  refused(await get('/milestones?limit=5&minimum_start_date=yesterday'), 400, /RFC 3339/);
  refused(await get('/milestones/00000000-0000-4000-8000-000000000000'), 404, /not_found/);
}));

test('events list the milestones of their page', async () => {
  const page = valid('GetEvents', await get('/events?limit=5&with_milestones=true'));
  const related = new Set(page.milestones.flatMap((m) => m.related_event_tickers));
  for (const e of page.events) assert.ok(related.has(e.event_ticker), e.event_ticker);
  assert.equal((await get('/events?limit=5')).body.milestones, undefined);
  const tickers = events.slice(2, 4).map((e) => e.event_ticker);
  const some = valid('GetEvents', await get(`/events?tickers=${tickers.join(',')}`));
  assert.deepEqual(some.events.map((e) => e.event_ticker).sort(), [...tickers].sort());
  const one = valid('GetEvents', await get('/events?series_ticker=KXFED')).events;
  assert.ok(one.length > 0 && one.every((e) => e.series_ticker === 'KXFED'));
  assert.deepEqual(valid('GetEvents', await get(`/events?min_updated_ts=${now() + 3600}`)).events, []);
  assert.deepEqual(valid('GetEvents', await get('/events?min_close_ts=9999999999')).events, []);
  for (const status of ['open', 'closed', 'settled', 'unopened']) {
    const of = valid('GetEvents', await get(`/events?status=${status}&with_nested_markets=true`)).events;
    const wanted = { open: ['active'], closed: ['closed', 'determined'], settled: ['finalized'], unopened: ['initialized'] }[status];
    // Markets that settled long ago are left to the historical tier.
    for (const e of of.filter((x) => x.markets.length)) assert.ok(e.markets.some((m) => wanted.includes(m.status)), `${e.event_ticker}: ${status}`);
  }
  refused(await get('/events?status=paused'), 400, /status must be one of/);
  refused(await get('/events?limit=201'), 400, /limit out of range/);
});

test('series by category, tag and time; product metadata on demand', async () => {
  const all = valid('GetSeriesList', await get('/series?include_product_metadata=true&include_volume=true')).series;
  assert.ok(all.every((s) => s.product_metadata.cadence && s.volume_fp !== undefined));
  const plain = valid('GetSeriesList', await get('/series')).series;
  assert.ok(plain.every((s) => s.product_metadata === undefined && s.volume_fp === undefined));
  const crypto = valid('GetSeriesList', await get('/series?category=Crypto')).series;
  assert.ok(crypto.length > 0 && crypto.every((s) => s.category === 'Crypto'));
  const tagged = valid('GetSeriesList', await get('/series?tags=Basketball,Fed')).series;
  assert.deepEqual(tagged.map((s) => s.ticker).sort(), all.filter((s) => s.tags.some((t) => ['Basketball', 'Fed'].includes(t)))
    .map((s) => s.ticker).sort());
  assert.deepEqual(valid('GetSeriesList', await get(`/series?min_updated_ts=${now() + 3600}`)).series, []);
  const tags = valid('GetTagsForSeriesCategories', await get('/search/tags_by_categories')).tags_by_categories;
  for (const s of all) for (const t of s.tags) assert.ok(tags[s.category].includes(t), `${s.category}: ${t}`);
  const sports = valid('GetFiltersForSports', await get('/search/filters_by_sport'));
  assert.deepEqual(Object.keys(sports.filters_by_sports).sort(), [...sports.sport_ordering].sort());
  const game = all.find((s) => s.category === 'Sports');
  assert.ok(Object.values(sports.filters_by_sports).some((f) =>
    f.competitions[game.product_metadata.competition]?.scopes.includes(game.product_metadata.scope)));
});

test('structured targets are what markets name, and stay what they are', async () => {
  const all = valid('GetStructuredTargets', await get('/structured_targets?page_size=2000')).structured_targets;
  const named = events.flatMap((e) => e.markets).filter((m) => m.strike_type === 'structured');
  assert.ok(named.length > 0);
  for (const m of named.slice(0, 12)) {
    const id = m.custom_strike[m.primary_participant_key];
    const target = valid('GetStructuredTarget', await get(`/structured_targets/${id}`)).structured_target;
    assert.equal(target.name, m.yes_sub_title);
    assert.equal(target.type, m.primary_participant_key);
  }
  const [a, b] = all;
  const pair = valid('GetStructuredTargets', await get(`/structured_targets?ids=${a.id}&ids=${b.id}`)).structured_targets;
  assert.deepEqual(pair.map((t) => t.id), [a.id, b.id]);
  const first = valid('GetStructuredTargets', await get('/structured_targets?page_size=1'));
  const second = valid('GetStructuredTargets', await get(`/structured_targets?page_size=1&cursor=${first.cursor}`));
  assert.deepEqual([first, second].map((p) => p.structured_targets[0].id), [a.id, b.id]);
  const typed = valid('GetStructuredTargets', await get(`/structured_targets?type=${a.type}`)).structured_targets;
  assert.ok(typed.every((t) => t.type === a.type));
  const league = all.find((t) => t.details.league).details.league;
  const inLeague = valid('GetStructuredTargets', await get(`/structured_targets?competition=${encodeURIComponent(league)}`));
  assert.equal(inLeague.structured_targets.length, all.filter((t) => t.details.league === league).length);
  refused(await get('/structured_targets?page_size=2001'), 400, /page_size out of range/);
  refused(await get('/structured_targets/nobody'), 404, /not_found/);
  const twin = await Sim.start('--seed', '8', '--quiet-market');
  try {
    const { structured_targets: others } = (await twin.rest('GET', '/structured_targets?page_size=2000')).body;
    for (const t of others) assert.equal(all.find((x) => x.name === t.name)?.id ?? t.id, t.id, 'the same team, the same id');
  } finally {
    assert.equal(await twin.stop(), 0);
  }
});

test('live data of a milestone follows the world', async () => {
  const all = await milestones();
  const read = async (m) => valid('GetLiveDataByMilestone', await get(`/live_data/milestone/${m.id}`)).live_data;
  for (const type of new Set(all.map((m) => m.type))) {
    const m = all.find((x) => x.type === type), live = await read(m);
    assert.equal(live.milestone_id, m.id);
    assert.equal(live.type, type);
    assert.ok(['scheduled', 'inprogress', 'closed'].includes(live.details.status), type);
    const old = valid('GetLiveData', await get(`/live_data/${type}/milestone/${m.id}?include_player_stats=true`)).live_data;
    assert.equal(old.milestone_id, m.id);
    refused(await get(`/live_data/other_type/milestone/${m.id}`), 404);
  }
  const ids = all.slice(0, 3).map((m) => m.id);
  const unknown = '00000000-0000-4000-8000-000000000000';
  const batch = valid('GetLiveDatas', await get(`/live_data/batch?${[...ids, unknown].map((i) => `milestone_ids=${i}`).join('&')}`));
  assert.deepEqual(batch.live_datas.map((d) => d.milestone_id), ids);
  refused(await get('/live_data/batch'), 400, /milestone_ids is required/);
  refused(await get(`/live_data/milestone/${unknown}`), 404);
  refused(await get(`/live_data/milestone/${ids[0]}?include_player_stats=perhaps`), 400, /not a boolean/);
  const coin = all.find((m) => m.details.coin);
  const before = (await read(coin)).details.price;
  await until('another price', async () => (await read(coin)).details.price !== before);
});

test('a chart of an event: the price of its coin', async () => {
  const { event_ticker } = series('KXBTC')[0];
  const chart = async (range) => valid('GetEventLiveData', await get(`/live_data/events/${event_ticker}${range}`)).live_data;
  const hour = await chart(''), quarter = await chart('?range=15min'), day = await chart('?range=1d');
  assert.equal(hour.type, 'crypto');
  assert.equal(hour.is_historical, false);
  assert.ok(hour.range_options.includes(hour.default_range));
  assert.deepEqual([hour, quarter, day].map((c) => c.details.timeseries.length), [3600, 900, 1440]);
  const times = quarter.details.timeseries.map((p) => p.t);
  assert.ok(times.every((t, i) => i === 0 || t === times[i - 1] + 1000), 'a value a second');
  assert.ok(Math.abs(times.at(-1) - Date.now()) < 10000, 'up to now');
  const values = quarter.details.timeseries.map((p) => p.v);
  assert.ok(values.every((v) => v > 1000) && new Set(values).size > 100, 'it moves');
  const c = quarter.details.candlesticks['1M'][5];
  const inside = quarter.details.timeseries.filter((p) => p.t >= c.t && p.t < c.t + 60000).map((p) => p.v);
  assert.equal(c.high, Math.max(...inside));
  assert.equal(c.low, Math.min(...inside));
  refused(await get('/live_data/events/KXNONE-1'), 404);
  refused(await get(`/live_data/events/${series('KXFED')[0].event_ticker}`), 404, /milestone has live data/);
});

test('the benchmark passthrough gives the same values, recent and by the hour', async () => {
  const values = (query) => get(`/cfbenchmarks/values?${query}`);
  const recent = valid('CFBenchmarksPassthrough', await values('id=BRTI')).data.payload;
  assert.equal(recent.length, 3600);
  assert.ok(recent.every((v, i) => /^\d+\.\d\d$/.test(v.value) && (i === 0 || v.time === recent[i - 1].time + 1000)));
  const chart = (await get(`/live_data/events/${series('KXBTC')[0].event_ticker}?range=15min`)).body.live_data.details.timeseries;
  const byTime = new Map(recent.map((v) => [v.time, Number(v.value)]));
  const both = chart.filter((p) => byTime.has(p.t));
  assert.ok(both.length > 800);
  for (const p of both) assert.equal(p.v, byTime.get(p.t));
  const minutes = valid('CFBenchmarksPassthrough', await values('id=BRTI&maxResolution=PER_MINUTE')).data.payload;
  assert.equal(minutes.length, 60);
  const hour = new Date(Math.floor(Date.now() / 3600000 - 1) * 3600000).toISOString();
  const history = (query) => get(`/cfbenchmarks/history/values?${query}`);
  const ticks = valid('CFBenchmarksPassthrough', await history(`id=BRTI&timespan=HOUR&timestamp=${hour}`)).data.payload;
  assert.equal(ticks.length, 18000);
  assert.equal(ticks[0].time, Date.parse(hour));
  for (const v of ticks) if (byTime.has(v.time)) assert.equal(Number(v.value), byTime.get(v.time));
  refused(await values(''), 400, /id is required/);
  refused(await values('id=NONE'), 404, /not_found/);
  refused(await values('id=BRTI&maxResolution=NEVER'), 400, /maxResolution/);
  refused(await history(`id=BRTI&timespan=MINUTE&timestamp=${hour}`), 400, /invalid-parameters/);
  refused(await history(`id=BRTI&timespan=HOUR&timestamp=${hour.replace(':00:00', ':30:00')}`), 400, /begin of an hour/);
  refused(await get('/cfbenchmarks/orders'), 404);
  assert.equal((await sim.rest('GET', '/cfbenchmarks/values?id=BRTI', undefined, { headers: {} })).status, 401);
});

test('the weather index can be computed from its stations and calibrations', async () => {
  await until('a minute of weather', async () => (await get('/live_data/weather/nyc')).body.timeseries?.length > 0);
  const { calibrations, units } = valid('GetWeatherIndexCalibrations', await get('/live_data/weather/nyc/calibrations'));
  assert.equal(units, 'celsius');
  assert.ok(calibrations.length >= 4);
  assert.ok(calibrations.every((c, i) => i === 0 || c.effective_at_ms > calibrations[i - 1].effective_at_ms), 'ascending');
  for (const c of calibrations) {
    assert.ok(Math.abs(c.stations.reduce((sum, s) => sum + s.weight, 0) - 1) < 1e-9);
    assert.ok(Math.abs(c.stations.reduce((sum, s) => sum + s.weight * s.offset_c, 0) - c.city_reference_c) < 1e-6);
  }
  const index = valid('GetWeatherIndex', await get('/live_data/weather/nyc?detailed=true&last_sec=7200'));
  const normal = index.timeseries.filter((p) => p.status === 'normal');
  assert.ok(normal.length >= 100);
  for (const p of normal) {
    const of = calibrations.filter((c) => c.effective_at_ms <= p.t).at(-1);
    const celsius = of.city_reference_c + of.stations.reduce((sum, s) => sum +
      s.weight * ((p.stations.find((r) => r.station_id === s.station_id).temp_f - 32) / 1.8 - s.offset_c), 0);
    assert.ok(Math.abs(celsius * 1.8 + 32 - p.v) < 0.0051, `${p.v} at ${p.t}`);
  }
  assert.ok(index.timeseries.filter((p) => p.status === 'incomplete').every((p) => p.v === undefined));
  const day = valid('GetWeatherIndex', await get('/live_data/weather/nyc'));
  assert.ok(day.timeseries.length > 1400 && day.timeseries.every((p) => p.stations === undefined && p.v !== undefined));
  assert.equal(day.config_version, calibrations.at(-1).config_version);
  const from = day.timeseries[10].t, to = day.timeseries[12].t;
  const three = valid('GetWeatherIndex', await get(`/live_data/weather/nyc?from=${from}&to=${to}`)).timeseries;
  assert.deepEqual(three, day.timeseries.slice(10, 13));
  refused(await get('/live_data/weather/atlantis'), 400, /unknown city/);
  refused(await get('/live_data/weather/atlantis/calibrations'), 400, /unknown city/);
  refused(await get(`/live_data/weather/nyc?from=${from}`), 400, /from goes with to/);
  refused(await get(`/live_data/weather/nyc?from=${from}&to=${to}&last_sec=5`), 400, /excludes/);
});

test('a game: score, play by play, and no plays of what is no game', async () => {
  const read = (path) => fast.rest('GET', path);
  const all = async (query) => valid('GetMilestones', await read(`/milestones?limit=500${query}`)).milestones;
  const other = (await all('')).find((m) => m.category !== 'Sports');
  assert.deepEqual(valid('GetGameStats', await read(`/live_data/milestone/${other.id}/game_stats`)), {});
  refused(await read('/live_data/milestone/none/game_stats'), 404);
  const game = await until('a game with a score', async () => {
    for (const m of await all('&category=Sports')) {
      const { details } = (await read(`/live_data/milestone/${m.id}`)).body.live_data;
      if (details.away_points + details.home_points > 20) return m;
    }
    return null;
  }, 40000);
  const plays = await until('the plays of that score', async () => { // which are written down a tick later
    const { pbp } = valid('GetGameStats', await read(`/live_data/milestone/${game.id}/game_stats`));
    const events = pbp.periods.flatMap((p) => p.events);
    return events.at(-1).away_points + events.at(-1).home_points > 20 ? events : null;
  });
  assert.equal(plays[0].event_type, 'gamestart');
  let away = plays[0].away_points, home = plays[0].home_points;
  for (const p of plays.slice(1)) {
    if (p.event_type === 'score') {
      assert.equal(p.away_points + p.home_points, away + home + p.points, JSON.stringify(p));
      assert.ok(p.points > 0);
    } else assert.deepEqual([p.away_points, p.home_points], [away, home]);
    [away, home] = [p.away_points, p.home_points];
  }
  const { details } = (await read(`/live_data/milestone/${game.id}`)).body.live_data;
  assert.ok(details.away_points >= away && details.home_points >= home);
  assert.match(details.clock, /^\d\d:\d\d$/);
  for (const side of ['away', 'home']) {
    assert.equal(details[`${side}_team_id`], game.details[`${side}_team_id`]);
    const target = valid('GetStructuredTarget', await read(`/structured_targets/${details[`${side}_team_id`]}`)).structured_target;
    assert.equal(target.name, details[`${side}_team_name`]);
  }
});

test('incentive programmes have periods, states and pages', async () => {
  const list = async (query) => valid('GetIncentivePrograms', await get(`/incentive_programs?${query}`)).incentive_programs;
  const all = await list('limit=10000');
  assert.ok(all.length > 0);
  for (const p of all) {
    assert.ok(Date.parse(p.start_date) < Date.parse(p.end_date));
    assert.ok(!p.paid_out || Date.parse(p.end_date) < Date.now());
  }
  const active = await list('status=active');
  const tickers = new Set(events.flatMap((e) => e.markets.map((m) => m.ticker)));
  assert.ok(active.some((p) => tickers.has(p.market_ticker)));
  assert.ok(active.every((p) => Date.parse(p.start_date) <= Date.now() && Date.parse(p.end_date) > Date.now() - 5000));
  assert.ok((await list('status=upcoming')).every((p) => Date.parse(p.start_date) > Date.now() - 5000));
  assert.ok((await list('status=paid_out')).every((p) => p.paid_out));
  assert.deepEqual(await list('type=volume'), []);
  assert.deepEqual(await list('incentive_description=nothing'), []);
  const first = valid('GetIncentivePrograms', await get('/incentive_programs?limit=1'));
  const second = valid('GetIncentivePrograms', await get(`/incentive_programs?limit=1&cursor=${first.next_cursor}`));
  assert.notEqual(first.incentive_programs[0].id, second.incentive_programs[0].id);
  refused(await get('/incentive_programs?status=sleeping'), 400, /status must be one of/);
  refused(await get('/incentive_programs?type=gold'), 400, /type must be one of/);
  refused(await get('/incentive_programs?limit=10001'), 400, /limit out of range/);
});

test('candlesticks of an event are those of its markets, cut where one answer ends', async () => {
  const e = series('KXCPIYOY')[0] ?? series('KXFED')[0];
  const at = (kind, ticker, query) => get(`/series/${e.series_ticker}/${kind}/${ticker}/candlesticks?${query}`);
  const range = `start_ts=${now() - 7200}&end_ts=${now() - 3600}&period_interval=60`;
  const of = valid('GetMarketCandlesticksByEvent', await at('events', e.event_ticker, range));
  assert.deepEqual(of.market_tickers, e.markets.map((m) => m.ticker));
  for (const [i, m] of e.markets.entries()) {
    const alone = valid('GetMarketCandlesticks', await at('markets', m.ticker, range));
    assert.deepEqual(of.market_candlesticks[i], alone.candlesticks);
  }
  const end = now();
  const long = valid('GetMarketCandlesticksByEvent', await at('events', e.event_ticker,
    `start_ts=${end - 86400}&end_ts=${end}&period_interval=1`));
  assert.ok(long.adjusted_end_ts < end, 'a day of minutes of all markets is too much');
  assert.ok(long.market_candlesticks.flat().length <= 5000);
  assert.ok(long.market_candlesticks.every((c) => c.at(-1).end_period_ts === long.adjusted_end_ts));
  const next = valid('GetMarketCandlesticksByEvent', await at('events', e.event_ticker,
    `start_ts=${long.adjusted_end_ts + 1}&end_ts=${end}&period_interval=1`));
  assert.equal(next.market_candlesticks[0][0].end_period_ts, long.adjusted_end_ts + 60, 'the rest goes on there');
  refused(await at('events', e.event_ticker, 'start_ts=1&end_ts=2'), 400, /required/);
  refused(await at('events', e.event_ticker, 'start_ts=2&end_ts=1&period_interval=1'), 400, /after end_ts/);
  refused(await at('events', e.event_ticker, 'start_ts=1&end_ts=2&period_interval=7'), 400, /1, 60 or 1440/);
  refused(await get(`/series/KXNONE/events/${e.event_ticker}/candlesticks?${range}`), 404);
});

test('candlesticks of a market: periods without a hole, the latest before the start, batches', async () => {
  const e = series('KXFED')[0], [m, other] = e.markets;
  const at = (query) => get(`/series/${e.series_ticker}/markets/${m.ticker}/candlesticks?${query}`);
  const from = Math.floor(now() / 60) * 60 - 1800, range = `start_ts=${from + 1}&end_ts=${now()}&period_interval=1`;
  const { candlesticks } = valid('GetMarketCandlesticks', await at(range));
  assert.ok(candlesticks.length >= 29 && candlesticks.length <= 31);
  candlesticks.forEach((c, i) => assert.equal(c.end_period_ts, from + 60 * (i + 1)));
  for (const [i, c] of candlesticks.entries()) {
    const traded = c.volume_fp !== '0.00';
    assert.equal(c.price.open_dollars !== null, traded);
    for (const side of [c.yes_bid, c.yes_ask]) {
      const [low, open, close, high] = ['low', 'open', 'close', 'high'].map((k) => Number(side[`${k}_dollars`]));
      assert.ok(low <= Math.min(open, close) && high >= Math.max(open, close), JSON.stringify(side));
    }
    if (i > 0 && candlesticks[i - 1].volume_fp !== '0.00') assert.equal(c.price.previous_dollars, candlesticks[i - 1].price.close_dollars);
  }
  const early = valid('GetMarketCandlesticks', await at(`${range}&include_latest_before_start=true`)).candlesticks;
  assert.equal(early.length, candlesticks.length + 1, 'one in front');
  assert.equal(early[0].price.close_dollars, null);
  assert.equal(early[0].price.previous_dollars, candlesticks[0].price.previous_dollars);
  const hours = valid('GetMarketCandlesticks', await at(`start_ts=${now() - 14400}&end_ts=${now()}&period_interval=60`)).candlesticks;
  assert.ok(hours.every((c) => c.end_period_ts % 3600 === 0));
  const both = valid('BatchGetMarketCandlesticks', await get(`/markets/candlesticks?market_tickers=${other.ticker},KXNONE,${m.ticker}&${range}`));
  assert.deepEqual(both.markets.map((x) => x.market_ticker), [other.ticker, m.ticker]);
  refused(await at(`start_ts=0&end_ts=${now()}&period_interval=2`), 400, /1, 60 or 1440/);
  refused(await at(`start_ts=x&end_ts=${now()}&period_interval=1`), 400, /not an integer/);
  refused(await get(`/series/KXNONE/markets/${m.ticker}/candlesticks?${range}`), 404);
  refused(await get(`/markets/candlesticks?market_tickers=${Array(101).fill(m.ticker).join(',')}&${range}`), 400, /at most 100/);
});

test('forecast percentiles follow the prices of the markets', async () => {
  const e = series('KXFED')[0];
  const at = (query, of = e) => get(`/series/${of.series_ticker}/events/${of.event_ticker}/forecast_percentile_history?${query}`);
  const percentiles = [1000, 5000, 9000].map((p) => `percentiles=${p}`).join('&');
  const range = `start_ts=${now() - 7200}&end_ts=${now()}`;
  const { forecast_history: minutes } = valid('GetEventForecastPercentilesHistory', await at(`${percentiles}&${range}&period_interval=1`));
  assert.ok(minutes.length > 100);
  for (const p of minutes) {
    assert.equal(p.event_ticker, e.event_ticker);
    assert.deepEqual(p.percentile_points.map((x) => x.percentile), [1000, 5000, 9000]);
    const [low, middle, high] = p.percentile_points.map((x) => x.raw_numerical_forecast);
    assert.ok(low <= middle && middle <= high);
    assert.match(p.percentile_points[1].formatted_forecast, /^\d+\.\d\d%$/);
  }
  // The middle forecast lies where "above" and "below" cost the same.
  const last = minutes.at(-2), candles = await Promise.all(e.markets.map(async (m) => (await get(
    `/series/${e.series_ticker}/markets/${m.ticker}/candlesticks?start_ts=${last.end_period_ts}&end_ts=${last.end_period_ts}&period_interval=1`))
    .body.candlesticks[0]));
  const mids = candles.map((c, i) => [e.markets[i].floor_strike, (Number(c.yes_bid.close_dollars) + Number(c.yes_ask.close_dollars)) / 2]);
  const middle = last.percentile_points[1].raw_numerical_forecast;
  for (const [strike, p] of mids) {
    if (p > 0.55) assert.ok(middle > strike - 0.13, `${middle} against ${strike} at ${p}`);
    if (p < 0.45) assert.ok(middle < strike + 0.13, `${middle} against ${strike} at ${p}`);
  }
  await until('five seconds of forecasts', async () => {
    const { forecast_history: fine } = valid('GetEventForecastPercentilesHistory',
      await at(`percentiles=5000&start_ts=${now() - 60}&end_ts=${now()}&period_interval=0`));
    return fine.length >= 2 && fine.every((p) => p.end_period_ts % 5 === 0 && p.period_interval === 0);
  });
  refused(await at(`${range}&period_interval=1`), 400, /percentiles is required/);
  refused(await at(`percentiles=10000&${range}&period_interval=1`), 400, /0 to 9999/);
  refused(await at(`percentiles=${Array(11).fill(1).join(',')}&${range}&period_interval=1`), 400, /at most 10/);
  refused(await at(`percentiles=1&${range}&period_interval=2`), 400, /0, 1, 60 or 1440/);
  refused(await at(`percentiles=1&${range}&period_interval=1`, series('KXNBAGAME')[0]), 400, /not about a number/);
  assert.equal((await sim.rest('GET', `/series/KXFED/events/${e.event_ticker}/forecast_percentile_history?${percentiles}&${range}&period_interval=1`,
    undefined, { headers: {} })).status, 401, 'it needs a signature');
});

test('market text comes in Spanish or Portuguese on request', async () => {
  const { event_ticker } = series('KXHIGHNY')[0];
  const read = async (language) => {
    const pathname = new URL(sim.rest_url).pathname + `/events/${event_ticker}`;
    const answer = await sim.rest('GET', `/events/${event_ticker}?with_nested_markets=true`, undefined,
      { headers: { ...sim.headers('GET', pathname), ...(language && { 'Accept-Language': language }) } });
    return valid('GetEvent', answer).event;
  };
  const english = await read(), spanish = await read('es-MX,es;q=0.9,en;q=0.8'), portuguese = await read('fr, pt;q=0.5');
  assert.equal(english.title, 'Highest temperature in NYC');
  assert.equal(spanish.title, 'Temperatura más alta en NYC');
  assert.equal(portuguese.title, 'Temperatura mais alta em NYC');
  assert.match(spanish.markets[0].yes_sub_title, /^-?\d+° o menos$/);
  assert.match(spanish.markets[0].no_sub_title, /^No: -?\d+° o menos$/);
  assert.match(portuguese.markets[1].yes_sub_title, /^De -?\d+° a -?\d+°$/);
  assert.deepEqual([(await read('de')).title, (await read('de, en')).title], [english.title, english.title]);
  const bare = ({ markets, title, sub_title, ...rest }) => rest;
  assert.deepEqual(bare(spanish), bare(english), 'only texts differ');
});

test('metadata of an event', async () => {
  for (const e of events.slice(0, 8)) {
    const data = valid('GetEventMetadata', await get(`/events/${e.event_ticker}/metadata`));
    assert.deepEqual(data.market_details.map((m) => m.market_ticker), e.markets.map((m) => m.ticker));
    assert.equal(new Set(data.market_details.map((m) => m.color_code)).size, e.markets.length, 'a colour each');
    assert.equal(data.competition !== undefined, e.category === 'Sports');
  }
  refused(await get('/events/KXNONE-1/metadata'), 404);
});

test('index channels: nothing before ids are chosen, then values that agree with REST', async () => {
  const c = await sim.ws();
  const of = (type) => c.messages.filter((m) => m.type === type);
  c.send('subscribe', { channels: ['cfbenchmarks_value', 'cfbenchmarks_value_5hz', 'pyth_value'] });
  await until('three acknowledgements', () => of('subscribed').length === 3);
  const sid = Object.fromEntries(of('subscribed').map((m) => [m.msg.channel, m.msg.sid]));
  const update = async (channel, params) => c.reply(c.send('update_subscription', { sid: sid[channel], ...params }));
  await sleep(1500);
  assert.deepEqual(c.messages.filter((m) => m.type !== 'subscribed'), [], 'nothing flows');
  const slow = await update('cfbenchmarks_value', { action: 'indexlist' });
  assert.equal(slow.type, 'cfbenchmarks_value_indexlist');
  assert.ok(slow.msg.index_ids.includes('BRTI'));
  assert.equal((await update('cfbenchmarks_value_5hz', { action: 'indexlist' })).type, 'cfbenchmarks_value_5hz_indexlist');
  const pyth = await update('pyth_value', { action: 'underlying_list' });
  assert.equal(pyth.type, 'pyth_value_underlying_list');
  assert.deepEqual((await update('cfbenchmarks_value', { action: 'subscribe_indices', index_ids: ['BRTI', 'NONE'] })).msg.index_ids, ['BRTI']);
  assert.ok((await update('cfbenchmarks_value_5hz', { action: 'subscribe_indices', index_ids: ['all'] })).msg.index_ids.includes('BRTI'));
  assert.deepEqual((await update('pyth_value', { action: 'subscribe_underlyings', underlying_tickers: [pyth.msg.underlying_tickers[0]] }))
    .msg.underlying_tickers, [pyth.msg.underlying_tickers[0]]);
  await until('values', () => of('cfbenchmarks_value').length >= 4 && of('cfbenchmarks_value_5hz').length >= 10 && of('pyth_value').length >= 5);
  const { payload } = (await get('/cfbenchmarks/values?id=BRTI')).body.data;
  const byTime = new Map(payload.map((v) => [v.time, v.value]));
  let compared = 0;
  for (const m of of('cfbenchmarks_value')) {
    const data = JSON.parse(m.msg.data);
    assert.equal(data.id, 'BRTI');
    assert.equal(data.time % 1000, 0);
    if (byTime.has(data.time)) compared++;
    if (byTime.has(data.time)) assert.equal(data.value, byTime.get(data.time));
    if (data.time > payload.at(-1).time + 1000) continue; // it came later than the answer, which lacks a part of its minute
    const window = payload.filter((v) => v.time >= data.time - 60000 && v.time < data.time).map((v) => Number(v.value));
    const average = m.msg.avg_60s_data;
    assert.equal(average.window_size, 60);
    assert.deepEqual([average.window_start_ts_ms, average.window_end_ts_exclusive], [data.time - 60000, data.time]);
    assert.match(average.value, /^\d+\.\d{8}$/);
    assert.ok(Math.abs(Number(average.value) - window.reduce((a, b) => a + b) / 60) < 1e-4);
    const quarter = data.time % 900000, left = quarter === 0 ? 0 : 900000 - quarter;
    assert.equal(m.msg.last_60s_windowed_average_15min !== undefined, left < 60000);
    if (left < 60000) assert.equal(m.msg.last_60s_windowed_average_15min.window_size, 60 - left / 1000);
  }
  assert.ok(compared >= 3);
  for (const m of of('cfbenchmarks_value_5hz')) {
    const data = JSON.parse(m.msg.data);
    assert.equal(Number(m.msg.value_usd), Number(data.value));
    assert.equal(m.msg.source_ts_ms, data.time);
    assert.ok(m.msg.received_at >= m.msg.source_ts_ms);
  }
  assert.deepEqual((await update('cfbenchmarks_value', { action: 'unsubscribe_indices', index_ids: ['BRTI'] })).msg.index_ids, []);
  const seen = of('cfbenchmarks_value').length;
  await sleep(1500);
  assert.equal(of('cfbenchmarks_value').length, seen, 'no more values');
  const last = new Map();
  for (const m of c.messages) {
    assert.deepEqual(messageErrors(m), [], JSON.stringify(m));
    if (m.seq === undefined) continue;
    assert.equal(m.seq, (last.get(m.sid) ?? 0) + 1, 'no hole');
    last.set(m.sid, m.seq);
  }
  await c.close();
});

test('index channels: ids in the subscribe, and what is wrong with commands', async () => {
  const c = await sim.ws();
  const code = async (id) => (await c.reply(id)).msg.code;
  const sub = await c.reply(c.send('subscribe', { channels: ['cfbenchmarks_value_5hz'], index_ids: ['BRTI'] }));
  await c.wait('a value', (m) => m.type === 'cfbenchmarks_value_5hz');
  const { sid } = sub.msg;
  const update = (params) => code(c.send('update_subscription', { sid, ...params }));
  assert.equal(await update({ action: 'subscribe_indices' }), 24);
  assert.equal(await update({ action: 'subscribe_indices', index_ids: 'BRTI' }), 11);
  assert.equal(await update({ action: 'subscribe_indices', index_ids: [7] }), 11);
  assert.equal(await update({ action: 'add_markets', market_tickers: ['X'] }), 13);
  assert.equal(await update({ action: 'underlying_list' }), 13);
  assert.equal(await code(c.send('subscribe', { channels: ['pyth_value'], underlying_tickers: 'all' })), 11);
  const ticker = events[0].markets[0].ticker;
  assert.equal(await code(c.send('subscribe', { channels: ['pyth_value'], market_tickers: [ticker] })), 11);
  const pyth = await c.reply(c.send('subscribe', { channels: ['pyth_value'], underlying_tickers: ['all'] }));
  await c.wait('a price', (m) => m.type === 'pyth_value');
  assert.equal(await code(c.send('update_subscription', { sid: pyth.msg.sid, action: 'unsubscribe_underlyings' })), 28);
  const none = await c.reply(c.send('update_subscription', { sid: pyth.msg.sid, action: 'unsubscribe_underlyings',
    underlying_tickers: ['all'] }));
  assert.deepEqual(none.msg.underlying_tickers, []);
  await c.close();
});
