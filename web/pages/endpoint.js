// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// One machine: how it is protected, what is on it, what happened; scan, move, retire.
import { html, useState, useMemo } from '../lib/html.js';
import { t, hasText } from '../lib/i18n.js';
import { number, bytes } from '../lib/format.js';
import { useRoute, href } from '../lib/router.js';
import { useGet, useList } from '../lib/data.js';
import { post, patch, remove } from '../lib/api.js';
import { can } from '../lib/session.js';
import { useKeys } from '../lib/keys.js';
import { go } from '../lib/router.js';
import { PageHead, State, Time, Ago, Facts, Loading, ProblemBox, Tabs, UnitName, Empty, Severity, Copyable, osName } from '../parts/bits.js';
import { Table, localList } from '../parts/table.js';
import { Dialog, Confirm } from '../parts/dialog.js';
import { Form, useForm } from '../parts/form.js';
import { UnitPicker } from '../parts/picker.js';
import { Timeline } from '../parts/timeline.js';
import { Joined } from '../parts/joined.js';
import { act, toast } from '../parts/toast.js';
import { IsolationDialog, IsolationPanel, isolationVerb, lift, useIsolation } from '../parts/isolation.js';

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
		const state = { from: t(`ui.endpoint.state.${d.from}`), to: t(`ui.endpoint.state.${d.to}`) };
		const text = entry.what === 'state' ? (d.from === d.to ? t('ui.timeline.endpoint.reason', state) : t('ui.timeline.endpoint.state', state))
			: entry.what === 'command' ? t(`ui.timeline.endpoint.command_${d.ok ? 'done' : 'failed'}`, { what: hasText(`ui.command.${d.type}`) ? t(`ui.command.${d.type}`) : d.type })
			: entry.what === 'isolation' ? [t(`ui.timeline.endpoint.isolation_${d.state}`), d.by].filter(Boolean).join(' · ')
			: hasText(`ui.timeline.endpoint.${entry.what}`) ? t(`ui.timeline.endpoint.${entry.what}`) : entry.what;
		return { id: `${entry.at}-${i}`, at: entry.at, type: d.to === 'silent' ? 'silent' : entry.what, text, note: reason ?? (entry.what === 'isolation' && d.by ? d.reason : null) };
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
			[t('ui.endpoint.bundle'), html`${String(p.bundle_version ?? endpoint.bundle_version ?? t('ui.endpoint.no_bundle'))}${p.bundle_expired && html` <strong>${t('ui.endpoint.bundle_expired')}</strong>`}`],
				[t('ui.endpoint.scanner'), p.scanner && html`<${State} group="endpoint.scanner" value=${p.scanner} />${p.scanner_sandboxed === false && html` <strong>${t('ui.endpoint.no_sandbox')}</strong>`}`],
			[t('ui.endpoint.engines'), (p.engines ?? []).map(engineText).join(', ')],
			[t('ui.endpoint.last_scan'), p.last_scan_at && html`<${Time} at=${p.last_scan_at} />`],
			[t('ui.endpoint.spool'), p.spool_events ? t('ui.endpoint.spool_events', { count: p.spool_events }) : null],
			[t('ui.endpoint.lost'), (p.spool_refused > 0 || p.queue_overflows > 0) && html`<strong>${t('ui.endpoint.lost_text', { refused: number(p.spool_refused ?? 0), overflows: number(p.queue_overflows ?? 0) })}</strong>`],
			[t('ui.endpoint.quarantine_count'), p.quarantine_count !== undefined ? number(p.quarantine_count) : null],
		]} />
	</section>`;
}

function About({ endpoint }) {
	const { os = {}, machine = {} } = endpoint.inventory ?? {};
	return html`<section class="panel"><h2>${t('ui.endpoint.about')}</h2><${Facts} items=${[
		[t('ui.unit.one'), html`<${UnitName} unit=${endpoint.unit} />`],
		[t('ui.endpoint.os'), osName(endpoint)],
		[t('ui.endpoint.kernel'), [os.kernel, os.architecture].filter(Boolean).join(' · ')],
		[t('ui.endpoint.addresses'), (endpoint.addresses ?? []).join(', ')],
		[t('ui.endpoint.memory'), machine.memory_bytes && bytes(machine.memory_bytes)],
		[t('ui.endpoint.cpu'), machine.processor && `${machine.processor} × ${number(machine.processors)}`],
		[t('ui.endpoint.agent'), endpoint.agent_version],
		[t('ui.endpoint.last_seen'), html`<${Ago} at=${endpoint.last_seen_at} />`],
		[t('ui.endpoint.enrolled'), html`<${Time} at=${endpoint.enrolled_at} />`],
		[t('ui.endpoint.note'), endpoint.note],
		[t('ui.endpoint.id'), html`<${Copyable} text=${endpoint.id} />`],
	]} /></section>`;
}

// The parts of the inventory that are lists, and the columns known of each; an agent sends those its system has.
const INVENTORY = {
	packages: ['name', 'version', 'architecture', 'publisher', 'installed_at'],
	disks: ['mount', 'device', 'type', 'size_bytes', 'used_percent'],
	users: ['name', 'admin', 'home', 'shell', 'uid'],
};

function cellText(name, value) {
	if (value === null || value === undefined) return '';
	if (typeof value === 'boolean') return t(value ? 'ui.yes' : 'ui.no');
	if (/_bytes$/.test(name)) return bytes(value);
	if (/_percent$/.test(name)) return `${number(value)} %`;
	return Array.isArray(value) ? value.join(', ') : String(value);
}

function Inventory({ endpoint, part }) {
	const rows = useMemo(() => (endpoint.inventory?.[part] ?? []).map((row, i) => ({ ...(typeof row === 'object' ? row : { name: row }), id: String(i) })), [endpoint.inventory, part]);
	const list = useMemo(() => localList(rows), [rows]);
	const columns = INVENTORY[part].filter((name) => rows.some((row) => row[name] !== undefined)).map((name, i) => ({
		id: name, label: t(`ui.inventory.${name}`), width: i ? 170 : 300, right: /_(bytes|percent)$/.test(name), value: (row) => row[name], cell: (row) => cellText(name, row[name]), text: (row) => cellText(name, row[name]),
	}));
	if (!rows.length) return html`<${Empty} title=${t('ui.endpoint.no_inventory')} />`;
	return html`<div class="inventory"><${Table} key=${part} name=${part} label=${t(`ui.endpoint.${part}`)} list=${list} columns=${columns} /></div>`;
}

function Alerts({ id }) {
	const list = useList('/alerts', { endpoint: id }, { events: ['alert.'] });
	if (list.loading && !list.items.length) return html`<${Loading} />`;
	if (!list.items.length) return html`<${Empty} title=${t('ui.endpoint.no_alerts')} />`;
	return html`<div class="inner-scroll"><table class="plain-table wide"><tbody>${list.items.map((alert) => html`<tr key=${alert.id}><td><${Severity} value=${alert.severity} /></td><td><a href=${href(`/alerts/${alert.id}`)}>${alert.title}</a></td><td><${State} group="alert" value=${alert.state} /></td><td class="right"><${Time} at=${alert.last_at} /></td></tr>`)}</tbody></table></div>`;
}

export default function Endpoint({ id }) {
	const { query } = useRoute();
	const { data: endpoint, error, reload } = useGet(`/endpoints/${id}`, null, { events: ['endpoint.', 'protection.'] });
	const isolation = useIsolation(id);
	const [dialog, setDialog] = useState(null);
	const close = () => setDialog(null);
	const verb = isolationVerb(isolation.data);
	const isolate = () => (verb === 'lift' ? lift(isolation.data, isolation.reload) : setDialog('isolate'));
	const manage = can('endpoint.write'), scan = can('endpoint.scan') || manage;
	useKeys(endpoint ? [
		...(scan ? [{ code: 'Digit1', label: t('ui.endpoint.scan'), run: () => setDialog('scan') }] : []),
		...(manage ? [{ code: 'Digit2', label: t('ui.endpoint.edit'), run: () => setDialog('edit') }] : []),
		...(verb ? [{ code: 'Digit3', label: t(`ui.isolation.${verb}`), run: isolate }] : []),
	] : [], [endpoint, isolation.data]);
	if (error) return html`<div class="page"><${ProblemBox} problem=${error} retry=${reload} /></div>`;
	if (!endpoint) return html`<${Loading} />`;
	const tab = query.get('tab') ?? 'timeline';
	const tabs = [
		{ id: 'timeline', label: t('ui.timeline.title') },
		{ id: 'joined', label: t('ui.timeline.joined') },
		...(can('alert.read') ? [{ id: 'alerts', label: t('ui.page.alerts') }] : []),
		...Object.keys(INVENTORY).map((name) => ({ id: name, label: t(`ui.endpoint.${name}`), count: endpoint.inventory?.[name]?.length })),
	].map((one) => ({ ...one, href: href(`/endpoints/${id}`, { tab: one.id }) }));
	return html`<div class="page">
		<${PageHead} title=${endpoint.hostname} back=${{ href: href('/endpoints'), label: t('ui.page.endpoints') }}>
			${scan && html`<button type="button" class="primary" onClick=${() => setDialog('scan')}>${t('ui.endpoint.scan')}<kbd aria-hidden="true">1</kbd></button>`}
			${manage && html`<button type="button" onClick=${() => setDialog('edit')}>${t('ui.endpoint.edit')}<kbd aria-hidden="true">2</kbd></button>`}
			${verb && html`<button type="button" class=${verb === 'isolate' ? 'danger-quiet' : 'primary'} onClick=${isolate}>${t(`ui.isolation.${verb}`)}<kbd aria-hidden="true">3</kbd></button>`}
			${manage && html`<button type="button" class="danger-quiet" onClick=${() => setDialog('retire')}>${t('ui.endpoint.retire')}</button>`}
		<//>
		<${IsolationPanel} standing=${isolation.data} />
		<div class="two"><${Protection} endpoint=${endpoint} /><${About} endpoint=${endpoint} /></div>
		<section class="panel">
			<${Tabs} label=${t('ui.endpoint.details')} items=${tabs} value=${tab} />
			${tab === 'timeline' && html`<${Timeline} items=${sentences(endpoint.timeline)} />`}
			${tab === 'joined' && html`<${Joined} id=${id} sentences=${sentences} />`}
			${tab === 'alerts' && html`<${Alerts} id=${id} />`}
			${INVENTORY[tab] && html`<${Inventory} endpoint=${endpoint} part=${tab} />`}
		</section>
		${dialog === 'scan' && html`<${ScanDialog} endpoint=${endpoint} onClose=${close} />`}
		${dialog === 'edit' && html`<${EditDialog} endpoint=${endpoint} reload=${reload} onClose=${close} />`}
		${dialog === 'isolate' && isolation.data && html`<${IsolationDialog} standing=${isolation.data} reload=${isolation.reload} onClose=${close} />`}
		${dialog === 'retire' && html`<${Confirm} title=${t('ui.endpoint.retire_title', { host: endpoint.hostname })} consequence=${t('ui.endpoint.retire_consequence', { host: endpoint.hostname, unit: endpoint.unit?.name ?? '–' })} name=${endpoint.hostname} danger action=${t('ui.endpoint.retire')}
			onClose=${close} onDo=${async () => {
				await remove(`/endpoints/${id}`, endpoint.etag);
				toast(t('ui.endpoint.retired', { host: endpoint.hostname }));
				go('/endpoints');
			}} />`}
	</div>`;
}
