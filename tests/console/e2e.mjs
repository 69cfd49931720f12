// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// The console on a running server with the sample city and an agent of this machine (./dev run), in a real browser.
// LUYTRE_URL       https://127.0.0.1:8443
// LUYTRE_PASSWORD  password of the sample people
// LUYTRE_LOGIN, LUYTRE_ADMIN, LUYTRE_OFFICER, LUYTRE_LEADER  their logins (truc, quantri, ninhkieu, lanhdao)
// LUYTRE_WATCHED   a folder that the agent watches and this user may write; without it the tests on files are skipped
// LUYTRE_SHOTS     a folder for pictures of every page (optional)
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser } from './browser.mjs';

const { LUYTRE_URL: url = 'https://127.0.0.1:8443', LUYTRE_PASSWORD: password, LUYTRE_WATCHED: watched, LUYTRE_SHOTS: shots } = process.env;
const who = { analyst: process.env.LUYTRE_LOGIN ?? 'truc', admin: process.env.LUYTRE_ADMIN ?? 'quantri', officer: process.env.LUYTRE_OFFICER ?? 'ninhkieu', leader: process.env.LUYTRE_LEADER ?? 'lanhdao' };
// Both are different on every run: what was once given back is known to the agent as wanted. EICAR's definition allows
// white space after it, which is then told by a YARA rule and not by the hash.
const stamp = [...Date.now().toString(2)].map((bit) => (bit === '1' ? ' ' : '\t')).join('');
const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', `STANDARD-ANTIVIRUS-TEST-FILE!$H+H*${stamp}`].join('-');
const LUYTRE = ['LUYTRE-HARMLESS-TEST', `FILE-7d1f3c ${Date.now()}`].join('-');
const LIVE_MS = 3000;

let browser;
const contexts = {};

before(async () => {
	assert.ok(password, 'LUYTRE_PASSWORD is not set');
	browser = await openBrowser();
});
after(() => browser?.close());

// One sign-in a role, its cookie kept in the role's context.
async function open(role, path, { size = { width: 1366, height: 768 }, theme } = {}) {
	if (!contexts[role]) {
		contexts[role] = await browser.newContext({ ignoreHTTPSErrors: true, permissions: ['clipboard-read', 'clipboard-write'] });
		const first = await contexts[role].newPage();
		await first.goto(url);
		await first.fill('input[name=login]', who[role]);
		await first.fill('input[name=password]', password);
		await first.click('button[type=submit]');
		await first.waitForSelector('.frame');
		await first.close();
	}
	const page = await contexts[role].newPage();
	await page.setViewportSize(size);
	page.faults = [];
	page.on('pageerror', (error) => page.faults.push(error.message));
	page.on('console', (message) => message.type() === 'error' && page.faults.push(message.text()));
	if (theme) await page.addInitScript((value) => localStorage.setItem('theme', value), theme);
	await page.goto(`${url}/#${path}`);
	await page.waitForSelector('main h1, main h2', { state: 'attached' });
	return page;
}

async function close(page) {
	assert.deepEqual(page.faults, []);
	await page.close();
}

// Asks the API as the page does.
const ask = (page, path) => page.evaluate(async (address) => (await fetch(`/api/v1${address}`)).json(), path);

// The page has settled, shows no problem and no leak of the machine's words.
async function sound(page, name) {
	await page.waitForFunction(() => !document.querySelector('main .loading'));
	await page.waitForTimeout(250);
	const problems = await page.locator('main .problem').allTextContents();
	assert.deepEqual(problems, [], name);
	const text = await page.textContent('body');
	assert.doesNotMatch(text, /undefined|\[object|NaN|\bui\.[a-z]+\./, name);
	if (shots) {
		mkdirSync(shots, { recursive: true });
		await page.screenshot({ path: join(shots, `${name.replace(/[^a-z0-9]+/gi, '_')}.png`) });
	}
}

const PAGES = {
	analyst: ['/', '/alerts', '/incidents', '/incidents/new', '/endpoints', '/malware', '/malware?tab=threats', '/malware?tab=quarantine', '/malware?tab=bundles', '/units', '/status', '/me'],
	admin: ['/', '/accounts', '/tokens', '/enrol', '/audit', '/status', '/units', '/admin'],
	officer: ['/', '/endpoints', '/enrol', '/alerts', '/incidents', '/incidents/new'],
	leader: ['/', '/incidents', '/endpoints', '/units'],
};

for (const [role, paths] of Object.entries(PAGES)) {
	test(`every page of the ${role} opens on real data`, async () => {
		for (const path of paths) {
			const page = await open(role, path);
			await sound(page, `${role}${path}`);
			await close(page);
		}
		if (['officer', 'leader'].includes(role)) {
			for (const path of paths) {
				const page = await open(role, path, { size: { width: 360, height: 740 } });
				await sound(page, `${role}-360${path}`);
				assert.ok(!(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)), `${role} ${path} at 360 px`);
				await close(page);
			}
		}
	});
}

