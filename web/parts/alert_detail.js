// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// One alert: the sentence, why it fired, how common it is, what to do, then the raw event one key away.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number, bytes, dateTime, middle } from '../lib/format.js';
import { useGet, useList } from '../lib/data.js';
import { get, post, remove } from '../lib/api.js';
import { can, session } from '../lib/session.js';
import { href, go } from '../lib/router.js';
import { useKeys } from '../lib/keys.js';
import { Severity, State, Time, Ago, Facts, Loading, ProblemBox, EndpointLink, UnitName, Copyable } from './bits.js';
import { Timeline } from './timeline.js';
import { Icon } from './icons.js';
import { CloseDialog, AssignDialog, CommentDialog, IncidentDialog, SuppressDialog, hostOf } from './alert_dialogs.js';
import { act, toast } from './toast.js';

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
		{ id: 'suppress', digit: 0, show: can('alert.suppress') && Boolean(alert.rule_id), run: () => setDialog('suppress') },
		{ id: 'reopen', digit: 7, show: handle && !open, run: simple(call('reopen'), t('ui.alert.done.reopen'), () => fresh('close', { resolution: alert.detail.resolution, note: alert.detail.note })) },
	].filter((action) => action.show);
}

function Why({ alert }) {
	const rows = alert.why ?? [];
	return html`<section class="panel">
		<h2>${t('ui.alert.why')}</h2>
		${rows.length ? html`<table class="plain-table"><tbody>${rows.slice(0, 6).map((one) => html`<tr key=${one.field}><th title=${one.field}>${middle(one.field, 22)}</th><td><mark title=${String(one.value)}>${middle(String(one.value), 26)}</mark></td></tr>`)}</tbody></table>` : html`<p class="muted">${t('ui.alert.why_none')}</p>`}
		${alert.rule_id && html`<p class="muted">${t('ui.alert.rule', { rule: alert.what ? alert.title : alert.rule_id })}</p>`}
	</section>`;
}

// The arithmetic as it was when the alert came: rule × system × exposure.
function Explain({ explain }) {
	if (!explain) return html`<p class="muted">${t('ui.alert.explain_none')}</p>`;
	return html`<div class="explain" role="note"><table class="plain-table"><tbody>
		<tr><th>${t('ui.alert.explain_rule')}</th><td><${Severity} value=${explain.rule.level} /></td><td class="right">${t('ui.alert.points', { points: number(explain.rule.points) })}</td></tr>
		<tr><th>${t('ui.alert.explain_system')}</th><td>${explain.system.level ? t('ui.alert.explain_level', { level: String(explain.system.level) }) : t('ui.alert.explain_unknown')}</td><td class="right">× ${number(explain.system.percent)} %</td></tr>
		<tr><th>${t('ui.alert.explain_exposure')}</th><td>${t(`ui.alert.exposure.${explain.exposure.value}`)}</td><td class="right">× ${number(explain.exposure.percent)} %</td></tr>
		<tr><th>${t('ui.alert.explain_score')}</th><td><${Severity} value=${explain.severity} /></td><td class="right"><strong>${t('ui.alert.points', { points: number(explain.score) })}</strong></td></tr>
	</tbody></table></div>`;
}

// Names are shown; a telephone number in full is a read that the audit log keeps.
function Contacts({ alert, phones, reveal }) {
	const people = alert.contacts ?? [];
	if (!people.length) return html`<p class="muted">${t('ui.alert.contact_none')}</p>`;
	return html`<ul class="near contacts">${people.map((one) => html`<li key=${one.id}><span><strong>${one.name}</strong> <span class="muted">${[one.position, one.unit !== alert.unit?.name && one.unit].filter(Boolean).join(', ')}</span></span>
		<span>${phones?.[one.id] ? html`<a href=${`tel:${phones[one.id]}`}>${phones[one.id]}</a>` : one.phone_end ? html`••• ${one.phone_end}` : html`<span class="muted">${t('ui.alert.contact_no_phone')}</span>`}</span></li>`)}</ul>
		${!phones && can('account.read') && people.some((one) => one.phone_end) && html`<button type="button" class="small" onClick=${reveal}>${t('ui.alert.contact_show')}<kbd aria-hidden="true">Alt+P</kbd></button>`}`;
}

const DAY_MS = 86400 * 1000;

