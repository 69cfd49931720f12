// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// The small parts every page uses: severity, state, times, facts, problems, empty states, tabs, numbers.
import { html, useState, useEffect } from '../lib/html.js';
import { t, hasText } from '../lib/i18n.js';
import { dateTime, relative, duration, number } from '../lib/format.js';
import { href } from '../lib/router.js';
import { Icon } from './icons.js';

const SHAPES = { critical: '◆', high: '▲', medium: '●', low: '○' };
export const SEVERITIES = Object.keys(SHAPES);

// Word, shape and colour: never colour alone.
export const Severity = ({ value }) =>
	SHAPES[value] ? html`<span class="sev sev-${value}"><span aria-hidden="true">${SHAPES[value]}</span> ${t(`ui.severity.${value}`)}</span>` : html`<span>–</span>`;

const TONES = {
	protected: 'good', outdated: 'warn', silent: 'bad', unprotected: 'bad',
	new: 'bad', acknowledged: 'warn', closed: 'quiet', cancelled: 'quiet', triaged: 'warn', responding: 'warn', recovering: 'warn',
	held: 'warn', restore_requested: 'busy', restored: 'quiet', delete_requested: 'busy', deleted: 'quiet',
	quarantined: 'good', reported: 'warn', failed: 'bad', current: 'good', superseded: 'quiet', rolling: 'busy', halted: 'bad', replaced: 'quiet',
	on: 'good', off: 'quiet', refused: 'bad', gone: 'quiet', ended: 'quiet',
	running: 'good', ready: 'good', ok: 'good', waiting: 'busy', losing: 'bad', clock: 'warn', unreadable: 'warn', starting: 'busy', stopped: 'bad', disabled: 'quiet', active: 'good', expired: 'quiet', used: 'quiet', open: 'good', lost: 'bad',
};

// A state as a dot and its word. `group` names the catalogue: ui.<group>.state.<value>.
export function State({ group, value, label, tone }) {
	const key = `ui.${group}.state.${value}`;
	return html`<span class="state state-${tone ?? TONES[value] ?? 'quiet'}"><i aria-hidden="true"></i>${label ?? (hasText(key) ? t(key) : value)}</span>`;
}

// Absolute time, relative on the second line or on hover.
export const Time = ({ at, seconds }) => (at ? html`<time datetime=${at} title=${`${relative(at)} · GMT+7`}>${dateTime(at, seconds)}</time>` : html`<span class="muted">–</span>`);

export function Ago({ at }) {
	const [, tick] = useState(0);
	useEffect(() => {
		const timer = setInterval(() => tick((n) => n + 1), 30000);
		return () => clearInterval(timer);
	}, []);
	return at ? html`<time datetime=${at} title=${`${dateTime(at, true)} GMT+7`}>${relative(at)}</time>` : html`<span class="muted">${t('ui.time.never')}</span>`;
}

// What happened, what is safe, what to do, the code for the hotline.
export function ProblemBox({ problem, retry }) {
	if (!problem) return null;
	return html`<div class="problem" role="alert">
		<p><strong>${problem.detail}</strong></p>
		<p class="muted">${problem.status >= 500 || !problem.status ? t('ui.error.safe') : problem.key === 'api.forbidden' ? t('ui.error.ask_permission') : ''}
			${problem.place ? html` ${t('ui.error.place', { place: problem.place })}` : ''} ${t('ui.error.code', { code: problem.key ?? String(problem.status) })}</p>
		${problem.args?.reason && !problem.detail.includes(problem.args.reason) && html`<${Original} text=${problem.args.reason} />`}
		${retry && html`<button type="button" class="small" onClick=${retry}>${t('ui.action.retry')}</button>`}
	</div>`;
}

// What another program said in its own words, for whoever asks.
const Original = ({ text }) => html`<details><summary>${t('ui.error.original')}</summary><code>${text}</code></details>`;

// Why the event store would not take an event: in words where the catalogue has some.
export const Reason = ({ one }) => html`<p><strong>${one.why ?? one.reason}</strong></p>${one.why && html`<${Original} text=${one.reason} />`}`;

