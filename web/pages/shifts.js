// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Who is on duty now, the roster week by week, and the hand-overs.
import { html, useRef, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { time, date, dateTime } from '../lib/format.js';
import { useRoute, setQuery, href, go } from '../lib/router.js';
import { useGet, useList } from '../lib/data.js';
import { post, remove } from '../lib/api.js';
import { can, session } from '../lib/session.js';
import { PageHead, State, Time, Empty, ProblemBox } from '../parts/bits.js';
import { Dialog, Confirm } from '../parts/dialog.js';
import { Form, useForm } from '../parts/form.js';
import { AccountPicker } from '../parts/picker.js';
import { Icon } from '../parts/icons.js';
import { act, toast } from '../parts/toast.js';

const DAY_MS = 86400000, ZONE_MS = 7 * 3600000, DAYS = [0, 1, 2, 3, 4, 5, 6];

// Monday 00:00 Vietnamese time of the week that holds this moment.
function monday(ms) {
	const day = Math.floor((ms + ZONE_MS) / DAY_MS);
	return (day - ((day + 3) % 7)) * DAY_MS - ZONE_MS;
}
const isoDay = (ms) => new Date(ms + ZONE_MS).toISOString().slice(0, 10);

function ShiftDialog({ day, onClose, reload }) {
	const form = useForm({ draft: 'shift.new', initial: { starts_at: `${date(day)} 06:00`, ends_at: `${date(day)} 14:00` } });
	const fields = [
		{ name: 'account_id', type: 'pick', picker: AccountPicker, label: t('ui.shift.person'), required: true },
		{ name: 'starts_at', type: 'datetime', label: t('ui.shift.starts'), required: true },
		{ name: 'ends_at', type: 'datetime', label: t('ui.shift.ends'), required: true, hint: t('ui.shift.ends_hint') },
		{ name: 'note', label: t('ui.shift.note'), max: 200 },
	];
	const send = async (values) => {
		await post('/shifts', values);
		onClose();
		reload();
	};
	return html`<${Dialog} title=${t('ui.shift.add')} onClose=${onClose}><${Form} form=${form} fields=${fields} submit=${t('ui.shift.add')} onCancel=${onClose} onSubmit=${send} /><//>`;
}

function Week({ from, list, onAdd, onRemove }) {
	const today = isoDay(Date.now());
	return html`<div class="week" role="list">${DAYS.map((i) => {
		const start = from + i * DAY_MS, day = isoDay(start);
		const shifts = list.items.filter((one) => Date.parse(one.starts_at) < start + DAY_MS && Date.parse(one.ends_at) > start);
		return html`<section key=${day} role="listitem" class=${`week-day${day === today ? ' today' : ''}`} aria-label=${`${t(`ui.shift.day.${i}`)} ${date(start)}`}>
			<h3>${t(`ui.shift.day.${i}`)} <span class="muted">${date(start).slice(0, 5)}</span></h3>
			<ul>${shifts.map((one) => html`<li key=${one.id} class=${one.account.id === session.get().account.id ? 'mine' : null}><strong>${one.account.name}</strong><span>${time(one.starts_at)}–${time(one.ends_at)}</span>${one.note && html`<span class="muted">${one.note}</span>`}
				${can('shift.write') && html`<button type="button" class="small ghost" aria-label=${t('ui.shift.remove_of', { name: one.account.name })} onClick=${() => onRemove(one)}>×</button>`}</li>`)}</ul>
			${can('shift.write') && html`<button type="button" class="small ghost" onClick=${() => onAdd(start)} aria-label=${t('ui.shift.add_on', { day: date(start) })}>+</button>`}
		</section>`;
	})}</div>`;
}

function Now({ now }) {
	const people = now?.on_duty ?? [];
	return html`<section class="panel"><h2>${t('ui.shift.now')}</h2>
		${people.length ? html`<ul class="rows">${people.map((one) => html`<li key=${one.id}><strong>${one.account.name}</strong><span class="muted">${t('ui.shift.until', { time: dateTime(one.ends_at) })}</span></li>`)}</ul>` : html`<${Empty} title=${t('ui.shift.nobody')}>${t('ui.shift.nobody_hint')}<//>`}
		${now?.next?.[0] && html`<p class="muted">${t('ui.shift.next', { name: now.next[0].account.name, time: dateTime(now.next[0].starts_at) })}</p>`}</section>`;
}

function Handovers({ now }) {
	const list = useList('/handovers', {}, { events: ['shift.'] });
	const make = () => act(async () => go(`/handovers/${(await post('/handovers')).id}`));
	return html`<section class="panel"><h2>${t('ui.handover.title')}</h2>
		${now?.handover && html`<p class="note">${t('ui.handover.waits', { number: String(now.handover.number), name: now.handover.author?.name ?? '–' })} <a href=${href(`/handovers/${now.handover.id}`)}>${t('ui.handover.open')}</a></p>`}
		<${ProblemBox} problem=${list.error} retry=${list.reload} />
		${can('shift.write') && html`<div><button type="button" class="primary" onClick=${make}>${t('ui.handover.make')}</button></div>`}
		<ul class="rows two-lined">${list.items.slice(0, 10).map((one) => html`<li key=${one.id}><a href=${href(`/handovers/${one.id}`)}>${t('ui.handover.number', { number: String(one.number) })}</a><${State} group="handover" value=${one.state} /><${Time} at=${one.created_at} /><span class="second">${one.author?.name}${one.accepted_by ? html` → ${one.accepted_by.name}` : ''}</span></li>`)}</ul>
		${!list.loading && !list.items.length && !list.error && html`<p class="muted">${t('ui.handover.none')}</p>`}</section>`;
}

export default function Shifts() {
	const { query } = useRoute();
	const [dialog, setDialog] = useState(null);
	const file = useRef(null);
	const asked = Date.parse(`${query.get('week')}T00:00:00+07:00`);
	const from = monday(Number.isNaN(asked) ? Date.now() : asked);
	const list = useList('/shifts', { from: new Date(from).toISOString(), to: new Date(from + 7 * DAY_MS).toISOString() }, { events: ['shift.'], whole: true });
	const now = useGet('/shifts/now', null, { events: ['shift.'], every: 60000 });
	const week = (by) => setQuery({ week: isoDay(from + by * 7 * DAY_MS) });
	const importFile = (event) => act(async () => {
		const chosen = event.target.files[0];
		event.target.value = '';
		if (!chosen) return;
		const answer = await post('/shifts/import', chosen);
		toast(t('ui.shift.imported', { count: answer.added }));
		list.reload();
	});
	return html`<div class="page">
		<${PageHead} title=${t('ui.page.shifts')} sub=${t('ui.shift.sub')}>
			${can('shift.write') && html`<button type="button" onClick=${() => file.current.click()}><${Icon} name="download" />${t('ui.shift.import')}</button><input ref=${file} type="file" accept=".csv,text/csv" class="hidden" tabindex="-1" aria-label=${t('ui.shift.import')} onChange=${importFile} />
			<button type="button" class="primary" onClick=${() => setDialog({ add: Date.now() })}>${t('ui.shift.add')}</button>`}
		<//>
		<div class="two">
			<${Now} now=${now.data} />
			<${Handovers} now=${now.data} />
		</div>
		<section class="panel"><div class="week-head"><h2>${t('ui.shift.week', { from: date(from), to: date(from + 6 * DAY_MS) })}</h2>
			<div class="actions"><button type="button" class="small" onClick=${() => week(-1)}>← ${t('ui.shift.week_before')}</button><button type="button" class="small" onClick=${() => setQuery({ week: null })}>${t('ui.shift.week_now')}</button><button type="button" class="small" onClick=${() => week(1)}>${t('ui.shift.week_after')} →</button></div></div>
			<${ProblemBox} problem=${list.error} retry=${list.reload} />
			<${Week} from=${from} list=${list} onAdd=${(day) => setDialog({ add: day })} onRemove=${(one) => setDialog({ remove: one })} />
			${can('shift.write') && html`<p class="muted">${t('ui.shift.import_hint')}</p>`}</section>
		${dialog?.add && html`<${ShiftDialog} day=${dialog.add} onClose=${() => setDialog(null)} reload=${list.reload} />`}
		${dialog?.remove && html`<${Confirm} title=${t('ui.shift.remove')} danger consequence=${t('ui.shift.remove_consequence', { name: dialog.remove.account.name, time: dateTime(dialog.remove.starts_at) })} action=${t('ui.shift.remove')} onClose=${() => setDialog(null)} onDo=${async () => {
			await remove(`/shifts/${dialog.remove.id}`);
			list.reload();
		}} />`}
	</div>`;
}
