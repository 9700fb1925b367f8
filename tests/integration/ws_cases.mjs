// What a server may and may not send, section by section of RFC 6455: for each case the bytes behind the handshake, what
// a client makes of them and with which code it closes. Written for this project.
import { closeFrame, frame } from './ws_servers.mjs';

const TEXT = 1, BINARY = 2, PING = 9, PONG = 10, MORE = { fin: false };
const all = (...parts) => Buffer.concat(parts.map((p) => Buffer.from(p)));
const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const text = (s) => ['text', Buffer.from(s).toString('hex')];
const binary = (s) => ['binary', Buffer.from(s).toString('hex')];
const range = (n, f) => Array.from({ length: n }, (_, i) => f(i));

export const cases = [];

// A good end: what comes is delivered, and the server's close frame (1000, unless `bytes` has one) is answered.
const good = (section, name, bytes, messages, more = {}) =>
  cases.push({ section, name, bytes: more.closes ? bytes : all(bytes, closeFrame(1000)), messages, pongs: more.pongs ?? [], heard: 1000,
    end: 'closed', code: 1000, reason: '', ...more });
// A violation: the messages before it are delivered, then the client closes with `heard` and the script gets the error.
const bad = (section, name, bytes, heard, messages = [], more = {}) =>
  cases.push({ section, name, bytes: all(bytes, more.tail ?? frame(TEXT, 'never seen')), messages, pongs: more.pongs ?? [], heard,
    end: `protocol ${heard}`, code: 1006, reason: '', ...more });

// ---- 5.2, 5.6: frames and their lengths ----
for (const n of [0, 1, 125, 126, 127, 128, 300]) {
  good('5.2', `a text of ${n} bytes`, frame(TEXT, 'x'.repeat(n)), [text('x'.repeat(n))]);
  good('5.6', `a binary message of ${n} bytes`, frame(BINARY, Buffer.alloc(n, 0xfe)), [binary(Buffer.alloc(n, 0xfe))]);
}
for (const n of [65535, 65536, 65537, 1 << 20]) {
  good('5.2', `a text of ${n} bytes`, frame(TEXT, 'x'.repeat(n)), [text('x'.repeat(n))], { large: true });
  good('5.6', `a binary message of ${n} bytes`, frame(BINARY, Buffer.alloc(n, 7)), [binary(Buffer.alloc(n, 7))], { large: true });
}
good('5.2', 'a hundred messages at once', all(...range(100, (i) => frame(TEXT, `m${i}`))), range(100, (i) => text(`m${i}`)));
for (const bits of [1, 2, 3, 4, 5, 6, 7]) {
  for (const [opcode, what] of [[TEXT, 'text'], [BINARY, 'binary'], [PING, 'ping'], [8, 'close']])
    bad('5.2', `reserved bits ${bits} in a ${what} frame`, all(frame(TEXT, 'a'), frame(opcode, '', { bits: bits << 4 })), 1002, [text('a')]);
}
for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  bad('5.2', `opcode ${opcode}`, frame(opcode, ''), 1002);
  bad('5.2', `opcode ${opcode} with a payload, behind a message`, all(frame(TEXT, 'a'), frame(opcode, 'payload')), 1002, [text('a')]);
}
bad('5.2', 'a length of 125 in 16 bits', frame(TEXT, 'x'.repeat(125), { form: 16 }), 1002);
bad('5.2', 'a length of 0 in 16 bits', frame(TEXT, '', { form: 16 }), 1002);
bad('5.2', 'a length of 126 in 64 bits', frame(TEXT, 'x'.repeat(126), { form: 64 }), 1002);
bad('5.2', 'a length of 65535 in 64 bits', frame(TEXT, 'x'.repeat(65535), { form: 64 }), 1002, [], { large: true });
bad('5.2', 'a length with the top bit', hex('81 7f 8000000000000001'), 1002);
bad('5.1', 'a masked text', frame(TEXT, 'x', { mask: true }), 1002);
bad('5.1', 'a masked ping', frame(PING, '', { mask: true }), 1002);
bad('5.1', 'a masked close', frame(8, hex('03e8'), { mask: true }), 1002);