export const Empty = ({ title, children }) => html`<div class="empty"><p class="empty-title">${title}</p>${children && html`<div class="muted">${children}</div>`}</div>`;

// Within a list (grid, listbox) no status may stand: those say aria-busy, and this is but text.
export const Loading = ({ within }) => html`<div class="loading" role=${within ? null : 'status'}>${t('ui.loading')}</div>`;

// Facts: [[label, value], …] as a two-column list; empty values are left out.
export const Facts = ({ items }) => html`<dl class="facts">
	${items.filter((item) => item && item[1] !== null && item[1] !== undefined && item[1] !== '' && item[1] !== false).map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}
</dl>`;

export const PageHead = ({ title, sub, back, children }) => html`<header class="page-head">
	<div class="page-title">
		${back && html`<a class="back" href=${back.href}><${Icon} name="back" />${back.label}</a>`}
		<h1>${title}</h1>${sub && html`<p class="muted">${sub}</p>`}
	</div>
	<div class="actions">${children}</div>
</header>`;

// Tabs are addresses: the chosen one stands in the URL.
export const Tabs = ({ items, value, label }) => html`<nav class="tabs" aria-label=${label}>
	${items.map((item) => html`<a key=${item.id} href=${item.href} aria-current=${item.id === value ? 'page' : null}>${item.label}${item.count !== undefined && item.count !== null && html` <span class="count">${number(item.count)}</span>`}</a>`)}
</nav>`;

// A number with what it counts, its direction or part, and the list behind it.
export function Tile({ value, label, note, to, query, tone, wide, at }) {
	const inside = html`<span class="tile-value">${value}</span><span class="tile-label">${label}</span>${note && html`<span class="tile-note">${note}</span>`}
		${at && html`<span class="tile-at">${t('ui.as_of', { time: dateTime(at) })}</span>`}`;
	const name = `tile${tone ? ` tile-${tone}` : ''}${wide ? ' wide' : ''}`;
	return to ? html`<a class=${name} href=${href(to, query)}>${inside}</a>` : html`<div class=${name}>${inside}</div>`;
}

// Numbers older than twice the time they should be renewed in look old, and their age is told. Renders itself as time passes.
export function useStale(at, periodMs) {
	const [now, setNow] = useState(Date.now());
	useEffect(() => {
		const timer = setInterval(() => setNow(Date.now()), 10000);
		return () => clearInterval(timer);
	}, []);
	const age = at ? Math.max(now, Date.now()) - Date.parse(at) : 0;
	return age > 2 * periodMs ? age : 0;
}

export const StaleNote = ({ age }) => (age ? html`<p class="note" role="status">${t('ui.stale', { age: duration(age) })}</p>` : null);

// The version names the system itself ("Windows 10 Pro 22H2", "Debian 12").
export const osName = ({ os, os_version: version }) => version || os;

export const EndpointLink = ({ endpoint }) => (endpoint ? html`<a class="chip" href=${href(`/endpoints/${endpoint.id}`)}>${endpoint.hostname}</a>` : html`<span class="muted">–</span>`);
export const UnitName = ({ unit }) => (unit ? html`<a class="plain" href=${href('/units', { unit: unit.id })}>${unit.name}</a>` : html`<span class="muted">–</span>`);

// Long technical text that can be copied with one press.
export function Copyable({ text, show, block, path }) {
	const [done, setDone] = useState(false);
	const copy = async () => {
		await navigator.clipboard.writeText(text);
		setDone(true);
		setTimeout(() => setDone(false), 2000);
	};
	return html`<span class=${block ? 'copyable block' : 'copyable'}><code class=${path ? 'path' : null} title=${show ? text : null}>${show ?? text}</code><button type="button" class="small ghost" onClick=${copy} title=${t('ui.action.copy')}><${Icon} name=${done ? 'check' : 'copy'} /><span class=${block ? '' : 'hidden'} role="status">${t(done ? 'ui.action.copied' : 'ui.action.copy')}</span></button></span>`;
}
