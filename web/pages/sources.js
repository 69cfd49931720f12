// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Log sources: who sends logs, in what state; who knocks without being registered; how to connect; how long logs are kept.
import { html, useState, useEffect } from '../lib/html.js';
import { t, hasText } from '../lib/i18n.js';
import { number, bytes, duration, dateTime } from '../lib/format.js';
import { useRoute, href, go } from '../lib/router.js';
import { useList, useGet } from '../lib/data.js';
import { post, patch, remove } from '../lib/api.js';
import { can } from '../lib/session.js';
import { PageHead, State, Time, Ago, Empty, Facts, Copyable, Tabs, Loading, ProblemBox } from '../parts/bits.js';
import { Table, listQuery } from '../parts/table.js';
import { Dialog, Confirm } from '../parts/dialog.js';
import { ImportDialog } from '../parts/import_dialog.js';
import { Form, useForm } from '../parts/form.js';
import { UnitPicker } from '../parts/picker.js';
import { DEVICES } from '../parts/connect.js';
import { act } from '../parts/toast.js';

const TABS = ['list', 'strangers', 'connect', 'retention'];
const KINDS = ['firewall', 'linux', 'windows', 'suricata', 'zeek', 'server', 'application', 'other'];
const FORMATS = ['auto', 'json', 'syslog', 'text'];
const LEVELS = [0, 1, 2, 3, 4, 5];
const REFRESH = 10000;

const levelName = (level) => t(level ? 'ui.source.level_n' : 'ui.source.level_unknown', { level });
const words = (text) => String(text ?? '').split(/[\s,;]+/).filter(Boolean);
const options = (names, group) => names.map((name) => ({ value: name, label: t(`ui.source.${group}.${name}`) }));

// What is left empty is cleared: the server keeps what a change does not name.
const EMPTY = { system_name: '', fingerprint: '', token_id: '', retention: '', note: '', time_zone: '', rate_per_s: 0 };

function SourceDialog({ source, from, reload, onClose }) {
	const tokens = useList(can('token.manage') ? '/tokens' : null, {});
	const classes = useGet('/source-retention');
	const form = useForm({
		draft: source ? `source.${source.id}` : 'source.new',
		initial: source ? { ...source, unit_id: source.unit, addresses: source.addresses.join('\n'), system_level: String(source.system_level), silence_min: source.silence_s / 60, rate_per_s: source.rate_per_s || '', token_id: source.token_id ?? '' }
			: { kind: 'other', format: 'auto', system_level: '0', silence_min: 60, addresses: from?.address ?? '', fingerprint: from?.fingerprint ?? '' },
	});
	const fields = [
		{ name: 'name', label: t('ui.source.name'), required: true, hint: t('ui.source.name_example'), max: 100 },
		{ name: 'unit_id', type: 'pick', picker: UnitPicker, label: t('ui.unit.one'), required: true },
		{ name: 'kind', type: 'select', label: t('ui.source.kind'), options: options(KINDS, 'kind'), noEmpty: true, required: true },
		{ name: 'addresses', type: 'textarea', rows: 3, label: t('ui.source.addresses'), hint: t('ui.source.addresses_hint') },
		{ name: 'fingerprint', label: t('ui.source.fingerprint'), hint: t('ui.source.fingerprint_hint'), plain: true },
		...(can('token.manage') ? [{ name: 'token_id', type: 'select', label: t('ui.source.token'), hint: t('ui.source.token_hint'), options: tokens.items.filter((one) => one.role === 'log_sender').map((one) => ({ value: one.id, label: one.name })) }] : []),
		{ name: 'system_name', label: t('ui.source.system'), hint: t('ui.source.system_hint'), max: 100 },
		{ name: 'system_level', type: 'select', label: t('ui.source.level'), hint: t('ui.source.level_hint'), options: LEVELS.map((level) => ({ value: String(level), label: levelName(level) })), noEmpty: true, required: true },
		{ name: 'retention', type: 'select', label: t('ui.source.retention'), hint: t('ui.source.retention_hint'), options: (classes.data?.items ?? []).map((one) => ({ value: one.class, label: `${one.label}: ${t('ui.source.days', { days: one.days })}` })) },
		{ name: 'silence_min', type: 'number', min: 0, label: t('ui.source.silence'), hint: t('ui.source.silence_hint') },
		{ name: 'rate_per_s', type: 'number', min: 0, label: t('ui.source.rate'), hint: t('ui.source.rate_hint') },
		{ name: 'format', type: 'select', label: t('ui.source.format'), hint: t('ui.source.format_hint'), options: options(FORMATS, 'format'), noEmpty: true, required: true },
		{ name: 'time_zone', label: t('ui.source.time_zone'), hint: t('ui.source.time_zone_hint'), max: 47, plain: true },
		{ name: 'note', type: 'textarea', rows: 2, label: t('ui.source.note'), max: 2000 },
	];
	const send = async ({ silence_min: minutes, addresses, system_level: level, ...values }) => {
		const body = { ...EMPTY, ...values, addresses: words(addresses), system_level: Number(level ?? 0), silence_s: Math.round((minutes ?? 0) * 60) };
		if (!can('token.manage')) delete body.token_id;
		const done = source ? await patch(`/sources/${source.id}`, body, source.etag) : await post('/sources', body);
		onClose();
		await act(reload, t('ui.source.saved', { name: values.name }));
		if (!source) go(`/sources/${done.id}`);
	};
	return html`<${Dialog} title=${t(source ? 'ui.source.edit' : 'ui.source.new')} onClose=${onClose}><${Form} form=${form} fields=${fields} submit=${t('ui.action.save')} onCancel=${onClose} onSubmit=${send} /><//>`;
}

