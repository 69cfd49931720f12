// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// One machine's events, alerts, malware, incidents and states in one row of time.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { useGet } from '../lib/data.js';
import { href } from '../lib/router.js';
import { can } from '../lib/session.js';
import { Loading, ProblemBox } from './bits.js';
import { Timeline } from './timeline.js';

const SPANS = ['24h', '7d', '30d'];

function itemOf(one, i, sentences) {
	if (one.kind === 'state') return { ...sentences([one])[0], id: `state${i}` };
	return { id: `${one.kind}${one.id ?? i}`, at: one.at, type: one.kind, text: t(`ui.timeline.joined.${one.kind}`, one), note: one.path || [one.action, one.user].filter(Boolean).join(' · ') };
}

export function Joined({ id, sentences }) {
	const [last, setLast] = useState('24h');
	const { data, error, reload } = useGet(`/endpoints/${id}/timeline`, { last });
	return html`<p class="actions left"><label class="filter"><span>${t('ui.timeline.joined.span')}</span><select value=${last} onChange=${(event) => setLast(event.target.value)}>${SPANS.map((span) => html`<option key=${span} value=${span} selected=${span === last}>${t(`ui.timeline.joined.span.${span}`)}</option>`)}</select></label>
			${can('event.read') && html`<a class="button small" href=${href('/search', { endpoint: id, last })}>${t('ui.timeline.joined.search')}</a>`}</p>
		<${ProblemBox} problem=${error} retry=${reload} />
		${data?.events_missing && html`<p class="note" role="status">${t('ui.timeline.joined.missing', { reason: data.events_missing })}</p>`}
		${data ? html`<${Timeline} items=${data.items.map((one, i) => itemOf(one, i, sentences))} />` : !error && html`<${Loading} />`}`;
}
