// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// What was just done, with undo for 30 seconds where it can be undone.
import { html, useEffect, useState } from '../lib/html.js';
import { createStore, useStore } from '../lib/store.js';
import { t } from '../lib/i18n.js';
import { useKeys } from '../lib/keys.js';
import { Icon } from './icons.js';

const UNDO_SECONDS = 30, SECONDS = 6;
const toasts = createStore([]);
let last = 0;

export function toast(text, { undo, bad } = {}) {
	const id = ++last;
	const until = Date.now() + (undo ? UNDO_SECONDS : bad ? 15 : SECONDS) * 1000;
	toasts.set((all) => [...all.slice(-3), { id, text, undo, bad, until }]);
}

const drop = (id) => toasts.set((all) => all.filter((one) => one.id !== id));

async function runUndo(one) {
	drop(one.id);
	try {
		await one.undo();
		toast(t('ui.undo.done'));
	} catch (error) {
		toast(error.detail ?? String(error), { bad: true });
	}
}

export function Toasts() {
	const all = useStore(toasts);
	const [, tick] = useState(0);
	useEffect(() => {
		if (!all.length) return undefined;
		const timer = setInterval(() => {
			const now = Date.now();
			if (all.some((one) => one.until <= now)) toasts.set((list) => list.filter((one) => one.until > now));
			tick((n) => n + 1);
		}, 1000);
		return () => clearInterval(timer);
	}, [all]);
	const undoable = [...all].reverse().find((one) => one.undo);
	useKeys([{ code: 'KeyZ', alt: true, label: t('ui.keys.undo'), when: () => Boolean(undoable), run: () => runUndo(undoable) }], [undoable]);
	return html`<div class="toasts" role="status" aria-live="polite">
		${all.map((one) => html`<div key=${one.id} class=${one.bad ? 'toast bad' : 'toast'}>
			<span>${one.text}</span>
			${one.undo && html`<button type="button" class="small" onClick=${() => runUndo(one)}><${Icon} name="undo" />${t('ui.undo.button', { seconds: Math.max(0, Math.ceil((one.until - Date.now()) / 1000)) })}</button>`}
			<button type="button" class="small ghost" onClick=${() => drop(one.id)}>${t('ui.action.close_dialog')}</button>
		</div>`)}
	</div>`;
}

// Runs an action of a page: its failure is told, its success may be undone.
export async function act(run, text, undo) {
	try {
		const result = await run();
		if (text) toast(text, { undo });
		return result;
	} catch (error) {
		if (error.detail === undefined) throw error;
		toast(error.status === 412 ? t('ui.error.changed_meanwhile') : error.detail, { bad: error.status !== 202 });
		return undefined;
	}
}
