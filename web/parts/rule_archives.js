// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Archives of rules: brought in, looked at, put in force, taken back.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number } from '../lib/format.js';
import { useGet } from '../lib/data.js';
import { request, post, patch, remove } from '../lib/api.js';
import { can } from '../lib/session.js';
import { Time, Ago, Facts, Empty, Loading, ProblemBox } from './bits.js';
import { Dialog, Confirm } from './dialog.js';
import { Form, useForm } from './form.js';
import { act, toast } from './toast.js';
import { levelText } from './rule_bits.js';
import { follow } from '../lib/job.js';

const FATES = ['new', 'changed', 'gone', 'refused'];

function Upload({ onClose, reload }) {
	const [file, setFile] = useState(null);
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState(null);
	const [name, setName] = useState('');
	const send = async (event) => {
		event.preventDefault();
		setBusy(true);
		try {
			const { job_id: job } = await request('POST', '/rule-archives/upload', { query: { name: name.trim() || undefined, label: file.name, file: file.name }, body: file });
			const failed = await follow(job);
			reload();
			onClose();
			toast(failed ?? t('ui.rule.archive_read'), { bad: Boolean(failed) });
		} catch (error) {
			if (error.detail === undefined) throw error;
			setProblem(error);
		}
		setBusy(false);
	};
	return html`<${Dialog} title=${t('ui.rule.upload')} onClose=${onClose}><form onSubmit=${send}><div class="dialog-body">
		<label class="field"><span class="label">${t('ui.rule.file')}</span><input type="file" accept=".zip,.tar,.gz,.tgz,.zst,.yml,.yaml" onChange=${(e) => setFile(e.target.files[0] ?? null)} /><span class="hint">${t('ui.rule.file_hint')}</span></label>
		<label class="field"><span class="label">${t('ui.rule.archive_name')} <span class="muted">${t('ui.form.optional')}</span></span><input value=${name} maxlength="100" onInput=${(e) => setName(e.target.value)} /><span class="hint">${t('ui.rule.archive_name_hint')}</span></label>
		<${ProblemBox} problem=${problem} /></div>
		<footer><button type="button" onClick=${onClose}>${t('ui.action.cancel')}</button><button type="submit" class="primary" disabled=${!file || busy}>${t(busy ? 'ui.form.sending' : 'ui.rule.upload')}</button></footer></form><//>`;
}

function Address({ onClose, reload }) {
	const form = useForm({ draft: 'rule.archive', initial: { name: 'SigmaHQ', url: t('ui.rule.url_suggested') } });
	const fields = [
		{ name: 'name', label: t('ui.rule.archive_name'), required: true },
		{ name: 'url', label: t('ui.rule.url'), required: true, plain: true, max: 1000, hint: t('ui.rule.url_hint') },
	];
	const send = async (values) => {
		const { job_id: job } = await post('/rule-archives', { ...values, keep_updated: true });
		onClose();
		const failed = await follow(job);
		reload();
		toast(failed ?? t('ui.rule.archive_read'), { bad: Boolean(failed) });
	};
	return html`<${Dialog} title=${t('ui.rule.add_url')} onClose=${onClose}><${Form} form=${form} fields=${fields} submit=${t('ui.rule.add_url')} onCancel=${onClose} onSubmit=${send} /><//>`;
}

function Difference({ archive, onClose, reload }) {
	const { data, error, loading } = useGet(`/rule-archives/${archive.id}/difference`);
	const [busy, setBusy] = useState(false);
	const apply = () => act(async () => {
		setBusy(true);
		try {
			await post(`/rule-archives/${archive.id}/apply`, { edition_id: data.edition_id });
			onClose();
			await reload();
		} finally {
			setBusy(false);
		}
	}, t('ui.rule.applied', { name: archive.name }), archive.edition ? async () => {
		await post(`/rule-archives/${archive.id}/back`);
		await reload();
	} : undefined);
	return html`<${Dialog} title=${t('ui.rule.difference', { name: archive.name, label: archive.waiting.label })} onClose=${onClose} wide><div class="dialog-body">
		<${ProblemBox} problem=${error} />${loading && html`<${Loading} />`}
		${data && html`<p><strong>${t('ui.rule.difference_sum', Object.fromEntries([...FATES, 'same'].map((fate) => [fate, number(data.counts[fate])])))}</strong></p>
			${FATES.map((fate) => data.counts[fate] > 0 && html`<details key=${fate} open=${data.counts[fate] <= 20}><summary>${t(`ui.rule.fate.${fate}`)} (${number(data.counts[fate])})</summary>
				<ul class="rows">${data[fate].map((one) => html`<li key=${one.path + one.title}><span>${one.title} <span class="muted">${levelText(one.level)}</span>${one.reason && html`<br /><span class="error">${one.reason}</span>`}<br /><code class="path muted">${one.path}</code></span></li>`)}</ul>
				${data.counts[fate] > data[fate].length && html`<p class="muted">${t('ui.rule.and_more', { count: number(data.counts[fate] - data[fate].length) })}</p>`}</details>`)}`}</div>
		<footer><button type="button" onClick=${onClose}>${t('ui.action.cancel')}</button>${can('rule.write') && html`<button type="button" class="primary" disabled=${!data || busy} onClick=${apply}>${t('ui.rule.apply')}</button>`}</footer><//>`;
}