// What else this machine showed in the last 24 hours.
function LastDay({ alert }) {
	const which = alert.endpoint ? { endpoint: alert.endpoint.id } : alert.host ? { host: alert.host, unit: alert.unit?.id } : null;
	const list = useList(which ? '/alerts' : null, { ...which, sort: '-last_at' }, { events: ['alert.'] });
	if (!which) return null;
	const others = list.items.filter((one) => one.id !== alert.id && Date.now() - Date.parse(one.last_at) < DAY_MS);
	return html`<h3>${t('ui.alert.last_day')}</h3>
		${others.length ? html`<ul class="near">${others.slice(0, 4).map((one) => html`<li key=${one.id}><${Severity} value=${one.severity} /><a href=${href(`/alerts/${one.id}`)}>${one.what ?? one.title}</a><${Ago} at=${one.last_at} /></li>`)}</ul>
			${others.length > 4 && html`<a href=${href('/alerts', { view: 'all', ...which })}>${t('ui.alert.more_here', { count: others.length - 4 })}</a>`}` : html`<p class="muted">${list.loading ? t('ui.loading') : t('ui.alert.last_day_none')}</p>`}`;
}

function Steps({ alert }) {
	const own = ['call', 'others', 'scan', 'decide'].map((step) => t(`ui.alert.step.${step}`, { host: hostOf(alert) ?? '–' }));
	const steps = alert.text?.steps?.length ? alert.text.steps : own;
	return html`<section class="panel"><h2>${t('ui.alert.steps')}</h2><ol class="steps">${steps.map((step, i) => html`<li key=${i}>${step}</li>`)}</ol></section>`;
}

// The event as it came, with what the rule matched lit in it.
function Raw({ alert }) {
	const words = [...new Set((alert.why ?? []).map((one) => String(one.value)).filter((word) => word.length > 2))]
		.flatMap((word) => [word, JSON.stringify(word).slice(1, -1)]).sort((a, b) => b.length - a.length).slice(0, 40);
	const text = alert.raw ?? '';
	if (!words.length) return html`<pre>${text || '–'}</pre>`;
	const parts = text.split(new RegExp(`(${words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`));
	return html`<pre>${parts.map((part, i) => (i % 2 ? html`<mark>${part}</mark>` : part))}</pre>`;
}

function sentence(alert) {
	if (alert.text?.happened && !alert.threat) return alert.text.happened;
	const args = { threat: alert.threat || alert.title, host: hostOf(alert) ?? '–', unit: alert.unit?.name ?? '–', time: dateTime(alert.first_at), count: alert.count };
	const action = alert.detail?.action;
	return t(alert.threat ? (action === 'quarantined' ? 'ui.alert.sentence.quarantined' : 'ui.alert.sentence.found') : 'ui.alert.sentence.rule', args);
}