test('dark and light differ, and both are drawn', async () => {
	for (const theme of ['light', 'dark']) {
		const page = await open('analyst', '/overview', { theme });
		await sound(page, `theme-${theme}`);
		assert.equal(await page.getAttribute('html', 'data-theme'), theme);
		await close(page);
	}
});

test('details of a machine and of an incident', async () => {
	const page = await open('analyst', '/overview');
	const endpoint = (await ask(page, '/endpoints?limit=1')).items[0];
	const incident = (await ask(page, '/incidents?limit=1')).items[0];
	await page.goto(`${url}/#/endpoints/${endpoint.id}`);
	await page.waitForSelector(`h1:has-text("${endpoint.hostname}")`);
	for (const tab of ['timeline', 'alerts', 'packages', 'disks', 'users']) {
		await page.goto(`${url}/#/endpoints/${endpoint.id}?tab=${tab}`);
		await sound(page, `endpoint-${tab}`);
	}
	if (incident) {
		await page.goto(`${url}/#/incidents/${incident.id}`);
		await page.waitForSelector('.timeline');
		await sound(page, 'incident-detail');
	}
	await close(page);
});

test('search without diacritics finds on the server, tables sort and copy', async () => {
	const page = await open('analyst', '/units?q=phuong ninh kieu');
	await page.waitForSelector('tbody >> text=Phường Ninh Kiều');
	await page.goto(`${url}/#/endpoints?sort=-hostname`);
	await page.waitForSelector('tbody tr[role=row]');
	await sound(page, 'endpoints-sorted');
	await page.click('summary:has-text("Xuất")');
	await page.click('button:has-text("Chép sang Excel")');
	await page.waitForSelector('.toast');
	const total = (await ask(page, '/endpoints?limit=1')).total;
	const lines = (await page.evaluate(() => navigator.clipboard.readText())).split('\r\n');
	assert.equal(lines.length, total + 1);
	await close(page);
});

test('permissions hide actions: the analyst may not retire, the leader may not act, the officer sees own machines only', async () => {
	const analyst = await open('analyst', '/overview');
	const endpoint = (await ask(analyst, '/endpoints?limit=1')).items[0];
	await analyst.goto(`${url}/#/endpoints/${endpoint.id}`);
	await analyst.waitForSelector('.page-head button:has-text("Quét máy")');
	assert.equal(await analyst.locator('text=Gỡ khỏi hệ thống').count(), 0);
	assert.equal(await analyst.locator('.rail >> text=Quản trị').count(), 0 + ((await ask(analyst, '/session')).permissions.includes('system.read') ? 1 : 0));
	await close(analyst);
	const leader = await open('leader', '/alerts');
	await leader.waitForSelector('.alert');
	assert.equal(await leader.locator('.alert-head .actions button:visible').count(), 0);
	await close(leader);
	const officer = await open('officer', '/endpoints');
	await officer.waitForSelector('.table-bar');
	const mine = await ask(officer, '/endpoints?limit=500');
	const all = (await ask(await open('analyst', '/overview'), '/endpoints?limit=1')).total;
	assert.ok(mine.total < all);
	await officer.goto(`${url}/#/accounts`);
	await officer.waitForSelector('text=Tài khoản này không được xem trang này');
	await close(officer);
});

