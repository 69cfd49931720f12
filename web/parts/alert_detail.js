// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// One alert: the sentence, why it fired, how common it is, what to do, then the raw event one key away.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number, bytes, dateTime, middle } from '../lib/format.js';
import { useGet, useList } from '../lib/data.js';
import { post, remove } from '../lib/api.js';
import { can, session } from '../lib/session.js';
import { href, go } from '../lib/router.js';
import { useKeys } from '../lib/keys.js';
import { Severity, State, Time, Ago, Facts, Loading, ProblemBox, EndpointLink, UnitName, Copyable } from './bits.js';
import { Dialog } from './dialog.js';
import { Form, useForm } from './form.js';
import { AccountPicker } from './picker.js';
import { Timeline } from './timeline.js';
import { Icon } from './icons.js';
import { kindGroups, otherField } from './kinds.js';
import { act } from './toast.js';

const RESOLUTIONS = ['true_positive', 'false_positive', 'duplicate', 'test'];

function CloseDialog({ alert, onDone, onClose }) {
	const form = useForm({ draft: `alert.close.${alert.id}`, initial: { resolution: '', note: '' } });
	const fields = [
		{ name: 'resolution', type: 'radio', label: t('ui.alert.resolution'), required: true, options: RESOLUTIONS.map((value) => ({ value, label: t(`ui.alert.resolution.${value}`) })) },
		{ name: 'note', type: 'textarea', label: t('ui.alert.close_note'), hint: t('ui.alert.close_note_example'), required: form.values.resolution === 'false_positive' },
	];
	return html`<${Dialog} title=${t('ui.alert.close_title', { number: String(alert.number) })} onClose=${onClose}>
		<${Form} form=${form} fields=${fields} submit=${t('ui.alert.close_submit')} onCancel=${onClose} onSubmit=${onDone} />
	<//>`;
}

function AssignDialog({ alert, onDone, onClose }) {
	const form = useForm({ initial: { account_id: alert.assignee ?? null } });
	const fields = [{ name: 'account_id', type: 'pick', picker: AccountPicker, label: t('ui.alert.assignee'), required: true, hint: t('ui.alert.assign_hint') }];
	return html`<${Dialog} title=${t('ui.alert.do.assign')} onClose=${onClose}>
		<${Form} form=${form} fields=${fields} submit=${t('ui.alert.do.assign')} onCancel=${onClose} onSubmit=${onDone} />
	<//>`;
}

function CommentDialog({ alert, onDone, onClose }) {
	const form = useForm({ draft: `alert.comment.${alert.id}`, initial: { text: '' } });
	const fields = [{ name: 'text', type: 'textarea', label: t('ui.alert.comment'), required: true, hint: t('ui.alert.comment_example') }];
	return html`<${Dialog} title=${t('ui.alert.do.comment')} onClose=${onClose}>
		<${Form} form=${form} fields=${fields} submit=${t('ui.action.save')} onCancel=${onClose} onSubmit=${onDone} />
	<//>`;
}

function IncidentDialog({ alert, onDone, onClose }) {
	const kinds = useGet('/incident-kinds');
	const form = useForm({ draft: `alert.incident.${alert.id}`, initial: { title: alert.title, kind: 'attack.malware' } });
	const fields = [
		{ name: 'title', label: t('ui.incident.title'), required: true, max: 300 },
		{ name: 'kind', type: 'select', label: t('ui.incident.kind'), required: true, groups: kindGroups(kinds.data) },
		...otherField(form.values.kind),
	];
	return html`<${Dialog} title=${t('ui.alert.do.incident')} onClose=${onClose}>
		<div class="dialog-body"><p class="muted">${t('ui.alert.incident_hint', { unit: alert.unit?.name, host: alert.endpoint?.hostname })}</p></div>
		<${Form} form=${form} fields=${fields} submit=${t('ui.alert.do.incident')} onCancel=${onClose} onSubmit=${onDone} />
	<//>`;
}

// The actions of an alert, in the order of their digits. Those not permitted or not possible now are not shown.
function useActions(alert, reload, setDialog) {
	const me = session.get().account;
	const call = (name, body) => () => post(`/alerts/${alert.id}/${name}`, body, { etag: alert.etag });
	const fresh = async (name, body) => {
		const now = await reload();
		await post(`/alerts/${alert.id}/${name}`, body, { etag: now?.etag });
		await reload();
	};
	const simple = (run, text, undo) => async () => {
		await act(run, text, undo);
		await reload();
	};
	if (!alert) return [];
	const handle = can('alert.write'), open = alert.state !== 'closed';
	return [
		{ id: 'acknowledge', digit: 1, primary: true, show: handle && alert.state === 'new', run: simple(call('acknowledge'), t('ui.alert.done.acknowledge', { number: String(alert.number) }), () => fresh('release')) },
		{ id: 'take', digit: 2, show: handle && open && alert.assignee?.id !== me.id,
			run: simple(call('assign', { account_id: me.id }), t('ui.alert.done.assign', { name: me.display_name }), () => fresh('assign', { account_id: alert.assignee?.id ?? null })) },
		{ id: 'assign', digit: 3, show: handle && open && can('account.read'), run: () => setDialog('assign') },
		{ id: 'comment', digit: 4, show: handle, run: () => setDialog('comment') },
		{ id: 'incident', digit: 5, show: can('incident.write') && !alert.incident && open, run: () => setDialog('incident') },
		{ id: 'close', digit: 6, show: handle && open, run: () => setDialog('close') },
		{ id: 'reopen', digit: 7, show: handle && !open, run: simple(call('reopen'), t('ui.alert.done.reopen'), () => fresh('close', { resolution: alert.detail.resolution, note: alert.detail.note })) },
	].filter((action) => action.show);
}

