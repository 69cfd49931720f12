// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// The HTTP interface as ClickHouse's own client sees it. Run by run.sh.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

const require = createRequire(process.env.LUYTRE_NODE_MODULES
  ? path.join(process.env.LUYTRE_NODE_MODULES, 'x.js') : import.meta.url);
const { createClient } = require('@clickhouse/client');

let dir, socketPath, child, client, agent;

function raw(method, target, body) {
  return new Promise((resolve, reject) => {
    const req = http.request({ socketPath, method, path: target }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (d) => { text += d; });
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, text }));
    });
    req.on('error', reject);
    req.end(body);
  });
}

async function start() {
  const args = ['--with-parent', '--data-dir', path.join(dir, 'db'), '--socket', socketPath];
  if (process.env.LUYTRE_CHDB) args.push('--chdb-lib', process.env.LUYTRE_CHDB);
  child = spawn(process.env.LUYTRE_EVENTDB, args, { stdio: 'ignore' });
  for (let i = 0; i < 200; i++) {
    try {
      if ((await raw('GET', '/ping')).text === 'Ok.\n') return;
    } catch { /* not yet */ }
    await new Promise((r) => setTimeout(r, 50));
  }
  throw new Error('luytre-eventdb did not start');
}

function stop(signal) {
  return new Promise((resolve) => {
    child.once('exit', (code, by) => resolve(by ?? code));
    child.kill(signal);
  });
}

before(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'eventdb-'));
  socketPath = path.join(dir, 's');
  await start();
  agent = new http.Agent({ socketPath, keepAlive: true });
  client = createClient({ url: 'http://localhost', http_agent: agent, database: 'luytre', request_timeout: 60000 });
});

after(async () => {
  await client?.close();
  agent?.destroy();
  assert.equal(await stop('SIGTERM'), 0);
  await rm(dir, { recursive: true, force: true });
});

test('ping', async () => {
  assert.equal((await client.ping()).success, true);
});

test('create, insert, select', async () => {
  await client.command({
    query: `CREATE TABLE note (id UInt64, text String, at DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY id
            SETTINGS non_replicated_deduplication_window = 100, fsync_after_insert = 1` });
  const values = [];
  for (let id = 0; id < 1000; id++) values.push({ id, text: `dòng ${id}\n'";--`, at: '2026-11-21 07:00:00.000' });
  await client.insert({ table: 'note', values, format: 'JSONEachRow' });
  const rows = await (await client.query({ query: 'SELECT count() AS n, max(id) AS m FROM note', format: 'JSONEachRow' })).json();
  assert.deepEqual(rows.map((r) => [Number(r.n), Number(r.m)]), [[1000, 999]]);
  const json = await (await client.query({
    query: 'SELECT text FROM note WHERE id = {id:UInt64} AND text LIKE {like:String}',
    query_params: { id: 7, like: '%\n%' }, format: 'JSON' })).json();
  assert.equal(json.data[0].text, `dòng 7\n'";--`);
});

test('a stream of rows, both ways', async () => {
  const stream = (await client.query({ query: 'SELECT number FROM numbers(100000)', format: 'JSONEachRow' })).stream();
  let rows = 0;
  for await (const part of stream) rows += part.length;
  assert.equal(rows, 100000);
});

test('the same token twice changes nothing', async () => {
  const insert = (token, id) => client.insert({
    table: 'note', values: [{ id, text: 'x', at: '2026-11-21 07:00:00.000' }], format: 'JSONEachRow',
    clickhouse_settings: { insert_deduplication_token: token } });
  await insert('t1', 5000);
  await insert('t1', 5000);
  await insert('t1', 5001);
  await insert('t2', 5002);
  const rows = await (await client.query({ query: 'SELECT count() AS n FROM note WHERE id >= 5000', format: 'JSONEachRow' })).json();
  assert.equal(Number(rows[0].n), 2);
});

test('any bytes of any format are data, never statements', async () => {
  const query = encodeURIComponent('INSERT INTO note (id, text) FORMAT CSV');
  const res = await raw('POST', `/?database=luytre&query=${query}`, '6000,"a\n\n; DROP TABLE note;\n\nb"\n6001,c\n');
  assert.equal(res.status, 200, res.text);
  assert.equal((await raw('GET', `/?query=${encodeURIComponent('SELECT length(text) FROM luytre.note WHERE id = 6000')}`)).text, '24\n');
});

