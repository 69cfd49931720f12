// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Accounts on a running server with the sample city (run.sh), in a real browser with a virtual authenticator.
// LUYTRE_URL, LUYTRE_PASSWORD, LUYTRE_SPKI (digest of the server's key); LUYTRE_SHOTS: a folder for pictures (optional)
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser } from '../console/browser.mjs';

const { LUYTRE_URL: url, LUYTRE_PASSWORD: password, LUYTRE_SPKI: spki, LUYTRE_SHOTS: shots } = process.env;
let browser;
before(async () => {
	browser = await openBrowser({ args: ['--disable-dev-shm-usage', `--ignore-certificate-errors-spki-list=${spki}`] });
});
after(() => browser?.close());

async function openPage(path = '/', { size = { width: 1366, height: 768 }, theme = 'light' } = {}) {
	const context = await browser.newContext({ viewport: size, permissions: ['clipboard-read', 'clipboard-write'] });
	const page = await context.newPage();
	page.faults = [];
	page.on('pageerror', (error) => page.faults.push(error.message));
	await page.addInitScript((value) => localStorage.setItem('theme', value), theme);
	await page.goto(`${url}/#${path}`);
	return page;
}
async function fillIn(page, login, secret = password) {
	await page.fill('input[name=login]', login);
	await page.fill('input[name=password]', secret);
	await page.click('button[type=submit]');
}
async function signIn(login, path = '/', options) {
	const page = await openPage(path, options);
	await fillIn(page, login);
	await page.waitForSelector('.frame');
	return page;
}
async function close(page) {
	assert.deepEqual(page.faults, []);
	await page.context().close();
}
async function shot(page, name) {
	const text = await page.textContent('body');
	assert.doesNotMatch(text, /undefined|\[object|NaN|\bui\.[a-z]+\./, name);
	if (!shots) return;
	mkdirSync(shots, { recursive: true });
	await page.waitForTimeout(300);
	await page.screenshot({ path: join(shots, `${name}.png`) });
}
// What an authenticator app shows (RFC 6238); `ahead`: the next one.
function totp(secret, ahead = 0) {
	let bits = '';
	for (const c of secret.replace(/\s/g, '')) bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0');
	const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
	const step = Buffer.alloc(8);
	step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + ahead));
	const hash = createHmac('sha1', key).update(step).digest();
	return String((hash.readUInt32BE(hash[19] & 15) & 0x7fffffff) % 1000000).padStart(6, '0');
}
const inDialog = (page, selector) => page.locator(`dialog ${selector}`);

test('four eyes: asked by one, seen and approved by another, carried out then', async () => {
	const admin = await signIn('quantri', '/endpoints');
	const machine = await admin.evaluate(async () => (await (await fetch('/api/v1/endpoints?limit=1&sort=hostname')).json()).items[0]);
	await admin.goto(`${url}/#/endpoints/${machine.id}`);
	await admin.waitForSelector(`h1:has-text("${machine.hostname}")`);
	await admin.click('button:has-text("Gỡ khỏi hệ thống")');
	await admin.fill('dialog input', machine.hostname);
	await admin.click('dialog button[type=submit]');
	await admin.waitForSelector('.toast:has-text("Đã gửi đề nghị")');
	await shot(admin, 'retire-asked');
	await admin.goto(`${url}/#/approvals`);
	await admin.waitForSelector('.deeds li:has-text("Rút đề nghị")');
	await shot(admin, 'approvals-mine');
	const responder = await signIn('ungcuu', '/approvals', { theme: 'dark' });
	await responder.waitForSelector('.rail .count');
	await responder.waitForSelector(`.deeds li:has-text("${machine.hostname}")`);
	await shot(responder, 'approvals-dark');
	await responder.click('.deeds button.primary');
	await shot(responder, 'approve-dialog');
	await responder.click('dialog button[type=submit]');
	await responder.waitForSelector('.toast:has-text("Đã duyệt và thực hiện")');
	await responder.goto(`${url}/#/approvals?tab=all`);
	await responder.waitForSelector('.deeds li:has-text("Đã thực hiện")');
	await responder.click('.account summary');
	await responder.click('button[lang=en]');
	await responder.waitForSelector('.deeds li:has-text("Retire a machine")');
	await shot(responder, 'approvals-en');
	const gone = await responder.evaluate(async (id) => (await (await fetch(`/api/v1/endpoints/${id}`)).json()).retired_at, machine.id);
	assert.ok(gone);
	const log = await admin.evaluate(async () => (await (await fetch('/api/v1/audit?action=endpoint.retire')).json()).items[0]);
	assert.equal(log.account_name, 'Trần Minh Quân');
	assert.equal(log.details.approved_by, 'Lê Thị Thu Hà');
	await close(responder);
	await close(admin);
});