function Why({ alert }) {
	const rows = alert.why ?? [];
	return html`<section class="panel">
		<h2>${t('ui.alert.why')}</h2>
		${rows.length ? html`<table class="plain-table"><tbody>${rows.map((one) => html`<tr key=${one.field}><th>${one.field}</th><td><mark title=${String(one.value)}>${middle(String(one.value), 22)}</mark></td></tr>`)}</tbody></table>` : html`<p class="muted">${t('ui.alert.why_none')}</p>`}
		${alert.rule_id && html`<p class="muted">${t('ui.alert.rule', { rule: alert.rule_id })}</p>`}
	</section>`;
}

const DAY_MS = 86400 * 1000;

// What else this machine showed in the last 24 hours.
function LastDay({ alert }) {
	const list = useList(alert.endpoint ? '/alerts' : null, { endpoint: alert.endpoint?.id }, { events: ['alert.'] });
	if (!alert.endpoint) return null;
	const others = list.items.filter((one) => one.id !== alert.id && Date.now() - Date.parse(one.last_at) < DAY_MS);
	return html`<h3>${t('ui.alert.last_day')}</h3>
		${others.length ? html`<ul class="near">${others.slice(0, 4).map((one) => html`<li key=${one.id}><${Severity} value=${one.severity} /><a href=${href(`/alerts/${one.id}`)}>${one.title}</a><${Ago} at=${one.last_at} /></li>`)}</ul>
			${others.length > 4 && html`<a href=${href('/alerts', { view: 'all', endpoint: alert.endpoint.id })}>${t('ui.alert.more_here', { count: others.length - 4 })}</a>`}` : html`<p class="muted">${list.loading ? t('ui.loading') : t('ui.alert.last_day_none')}</p>`}`;
}

function Steps({ alert }) {
	const steps = ['call', 'others', 'scan', 'decide'];
	return html`<section class="panel"><h2>${t('ui.alert.steps')}</h2><ol class="steps">${steps.map((step) => html`<li key=${step}>${t(`ui.alert.step.${step}`, { host: alert.endpoint?.hostname ?? '–' })}</li>`)}</ol></section>`;
}

function sentence(alert) {
	const args = { threat: alert.threat ?? alert.title, host: alert.endpoint?.hostname ?? '–', unit: alert.unit?.name ?? '–', time: dateTime(alert.first_at), count: alert.count };
	const action = alert.detail?.action;
	return t(alert.threat ? (action === 'quarantined' ? 'ui.alert.sentence.quarantined' : 'ui.alert.sentence.found') : 'ui.alert.sentence.rule', args);
}

