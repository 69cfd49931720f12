// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Pictures of every page, to be looked at: node tests/console/shots.mjs OUT_DIR [FILTER]
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
const watch = ['/overview', '/alerts', `/alerts/${d.alerts[1].id}`, '/suppressions', '/shifts', `/handovers/${d.handovers[0].id}`, '/incidents', `/incidents/${d.incidents[2].id}`, '/incidents/new', '/endpoints', `/endpoints/${d.endpoints[0].id}`, '/malware', '/malware?tab=threats', '/malware?tab=quarantine', '/malware?tab=bundles', '/units', '/admin', '/accounts', `/accounts/${d.accounts[1].id}`, '/tokens', '/enrol', '/audit', '/status', '/me'];
const jobs = [
	...['light', 'dark'].flatMap((theme) => watch.map((path) => ({ role: 'analyst', theme, path, size: LARGE }))),
	...['light', 'dark'].flatMap((theme) => [{ role: 'officer', theme, path: '/', size: LARGE }, { role: 'leader', theme, path: '/', size: LARGE }]),
	...['/', '/endpoints', `/endpoints/${d.endpoints[0].id}`, '/alerts', `/alerts/${d.alerts[0].id}`, '/incidents', '/incidents/new', `/incidents/${d.incidents[2].id}`, '/enrol', '/me'].map((path) => ({ role: 'officer', theme: 'light', path, size: PHONE })),
	...['/', '/incidents', '/endpoints', '/units', '/me'].map((path) => ({ role: 'leader', theme: 'light', path, size: PHONE })),
	{ role: null, theme: 'light', path: '/', size: LARGE }, { role: null, theme: 'light', path: '/', size: PHONE }, { role: 'setup', theme: 'light', path: '/', size: LARGE },
];
for (const job of jobs) {
	const name = `${job.role ?? 'login'}-${job.theme}-${job.size.width}${job.path.replace(/[/?=]/g, '_').replace(/01939f00-0000-7000-8000-0+/, '')}`;
	if (!filter.test(name)) continue;
	mock.state.login = job.role === 'setup' ? null : job.role;
	mock.state.setup = job.role === 'setup';
	const page = await browser.newPage({ viewport: job.size, colorScheme: job.theme });
	page.on('console', (message) => ['error', 'warning'].includes(message.type()) && !/401/.test(message.text()) && console.log(name, message.text()));
	page.on('pageerror', (error) => console.log(name, error.message));
	await page.addInitScript((theme) => localStorage.setItem('theme', theme), job.theme);
	await page.goto(`${mock.url}/#${job.path}`);
	await page.waitForTimeout(700);
	await page.screenshot({ path: `${out}/${name}.png` });
	await page.close();
}
await browser.close();
mock.stop();
