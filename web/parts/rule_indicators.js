// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Lists of indicators: brought in, switched, removed; and: is this value in one of them?
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number, parseDateTime } from '../lib/format.js';
import { useGet } from '../lib/data.js';
import { get, request, patch, remove } from '../lib/api.js';
import { can } from '../lib/session.js';
import { State, Time, Empty, ProblemBox } from './bits.js';
import { Table, localList } from './table.js';
import { Dialog, Confirm } from './dialog.js';
import { act, toast } from './toast.js';
import { follow } from '../lib/job.js';

const TLP = ['clear', 'green', 'amber', 'amber+strict', 'red'];
const TYPES = ['auto', 'sha256', 'sha1', 'md5', 'domain', 'url', 'ip', 'file_name'];

function Upload({ onClose, reload }) {
	const [values, setValues] = useState({ name: '', source: '', tlp: 'amber', confidence: '50', expires: '', type: 'auto' });
	const [file, setFile] = useState(null);
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState(null);
	const set = (name) => (event) => setValues({ ...values, [name]: event.target.value });
	const end = values.expires && parseDateTime(values.expires);
	const send = async (event) => {
		event.preventDefault();
		setBusy(true);
		try {
			const { job_id: job } = await request('POST', '/indicators', { query: { name: values.name.trim(), source: values.source.trim(), tlp: values.tlp, confidence: values.confidence, expires_at: end || undefined, type: values.type }, body: file });
			const failed = await follow(job);
			reload();
			onClose();
			toast(failed ?? t('ui.rule.list_read'), { bad: Boolean(failed) });
		} catch (error) {
			if (error.detail === undefined) throw error;
			setProblem(error);
		}
		setBusy(false);
	};
	const field = (name, label, control, hint) => html`<label class="field" key=${name}><span class="label">${label}</span>${control}${hint && html`<span class="hint">${hint}</span>`}</label>`;
	const choice = (name, options, text) => html`<select value=${values[name]} onChange=${set(name)}>${options.map((one) => html`<option value=${one} selected=${one === values[name]}>${text(one)}</option>`)}</select>`;
	return html`<${Dialog} title=${t('ui.rule.list_upload')} onClose=${onClose}><form onSubmit=${send}><div class="dialog-body">
		${field('file', t('ui.rule.file'), html`<input type="file" accept=".txt,.csv,.tsv" onChange=${(e) => setFile(e.target.files[0] ?? null)} />`, t('ui.rule.list_file_hint'))}
		${field('name', t('ui.rule.list_name'), html`<input value=${values.name} maxlength="100" onInput=${set('name')} />`, t('ui.rule.list_name_hint'))}
		${field('source', t('ui.rule.list_source'), html`<input value=${values.source} maxlength="200" onInput=${set('source')} />`)}
		${field('type', t('ui.rule.list_type'), choice('type', TYPES, (one) => t(`ui.rule.type.${one}`)))}
		${field('tlp', 'TLP', choice('tlp', TLP, (one) => `TLP:${one.toUpperCase()}`))}
		${field('confidence', t('ui.rule.confidence'), html`<input type="number" min="0" max="100" value=${values.confidence} onInput=${set('confidence')} />`)}
		${field('expires', t('ui.rule.list_expires'), html`<input value=${values.expires} placeholder=${t('ui.form.time_pattern')} onInput=${set('expires')} />`, values.expires && !end ? t('ui.form.bad_time') : null)}
		<${ProblemBox} problem=${problem} /></div>
		<footer><button type="button" onClick=${onClose}>${t('ui.action.cancel')}</button><button type="submit" class="primary" disabled=${!file || !values.name.trim() || busy || (values.expires && !end)}>${t(busy ? 'ui.form.sending' : 'ui.rule.list_upload')}</button></footer></form><//>`;
}