test('a new alert is on the screen within 3 s of the file; acknowledged, noted, raised to an incident, restored', { skip: !watched && 'LUYTRE_WATCHED is not set' }, async () => {
	const wall = await open('analyst', '/overview');
	// One by one: the queue may put it into its machine's line.
	const queue = await open('analyst', '/alerts?view=all');
	await queue.waitForSelector('.queue-head');
	await wall.waitForSelector('.live');
	await wall.waitForTimeout(800);
	const before = new Set((await ask(queue, '/detections?limit=500')).items.map((one) => one.id));
	const name = `thử nghiệm ${Date.now()}.txt`;
	const file = join(watched, name);
	process.umask(0);
	const start = Date.now();
	writeFileSync(file, EICAR, { mode: 0o640 });
	const seen = (page, row, threat = 'eicar') => page.waitForFunction(([selector, since, name]) => [...document.querySelectorAll(selector)].slice(0, 3).some((one) => {
		const time = one.querySelector('time')?.getAttribute('datetime');
		return new RegExp(name, 'i').test(one.textContent) && time && Date.parse(time) >= since;
	}), [row, start - 1000, threat], { timeout: 20000, polling: 50 });
	await seen(queue, '.queue-row');
	const took = Date.now() - start;
	await seen(wall, '.live-row');
	const second = join(watched, `mẫu ${Date.now()}.bin`);
	const begin = Date.now();
	writeFileSync(second, LUYTRE, { mode: 0o640 });
	await seen(queue, '.queue-row', 'luytre.test.file');
	assert.ok(Date.now() - begin <= LIVE_MS, `YARA: ${Date.now() - begin} ms`);
	assert.ok(!existsSync(second));
	console.log(`file to queue: ${took} ms`);
	assert.ok(took <= LIVE_MS, `${took} ms`);
	await close(wall);

	await queue.click('.queue-row:has-text("eicar") >> nth=0');
	await queue.waitForSelector('.alert .lead:has-text("eicar")');
	await sound(queue, 'alert-live');
	await queue.evaluate(() => document.activeElement.blur());
	if (await queue.locator('.alert-head button:has-text("Tiếp nhận")').count()) {
		await queue.keyboard.press('1');
		await queue.waitForSelector('.alert-line .state:has-text("Đã tiếp nhận")');
	}
	await queue.keyboard.press('4');
	await queue.fill('dialog textarea', 'Đã gọi người dùng, máy để nguyên.');
	await queue.click('dialog button[type=submit]');
	await queue.waitForSelector('.alert .timeline >> text=Đã gọi người dùng');
	if (await queue.locator('.alert-head button:has-text("Chuyển thành sự cố")').count()) {
		await queue.keyboard.press('5');
		await queue.waitForSelector('dialog select option[value="attack.malware"]', { state: 'attached' });
		await queue.selectOption('dialog select', 'attack.malware');
		await queue.click('dialog button[type=submit]');
		await queue.waitForSelector('.page-head >> text=/SC-\\d{4}-\\d{4}/');
		await sound(queue, 'incident-raised');
	}
	assert.ok(!existsSync(file), 'the file was taken away');

	const fresh = (await ask(queue, '/detections?limit=500')).items.filter((one) => !before.has(one.id) && one.path.normalize('NFC').endsWith(name.normalize('NFC')));
	assert.equal(fresh.length, 1);
	await queue.goto(`${url}/#/malware?tab=quarantine&q=${encodeURIComponent(name.slice(-17, -4))}`);
	await queue.click('tbody button:has-text("Trả lại") >> nth=0');
	await queue.fill('dialog textarea', 'Tệp thử của bài kiểm tra, vô hại');
	await queue.click('dialog button[type=submit]');
	await queue.waitForSelector('tbody >> text=/Chờ trả lại|Đã trả lại/');
	for (let i = 0; i < 300 && !existsSync(file); i++) await queue.waitForTimeout(100);
	assert.equal(readFileSync(file, 'utf8'), EICAR, 'byte for byte');
	assert.equal(statSync(file).mode & 0o777, 0o640);
	assert.ok(Math.abs(statSync(file).mtimeMs - start) < 2000, 'the time it was written, not the time it was given back');
	await queue.waitForSelector('tbody >> text=Đã trả lại', { timeout: 20000 });
	await sound(queue, 'quarantine-restored');
	await close(queue);
});

test('enrolment: the administrator gets a command to run, shown once', async () => {
	const page = await open('admin', '/enrol');
	await page.fill('input[name=unit_id]', 'ninh kieu');
	await page.click('.picker-list li:has-text("Phường Ninh Kiều")');
	await page.click('button[type=submit]:has-text("Lấy mã")');
	await page.waitForSelector('code:has-text("luytre-agent enrol")');
	await sound(page, 'enrol-command');
	await close(page);
});

test('accounts: made, given a role, password reset, disabled; the audit log tells it and is intact', async () => {
	const page = await open('admin', '/accounts');
	const login = `thu.${Date.now().toString(36)}`;
	await page.click('.page-head button:has-text("Thêm tài khoản")');
	await page.fill('dialog input[name=login]', login);
	await page.fill('dialog input[name=display_name]', 'Đặng Thị Thử Nghiệm');
	await page.fill('dialog input[name=unit_id]', 'ninh kieu');
	await page.click('.picker-list li:has-text("Phường Ninh Kiều")');
	await page.fill('dialog input[name=password]', 'tre xanh rao lang nay');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('.side-panel h2:has-text("Đặng Thị Thử Nghiệm")');
	await page.click('.side-panel button:has-text("Giao vai trò")');
	await page.waitForSelector('dialog option[value=unit_officer]', { state: 'attached' });
	await page.selectOption('dialog select[name=role]', 'unit_officer');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('.side-panel .rows li');
	await page.click('.side-panel button:has-text("Cấp lại mật khẩu")');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('dialog .copyable code');
	await page.keyboard.press('Escape');
	await page.click('.side-panel button:has-text("Khóa tài khoản")');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('.side-panel .state:has-text("Đã khóa")');
	await sound(page, 'account-panel');
	await page.goto(`${url}/#/audit`);
	await page.waitForSelector('tbody tr[role=row]');
	assert.match(await page.textContent('tbody'), /account\./);
	await page.click('button:has-text("Kiểm tra toàn vẹn")');
	await page.waitForSelector('.verdict.good');
	await sound(page, 'audit-verified');
	await close(page);
});