const Edition = ({ edition }) => (edition ? html`${edition.label} · <${Time} at=${edition.at} /> · ${t('ui.rule.edition_counts', { files: number(edition.files), refused: number(edition.refused) })}` : html`<span class="muted">–</span>`);

function Archive({ archive, reload }) {
	const [dialog, setDialog] = useState(null);
	const write = can('rule.write');
	const after = (run, text) => act(async () => {
		await run();
		await reload();
	}, text);
	const fetchNow = () => act(async () => {
		const { job_id: job } = await post(`/rule-archives/${archive.id}/fetch`);
		const failed = await follow(job);
		await reload();
		toast(failed ?? t('ui.rule.fetched'), { bad: Boolean(failed) });
	});
	return html`<section class="panel"><h2>${archive.name}</h2>
		<${Facts} items=${[
			[t('ui.rule.edition'), html`<${Edition} edition=${archive.edition} />`], [t('ui.rule.rules_on'), archive.edition && t('ui.rule.on_of', { on: number(archive.enabled), rules: number(archive.rules) })],
			[t('ui.rule.former'), archive.former && html`<${Edition} edition=${archive.former} />`], [t('ui.rule.waiting'), archive.waiting && html`<strong><${Edition} edition=${archive.waiting} /></strong>`],
			[t('ui.rule.url'), archive.url && html`<code class="path">${archive.url}</code>`], [t('ui.rule.checked_at'), html`<${Ago} at=${archive.checked_at} />`],
			[t('ui.rule.problem'), archive.problem && html`<span class="error">${archive.problem}</span>`],
		]} />
		<div class="actions left">${archive.waiting && html`<button type="button" class="primary" onClick=${() => setDialog('difference')}>${t('ui.rule.look')}</button>`}
			${write && archive.waiting && html`<button type="button" onClick=${() => after(() => post(`/rule-archives/${archive.id}/discard`), t('ui.rule.discarded'))}>${t('ui.rule.discard')}</button>`}
			${write && archive.former && html`<button type="button" onClick=${() => setDialog('back')}>${t('ui.rule.back')}</button>`}
			${write && archive.url && html`<button type="button" onClick=${fetchNow}>${t('ui.rule.fetch')}</button>
				<label class="check"><input type="checkbox" checked=${archive.keep_updated} onChange=${(e) => after(() => patch(`/rule-archives/${archive.id}`, { keep_updated: e.target.checked }, archive.etag))} />${t('ui.rule.keep_updated')}</label>`}
			${write && html`<button type="button" class="danger-quiet" onClick=${() => setDialog('remove')}>${t('ui.rule.remove_archive')}</button>`}</div>
		${dialog === 'difference' && archive.waiting && html`<${Difference} archive=${archive} reload=${reload} onClose=${() => setDialog(null)} />`}
		${dialog === 'back' && html`<${Confirm} title=${t('ui.rule.back')} consequence=${t('ui.rule.back_consequence', { label: archive.former.label })} action=${t('ui.rule.back')} onClose=${() => setDialog(null)} onDo=${() => after(() => post(`/rule-archives/${archive.id}/back`), t('ui.rule.went_back'))} />`}
		${dialog === 'remove' && html`<${Confirm} title=${t('ui.rule.remove_archive')} consequence=${t('ui.rule.remove_archive_consequence', { count: number(archive.rules) })} danger name=${archive.name} action=${t('ui.rule.remove_archive')} onClose=${() => setDialog(null)} onDo=${() => after(() => remove(`/rule-archives/${archive.id}`, archive.etag))} />`}</section>`;
}

export function Archives() {
	const { data, error, loading, reload } = useGet('/rule-archives', null, { events: ['rule.'] });
	const [dialog, setDialog] = useState(null);
	return html`<div class="scroll">
		${can('rule.write') && html`<div class="actions left"><button type="button" class="primary" onClick=${() => setDialog('upload')}>${t('ui.rule.upload')}</button><button type="button" onClick=${() => setDialog('url')}>${t('ui.rule.add_url')}</button></div>`}
		<${ProblemBox} problem=${error} retry=${reload} />${loading && !data && html`<${Loading} />`}
		${data && (data.items.length ? data.items.map((archive) => html`<${Archive} key=${archive.id} archive=${archive} reload=${reload} />`) : html`<${Empty} title=${t('ui.rule.no_archives')}>${t('ui.rule.no_archives_hint')}<//>`)}
		${dialog === 'upload' && html`<${Upload} reload=${reload} onClose=${() => setDialog(null)} />`}
		${dialog === 'url' && html`<${Address} reload=${reload} onClose=${() => setDialog(null)} />`}</div>`;
}
