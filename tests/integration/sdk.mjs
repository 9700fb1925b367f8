// The exchange's published client, npm kalshi-typescript, as a second opinion on how a request is written: its methods
// are found and called by their declared parameter names, and what it sends is caught.
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
const sdk = require('kalshi-typescript');
const types = path.join(path.dirname(require.resolve('kalshi-typescript')), 'api');

// operationId in lower camel case -> {api: name of its class, params: [{name, body}]}, from the declarations.
const methods = new Map();
for (const file of fs.readdirSync(types).filter((f) => f.endsWith('.d.ts'))) {
  const text = fs.readFileSync(path.join(types, file), 'utf8');
  for (const [, api, block] of text.matchAll(/export declare class (\w+) extends BaseAPI \{([^]*?)\n\}/g)) {
    for (const [, name, list] of block.matchAll(/^ {4}(\w+)\(([^]*?)\): Promise</gm)) {
      const params = list.split(', ').map((p) => /^(\w+)\??: (.*)$/.exec(p)).filter((p) => p[1] !== 'options')
        .map(([, param, type]) => ({ name: param, body: /Request$/.test(type) || param === 'body' }));
      methods.set(name, { api, params });
    }
  }
}

const camel = (id) => id[0].toLowerCase() + id.slice(1);
const snake = (name) => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
export const sdkKnows = (id) => methods.has(camel(id)) || methods.has(id);

// Runs `use(call)` with call(id, values, body) -> the request that the client sent: {method, url, headers, body}.
export async function withSdk(key, use) {
  let caught;
  const server = http.createServer(async (req, res) => {
    const chunks = [];
    for await (const c of req) chunks.push(c);
    caught = { method: req.method, url: req.url, headers: req.headers, body: Buffer.concat(chunks).toString('utf8') };
    res.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  const configuration = new sdk.Configuration({ apiKey: key.id, privateKeyPath: key.file,
    basePath: `http://127.0.0.1:${server.address().port}/trade-api/v2` });
  const apis = new Map();
  try {
    await use(async (id, values, body) => {
      const name = methods.has(id) ? id : camel(id);
      const { api, params } = methods.get(name);
      if (!apis.has(api)) apis.set(api, new sdk[api](configuration));
      caught = undefined;
      const missing = Object.keys(values).filter((v) => !params.some((p) => snake(p.name) === v));
      await apis.get(api)[name](...params.map((p) => (p.body ? body : values[snake(p.name)])));
      return { ...caught, missing };
    });
  } finally {
    server.closeAllConnections();
    await new Promise((r) => server.close(r));
  }
}
