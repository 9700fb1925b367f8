// Validates payloads against the exchange's own description (runtime/kalshi/spec): strict, so that a property which no
// schema names is an error too.
import fs from 'node:fs';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const load = (f) => JSON.parse(fs.readFileSync(new URL(`../../runtime/kalshi/spec/${f}`, import.meta.url), 'utf8'));
const api = load('openapi.json');
const ws = load('ws.json');

// OpenAPI 3.0 schema -> JSON Schema 2020-12 (only what this document uses).
function conv(s) {
  if (Array.isArray(s)) return s.map(conv);
  if (!s || typeof s !== 'object') return s;
  const o = {};
  for (const [k, v] of Object.entries(s)) {
    if (k === 'nullable' || k === 'discriminator' || k === 'xml' || k === 'externalDocs') continue;
    if (k === 'properties') o.properties = Object.fromEntries(Object.entries(v).map(([n, x]) => [n, conv(x)]));
    else if (k === '$ref') o.$ref = v;
    else if (k === 'enum' || k === 'default' || k === 'required') o[k] = v;
    else o[k] = conv(v);
  }
  for (const [ex, lim] of [['exclusiveMinimum', 'minimum'], ['exclusiveMaximum', 'maximum']]) {
    if (o[ex] === true) { o[ex] = o[lim]; delete o[lim]; } else if (o[ex] === false) delete o[ex];
  }
  if (s.nullable) {
    if (typeof o.type === 'string') {
      o.type = [o.type, 'null'];
      if (o.enum && !o.enum.includes(null)) o.enum = [...o.enum, null];
    } else return { anyOf: [o, { type: 'null' }] };
  }
  return o;
}

const apiRoot = { $id: 'kalshi:api', components: { schemas: {} } };
for (const [n, s] of Object.entries(api.components.schemas)) apiRoot.components.schemas[n] = conv(s);
const wsRoot = { $id: 'kalshi:ws', $defs: ws.$defs, messages: ws.messages, commands: ws.commands };

const ajv = new (Ajv2020.default ?? Ajv2020)({ strict: false, allErrors: true, validateFormats: true });
(addFormats.default ?? addFormats)(ajv);
ajv.addSchema(apiRoot);
ajv.addSchema(wsRoot);

const ops = new Map();
for (const [p, item] of Object.entries(api.paths))
  for (const [m, op] of Object.entries(item)) if (op && op.operationId) ops.set(op.operationId, { m, p, op });

function fixRefs(s, base) {
  if (Array.isArray(s)) return s.map((x) => fixRefs(x, base));
  if (!s || typeof s !== 'object') return s;
  return Object.fromEntries(Object.entries(s).map(([k, v]) =>
    k === '$ref' && typeof v === 'string' && v.startsWith('#') ? [k, base + v] : [k, fixRefs(v, base)]));
}
const derefObj = (o) => (o && o.$ref ? o.$ref.slice(2).split('/').reduce((a, k) => a[k], api) : o);
const jsonSchemaOf = (content) => {
  if (!content) return null;
  const k = Object.keys(content).find((c) => /json/.test(c));
  return k ? content[k].schema : null;
};

const cache = new Map();
function compiled(key, make) {
  if (!cache.has(key)) {
    const s = make();
    cache.set(key, s === null ? null : { schema: s, fn: ajv.compile(s) });
  }
  return cache.get(key);
}
const wireError = () => compiled('error', () => ({ $ref: 'kalshi:api#/components/schemas/WireError' }));

function restResponse(id, status) {
  const e = ops.get(id);
  if (!e) throw new Error(`unknown operationId ${id}`);
  const rs = e.op.responses;
  const r = derefObj(rs[status] ?? rs[status[0] + 'XX'] ?? rs.default);
  if (Number(status) >= 400) return { alt: [wireError()], main: r && jsonSchemaOf(r.content) ? mk(id, status, r) : null };
  if (!r) throw new Error(`${id} documents no status ${status} (has ${Object.keys(rs).join(', ')})`);
  return { alt: [], main: mk(id, status, r) };
  function mk(i, st, resp) {
    return compiled(`r:${i}:${st}`, () => {
      const s = jsonSchemaOf(resp.content);
      return s ? fixRefs(conv(s), 'kalshi:api') : null;
    });
  }
}
function restRequest(id) {
  const e = ops.get(id);
  if (!e) throw new Error(`unknown operationId ${id}`);
  const b = derefObj(e.op.requestBody);
  if (!b) throw new Error(`${id} takes no body`);
  return compiled(`q:${id}`, () => fixRefs(conv(jsonSchemaOf(b.content)), 'kalshi:api'));
}
// The query as one object: strict, so that a parameter which the operation does not have is an error.
function queryValidator(id) {
  const e = ops.get(id);
  if (!e) throw new Error(`unknown operationId ${id}`);
  const params = (e.op.parameters ?? []).map(derefObj).filter((p) => p.in === 'query');
  return compiled(`p:${id}`, () => ({
    type: 'object', additionalProperties: false,
    required: params.filter((p) => p.required).map((p) => p.name),
    properties: Object.fromEntries(params.map((p) => [p.name, fixRefs(conv(p.schema), 'kalshi:api')])) }));
}
// A text of a query as the JSON value it stands for; left a string where it stands for none of its type.
function typed(schema, text) {
  const s = schema.$ref ? lookup(schema.$ref).s : schema;
  const inner = s.allOf?.[0] ?? s;
  const { type } = inner.$ref ? lookup(inner.$ref).s : inner;
  const is = (t) => type === t || (Array.isArray(type) && type.includes(t));
  if (is('array')) return [].concat(text).map((t) => typed(s.items, t));
  if (is('integer') && /^-?(0|[1-9][0-9]*)$/.test(text)) return Number(text);
  if (is('number') && /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$/.test(text)) return Number(text);
  if (is('boolean') && /^(true|false)$/.test(text)) return text === 'true';
  return text;
}
function wsSchema(kind, name) {
  if (!ws[kind][name]) throw new Error(`unknown ${kind === 'messages' ? 'message type' : 'command'} ${name}`);
  return compiled(`${kind}:${name}`, () => ({ $ref: `kalshi:ws#/${kind}/${name}` }));
}

