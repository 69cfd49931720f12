// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Accessibility of every page of web/routes.js by axe-core: WCAG 2.1 A and AA in the light and in the dark, contrast of
// AAA (7:1) in the dark; of both narrow shells on a phone; and of the dialogs.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { openBrowser } from './browser.mjs';
import { startMock, addresses, ALL } from './mock_server.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
const WIDE = { width: 1366, height: 768 }, PHONE = { width: 360, height: 740 };
let browser, mock;

before(async () => {
	browser = await openBrowser();
	mock = await startMock({ machines: 300, allPermissions: ALL });
});
after(async () => {
	await browser?.close();
	mock?.stop();
});

async function open(login, { size = WIDE, theme = 'light', path = '/' } = {}) {
	const context = await browser.newContext({ viewport: size, reducedMotion: 'reduce' });
	mock.state.login = login;
	const page = await context.newPage();
	await page.addInitScript((value) => localStorage.setItem('theme', value), theme);
	await page.addInitScript(axe);
	await page.goto(`${mock.url}/#${path}`);
	await page.waitForSelector('main h1, main h2, .gate h1', { state: 'attached' });
	return page;
}

async function go(page, path) {
	await page.goto(`${mock.url}/#${path}`);
	await page.waitForSelector('main h1, main h2', { state: 'attached' });
	await page.waitForFunction(() => !document.querySelector('main .loading'));
	await page.waitForTimeout(150);
}

async function check(page, what, { enhanced = false } = {}) {
	const found = await page.evaluate(async ({ tags, enhanced: more }) => {
		const rules = more ? { 'color-contrast-enhanced': { enabled: true } } : {};
		// The watermark is decoration; the line at the foot says the same in words.
		const result = await axe.run({ exclude: ['.watermark'] }, { runOnly: { type: 'tag', values: tags }, rules, resultTypes: ['violations'] });
		return result.violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => `${node.target.join(' ')} ${(node.any[0] ?? node.all[0] ?? node.none[0])?.message ?? ''}`).join(' | ')} (${one.nodes.length})`);
	}, { tags: TAGS, enhanced });
	return found.map((text) => `${what}: ${text}`);
}

for (const theme of ['light', 'dark']) {
	test(`every page, ${theme}`, async () => {
		const page = await open('analyst', { theme });
		const faults = [];
		for (const path of addresses(mock.data)) {
			await go(page, path);
			faults.push(...(await check(page, path, { enhanced: theme === 'dark' })));
		}
		assert.deepEqual(faults, []);
		await page.context().close();
	});
}

// What a slow line shows: no list has answered yet.
test('lists that are still awaited', async () => {
	const page = await open('analyst');
	const faults = [];
	for (const path of ['/alerts', '/search', '/endpoints', '/approvals', '/storage']) {
		const held = [];
		await page.route(/\/api\/v1\/(alerts|events|endpoints|approvals|storage)/, (route) => held.push(route));
		await page.goto(`${mock.url}/#${path}`);
		await page.waitForSelector('main .loading');
		faults.push(...(await check(page, path)));
		await page.unrouteAll();
		for (const route of held) await route.continue().catch(() => {});
	}
	assert.deepEqual(faults, []);
	await page.context().close();
});

test('the unit and the leader shell on a phone, signing in and setting up', async () => {
	const faults = [];
	for (const login of ['officer', 'leader']) {
		const page = await open(login, { size: PHONE });
		const paths = await page.locator('.rail nav a').evaluateAll((links) => links.map((link) => link.getAttribute('href').slice(1)));
		for (const path of [...paths, '/me', ...(login === 'officer' ? ['/incidents/new'] : [])]) {
			await go(page, path);
			faults.push(...(await check(page, `${login} ${path}`)));
		}
		await page.context().close();
	}
	for (const setup of [false, true]) {
		mock.state.setup = setup;
		const page = await open(null, { size: PHONE });
		faults.push(...(await check(page, setup ? 'set-up' : 'login')));
		await page.context().close();
	}
	mock.state.setup = false;
	assert.deepEqual(faults, []);
});

