// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// One event: why it is here, its fields with buttons that narrow the search, how common a value is, and the original text.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number, dateTime } from '../lib/format.js';
import { get } from '../lib/api.js';
import { href } from '../lib/router.js';
import { useAnswer, termOf, quote } from '../lib/event_search.js';
import { Copyable, Loading, ProblemBox } from './bits.js';
import { Icon } from './icons.js';
import { act } from './toast.js';

const LONG = 240;

// How often the value occurs in 30 days: asked when it is wanted.
function Common({ field, value }) {
	const [data, setData] = useState(null);
	const ask = () => act(async () => setData(await get('/events/common', { q: termOf(field, value.slice(0, 400)), last: '30d' })));
	return data ? html`<span class="muted">${t(data.at_least ? 'ui.search.common_least' : 'ui.search.common', { events: number(data.events), hosts: number(data.hosts), units: number(data.units), from: dateTime(data.counted_from) })}</span>`
		: html`<button type="button" class="small ghost" onClick=${ask}>${t('ui.search.how_common')}</button>`;
}

function FieldRow({ field, value, onTerm }) {
	const [whole, setWhole] = useState(value.length <= LONG);
	const one = value.split('\n')[0];
	return html`<div class="event-field"><dt>${field}</dt><dd>
		<span class="event-value">${whole ? value : `${value.slice(0, LONG)}…`}</span>
		<span class="event-acts">
			${one.length <= 400 && html`<button type="button" class="small ghost" title=${t('ui.search.include')} aria-label=${`${t('ui.search.include')}: ${field}`} onClick=${() => onTerm(field, one, false)}>＋</button>
			<button type="button" class="small ghost" title=${t('ui.search.exclude')} aria-label=${`${t('ui.search.exclude')}: ${field}`} onClick=${() => onTerm(field, one, true)}>－</button>`}
			${!whole && html`<button type="button" class="small ghost" onClick=${() => setWhole(true)}>${t('ui.search.whole')}</button>`}
			${one.length <= 400 && html`<${Common} field=${field} value=${one} />`}
		</span></dd></div>`;
}

export function EventDetail({ id, at, q, onTerm, onClose }) {
	const { data, error } = useAnswer(`/events/${id}`, { q, time: at });
	if (error) return html`<${ProblemBox} problem=${error} /><button type="button" class="small" onClick=${onClose}>${t('ui.action.close_dialog')}</button>`;
	if (!data) return html`<${Loading} />`;
	const { event, fields, raw, why } = data;
	return html`<header><div><h2>${dateTime(event.time, true)}</h2><p class="muted">${[fields['host.name'], event.unit?.name, event.source].filter(Boolean).join(' · ')}</p></div>
			<button type="button" class="small ghost" onClick=${onClose}><${Icon} name="close" />${t('ui.action.close_dialog')}</button></header>
		<p class="actions left">${event.endpoint_id && html`<a class="button small" href=${href(`/endpoints/${event.endpoint_id}`, { tab: 'joined' })}>${t('ui.search.machine')}</a>`}
			${fields['host.name'] && html`<a class="button small" href=${href('/search', { query: `host.name:${quote(fields['host.name'])}`, last: '24h' })}>${t('ui.search.host_day')}</a>`}</p>
		${why.length > 0 && html`<p>${t('ui.search.why')} ${why.map((one) => html`<mark key=${one.at}>${one.term.replace(/^"([A-Za-z@][\w.@-]*)":/, '$1:')}</mark> `)}</p>`}
		<dl class="event-fields">${Object.entries(fields).map(([field, value]) => html`<${FieldRow} key=${field} field=${field} value=${value} onTerm=${onTerm} />`)}</dl>
		<h3>${t('ui.search.raw')}</h3><${Copyable} text=${raw} block />
		<p class="muted">${t('ui.search.received', { time: dateTime(event.received, true) })} · ${t('ui.search.id')} ${id}</p>`;
}
