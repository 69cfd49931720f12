// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// A machine cut off from the network: how it stands, who asked and why, and the way back. Cutting off takes two steps; the
// second names the machine and its unit and shows what the person there will read.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { duration } from '../lib/format.js';
import { useGet } from '../lib/data.js';
import { post, remove } from '../lib/api.js';
import { State, Time, Facts, ProblemBox } from './bits.js';
import { Dialog } from './dialog.js';
import { Form, useForm } from './form.js';
import { act, toast } from './toast.js';

const OPEN = ['asked', 'on', 'lifting'];
export const isolated = (state) => OPEN.includes(state);

export const useIsolation = (id) => useGet(id ? `/endpoints/${id}/isolation` : null, null, { events: ['endpoint.'] });

// What the one key does now: 'isolate', 'lift', or null.
export const isolationVerb = (standing) => (!standing?.may ? null : ['asked', 'on'].includes(standing.state) ? 'lift' : 'isolate');

const TONES = { asked: 'busy', on: 'warn', lifting: 'busy', failed: 'bad' };
const Badge = ({ state }) => html`<${State} group="isolation" value=${state} tone=${TONES[state] ?? 'quiet'} />`;
export const IsolationBadge = ({ state }) => (isolated(state) ? html`<${Badge} state=${state} />` : null);

const path = (standing) => `/endpoints/${standing.endpoint.id}/isolation`;

export const lift = (standing, reload) => act(async () => {
	await remove(path(standing));
	await reload();
}, t('ui.isolation.lift_asked', { host: standing.endpoint.hostname }));

function Confirmation({ standing, values, onBack, onDone, onClose }) {
	const [problem, setProblem] = useState(null);
	const [busy, setBusy] = useState(false);
	const { hostname } = standing.endpoint;
	const cause = standing.causes.find((one) => one.id === values.cause);
	const submit = async (event) => {
		event.preventDefault();
		if (busy) return;
		setBusy(true);
		try {
			await onDone();
		} catch (error) {
			if (error.status === 202) {
				toast(error.detail);
				onClose();
				return;
			}
			setProblem(error);
			setBusy(false);
		}
	};
	return html`<form onSubmit=${submit}>
		<div class="dialog-body">
			<p class="lead">${t('ui.isolation.confirm', { host: hostname, unit: standing.unit?.name ?? '–' })}</p>
			<p>${t(values.duration_s ? 'ui.isolation.until_time' : 'ui.isolation.until_lifted', { time: duration((values.duration_s || standing.longest_s) * 1000) })}</p>
			<p class="muted">${t('ui.isolation.message_shown')}</p>
			<blockquote class="note" lang="vi">${cause?.message}</blockquote>
			<${ProblemBox} problem=${problem} />
		</div>
		<footer>
			<button type="button" onClick=${onBack}>${t('ui.isolation.back')}</button>
			<button type="submit" class="danger" data-first disabled=${busy} ref=${(node) => node?.focus()}>${t('ui.isolation.do', { host: hostname })}</button>
		</footer>
	</form>`;
}

export function IsolationDialog({ standing, alert, reload, onClose }) {
	const [values, setValues] = useState(null);
	const { hostname } = standing.endpoint;
	const form = useForm({ initial: { cause: standing.causes[0]?.id, duration_s: '', reason: alert ? t('ui.isolation.reason_alert', { number: String(alert.number) }) : '' } });
	const fields = [
		{ name: 'cause', type: 'radio', label: t('ui.isolation.cause'), required: true, options: standing.causes.map((one) => ({ value: one.id, label: one.label })) },
		{ name: 'reason', type: 'textarea', rows: 2, max: 500, label: t('ui.isolation.reason'), required: true, hint: t('ui.isolation.reason_example') },
		{ name: 'duration_s', type: 'radio', label: t('ui.isolation.duration'), options: [
			{ value: '', label: t('ui.isolation.duration_none', { time: duration(standing.longest_s * 1000) }) },
			...standing.durations_s.map((seconds) => ({ value: String(seconds), label: duration(seconds * 1000) })),
		] },
	];
	const send = async () => {
		await post(path(standing), { cause: values.cause, reason: values.reason, ...(values.duration_s ? { duration_s: values.duration_s } : {}), ...(alert ? { alert_id: alert.id } : {}) });
		onClose();
		await reload();
		toast(t('ui.isolation.asked', { host: hostname }), { undo: async () => {
			await remove(path(standing));
			await reload();
		} });
	};
	if (!standing.can) {
		return html`<${Dialog} title=${t('ui.isolation.title', { host: hostname })} onClose=${onClose}>
			<div class="dialog-body"><p class="lead">${t('ui.isolation.cannot', { host: hostname })}</p><p>${standing.why_not}</p></div>
			<footer><button type="button" class="primary" data-first onClick=${onClose}>${t('ui.action.close_dialog')}</button></footer>
		<//>`;
	}
	return html`<${Dialog} title=${t('ui.isolation.title', { host: hostname })} onClose=${onClose}>
		${values
			? html`<${Confirmation} standing=${standing} values=${values} onBack=${() => setValues(null)} onDone=${send} onClose=${onClose} />`
			: html`<${Form} form=${form} fields=${fields} submit=${t('ui.isolation.next')} onCancel=${onClose}
				onSubmit=${async (next) => setValues({ ...next, duration_s: Number(next.duration_s) || 0 })} />`}
	<//>`;
}

// Stands on the machine's page and on its alerts for as long as there is something to say.
export function IsolationPanel({ standing }) {
	const order = standing?.order;
	if (!order) return null;
	const open = isolated(standing.state);
	return html`<section class=${`panel isolation isolation-${standing.state}`} aria-label=${t('ui.isolation.panel')}>
		<h2>${t('ui.isolation.panel')} <${Badge} state=${standing.state} /></h2>
		<p class="lead">${t(`ui.isolation.sentence.${order.overdue ? 'overdue' : standing.state}`, { host: standing.endpoint.hostname })}${order.problem && html` <strong>${order.problem}.</strong>`}${order.repaired > 0 && open && html` <strong>${t('ui.isolation.repaired', { count: order.repaired })}</strong>`}</p>
		<${Facts} items=${[
			[t('ui.isolation.asked_by'), html`${order.asked_by?.name} · <${Time} at=${order.asked_at} />`],
			[t('ui.isolation.why'), `${order.cause}: ${order.reason}`],
			[t('ui.isolation.carried'), order.carried_at && html`<${Time} at=${order.carried_at} />`],
			[t('ui.isolation.ends'), open && html`<${Time} at=${order.expires_at} />`],
			[t('ui.isolation.lifted_by'), order.lifted_by && html`${order.lifted_by} · <${Time} at=${order.lift_asked_at} />`],
			[t('ui.isolation.ended'), order.ended_at && html`<${Time} at=${order.ended_at} />`],
			[t('ui.isolation.message'), open && html`<span lang="vi">${order.message}</span>`],
		]} />
	</section>`;
}
