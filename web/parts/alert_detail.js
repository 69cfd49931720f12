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
import { termOf } from '../lib/event_search.js';
import { Severity, State, Time, Ago, Facts, Loading, ProblemBox, EndpointLink, UnitName, Copyable } from './bits.js';
import { Timeline } from './timeline.js';
import { Icon } from './icons.js';
import { Learning } from './alert_learning.js';
import { TuneDialog } from './alert_tune.js';
import { CloseDialog, AssignDialog, CommentDialog, IncidentDialog, SuppressDialog, hostOf } from './alert_dialogs.js';
import { act, toast } from './toast.js';
import { IsolationDialog, IsolationPanel, isolationVerb, isolated, lift, useIsolation } from './isolation.js';

// The actions of an alert, in the order of their digits. Those not permitted or not possible now are not shown.
function useActions(alert, reload, setDialog, line) {
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
	// Of a whole line of the queue: what was seen is what is changed; what others changed meanwhile is told.
	const whole = (what, values, text, back) => async () => {
		let done;
		await act(async () => { done = await line.together(what, values); }, text, async () => { await line.back(done, back); await reload(); });
		await reload();
	};
	return [
		{ id: 'acknowledge', digit: 1, primary: true, show: handle && alert.state === 'new', run: line.on ? whole('acknowledge', {}, t('ui.alert.done.line', { count: line.count }), ['release']) : simple(call('acknowledge'), t('ui.alert.done.acknowledge', { number: String(alert.number) }), () => fresh('release')) },
		{ id: 'take', digit: 2, show: handle && open && alert.assignee?.id !== me.id,
			run: line.on ? whole('assign', { account_id: me.id }, t('ui.alert.done.assign', { name: me.display_name }), ['assign']) : simple(call('assign', { account_id: me.id }), t('ui.alert.done.assign', { name: me.display_name }), () => fresh('assign', { account_id: alert.assignee?.id ?? null })) },
		{ id: 'assign', digit: 3, show: handle && open && can('account.read'), run: () => setDialog('assign') },
		{ id: 'comment', digit: 4, show: handle, run: () => setDialog('comment') },
		{ id: 'incident', digit: 5, show: can('incident.write') && !alert.incident && open, run: () => setDialog('incident') },
		{ id: 'close', digit: 6, show: handle && open, run: () => setDialog('close') },
		{ id: 'suppress', digit: 0, show: can('alert.suppress') && Boolean(alert.rule_id), run: () => setDialog('suppress') },
		{ id: 'reopen', digit: 7, show: handle && !open, run: simple(call('reopen'), t('ui.alert.done.reopen'), alert.detail.resolution !== 'suppressed' && (() => fresh('close', { resolution: alert.detail.resolution, note: alert.detail.note }))) },
	].filter((action) => action.show);
}

function Why({ alert, tune }) {
	const rows = alert.why ?? [];
	return html`<section class="panel">
		<h2>${t('ui.alert.why')}</h2>
		${rows.length ? html`<table class="plain-table"><tbody>${rows.slice(0, 6).map((one) => html`<tr key=${one.field}><th title=${one.field}>${middle(one.field, 22)}</th><td><mark title=${String(one.value)}>${middle(String(one.value), 26)}</mark></td></tr>`)}</tbody></table>` : html`<p class="muted">${t('ui.alert.why_none')}</p>`}
		${alert.rule_id && html`<p class="muted">${t('ui.alert.rule', { rule: alert.what ? alert.title : alert.rule_id })}</p>`}
		${tune && html`<button type="button" class="small tune-open" onClick=${tune}>${t('ui.tune.open_dialog')}<kbd aria-hidden="true">Alt+J</kbd></button>`}
	</section>`;
}

