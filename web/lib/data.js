// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Records and lists of the API as hooks: old data stays on the page while new data is fetched, late answers are dropped.
import { useState, useEffect, useRef, useCallback } from './html.js';
import { get } from './api.js';
import { useEvents } from './stream.js';
import { useLang } from './i18n.js';

const asProblem = (error) => {
	if (error.name === 'AbortError') return null;
	if (error.detail === undefined) throw error;
	return error;
};

// Gathers a burst of calls into one, `ms` after the first: live within the second, at most a few requests a second.
function useGathered(fn, ms) {
	const timer = useRef(null), latest = useRef(fn);
	latest.current = fn;
	useEffect(() => () => clearTimeout(timer.current), []);
	return useCallback(() => {
		if (timer.current) return;
		timer.current = setTimeout(() => {
			timer.current = null;
			latest.current();
		}, ms);
	}, [ms]);
}

// {data, error, loading, reload}. path null: nothing is asked.
export function useGet(path, query, { events = [], every = 0 } = {}) {
	const [state, setState] = useState({ data: null, error: null, loading: Boolean(path) });
	const control = useRef(null);
	const language = useLang();
	const key = path ? `${language} ${path}?${JSON.stringify(query ?? null)}` : null;
	const load = useCallback(async () => {
		if (!path) return null;
		control.current?.abort();
		const mine = (control.current = new AbortController());
		try {
			const data = await get(path, query, { signal: mine.signal });
			setState({ key, data, error: null, loading: false });
			return data;
		} catch (error) {
			const problem = asProblem(error);
			if (problem) setState((old) => ({ key, data: old.key === key ? old.data : null, error: problem, loading: false }));
			return null;
		}
	}, [key]);
	useEffect(() => {
		setState((old) => ({ ...old, error: null, loading: Boolean(path) }));
		load();
		const timer = every ? setInterval(() => document.hidden || load(), every) : 0;
		return () => {
			clearInterval(timer);
			control.current?.abort();
		};
	}, [load, every]);
	useEvents(events, useGathered(load, 200));
	// Data of another record must not be shown under this address.
	const fresh = state.key === key;
	return { data: fresh ? state.data : null, error: fresh ? state.error : null, loading: state.loading || (!fresh && Boolean(path)), reload: load };
}

const PAGE = 100, BIG_PAGE = 500, TYPING_MS = 200;

// A cursor-paged list: {items, total, head (what else the answer says), query, complete, loading, error, more, all, reload}. Up to BIG_PAGE rows are all
// loaded and sorted here; of a longer list the server sorts, and further rows come as they are scrolled to. `id` names
// the field that tells records apart where that is not "id"; `sorts` says which columns the server sorts by what name;
// `whole` loads every page.
export function useList(path, asked, { events = [], id = 'id', sorts = {}, whole = false } = {}) {
	const [big, setBig] = useState(false);
	const { sort, ...unsorted } = asked ?? {};
	const field = sorts[sort?.replace(/^-/, '')];
	const query = big && field ? { ...unsorted, sort: `${sort.startsWith('-') ? '-' : ''}${field}` } : unsorted;
	const language = useLang();
	const key = path ? `${language} ${path}?${JSON.stringify(query ?? null)}` : null;
	const [state, setState] = useState({ items: [], total: null, next: null, error: null, loading: Boolean(path) });
	const run = useRef({ control: null, key: null, busy: null, state });
	run.current.state = state;
	const put = (next) => {
		run.current.state = next;
		setState(next);
	};
	const fetchPage = async (limit, cursor, signal) => {
		const page = await get(path, { ...query, limit, cursor }, { signal });
		if (id !== 'id') for (const item of page.items) item.id = String(item[id]);
		return page;
	};

	const more = useCallback(async () => {
		const r = run.current;
		if (r.busy || !r.state.next || r.state.key !== key) return r.busy;
		const signal = r.control?.signal;
		const from = r.state.next;
		r.busy = (async () => {
			try {
				const page = await fetchPage(BIG_PAGE, from, signal);
				const have = new Set(r.state.items.map((item) => item.id));
				put({ ...r.state, items: [...r.state.items, ...page.items.filter((item) => !have.has(item.id))], total: page.total ?? r.state.total, next: page.next });
			} catch (error) {
				const problem = asProblem(error);
				if (problem) put({ ...r.state, error: problem });
			} finally {
				r.busy = null;
			}
		})();
		return r.busy;
	}, [key]);

	const reload = useCallback(async () => {
		if (!path) return;
		const r = run.current;
		r.control?.abort();
		r.busy = null;
		const mine = (r.control = new AbortController());
		const same = r.key === key;
		const loaded = same ? r.state.items.length : 0;
		r.key = key;
		try {
			const page = await fetchPage(loaded > PAGE ? BIG_PAGE : PAGE, null, mine.signal);
			let { items, next } = page;
			// Beyond the first pages the rows already here are kept; the fresh ones go on top of them.
			if (loaded > items.length && page.next) {
				const fresh = new Set(items.map((item) => item.id));
				items = [...items, ...r.state.items.filter((item) => !fresh.has(item.id)).slice(0, loaded - items.length)];
				next = r.state.next;
			}
			const total = page.total ?? items.length;
			const { items: _items, ...head } = page;
			put({ key, query, items, total, next, head, error: null, loading: false });
			if (total > BIG_PAGE) setBig(true);
			else if (next) await more();
			while (whole && run.current.state.next && !run.current.state.error && run.current.key === key) await more();
		} catch (error) {
			const problem = asProblem(error);
			if (problem) put({ ...(same ? r.state : { items: [], total: null, next: null }), key, query, error: problem, loading: false });
		}
	}, [key]);

	// Everything up to `most` rows, for copying.
	const all = useCallback(async (most = 20000) => {
		const r = run.current;
		while (r.state.next && r.state.items.length < most && !r.state.error) await more();
		return r.state.items;
	}, [more]);

	useEffect(() => {
		setState((old) => ({ ...old, loading: true }));
		const typing = run.current.key !== null && (run.current.state.query?.q ?? '') !== (query?.q ?? '');
		const timer = setTimeout(reload, typing ? TYPING_MS : 0);
		return () => {
			clearTimeout(timer);
			run.current.control?.abort();
		};
	}, [reload]);
	useEvents(events, useGathered(reload, 250));
	return { ...state, path, sorts, complete: !state.next && state.key === key && !state.error, more, all, reload };
}
