// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// The duty officer's night in a real browser against invented data: an alert arrives and is decided by keyboard alone, the
// queue does not jump, a suppression with reason and undo, the hand-over that the next account accepts.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { openBrowser } from './browser.mjs';
import { startMock, ALL } from './mock_server.mjs';

const WIDE = { width: 1366, height: 768 };
let browser, mock;

before(async () => {
	mock = await startMock({ machines: 300, allPermissions: [...ALL, 'event.read'] });
	browser = await openBrowser();
});
after(async () => {
	await browser?.close();
	mock?.stop();
});

async function open(path, login = 'analyst') {
	const context = await browser.newContext({ viewport: WIDE, permissions: ['clipboard-read', 'clipboard-write'] });
	mock.state.login = login;
	const page = await context.newPage();
	page.faults = [];
	page.on('pageerror', (error) => page.faults.push(error.message));
	await page.goto(`${mock.url}/#${path}`);
	await page.waitForSelector('main h1, main h2', { state: 'attached' });
	return page;
}

async function close(page) {
	assert.deepEqual(page.faults, []);
	await page.context().close();
}

const calls = (method, pattern) => mock.state.calls.filter((call) => call.method === method && pattern.test(call.path));
const sigma = () => mock.data.alerts.find((alert) => !alert.threat && alert.state === 'new');

test('one screen: what happened, why, how common, the last 24 hours stand at 1366×768 without scrolling', async () => {
	const page = await open(`/alerts/${sigma().id}`);
	await page.waitForSelector('.alert .lead');
	await page.waitForSelector('.alert h3:has-text("Máy này trong 24 giờ qua")');
	assert.match(await page.textContent('.alert .lead'), /đã chạy một lệnh PowerShell/);
	for (const what of ['.alert .lead', '.alert h2:has-text("Vì sao có cảnh báo này?")', '.alert mark >> nth=0', '.alert h2:has-text("Ở đây có hay gặp không?")', '.alert h3:has-text("Máy này trong 24 giờ qua")', '.alert h2:has-text("Nên làm gì?")']) {
		const box = await page.locator(what).first().boundingBox();
		assert.ok(box && box.y >= 0 && box.y + box.height <= WIDE.height, `${what}: ${JSON.stringify(box)}`);
	}
	await close(page);
});

test('why this severity, whom to call, the matched words in the raw event: each by a key', async () => {
	const page = await open(`/alerts/${sigma().id}`);
	await page.waitForSelector('.alert .lead');
	await page.keyboard.press('Alt+y');
	const arithmetic = await page.textContent('.explain');
	for (const part of ['50 điểm', '× 120 %', 'Máy chủ', '× 125 %', '75 điểm']) assert.ok(arithmetic.includes(part), `${part} in ${arithmetic}`);
	assert.ok((await page.textContent('.contacts')).includes('••• 678'));
	assert.equal(calls('GET', /\/contact$/).length, 0, 'no number is read before it is asked for');
	await page.keyboard.press('Alt+p');
	await page.waitForSelector('.contacts >> text=0901 234 678');
	assert.equal(calls('GET', /\/contact$/).length, 1);
	await page.keyboard.press('9');
	await page.waitForSelector('.raw pre mark:has-text("WINWORD.EXE")');
	await close(page);
});

test('a machine is isolated by keyboard alone: the second step names it and its unit; one key frees it', async () => {
	const alert = mock.data.alerts.find((one) => one.endpoint && one.state === 'new');
	const page = await open(`/alerts/${alert.id}`);
	await page.waitForSelector('.actions kbd:has-text("Alt+K")');
	await page.keyboard.press('Alt+k');
	await page.waitForSelector('dialog[open] textarea');
	assert.match(await page.inputValue('dialog textarea'), new RegExp(`số ${alert.number}`));
	await page.keyboard.press('Enter');
	await page.waitForSelector('dialog .lead');
	const said = await page.textContent('dialog .dialog-body');
	for (const part of [alert.endpoint.hostname, alert.unit.name, 'ngắt khỏi mạng. Gọi 113.']) assert.ok(said.includes(part), `${part} in ${said}`);
	assert.equal(calls('POST', /\/isolation$/).length, 0, 'nothing is ordered before the second step');
	await page.keyboard.press('Enter');
	await page.waitForSelector('.isolation-asked');
	assert.equal(calls('POST', /\/isolation$/).length, 1);
	await page.keyboard.press('Alt+k');
	await page.waitForSelector('.isolation-lifting');
	assert.equal(calls('DELETE', /\/isolation$/).length, 1);
	await close(page);
});

