// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// What comes out of the printer, and what a page says when there is nothing, no right, no server, or a slow line.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { openBrowser } from './browser.mjs';
import { startMock, ALL } from './mock_server.mjs';

let browser, mock;
before(async () => {
	browser = await openBrowser();
	mock = await startMock({ machines: 300, allPermissions: ALL });
});
after(async () => {
	await browser?.close();
	mock?.stop();
});

async function open(path, { login = 'analyst', size = { width: 1366, height: 768 }, theme } = {}) {
	const context = await browser.newContext({ viewport: size });
	mock.state.login = login;
	const page = await context.newPage();
	if (theme) await page.addInitScript((value) => localStorage.setItem('theme', value), theme);
	await page.goto(`${mock.url}/#${path}`);
	await page.waitForSelector('main h1, main h2', { state: 'attached' });
	await page.waitForFunction(() => !document.querySelector('main .loading'));
	return page;
}

const pagesOf = (pdf) => pdf.toString('latin1').match(/\/Type\s*\/Page[^s]/g).length;

test('print: the leader on one A4; a case, an alert and a list without the frame, dark on white', async () => {
	const d = mock.data;
	for (const [login, path, most] of [['leader', '/leader', 1], ['analyst', `/incidents/${d.incidents[2].id}`, 2], ['analyst', `/alerts/${d.alerts[0].id}`, 2], ['analyst', '/incidents', 3], ['analyst', '/endpoints', 40]]) {
		const page = await open(path, { login, theme: 'dark' });
		await page.waitForTimeout(300);
		const pdf = await page.pdf({ format: 'A4', preferCSSPageSize: true });
		if (process.env.LUYTRE_PRINTS) await import('node:fs').then((fs) => fs.writeFileSync(`${process.env.LUYTRE_PRINTS}/${path.split('/')[1]}${path.split('/').length}.pdf`, pdf));
		assert.ok(pagesOf(pdf) <= most, `${path}: ${pagesOf(pdf)} pages`);
		if (path === '/endpoints') assert.ok(pagesOf(pdf) > 3, 'all rows are printed, not those in sight');
		await page.emulateMedia({ media: 'print' });
		const seen = await page.evaluate(() => {
			const shown = (selector) => [...document.querySelectorAll(selector)].some((node) => node.getClientRects().length);
			return { rail: shown('.rail'), buttons: shown('main button:not(th button)'), headings: shown('main th button') || !document.querySelector('main .table-scroll'), ground: getComputedStyle(document.body).backgroundColor, ink: getComputedStyle(document.querySelector('main h1, main h2')).color, label: shown('.label-line') };
		});
		assert.deepEqual(seen, { rail: false, buttons: false, headings: true, ground: 'rgb(255, 255, 255)', ink: 'rgb(0, 0, 0)', label: true }, path);
		await page.context().close();
	}
});

test('empty: every list says what that means and what to do', async () => {
	const d = mock.data;
	const kept = Object.fromEntries(['alerts', 'incidents', 'endpoints', 'detections', 'threats', 'quarantine', 'bundles', 'tokens', 'sources', 'audit', 'accounts'].map((name) => [name, d[name]]));
	for (const name of Object.keys(kept)) d[name] = [];
	const page = await open('/incidents');
	for (const path of ['/alerts', '/incidents', '/endpoints', '/malware', '/malware?tab=threats', '/malware?tab=quarantine', '/malware?tab=bundles', '/tokens', '/sources', '/accounts']) {
		await page.goto(`${mock.url}/#${path}`);
		const box = page.locator('.table-scroll .empty, .queue-scroll .empty').first();
		await box.waitFor();
		assert.ok((await box.locator('.empty-title').textContent()).length > 5, path);
		assert.ok((await box.locator('.muted').textContent()).length > 15, `${path} says what to do`);
	}
	Object.assign(d, kept);
	await page.context().close();
});

test('forbidden, missing, broken, offline: what happened, what is safe, what to do, a code; and back without a reload', async () => {
	const page = await open('/today', { login: 'officer' });
	await page.goto(`${mock.url}/#/audit`);
	await page.waitForSelector('.empty:has-text("không được xem trang này")');
	await page.goto(`${mock.url}/#/nowhere`);
	await page.waitForSelector('.empty a');
	await page.goto(`${mock.url}/#/incidents/01939f00-0000-7000-8000-ffffffffffff`);
	await page.waitForSelector('.problem:has-text("api.not_found")');
	for (const path of ['/today', '/endpoints', '/incidents', '/alerts']) {
		await page.route('**/api/v1/**', (route) => (/\/(session|stream|setup)$/.test(new URL(route.request().url()).pathname) ? route.continue() : route.abort()));
		await page.goto(`${mock.url}/#/me`);
		await page.waitForSelector('main h1');
		await page.goto(`${mock.url}/#${path}`);
		const box = page.locator('.problem').first();
		await box.waitFor();
		const text = await box.textContent();
		assert.match(text, /Không liên lạc được với máy chủ/, path);
		assert.match(text, /vẫn an toàn/, path);
		assert.match(text, /console\.network/, path);
		await page.unroute('**/api/v1/**');
		await box.locator('button').click();
		await page.waitForFunction(() => !document.querySelector('main .problem'));
	}
	await page.context().close();
});

test('old numbers look old and say their age', async () => {
	for (const [login, path] of [['analyst', '/overview'], ['leader', '/leader']]) {
		mock.state.old = 0;
		const page = await open(path, { login });
		await page.waitForSelector('.tile, .figure');
		assert.equal(await page.locator('.stale').count(), 0);
		mock.state.old = 7;
		await page.reload();
		await page.waitForSelector('.stale .note:has-text("7 phút")');
		mock.state.old = 0;
		await page.context().close();
	}
});

test('a slow line: today is readable soon at 1 Mbps and 200 ms (told, not judged: the machine may be busy)', async () => {
	const context = await browser.newContext({ viewport: { width: 1366, height: 768 } });
	mock.state.login = 'officer';
	mock.state.bytes = 0;
	const page = await context.newPage();
	const cdp = await context.newCDPSession(page);
	await cdp.send('Network.enable');
	await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 200, downloadThroughput: 125000, uploadThroughput: 125000 });
	let bytes = 0;
	cdp.on('Network.loadingFinished', (event) => { bytes += event.encodedDataLength; });
	const start = Date.now();
	await page.goto(`${mock.url}/#/today`, { waitUntil: 'commit' });
	await page.waitForSelector('.task', { timeout: 60000 });
	const cards = Date.now() - start;
	const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
	console.log(`today at 1 Mbps and 200 ms: first paint ${Math.round(paint)} ms, cards ${cards} ms, ${bytes} bytes`);
	assert.ok(bytes <= 100 * 1024, `${bytes} bytes`);
	await context.close();
});