export function AlertDetail({ id, onBack }) {
	const { data: alert, error, reload } = useGet(`/alerts/${id}`, null, { events: ['alert.'] });
	const [dialog, setDialog] = useState(null);
	const [raw, setRaw] = useState(false);
	const actions = useActions(alert ?? null, reload, setDialog);
	useKeys([
		...actions.map((action) => ({ code: `Digit${action.digit}`, label: t(`ui.alert.do.${action.id}`), run: action.run })),
		{ code: 'Digit9', label: t('ui.alert.raw_toggle'), run: () => setRaw((now) => !now) },
		...(alert?.endpoint ? [{ code: 'Digit8', label: t('ui.alert.open_endpoint'), run: () => go(`/endpoints/${alert.endpoint.id}`) }] : []),
	], [alert, dialog]);
	if (error) return html`<${ProblemBox} problem=${error} retry=${reload} />`;
	if (!alert) return html`<${Loading} />`;
	const detail = alert.detail ?? {};
	const done = (run, text, undo) => async (values) => {
		const result = await run(values);
		setDialog(null);
		await act(async () => reload(), text, undo && (() => undo(result)));
		return result;
	};
	const send = (name) => (values) => post(`/alerts/${id}/${name}`, values, { etag: alert.etag });
	const again = async (name, body) => {
		const now = await reload();
		await post(`/alerts/${id}/${name}`, body, { etag: now?.etag });
		await reload();
	};
	// Back to where it stood: an alert that nobody had taken goes back into the queue.
	const reopen = async () => {
		await again('reopen');
		if (alert.state === 'new') await again('release');
	};
	const unassign = () => again('assign', { account_id: alert.assignee?.id ?? null });
	const withdraw = async (result) => {
		const known = new Set((alert.comments ?? []).map((comment) => comment.id));
		const mine = (result?.comments ?? []).find((comment) => !known.has(comment.id));
		await remove(`/alerts/${id}/comments/${mine.id}`);
		await reload();
	};
	const raise = async (values) => {
		const incident = await post(`/alerts/${id}/incident`, values, { etag: alert.etag });
		go(`/incidents/${incident.id}`);
	};
	const close = () => setDialog(null);
	return html`<article class="alert">
		<header class="alert-head">
			<div class="actions" role="toolbar" aria-label=${t('ui.alert.actions')}>
				<button type="button" class="only-narrow" onClick=${onBack}><${Icon} name="back" />${t('ui.alert.queue')}</button>
				${actions.map((action) => html`<button type="button" key=${action.id} class=${action.primary ? 'primary' : ''} onClick=${action.run}>${t(`ui.alert.do.${action.id}`)}<kbd aria-hidden="true">${action.digit}</kbd></button>`)}
			</div>
			<div class="alert-line"><${Severity} value=${alert.severity} /><${State} group="alert" value=${alert.state} /><span class="muted">${t('ui.alert.number', { number: String(alert.number) })}</span>
				${alert.incident && html`<a class="chip" href=${href(`/incidents/${alert.incident.id}`)}>${alert.incident.number}</a>`}</div>
			<h2>${alert.title}</h2>
			<p class="lead">${sentence(alert)}</p>
		</header>
		<div class="alert-grid">
			<${Why} alert=${alert} />
			<section class="panel"><h2>${t('ui.alert.common')}</h2>
				<p class="lead">${alert.similar_30d ? t('ui.alert.similar', { alerts: number(alert.similar_30d.alerts), units: number(alert.similar_30d.units) }) : t('ui.alert.similar_unknown')}</p>
				<${Facts} items=${[[t('ui.alert.first_at'), html`<${Time} at=${alert.first_at} seconds />`], [t('ui.alert.last_at'), html`<${Time} at=${alert.last_at} seconds />`], [t('ui.alert.times'), number(alert.count)]]} />
				<${LastDay} alert=${alert} />
			</section>
			<section class="panel"><h2>${t('ui.alert.where')}</h2>
				<${Facts} items=${[[t('ui.endpoint.one'), html`<${EndpointLink} endpoint=${alert.endpoint} />`], [t('ui.unit.one'), html`<${UnitName} unit=${alert.unit} />`], [t('ui.alert.assignee'), alert.assignee?.name ?? t('ui.alert.nobody')],
					[t('ui.malware.path'), detail.path && html`<${Copyable} path text=${detail.path} show=${middle(detail.path, 24)} />`], [t('ui.malware.sha256'), detail.sha256 && html`<${Copyable} text=${detail.sha256} show=${middle(detail.sha256, 19)} />`], [t('ui.malware.size'), detail.size_bytes && bytes(detail.size_bytes)]]} />
			</section>
			<${Steps} alert=${alert} />
		</div>
		<section class="panel"><h2>${t('ui.alert.comments')}</h2><${Timeline} items=${(alert.comments ?? []).map((comment) => ({ ...comment, type: 'comment' }))} label=${t('ui.alert.comments')} /></section>
		<details class="panel raw" open=${raw} onToggle=${(e) => setRaw(e.target.open)}><summary>${t('ui.alert.raw')} <kbd aria-hidden="true">9</kbd></summary><pre>${alert.raw ?? '–'}</pre>${alert.raw && html`<${CopyRaw} text=${alert.raw} />`}</details>
		${dialog === 'close' && html`<${CloseDialog} alert=${alert} onClose=${close} onDone=${done(send('close'), t('ui.alert.done.close', { number: String(alert.number) }), reopen)} />`}
		${dialog === 'assign' && html`<${AssignDialog} alert=${alert} onClose=${close} onDone=${done(send('assign'), t('ui.alert.done.assigned'), unassign)} />`}
		${dialog === 'comment' && html`<${CommentDialog} alert=${alert} onClose=${close} onDone=${done((values) => post(`/alerts/${id}/comments`, values), t('ui.alert.done.comment'), withdraw)} />`}
		${dialog === 'incident' && html`<${IncidentDialog} alert=${alert} onClose=${close} onDone=${raise} />`}
	</article>`;
}

function CopyRaw({ text }) {
	return html`<button type="button" class="small" onClick=${() => act(() => navigator.clipboard.writeText(text), t('ui.action.copied'))}><${Icon} name="copy" />${t('ui.action.copy')}</button>`;
}
