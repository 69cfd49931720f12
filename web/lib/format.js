// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// How times, sizes and shares are written. Shown times are GMT+7 whatever the browser's zone is.
import { t, number } from './i18n.js';

export { number };
const ZONE_MS = 7 * 3600 * 1000;
const two = (n) => String(n).padStart(2, '0');

function local(value) {
	if (!value) return null;
	const ms = typeof value === 'number' ? value : Date.parse(value);
	return Number.isNaN(ms) ? null : new Date(ms + ZONE_MS);
}

export function date(value) {
	const d = local(value);
	return d ? `${two(d.getUTCDate())}/${two(d.getUTCMonth() + 1)}/${d.getUTCFullYear()}` : '–';
}

export function time(value, seconds = false) {
	const d = local(value);
	if (!d) return '–';
	return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}${seconds ? `:${two(d.getUTCSeconds())}` : ''}`;
}

export const dateTime = (value, seconds) => (local(value) ? `${date(value)} ${time(value, seconds)}` : '–');

// "3 phút trước"; the absolute time belongs on hover beside it.
export function relative(value, now = Date.now()) {
	const ms = typeof value === 'number' ? value : Date.parse(value);
	if (!value || Number.isNaN(ms)) return '–';
	const seconds = Math.max(0, Math.round((now - ms) / 1000));
	if (seconds < 60) return t('ui.time.just_now');
	if (seconds < 3600) return t('ui.time.minutes_ago', { count: Math.floor(seconds / 60) });
	if (seconds < 86400) return t('ui.time.hours_ago', { count: Math.floor(seconds / 3600) });
	return t('ui.time.days_ago', { count: Math.floor(seconds / 86400) });
}

export function duration(ms) {
	const minutes = Math.max(0, Math.floor(ms / 60000));
	if (minutes < 60) return t('ui.time.minutes', { count: minutes });
	if (minutes < 2880) return t('ui.time.hours', { count: Math.floor(minutes / 60) });
	return t('ui.time.days', { count: Math.floor(minutes / 1440) });
}

export function bytes(value) {
	if (value === null || value === undefined) return '–';
	const units = ['B', 'KB', 'MB', 'GB', 'TB'];
	let n = Number(value), i = 0;
	while (n >= 1024 && i < units.length - 1) {
		n /= 1024;
		i++;
	}
	return `${number(n, i ? 1 : 0)} ${units[i]}`;
}

export const share = (part, whole) => (whole ? `${number((part / whole) * 100)} %` : '–');

// "21/11/2026 14:30" (GMT+7) to RFC 3339; null when it is no such time.
export function parseDateTime(text) {
	const m = /^\s*(\d{1,2})\/(\d{1,2})\/(\d{4})(?:\s+(\d{1,2}):(\d{2}))?\s*$/.exec(text);
	if (!m) return null;
	const [day, month, year, hour, minute] = [m[1], m[2], m[3], m[4] ?? '0', m[5] ?? '0'].map(Number);
	const d = new Date(Date.UTC(year, month - 1, day, hour, minute));
	const same = d.getUTCDate() === day && d.getUTCMonth() === month - 1 && d.getUTCHours() === hour && d.getUTCMinutes() === minute;
	return same ? new Date(d.getTime() - ZONE_MS).toISOString() : null;
}

// What stands in an address ("file.exe" of a long path) without losing both ends.
export function middle(text, max = 48) {
	if (!text || text.length <= max) return text ?? '–';
	const tail = Math.ceil(max * 0.6);
	return `${text.slice(0, max - tail - 1)}…${text.slice(-tail)}`;
}
