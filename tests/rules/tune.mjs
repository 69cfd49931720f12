// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// "Too much noise" on a running server, in a real browser: from an alert to an exclusion that shows beforehand what it would have hidden,
// is in force for what comes next, stands in the audit log, and is taken back. Started by run.sh.
// LUYTRE_URL, LUYTRE_PASSWORD  as tests/console/e2e.mjs; LUYTRE_EVENTS, LUYTRE_TOKEN  where events go, and a sender's token
// LUYTRE_SHOTS  a folder for pictures (optional)
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser } from '../console/browser.mjs';

const { LUYTRE_URL: url, LUYTRE_PASSWORD: password, LUYTRE_EVENTS: events, LUYTRE_TOKEN: token, LUYTRE_SHOTS: shots } = process.env;
const LIMIT = 60000;
// What a shell and Sigma both read in their own way.
const NOISE = '"C:\\Sao Luu\\run*.exe" \\\\nas\\kho? marker-alpha';
let browser, context;

before(async () => {
	browser = await openBrowser();
	context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1366, height: 768 } });
});
after(() => browser?.close());

async function signIn(login) {
	await context.clearCookies();
	const page = await context.newPage();
	page.faults = [];
	page.on('pageerror', (error) => page.faults.push(error.message));
	await page.goto(url);
	await page.fill('input[name=login]', login);
	await page.fill('input[name=password]', password);
	await page.click('button[type=submit]');
	await page.waitForSelector('.frame');
	return page;
}