// ---- 5.4: fragments ----
const parts = (opcode, list) => all(...list.map((p, i) => frame(i ? 0 : opcode, p, { fin: i === list.length - 1 })));
good('5.4', 'a text in two frames', parts(TEXT, ['one ', 'two']), [text('one two')]);
good('5.4', 'a text in a hundred frames of one byte', parts(TEXT, range(100, () => 'y')), [text('y'.repeat(100))]);
good('5.4', 'a text in empty frames', parts(TEXT, ['', '', '']), [text('')]);
good('5.4', 'an empty frame at the end', parts(BINARY, ['\x01', '']), [binary('\x01')]);
good('5.4', 'a ping between fragments', all(frame(TEXT, 'a', MORE), frame(PING, 'p'), frame(0, 'b')), [text('ab')], { pongs: ['p'] });
good('5.4', 'control frames between all fragments',
  all(frame(BINARY, 'a', MORE), frame(PING, '1'), frame(0, 'b', MORE), frame(PONG, 'x'), frame(PING, '2'), frame(0, 'c')), [binary('abc')], { pongs: ['1', '2'] });
good('5.4', 'a large message in fragments with pings between', all(...range(64, (i) => all(frame(i ? 0 : TEXT, 'z'.repeat(4096), { fin: i === 63 }), frame(PING, String(i))))),
  [text('z'.repeat(64 * 4096))], { pongs: range(64, String), large: true });
bad('5.4', 'a continuation of nothing', frame(0, 'x'), 1002);
bad('5.4', 'a continuation of nothing that goes on', frame(0, 'x', MORE), 1002);
bad('5.4', 'a continuation behind a whole message', all(frame(TEXT, 'a'), frame(0, 'b')), 1002, [text('a')]);
bad('5.4', 'a text within a text', all(frame(TEXT, 'a', MORE), frame(TEXT, 'b')), 1002);
bad('5.4', 'a binary message within a text', all(frame(TEXT, 'a', MORE), frame(BINARY, 'b')), 1002);
bad('5.4', 'a second beginning', all(frame(TEXT, 'a', MORE), frame(0, 'b', MORE), frame(TEXT, 'c', MORE)), 1002);
bad('5.4', 'a continuation with a reserved bit', all(frame(TEXT, 'a', MORE), frame(0, 'b', { bits: 0x40 })), 1002);

// ---- 5.5: control frames ----
for (const payload of ['', 'hello', 'x'.repeat(125), '\0\u00ff'])
  good('5.5.2', `a ping of ${Buffer.from(payload).length} bytes is answered with the same`, frame(PING, payload), [], { pongs: [payload] });
good('5.5.2', 'ten pings are answered in order', all(...range(10, (i) => frame(PING, `p${i}`))), [], { pongs: range(10, (i) => `p${i}`) });
good('5.5.3', 'a pong that nobody asked for', all(frame(PONG, 'x'), frame(TEXT, 'a')), [text('a')]);
bad('5.5', 'a ping of 126 bytes', frame(PING, 'x'.repeat(126)), 1002);
bad('5.5', 'a pong of 126 bytes', frame(PONG, 'x'.repeat(126)), 1002);
bad('5.5', 'a close frame of 126 bytes', frame(8, all(hex('03e8'), 'x'.repeat(124))), 1002);
for (const opcode of [8, PING, PONG]) bad('5.5', `opcode ${opcode} in fragments`, frame(opcode, '', MORE), 1002);

// ---- 5.5.1, 7: closing ----
const closes = (section, name, bytes, heard, end, code, reason = '', messages = []) =>
  good(section, name, bytes, messages, { closes: true, heard, end, code, reason });
