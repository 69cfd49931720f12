// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// What runs, what lags, what is blind.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number, bytes, duration, dateTime } from '../lib/format.js';
import { useGet } from '../lib/data.js';
import { PageHead, State, Ago, Tile, Facts, Loading, ProblemBox, Empty, Time } from '../parts/bits.js';

const STALE_MS = 40000;

export default function Status() {
	const { data, error, reload } = useGet('/status', null, { every: 5000, events: ['status.'] });
	if (error && !data) return html`<div class="page"><${ProblemBox} problem=${error} retry=${reload} /></div>`;
	if (!data) return html`<${Loading} />`;
	const p = data.pipeline ?? {};
	const stale = error || Date.now() - Date.parse(data.as_of) > STALE_MS;
	return html`<div class=${`page${stale ? ' stale' : ''}`}>
		<${PageHead} title=${t('ui.page.status')} sub=${t('ui.as_of', { time: dateTime(data.as_of, true) })}><span class="muted">${t('ui.status.version', { version: data.version })}</span><//>
		<${ProblemBox} problem=${error} retry=${reload} />
		<div class="tiles">
			<${Tile} value=${number(p.received)} label=${t('ui.status.received')} note=${t('ui.status.received_note')} />
			<${Tile} value=${number(p.stored)} label=${t('ui.status.stored')} note=${t('ui.status.lag', { count: p.store_lag ?? 0 })} tone=${p.store_lag > 10000 ? 'warn' : null} />
			<${Tile} value=${number(p.detect_lag ?? 0)} label=${t('ui.status.detect_lag')} note=${t('ui.status.detect_note')} tone=${p.detect_lag > 10000 ? 'warn' : null} />
			<${Tile} value=${number(p.dropped ?? 0)} label=${t('ui.status.dropped')} note=${p.dropped ? t('ui.status.dropped_note') : t('ui.status.nothing_lost')} tone=${p.dropped ? 'bad' : null} />
		</div>
		<section class="panel"><h2>${t('ui.status.blind')}</h2>${data.blind?.length
			? html`<ul class="rows">${data.blind.map((one) => html`<li key=${one.what + one.since}><span><strong>${one.sentence}</strong><br />${one.action} <span class="muted">${t('ui.health.since', { time: dateTime(one.since), age: duration(Date.now() - Date.parse(one.since)) })}${one.lost ? ` · ${t('ui.health.lost', { count: one.lost })}` : ''}</span></span></li>`)}</ul>`
			: html`<p>${t('ui.status.not_blind')}</p>`}</section>
		<section class="panel"><h2>${t('ui.status.canaries')}</h2><p class="muted">${t('ui.status.canaries_sub')}</p>
			${data.canaries?.length ? html`<table class="plain-table wide"><thead><tr><th>${t('ui.status.canary_of')}</th><th>${t('ui.status.canary_handed')}</th><th>${t('ui.status.canary_stored')}</th><th>${t('ui.status.canary_scanned')}</th></tr></thead>
			<tbody>${data.canaries.map((one) => html`<tr key=${one.unit?.id ?? 'server'}><td>${one.unit?.name ?? t('ui.status.canary_server')}</td>${['handed_at', 'stored_at', 'scanned_at'].map((at) => html`<td>${one[at] ? html`<${Time} at=${one[at]} /> <span class="muted"><${Ago} at=${one[at]} /></span>` : '–'}</td>`)}</tr>`)}</tbody></table>` : html`<${Empty} title=${t('ui.status.no_canaries')} />`}</section>
		<section class="panel"><h2>${t('ui.status.processes')}</h2>
			${data.processes?.length ? html`<table class="plain-table wide"><thead><tr><th>${t('ui.status.process')}</th><th>${t('ui.status.state')}</th><th>${t('ui.status.since')}</th><th class="right">${t('ui.status.restarts')}</th><th>${t('ui.status.detail')}</th></tr></thead>
			<tbody>${data.processes.map((one) => html`<tr key=${one.name}><td><code>${one.name}</code></td><td><${State} group="process" value=${one.state} /></td><td><${Time} at=${one.since} /> <span class="muted"><${Ago} at=${one.since} /></span></td><td class="right">${number(one.restarts)}</td><td>${one.detail}</td></tr>`)}</tbody></table>` : html`<${Empty} title=${t('ui.status.no_processes')} />`}</section>
		<section class="panel"><h2>${t('ui.status.stores')}</h2><${Facts} items=${[[t('ui.status.eventdb'), data.eventdb && html`<${State} group="process" value=${data.eventdb.state} />`], [t('ui.status.database'), data.database?.kind], [t('ui.status.spool'), p.spool_bytes !== undefined ? bytes(p.spool_bytes) : null]]} /></section>
	</div>`;
}
