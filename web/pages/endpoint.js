// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// One machine: how it is protected, what is on it, what happened; scan, move, retire.
import { html, useState } from '../lib/html.js';
import { t, hasText } from '../lib/i18n.js';
import { number, bytes } from '../lib/format.js';
import { useRoute, href } from '../lib/router.js';
import { useGet, useList } from '../lib/data.js';
import { post, patch, remove } from '../lib/api.js';
import { can } from '../lib/session.js';
import { useKeys } from '../lib/keys.js';
import { go } from '../lib/router.js';
import { PageHead, State, Time, Ago, Facts, Loading, ProblemBox, Tabs, UnitName, Empty, Severity, Copyable, osName } from '../parts/bits.js';
import { Dialog, Confirm } from '../parts/dialog.js';
import { Form, useForm } from '../parts/form.js';
import { UnitPicker } from '../parts/picker.js';
import { Timeline } from '../parts/timeline.js';
import { act, toast } from '../parts/toast.js';

function ScanDialog({ endpoint, onClose }) {
	const form = useForm({ initial: { path: endpoint.os?.toLowerCase().includes('windows') ? 'C:\\Users' : '/home' } });
	const fields = [{ name: 'path', label: t('ui.endpoint.scan_path'), required: true, hint: t('ui.endpoint.scan_hint'), max: 4096 }];
	const send = async (values) => {
		await post(`/endpoints/${endpoint.id}/scan`, values);
		onClose();
		toast(t('ui.endpoint.scan_sent', { host: endpoint.hostname }));
	};
	return html`<${Dialog} title=${t('ui.endpoint.scan_title', { host: endpoint.hostname })} onClose=${onClose}><${Form} form=${form} fields=${fields} submit=${t('ui.endpoint.scan')} onCancel=${onClose} onSubmit=${send} /><//>`;
}

function EditDialog({ endpoint, reload, onClose }) {
	const form = useForm({ draft: `endpoint.${endpoint.id}`, initial: { unit_id: endpoint.unit, note: endpoint.note ?? '' } });
	const fields = [
		{ name: 'unit_id', type: 'pick', picker: UnitPicker, label: t('ui.unit.one'), required: true, hint: t('ui.endpoint.move_hint') },
		{ name: 'note', type: 'textarea', label: t('ui.endpoint.note'), hint: t('ui.endpoint.note_example'), max: 2000 },
	];
	const send = async (values) => {
		await patch(`/endpoints/${endpoint.id}`, values, endpoint.etag);
		onClose();
		await act(reload, t('ui.endpoint.saved', { host: endpoint.hostname }), values.unit_id !== endpoint.unit?.id && (async () => {
			const now = await reload();
			await patch(`/endpoints/${endpoint.id}`, { unit_id: endpoint.unit.id }, now?.etag);
			await reload();
		}));
	};
	return html`<${Dialog} title=${t('ui.endpoint.edit_title', { host: endpoint.hostname })} onClose=${onClose}><${Form} form=${form} fields=${fields} submit=${t('ui.action.save')} onCancel=${onClose} onSubmit=${send} /><//>`;
}

// The record keeps what changed; the sentence is made here, in the reader's language.
function sentences(entries) {
	return (entries ?? []).map((entry, i) => {
		const d = entry.details ?? {};
		const reason = d.reason_key && hasText(`endpoint.reason_${d.reason_key}`) ? t(`endpoint.reason_${d.reason_key}`) : null;
		const text = entry.what === 'state' ? t('ui.timeline.endpoint.state', { from: t(`ui.endpoint.state.${d.from}`), to: t(`ui.endpoint.state.${d.to}`) })
			: hasText(`ui.timeline.endpoint.${entry.what}`) ? t(`ui.timeline.endpoint.${entry.what}`) : entry.what;
		return { id: `${entry.at}-${i}`, at: entry.at, type: d.to === 'silent' ? 'silent' : entry.what, text, note: reason };
	});
}

