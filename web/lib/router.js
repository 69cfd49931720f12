// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// The address is the state: #/path?name=value. A view can be pasted into a chat and opens the same for who may see it.
import { createStore, useStore } from './store.js';

function read() {
	const hash = location.hash.replace(/^#/, '') || '/';
	const [path, search = ''] = hash.split('?');
	return { path: decodeURI(path), query: new URLSearchParams(search), search };
}

const route = createStore(read());
addEventListener('hashchange', () => route.set(read()));

export const useRoute = () => useStore(route);
export const currentRoute = () => route.get();

export function href(path, query) {
	const search = query ? new URLSearchParams(entries(query)).toString() : '';
	return `#${encodeURI(path)}${search ? `?${search}` : ''}`;
}

function entries(query) {
	return Object.entries(query).flatMap(([name, value]) =>
		Array.isArray(value) ? value.map((one) => [name, one]) : value === null || value === undefined || value === '' || value === false ? [] : [[name, String(value)]]);
}

export function go(path, query, { replace = false } = {}) {
	const target = href(path, query);
	if (replace) {
		history.replaceState(null, '', target);
		route.set(read());
	} else {
		location.hash = target;
	}
}

// Changes some names of the query and keeps the others; empty values are removed.
export function setQuery(patch, { replace = true, path } = {}) {
	const now = read();
	const query = new URLSearchParams(now.search);
	for (const [name, value] of Object.entries(patch)) {
		query.delete(name);
		for (const [, one] of entries({ [name]: value })) query.append(name, one);
	}
	const search = query.toString();
	const target = `#${encodeURI(path ?? now.path)}${search ? `?${search}` : ''}`;
	if (target === location.hash) return;
	if (replace) {
		history.replaceState(null, '', target);
		route.set(read());
	} else {
		location.hash = target;
	}
}

// "/alerts/:id" against "/alerts/0190…": the parameters, or null.
export function match(pattern, path) {
	const want = pattern.split('/'), have = path.replace(/\/+$/, '').split('/');
	if (pattern === '/') return path === '/' || path === '' ? {} : null;
	if (want.length !== have.length) return null;
	const params = {};
	for (let i = 0; i < want.length; i++) {
		if (want[i].startsWith(':')) params[want[i].slice(1)] = have[i];
		else if (want[i] !== have[i]) return null;
	}
	return params;
}