test('an authenticator app, then a recovery code', async () => {
	const page = await signIn('truc', '/me');
	await page.click('.factors li:has-text("Ứng dụng tạo mã") button');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('dialog .qr path');
	await shot(page, 'totp-qr');
	const secret = await inDialog(page, '.copyable code').textContent();
	await page.fill('dialog input[name=code]', totp(secret));
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('dialog .codes li');
	await shot(page, 'recovery-codes');
	const codes = await inDialog(page, '.codes code').allTextContents();
	assert.equal(codes.length, 10);
	await page.click('dialog .kept');
	await page.waitForSelector('.factors:has-text("Còn 10 mã")');
	await shot(page, 'me');
	await close(page);

	const again = await openPage();
	await fillIn(again, 'truc');
	await again.waitForSelector('input[name=code]');
	await shot(again, 'second-step');
	await again.fill('input[name=code]', '000000');
	await again.click('button[type=submit]');
	await again.waitForSelector('.problem');
	// The next code: the present one was used up when the app was added.
	await again.fill('input[name=code]', totp(secret, 1));
	await again.click('button[type=submit]');
	await again.waitForSelector('.frame');
	await close(again);

	const lost = await openPage();
	await fillIn(lost, 'truc');
	await lost.fill('input[name=code]', codes[3].toUpperCase().replace(/-/g, ' '));
	await lost.click('button[type=submit]');
	await lost.waitForSelector('.frame');
	await close(lost);
});

test('a passkey as the second factor and alone', async () => {
	const page = await signIn('ungcuu', '/me');
	const cdp = await page.context().newCDPSession(page);
	await cdp.send('WebAuthn.enable');
	const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
	await page.click('.factors li:has-text("Khóa đăng nhập") button');
	await page.fill('dialog input[name=name]', 'Máy ở cơ quan');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('dialog .codes li');
	await page.click('dialog .kept');
	await page.waitForSelector('.factors:has-text("Máy ở cơ quan")');
	await shot(page, 'me-passkey');
	const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId });
	assert.equal(credentials.length, 1);
	// The same browser, signed out: password and passkey.
	await page.context().clearCookies();
	await page.reload();
	await fillIn(page, 'ungcuu');
	await page.click('button:has-text("Dùng khóa đăng nhập")');
	await page.waitForSelector('.frame');
	// And the passkey alone.
	await page.context().clearCookies();
	await page.reload();
	await page.waitForSelector('input[name=login]');
	await shot(page, 'login');
	await page.click('button:has-text("không cần mật khẩu")');
	await page.waitForSelector('.frame');
	assert.match(await page.textContent('.rail'), /Lê Thị Thu Hà/);
	// Someone who does not pass the device's own check is refused.
	await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
	await page.context().clearCookies();
	await page.reload();
	await page.click('button:has-text("không cần mật khẩu")');
	await page.waitForSelector('.problem');
	await close(page);
});

test('an officer of the city helps: paper codes, sessions, who has looked', async () => {
	const officer = await openPage();
	await fillIn(officer, 'ninhkieu');
	await officer.waitForSelector('.frame');
	const admin = await signIn('quantri', '/accounts?q=ninhkieu');
	await admin.click('a:has-text("Phạm Thị Ngọc Lan")');
	await admin.waitForSelector('.side-panel');
	await admin.click('.side-panel button:has-text("In tờ mã giấy")');
	await admin.click('dialog button[type=submit]');
	await admin.waitForSelector('dialog .codes li');
	await shot(admin, 'paper-codes');
	if (shots) await admin.pdf({ path: join(shots, 'paper-codes.pdf'), format: 'A4' });
	const codes = await inDialog(admin, '.codes code').allTextContents();
	assert.equal(codes.length, 20);
	await admin.click('dialog .kept');
	await admin.click('.side-panel button:has-text("Nơi đang đăng nhập")');
	await admin.waitForSelector('dialog .sessions li');
	await shot(admin, 'their-sessions');
	await admin.click('dialog .sessions button');
	await admin.waitForSelector('dialog .empty');
	await admin.keyboard.press('Escape');
	await admin.click('.who-read summary');
	await admin.waitForSelector('.who-read li');
	await shot(admin, 'account-panel');
	await close(admin);
	// Her session has ended; the next sign-in takes a code from the paper.
	await officer.context().close();
	const paper = await openPage('/', { size: { width: 360, height: 740 } });
	await fillIn(paper, 'ninhkieu');
	await paper.waitForSelector('input[name=code]');
	await shot(paper, 'second-step-360');
	await paper.fill('input[name=code]', codes[0]);
	await paper.click('button[type=submit]');
	await paper.waitForSelector('.frame');
	await paper.goto(`${url}/#/me`);
	await paper.waitForSelector('.sessions li');
	await shot(paper, 'me-360');
	assert.ok(!(await paper.evaluate(() => document.documentElement.scrollWidth > innerWidth)));
	await close(paper);
});
