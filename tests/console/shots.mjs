// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Pictures of every page and of the dialogs, to be looked at: node tests/console/shots.mjs OUT_DIR [FILTER]
// A name is ROLE-LANGUAGE-THEME-WIDTH_ADDRESS[+STEP]; FILTER is a regular expression over names.
import { mkdirSync } from 'node:fs';
import { openBrowser } from './browser.mjs';
import { startMock, ALL } from './mock_server.mjs';

const out = process.argv[2] ?? 'build/shots';
const filter = new RegExp(process.argv[3] ?? '.');
mkdirSync(out, { recursive: true });
const mock = await startMock({ machines: 2000, allPermissions: ALL });
const browser = await openBrowser();
const d = mock.data;
const LARGE = { width: 1366, height: 768 }, PHONE = { width: 360, height: 740 };

// Two lines of the queue: a rule over twelve machines, a case on one machine.
const wave = d.endpoints.slice(0, 12).map((endpoint) => mock.addAlert({ line: 'wave', title: 'Scheduled Task From Temp', what: 'Tác vụ hẹn giờ chạy tệp trong thư mục tạm', threat: '', kind: 'sigma', rule_id: 'r-wave', severity: 'critical', endpoint: { id: endpoint.id, hostname: endpoint.hostname }, unit: endpoint.unit }));
const parts = ['Chạy lệnh PowerShell đáng ngờ', 'Tắt phần mềm bảo vệ', 'Xóa bản sao lưu'].map((what, i) => mock.addAlert({ line: 'case', title: ['Suspicious Encoded PowerShell Command Line', 'Disable Defender', 'Shadow Copy Deletion'][i], what, threat: '', kind: 'sigma', rule_id: `r-case-${i}`, endpoint: { id: d.endpoints[20].id, hostname: d.endpoints[20].hostname }, unit: d.endpoints[20].unit }));
const learned = ['LSASS Access From Non System Account', 'Password Policy Enumerated', 'Uncommon GrantedAccess Flags On LSASS', 'Potential Credential Dumping Attempt Via PowerShell'].map((title, i) => d.endpoints.slice(30, 31 + i * i * 4).map((endpoint) => mock.addAlert({ learned: 'credential-access', line: `new-${i}`, title, threat: '', kind: 'sigma', rule_id: `r-new-${i}`, severity: i < 2 ? 'high' : 'medium', endpoint: { id: endpoint.id, hostname: endpoint.hostname }, unit: endpoint.unit })));
const sheet = (name, text) => (page) => page.setInputFiles('dialog input[type=file]', { name, mimeType: 'text/csv', buffer: Buffer.from(text) });
const button = (vi, en) => (page) => page.click(`:is(main, dialog) :is(button, summary):is(:text-is("${vi}"), :text-is("${en}"))`);
const steps = (...list) => async (page) => { for (const step of list) { await step(page); await page.waitForTimeout(300); } };
const pressed = (key) => (page) => page.keyboard.press(key);
const scrolled = (selector) => (page) => page.locator(selector).last().scrollIntoViewIfNeeded();
const importing = button('Nhập từ tệp', 'Import a file');

