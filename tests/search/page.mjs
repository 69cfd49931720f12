// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// The page /search on a running server with events of seed.py, in a real browser.
// LUYTRE_URL, LUYTRE_PASSWORD as tests/console/e2e.mjs; LUYTRE_SHOTS a folder for pictures (optional).
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser } from '../console/browser.mjs';

const { LUYTRE_URL: url, LUYTRE_PASSWORD: password, LUYTRE_SHOTS: shots } = process.env;
const SIZE = { width: 1366, height: 768 };
let browser;
const contexts = {};

before(async () => {
	browser = await openBrowser();
});
after(() => browser?.close());

async function open(login, path, { lang, theme } = {}) {
	contexts[login] ??= await browser.newContext({ ignoreHTTPSErrors: true, acceptDownloads: true });
	const context = contexts[login];
	if (!context.signedIn) {
		const first = await context.newPage();
		await first.goto(url);
		await first.fill('input[name=login]', login);
		await first.fill('input[name=password]', password);
		await first.click('button[type=submit]');
		await first.waitForSelector('.frame');
		await first.close();
		context.signedIn = true;
	}
	if (lang) await context.addCookies([{ name: 'lang', value: lang, url }]);
	const page = await context.newPage();
	page.faults = [];
	page.on('pageerror', (error) => page.faults.push(error.message));
	page.on('console', (message) => message.type() === 'error' && !/status of (400|403|503)/.test(message.text()) && page.faults.push(message.text()));
	if (theme) await page.addInitScript((value) => localStorage.setItem('theme', value), theme);
	await page.setViewportSize(SIZE);
	await page.goto(`${url}/#${path}`);
	await page.waitForSelector('.search-page', { timeout: 15000 });
	return page;
}

async function shot(page, name) {
	assert.doesNotMatch(await page.textContent('body'), /undefined|\[object|NaN|\bui\.[a-z]+\./, name);
	assert.ok(!(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)), `${name}: wider than the screen`);
	if (!shots) return;
	mkdirSync(shots, { recursive: true });
	await page.waitForTimeout(400);
	await page.screenshot({ path: join(shots, `${name}.png`) });
}

const rows = (page) => page.locator('tbody tr[role=row]');
const total = async (page) => Number((await page.textContent('.histogram-head strong')).replace(/\D/g, ''));
const settled = (page) => page.waitForFunction(() => document.querySelector('.histogram-head strong') && !document.querySelector('.search-page .loading, .waiting'));
// The old count stands until the new one has come.
async function totalWhen(page, holds) {
	for (const until = Date.now() + 30000; ; await page.waitForTimeout(100)) {
		await settled(page);
		const count = await total(page);
		if (holds(count)) return count;
		assert.ok(Date.now() < until, `the count stays at ${count}`);
	}
}
const below = (most) => (count) => count > 0 && count < most, atLeast = (least) => (count) => count >= least;
const ask = (page, path) => page.evaluate(async (address) => (await fetch(`/api/v1${address}`)).json(), path);

test('a query is typed with completion, narrows the rows, and stands in the address', async () => {
	const page = await open('truc', '/search?last=30d');
	await settled(page);
	const all = await total(page);
	assert.ok(all > 1000);
	await shot(page, 'search-vi');
	await page.keyboard.press('/');
	await page.keyboard.type('user.na');
	await page.waitForSelector('#query-offer li:has-text("user.name")');
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('Tab');
	await page.waitForSelector('#query-offer li:has-text("an.nguyen")');
	await shot(page, 'search-offer');
	await page.keyboard.type('an.n');
	await page.waitForFunction(() => document.querySelectorAll('#query-offer li').length === 1);
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('Enter');
	await page.keyboard.press('Enter');
	await page.waitForFunction(() => /query=user\.name%3Aan\.nguyen/.test(location.hash));
	const found = await totalWhen(page, below(all));
	const answer = await ask(page, '/events/histogram?last=30d&q=user.name:an.nguyen');
	assert.equal(answer.total, found);
	await page.goBack();
	await totalWhen(page, atLeast(all));
	assert.deepEqual(page.faults, []);
	await page.close();
});

