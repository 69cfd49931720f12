// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// The health strip: what the system is blind to, since when, what was lost. It cannot be dismissed while true; when all
// is well nothing is shown.
import { html, useState, useEffect, useRef } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { duration, dateTime, number } from '../lib/format.js';
import { useGet } from '../lib/data.js';
import { useStore } from '../lib/store.js';
import { streamState } from '../lib/stream.js';
import { can } from '../lib/session.js';
import { href } from '../lib/router.js';

const PERIOD_MS = 10000;

// Two answers have not come.
const SILENT_MS = 3 * PERIOD_MS;

// More than that would push the page away; the status page has them all.
const SHOWN = 8;

// A stream that reconnects within this time is not worth a line.
const GRACE_MS = 8000;

export function HealthStrip() {
	const allowed = can('system.read');
	const { data, error } = useGet('/health', null, { every: PERIOD_MS, events: ['status.'] });
	const stream = useStore(streamState);
	// A server that hangs gives no error: that answers stay away is the sign.
	const answered = useRef(Date.now());
	useEffect(() => {
		if (data) answered.current = Date.now();
	}, [data]);
	const [now, setNow] = useState(Date.now());
	useEffect(() => {
		const timer = setInterval(() => setNow(Date.now()), 4000);
		return () => clearInterval(timer);
	}, []);
	const lines = (data?.blind ?? []).map((blind) => ({
		key: blind.what,
		what: blind.what,
		text: blind.sentence,
		action: blind.action,
		note: [blind.since && t('ui.health.since', { time: dateTime(blind.since), age: duration(now - Date.parse(blind.since)) }), blind.lost ? t('ui.health.lost', { count: blind.lost }) : null].filter(Boolean).join(' · '),
	}));
	const status = error && error.status !== 403 && error.status !== 401;
	const silent = !document.hidden && now - answered.current > SILENT_MS;
	if (silent) {
		lines.unshift({ key: 'server', what: 'server', text: t('ui.health.no_server'), note: t('ui.health.since', { time: dateTime(answered.current), age: duration(now - answered.current) }) });
	} else if (status || (stream.state === 'lost' && now - stream.since > GRACE_MS)) {
		lines.unshift({ key: 'server', what: 'server', text: t('ui.health.no_server'), note: t('ui.health.since', { time: dateTime(stream.since), age: duration(now - stream.since) }) });
	}
	if (!lines.length) return null;
	return html`<aside class="health" role="alert" aria-label=${t('ui.health.title')}>
		<strong>${t('ui.health.blind', { count: number(lines.length) })}</strong>
		<ul>${lines.slice(0, SHOWN).map((line) => html`<li key=${line.key} data-what=${line.what}>${line.text} <span>${[line.note, line.action].filter(Boolean).join(' · ')}</span></li>`)}</ul>
		${allowed && html`<a href=${href('/status')}>${t('ui.health.more')}</a>`}
	</aside>`;
}
