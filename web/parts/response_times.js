// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// How long alerts wait to be acknowledged and to be resolved: this month beside the last one, and the slowest units.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number, duration } from '../lib/format.js';
import { href } from '../lib/router.js';
import { useGet } from '../lib/data.js';
import { Severity, Loading, ProblemBox, SEVERITIES } from './bits.js';

const SLOWEST = 5;
const length = (seconds) => (seconds === null || seconds === undefined ? '–' : duration(seconds * 1000));

function Rows({ now, before }) {
	return SEVERITIES.map((value) => {
		const one = now.by_severity[value], old = before?.by_severity[value];
		return html`<tr key=${value}><th><${Severity} value=${value} /></th><td class="right">${number(one.count)}</td>
			<td class="right">${length(one.mtta_s)}<span class="muted"> / ${length(old?.mtta_s)}</span></td><td class="right">${length(one.mttr_s)}<span class="muted"> / ${length(old?.mttr_s)}</span></td></tr>`;
	});
}

export function ResponseTimes() {
	const figures = useGet('/alerts/figures', { months: 2 }, { events: ['alert.'], every: 300000 });
	const data = figures.data;
	const slow = (data?.units ?? []).filter((one) => one.all.mtta_s !== null).sort((a, b) => b.all.mtta_s - a.all.mtta_s).slice(0, SLOWEST);
	return html`<section class="panel response"><h2>${t('ui.overview.response')}</h2>
		<${ProblemBox} problem=${figures.error} retry=${figures.reload} />
		${!data && !figures.error && html`<${Loading} />`}
		${data && html`<table class="plain-table wide"><thead><tr><th>${t('ui.severity.title')}</th><th class="right">${t('ui.overview.response_count')}</th><th class="right">${t('ui.overview.response_mtta')}</th><th class="right">${t('ui.overview.response_mttr')}</th></tr></thead>
			<tbody><${Rows} now=${data.months[0]} before=${data.months[1]} /></tbody></table>
		${slow.length > 0 && html`<h3>${t('ui.overview.response_slowest')}</h3><table class="plain-table wide"><tbody>${slow.map((one) => html`<tr key=${one.unit.id}><td><a href=${href('/alerts', { view: 'all', unit: one.unit.id })}>${one.unit.name}</a></td><td class="right">${number(one.all.count)}</td><td class="right">${length(one.all.mtta_s)}</td><td class="right">${length(one.all.mttr_s)}</td></tr>`)}</tbody></table>`}
		<p class="muted">${t('ui.overview.response_meaning')}</p>`}
	</section>`;
}