export function AlertDetail({ id, onBack }) {
	const { data: alert, error, reload } = useGet(`/alerts/${id}`, null, { events: ['alert.'] });
	const [dialog, setDialog] = useState(null);
	const [raw, setRaw] = useState(false);
	const [explained, setExplained] = useState(false);
	const [phones, setPhones] = useState(null);
	const actions = useActions(alert ?? null, reload, setDialog);
	useKeys([
		...actions.map((action) => ({ code: `Digit${action.digit}`, label: t(`ui.alert.do.${action.id}`), run: action.run })),
		{ code: 'Digit9', label: t('ui.alert.raw_toggle'), run: () => setRaw((now) => !now) },
		{ code: 'KeyP', alt: true, label: t('ui.alert.contact_show'), when: () => can('account.read'), run: () => reveal() },
		{ code: 'KeyY', alt: true, label: t('ui.alert.explain'), run: () => setExplained((now) => !now) },
		...(alert?.endpoint ? [{ code: 'Digit8', label: t('ui.alert.open_endpoint'), run: () => go(`/endpoints/${alert.endpoint.id}`) }] : []),
	], [alert, dialog]);
	const reveal = () => act(async () => {
		const answers = await Promise.all((alert?.contacts ?? []).filter((one) => one.phone_end).map(async (one) => [one.id, (await get(`/accounts/${one.id}/contact`)).phone]));
		setPhones(Object.fromEntries(answers));
	});
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
	const suppress = async (values) => {
		const made = await post(`/alerts/${id}/suppress`, values);
		setDialog(null);
		if (made?.etag) toast(t('ui.alert.done.suppress'), { undo: () => post(`/suppressions/${made.id}/end`, undefined, { etag: made.etag }) });
	};
	const close = () => setDialog(null);
	return html`<article class="alert">
		<header class="alert-head">
			<div class="actions" role="toolbar" aria-label=${t('ui.alert.actions')}>
				<button type="button" class="only-narrow" onClick=${onBack}><${Icon} name="back" />${t('ui.alert.queue')}</button>
				${actions.map((action) => html`<button type="button" key=${action.id} class=${action.primary ? 'primary' : ''} onClick=${action.run}>${t(`ui.alert.do.${action.id}`)}<kbd aria-hidden="true">${action.digit}</kbd></button>`)}
			</div>
			<div class="alert-line"><${Severity} value=${alert.severity} /><button type="button" class="small ghost" aria-expanded=${explained ? 'true' : 'false'} onClick=${() => setExplained(!explained)}>${t('ui.alert.explain')}<kbd aria-hidden="true">Alt+Y</kbd></button><${State} group="alert" value=${alert.state} /><span class="muted">${t('ui.alert.number', { number: String(alert.number) })}</span>
				${alert.incident && html`<a class="chip" href=${href(`/incidents/${alert.incident.id}`)}>${alert.incident.number}</a>`}</div>
			${explained && html`<${Explain} explain=${alert.explain} />`}
			<h2>${alert.what ?? alert.title}</h2>
			<p class="lead">${sentence(alert)}${alert.text?.source === 'own' && !alert.threat && html` <span class="muted">${t('ui.alert.own_words')}</span>`}</p>
			${alert.text?.matters && html`<p class="muted matters">${alert.text.matters}</p>`}
		</header>
		<div class="alert-grid">
			<${Why} alert=${alert} />
			<section class="panel"><h2>${t('ui.alert.common')}</h2>
				<p class="lead">${alert.similar_30d ? t('ui.alert.similar', { alerts: number(alert.similar_30d.alerts), hosts: number(alert.similar_30d.hosts ?? 0), units: number(alert.similar_30d.units) }) : t('ui.alert.similar_unknown')}</p>
				<${Facts} items=${[[t('ui.alert.first_at'), html`<${Time} at=${alert.first_at} seconds />`], [t('ui.alert.last_at'), html`<${Time} at=${alert.last_at} seconds />`], [t('ui.alert.times'), number(alert.count)]]} />
				<${LastDay} alert=${alert} />
			</section>
			<section class="panel"><h2>${t('ui.alert.where')}</h2>
				<${Contacts} alert=${alert} phones=${phones} reveal=${reveal} />
				<${Facts} items=${[[t('ui.endpoint.one'), alert.endpoint ? html`<${EndpointLink} endpoint=${alert.endpoint} />` : alert.host], [t('ui.alert.entity'), alert.entity && middle(alert.entity, 30)], [t('ui.unit.one'), html`<${UnitName} unit=${alert.unit} />`], [t('ui.alert.assignee'), alert.assignee?.name ?? t('ui.alert.nobody')],
					[t('ui.malware.path'), detail.path && html`<${Copyable} path text=${detail.path} show=${middle(detail.path, 24)} />`], [t('ui.malware.sha256'), detail.sha256 && html`<${Copyable} text=${detail.sha256} show=${middle(detail.sha256, 19)} />`], [t('ui.malware.size'), detail.size_bytes && bytes(detail.size_bytes)]]} />
			</section>
			<${Steps} alert=${alert} />
		</div>
		<section class="panel"><h2>${t('ui.alert.comments')}</h2><${Timeline} items=${(alert.comments ?? []).map((comment) => ({ ...comment, type: 'comment', note: comment.due_at && t('ui.alert.promised', { time: dateTime(comment.due_at) }) }))} label=${t('ui.alert.comments')} /></section>
		<details class="panel raw" open=${raw} onToggle=${(e) => setRaw(e.target.open)}><summary>${t('ui.alert.raw')} <kbd aria-hidden="true">9</kbd></summary><${Raw} alert=${alert} />${alert.raw && html`<${CopyRaw} text=${alert.raw} />`}</details>
		${dialog === 'close' && html`<${CloseDialog} alert=${alert} onClose=${close} onDone=${done(send('close'), t('ui.alert.done.close', { number: String(alert.number) }), reopen)} />`}
		${dialog === 'assign' && html`<${AssignDialog} alert=${alert} onClose=${close} onDone=${done(send('assign'), t('ui.alert.done.assigned'), unassign)} />`}
		${dialog === 'comment' && html`<${CommentDialog} alert=${alert} onClose=${close} onDone=${done((values) => post(`/alerts/${id}/comments`, values), t('ui.alert.done.comment'), withdraw)} />`}
		${dialog === 'suppress' && html`<${SuppressDialog} alert=${alert} onClose=${close} onDone=${suppress} />`}
		${dialog === 'incident' && html`<${IncidentDialog} alert=${alert} onClose=${close} onDone=${raise} />`}
	</article>`;
}

function CopyRaw({ text }) {
	return html`<button type="button" class="small" onClick=${() => act(() => navigator.clipboard.writeText(text), t('ui.action.copied'))}><${Icon} name="copy" />${t('ui.action.copy')}</button>`;
}