// Engines come as names or as objects with a name and a state.
const engineText = (engine) => (typeof engine === 'string' ? engine : [engine.name, engine.version, engine.state].filter(Boolean).join(' '));

function Protection({ endpoint }) {
	const p = endpoint.protection ?? {};
	return html`<section class="panel"><h2>${t('ui.endpoint.protection')}</h2>
		<p class="lead"><${State} group="endpoint" value=${endpoint.state} /> ${endpoint.state_reason}</p>
		<${Facts} items=${[
			[t('ui.endpoint.watch'), (p.watch_mode || endpoint.watch_mode) && html`${t(`ui.endpoint.watch.${p.watch_mode || endpoint.watch_mode}`)}${p.watch_reason && html` <span class="muted">${p.watch_reason}</span>`}`],
			[t('ui.endpoint.bundle'), p.bundle_version ?? endpoint.bundle_version ?? t('ui.endpoint.no_bundle')],
			[t('ui.endpoint.scanner'), p.scanner && html`<${State} group="endpoint.scanner" value=${p.scanner} />`],
			[t('ui.endpoint.engines'), (p.engines ?? []).map(engineText).join(', ')],
			[t('ui.endpoint.last_scan'), p.last_scan_at && html`<${Time} at=${p.last_scan_at} />`],
			[t('ui.endpoint.spool'), p.spool_events ? t('ui.endpoint.spool_events', { count: p.spool_events }) : null],
			[t('ui.endpoint.quarantine_count'), p.quarantine_count !== undefined ? number(p.quarantine_count) : null],
		]} />
	</section>`;
}

function About({ endpoint }) {
	const inventory = endpoint.inventory ?? {};
	return html`<section class="panel"><h2>${t('ui.endpoint.about')}</h2><${Facts} items=${[
		[t('ui.unit.one'), html`<${UnitName} unit=${endpoint.unit} />`],
		[t('ui.endpoint.os'), osName(endpoint)],
		[t('ui.endpoint.kernel'), inventory.kernel],
		[t('ui.endpoint.addresses'), (endpoint.addresses ?? []).join(', ')],
		[t('ui.endpoint.memory'), inventory.memory_bytes && bytes(inventory.memory_bytes)],
		[t('ui.endpoint.cpu'), inventory.cpu],
		[t('ui.endpoint.agent'), endpoint.agent_version],
		[t('ui.endpoint.last_seen'), html`<${Ago} at=${endpoint.last_seen_at} />`],
		[t('ui.endpoint.enrolled'), html`<${Time} at=${endpoint.enrolled_at} />`],
		[t('ui.endpoint.note'), endpoint.note],
		[t('ui.endpoint.id'), html`<${Copyable} text=${endpoint.id} />`],
	]} /></section>`;
}

// A list of the inventory as a plain table: whatever columns the agent sent, first the well-known ones.
function Rows({ rows, empty }) {
	if (!rows?.length) return html`<${Empty} title=${empty} />`;
	if (typeof rows[0] !== 'object') return html`<ul class="plain-list">${rows.map((row) => html`<li key=${row}>${String(row)}</li>`)}</ul>`;
	const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].slice(0, 7);
	const show = (name, value) => (typeof value === 'number' && /bytes/.test(name) ? bytes(value) : typeof value === 'boolean' ? t(value ? 'ui.yes' : 'ui.no') : Array.isArray(value) ? value.join(', ') : String(value ?? '–'));
	return html`<div class="inner-scroll"><table class="plain-table wide"><thead><tr>${names.map((name) => html`<th key=${name}>${name}</th>`)}</tr></thead>
		<tbody>${rows.map((row, i) => html`<tr key=${i}>${names.map((name) => html`<td key=${name}>${show(name, row[name])}</td>`)}</tr>`)}</tbody></table></div>`;
}

