// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// elastic.mjs URL CA TOKEN CASE COUNT [REFUSED]: Elasticsearch's own client, unchanged, as shippers use it. Sends COUNT documents
// with an _id twice (CASE), COUNT without (CASE_plain), some that are refused; all packed. With REFUSED it sends COUNT documents
// (CASE) while the server has no room: makes that file when it was told so, and tries again until they are taken.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { Client, errors } from '@elastic/elasticsearch';

const [url, caPath, token, name, countText, refusedPath] = process.argv.slice(2);
const count = Number(countText);
const ca = readFileSync(caPath);
const connect = (password) => new Client({ node: url, auth: { username: 'any', password }, tls: { ca }, compression: true, maxRetries: 5 });
const client = connect(token);
const document = (what, n) => ({ '@timestamp': '2026-11-21T08:00:00Z', message: `case=${what} n=${n}; đăng nhập`, host: { name: 'pc-9' } });

async function* documents(what) {
	for (let n = 0; n < count; n++) yield document(what, n);
}

async function sendAll(what, head) {
	let n = 0;
	const stats = await client.helpers.bulk({
		datasource: documents(what),
		flushBytes: 20000,
		concurrency: 3,
		onDocument: () => head(n++),
		onDrop: (dropped) => assert.fail(JSON.stringify(dropped)),
	});
	assert.equal(stats.successful, count);
	assert.equal(stats.failed, 0);
}

async function pressed() {
	const operations = [];
	for (let n = 0; n < count; n++) operations.push({ index: { _index: 'logs', _id: `${name}-${n}` } }, document(name, n));
	let refused = 0;
	for (;;) {
		try {
			const answer = await client.bulk({ operations });
			assert.equal(answer.errors, false);
			break;
		} catch (e) {
			// The transport does not try a 429 again by itself; that is left to who sends.
			assert(e instanceof errors.ResponseError && e.statusCode === 429, String(e));
			assert.equal(e.body.error.type, 'es_rejected_execution_exception');
			if (refused++ === 0) writeFileSync(refusedPath, '');
			await new Promise((resolve) => setTimeout(resolve, 200));
		}
	}
	assert(refused > 0, 'never refused');
}

async function ordinary() {
	const about = await client.info(); // the client checks here that it speaks with the product
	assert.equal(about.version.number.split('.')[0], '8');
	for (let again = 0; again < 2; again++) await sendAll(name, (n) => ({ index: { _index: 'logs', _id: `${name}-${n}` } }));
	await sendAll(`${name}_plain`, () => ({ create: { _index: 'logs' } }));

	const mixed = await client.bulk({
		operations: [
			{ create: { _index: 'logs', _id: `${name}-0` } }, document(name, 0),
			{ update: { _index: 'logs', _id: `${name}-1` } }, { doc: { message: 'x' } },
			{ delete: { _index: 'logs', _id: `${name}-2` } },
			{ index: { _index: 'logs', _id: `${name}-long` } }, { message: Array.from({ length: 200000 }, (_, i) => i).join(' ') },
		],
	});
	assert.equal(mixed.errors, true);
	assert.deepEqual(mixed.items.map((item) => Object.values(item)[0].status), [201, 400, 400, 400]);
	assert(mixed.items.slice(1).every((item) => Object.values(item)[0].error.reason.length > 10));

	await assert.rejects(connect('lt_wrong').bulk({ operations: [{ index: { _index: 'x' } }, { a: 1 }] }),
		(e) => e instanceof errors.ResponseError && e.statusCode === 401);
}

await (refusedPath ? pressed() : ordinary());