// A condition as a dot and its word; what it means stands in the panel.
const Condition = ({ value }) => html`<${State} group="source" value=${value} />`;

const span = (seconds) => (seconds < 60 ? t('ui.source.seconds', { count: seconds }) : duration(seconds * 1000));
const skewText = (seconds) => (seconds === null || seconds === undefined ? '' : Math.abs(seconds) < 2 ? t('ui.source.skew_none') : t(seconds > 0 ? 'ui.source.skew_behind' : 'ui.source.skew_ahead', { time: span(Math.abs(seconds)) }));

function Panel({ source, reload, onEdit }) {
	const [dialog, setDialog] = useState(null);
	const write = can('source.write');
	const state = source.state;
	const close = () => setDialog(null);
	const enable = async (enabled) => {
		await patch(`/sources/${source.id}`, { enabled }, source.etag);
		await reload();
	};
	const meaning = `ui.source.means.${state.condition}`;
	return html`<aside class="side-panel" aria-label=${source.name}>
		<header><h2>${source.name}</h2><a class="button small ghost" href=${href('/sources')}>${t('ui.action.close_dialog')}</a></header>
		<p class="lead"><${Condition} value=${state.condition} /></p>
		${hasText(meaning) && html`<p class="note">${t(meaning, { lost: number(state.lost ?? 0) })}</p>`}
		<${Facts} items=${[[t('ui.unit.one'), source.unit?.name], [t('ui.source.kind'), t(`ui.source.kind.${source.kind}`)], [t('ui.source.system'), source.system_name], [t('ui.source.level'), levelName(source.system_level)],
			[t('ui.source.addresses'), source.addresses.join(', ')], [t('ui.source.fingerprint'), source.fingerprint && html`<${Copyable} text=${source.fingerprint} show=${`${source.fingerprint.slice(0, 16)}…`} />`],
			[t('ui.source.last'), html`<${Ago} at=${state.last_at} />`], [t('ui.source.via'), state.via && t(`ui.source.via.${state.via}`)],
			[t('ui.source.taken'), number(state.taken ?? 0)], [t('ui.source.bytes'), bytes(state.bytes ?? 0)],
			[t('ui.source.lost'), number((state.dropped ?? 0) + (state.limited ?? 0))], [t('ui.source.rejected'), number(state.rejected ?? 0)], [t('ui.source.unparsed'), number(state.unparsed ?? 0)],
			[t('ui.source.skew'), skewText(state.skew_s)], [t('ui.source.silence_fact'), source.silence_s ? duration(source.silence_s * 1000) : t('ui.source.not_watched')],
			[t('ui.source.rate'), source.rate_per_s ? number(source.rate_per_s) : ''], [t('ui.source.retention'), source.retention_days ? t('ui.source.days', { days: source.retention_days }) : ''],
			[t('ui.source.time_zone'), source.time_zone], [t('ui.source.created'), html`<${Time} at=${source.created_at} />`], [t('ui.source.note'), source.note]]} />
		${state.unparsed_sample && html`<h3>${t('ui.source.sample')}</h3><p class="muted">${t('ui.source.sample_hint')}</p><${Copyable} text=${state.unparsed_sample} block />`}
		${state.rejected_why && html`<h3>${t('ui.source.rejected_why')}</h3><p>${state.rejected_why}</p>`}
		<div class="actions left">
			<a class="button" href=${href('/sources', { tab: 'connect', kind: source.kind })}>${t('ui.source.how')}</a>
			${write && html`<button type="button" onClick=${onEdit}>${t('ui.action.edit')}</button>
			${source.enabled ? html`<button type="button" class="danger-quiet" onClick=${() => setDialog('disable')}>${t('ui.source.disable')}</button>` : html`<button type="button" onClick=${() => act(() => enable(true), t('ui.source.enabled', { name: source.name }))}>${t('ui.source.enable')}</button>`}
			<button type="button" class="danger-quiet" onClick=${() => setDialog('delete')}>${t('ui.source.delete')}</button>`}</div>
		${dialog === 'disable' && html`<${Confirm} title=${t('ui.source.disable')} consequence=${t('ui.source.disable_consequence', { name: source.name })} danger action=${t('ui.source.disable')} onClose=${close} onDo=${() => enable(false)} />`}
		${dialog === 'delete' && html`<${Confirm} title=${t('ui.source.delete')} name=${source.name} consequence=${t('ui.source.delete_consequence', { name: source.name })} danger action=${t('ui.source.delete')} onClose=${close} onDo=${async () => {
			await remove(`/sources/${source.id}`, source.etag);
			go('/sources');
			await reload();
		}} />`}
	</aside>`;
}

