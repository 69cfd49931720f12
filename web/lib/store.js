// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// A value that several parts of the page watch.
import { useState, useEffect } from './html.js';

export function createStore(initial) {
	let value = initial;
	const watchers = new Set();
	return {
		get: () => value,
		set(next) {
			value = typeof next === 'function' ? next(value) : next;
			for (const watch of [...watchers]) watch(value);
		},
		watch(fn) {
			watchers.add(fn);
			return () => watchers.delete(fn);
		},
	};
}

export function useStore(store) {
	const [value, setValue] = useState(store.get());
	useEffect(() => {
		setValue(() => store.get());
		return store.watch((next) => setValue(() => next));
	}, [store]);
	return value;
}
