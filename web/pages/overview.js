// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// The wallboard of the watch: what is open, what just came in, which units are worst protected.
import { html, useState, useEffect, useRef } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number, share, time, dateTime } from '../lib/format.js';
import { useRoute, href, setQuery } from '../lib/router.js';
import { useGet, useList } from '../lib/data.js';
import { can } from '../lib/session.js';
import { PageHead, Tile, useStale, StaleNote, Severity, State, Ago, Empty, Loading, ProblemBox, SEVERITIES } from '../parts/bits.js';
import { Bars, Meter } from '../parts/bars.js';
import { Icon } from '../parts/icons.js';
import { ResponseTimes } from '../parts/response_times.js';

const WORST = 8, LIVE = 12;

function Live() {
	const list = useList('/alerts', { state: ['new', 'acknowledged'], sort: '-last_at' }, { events: ['alert.'] });
	const known = useRef(null);
	const rows = list.items.slice(0, LIVE);
	// What was not there when the page was opened is marked until it has been looked at.
	const fresh = known.current ? rows.filter((alert) => !known.current.has(alert.id)).map((alert) => alert.id) : [];
	useEffect(() => {
		if (!known.current && !list.loading) known.current = new Set(list.items.map((alert) => alert.id));
	}, [list.loading]);
	return html`<section class="panel live"><h2>${t('ui.overview.live')}<span class="muted total">${t('ui.alert.total', { count: list.total ?? 0 })}</span></h2>
		<${ProblemBox} problem=${list.error} retry=${list.reload} />
		${list.loading && !rows.length && html`<${Loading} />`}
		${!list.loading && !rows.length && html`<${Empty} title=${t('ui.alert.empty')}>${t('ui.alert.empty_hint')}<//>`}
		<ol class="live-list" aria-live="polite">${rows.map((alert) => html`<li key=${alert.id}><a class=${`live-row sev-edge-${alert.severity}${fresh.includes(alert.id) ? ' fresh' : ''}`} href=${href(`/alerts/${alert.id}`)}>
			<${Severity} value=${alert.severity} /><span class="live-title"><strong>${alert.what ?? alert.title}</strong>${alert.count > 1 && html` <span class="count">×${number(alert.count)}</span>`}<small class="muted">${[alert.endpoint?.hostname, alert.unit?.name].filter(Boolean).join(' · ')}</small></span>
			<span class="live-end"><${State} group="alert" value=${alert.state} /><${Ago} at=${alert.last_at} /></span></a></li>`)}</ol>
	</section>`;
}

function Hours({ summary }) {
	const rows = (summary?.last_24h ?? []).map((one) => ({ key: one.hour, value: one.count, label: time(one.hour).slice(0, 2), title: t('ui.overview.hour', { time: dateTime(one.hour), count: one.count }), to: href('/alerts', { view: 'all' }) }));
	const total = rows.reduce((sum, row) => sum + row.value, 0);
	return html`<section class="panel"><h2>${t('ui.overview.hours')}</h2><p class="big">${number(total)} <span class="muted">${t('ui.overview.hours_total')}</span></p>
		${rows.length ? html`<${Bars} rows=${rows} label=${t('ui.overview.hours')} />` : html`<${Empty} title=${t('ui.overview.no_hours')} />`}</section>`;
}

export function WorstUnits({ summary, count = WORST }) {
	const rows = (summary?.by_unit ?? []).filter((one) => one.total > one.protected).sort((a, b) => b.total - b.protected - (a.total - a.protected)).slice(0, count);
	if (!rows.length) return html`<${Empty} title=${t(summary?.total ? 'ui.overview.all_protected' : 'ui.endpoint.empty')}>${!summary?.total && can('endpoint.enrol') && html`<a class="button primary" href=${href('/enrol')}>${t('ui.page.enrol')}</a>`}<//>`;
	return html`<table class="plain-table wide"><thead><tr><th>${t('ui.unit.one')}</th><th class="right">${t('ui.overview.not_protected')}</th><th class="right">${t('ui.unit.protected')}</th></tr></thead><tbody>
		${rows.map((one) => html`<tr key=${one.unit.id}><td><a href=${href('/endpoints', { unit: one.unit.id })}>${one.unit.name}</a></td><td class="right">${number(one.total - one.protected)}</td><td class="right"><${Meter} value=${one.protected / one.total} /><span class="share">${share(one.protected, one.total)}</span></td></tr>`)}</tbody></table>`;
}

export default function Overview() {
	const { query } = useRoute();
	const wall = query.get('wall') === '1';
	const alerts = useGet('/alerts/summary', null, { events: ['alert.'], every: 60000 });
	const machines = useGet(can('endpoint.read') ? '/endpoints/summary' : null, null, { events: ['endpoint.'], every: 60000 });
	const a = alerts.data, m = machines.data;
	const old = useStale(a?.as_of, 60000);
	const [full, setFull] = useState(false);
	const toggle = () => {
		setQuery({ wall: wall ? null : 1 });
		if (!wall) document.documentElement.requestFullscreen?.().then(() => setFull(true), () => {});
		else if (full) document.exitFullscreen?.();
	};
	return html`<div class=${old ? 'page stale' : 'page'}>
		<${PageHead} title=${t('ui.page.overview')} sub=${a && t('ui.as_of', { time: dateTime(a.as_of ?? Date.now(), true) })}>
			<button type="button" onClick=${toggle}><${Icon} name="wall" />${t(wall ? 'ui.overview.wall_off' : 'ui.overview.wall')}</button>
		<//>
		<${StaleNote} age=${old} />
		<${ProblemBox} problem=${alerts.error ?? machines.error} retry=${alerts.reload} />
		<div class="tiles five">
			<${Tile} value=${number(a?.new)} label=${t('ui.overview.new')} note=${t('ui.overview.new_note')} to="/alerts" query=${{ view: 'new' }} tone=${a?.new ? 'accent' : null} />
			<${Tile} value=${number(a?.acknowledged)} label=${t('ui.overview.acknowledged')} note=${t('ui.overview.acknowledged_note')} to="/alerts" query=${{ view: 'open' }} />
			<${Tile} value=${html`<span class="sev-counts">${SEVERITIES.map((value) => html`<span key=${value}><${Severity} value=${value} /><b>${number(a?.by_severity?.[value] ?? 0)}</b></span>`)}</span>`} label=${t('ui.overview.by_severity')} to="/alerts" query=${{ view: 'open' }} wide />
			${m && html`<${Tile} value=${share(m.protected, m.total)} label=${t('ui.overview.protected')} note=${t('ui.overview.protected_note', { protected: number(m.protected), total: number(m.total) })} to="/endpoints" />
			<${Tile} value=${number(m.silent + m.unprotected)} label=${t('ui.overview.dark')} note=${t('ui.overview.dark_note', { silent: number(m.silent), unprotected: number(m.unprotected) })} to="/endpoints" query=${{ state: 'silent' }} tone=${m.silent + m.unprotected ? 'warn' : null} />`}
		</div>
		<div class="two wide-left">
			<${Live} />
			<div class="stack"><${Hours} summary=${a} />
			${m && html`<section class="panel"><h2>${t('ui.overview.worst')}</h2><${WorstUnits} summary=${m} /></section>`}<${ResponseTimes} /></div>
		</div>
	</div>`;
}
