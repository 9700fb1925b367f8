// The exchange's published client, npm kalshi-typescript. As a second opinion on how a request is written: its methods are
// found and called by their declared parameter names, and what it sends is caught. And as a client of a simulator.
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
const sdk = require('kalshi-typescript');
const { default: axios } = createRequire(require.resolve('kalshi-typescript'))('axios');
const types = path.join(path.dirname(require.resolve('kalshi-typescript')), 'api');

// operationId in lower camel case -> {api: name of its class, params: [{name, type, body}]}, from the declarations.
const methods = new Map();
for (const file of fs.readdirSync(types).filter((f) => f.endsWith('.d.ts'))) {
  const text = fs.readFileSync(path.join(types, file), 'utf8');
  for (const [, api, block] of text.matchAll(/export declare class (\w+) extends BaseAPI \{([^]*?)\n\}/g)) {
    for (const [, name, list] of block.matchAll(/^ {4}(\w+)\(([^]*?)\): Promise</gm)) {
      const params = list.split(', ').map((p) => /^(\w+)\??: (.*)$/.exec(p)).filter((p) => p[1] !== 'options')
        .map(([, param, type]) => ({ name: param, type, body: /Request$/.test(type) || param === 'body' }));
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

// The classes of its operations, and their methods, as they are in the module: name -> class.
const found = new Map();
for (const api of Object.values(sdk).filter((v) => typeof v === 'function' && Object.getPrototypeOf(v).name === 'BaseAPI'))
  for (const name of Object.getOwnPropertyNames(api.prototype).filter((n) => n !== 'constructor')) found.set(name, api);
export const sdkMethods = [...found.keys()];
export const declaredMethods = methods; // the same by their declarations

// The client of one account: an object with all methods, each resolving to the body of a good answer and rejecting with axios's
// error. `judge(method, config, status, text)` sees every answer as it came, before the client does.
export function sdkClient({ rest_url: basePath }, { key_id: apiKey, key_path: privateKeyPath }, judge) {
  const configuration = new sdk.Configuration({ apiKey, privateKeyPath, basePath });
  const read = (config, response) => {
    judge(config.sdkMethod, config, response.status, response.data);
    response.data = response.data === '' ? undefined : JSON.parse(response.data);
  };
  const make = (Api) => { // each with an axios of its own: every class adds its signature to the one it is given
    const web = axios.create({ transformResponse: [(text) => text] });
    web.interceptors.response.use((response) => { read(response.config, response); return response; },
      (error) => { if (error.response) read(error.config, error.response); throw error; });
    return new Api(configuration, undefined, web);
  };
  const apis = new Map([...new Set(found.values())].map((Api) => [Api, make(Api)]));
  return Object.fromEntries([...found].map(([name, Api]) => [name, async (...args) => {
    const api = apis.get(Api), given = [...args, ...Array(Math.max(0, api[name].length - 1 - args.length)).fill(undefined)];
    return (await api[name](...given, { sdkMethod: name })).data;
  }]));
}
