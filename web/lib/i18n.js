// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Texts by key. Vietnamese is the source language; both catalogues are made from the *_messages.yaml files.
import { createStore, useStore } from './store.js';

const catalogues = {};
const language = createStore('vi');

export const useLang = () => useStore(language);
export const lang = () => language.get();

function cookieLang() {
	const found = /(?:^|;\s*)lang=(vi|en)/.exec(document.cookie);
	return found ? found[1] : 'vi';
}

async function load(code) {
	if (catalogues[code]) return;
	const answer = await fetch(`/messages/${code}.json`);
	if (!answer.ok) throw new Error(`messages: ${answer.status}`);
	catalogues[code] = await answer.json();
}

export async function startLang() {
	await load(cookieLang());
	apply(cookieLang());
}

export async function setLang(code) {
	await load(code);
	document.cookie = `lang=${code}; Path=/; Max-Age=31536000; SameSite=Strict; Secure`;
	apply(code);
}

function apply(code) {
	document.documentElement.lang = code;
	language.set(code);
}

// The text of a key with {name} replaced; English may have {one, other}, chosen by args.count.
export function t(key, args) {
	const entry = catalogues[language.get()]?.[key];
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

export const hasText = (key) => catalogues[language.get()]?.[key] !== undefined;