// The arithmetic as it was when the alert came: rule × system × exposure × how common × tactics.
function Explain({ explain }) {
	if (!explain) return html`<p class="muted">${t('ui.alert.explain_none')}</p>`;
	return html`<div class="explain" role="note"><table class="plain-table"><tbody>
		<tr><th>${t('ui.alert.explain_rule')}</th><td><${Severity} value=${explain.rule.level} /></td><td class="right">${t('ui.alert.points', { points: number(explain.rule.points) })}</td></tr>
		<tr><th>${t('ui.alert.explain_system')}</th><td>${explain.system.level ? t('ui.alert.explain_level', { level: String(explain.system.level) }) : t('ui.alert.explain_unknown')}</td><td class="right">× ${number(explain.system.percent)} %</td></tr>
		<tr><th>${t('ui.alert.explain_exposure')}</th><td>${t(`ui.alert.exposure.${explain.exposure.value}`)}</td><td class="right">× ${number(explain.exposure.percent)} %</td></tr>
		${explain.rarity && html`<tr><th>${t('ui.alert.explain_rarity')}</th><td>${explain.rarity.learning ? t('ui.alert.rarity.learning', { days: explain.rarity.learning }) : t(`ui.alert.rarity.${explain.rarity.value}`)}</td><td class="right">× ${number(explain.rarity.percent)} %</td></tr>`}
		${explain.tactics && html`<tr><th>${t('ui.alert.explain_tactics')}</th><td>${t('ui.alert.tactics', { count: explain.tactics.count })}</td><td class="right">× ${number(explain.tactics.percent)} %</td></tr>`}
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

// What else this machine showed in the last 24 hours: alerts, and events as soon as the store has answered.
function LastDay({ alert }) {
	const which = alert.endpoint ? { endpoint: alert.endpoint.id } : alert.host ? { host: alert.host, unit: alert.unit?.id } : null;
	const list = useList(which ? '/alerts' : null, { ...which, sort: '-last_at' }, { events: ['alert.'] });
	const day = useGet(which && can('event.read') ? `/alerts/${alert.id}/day` : null);
	if (!which) return null;
	const others = list.items.filter((one) => one.id !== alert.id && Date.now() - Date.parse(one.last_at) < DAY_MS);
	const events = day.data?.items ?? [];
	const search = href('/search', alert.endpoint ? { endpoint: alert.endpoint.id, last: '24h' } : { query: termOf('host.name', alert.host), last: '24h' });
	return html`<h3>${t('ui.alert.last_day')}</h3>
		${others.length ? html`<ul class="near">${others.slice(0, 3).map((one) => html`<li key=${one.id}><${Severity} value=${one.severity} /><a href=${href(`/alerts/${one.id}`)}>${one.what ?? one.title}</a><${Ago} at=${one.last_at} /></li>`)}</ul>
			${others.length > 3 && html`<a href=${href('/alerts', { view: 'all', ...which })}>${t('ui.alert.more_here', { count: others.length - 3 })}</a>`}` : html`<p class="muted">${list.loading ? t('ui.loading') : t('ui.alert.last_day_none')}</p>`}
		${can('event.read') && html`<div class="day-events" aria-live="polite">${day.error ? html`<p class="muted">${t('ui.alert.store_away', { why: day.error.detail })}</p>`
			: !day.data ? html`<p class="muted">${t('ui.alert.store_asked')}</p>`
			: events.length ? html`<ul class="near">${events.slice(0, 3).map((one) => html`<li key=${one.id}><span class="queue-where" title=${one.text}>${[one.action, one.user, one.text].filter(Boolean).join(' · ')}</span><${Ago} at=${one.time} /></li>`)}</ul><a href=${search}>${t('ui.alert.day_search')}</a>`
			: html`<p class="muted">${t('ui.alert.day_none')}</p>`}</div>`}`;
}

// How many events have the value that the rule matched; asked apart, so that nothing waits for the store.
function Common({ alert }) {
	const { data, error } = useGet(can('event.read') ? `/alerts/${alert.id}/common` : null);
	if (!can('event.read')) return null;
	if (error) return html`<p class="muted">${t('ui.alert.store_away', { why: error.detail })}</p>`;
	if (!data) return html`<p class="muted">${t('ui.alert.store_asked')}</p>`;
	if (!data.field) return null;
	return html`<p class="common-events"><code title=${`${data.field}: ${data.value}`}>${middle(data.value, 30)}</code> ${t(data.at_least ? 'ui.alert.common_at_least' : 'ui.alert.common_events', { events: number(data.events), hosts: number(data.machines), units: number(data.units), since: data.counted_from ? dateTime(data.counted_from) : '–' })}</p>`;
}

// What stands in the same line of the queue.
function Line({ group, id }) {
	const others = group.items.filter((one) => one.id !== id);
	return html`<section class="panel line"><h2>${t('ui.alert.line')}</h2>
		<ul class="near">${others.slice(0, 12).map((one) => html`<li key=${one.id}><${Severity} value=${one.severity} /><a href=${href(`/alerts/${one.id}`)}>${one.what ?? one.title}</a><span class="muted">${[hostOf(one), one.unit?.name].filter(Boolean).join(' · ')}</span><${Ago} at=${one.last_at} /></li>`)}</ul>
		${group.total > 13 && html`<p class="muted">${t('ui.alert.line_more', { count: group.total - 13 })}</p>`}
	</section>`;
}

const NO_LINE = { on: false, count: 1, learning: null };

// The line of the queue that an alert is in, and deeds upon all of it.
function useLine(id, alert) {
	const open = alert && alert.state !== 'closed';
	const { data: group, reload } = useGet(open ? `/alerts/${id}/group` : null, null, { events: ['alert.'] });
	const [on, setOn] = useState(true);
	const learning = group?.learning ?? null;
	if (!group || group.total < 2) return { ...NO_LINE, group: null, learning, reload };
	const together = async (what, values, members = group.items) => {
		const answer = await post('/alerts/together', { do: what, alerts: members.map((one) => ({ id: one.id, etag: one.etag })), ...values });
		if (answer.left > 0) toast(t('ui.alert.line_left', { count: answer.left }));
		return answer;
	};
	// Each step back with what the step before it answered; who nobody had taken goes back into the queue.
	const back = async (answer, steps) => {
		const fresh = new Set(group.items.filter((one) => one.state === 'new').map((one) => one.id));
		const before = new Map(group.items.map((one) => [one.id, one.assignee?.id ?? null]));
		let changed = answer.changed;
		for (const step of steps) {
			if (step === 'assign') {
				// Each goes back to who had it.
				for (const person of new Set(changed.map((one) => before.get(one.id) ?? null))) await together(step, person ? { account_id: person } : {}, changed.filter((one) => (before.get(one.id) ?? null) === person));
				continue;
			}
			const members = step === 'release' ? changed.filter((one) => fresh.has(one.id)) : changed;
			if (members.length) changed = (await together(step, {}, members)).changed;
		}
		await reload();
	};
	return { on, setOn, count: group.items.length, group, learning, together, back, reload };
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
	const line = useLine(id, alert);
	const isolation = useIsolation(alert?.endpoint?.id);
	const verb = isolationVerb(isolation.data);
	const isolate = () => (verb === 'lift' ? lift(isolation.data, isolation.reload) : setDialog('isolate'));
	const tunable = Boolean(alert?.rule_id && !alert.threat && alert.kind !== 'indicator' && can('rule.write'));
	const actions = useActions(alert ?? null, reload, setDialog, line);
	useKeys([
		...actions.map((action) => ({ code: `Digit${action.digit}`, label: t(`ui.alert.do.${action.id}`), run: action.run })),
		{ code: 'Digit9', label: t('ui.alert.raw_toggle'), run: () => setRaw((now) => !now) },
		{ code: 'KeyP', alt: true, label: t('ui.alert.contact_show'), when: () => can('account.read'), run: () => reveal() },
		...(verb ? [{ code: 'KeyK', alt: true, label: t('ui.isolation.toggle'), run: isolate }] : []),
		{ code: 'KeyY', alt: true, label: t('ui.alert.explain'), run: () => setExplained((now) => !now) },
		...(tunable ? [{ code: 'KeyJ', alt: true, label: t('ui.tune.open_dialog'), run: () => setDialog('tune') }] : []),
		...(alert?.endpoint ? [{ code: 'Digit8', label: t('ui.alert.open_endpoint'), run: () => go(`/endpoints/${alert.endpoint.id}`) }] : []),
	], [alert, dialog, line.on, line.group, isolation.data]);
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
	const closeAll = async (values) => {
		const answer = await line.together('close', values);
		setDialog(null);
		await act(async () => reload(), t('ui.alert.done.close_many', { count: answer.changed.length }), async () => { await line.back(answer, ['reopen', 'release']); await reload(); });
	};
	const assignAll = async (values) => {
		const answer = await line.together('assign', values);
		setDialog(null);
		await act(async () => reload(), t('ui.alert.done.assigned'), async () => { await line.back(answer, ['assign']); await reload(); });
	};
	const raise = async (values) => {
		const incident = await post(`/alerts/${id}/incident`, values, { etag: alert.etag });
		for (const one of line.on ? line.group.items : []) if (one.id !== id && !one.incident) await post(`/incidents/${incident.id}/alerts`, { alert_id: one.id });
		go(`/incidents/${incident.id}`);
	};
	const suppress = async (values) => {
		const made = await post(`/alerts/${id}/suppress`, values);
		setDialog(null);
		if (made?.etag) toast(made.closed > 0 ? t('ui.alert.done.suppress_closed', { count: made.closed }) : t('ui.alert.done.suppress'), { undo: () => post(`/suppressions/${made.id}/end?reopen=1`, undefined, { etag: made.etag }) });
	};
	const close = () => setDialog(null);
	return html`<article class="alert">
		<header class="alert-head">
			<div class="actions" role="toolbar" aria-label=${t('ui.alert.actions')}>
				<button type="button" class="only-narrow" onClick=${onBack}><${Icon} name="back" />${t('ui.alert.queue')}</button>
				${actions.map((action) => html`<button type="button" key=${action.id} class=${action.primary ? 'primary' : ''} onClick=${action.run}>${t(`ui.alert.do.${action.id}`)}<kbd aria-hidden="true">${action.digit}</kbd></button>`)}
				${verb && html`<button type="button" class=${verb === 'isolate' ? 'danger-quiet' : 'primary'} onClick=${isolate}>${t(`ui.isolation.${verb}`)}<kbd aria-hidden="true">Alt+K</kbd></button>`}
			</div>
			<div class="alert-line"><${Severity} value=${alert.severity} /><button type="button" class="small ghost" aria-expanded=${explained ? 'true' : 'false'} onClick=${() => setExplained(!explained)}>${t('ui.alert.explain')}<kbd aria-hidden="true">Alt+Y</kbd></button><${State} group="alert" value=${alert.state} /><span class="muted">${t('ui.alert.number', { number: String(alert.number) })}</span>
				${alert.incident && html`<a class="chip" href=${href(`/incidents/${alert.incident.id}`)}>${alert.incident.number}</a>`}</div>
			${explained && html`<${Explain} explain=${alert.explain} />`}
			${line.group && html`<label class="line-all"><input type="checkbox" checked=${line.on} onChange=${(e) => line.setOn(e.target.checked)} /> ${t(line.group.group?.kind === 'case' ? 'ui.alert.line_all_case' : line.group.total > line.count ? 'ui.alert.line_all_first' : 'ui.alert.line_all', { count: line.count, total: number(line.group.total), machines: line.group.group?.machines ?? 1 })}</label>`}
			<h2>${alert.what ?? alert.title}</h2>
			<p class="lead">${sentence(alert)}${alert.text?.source === 'own' && !alert.threat && html` <span class="muted">${t('ui.alert.own_words')}</span>`}</p>
			${alert.text?.matters && html`<p class="muted matters">${alert.text.matters}</p>`}
		</header>
		${line.learning && html`<${Learning} learning=${line.learning} lead=${line.learning.items.find((one) => one.id === id || line.group?.items.some((member) => member.id === one.id))?.id} />`}
		${isolated(isolation.data?.state) && html`<${IsolationPanel} standing=${isolation.data} />`}
		<div class="alert-grid">
			<${Why} alert=${alert} tune=${tunable ? () => setDialog('tune') : null} />
			<section class="panel"><h2>${t('ui.alert.common')}</h2>
				<p class="lead">${alert.similar_30d?.alerts === 0 ? t('ui.alert.similar_none') : alert.similar_30d ? t('ui.alert.similar', { alerts: number(alert.similar_30d.alerts), hosts: number(alert.similar_30d.hosts ?? 0), units: number(alert.similar_30d.units) }) : t('ui.alert.similar_unknown')}</p>
				<${Common} alert=${alert} />
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
		${line.group && html`<${Line} group=${line.group} id=${id} />`}
		<section class="panel"><h2>${t('ui.alert.comments')}</h2><${Timeline} items=${(alert.comments ?? []).map((comment) => ({ ...comment, type: 'comment', note: comment.due_at && t('ui.alert.promised', { time: dateTime(comment.due_at) }) }))} label=${t('ui.alert.comments')} /></section>
		<details class="panel raw" open=${raw} onToggle=${(e) => setRaw(e.target.open)}><summary>${t('ui.alert.raw')} <kbd aria-hidden="true">9</kbd></summary><${Raw} alert=${alert} />${alert.raw && html`<${CopyRaw} text=${alert.raw} />`}</details>
		${dialog === 'close' && html`<${CloseDialog} alert=${alert} count=${line.on ? line.count : 1} onClose=${close} onDone=${line.on ? closeAll : done(send('close'), t('ui.alert.done.close', { number: String(alert.number) }), reopen)} />`}
		${dialog === 'assign' && html`<${AssignDialog} alert=${alert} onClose=${close} onDone=${line.on ? assignAll : done(send('assign'), t('ui.alert.done.assigned'), unassign)} />`}
		${dialog === 'comment' && html`<${CommentDialog} alert=${alert} onClose=${close} onDone=${done((values) => post(`/alerts/${id}/comments`, values), t('ui.alert.done.comment'), withdraw)} />`}
		${dialog === 'suppress' && html`<${SuppressDialog} alert=${alert} onClose=${close} onDone=${suppress} />`}
		${dialog === 'tune' && html`<${TuneDialog} alert=${alert} reload=${reload} onClose=${close} />`}
		${dialog === 'isolate' && isolation.data && html`<${IsolationDialog} standing=${isolation.data} alert=${alert} reload=${isolation.reload} onClose=${close} />`}
		${dialog === 'incident' && html`<${IncidentDialog} alert=${alert} onClose=${close} onDone=${raise} />`}
	</article>`;
}

function CopyRaw({ text }) {
	return html`<button type="button" class="small" onClick=${() => act(() => navigator.clipboard.writeText(text), t('ui.action.copied'))}><${Icon} name="copy" />${t('ui.action.copy')}</button>`;
}