function Strangers({ onRegister }) {
	const list = useGet('/sources/strangers', null, { every: REFRESH });
	if (list.error) return html`<${ProblemBox} problem=${list.error} retry=${list.reload} />`;
	if (!list.data) return html`<${Loading} />`;
	if (!list.data.items.length) return html`<${Empty} title=${t('ui.source.no_strangers')}>${t('ui.source.no_strangers_hint')}<//>`;
	return html`<p>${t('ui.source.strangers_hint')}</p>
		<div class="plain-scroll"><table class="plain-table wide"><thead><tr><th>${t('ui.source.from')}</th><th>${t('ui.source.via')}</th><th>${t('ui.source.count')}</th><th>${t('ui.source.first')}</th><th>${t('ui.source.last')}</th><th>${t('ui.source.first_sample')}</th><th></th></tr></thead>
		<tbody>${list.data.items.map((one) => html`<tr key=${`${one.address}${one.fingerprint}`}><td><code>${one.address ?? `${one.fingerprint.slice(0, 16)}…`}</code></td><td>${t(`ui.source.via.${one.via}`)}</td><td class="right">${number(one.count)}</td><td><${Time} at=${one.first_at} /></td><td><${Ago} at=${one.last_at} /></td><td><code class="path">${one.sample}</code></td>
			<td>${can('source.write') && html`<button type="button" class="small" onClick=${() => onRegister(one)}>${t('ui.source.register')}</button>`}</td></tr>`)}</tbody></table></div>`;
}

// Loss of the listeners themselves: of which source is not known.
function ListenerLoss({ listeners: l }) {
	if (!l?.kernel_dropped) return null;
	return html`<p class="note" role="status">${t('ui.source.kernel_dropped', { count: l.kernel_dropped })} ${l.lost ? t('ui.source.kernel_lost_now', { count: l.lost, time: dateTime(l.lost_since) }) : t('ui.source.kernel_last', { time: dateTime(l.last_at) })} ${t('ui.source.kernel_do')}</p>`;
}