// Properties that no applicable (sub)schema names.
function lookup(ref) {
  const [id, ptr] = ref.split('#');
  const root = id.startsWith('kalshi:ws') ? wsRoot : apiRoot;
  return { s: ptr.slice(1).split('/').filter(Boolean).reduce((a, k) => a[k.replace(/~1/g, '/').replace(/~0/g, '~')], root), base: id };
}
function flatten(s, base, out = []) {
  if (!s || typeof s !== 'object') return out;
  if (s.$ref) {
    const full = s.$ref.startsWith('#') ? base + s.$ref : s.$ref;
    const r = lookup(full);
    flatten(r.s, r.base, out);
  }
  for (const k of ['allOf', 'anyOf', 'oneOf']) for (const x of s[k] ?? []) flatten(x, base, out);
  out.push({ s, base });
  return out;
}
function unknownProps(nodes, data, where, out) {
  const all = nodes.flatMap(({ s, base }) => flatten(s, base));
  if (Array.isArray(data)) {
    data.forEach((v, i) => {
      const subs = all.flatMap(({ s, base }) => {
        const it = s.prefixItems?.[i] ?? s.items;
        return it && typeof it === 'object' ? [{ s: it, base }] : [];
      });
      if (subs.length) unknownProps(subs, v, `${where}/${i}`, out);
    });
  } else if (data && typeof data === 'object') {
    if (!all.some(({ s }) => s.properties)) return out;
    for (const [k, v] of Object.entries(data)) {
      const subs = all.flatMap(({ s, base }) => (s.properties && k in s.properties ? [{ s: s.properties[k], base }] : []));
      const extra = all.flatMap(({ s, base }) => (s.additionalProperties && typeof s.additionalProperties === 'object' ? [{ s: s.additionalProperties, base }] : []));
      if (subs.length) unknownProps(subs, v, `${where}/${k}`, out);
      else if (extra.length) unknownProps(extra, v, `${where}/${k}`, out);
      else if (!all.some(({ s }) => s.additionalProperties === true)) out.push(`${where}/${k}`);
    }
  }
  return out;
}

function run(c, data) {
  if (!c) return data === undefined || data === '' ? [] : ['body given where none is documented'];
  const errs = c.fn(data) ? [] : c.fn.errors.map((e) => `${e.instancePath || '/'} ${e.message}${e.params?.allowedValues ? ' ' + JSON.stringify(e.params.allowedValues) : ''}`);
  if (!errs.length) {
    const base = JSON.stringify(c.schema).includes('kalshi:ws') ? 'kalshi:ws' : 'kalshi:api';
    for (const u of unknownProps([{ s: c.schema, base }], data, '', [])) errs.push(`${u} is not in the schema`);
  }
  return errs;
}
function runAlt({ main, alt }, data) {
  const first = main || !alt.length ? run(main, data) : ['no documented body'];
  if (!first.length || !alt.length) return first;
  let last = first;
  for (const a of alt) if (!(last = run(a, data)).length) return [];
  return last;
}

// Every documented operation: {id, method, path}, its path with the names of parameters in braces.
export const operations = [...ops].map(([id, { m, p }]) => ({ id, method: m.toUpperCase(), path: p }));
export const messageTypes = Object.keys(ws.messages);
export const { channels } = ws;
export const errorCodes = ws.errors;
// The words that a property of a message's `msg` may have, of all its variants.
export function enumsOf(type, key) {
  const of = (s) => flatten(s, 'kalshi:ws').map((n) => n.s);
  const property = (schemas, name) => schemas.flatMap((s) => (s.properties?.[name] ? of(s.properties[name]) : []));
  return [...new Set(property(property(of(ws.messages[type]), 'msg'), key).flatMap((s) => s.enum ?? (s.const ? [s.const] : [])))];
}
// Each returns a list of what is wrong; empty when the payload is valid. `body` undefined means an empty answer.
export const restErrors = (operationId, status, body) => runAlt(restResponse(operationId, String(status)), body);
export const requestErrors = (operationId, body) => run(restRequest(operationId), body);
// `query`: an object of decoded texts, an array of them where a key was repeated.
export function queryErrors(operationId, query) {
  const c = queryValidator(operationId);
  return run(c, Object.fromEntries(Object.entries(query).map(([name, text]) =>
    [name, c.schema.properties[name] ? typed(c.schema.properties[name], text) : text])));
}
export const messageErrors = (message) => run(wsSchema('messages', message.type), message);
export const commandErrors = (command) => run(wsSchema('commands', command.cmd), command);
export const wireErrorErrors = (body) => run(wireError(), body);