// [address, step's name, steps, state of the mock]
const DONE = [
	['/sources', 'new', steps(button('Đăng ký nguồn', 'Register a source'), scrolled('dialog textarea[name=note], dialog textarea'))],
	['/sources', 'import', steps(importing)],
	['/sources', 'import_bad', steps(importing, sheet('nguon.csv', 'ten,dia_chi\nTường lửa biên,10.1.1.1\nMáy chủ thư,khong phai\nMáy chủ web,10.1.1.3\n'))],
	['/units', 'import', steps(importing, sheet('don-vi.csv', 'ma,loai,ten\n31201,ward,Phường Thử Một\n31202,nonsense,Phường Thử Hai\n'))],
	['/storage', 'again', steps((page) => page.locator('.panel-head button').click())],
	['/storage', 'dead', steps(scrolled('article.dead'))],
	['/storage', 'foot', steps(scrolled('section.panel'))],
	['/storage', 'empty', null, { storage: 'empty' }], ['/storage', 'away', null, { storage: 'away' }],
	[`/alerts/${learned[2][0].id}`, 'learning'], [`/alerts/${wave[3].id}`, 'wave'], [`/alerts/${parts[2].id}`, 'case'],
	[`/alerts/${parts[1].id}`, 'explain', steps(pressed('Alt+y'))],
	[`/alerts/${parts[1].id}`, 'isolate', steps(pressed('Alt+k'))],
	[`/alerts/${parts[1].id}`, 'isolate_sure', steps(pressed('Alt+k'), (page) => page.click('dialog button[type=submit]'))],
	[`/alerts/${parts[1].id}`, 'suppress', steps(pressed('0'))],
	[`/alerts/${parts[1].id}`, 'tune', steps(pressed('Alt+j'), (page) => page.waitForSelector('.tune-preview'))],
	[`/alerts/${parts[1].id}`, 'close', steps(pressed('6'))],
	['/alerts?view=low', 'low'],
	['/search', 'stopped', null, { searchSlow: true }], ['/search?query=khongco', 'nothing'], ['/search?query=khongco', 'stopped_nothing', null, { searchSlow: true }],
	['/sources', 'dropped', null, { kernelDropped: true }],
	['/search', 'event', steps((page) => page.locator('main [role=row]').nth(2).click())],
	['/search', 'export', steps(button('Xuất làm chứng cứ', 'Export as evidence'))],
	['/search', 'rule', steps((page) => page.locator('.search-tools > button').nth(1).click())],
	['/search', 'live', steps(pressed('1'))],
	['/search?tab=sql', 'sql', steps((page) => page.click('.sql-lane button.primary'))],
	[`/endpoints/${d.endpoints[0].id}`, 'isolate', steps(pressed('3'))],
	[`/endpoints/${d.endpoints[0].id}`, 'isolated', null, { isolated: d.endpoints[0].id }],
];
const UDP = { what: 'udp', since: new Date(Date.now() - 360000).toISOString(), lost: 240, sentence: 'Máy chủ không đọc kịp nhật ký gửi qua UDP: hệ điều hành đã bỏ 240 gói tin trước khi nhận, không rõ của nguồn nào.', action: 'Chuyển thiết bị gửi nhiều sang TCP hoặc TLS.' };
const PAGES = ['/overview', '/alerts', `/alerts/${d.alerts[30].id}`, '/suppressions', '/shifts', ...d.handovers.map((one) => `/handovers/${one.id}`), '/incidents', `/incidents/${d.incidents[2].id}`, '/incidents/new', '/endpoints', `/endpoints/${d.endpoints[0].id}`, '/search', '/search?tab=sql', '/search?tab=dead', '/malware', '/malware?tab=threats', '/malware?tab=quarantine', '/malware?tab=bundles', '/units', '/admin', '/accounts', `/accounts/${d.accounts[1].id}`, '/tokens', '/sources', `/sources/${d.sources[2].id}`, `/sources/${d.sources[4].id}`, '/sources?tab=strangers', '/sources?tab=connect', '/sources?tab=retention', '/storage', '/rules', `/rules/${d.rules[3].id}`, '/approvals', '/enrol', '/audit', '/status', '/me'];
const all = (more) => ['vi', 'en'].flatMap((lang) => more.map((one) => ({ role: 'analyst', theme: 'light', size: LARGE, lang, ...one })));
const jobs = [
	...all(PAGES.map((path) => ({ path }))), ...PAGES.map((path) => ({ role: 'analyst', lang: 'vi', theme: 'dark', size: LARGE, path })),
	...all(DONE.map(([path, step, run, state]) => ({ path, step, run, state }))),
	...DONE.map(([path, step, run, state]) => ({ role: 'analyst', lang: 'vi', theme: 'dark', size: LARGE, path, step, run, state })),
	...all(['/', '/endpoints', `/endpoints/${d.endpoints[0].id}`, '/alerts', `/alerts/${d.alerts[30].id}`, '/incidents', '/incidents/new', `/incidents/${d.incidents[2].id}`, '/enrol', '/me'].map((path) => ({ role: 'officer', path, size: PHONE }))),
	...all(['/', '/incidents', '/endpoints', '/units', '/me'].map((path) => ({ role: 'leader', path, size: PHONE }))),
	...['light', 'dark'].flatMap((theme) => ['officer', 'leader'].map((role) => ({ role, lang: 'vi', theme, path: '/', size: LARGE }))),
	...all([{ role: null, path: '/' }, { role: null, path: '/', size: PHONE }, { role: 'setup', path: '/' }]),
];
for (const job of jobs) {
	const name = `${job.role ?? 'login'}-${job.lang}-${job.theme}-${job.size.width}${job.path.replace(/[/?=]/g, '_').replace(/01939f00-0000-7000-8000-0+/, '')}${job.step ? `+${job.step}` : ''}`;
	if (!filter.test(name)) continue;
	Object.assign(mock.state, { login: job.role === 'setup' ? null : job.role, setup: job.role === 'setup', blind: job.state?.kernelDropped ? [UDP] : [], lang: job.lang, searchSlow: false, kernelDropped: false, storage: null, isolated: null }, job.state);
	const context = await browser.newContext({ viewport: job.size, colorScheme: job.theme, reducedMotion: 'reduce' });
	await context.addCookies([{ name: 'lang', value: job.lang, url: mock.url }]);
	const page = await context.newPage();
	page.on('console', (message) => ['error', 'warning'].includes(message.type()) && !/40[13]|503/.test(message.text()) && console.log(name, message.text(), message.location().url));
	page.on('pageerror', (error) => console.log(name, error.message));
	await page.addInitScript((theme) => localStorage.setItem('theme', theme), job.theme);
	await page.goto(`${mock.url}/#${job.path}`);
	await page.waitForFunction(() => document.querySelector('main') === null || document.querySelector('main h1, main h2') && !document.querySelector('main .loading'), null, { timeout: 15000 }).catch(() => {});
	await page.waitForTimeout(300);
	await job.run?.(page).catch((error) => console.log(name, error.message.split('\n')[0]));
	if (job.run) await page.waitForTimeout(400);
	// A key of the catalogue where its text should be.
	const bare = await page.evaluate(() => [...new Set(document.body.innerText.match(/\bui\.[a-z_]+\.[a-z_.]+/g) ?? [])]);
	if (bare.length) console.log(name, 'without a text:', bare.join(' '));
	await page.screenshot({ path: `${out}/${name}.png` });
	await context.close();
}
await browser.close();
mock.stop();