function Connect({ kind }) {
	const at = useGet('/sources/connect');
	const [chosen, setChosen] = useState(() => DEVICES.find((one) => one.kind === kind)?.id ?? 'rsyslog');
	if (!at.data) return at.error ? html`<${ProblemBox} problem=${at.error} retry=${at.reload} />` : html`<${Loading} />`;
	const device = DEVICES.find((one) => one.id === chosen);
	const host = at.data.host ?? location.hostname;
	const where = { host, url: `${location.protocol}//${host}:${at.data.events_port}`, tls: at.data.syslog_tls_port, tcp: at.data.syslog_tcp_port, udp: at.data.syslog_udp_port, token: t('ui.source.token_here') };
	const syslog = ['rsyslog', 'syslogng', 'firewall'].includes(chosen);
	const closed = syslog && !where.tls && !where.tcp && !where.udp;
	return html`<div class="connect">
		<div class="actions left" role="group" aria-label=${t('ui.source.kind')}>${DEVICES.map((one) => html`<button key=${one.id} type="button" aria-pressed=${one.id === chosen} class=${one.id === chosen ? 'primary' : ''} onClick=${() => setChosen(one.id)}>${t(`ui.source.device.${one.id}`)}</button>`)}</div>
		<p>${t(`ui.source.connect.${chosen}`)}</p>
		${closed && html`<p class="note" role="status">${t('ui.source.syslog_closed')}</p>`}
		${device.before && html`<h3>${t('ui.source.into_file', { file: device.before[0] })}</h3><${Lines} lines=${[device.before[1]]} />`}
		<h3>${device.file ? t('ui.source.into_file', { file: device.file }) : t(`ui.source.into_${chosen}`)}</h3>
		<${Lines} lines=${device.lines(where)} />
		${device.after && html`<h3>${t('ui.source.then_run')}</h3><${Lines} lines=${[device.after]} />`}
		<h3>${t('ui.source.ca')}</h3><p class="muted">${t('ui.source.ca_hint')}</p>
		<${Lines} lines=${at.data.ca_pem.trim().split('\n')} />
		<p>${t('ui.source.connect_after')}</p>
	</div>`;
}

function Lines({ lines }) {
	const [done, setDone] = useState(false);
	const copy = async () => {
		await navigator.clipboard.writeText(`${lines.join('\n')}\n`);
		setDone(true);
		setTimeout(() => setDone(false), 2000);
	};
	return html`<div class="lines"><pre tabindex="0">${lines.join('\n')}</pre><button type="button" class="small" onClick=${copy}>${t(done ? 'ui.action.copied' : 'ui.action.copy')}</button></div>`;
}

function RetentionDialog({ one, reload, onClose }) {
	const form = useForm({ initial: { days: one.days, reason: one.reason } });
	const fields = [
		{ name: 'days', type: 'number', min: 1, label: t('ui.source.days_label'), required: true, hint: t('ui.source.pack_days', { days: one.pack_days }) },
		{ name: 'reason', type: 'textarea', rows: 2, label: t('ui.source.reason'), required: true, max: 500 },
	];
	const send = async (values) => {
		await patch(`/source-retention/${one.class}`, values, one.etag);
		onClose();
		await act(reload, t('ui.source.retention_saved'));
	};
	return html`<${Dialog} title=${one.label} onClose=${onClose}><${Form} form=${form} fields=${fields} submit=${t('ui.action.save')} onCancel=${onClose} onSubmit=${send} /><//>`;
}

function Retention() {
	const list = useGet('/source-retention', null, { events: ['source.'] });
	const [dialog, setDialog] = useState(null);
	if (!list.data) return list.error ? html`<${ProblemBox} problem=${list.error} retry=${list.reload} />` : html`<${Loading} />`;
	return html`<p>${t('ui.source.retention_intro')}</p>
		<div class="plain-scroll"><table class="plain-table wide"><thead><tr><th>${t('ui.source.class')}</th><th>${t('ui.source.days_label')}</th><th>${t('ui.source.basis')}</th><th>${t('ui.source.confidence')}</th><th></th></tr></thead>
		<tbody>${list.data.items.map((one) => html`<tr key=${one.class}><td>${one.label}</td><td class="right">${number(one.days)}</td><td>${one.basis}${one.corrected && html`<br /><strong>${t('ui.source.corrected', { days: one.pack_days, reason: one.reason })}</strong>`}</td><td>${t(`ui.source.confidence.${one.confidence}`)}</td>
			<td>${can('source.write') && html`<button type="button" class="small" onClick=${() => setDialog(one)}>${t('ui.action.edit')}</button>`}</td></tr>`)}</tbody></table></div>
		${dialog && html`<${RetentionDialog} one=${dialog} reload=${list.reload} onClose=${() => setDialog(null)} />`}`;
}