closes('5.5.1', 'a close without a code', frame(8), null, 'closed', 1005);
closes('5.5.1', 'a close with a code', closeFrame(1000), 1000, 'closed', 1000);
closes('5.5.1', 'a close with a reason', closeFrame(1001, 'going'), 1001, 'closed', 1001, 'going');
closes('5.5.1', 'the longest reason', closeFrame(1000, 'r'.repeat(123)), 1000, 'closed', 1000, 'r'.repeat(123));
closes('5.5.1', 'a reason in UTF-8', closeFrame(1000, 'Grüße €'), 1000, 'closed', 1000, 'Grüße €');
closes('5.5.1', 'text after the close', all(closeFrame(1000), frame(TEXT, 'late')), 1000, 'closed', 1000);
closes('5.5.1', 'a ping after the close', all(closeFrame(1000), frame(PING, 'late')), 1000, 'closed', 1000);
closes('5.5.1', 'nonsense after the close', all(closeFrame(1000), hex('ffffffffffff')), 1000, 'closed', 1000);
closes('5.5.1', 'a second close', all(closeFrame(1000), closeFrame(1001)), 1000, 'closed', 1000);
closes('5.5.1', 'a close within a message', all(frame(TEXT, 'half', MORE), closeFrame(1000)), 1000, 'closed', 1000);
closes('5.5.1', 'a close behind a message', all(frame(TEXT, 'a'), closeFrame(4000, 'x')), 4000, 'ws 4000', 4000, 'x', [text('a')]);
bad('5.5.1', 'a close of one byte', frame(8, 'x'), 1002);
bad('5.5.1', 'a reason that is not UTF-8', frame(8, all(hex('03e8'), hex('ceba e1bd b9cf 83ce bced a080'))), 1007);
for (const code of [1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
  closes('7.4', `close code ${code}`, closeFrame(code), code, `ws ${code}`, code);
for (const code of [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
  bad('7.4', `close code ${code}, which no frame may have`, closeFrame(code), 1002);

// ---- 8.1: UTF-8 ----
const valid = { 'two bytes': 'c2a9', 'three bytes': 'e282ac', 'four bytes': 'f09f9880', 'the first of each length': '00 c280 e0a080 f0908080',
  'the last of each length': '7f dfbf efbfbf f48fbfbf', 'around the surrogates': 'ed9fbf ee8080', 'noncharacters': 'efbfbe f09fbfbe',
  'a byte order mark': 'efbbbf61', 'Greek': 'cebae1bdb9cf83cebcceb5' };
for (const [name, bytes] of Object.entries(valid)) {
  const data = hex(bytes);
  good('8.1', `${name} in one frame`, frame(TEXT, data), [text(data)]);
  good('8.1', `${name}, a byte a frame`, parts(TEXT, [...data].map((b) => Buffer.from([b]))), [text(data)]);
}
const invalid = { 'a continuation byte': '80', 'a lone lead byte': 'c3', 'a lead byte and a letter': 'c361', 'two of three bytes': 'e282', 'three of four bytes': 'f09f98',
  'an overlong slash': 'c0af', 'an overlong slash of three': 'e080af', 'an overlong slash of four': 'f08080af', 'an overlong NUL': 'c080',
  'a surrogate': 'eda080', 'a pair of surrogates': 'eda081edb080', 'beyond U+10FFFF': 'f4908080', 'five bytes': 'f888808080', 'six bytes': 'fc8480808080', 'FE': 'fe', 'FF': 'ff',
  'a bad byte behind good ones': 'cebae1bdb9cf83cebcceb5 eda080 656469746564' };
for (const [name, bytes] of Object.entries(invalid)) {
  const data = hex(bytes);
  bad('8.1', `${name} in one frame`, all(frame(TEXT, 'fine'), frame(TEXT, data)), 1007, [text('fine')]);
  bad('8.1', `${name}, a byte a frame`, parts(TEXT, [...data].map((b) => Buffer.from([b]))), 1007);
  good('8.1', `${name} in a binary message`, frame(BINARY, data), [binary(data)]);
}
bad('8.1', 'a bad byte is told before the message ends', all(frame(TEXT, 'a', MORE), frame(0, hex('ff'), MORE)), 1007);

// ---- 10.4: limits; max_message is 2 MiB here ----
bad('10.4', 'a message beyond the limit, by its length alone', hex('82 7f 0000000000200001'), 1009, [], { tail: '' });
bad('10.4', 'the longest length there is', hex('81 7f 7fffffffffffffff'), 1009, [], { tail: '' });
bad('10.4', 'fragments beyond the limit', all(...range(3, (i) => frame(i ? 0 : BINARY, Buffer.alloc(1 << 20), MORE))), 1009, [], { large: true });
good('10.4', 'a message of exactly the limit', frame(BINARY, Buffer.alloc(2 << 20)), [binary(Buffer.alloc(2 << 20))], { large: true });

// ---- 4.1, 4.2.2: the handshake. `answer(accept)` is all that the server says ----
const ok101 = 'HTTP/1.1 101 Switching Protocols\r\n', up = 'Upgrade: websocket\r\n', co = 'Connection: Upgrade\r\n';
const acc = (a) => `Sec-WebSocket-Accept: ${a}\r\n`;
const bye = closeFrame(1000).toString('latin1');
export const handshakes = [
  ['the plain one', (a) => ok101 + up + co + acc(a) + '\r\n' + bye, 'closed'],
  ['another order, other cases, blanks', (a) => `HTTP/1.1 101 Welcome\r\nsec-websocket-accept:   ${a}  \r\nCONNECTION: keep-alive, UPGRADE\r\nupgrade: WebSocket\r\n\r\n${bye}`, 'closed'],
  ['without a reason phrase', (a) => `HTTP/1.1 101\r\n${up}${co}${acc(a)}\r\n${bye}`, 'closed'],
  ['an interim answer in front', (a) => `HTTP/1.1 100 Continue\r\n\r\n${ok101}${up}${co}${acc(a)}\r\n${bye}`, 'closed'],
  ['with further headers', (a) => ok101 + up + co + acc(a) + 'Server: x\r\nSet-Cookie: a=b\r\nX-Empty:\r\n\r\n' + bye, 'closed'],
  ['an empty list of extensions', (a) => ok101 + up + co + acc(a) + 'Sec-WebSocket-Extensions:\r\n\r\n' + bye, 'closed'],
  ['without Upgrade', (a) => ok101 + co + acc(a) + '\r\n', 'protocol', /no 'Upgrade: websocket'/],
  ['with another Upgrade', (a) => `${ok101}Upgrade: h2c\r\n${co}${acc(a)}\r\n`, 'protocol', /no 'Upgrade: websocket'/],
  ['without Connection', (a) => ok101 + up + acc(a) + '\r\n', 'protocol', /no 'Connection: Upgrade'/],
  ['with another Connection', (a) => `${ok101}${up}Connection: close\r\n${acc(a)}\r\n`, 'protocol', /no 'Connection: Upgrade'/],
  ['without Accept', () => ok101 + up + co + '\r\n', 'protocol', /exactly one Sec-WebSocket-Accept/],
  ['with a wrong Accept', () => ok101 + up + co + acc('AAAAAAAAAAAAAAAAAAAAAAAAAAA=') + '\r\n', 'protocol', /does not belong to our key/],
  ['with an Accept in another case', (a) => ok101 + up + co + acc(a.toUpperCase() === a ? a.toLowerCase() : a.toUpperCase()) + '\r\n', 'protocol', /does not belong to our key/],
  ['with two of Accept', (a) => ok101 + up + co + acc(a) + acc(a) + '\r\n', 'protocol', /exactly one Sec-WebSocket-Accept/],
  ['with compression', (a) => ok101 + up + co + acc(a) + 'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n', 'protocol', /turn compression off at the server/],
  ['with another extension', (a) => ok101 + up + co + acc(a) + 'Sec-WebSocket-Extensions: x-other\r\n\r\n', 'protocol', /insists on the extension 'x-other'/],
  ['with a subprotocol', (a) => ok101 + up + co + acc(a) + 'Sec-WebSocket-Protocol: chat\r\n\r\n', 'protocol', /subprotocol 'chat', which was not offered/],
  ['status 200', () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', 'http', /HTTP 200 OK: hi/],
  ['status 201 instead of 101', (a) => `HTTP/1.1 201 Created\r\n${up}${co}${acc(a)}Content-Length: 0\r\n\r\n`, 'http', /HTTP 201/],
  ['a redirect', () => 'HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n', 'http', /redirects are not followed/],
  ['a folded header', (a) => ok101 + up + co + acc(a) + ' folded\r\n\r\n', 'protocol', /not HTTP/],
  ['a header without a colon', (a) => ok101 + up + co + acc(a) + 'nonsense\r\n\r\n', 'protocol', /not HTTP/],
  ['a blank before a colon', (a) => ok101 + up + co + acc(a) + 'X : y\r\n\r\n', 'protocol', /not HTTP/],
  ['lines that end in LF only', (a) => (ok101 + up + co + acc(a) + '\r\n').replaceAll('\r', ''), 'network|protocol', /./],
  ['a head of 20 kB', (a) => ok101 + up + co + acc(a) + 'X: 0123456789\r\n'.repeat(1400) + '\r\n', 'protocol', /longer than 16 KiB/],
  ['another protocol', () => 'SSH-2.0-OpenSSH_9.2\r\n', 'protocol', /not HTTP/],
  ['HTTP/2', () => 'HTTP/2 101 x\r\n\r\n', 'protocol', /not HTTP/],
  ['nothing', () => '', 'network', /ended the connection, before it had answered/],
];
