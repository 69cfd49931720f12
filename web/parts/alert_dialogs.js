// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// What is asked before an alert is closed, given to somebody, noted, raised or silenced.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { useGet } from '../lib/data.js';
import { Severity } from './bits.js';
import { Dialog } from './dialog.js';
import { Form, useForm } from './form.js';
import { AccountPicker } from './picker.js';
import { kindGroups, otherField } from './kinds.js';

// Machines without an agent are known by what their log source calls them.
export const hostOf = (alert) => alert.endpoint?.hostname || alert.host || null;

const RESOLUTIONS = ['true_positive', 'false_positive', 'duplicate', 'test'];

export function CloseDialog({ alert, count = 1, onDone, onClose }) {
	const form = useForm({ draft: `alert.close.${alert.id}`, initial: { resolution: '', note: '' } });
	const fields = [
		{ name: 'resolution', type: 'radio', label: t('ui.alert.resolution'), required: true, options: RESOLUTIONS.map((value) => ({ value, label: t(`ui.alert.resolution.${value}`) })) },
		{ name: 'note', type: 'textarea', label: t('ui.alert.close_note'), hint: t('ui.alert.close_note_example'), required: form.values.resolution === 'false_positive' },
	];
	return html`<${Dialog} title=${count > 1 ? t('ui.alert.close_title_many', { count }) : t('ui.alert.close_title', { number: String(alert.number) })} onClose=${onClose}>
		<${Form} form=${form} fields=${fields} submit=${t('ui.alert.close_submit')} onCancel=${onClose} onSubmit=${onDone} />
	<//>`;
}

export function AssignDialog({ alert, onDone, onClose }) {
	const form = useForm({ initial: { account_id: alert.assignee ?? null } });
	const fields = [{ name: 'account_id', type: 'pick', picker: AccountPicker, label: t('ui.alert.assignee'), required: true, hint: t('ui.alert.assign_hint') }];
	return html`<${Dialog} title=${t('ui.alert.do.assign')} onClose=${onClose}>
		<${Form} form=${form} fields=${fields} submit=${t('ui.alert.do.assign')} onCancel=${onClose} onSubmit=${onDone} />
	<//>`;
}

export function CommentDialog({ alert, onDone, onClose }) {
	const form = useForm({ draft: `alert.comment.${alert.id}`, initial: { text: '' } });
	const fields = [
		{ name: 'text', type: 'textarea', label: t('ui.alert.comment'), required: true, hint: t('ui.alert.comment_example') },
		{ name: 'due_at', type: 'datetime', label: t('ui.alert.due'), hint: t('ui.alert.due_hint') },
	];
	return html`<${Dialog} title=${t('ui.alert.do.comment')} onClose=${onClose}>
		<${Form} form=${form} fields=${fields} submit=${t('ui.action.save')} onCancel=${onClose} onSubmit=${onDone} />
	<//>`;
}

export function IncidentDialog({ alert, onDone, onClose }) {
	const kinds = useGet('/incident-kinds');
	const form = useForm({ draft: `alert.incident.${alert.id}`, initial: { title: alert.what ?? alert.title, kind: alert.text?.incident_kind || (alert.threat ? 'attack.malware' : '') } });
	const fields = [
		{ name: 'title', label: t('ui.incident.title'), required: true, max: 300 },
		{ name: 'kind', type: 'select', label: t('ui.incident.kind'), required: true, groups: kindGroups(kinds.data) },
		...otherField(form.values.kind),
	];
	return html`<${Dialog} title=${t('ui.alert.do.incident')} onClose=${onClose}>
		<div class="dialog-body"><p class="muted">${t('ui.alert.incident_hint', { unit: alert.unit?.name ?? '–', host: hostOf(alert) || '–' })}</p><p class="muted">${t('ui.alert.incident_severity')} <${Severity} value=${alert.severity} /></p></div>
		<${Form} form=${form} fields=${fields} submit=${t('ui.alert.do.incident')} onCancel=${onClose} onSubmit=${onDone} />
	<//>`;
}

const DAYS = [1, 7, 30, 90];

// Narrowest first; what takes two persons says so before it is sent.
export function SuppressDialog({ alert, onDone, onClose }) {
	const host = hostOf(alert);
	const scopes = [alert.entity && host && 'entity', host && 'host', 'unit', 'city'].filter(Boolean);
	const form = useForm({ draft: `alert.suppress.${alert.id}`, initial: { scope: scopes[0], days: '7', reason: '', open: 'close' } });
	const fields = [
		{ name: 'scope', type: 'radio', label: t('ui.alert.suppress_scope'), required: true, options: scopes.map((value) => ({ value, label: t(`ui.alert.scope.${value}`, { host: host ?? '–', entity: alert.entity ?? '–', unit: alert.unit?.name ?? '–' }) })) },
		{ name: 'reason', type: 'textarea', rows: 2, label: t('ui.alert.suppress_reason'), required: true, hint: t('ui.alert.suppress_reason_example') },
		{ name: 'days', type: 'radio', label: t('ui.alert.suppress_days'), required: true, options: DAYS.map((days) => ({ value: String(days), label: t('ui.alert.days', { count: days }) })) },
		{ name: 'open', type: 'radio', label: t('ui.alert.suppress_open'), required: true, options: ['close', 'keep'].map((value) => ({ value, label: t(`ui.alert.suppress_open.${value}`) })) },
	];
	const wide = form.values.scope === 'city' || alert.severity === 'critical' || alert.explain?.rule.level === 'critical';
	const send = ({ days, open, ...values }) => onDone({ ...values, close_open: open === 'close', expires_at: new Date(Date.now() + Number(days) * 86400000 - 60000).toISOString() });
	return html`<${Dialog} title=${t('ui.alert.suppress_title', { rule: alert.what ?? alert.title })} onClose=${onClose}>
		<div class="dialog-body"><p class="muted">${t('ui.alert.suppress_what')}</p>${wide && html`<p class="note">${t('ui.alert.suppress_wide')}</p>`}</div>
		<${Form} form=${form} fields=${fields} submit=${t('ui.alert.do.suppress')} onCancel=${onClose} onSubmit=${send} />
	<//>`;
}