export default function Sources({ id }) {
	const { query } = useRoute();
	const [dialog, setDialog] = useState(null);
	const list = useList('/sources', listQuery(query, ['unit', 'level', 'enabled']), { events: ['source.'], sorts: { name: 'name', system_level: 'system_level', created_at: 'created_at' } });
	const strangers = useGet('/sources/strangers', null, { every: REFRESH });
	// Counters change without an event.
	useEffect(() => {
		const timer = setInterval(() => document.hidden || list.reload(), REFRESH);
		return () => clearInterval(timer);
	}, [list.reload]);
	const tab = id ? 'list' : TABS.includes(query.get('tab')) ? query.get('tab') : 'list';
	const source = list.items.find((one) => one.id === id);
	const write = can('source.write');
	const columns = [
		{ id: 'name', label: t('ui.source.name'), width: 178, value: (s) => s.name, cell: (s) => html`<a href=${href(`/sources/${s.id}`)} tabindex="-1">${s.name}</a>` },
		{ id: 'condition', label: t('ui.source.state'), field: 'state.condition', texts: 'source.state', width: 192, value: (s) => t(`ui.source.state.${s.state.condition}`), cell: (s) => html`<${Condition} value=${s.state.condition} />` },
		{ id: 'last', label: t('ui.source.last'), field: 'state.last_at', width: 120, value: (s) => s.state.last_at, cell: (s) => html`<${Ago} at=${s.state.last_at} />` },
		{ id: 'unit', label: t('ui.unit.one'), field: 'unit.name', width: 142, value: (s) => s.unit?.name },
		{ id: 'system_level', label: t('ui.source.level'), width: 124, value: (s) => levelName(s.system_level) },
		{ id: 'kind', label: t('ui.source.kind'), texts: 'source.kind', width: 170, value: (s) => t(`ui.source.kind.${s.kind}`), off: true },
		{ id: 'taken', label: t('ui.source.taken'), field: 'state.taken', width: 100, right: true, value: (s) => number(s.state.taken ?? 0) },
		{ id: 'lost', label: t('ui.source.lost'), field: 'state.lost', width: 80, right: true, value: (s) => number((s.state.dropped ?? 0) + (s.state.limited ?? 0)) },
		{ id: 'unparsed', label: t('ui.source.unparsed'), field: 'state.unparsed', width: 175, right: true, value: (s) => number(s.state.unparsed ?? 0), off: Boolean(id) },
		{ id: 'addresses', label: t('ui.source.addresses'), width: 170, value: (s) => s.addresses.join(', '), off: true },
	];
	const tabs = TABS.filter((one) => one !== 'strangers' || strangers.error?.status !== 403).map((one) => ({ id: one, label: t(`ui.source.tab.${one}`), href: href('/sources', one === 'list' ? {} : { tab: one }), count: one === 'strangers' ? strangers.data?.total : undefined }));
	return html`<div class=${tab === 'list' ? 'page fill' : 'page'}>
		<${PageHead} title=${t('ui.page.sources')} sub=${t('ui.source.sub')}>
			${write && html`<button type="button" onClick=${() => setDialog('import')}>${t('ui.source.import')}</button>
			<button type="button" class="primary" onClick=${() => setDialog('new')}>${t('ui.source.new')}</button>`}
		<//>
		<${Tabs} label=${t('ui.page.sources')} value=${tab} items=${tabs} />
		<${ListenerLoss} listeners=${strangers.data?.listeners} />
		${tab === 'strangers' && html`<${Strangers} onRegister=${(one) => setDialog({ from: one })} />`}
		${tab === 'connect' && html`<${Connect} key=${query.get('kind')} kind=${query.get('kind')} />`}
		${tab === 'retention' && html`<${Retention} />`}
		${tab === 'list' && html`<div class=${source ? 'split side' : 'split none'}>
			<${Table} name="sources" label=${t('ui.page.sources')} list=${list} columns=${columns} rowHref=${(s) => `/sources/${s.id}`} selected=${id} empty=${html`<${Empty} title=${t('ui.source.empty')}>${t('ui.source.empty_hint')} <a href=${href('/sources', { tab: 'connect' })}>${t('ui.source.how')}</a><//>`} />
			${source && html`<${Panel} key=${source.id} source=${source} reload=${list.reload} onEdit=${() => setDialog(source)} />`}
		</div>`}
		${dialog === 'import' && html`<${ImportDialog} path="/sources/import" title=${t('ui.source.import')} hint=${t('ui.source.import_hint')} columns=${[['name', t('ui.source.name')], ['addresses', t('ui.source.addresses')]]} done=${(counts) => t('ui.source.imported', { created: counts.created, changed: counts.changed })} reload=${list.reload} onClose=${() => setDialog(null)} />`}
		${dialog && dialog !== 'import' && html`<${SourceDialog} source=${dialog.id ? dialog : null} from=${dialog.from} reload=${list.reload} onClose=${() => setDialog(null)} />`}
	</div>`;
}
