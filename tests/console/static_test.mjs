// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// What can be said of the console without a browser: texts complete and used, no text in the source, weight of the first
// page, preloads equal to what is imported, libraries vendored, no inline script or style, pages reachable.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const top = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const web = join(top, 'web');
const FIRST_PAGE_LIMIT = 100 * 1024;

function walk(folder) {
	return readdirSync(folder).flatMap((name) => {
		const path = join(folder, name);
		if (['vendor', 'messages'].includes(name)) return [];
		return statSync(path).isDirectory() ? walk(path) : [path];
	});
}
const sources = walk(web).filter((path) => path.endsWith('.js'));
const read = (path) => readFileSync(path, 'utf8');
const stripped = (text) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`\\])\/\/[^\n]*/g, '$1');

// The texts by set: "console" comes with every page, the others with the pages that name them.
const sets = new Map(walk(web).filter((path) => path.endsWith('_messages.yaml')).map((path) => [basename(path, '_messages.yaml'), [...read(path).matchAll(/^(ui\.[a-z0-9_.]+):/gm)].map((m) => m[1])]));
const keys = [...sets.values()].flat();
const { pages } = await import(join(web, 'routes.js'));
const textsOf = new Map([...pages.map((page) => [page.file, page.texts ?? []]), ['setup', ['setup']], ['login', []], ['first_password', []], ['first_factor', ['factor']]]);

test('message files are sound and in both languages', () => {
	const out = mkdtempSync(join(tmpdir(), 'luytre-messages-'));
	execFileSync('/usr/bin/python3', [join(top, 'tools/gen_messages.py'), '--json', out]);
	const vi = JSON.parse(read(join(out, 'vi.json'))), en = JSON.parse(read(join(out, 'en.json')));
	for (const set of sets.keys()) if (set !== 'console') for (const [lang, all] of [['vi', vi], ['en', en]]) Object.assign(all, JSON.parse(read(join(out, `${set}.${lang}.json`))));
	for (const key of keys) assert.ok(vi[key] && en[key], key);
});

test('every key used exists, every key is used', () => {
	const exact = new Set(), prefixes = new Set();
	for (const path of sources) {
		const text = stripped(read(path));
		for (const m of text.matchAll(/ui\.[a-z0-9_.]+(\$\{)?/g)) {
			if (m[1]) prefixes.add(m[0].slice(0, -2));
			else exact.add(m[0].replace(/\.$/, ''));
		}
		for (const m of text.matchAll(/<\$\{State\} group="([a-z.]+)"/g)) prefixes.add(`ui.${m[1]}.state.`);
		for (const m of text.matchAll(/\btexts: '([a-z_.]+)'/g)) prefixes.add(`ui.${m[1]}.`);
	}
	const missing = [...exact].filter((key) => !keys.includes(key));
	const unused = keys.filter((key) => !exact.has(key) && ![...prefixes].some((prefix) => key.startsWith(prefix)));
	const empty = [...prefixes].filter((prefix) => !keys.some((key) => key.startsWith(prefix)));
	assert.deepEqual({ missing, unused, empty }, { missing: [], unused: [], empty: [] });
});

test('no text for people stands in the source', () => {
	const faults = [];
	for (const path of sources) {
		const text = stripped(read(path)), name = relative(top, path);
		const marks = /[\u00c0-\u00d6\u00d8-\u1ef9]/.exec(text);
		if (marks) faults.push(`${name}: letter “${marks[0]}”`);
		// Words between tags of a template, and in attributes that people read.
		for (const m of text.matchAll(/>\s*([A-Za-z][A-Za-z ,.!?]{2,})\s*<\/?[a-z$]/g)) faults.push(`${name}: “${m[1].trim()}”`);
		for (const m of text.matchAll(/\b(title|placeholder|aria-label|alt)="([^"$]*[A-Za-z]{2}[^"]*)"/g)) faults.push(`${name}: ${m[1]}="${m[2]}"`);
	}
	assert.deepEqual(faults, []);
});

// The texts a source file uses: exact keys, and beginnings of keys that are made from a value.
function usedBy(path) {
	const text = stripped(read(path)), tests = [];
	for (const m of text.matchAll(/ui\.[a-z0-9_.]+(\$\{)?/g)) tests.push(m[1] ? (key) => key.startsWith(m[0].slice(0, -2)) : (key) => key === m[0].replace(/\.$/, ''));
	for (const m of text.matchAll(/<\$\{State\} group="([a-z.]+)"/g)) tests.push((key) => key.startsWith(`ui.${m[1]}.state.`));
	return keys.filter((key) => tests.some((hit) => hit(key)));
}

test('every page fetches the texts that it shows', () => {
	const frame = [...graph(join(web, 'app.js'))].filter((path) => !path.includes('vendor'));
	const faults = [];
	const check = (name, modules, have) => {
		const known = new Set(['console', ...have].flatMap((set) => sets.get(set) ?? assert.fail(`${name}: no pages/${set}_messages.yaml`)));
		for (const path of modules) for (const key of usedBy(path)) if (!known.has(key)) faults.push(`${name}: ${key} of ${relative(web, path)}`);
	};
	check('every page', frame, []);
	for (const [file, texts] of textsOf) check(file, [...graph(join(web, 'pages', `${file}.js`))].filter((path) => !path.includes('vendor')), texts);
	assert.deepEqual(faults, []);
});

// Static imports from a file, all the way down.
function graph(entry, seen = new Set()) {
	if (seen.has(entry)) return seen;
	seen.add(entry);
	for (const m of read(entry).matchAll(/(?:^|\n|;)\s*(?:import|export)[^'"();]*?from\s*['"]([^'"]+)['"]/g)) graph(resolve(dirname(entry), m[1]), seen);
	return seen;
}

const weight = (paths) => [...paths].reduce((sum, path) => sum + gzipSync(readFileSync(path), { level: 6 }).length, 0);

test('login and any page, opened first, weigh at most 100 KB together', () => {
	const out = mkdtempSync(join(tmpdir(), 'luytre-messages-'));
	execFileSync('/usr/bin/python3', [join(top, 'tools/gen_messages.py'), '--json', out]);
	const fixed = [join(web, 'index.html'), join(web, 'icon.svg'), join(out, 'vi.json'), ...walk(join(web, 'styles'))];
	for (const first of new Set(pages.map((page) => page.file))) {
		const modules = graph(join(web, 'app.js'));
		const texts = textsOf.get(first).map((set) => join(out, `${set}.vi.json`));
		graph(join(web, 'pages', `${first}.js`), modules);
		const size = weight(new Set([...fixed, ...texts, ...modules]));
		console.log(`first page with ${first}: ${size} bytes gzip, ${modules.size} modules`);
		assert.ok(size <= FIRST_PAGE_LIMIT, `${first}: ${size}`);
	}
});

test('index.html preloads exactly what app.js imports, so that a slow line loads it in one round', () => {
	const html = read(join(web, 'index.html'));
	const have = [...html.matchAll(/<link rel="modulepreload" href="([^"]+)">/g)].map((m) => m[1]).sort();
	const want = [...graph(join(web, 'app.js'))].map((path) => `/${relative(web, path)}`).filter((path) => path !== '/app.js').sort();
	assert.ok(have.join() === want.join(), want.map((path) => `<link rel="modulepreload" href="${path}">`).join('\n'));
});

test('pages run under default-src self: no inline script, style or handler', () => {
	for (const path of walk(web).filter((name) => /\.(html|js|svg)$/.test(name))) {
		const text = read(path);
		assert.doesNotMatch(text, /<script(?![^>]*\bsrc=)[^>]*>/, path);
		assert.doesNotMatch(text, /<style|\sstyle="|javascript:|\son[a-z]+="|\beval\(|new Function/, path);
		assert.doesNotMatch(text.replace('http://www.w3.org/2000/svg', ''), /https?:\/\//, path);
	}
});

test('every page of the table exists and exports a component; every file of pages/ is reachable', async () => {
	const table = read(join(web, 'routes.js'));
	const files = new Set([...table.matchAll(/file: '([a-z_]+)'/g)].map((m) => m[1]));
	for (const file of files) assert.match(read(join(web, 'pages', `${file}.js`)), /export default function/, file);
	const outside = ['login', 'setup', 'first_password', 'first_factor'];
	for (const path of readdirSync(join(web, 'pages')).filter((name) => name.endsWith('.js'))) assert.ok(files.has(path.replace('.js', '')) || outside.includes(path.replace('.js', '')), path);
});

test('shells have at most seven entries', () => {
	for (const name of ['unit', 'watch', 'leader']) {
		const entries = /nav: \[([^\]]+)\]/.exec(read(join(web, 'shells', `${name}.js`)))[1].split(',');
		assert.ok(entries.length <= 7, name);
	}
});

test('styles keep to the rules: no capitals, no letter-spacing, nothing below 14 px, every outline at least 3 px', () => {
	for (const path of walk(join(web, 'styles')).filter((name) => !name.endsWith('print.css'))) {
		const text = read(path);
		assert.doesNotMatch(text, /text-transform|letter-spacing|@import|url\(/, path);
		for (const m of text.matchAll(/font-size:\s*([\d.]+)(rem|px|em)/g)) assert.ok((m[2] === 'px' ? Number(m[1]) / 14 : Number(m[1])) >= 1, `${path}: ${m[0]}`);
		for (const m of text.matchAll(/outline:\s*(\d+)px/g)) assert.ok(Number(m[1]) >= 3, `${path}: ${m[0]}`);
		for (const m of text.matchAll(/line-height:\s*([\d.]+)\s*;/g)) assert.ok(Number(m[1]) >= 1.3, `${path}: ${m[0]}`);
	}
});

test('files stay small enough to read', () => {
	for (const path of sources) assert.ok(read(path).split('\n').length <= 350, path);
});

test('libraries are vendored next to the console and not in the repository', () => {
	for (const name of ['preact.mjs', 'hooks.mjs', 'htm.mjs']) assert.ok(existsSync(join(web, 'vendor', name)), `${name}: run node web/vendor.mjs`);
	assert.equal(execFileSync('git', ['-C', top, 'ls-files', 'web/vendor'], { encoding: 'utf8' }), '');
});
