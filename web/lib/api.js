// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Requests to /api/v1. A failure is always a Problem that can be shown: what happened, where, and a code for the hotline.
import { t, lang } from './i18n.js';

export class Problem extends Error {
	constructor({ status = 0, title, detail, key, args, place, retryAfter }) {
		super(detail || title || key);
		Object.assign(this, { status, title, detail: detail || title, key, args, place, retryAfter });
	}

	// The field a form shows it at: "/unit_id" → "unit_id".
	get field() {
		return this.place ? this.place.replace(/^\//, '').split('/')[0] : null;
	}
}

let whenSignedOut = () => {};
export const onSignedOut = (fn) => (whenSignedOut = fn);

function address(path, query) {
	const search = new URLSearchParams();
	for (const [name, value] of Object.entries(query ?? {})) {
		for (const one of Array.isArray(value) ? value : [value]) {
			if (one !== undefined && one !== null && one !== '') search.append(name, one);
		}
	}
	const text = search.toString();
	return `/api/v1${path}${text ? `?${text}` : ''}`;
}

async function problemOf(answer) {
	let body = {};
	try {
		body = await answer.json();
	} catch {
		/* Not ours (a proxy, say): the status alone tells. */
	}
	const retryAfter = Number(answer.headers.get('Retry-After')) || undefined;
	return new Problem({ detail: t('ui.error.status', { status: String(answer.status) }), key: `http.${answer.status}`, ...body, status: answer.status, retryAfter });
}

export async function request(method, path, { query, body, etag, signal, quiet } = {}) {
	// The server's words in the language of the page, whatever the browser prefers.
	const headers = { Accept: 'application/json', 'Accept-Language': lang() };
	if (method !== 'GET') headers['X-Luytre-Request'] = '1';
	if (etag) headers['If-Match'] = etag.startsWith('"') ? etag : `"${etag}"`;
	const file = body instanceof Blob;
	if (body !== undefined) headers['Content-Type'] = file ? 'application/octet-stream' : 'application/json';
	let answer;
	try {
		answer = await fetch(address(path, query), {
			method, headers, signal, credentials: 'same-origin', cache: 'no-store',
			body: body === undefined || file ? body : JSON.stringify(body).normalize('NFC'),
		});
	} catch (error) {
		if (error.name === 'AbortError') throw error;
		throw new Problem({ detail: t('ui.error.network'), key: 'console.network' });
	}
	if (!answer.ok) {
		const problem = await problemOf(answer);
		if (answer.status === 401 && !quiet) whenSignedOut();
		throw problem;
	}
	if (answer.status === 204) return null;
	const text = await answer.text();
	const made = text ? JSON.parse(text) : null;
	// Not done yet: a second person has to approve it. Whoever waited for the deed must not believe it done.
	if (answer.status === 202 && made?.approval) throw new Problem({ status: 202, detail: t('ui.approval.sent'), key: 'approval.waits' });
	return made;
}

// What the server makes as a file, under the name that it gives.
export async function fetchFile(path, query, fallback) {
	let answer;
	try {
		answer = await fetch(address(path, { ...query, lang: lang() }), { credentials: 'same-origin', cache: 'no-store' });
	} catch {
		throw new Problem({ detail: t('ui.error.network'), key: 'console.network' });
	}
	if (!answer.ok) {
		const problem = await problemOf(answer);
		if (answer.status === 401) whenSignedOut();
		throw problem;
	}
	const name = /filename="([^"]+)"/.exec(answer.headers.get('Content-Disposition') ?? '')?.[1] ?? fallback;
	const link = document.createElement('a');
	link.href = URL.createObjectURL(await answer.blob());
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 60000);
	return name;
}

// A file of any size: the browser's own download, which shows how far it is and when it broke off.
export function takeFile(path, query) {
	const link = document.createElement('a');
	link.href = address(path, { ...query, lang: lang() });
	link.download = '';
	link.click();
}

// A list as a file, made by the server from the same query; columns: [[member, label, text group]].
export function download(path, query, columns, format = 'xlsx') {
	const column = columns.map(([member, label, texts]) => `${member}${texts ? `~ui.${texts}` : ''}=${label}`);
	return fetchFile(path, { ...query, format, column }, `export.${format}`);
}

export const get = (path, query, options) => request('GET', path, { query, ...options });
// Routes that take no body refuse one, even an empty object.
export const post = (path, body, options) => request('POST', path, { body, ...options });
export const patch = (path, body, etag) => request('PATCH', path, { body, etag });
export const remove = (path, etag) => request('DELETE', path, { etag });
