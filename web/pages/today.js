// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// A unit's day: at most three cards, each one thing to do, counted from live records.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number, dateTime } from '../lib/format.js';
import { href } from '../lib/router.js';
import { useGet, useList } from '../lib/data.js';
import { can, session } from '../lib/session.js';
import { PageHead, ProblemBox, Loading, State, Severity, Ago } from '../parts/bits.js';
import { Icon } from '../parts/icons.js';

const MOST = 3;

// What there may be to do, most urgent first.
function tasks({ machines, alerts, incidents }) {
	const all = [];
	if (alerts?.total) all.push({ id: 'alerts', count: alerts.total, icon: 'alert', to: '/alerts', tone: 'bad' });
	if (machines?.unprotected) all.push({ id: 'unprotected', count: machines.unprotected, icon: 'shield', to: '/endpoints', query: { state: 'unprotected' }, tone: 'bad' });
	if (incidents?.total) all.push({ id: 'incidents', count: incidents.total, icon: 'incident', to: '/incidents', query: { open: 1 }, tone: 'warn' });
	if (machines?.silent) all.push({ id: 'silent', count: machines.silent, icon: 'endpoint', to: '/endpoints', query: { state: 'silent' }, tone: 'warn' });
	if (machines?.outdated) all.push({ id: 'outdated', count: machines.outdated, icon: 'clock', to: '/endpoints', query: { state: 'outdated' }, tone: 'warn' });
	if (machines && !machines.total) all.push({ id: 'first', count: 0, icon: 'plus', to: '/enrol', tone: 'warn' });
	return all;
}

function Card({ task }) {
	return html`<a class=${`task task-${task.tone}`} href=${href(task.to, task.query)}><span class="task-icon"><${Icon} name=${task.icon} /></span>
		<span><strong>${t(`ui.today.${task.id}${task.id === 'alerts' && !can('alert.write') ? '_look' : ''}`, { count: task.count })}</strong><span class="muted">${t(`ui.today.${task.id}_why`)}</span></span></a>`;
}

function Latest() {
	const list = useList('/alerts', { state: ['new', 'acknowledged'] }, { events: ['alert.'] });
	if (!list.items.length) return null;
	return html`<section class="panel"><h2>${t('ui.today.latest')}</h2><ul class="rows">${list.items.slice(0, 4).map((alert) => html`<li key=${alert.id}><span><${Severity} value=${alert.severity} /> <a href=${href(`/alerts/${alert.id}`)}>${alert.title}</a></span><span class="muted">${alert.endpoint?.hostname} · <${Ago} at=${alert.last_at} /></span></li>`)}</ul></section>`;
}

export default function Today() {
	const machines = useGet(can('endpoint.read') ? '/endpoints/summary' : null, null, { events: ['endpoint.'] });
	const alerts = useGet(can('alert.read') ? '/alerts' : null, { state: 'new', limit: 1 }, { events: ['alert.'] });
	const incidents = useGet(can('incident.read') ? '/incidents' : null, { open: 1, limit: 1 }, { events: ['incident.'] });
	const loading = [machines, alerts, incidents].some((one) => one.loading && !one.data);
	const problem = machines.error ?? alerts.error ?? incidents.error;
	const all = tasks({ machines: machines.data, alerts: alerts.data, incidents: incidents.data });
	const m = machines.data;
	return html`<div class="page narrow">
		<${PageHead} title=${t('ui.today.hello', { unit: session.get().account.unit?.name ?? '' })} sub=${t('ui.today.sub', { time: dateTime(Date.now()) })} />
		<${ProblemBox} problem=${problem} retry=${() => [machines, alerts, incidents].forEach((one) => one.reload())} />
		${loading && !problem ? html`<${Loading} />` : html`<section class="tasks" aria-label=${t('ui.today.tasks')}>
			${all.slice(0, MOST).map((task) => html`<${Card} key=${task.id} task=${task} />`)}
			${!all.length && !problem && html`<div class="task task-good"><span class="task-icon"><${Icon} name="check" /></span><span><strong>${t('ui.today.nothing')}</strong><span class="muted">${t('ui.today.nothing_why')}</span></span></div>`}
		</section>`}
		<div class="quick">
			${can('incident.write') && html`<a class="button" href=${href('/incidents/new')}><${Icon} name="incident" />${t('ui.today.report')}</a>`}
			${can('endpoint.enrol') && html`<a class="button" href=${href('/enrol')}><${Icon} name="plus" />${t('ui.page.enrol')}</a>`}
		</div>
		${m && m.total > 0 && html`<section class="panel"><h2>${t('ui.today.machines', { count: m.total })}</h2><div class="state-row">${['protected', 'outdated', 'silent', 'unprotected'].map((state) => html`<a key=${state} href=${href('/endpoints', { state })}><b>${number(m[state])}</b><${State} group="endpoint" value=${state} /></a>`)}</div></section>`}
		${can('alert.read') && html`<${Latest} />`}
	</div>`;
}
