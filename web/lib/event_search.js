// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Searches over the event store: pages newest first, the live tail, and how values are written into a query.
import { useState, useEffect, useRef, useCallback } from './html.js';
import { get } from './api.js';

const FIRST = 200, PAGE = 1000, LONGER_S = 20, MOST = 20000, LIVE_MOST = 2000, POLL_MS = 1000, WAIT_MS = 5000;

// What the API is asked: the state of the URL, without what is only the page's.
export function searchOf(query) {
	const out = { q: query.get('query') ?? '' };
	if (query.get('from')) Object.assign(out, { from: query.get('from'), to: query.get('to') });
	else out.last = query.get('last') ?? '24h';
	if (query.get('endpoint')) out.endpoint = query.get('endpoint');
	if (query.get('unit')) out.unit = query.get('unit');
	return out;
}

const problemOf = (error) => {
	if (error.name === 'AbortError') return null;
	if (error.detail === undefined) throw error;
	return error;
};

// {items, next, stopped, error, loading, more, goOn, reload}: `stopped`: time was over there, and goOn() searches on. Rows are added as they are scrolled to; leaving ends the search in the store too.
export function useEventPages(asked, fields, paused) {
	const [state, setState] = useState({ items: [], next: null, error: null, loading: true });
	const run = useRef({});
	const key = JSON.stringify([asked, fields, paused]);
	const load = useCallback(async (cursor, wait) => {
		const r = run.current;
		if (r.busy && cursor) return;
		r.control?.abort();
		const mine = (r.control = new AbortController());
		r.busy = true;
		try {
			const page = await get('/events', { ...asked, field: fields, limit: cursor ? PAGE : FIRST, cursor, wait }, { signal: mine.signal });
			setState((old) => {
				const items = cursor ? [...old.items, ...page.items] : page.items;
				const next = items.length < MOST ? (page.next ?? null) : null;
				return { items, next: page.out_of_time ? null : next, stopped: next && page.out_of_time ? { cursor: next, time: page.searched_to } : null, full: items.length >= MOST && Boolean(page.next), error: null, loading: false };
			});
		} catch (error) {
			const problem = problemOf(error);
			if (problem) setState((old) => ({ ...old, items: cursor ? old.items : [], stopped: cursor ? old.stopped : null, error: problem, loading: false }));
		} finally {
			if (r.control === mine) r.busy = false;
		}
	}, [key]);
	useEffect(() => {
		if (paused) return undefined;
		setState((old) => ({ ...old, next: null, stopped: null, error: null, loading: true }));
		load(null);
		return () => run.current.control?.abort();
	}, [load]);
	const goOn = () => {
		setState((old) => ({ ...old, stopped: null, error: null, loading: true }));
		load(state.stopped.cursor, LONGER_S);
	};
	return { ...state, more: () => state.next && load(state.next), goOn, reload: () => load(null) };
}

// Events as they come, newest on top; asked for once a second. {items, error, more}
export function useEventTail(asked, fields, on) {
	const [state, setState] = useState({ items: [], error: null, behind: false });
	const key = JSON.stringify([asked.q, asked.endpoint, asked.unit, fields, on]);
	useEffect(() => {
		if (!on) return undefined;
		const control = new AbortController();
		const seen = new Set();
		let after, timer;
		setState({ items: [], error: null, behind: false });
		const poll = async () => {
			let wait = POLL_MS;
			try {
				const page = await get('/events/tail', { q: asked.q, endpoint: asked.endpoint, unit: asked.unit, field: fields, after }, { signal: control.signal });
				after = page.next;
				const fresh = page.items.filter((item) => !seen.has(item.id) && seen.add(item.id)).reverse();
				setState((old) => ({ items: fresh.length ? [...fresh, ...old.items].slice(0, LIVE_MOST) : old.items, error: null, behind: page.more }));
				if (page.more) wait = 0;
			} catch (error) {
				const problem = problemOf(error);
				if (!problem) return;
				setState((old) => ({ ...old, error: problem }));
				wait = WAIT_MS;
			}
			timer = setTimeout(poll, wait);
		};
		poll();
		return () => {
			clearTimeout(timer);
			control.abort();
		};
	}, [key]);
	return state;
}

// An answer for a search; the old one stays until the new one is there.
export function useAnswer(path, asked, on = true) {
	const [state, setState] = useState({ data: null, error: null, loading: true });
	const key = JSON.stringify([path, asked, on]);
	useEffect(() => {
		if (!on) return undefined;
		const control = new AbortController();
		setState((old) => ({ ...old, loading: true }));
		get(path, asked, { signal: control.signal }).then((data) => setState({ data, error: null, loading: false }), (error) => {
			const problem = problemOf(error);
			if (problem) setState({ data: null, error: problem, loading: false });
		});
		return () => control.abort();
	}, [key]);
	return state;
}

const PLAIN = /^[\p{L}\p{N}_.@$/+-]+$/u, NAME = /^(?=.*[A-Za-z@])[A-Za-z0-9_.@][A-Za-z0-9_.@-]*$/;
export const quote = (text) => (PLAIN.test(text) && !/^[-~]/.test(text) && !/^\d[\d.]*\/\d+$|^(AND|OR|NOT)$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`);
export const termOf = (field, value) => `${NAME.test(field) ? field : `"${field.replace(/["\\]/g, '\\$&')}"`}:${value === null ? '*' : quote(value)}`;

// The query with one more condition; what was there is kept together.
export function withTerm(query, field, value, exclude) {
	const term = `${exclude ? '-' : ''}${termOf(field, value)}`;
	const text = query.trim();
	if (!text || text === '*') return term;
	return `${/\bOR\b/.test(text) ? `(${text})` : text} ${term}`;
}

// The place of a byte of the query's UTF-8 in its text.
export function indexOfByte(text, at) {
	let bytes = 0, index = 0;
	for (const letter of text) {
		if (bytes >= at) break;
		bytes += new TextEncoder().encode(letter).length;
		index += letter.length;
	}
	return index;
}
