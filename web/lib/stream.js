// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// One event stream per browser: the tab that holds a lock reads /api/v1/stream and passes events to the others over a
// channel. When that tab closes, the lock and with it the stream goes to another one. A tab holding a lock is not frozen.
import { useEffect, useRef } from './html.js';
import { createStore } from './store.js';

// {state: 'off' | 'open' | 'lost', since}
export const streamState = createStore({ state: 'off', since: Date.now() });

const NAMES = ['alert.created', 'alert.changed', 'incident.created', 'incident.changed', 'endpoint.changed', 'protection.changed',
	'unit.created', 'unit.changed', 'unit.moved', 'unit.closed', 'account.created', 'account.changed', 'account.disabled', 'status.changed', 'approval.changed', 'shift.changed'];
const listeners = new Set();
const channel = new BroadcastChannel('luytre-stream');
let stop = null;

function tell(name, data) {
	for (const listen of [...listeners]) listen(name, data);
}

function setState(state) {
	if (streamState.get().state !== state) streamState.set({ state, since: Date.now() });
}

channel.onmessage = ({ data }) => {
	if (data.type === 'event') tell(data.name, data.data);
	else if (data.type === 'state') setState(data.state);
	else if (data.type === 'ask' && stop?.leading) channel.postMessage({ type: 'state', state: streamState.get().state });
};

function lead(signal, started) {
	return new Promise((resolve) => {
		let source, retry, failures = 0, opened = false;
		stop.leading = true;
		const announce = (state) => {
			setState(state);
			channel.postMessage({ type: 'state', state });
		};
		const emit = (name, data) => {
			tell(name, data);
			channel.postMessage({ type: 'event', name, data });
		};
		const connect = () => {
			source = new EventSource('/api/v1/stream');
			source.onopen = () => {
				failures = 0;
				announce('open');
				// What happened while nobody listened is fetched, not guessed.
				if (opened || Date.now() - started > 3000) emit('resync', {});
				opened = true;
			};
			source.onerror = () => {
				announce('lost');
				if (source.readyState !== EventSource.CLOSED) return;
				retry = setTimeout(connect, Math.min(30000, 1000 * 2 ** failures++));
			};
			for (const name of NAMES) source.addEventListener(name, (event) => emit(name, JSON.parse(event.data)));
		};
		connect();
		signal.addEventListener('abort', () => {
			clearTimeout(retry);
			source.close();
			resolve();
		});
	});
}

export function startStream() {
	if (stop) return;
	const control = new AbortController();
	const started = Date.now();
	stop = { control, leading: false };
	navigator.locks.request('luytre-stream', () => (control.signal.aborted ? null : lead(control.signal, started)));
	channel.postMessage({ type: 'ask' });
}

export function stopStream() {
	stop?.control.abort();
	stop = null;
	setState('off');
}

// Calls fn(name, data) for events whose name begins with one of the prefixes ("alert."), and for 'resync'.
export function useEvents(prefixes, fn) {
	const latest = useRef(fn);
	latest.current = fn;
	const key = prefixes.join();
	useEffect(() => {
		const listen = (name, data) => {
			if (name === 'resync' || prefixes.some((prefix) => name.startsWith(prefix))) latest.current(name, data);
		};
		listeners.add(listen);
		return () => listeners.delete(listen);
	}, [key]);
}
