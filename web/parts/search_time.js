// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Of what time: a span up to now, or two times of Vietnam; and the histogram, in which a span is drawn.
import { html, useState, useRef, useEffect } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number, dateTime, time, date, parseDateTime } from '../lib/format.js';
import { composing } from '../lib/keys.js';
import { Icon } from './icons.js';

const SPANS = ['15m', '1h', '4h', '24h', '7d', '30d', '90d', '365d'];

export function spanText(query) {
	return query.get('from') ? `${dateTime(query.get('from'))} – ${dateTime(query.get('to'))}` : t(`ui.search.last.${SPANS.includes(query.get('last')) ? query.get('last') : '24h'}`);
}

export function TimePicker({ query, range, onChange }) {
	const menu = useRef(null);
	const [own, setOwn] = useState({ from: '', to: '' });
	const [fault, setFault] = useState(false);
	useEffect(() => setOwn({ from: range ? dateTime(range.from) : '', to: range ? dateTime(range.to) : '' }), [range?.from, range?.to]);
	const choose = (patch) => {
		menu.current.open = false;
		onChange({ from: null, to: null, last: null, ...patch });
	};
	const submit = (event) => {
		event.preventDefault();
		const from = parseDateTime(own.from), to = parseDateTime(own.to);
		setFault(!from || !to || from >= to);
		if (from && to && from < to) choose({ from, to });
	};
	const field = (name) => html`<label class="field"><span>${t(`ui.search.${name}`)}</span><input value=${own[name]} placeholder="21/11/2026 14:30" onInput=${(event) => setOwn({ ...own, [name]: event.target.value })} /></label>`;
	return html`<details class="menu time-picker" ref=${menu}>
		<summary class="button"><${Icon} name="clock" />${spanText(query)}</summary>
		<div class="menu-body"><div class="spans">${SPANS.map((span) => html`<button type="button" key=${span} class="small" aria-pressed=${!query.get('from') && (query.get('last') ?? '24h') === span ? 'true' : 'false'} onClick=${() => choose({ last: span })}>${t(`ui.search.last.${span}`)}</button>`)}</div>
			<form onSubmit=${submit}>${field('from')}${field('to')}${fault && html`<p class="field-error" role="alert">${t('ui.search.bad_time')}</p>`}<button class="small primary">${t('ui.search.use')}</button></form></div>
	</details>`;
}

const stepName = (seconds) => (seconds < 60 ? t('ui.search.step.seconds', { count: seconds }) : seconds < 3600 ? t('ui.search.step.minutes', { count: seconds / 60 }) : seconds < 86400 ? t('ui.search.step.hours', { count: seconds / 3600 }) : t('ui.search.step.days', { count: seconds / 86400 }));

// Drag, or arrows with Shift and Enter: the span between becomes the new range.
export function Histogram({ data, onRange }) {
	const [mark, setMark] = useState(null);
	const { buckets, step_s: step, total } = data;
	const most = Math.max(1, ...buckets.map((one) => one.count));
	const end = (i) => new Date(Math.min(Date.parse(buckets[i].at) + step * 1000, Date.parse(data.to))).toISOString();
	const use = (a, b) => {
		setMark(null);
		const [i, j] = [Math.min(a, b), Math.max(a, b)];
		onRange({ from: buckets[i].at < data.from ? data.from : buckets[i].at, to: end(j), last: null });
	};
	const at = (event) => {
		const box = event.currentTarget.getBoundingClientRect();
		return Math.max(0, Math.min(buckets.length - 1, Math.floor(((event.clientX - box.left) / box.width) * buckets.length)));
	};
	const onKeyDown = (event) => {
		if (composing(event)) return;
		const step1 = { ArrowRight: 1, ArrowLeft: -1 }[event.code];
		if (step1) {
			event.preventDefault();
			const to = mark ? Math.max(0, Math.min(buckets.length - 1, mark.to + step1)) : step1 > 0 ? 0 : buckets.length - 1;
			setMark({ from: event.shiftKey && mark ? mark.from : to, to });
		} else if (event.code === 'Enter' && mark) use(mark.from, mark.to);
		else if (event.code === 'Escape') setMark(null);
	};
	const inside = (i) => mark && i >= Math.min(mark.from, mark.to) && i <= Math.max(mark.from, mark.to);
	// What lies before was not looked at: no bar is not "none".
	const uncounted = (i) => data.at_least && end(i) <= data.counted_from;
	const label = (i) => `${dateTime(buckets[i].at, step < 60)}: ${uncounted(i) ? t('ui.search.uncounted') : number(buckets[i].count)}`;
	return html`<div class="histogram">
		<p class="histogram-head"><strong>${t(data.at_least ? 'ui.search.total_least' : 'ui.search.total', { count: total })}</strong>${data.at_least && html` <span role="note">${t('ui.search.counted_from', { time: dateTime(data.counted_from) })}</span>`} <span class="muted">${t('ui.search.histogram', { step: stepName(step) })}</span>${mark && html` <span role="status">${label(mark.to)}</span>`}</p>
		<div class="histogram-bars" tabindex="0" role="group" aria-label=${t('ui.search.histogram_help')} onKeyDown=${onKeyDown} onBlur=${() => setMark(null)}
			onPointerDown=${(event) => { event.currentTarget.setPointerCapture(event.pointerId); setMark({ from: at(event), to: at(event), drag: true }); }}
			onPointerMove=${(event) => mark?.drag && setMark({ ...mark, to: at(event) })} onPointerUp=${() => mark?.drag && use(mark.from, mark.to)} onPointerCancel=${() => setMark(null)}>
			${buckets.map((one, i) => html`<span key=${one.at} title=${label(i)} class=${`${uncounted(i) ? 'uncounted' : one.count ? '' : 'zero'}${inside(i) ? ' marked' : ''}`}><i style=${{ height: `${one.count ? Math.max(3, (one.count / most) * 100) : 0}%` }}></i></span>`)}
		</div>
		<p class="histogram-axis muted" aria-hidden="true"><span>${date(data.from)} ${time(data.from)}</span><span>${date(data.to)} ${time(data.to)}</span></p>
	</div>`;
}