test('an alert arrives live and is decided by keyboard alone; what is being read does not move', async () => {
	const page = await open('/alerts');
	await page.waitForSelector('.alert .lead');
	// Faster than a slow PC draws: each press is a step all the same.
	await page.evaluate(() => { for (let i = 0; i < 12; i++) dispatchEvent(new KeyboardEvent('keydown', { code: 'ArrowDown', key: 'ArrowDown', cancelable: true })); });
	await page.waitForSelector('.queue-row.active#alert-12');
	await page.waitForFunction(() => document.querySelector('.queue-scroll').scrollTop > 62);
	await page.waitForTimeout(400);
	const before = await page.evaluate(() => ({ top: document.querySelector('.queue-row.active').getBoundingClientRect().top, title: document.querySelector('.alert h2').textContent }));
	for (let i = 0; i < 50 && mock.state.streams.size !== 1; i++) await page.waitForTimeout(100);
	const fresh = mock.addAlert({ title: 'Phát hiện mã độc lúc nửa đêm', severity: 'critical' });
	await page.waitForSelector('.queue-new:has-text("1 cảnh báo mới")');
	const now = await page.evaluate(() => ({ top: document.querySelector('.queue-row.active').getBoundingClientRect().top, title: document.querySelector('.alert h2').textContent }));
	assert.equal(now.title, before.title);
	// The notice itself takes a line above the list.
	assert.ok(Math.abs(now.top - before.top) <= 48, `${before.top} → ${now.top}`);
	for (let i = 0; i < 13; i++) await page.keyboard.press('ArrowUp');
	await page.waitForFunction(() => document.querySelector('.alert h2')?.textContent.includes('lúc nửa đêm'));
	await page.keyboard.press('1');
	await page.waitForFunction(() => document.querySelector('.alert .state')?.textContent.includes('Đã tiếp nhận'));
	await page.keyboard.press('4');
	await page.keyboard.type('Gọi lại anh Hải');
	await page.keyboard.press('Tab');
	await page.keyboard.type('22/11/2026 06:00');
	await page.keyboard.press('Enter');
	await page.waitForSelector('.alert .timeline >> text=Hẹn lúc 22/11/2026 06:00');
	await page.waitForSelector('dialog', { state: 'detached' });
	await page.keyboard.press('6');
	await page.waitForSelector('dialog[open]');
	await page.keyboard.press('Space');
	await page.keyboard.press('Tab');
	await page.keyboard.type('Đã cách ly');
	await page.keyboard.press('Tab');
	await page.keyboard.press('Tab');
	await page.keyboard.press('Enter');
	await page.waitForSelector('.toast:has-text("Đã đóng cảnh báo")');
	assert.equal(fresh.state, 'closed');
	await page.keyboard.press('Alt+z');
	await page.waitForFunction(() => document.querySelector('.toasts').textContent.includes('Đã hoàn tác'));
	assert.notEqual(fresh.state, 'closed');
	await close(page);
});

test('suppressed by keyboard with a reason, shown in the list, taken back; the whole city waits for a second person', async () => {
	const page = await open(`/alerts/${sigma().id}`);
	await page.waitForSelector('.alert .lead');
	await page.keyboard.press('0');
	await page.waitForSelector('dialog[open]');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('dialog .error');
	await page.fill('dialog textarea', 'Đơn vị đang cài phần mềm');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('.toast:has-text("Đã tạm ngừng")');
	const sent = calls('POST', /\/suppress$/).at(-1).body;
	assert.equal(sent.scope, 'entity');
	assert.equal(sent.reason, 'Đơn vị đang cài phần mềm');
	assert.equal(sent.close_open, true);
	assert.ok(Math.abs(Date.parse(sent.expires_at) - Date.now() - 7 * 86400000) < 600000, sent.expires_at);
	await page.keyboard.press('Alt+z');
	await page.waitForFunction(() => document.querySelector('.toasts').textContent.includes('Đã hoàn tác'));
	assert.equal(calls('POST', /\/suppressions\/[^/]+\/end$/).length, 1);
	assert.match(calls('POST', /\/suppressions\/[^/]+\/end$/)[0].query, /reopen=1/);
	await page.keyboard.press('0');
	await page.check('dialog input[value=city]');
	await page.waitForSelector('dialog .note:has-text("người thứ hai")');
	await page.fill('dialog textarea', 'Diễn tập toàn thành phố');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('dialog', { state: 'detached' });
	await page.goto(`${mock.url}/#/suppressions`);
	await page.waitForSelector('tbody tr[role=row]');
	assert.match(await page.textContent('.table-part'), /phần mềm kế toán/);
	await close(page);
});