async function shot(page, name) {
	assert.doesNotMatch(await page.textContent('body'), /undefined|\[object|NaN|\bui\.[a-z]+\./, name);
	if (!shots) return;
	mkdirSync(shots, { recursive: true });
	await page.waitForTimeout(300);
	await page.screenshot({ path: join(shots, `${name}.png`) });
}

const ask = async (path) => (await context.request.get(`${url}/api/v1${path}`)).json();
async function eventually(what, run) {
	for (const until = Date.now() + LIMIT; ; await new Promise((wake) => setTimeout(wake, 250))) {
		const value = await run();
		if (value) return value;
		assert.ok(Date.now() < until, `not within ${LIMIT} ms: ${what}`);
	}
}
async function send(host, command) {
	const event = { '@timestamp': new Date().toISOString(), Channel: 'Microsoft-Windows-Sysmon/Operational', EventID: 1, Computer: host, User: 'lan', CommandLine: command };
	const answer = await context.request.post(`${events}/api/v1/events`, { headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/x-ndjson' }, data: Buffer.from(`${JSON.stringify(event)}\n`) });
	assert.ok(answer.ok(), `${answer.status()}`);
}
const alertsOn = async (host) => (await ask('/alerts?limit=500')).items.filter((one) => one.host === host || one.endpoint?.hostname === host);
const alerted = (host) => eventually(`an alert on ${host}`, async () => (await alertsOn(host))[0]);
const inForce = () => eventually('detection has the rules', async () => (await ask('/rules/state')).current);

test('from an alert to an exclusion, its count beforehand, in force, in the audit log, and back', async () => {
	const page = await signIn('ungcuu');
	for (const host of ['ON-1', 'ON-2', 'ON-3']) await send(host, NOISE);
	const noisy = await alerted('ON-3');
	await alerted('ON-1');
	await alerted('ON-2');
	await page.goto(`${url}/#/alerts/${noisy.id}`);
	await page.waitForSelector('.alert button:has-text("Quá ồn? Chỉnh luật")');
	await shot(page, 'tune-alert');
	await page.keyboard.press('Alt+j');
	await page.waitForSelector('dialog .tune-preview .lead');
	const all = (await ask('/alerts?limit=500')).items.filter((one) => one.rule_id === noisy.rule_id).length;
	assert.match(await page.textContent('dialog .tune-preview .lead'), new RegExp(`ít nhất 3 trong ${all} cảnh báo.*3 lần khớp trên 3 máy`));
	await shot(page, 'tune-dialog');
	// Wider: what begins like it covers the same three, what everything has covers all.
	await page.selectOption('dialog select', 'contains');
	await page.fill('dialog .tune-row input:not([type=checkbox])', 'MARKER-alpha');
	await page.waitForSelector(`dialog .tune-preview:not(.stale) .lead:has-text("ít nhất ${all} trong ${all}")`);
	await page.uncheck('dialog .tune-row input[type=checkbox]');
	await page.waitForSelector('dialog p:has-text("Hãy chọn ít nhất một giá trị")');
	await page.check('dialog .tune-row input[type=checkbox]');
	await page.selectOption('dialog select', 'is');
	await page.fill('dialog .tune-row input:not([type=checkbox])', NOISE);
	await page.waitForSelector('dialog .tune-preview:not(.stale) .lead:has-text("ít nhất 3 trong")');
	await page.fill('dialog textarea[name=reason]', 'Phần mềm sao lưu chạy mỗi đêm');
	await shot(page, 'tune-filled');
	await page.click('dialog button:has-text("Lưu loại trừ")');
	await page.waitForSelector('.toast:has-text("đóng 3 cảnh báo")');
	await shot(page, 'tune-done');
	assert.deepEqual((await alertsOn('ON-1')).map((one) => one.state), ['closed']);
	// Taken back: the exclusion ends, its alerts are new again.
	await page.keyboard.press('Alt+z');
	await page.waitForSelector('.toast:has-text("Đã hoàn tác")');
	for (const host of ['ON-1', 'ON-2', 'ON-3']) assert.deepEqual((await alertsOn(host)).map((one) => one.state), ['new']);
	await inForce();
	await send('ON-4', NOISE);
	await alerted('ON-4');
	// And for good.
	await page.reload();
	await page.waitForSelector('.alert button:has-text("Quá ồn? Chỉnh luật")');
	await page.keyboard.press('Alt+j');
	await page.waitForSelector('dialog .tune-preview .lead:has-text("ít nhất 4 trong")');
	await page.fill('dialog textarea[name=reason]', 'Phần mềm sao lưu, lần hai');
	await page.click('dialog button:has-text("Lưu loại trừ")');
	await page.waitForSelector('.toast:has-text("đóng 4 cảnh báo")');
	await inForce();
	await send('ON-5', NOISE);
	await send('ON-6', `${NOISE} x`);
	await alerted('ON-6');
	assert.deepEqual(await alertsOn('ON-5'), [], 'what is excluded makes no alert, what comes after it does');
	assert.deepEqual(page.faults, []);
	await page.close();

	const admin = await signIn('quantri');
	await admin.goto(`${url}/#/audit`);
	await admin.click('tbody tr:has-text("rule.excluded") >> nth=0');
	await admin.waitForSelector('dialog pre:has-text("Phần mềm sao lưu, lần hai")');
	await shot(admin, 'tune-audit');
	const lines = (await ask('/audit?limit=100')).items.filter((one) => ['rule.excluded', 'rule.exclusion_ended'].includes(one.action));
	assert.ok(lines.filter((one) => one.action === 'rule.excluded').length >= 2 && lines.some((one) => one.action === 'rule.exclusion_ended'));
	assert.ok(lines.some((one) => JSON.stringify(one).includes('Phần mềm sao lưu, lần hai')), 'with its reason');
	// Ended by hand on the rule's page.
	const rule = (await ask(`/rules?q=${noisy.rule_id}`)).items[0];
	await admin.goto(`${url}/#/rules/${rule.id}`);
	await admin.waitForSelector('li:has-text("Phần mềm sao lưu, lần hai")');
	await shot(admin, 'tune-rule');
	await admin.click('li:has-text("Phần mềm sao lưu, lần hai") button:has-text("Kết thúc")');
	await admin.waitForSelector('.toast:has-text("Đã kết thúc loại trừ")');
	await inForce();
	await send('ON-7', NOISE);
	await alerted('ON-7');
	assert.deepEqual(admin.faults, []);
});
