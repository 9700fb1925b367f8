// A script of so many lines that looks like one: functions which it does not all call, and a handler for each of its books.
import { LUA_NUMBER } from '../../integration/numbered_exchange.mjs';

// It says of its first event and of one that comes when all is calm again: its version, when it was handled, which it was.
export function source(version, { tickers, lines = 500, handlers, read, state, kalshi = true }) {
  const head = [
    `local ${kalshi ? 'kalshi, ' : ''}task, kalua = ${kalshi ? 'require "kalshi", ' : ''}require "task", require "kalua"`,
    `local VERSION <const> = ${version}`,
    'local state = kalua.state',
    ...LUA_NUMBER.trim().split('\n'),
  ];
  if (state)
    head.push('if not state.history then', '  state.history = {}',
      `  for i = 1, ${Math.round(state / 40)} do state.history[i] = { price = i / 10000, count = i, side = "yes" } end`, 'end');
  const tail = [];
  if (handlers) tail.push('kalua.on_stop(function(reason) state.stopped = reason end)');
  if (read) tail.push('kalshi.get_exchange_status()');
  tail.push('local events = 0',
    'local function event(market, delta)',
    '  events = events + 1',
    '  state.events = (state.events or 0) + 1',
    '  if events == 1 or events == 150 then',
    '    print(events == 1 and "first" or "later", VERSION, string.format("%.6f", kalua.now()), market, delta and number(delta) or 0)',
    '  end',
    'end');
  if (kalshi)
    tail.push(`for i, ticker in ipairs{ ${tickers.map((t) => `"${t}"`).join(', ')} } do`, '  local book = kalshi.book(ticker)',
      '  book:on_delta(function(_, delta) event(i, delta) end)', 'end');
  else
    tail.push('task.every(0.001, function() event(0) end)');
  const functions = [];
  for (let i = 0; head.length + functions.length + tail.length + 5 <= lines; i++)
    functions.push(`local function value_${i}(book, x)`, '  local bid, ask = book:best_bid(), book:best_ask()',
      '  if bid and ask and ask - bid > 0.01 * x then return (bid + ask) / 2, "wide" end', '  return bid, ask', 'end');
  while (head.length + functions.length + tail.length < lines) functions.push('--');
  return `${[...head, ...functions, ...tail].join('\n')}\n`;
}
