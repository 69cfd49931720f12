// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// One page for the leader: at most seven numbers, each with how it is counted and the list behind it; prints on one A4.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number, share, date, dateTime } from '../lib/format.js';
import { href } from '../lib/router.js';
import { useGet } from '../lib/data.js';
import { can, session } from '../lib/session.js';
import { PageHead, ProblemBox, useStale, StaleNote } from '../parts/bits.js';
import { Icon } from '../parts/icons.js';
import { Meter } from '../parts/bars.js';
import { WorstUnits } from './overview.js';

// Up, down or equal to a month ago, in words and with an arrow; where nothing was kept then, that is said.
function Change({ now, before, unit = '', day }) {
	if (before === undefined || before === null) return html`<span class="figure-change muted">${t('ui.leader.no_month')}</span>`;
	const by = Math.round((now - before) * 10) / 10;
	const key = by === 0 ? 'ui.leader.month_same' : by > 0 ? 'ui.leader.month_up' : 'ui.leader.month_down';
	return html`<span class="figure-change">${t(key, { by: `${number(Math.abs(by))}${unit}`, day: date(day) })}</span>`;
}

function Figure({ id, value, note, part, to, query, tone, change }) {
	return html`<article class=${`figure${tone ? ` figure-${tone}` : ''}`}>
		<a class="figure-main" href=${href(to, query)}><span class="figure-label">${t(`ui.leader.${id}`)}</span><span class="figure-value">${value}</span>${part !== undefined && html`<${Meter} value=${part} />`}<span class="figure-note">${note}</span>${change}</a>
		<details class="definition"><summary>${t('ui.leader.how')}</summary><p>${t(`ui.leader.${id}_how`)}</p></details>
	</article>`;
}

export default function Leader() {
	const machines = useGet(can('endpoint.read') ? '/endpoints/summary' : null, null, { events: ['endpoint.'], every: 60000 });
	const alerts = useGet(can('alert.read') ? '/alerts/summary' : null, null, { events: ['alert.'], every: 60000 });
	const open = useGet(can('incident.read') ? '/incidents' : null, { open: 1, limit: 1 }, { events: ['incident.'] });
	const closed = useGet(can('incident.read') ? '/incidents' : null, { state: 'closed', limit: 1 }, { events: ['incident.'] });
	const month = useGet(can('endpoint.read') ? '/history/month' : null);
	const m = machines.data, a = alerts.data;
	const age = useStale(m?.as_of, 60000);
	const old = month.data?.values ?? {}, day = month.data?.day;
	// Until the answer is there nothing is said about the month before.
	const change = (now, before, unit) => month.data && html`<${Change} now=${now} before=${day ? before : null} unit=${unit} day=${day} />`;
	const percent = (part, whole) => (whole ? (part / whole) * 100 : 0);
	const units = m?.by_unit?.length ?? 0, full = m?.by_unit?.filter((one) => one.total && one.protected === one.total).length ?? 0;
	const problem = machines.error ?? alerts.error ?? open.error;
	return html`<div class=${`page narrow a4${age ? ' stale' : ''}`}>
		<${PageHead} title=${t('ui.leader.title', { unit: session.get().account.unit?.name ?? '' })} sub=${t('ui.as_of', { time: `${dateTime(m?.as_of ?? Date.now())} GMT+7` })}>
			<button type="button" onClick=${() => print()}><${Icon} name="print" />${t('ui.leader.print')}</button>
		<//>
		<${StaleNote} age=${age} />
		<${ProblemBox} problem=${problem} retry=${machines.reload} />
		<div class="figures">
			${m && html`<${Figure} id="protected" value=${share(m.protected, m.total)} part=${m.total ? m.protected / m.total : 0} note=${t('ui.overview.protected_note', { protected: number(m.protected), total: number(m.total) })} to="/endpoints" change=${change(percent(m.protected, m.total), percent(old['endpoint.protected'], old['endpoint.total']), ' %')} />
			<${Figure} id="units" value=${`${number(full)}/${number(units)}`} part=${units ? full / units : 0} note=${t('ui.leader.units_note')} to="/units" change=${change(full, old['unit.covered'])} />
			<${Figure} id="dark" value=${number(m.silent + m.unprotected)} note=${t('ui.overview.dark_note', { silent: number(m.silent), unprotected: number(m.unprotected) })} to="/endpoints" query=${{ state: 'unprotected' }} tone=${m.silent + m.unprotected ? 'warn' : null} change=${change(m.silent + m.unprotected, old['endpoint.dark'])} />`}
			${a && html`<${Figure} id="alerts" value=${number(a.new + a.acknowledged)} note=${t('ui.leader.alerts_note', { count: a.new })} to="/alerts" change=${change(a.new + a.acknowledged, old['alert.open'])} />
			<${Figure} id="critical" value=${number(a.by_severity?.critical ?? 0)} note=${t('ui.leader.critical_note')} to="/alerts" query=${{ severity: 'critical' }} tone=${a.by_severity?.critical ? 'bad' : null} change=${change(a.by_severity?.critical ?? 0, old['alert.critical'])} />`}
			${open.data && html`<${Figure} id="incidents" value=${number(open.data.total)} note=${open.data.items[0]?.title ?? t('ui.leader.no_incidents')} to="/incidents" query=${{ open: 1 }} tone=${open.data.total ? 'warn' : null} change=${change(open.data.total, old['incident.open'])} />`}
			${closed.data && html`<${Figure} id="closed" value=${number(closed.data.total)} note=${t('ui.leader.closed_note')} to="/incidents" query=${{ state: 'closed' }} change=${change(closed.data.total, old['incident.closed'])} />`}
		</div>
		${m && html`<section class="panel"><h2>${t('ui.leader.worst')}</h2><${WorstUnits} summary=${m} count=${3} /></section>`}
		<p class="muted print-foot">${t('ui.leader.source')}</p>
	</div>`;
}