test('a fault is shown at its place, mended with one press', async () => {
	const page = await open('truc', '/search?last=30d&query=a%20usre.name%3Ax');
	await page.waitForSelector('.query-fault mark:has-text("usre.name")');
	await shot(page, 'search-fault');
	await page.click('.query-fault button');
	await page.waitForFunction(() => /user\.name%3Ax/.test(location.hash));
	await page.waitForSelector('.empty');
	assert.equal(await page.locator('.query-fault').count(), 0);
	await page.close();
});

test('facets, histogram and an event narrow the search', async () => {
	const page = await open('truc', '/search?last=24h');
	await settled(page);
	const before = await total(page);
	await page.click('.facet:has-text("event.code") .facet-value >> nth=0');
	await page.waitForFunction(() => /event\.code/.test(location.hash));
	const narrow = await totalWhen(page, below(before));
	const box = await page.locator('.histogram-bars').boundingBox();
	await page.mouse.move(box.x + box.width * 0.3, box.y + 20);
	await page.mouse.down();
	await page.mouse.move(box.x + box.width * 0.6, box.y + 20, { steps: 4 });
	await page.mouse.up();
	await page.waitForFunction(() => /from=/.test(location.hash));
	await totalWhen(page, below(narrow));
	await rows(page).first().click();
	await page.waitForSelector('.event-panel .event-field');
	assert.match(await page.textContent('.event-panel'), /event\.code/);
	await shot(page, 'search-event');
	await page.click('.event-field:has-text("user.name") button >> nth=1');
	await page.waitForFunction(() => /-user\.name/.test(decodeURIComponent(location.hash)));
	assert.deepEqual(page.faults, []);
	await page.close();
});

test('20,000 rows: scrolled to, filtered within 50 ms', async () => {
	const page = await open('truc', '/search?last=365d');
	await settled(page);
	const scroller = page.locator('.table-scroll');
	let loaded = 0;
	for (let i = 0; i < 60 && loaded < 20000; i++) {
		await scroller.evaluate((node) => { node.scrollTop = node.scrollHeight; });
		await page.waitForTimeout(250);
		loaded = await scroller.evaluate((node) => Math.round(node.scrollHeight / 36) - 1);
	}
	assert.ok(loaded >= Math.min(20000, await total(page)), String(loaded));
	await page.waitForTimeout(3000);
	for (const word of ['power', 'powershell', 'whoami']) {
		await page.fill('.table-bar input', word);
		await page.waitForTimeout(400);
	}
	const took = await page.evaluate(() => performance.getEntriesByName('table.filter').filter((one) => one.detail >= 1000).map((one) => one.duration).slice(-3));
	console.log(`filter of ${loaded} rows: ${took.map((ms) => ms.toFixed(1)).join(', ')} ms`);
	assert.ok(Math.min(...took) <= 50, took.join());
	await page.close();
});

// The server's own events come by themselves: each sign-in is one.
test('live: what comes appears, once', async () => {
	const page = await open('truc', '/search?live=1');
	await page.waitForSelector('.empty');
	await (await browser.newContext({ ignoreHTTPSErrors: true })).request.post(`${url}/api/v1/login`, { data: { login: 'truc', password: 'x' }, headers: { 'X-Luytre-Request': '1' } });
	await rows(page).first().waitFor({ timeout: 60000 });
	await page.waitForTimeout(3000);
	await shot(page, 'search-live');
	const ids = await rows(page).evaluateAll((all) => all.map((row) => row.textContent));
	assert.ok(ids.length > 0);
	assert.deepEqual(page.faults, []);
	await page.close();
});