function Find() {
	const [value, setValue] = useState('');
	const [found, setFound] = useState(null);
	const [problem, setProblem] = useState(null);
	const look = async (event) => {
		event.preventDefault();
		setProblem(null);
		try {
			setFound(await get('/indicators/find', { value: value.trim() }));
		} catch (error) {
			if (error.detail === undefined) throw error;
			setFound(null);
			setProblem(error);
		}
	};
	return html`<form class="actions left" onSubmit=${look}><label class="filter"><span>${t('ui.rule.find')}</span><input value=${value} onInput=${(e) => setValue(e.target.value)} spellcheck=${false} autocomplete="off" /></label><button type="submit" disabled=${!value.trim()}>${t('ui.rule.find_do')}</button></form>
		<${ProblemBox} problem=${problem} />
		${found && html`<div class="note" role="status">${found.items.length ? html`<strong>${t('ui.rule.found_in', { count: found.items.length, value: found.value })}</strong><ul>${found.items.map((one) => html`<li>${one.list.name} (${one.list.source || '–'}) · <code>${one.as}</code> · ${t('ui.rule.since')} <${Time} at=${one.list.changed_at} /></li>`)}</ul>` : t('ui.rule.found_nowhere', { value: found.value })}</div>`}`;
}

export function Indicators() {
	const { data, error, loading, reload } = useGet('/indicators', null, { events: ['rule.'] });
	const [dialog, setDialog] = useState(null);
	const write = can('rule.write');
	const flip = (list) => act(async () => {
		await patch(`/indicators/${list.id}`, { enabled: !list.enabled }, list.etag);
		await reload();
	});
	const columns = [
		{ id: 'name', label: t('ui.rule.list_name'), width: 220, value: (l) => l.name },
		{ id: 'count', label: t('ui.rule.count'), width: 120, right: true, value: (l) => l.count, cell: (l) => html`<span title=${Object.entries(l.read.types ?? {}).map(([type, n]) => `${t(`ui.rule.type.${type}`)}: ${number(n)}`).join('\n')}>${number(l.count)}</span>` },
		{ id: 'state', label: t('ui.rule.state'), width: 120, value: (l) => t(`ui.rule.state.${l.state}`), cell: (l) => html`<${State} group="rule" value=${l.state} />` },
		{ id: 'source', label: t('ui.rule.list_source'), width: 180, value: (l) => l.source },
		{ id: 'tlp', label: 'TLP', width: 120, value: (l) => `TLP:${l.tlp.toUpperCase()}` },
		{ id: 'confidence', label: t('ui.rule.confidence'), width: 110, right: true, value: (l) => l.confidence },
		{ id: 'refused', label: t('ui.rule.lines_refused'), width: 130, right: true, value: (l) => l.read.refused ?? 0, cell: (l) => html`<span title=${(l.read.bad ?? []).map((one) => `${one.line}: ${one.text}`).join('\n')}>${number(l.read.refused ?? 0)}</span>` },
		{ id: 'expires_at', label: t('ui.rule.list_expires'), width: 150, value: (l) => l.expires_at, cell: (l) => html`<${Time} at=${l.expires_at} />` },
		{ id: 'changed_at', label: t('ui.rule.changed_at'), width: 150, value: (l) => l.changed_at, cell: (l) => html`<${Time} at=${l.changed_at} />` },
		...(write ? [{ id: 'do', label: t('ui.table.actions'), width: 170, cell: (l) => html`<span class="row-actions"><button type="button" class="small" onClick=${() => flip(l)}>${t(l.enabled ? 'ui.rule.off' : 'ui.rule.on')}</button><button type="button" class="small danger-quiet" onClick=${() => setDialog(l)}>${t('ui.rule.remove')}</button></span>` }] : []),
	];
	return html`<div class="actions left">${write && html`<button type="button" class="primary" onClick=${() => setDialog('upload')}>${t('ui.rule.list_upload')}</button>`}</div><${Find} />
		<${Table} name="indicators" label=${t('ui.rule.tab.indicators')} list=${{ ...localList(data?.items ?? []), loading, error, reload }} columns=${columns} empty=${html`<${Empty} title=${t('ui.rule.no_lists')}>${t('ui.rule.no_lists_hint')}<//>`} />
		${dialog === 'upload' && html`<${Upload} reload=${reload} onClose=${() => setDialog(null)} />`}
		${dialog?.id && html`<${Confirm} title=${t('ui.rule.remove')} consequence=${t('ui.rule.list_remove_consequence', { name: dialog.name, count: number(dialog.count) })} danger action=${t('ui.rule.remove')} onClose=${() => setDialog(null)} onDo=${async () => {
			await remove(`/indicators/${dialog.id}`, dialog.etag);
			await reload();
		}} />`}`;
}
