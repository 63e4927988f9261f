// What HTTP itself offers, by Node's own clients: node http.mjs URL
import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import zlib from 'node:zlib';

const url = new URL(process.argv[2]);
const query = '{ __schema { types { name fields { name description } } } }';

// Compressed as it is accepted, and the same when it is unpacked.
const get = (headers) =>
  new Promise((resolve, reject) => {
    const target = `${url}?query=${encodeURIComponent(query)}`;
    http.get(target, { headers }, async (response) => {
      const chunks = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({ response, body: Buffer.concat(chunks) });
    }).on('error', reject);
  });
const plain = await get({});
assert.equal(plain.response.headers['content-encoding'], undefined);
assert.equal((await get({ 'accept-encoding': 'gzip;q=0, identity' })).body.compare(plain.body), 0);
const unpack = {
  gzip: zlib.gunzipSync,
  br: zlib.brotliDecompressSync,
  // Node 20 cannot unpack it; it begins as RFC 8878 says.
  zstd: zlib.zstdDecompressSync ?? ((body) => (assert.equal(body.readUInt32LE(), 0xfd2fb528), plain.body)),
};
for (const coding of Object.keys(unpack)) {
  const { response, body } = await get({ 'accept-encoding': `${coding}, *;q=0` });
  assert.equal(response.headers['content-encoding'], coding);
  assert.match(response.headers.vary, /accept-encoding/i);
  assert.match(response.headers.vary, /accept(,|$)/i);
  assert.ok(body.length < plain.body.length / 2, coding);
  assert.equal(unpack[coding](body).compare(plain.body), 0, coding);
}

// Who takes them all gets one that it can unpack: on Node.js before 22.15 the client of GraphQL Code
// Generator accepts zstd, too.
for (const all of ['gzip, deflate, br, zstd', 'zstd, br, gzip', '*']) {
  const { response } = await get({ 'accept-encoding': all });
  assert.equal(response.headers['content-encoding'], 'br', all);
}
const { response } = await get({ 'accept-encoding': 'br;q=0.5, zstd' });
assert.equal(response.headers['content-encoding'], 'zstd');

// HTTP/2 without TLS, by prior knowledge; several requests on one connection.
const session = http2.connect(url.origin);
const ask = () =>
  new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': url.pathname,
      'content-type': 'application/json',
    });
    let text = '';
    stream.on('data', (chunk) => (text += chunk)).on('error', reject);
    stream.on('end', () => resolve(JSON.parse(text)));
    stream.end(JSON.stringify({ query: '{ __typename }' }));
  });
for (const answer of await Promise.all([ask(), ask(), ask()])) {
  assert.deepEqual(answer, { data: { __typename: 'Query' } });
}
session.close();
