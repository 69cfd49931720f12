// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Texts by key. Vietnamese is the source language; both catalogues are made from the *_messages.yaml files
// of web/: console_messages.yaml comes with every page, the others with the pages that name them in routes.js.
import { createStore, useStore } from './store.js';

const catalogues = { vi: {}, en: {} };
const fetched = new Map();
// Sets of texts that are wanted beside those of every page ("alert" of pages/alert_messages.yaml).
const sets = new Set(['']);
const language = createStore('vi');

export const useLang = () => useStore(language);
export const lang = () => language.get();

function cookieLang() {
	const found = /(?:^|;\s*)lang=(vi|en)/.exec(document.cookie);
	return found ? found[1] : 'vi';
}

async function load(set, code) {
	const answer = await fetch(`/messages/${set ? `${set}.` : ''}${code}.json`);
	if (!answer.ok) throw new Error(`messages: ${answer.status}`);
	Object.assign(catalogues[code], await answer.json());
}

function loadOnce(set, code) {
	const name = `${set}.${code}`;
	if (!fetched.has(name)) fetched.set(name, load(set, code).catch((error) => { fetched.delete(name); throw error; }));
	return fetched.get(name);
}

// Texts of a page, fetched beside its module and kept when the language changes.
export function addTexts(names = []) {
	for (const name of names) sets.add(name);
	return Promise.all(names.map((name) => loadOnce(name, language.get())));
}

export const startLang = () => setLang(cookieLang(), false);

export async function setLang(code, keep = true) {
	await Promise.all([...sets].map((set) => loadOnce(set, code)));
	if (keep) document.cookie = `lang=${code}; Path=/; Max-Age=31536000; SameSite=Strict; Secure`;
	document.documentElement.lang = code;
	language.set(code);
}

// The text of a key with {name} replaced; English may have {one, other}, chosen by args.count.
export function t(key, args) {
	const entry = catalogues[language.get()][key];
	if (entry === undefined) return key;
	const text = typeof entry === 'string' ? entry : args?.count === 1 ? entry.one : entry.other;
	return args ? text.replace(/\{([a-z_0-9]+)\}/g, (whole, name) => (name in args ? shown(args[name]) : whole)) : text;
}

const shown = (value) => (typeof value === 'number' ? number(value) : String(value ?? ''));

// Numbers are written 1.234,5 in Vietnamese, 1,234.5 in English.
const formats = {};
export function number(value, digits = 1) {
	if (value === null || value === undefined || Number.isNaN(value)) return '–';
	const id = `${language.get()}${digits}`;
	formats[id] ??= new Intl.NumberFormat(language.get() === 'vi' ? 'vi-VN' : 'en-GB', { maximumFractionDigits: digits });
	return formats[id].format(value);
}

export const hasText = (key) => catalogues[language.get()][key] !== undefined;