test('dialogs, menus, toasts, and a page that failed', async () => {
	const page = await open('analyst', { theme: 'dark' });
	const faults = [];
	const look = async (what) => faults.push(...(await check(page, what, { enhanced: true })));
	await go(page, '/alerts');
	await page.keyboard.press('Shift+Slash');
	await page.waitForSelector('dialog[open]');
	await look('keys');
	await page.keyboard.press('Escape');
	await page.keyboard.press('Control+k');
	await page.waitForSelector('.palette-list li');
	await look('palette');
	await page.keyboard.press('Escape');
	await page.keyboard.press('6');
	await page.waitForSelector('dialog form');
	await look('closing an alert');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('dialog .error');
	await look('an error in a form');
	await page.keyboard.press('Escape');
	await page.keyboard.press('1');
	await page.waitForSelector('.toast');
	await look('toast');
	const learned = ['r-new-0', 'r-new-1'].map((rule) => mock.addAlert({ learned: 'discovery', line: rule, title: rule, threat: '', kind: 'sigma', rule_id: rule, severity: 'medium', endpoint: { id: mock.data.endpoints[0].id, hostname: 'PC' }, unit: mock.data.endpoints[0].unit }));
	await go(page, `/alerts/${learned[0].id}`);
	await page.waitForSelector('.learning tr');
	await look('what is being learned');
	await page.keyboard.press('Alt+j');
	await page.waitForSelector('dialog .tune-preview .lead');
	await look('tuning a rule');
	await page.keyboard.press('Escape');
	for (const alert of learned) alert.state = 'closed';
	await go(page, '/endpoints');
	await page.click('summary:has-text("Cột")');
	await look('columns');
	await go(page, '/malware?tab=quarantine');
	await page.click('tbody button:has-text("Xóa hẳn") >> nth=0');
	await page.waitForSelector('dialog form');
	await look('deleting from quarantine');
	await page.keyboard.press('Escape');
	await go(page, '/storage');
	await page.click('.panel-head button');
	await page.waitForSelector('dialog[open]');
	await look('taking in again');
	await page.keyboard.press('Escape');
	await go(page, '/sources');
	await page.click('main button:has-text("Đăng ký nguồn")');
	await page.waitForSelector('dialog form');
	await look('registering a source');
	await page.keyboard.press('Escape');
	await page.click('main button:has-text("Nhập từ tệp")');
	await page.setInputFiles('dialog input[type=file]', { name: 'nguon.csv', mimeType: 'text/csv', buffer: Buffer.from('ten,dia_chi\nTường lửa,10.1.1.1\nMáy chủ thư,khong phai\n') });
	await page.waitForSelector('dialog tr.refused');
	await look('a file with a refused row');
	await page.keyboard.press('Escape');
	await go(page, '/endpoints');
	await go(page, `/endpoints/${mock.data.endpoints[0].id}`);
	await page.click('main button:has-text("Cô lập")');
	await page.waitForSelector('dialog form');
	await look('isolating a machine');
	await page.fill('dialog textarea', 'Mã độc đang mã hóa tệp.');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('dialog blockquote');
	await look('isolating a machine, for sure');
	await page.keyboard.press('Escape');
	mock.state.searchSlow = true;
	await go(page, '/search');
	await page.waitForSelector('.search-on');
	await look('a search that ran out of time');
	mock.state.searchSlow = false;
	mock.state.blind = [{ what: 'eventdb', since: new Date().toISOString(), lost: 3, sentence: 'Kho sự kiện không trả lời.' }];
	await page.reload();
	await page.waitForSelector('.health');
	await look('health strip');
	mock.state.blind = [];
	await page.goto(`${mock.url}/#/incidents/01939f00-0000-7000-8000-ffffffffffff`);
	await page.waitForSelector('.problem');
	await look('problem');
	assert.deepEqual(faults, []);
	await page.context().close();
});