function Alerts({ id }) {
	const list = useList('/alerts', { endpoint: id }, { events: ['alert.'] });
	if (list.loading && !list.items.length) return html`<${Loading} />`;
	if (!list.items.length) return html`<${Empty} title=${t('ui.endpoint.no_alerts')} />`;
	return html`<div class="inner-scroll"><table class="plain-table wide"><tbody>${list.items.map((alert) => html`<tr key=${alert.id}><td><${Severity} value=${alert.severity} /></td><td><a href=${href(`/alerts/${alert.id}`)}>${alert.title}</a></td><td><${State} group="alert" value=${alert.state} /></td><td class="right"><${Time} at=${alert.last_at} /></td></tr>`)}</tbody></table></div>`;
}

const INVENTORY = ['packages', 'disks', 'users'];

export default function Endpoint({ id }) {
	const { query } = useRoute();
	const { data: endpoint, error, reload } = useGet(`/endpoints/${id}`, null, { events: ['endpoint.', 'protection.'] });
	const [dialog, setDialog] = useState(null);
	const close = () => setDialog(null);
	const manage = can('endpoint.write'), scan = can('endpoint.scan') || manage;
	useKeys(endpoint ? [
		...(scan ? [{ code: 'Digit1', label: t('ui.endpoint.scan'), run: () => setDialog('scan') }] : []),
		...(manage ? [{ code: 'Digit2', label: t('ui.endpoint.edit'), run: () => setDialog('edit') }] : []),
	] : [], [endpoint]);
	if (error) return html`<div class="page"><${ProblemBox} problem=${error} retry=${reload} /></div>`;
	if (!endpoint) return html`<${Loading} />`;
	const tab = query.get('tab') ?? 'timeline';
	const tabs = [
		{ id: 'timeline', label: t('ui.timeline.title') },
		...(can('alert.read') ? [{ id: 'alerts', label: t('ui.page.alerts') }] : []),
		...INVENTORY.map((name) => ({ id: name, label: t(`ui.endpoint.${name}`), count: endpoint.inventory?.[name]?.length })),
	].map((one) => ({ ...one, href: href(`/endpoints/${id}`, { tab: one.id }) }));
	return html`<div class="page">
		<${PageHead} title=${endpoint.hostname} back=${{ href: href('/endpoints'), label: t('ui.page.endpoints') }}>
			${scan && html`<button type="button" class="primary" onClick=${() => setDialog('scan')}>${t('ui.endpoint.scan')}<kbd aria-hidden="true">1</kbd></button>`}
			${manage && html`<button type="button" onClick=${() => setDialog('edit')}>${t('ui.endpoint.edit')}<kbd aria-hidden="true">2</kbd></button>
			<button type="button" class="danger-quiet" onClick=${() => setDialog('retire')}>${t('ui.endpoint.retire')}</button>`}
		<//>
		<div class="two"><${Protection} endpoint=${endpoint} /><${About} endpoint=${endpoint} /></div>
		<section class="panel">
			<${Tabs} label=${t('ui.endpoint.details')} items=${tabs} value=${tab} />
			${tab === 'timeline' && html`<${Timeline} items=${sentences(endpoint.timeline)} />`}
			${tab === 'alerts' && html`<${Alerts} id=${id} />`}
			${INVENTORY.includes(tab) && html`<${Rows} rows=${endpoint.inventory?.[tab]} empty=${t('ui.endpoint.no_inventory')} />`}
		</section>
		${dialog === 'scan' && html`<${ScanDialog} endpoint=${endpoint} onClose=${close} />`}
		${dialog === 'edit' && html`<${EditDialog} endpoint=${endpoint} reload=${reload} onClose=${close} />`}
		${dialog === 'retire' && html`<${Confirm} title=${t('ui.endpoint.retire_title', { host: endpoint.hostname })} consequence=${t('ui.endpoint.retire_consequence', { host: endpoint.hostname, unit: endpoint.unit?.name ?? '–' })} name=${endpoint.hostname} danger action=${t('ui.endpoint.retire')}
			onClose=${close} onDo=${async () => {
				await remove(`/endpoints/${id}`, endpoint.etag);
				toast(t('ui.endpoint.retired', { host: endpoint.hostname }));
				go('/endpoints');
			}} />`}
	</div>`;
}