test('a search becomes a rule in two presses, with its count', async () => {
	const page = await open('truc', '/search?last=30d&query=process.name%3Apowershell.exe%20user.name%3ASYSTEM');
	await settled(page);
	const count = await total(page);
	await page.click('button:has-text("Tạo luật")');
	await page.waitForSelector('dialog pre');
	assert.match(await page.textContent('dialog pre'), /'process\.name': 'powershell\.exe'/);
	assert.equal(Number((await page.textContent('dialog .lead strong')).replace(/\D/g, '')), count);
	await shot(page, 'search-rule');
	await page.close();
});

test('evidence is downloaded with its sums', async () => {
	const page = await open('truc', '/search?last=30d&query=event.code%3A1102');
	await settled(page);
	await page.click('summary:has-text("Xuất làm chứng cứ")');
	const [file] = await Promise.all([page.waitForEvent('download'), page.click('button:has-text("JSONL")')]);
	const text = readFileSync(await file.path(), 'latin1');
	assert.match(file.suggestedFilename(), /^luytre-events-.*\.tar$/);
	assert.match(text, /[0-9a-f]{64} {2}events\.jsonl\n[0-9a-f]{64} {2}manifest\.json/);
	await page.close();
});

test('a search is saved and opened again', async () => {
	const page = await open('truc', '/search?last=7d&query=event.code%3A4625');
	await settled(page);
	const name = `Đăng nhập sai ${Date.now()}`;
	await page.click('summary:has-text("Đã lưu")');
	await page.fill('.saved input:not([type=checkbox])', name);
	await page.click('.saved form button');
	await page.waitForSelector(`.saved .menu-row:has-text("${name}")`);
	await shot(page, 'search-saved');
	await page.goto(`${url}/#/search`);
	await page.reload();
	await settled(page);
	await page.click('summary:has-text("Đã lưu")');
	await page.click(`.saved .menu-row button:has-text("${name}")`);
	await page.waitForFunction(() => /4625/.test(location.hash) && /last=7d/.test(location.hash));
	await page.close();
});

test('SQL for who may see everything; the officer sees the own unit only', async () => {
	const page = await open('truc', '/search?tab=sql');
	await page.fill('textarea', 'SELECT source, count() AS n FROM event GROUP BY source ORDER BY n DESC');
	await page.keyboard.press('Control+Enter');
	await page.waitForSelector('.sql-result td');
	await shot(page, 'search-sql');
	// A refusal in words, the store's own behind them.
	await page.fill('textarea', 'SELECT khong_co FROM event');
	await page.click('button:has-text("Chạy")');
	await page.waitForSelector('.problem strong:has-text("Không có cột nào tên như vậy")');
	await page.click('.problem summary');
	assert.match(await page.textContent('.problem details code'), /Code: 47.*khong_co/s);
	await shot(page, 'search-sql-refused');
	await page.fill('textarea', "SELECT * FROM file('/etc/passwd')");
	await page.click('button:has-text("Chạy")');
	await page.waitForSelector('.problem:not(:has(details))');
	await page.close();
	const officer = await open('ninhkieu', '/search?last=365d');
	await settled(officer);
	assert.equal(await officer.locator('a:has-text("SQL")').count(), 0);
	const units = (await ask(officer, '/events/facets?last=365d&field=unit.id')).items[0].values;
	assert.equal(units.length, 1);
	assert.match(units[0].label, /Ninh Kiều/);
	await officer.close();
});

test('English, and a light theme', async () => {
	const page = await open('truc', '/search?last=30d', { lang: 'en', theme: 'light' });
	await settled(page);
	assert.match(await page.textContent('.histogram-head'), /events/);
	await shot(page, 'search-en');
	await page.click('summary:has-text("How to write")');
	await shot(page, 'search-en-help');
	await page.click('.time-picker summary');
	await shot(page, 'search-en-time');
	assert.deepEqual(page.faults, []);
	await page.close();
});
