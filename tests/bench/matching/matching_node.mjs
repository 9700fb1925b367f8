// nodejs-order-book (npm) on the bench's commands: matching_node.mjs FILE MARKETS
import fs from 'node:fs';
import { createRequire } from 'node:module';

const { OrderBook } = createRequire(new URL('../package.json', import.meta.url))('nodejs-order-book');
const bytes = fs.readFileSync(process.argv[2]);
const SIZE = 16, n = bytes.length / SIZE;
const books = Array.from({ length: Number(process.argv[3]) }, () => new OrderBook());
let trades = 0, contracts = 0;
const start = process.cpuUsage();
for (let at = 0; at < bytes.length; at += SIZE) {
  const id = String(bytes.readUInt32LE(at)), book = books[bytes.readUInt16LE(at + 4)];
  if (bytes[at + 12] === 1) {
    book.cancel(id);
    continue;
  }
  const r = book.limit({ id, side: bytes[at + 13] ? 'buy' : 'sell', price: bytes.readUInt16LE(at + 6), size: bytes.readUInt32LE(at + 8) });
  if (r.err) throw r.err;
  // Makers that went, and one that is left with less.
  for (const o of r.done) if (o.id !== id) { trades++; contracts += o.size; }
  if (r.partial && r.partial.id !== id) { trades++; contracts += r.partialQuantityProcessed; }
}
const used = process.cpuUsage(start);
console.log(JSON.stringify({ commands: n, seconds: (used.user + used.system) / 1e6, trades, contracts }));