test('errors carry code and status', async () => {
  await assert.rejects(client.query({ query: 'SELECT * FROM nowhere' }), (e) => e.code === '60' && e.type === 'UNKNOWN_TABLE');
  const cases = [
    ['POST', '/?readonly=1', 'DROP TABLE luytre.note', 403, '164'],
    ['GET', `/?query=${encodeURIComponent('TRUNCATE TABLE luytre.note')}`, undefined, 403, '164'],
    ['POST', '/', "SELECT * FROM file('/etc/passwd', 'LineAsString')", 403, '164'],
    ['POST', '/', "SELECT file('/etc/passwd')", 403, '164'],
    ['POST', '/', "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')", 403, '164'],
    ['POST', '/?readonly=1', 'SELECT * FROM `/etc/passwd`', 404, '60'],
    ['POST', '/?readonly=1', 'SELECT * FROM default.`/etc/passwd`', 404, '60'],
    ['POST', '/?readonly=1', 'SELECT 1 SETTINGS max_memory_usage = 0', 403, '164'],
    ['POST', '/?readonly=1', 'SELECT * FROM (SELECT 1 SETTINGS max_execution_time = 0)', 403, '164'],
    ['POST', '/', 'SELECT 1; SELECT 2', 400, '62'],
    ['POST', '/?max_execution_time=1', 'SELECT max(sipHash64(number)) FROM numbers(100000000000)', 408, '159'],
    ['POST', '/?no_such_setting=1', 'SELECT 1', 404, '115'],
  ];
  for (const [method, target, body, status, code] of cases) {
    const res = await raw(method, target, body);
    assert.equal(res.status, status, `${body ?? target}: ${res.text}`);
    assert.equal(res.headers['x-clickhouse-exception-code'], code, body);
  }
  const good = await raw('POST', '/?readonly=1', 'SELECT 1');
  const summary = JSON.parse(good.headers['x-clickhouse-summary']);
  assert.equal(summary.result_rows, '1');
});

test('settings and readonly do not leak into the next request', async () => {
  await raw('POST', '/?readonly=1&max_threads=1', 'SELECT 1');
  assert.equal((await raw('POST', '/', "SELECT getSetting('readonly')")).text, '0\n');
});

test('lanes: a hunt does not hold up a search', async () => {
  const hunt = raw('POST', '/?readonly=1&workload=hunt&max_execution_time=3', 'SELECT max(sipHash64(number)) FROM numbers(100000000000)');
  const began = Date.now();
  for (let i = 0; i < 5; i++) assert.equal((await raw('POST', '/?readonly=1', 'SELECT count() FROM luytre.note')).status, 200);
  assert.ok(Date.now() - began < 2500, 'searches waited for the hunt');
  assert.equal((await hunt).status, 408);
});

test('a query that nobody waits for is ended', async () => {
  const long = 'SELECT max(sipHash64(number)) FROM numbers(100000000000)';
  const running = async () => Number((await raw('POST', '/?readonly=1',
    "SELECT count() FROM system.processes WHERE query LIKE '%100000000000%' AND query NOT LIKE '%processes%'")).text);
  const req = http.request({ socketPath, method: 'POST', path: '/?readonly=1&workload=hunt' });
  req.on('error', () => {});
  req.end(long);
  for (let i = 0; i < 200 && await running() === 0; i++) await new Promise((r) => setTimeout(r, 50));
  assert.equal(await running(), 1);
  req.destroy();
  for (let i = 0; i < 200 && await running() > 0; i++) await new Promise((r) => setTimeout(r, 50));
  assert.equal(await running(), 0);
  assert.equal((await raw('POST', '/?readonly=1&workload=hunt', 'SELECT 1')).text, '1\n');
});

test('acknowledged rows outlive kill -9', async () => {
  const values = [{ id: 9000, text: 'kept', at: '2026-11-21 07:00:00.000' }];
  await client.insert({ table: 'note', values, format: 'JSONEachRow' });
  await stop('SIGKILL');
  await start();
  assert.equal((await raw('POST', '/', 'SELECT text FROM luytre.note WHERE id = 9000')).text, 'kept\n');
});