test('hand-over: made from the state of things, edited, signed; the next account accepts it', async () => {
	const page = await open('/shifts');
	await page.waitForSelector('.week-day.today');
	await page.waitForSelector('.on-duty:has-text("Đang trực")');
	await page.click('button:has-text("Lập biên bản giao ca")');
	await page.waitForSelector('textarea.handover-body');
	assert.match(await page.inputValue('textarea.handover-body'), /Cảnh báo đang mở/);
	await page.fill('textarea.handover-body', 'Đêm yên, còn một việc hẹn lúc 06:00.');
	await page.click('.page-head button:has-text("Ký giao ca")');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('.page-head .state:has-text("Đã ký")');
	assert.equal(await page.locator('.page-head button:has-text("Nhận ca")').count(), 0, 'nobody accepts an own hand-over');
	assert.equal(calls('PATCH', /\/handovers\//).at(-1).body.body, 'Đêm yên, còn một việc hẹn lúc 06:00.');
	const address = page.url().split('#')[1];
	await close(page);
	const next = await open(address, 'second');
	await next.waitForSelector('pre.handover-body:has-text("Đêm yên")');
	await next.keyboard.press('1');
	await next.fill('dialog textarea', 'Đã đọc');
	await next.click('dialog button[type=submit]');
	await next.waitForSelector('.page-head .state:has-text("Đã nhận ca")');
	assert.equal(calls('POST', /\/accept$/).at(-1).body.note, 'Đã đọc');
	await close(next);
});

test('one line of the queue: the machines of a rule, acknowledged together and taken back; what is low is a view of its own', async () => {
	const [first, second, third] = mock.data.endpoints;
	const wave = [first, second, third].map((endpoint) => mock.addAlert({ line: 'wave', title: 'Scheduled Task From Temp', threat: '', kind: 'sigma', rule_id: 'r-wave', severity: 'critical', endpoint: { id: endpoint.id, hostname: endpoint.hostname }, unit: endpoint.unit }));
	const page = await open('/alerts');
	await page.waitForSelector('.queue-row .count:has-text("×3 máy")');
	assert.equal(await page.locator('.queue-row:has-text("Scheduled Task From Temp")').count(), 1, 'three alerts are one line');
	await page.click('.queue-row:has-text("Scheduled Task From Temp")');
	await page.waitForSelector('.line-all:has-text("3 cảnh báo trên 3 máy")');
	await page.waitForSelector('.panel.line >> text=Cùng dòng trong hàng đợi');
	await page.keyboard.press('1');
	await page.waitForSelector('.toast:has-text("Đã tiếp nhận 3 cảnh báo")');
	assert.deepEqual(wave.map((alert) => alert.state), ['acknowledged', 'acknowledged', 'acknowledged']);
	await page.keyboard.press('Alt+z');
	await page.waitForFunction(() => document.querySelector('.toasts').textContent.includes('Đã hoàn tác'));
	assert.deepEqual(wave.map((alert) => alert.state), ['new', 'new', 'new']);
	// Taken as one, given back each to who had it; opened by a link, a member lights its line.
	wave[1].assignee = { id: 'p3', name: 'Lê Thị Mai' };
	await page.goto(`${mock.url}/#/alerts/${wave[1].id}`);
	await page.reload();
	await page.waitForSelector('.queue-row.active:has-text("Scheduled Task From Temp")');
	await page.waitForSelector('.line-all:has-text("3 cảnh báo trên 3 máy")');
	await page.keyboard.press('2');
	await page.waitForSelector('.toast');
	assert.deepEqual(wave.map((alert) => alert.assignee?.id), ['me', 'me', 'me']);
	await page.keyboard.press('Alt+z');
	await page.waitForFunction(() => document.querySelector('.toasts').textContent.includes('Đã hoàn tác'));
	assert.deepEqual(wave.map((alert) => alert.assignee?.id), [undefined, 'p3', undefined]);
	await page.uncheck('.line-all input');
	await page.waitForFunction(() => document.querySelector('.alert .state')?.textContent.includes('Mới'));
	await page.keyboard.press('1');
	await page.waitForFunction(() => document.querySelector('.alert .state')?.textContent.includes('Đã tiếp nhận'));
	assert.equal(wave.filter((alert) => alert.state === 'new').length, 2, 'only the one that is open');
	await page.click('.tabs a:has-text("Thấp")');
	await page.waitForFunction(() => document.querySelectorAll('.queue-row').length > 0 && [...document.querySelectorAll('.queue-row')].every((row) => row.classList.contains('sev-edge-low')));
	for (const alert of wave) alert.state = 'closed';
	await close(page);
});

test('a first day: rules that are new here are one line a tactic, which says why and opens into its rules', async () => {
	const rules = ['LSASS Access From Non System Account', 'Password Policy Enumerated', 'Potential Credential Dumping Attempt Via PowerShell'];
	const made = rules.flatMap((title, i) => mock.data.endpoints.slice(0, i * 3 + 1).map((endpoint) => mock.addAlert({ learned: 'credential-access', line: `new-${i}`, title, threat: '', kind: 'sigma', rule_id: `r-new-${i}`, severity: 'high', endpoint: { id: endpoint.id, hostname: endpoint.hostname }, unit: endpoint.unit })));
	const page = await open('/alerts');
	const row = page.locator('.queue-row:has-text("Mới gặp ở đây: lấy thông tin đăng nhập")');
	await row.waitFor();
	assert.equal(await row.count(), 1);
	assert.match(await row.textContent(), /3 luật.*7 máy/);
	await row.click();
	await page.waitForSelector('.learning p:has-text("12 cảnh báo của 3 luật trên 7 máy")');
	assert.deepEqual(await page.locator('.learning tr a').allTextContents(), rules);
	await page.click(`.learning a:has-text("${rules[2]}")`);
	await page.waitForSelector(`.learning tr[aria-current] a:has-text("${rules[2]}")`);
	await page.waitForSelector('.queue-row.active:has-text("Mới gặp ở đây")');
	await page.waitForSelector('.line-all:has-text("7 cảnh báo trên 7 máy")');
	await page.keyboard.press('1');
	await page.waitForSelector('.toast:has-text("Đã tiếp nhận 7 cảnh báo")');
	assert.equal(made.filter((alert) => alert.state === 'acknowledged').length, 7, 'the rule that is open, not all of the line');
	for (const alert of made) alert.state = 'closed';
	await close(page);
});

test('how many events have the matched value, and the machine\'s own: told when the store answers, and when it does not', async () => {
	const page = await open(`/alerts/${sigma().id}`);
	await page.waitForSelector('.common-events:has-text("47 sự kiện trên 6 máy ở 3 đơn vị")');
	await page.waitForSelector('.day-events li:has-text("Tiến trình được tạo")');
	mock.state.storeAway = true;
	await page.reload();
	await page.waitForSelector('.day-events:has-text("Kho sự kiện đang không trả lời")');
	assert.ok(await page.locator('.alert .lead').first().isVisible(), 'the page does not wait for it');
	mock.state.storeAway = false;
	await close(page);
});

test('the sound is off until it is switched on, and stays as it was set', async () => {
	const page = await open('/alerts');
	const button = page.locator('button[role=switch]');
	await button.waitFor();
	assert.equal(await button.getAttribute('aria-checked'), 'false');
	await button.click();
	assert.equal(await button.getAttribute('aria-checked'), 'true');
	await page.reload();
	await button.waitFor();
	assert.equal(await button.getAttribute('aria-checked'), 'true');
	await close(page);
});
