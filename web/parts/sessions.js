// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Where somebody is signed in: device, address, since when; ending one or all.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { useGet } from '../lib/data.js';
import { remove } from '../lib/api.js';
import { Time, Ago, Loading, ProblemBox, Empty } from './bits.js';
import { act } from './toast.js';

const BROWSERS = [[/Edg\/(\d+)/, 'Edge'], [/OPR\/(\d+)/, 'Opera'], [/coc_coc_browser\/(\d+)/i, 'Coc Coc'], [/Firefox\/(\d+)/, 'Firefox'], [/Chrome\/(\d+)/, 'Chrome'], [/Version\/(\d+).*Safari/, 'Safari'], [/curl\/(\d+)/, 'curl']];
const SYSTEMS = [[/Windows NT 10/, 'Windows 10/11'], [/Windows NT 6\.3/, 'Windows 8.1'], [/Windows NT 6\.1/, 'Windows 7'], [/Android (\d+)/, 'Android'], [/iPhone|iPad/, 'iOS'], [/Mac OS X/, 'macOS'], [/Linux/, 'Linux']];

// "Chrome 120 · Windows 10/11": what an officer recognises; the browser's own words on hover.
export function deviceName(agent) {
	const browser = BROWSERS.find(([pattern]) => pattern.test(agent)), system = SYSTEMS.find(([pattern]) => pattern.test(agent));
	const names = [browser && `${browser[1]} ${browser[0].exec(agent)[1]}`, system?.[1]].filter(Boolean);
	return names.length ? names.join(' · ') : agent || '–';
}

export function Sessions({ path, own }) {
	const { data, error, reload } = useGet(path);
	const end = (one) => act(async () => {
		await remove(`${path}${one ? `/${one.id}` : ''}`);
		await reload();
	}, t(one ? 'ui.me.session_ended' : 'ui.factor.sessions_ended'));
	if (!data) return error ? html`<${ProblemBox} problem=${error} retry=${reload} />` : html`<${Loading} />`;
	const others = data.items.filter((one) => !one.current);
	if (!data.items.length) return html`<${Empty} title=${t('ui.factor.no_sessions')} />`;
	return html`<ul class="rows sessions">${data.items.map((one) => html`<li key=${one.id}><span><strong title=${one.user_agent}>${deviceName(one.user_agent)}</strong>${one.current && html` <span class="chip">${t('ui.me.this_session')}</span>`}<br /><span class="muted">${one.peer || '–'} · ${t(one.second_factor ? 'ui.factor.with_second' : 'ui.factor.password_only')}</span><br /><span class="muted">${t('ui.me.session_since')} <${Time} at=${one.created_at} /> · <${Ago} at=${one.seen_at} /></span></span>
		${!one.current && html`<button type="button" class="small danger-quiet" onClick=${() => end(one)}>${t('ui.me.end_session')}</button>`}</li>`)}</ul>
		${others.length > (own ? 0 : 1) && html`<button type="button" class="danger-quiet" onClick=${() => end(null)}>${t(own ? 'ui.factor.end_others' : 'ui.factor.end_all')}</button>`}`;
}
