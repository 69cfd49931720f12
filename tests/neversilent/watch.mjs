// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Two people at their open pages, an analyst and a unit officer. What their health strips say stands in seen.json, written
// anew twice a second; NAME in shot.want makes pictures NAME-analyst.png and NAME-officer.png.
import { existsSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser } from '../console/browser.mjs';

const { LUYTRE_URL: url, LUYTRE_PASSWORD: password, LUYTRE_SEEN: folder } = process.env;
const people = { analyst: 'truc', officer: 'ninhkieu' };

async function open(browser, login) {
	const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1366, height: 768 } });
	const page = await context.newPage();
	await page.goto(url);
	await page.fill('input[name=login]', login);
	await page.fill('input[name=password]', password);
	await page.click('button[type=submit]');
	await page.waitForSelector('.frame');
	return page;
}

const strip = (page) => page.evaluate(() => [...document.querySelectorAll('.health li')].map((line) => ({ what: line.dataset.what, text: line.textContent })));

const browser = await openBrowser();
const pages = {};
for (const [who, login] of Object.entries(people)) pages[who] = await open(browser, login);
for (;;) {
	const seen = { at: Date.now() };
	for (const [who, page] of Object.entries(pages)) seen[who] = await strip(page);
	const path = join(folder, 'seen.json');
	writeFileSync(`${path}.new`, JSON.stringify(seen));
	renameSync(`${path}.new`, path);
	const want = join(folder, 'shot.want');
	if (existsSync(want)) {
		const name = readFileSync(want, 'utf8').trim();
		for (const [who, page] of Object.entries(pages)) await page.screenshot({ path: join(folder, `${name}-${who}.png`) });
		unlinkSync(want);
	}
	await new Promise((resolve) => setTimeout(resolve, 500));
}
