// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// One rule: facts, text, exclusions, and what it would have found.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number } from '../lib/format.js';
import { post, remove } from '../lib/api.js';
import { go } from '../lib/router.js';
import { can } from '../lib/session.js';
import { PageHead, State, Time, Facts, Empty, Copyable } from './bits.js';
import { Dialog, Confirm } from './dialog.js';
import { Form, useForm } from './form.js';
import { UnitPicker } from './picker.js';
import { act, toast } from './toast.js';
import { Level, switchRules } from './rule_bits.js';
import { Replay } from './rule_replay.js';

function ExclusionDialog({ rule, reload, onClose }) {
	const form = useForm({ draft: `exclusion.${rule.id}`, initial: { reason: '', condition: '', expires_at: '' } });
	const fields = [
		{ name: 'reason', type: 'textarea', label: t('ui.rule.reason'), required: true, hint: t('ui.rule.reason_example'), rows: 3, max: 2000 },
		{ name: 'expires_at', type: 'datetime', label: t('ui.rule.expires'), required: true, hint: t('ui.rule.expires_hint') },
		{ name: 'condition', type: 'textarea', label: t('ui.rule.condition'), hint: t('ui.rule.condition_hint'), rows: 5, max: 8000 },
		{ name: 'unit_id', type: 'pick', picker: UnitPicker, label: t('ui.rule.exclusion_unit'), hint: t('ui.rule.exclusion_unit_hint') },
	];
	const send = async (values) => {
		await post(`/rules/${rule.id}/exclusions`, values);
		onClose();
		reload();
		toast(t('ui.rule.excluded'));
	};
	return html`<${Dialog} title=${t('ui.rule.exclude')} onClose=${onClose} wide><${Form} form=${form} fields=${fields} submit=${t('ui.rule.exclude')} onCancel=${onClose} onSubmit=${send} /><//>`;
}

function Exclusions({ rule, reload }) {
	const [dialog, setDialog] = useState(false);
	const end = (one) => act(async () => {
		await remove(`/rules/${rule.id}/exclusions/${one.id}`);
		reload();
	}, t('ui.rule.exclusion_ended'));
	return html`<section class="panel"><h2>${t('ui.rule.exclusions')}</h2>
		${rule.exclusion_list.length ? html`<ul class="rows">${rule.exclusion_list.map((one) => html`<li key=${one.id}><span>
			<strong>${one.reason}</strong> <${State} group="rule" value=${one.state} /><br />
			<span class="muted">${one.author} · ${one.unit ? one.unit.name : t('ui.rule.whole_city')} · ${t('ui.rule.until')} <${Time} at=${one.expires_at} />${one.ended_by && html` · ${t('ui.rule.ended_by', { name: one.ended_by })}`}</span>
			${one.condition && html`<pre>${one.condition}</pre>`}</span>
			${one.state === 'active' && can('rule.write') && html`<button type="button" class="small danger-quiet" onClick=${() => end(one)}>${t('ui.rule.end_exclusion')}</button>`}</li>`)}</ul>`
			: html`<${Empty} title=${t('ui.rule.no_exclusions')}>${t('ui.rule.no_exclusions_hint')}<//>`}
		${can('rule.write') && rule.sigma_id && html`<button type="button" onClick=${() => setDialog(true)}>${t('ui.rule.exclude')}</button>`}
		${dialog && html`<${ExclusionDialog} rule=${rule} reload=${reload} onClose=${() => setDialog(false)} />`}</section>`;
}

export function RuleDetail({ rule, back, reload, onEdit }) {
	const [asked, setAsked] = useState(false);
	const on = rule.state === 'on';
	const flip = () => act(async () => {
		await switchRules({ enabled: !on, ids: [rule.id] });
		await reload();
	});
	return html`<${PageHead} title=${rule.title} back=${back}>
			${can('rule.write') && html`${rule.documents > 0 && !rule.gone && html`<button type="button" onClick=${flip}>${t(on ? 'ui.rule.off' : 'ui.rule.on')}</button>`}
			<button type="button" class="primary" onClick=${onEdit}>${t(rule.origin === 'written' ? 'ui.action.edit' : 'ui.rule.copy')}</button>
			${rule.origin === 'written' && html`<button type="button" class="danger-quiet" onClick=${() => setAsked(true)}>${t('ui.rule.remove')}</button>`}`}<//>
		<section class="panel"><${Facts} items=${[
			[t('ui.rule.state'), html`<${State} group="rule" value=${rule.state} />`], [t('ui.rule.level'), rule.level && html`<${Level} value=${rule.level} />`],
			[t('ui.rule.refused'), rule.refused && html`<strong>${rule.refused.text}</strong> <code class="path">${rule.refused.place}</code>`],
			[t('ui.rule.source'), [rule.product, rule.category, rule.service].filter(Boolean).join(' · ')], [t('ui.rule.tags'), rule.tags.join(', ')],
			[t('ui.rule.origin'), rule.archive ? rule.archive.name : t(`ui.rule.origin.${rule.origin}`)], [t('ui.rule.path'), html`<code class="path">${rule.path}</code>`],
			[t('ui.rule.author'), rule.author], [t('ui.rule.status'), rule.status], [t('ui.rule.id'), rule.sigma_id && html`<${Copyable} text=${rule.sigma_id} />`],
			[t('ui.rule.changed_at'), html`<${Time} at=${rule.changed_at} /> ${rule.changed_by}`],
			[t('ui.rule.per_day'), rule.hits_per_day !== null && html`${number(rule.hits_per_day)}${rule.noisy && html` <strong>${t('ui.rule.noisy')}</strong>`}`],
		]} /></section>
		<section class="panel"><h2>${t('ui.rule.text')}</h2><pre class="code" tabindex="0">${rule.text}</pre></section>
		<${Exclusions} rule=${rule} reload=${reload} />
		${can('rule.write') && rule.documents > 0 && html`<section class="panel"><h2>${t('ui.rule.replay')}</h2><p class="muted">${t('ui.rule.replay_hint')}</p><${Replay} ruleId=${rule.id} onDone=${reload} /></section>`}
		${asked && html`<${Confirm} title=${t('ui.rule.remove')} consequence=${t('ui.rule.remove_consequence', { title: rule.title })} danger action=${t('ui.rule.remove')} onClose=${() => setAsked(false)} onDo=${async () => {
			await remove(`/rules/${rule.id}`, rule.etag);
			go('/rules');
		}} />`}`;
}
