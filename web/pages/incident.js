// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// One incident: where it stands, what may happen next, what happened so far.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { duration } from '../lib/format.js';
import { href } from '../lib/router.js';
import { useGet } from '../lib/data.js';
import { post, patch } from '../lib/api.js';
import { can } from '../lib/session.js';
import { useKeys } from '../lib/keys.js';
import { PageHead, State, Severity, Time, Facts, Loading, ProblemBox, UnitName, EndpointLink, Empty, SEVERITIES } from '../parts/bits.js';
import { Confirm, Dialog } from '../parts/dialog.js';
import { Form, useForm } from '../parts/form.js';
import { AccountPicker } from '../parts/picker.js';
import { Timeline } from '../parts/timeline.js';
import { act } from '../parts/toast.js';
import { kindGroups, kindLabel, otherField, firstActions } from '../parts/kinds.js';

// The record keeps what changed; the sentence is made here, in the reader's language.
function sentences(entries, kinds) {
	const make = {
		opened: () => t('ui.timeline.incident.opened'),
		state: (e) => t('ui.timeline.incident.state', { from: t(`ui.incident.state.${e.from}`), to: t(`ui.incident.state.${e.to}`) }),
		kind: (e) => t('ui.timeline.incident.kind', { from: kindLabel(kinds, e.from), to: kindLabel(kinds, e.to) }),
		severity: (e) => t('ui.timeline.incident.severity', { from: t(`ui.severity.${e.from}`), to: t(`ui.severity.${e.to}`) }),
		owner: (e) => t(e.to ? 'ui.timeline.incident.owner' : 'ui.timeline.incident.no_owner', { to: e.to }),
		alert: (e) => t('ui.timeline.incident.alert', { number: e.to ?? '', title: e.text ?? '' }),
	};
	return (entries ?? []).map((entry) => ({ ...entry, text: make[entry.type] ? make[entry.type](entry) : entry.text, note: ['opened', 'state'].includes(entry.type) ? entry.text : null }));
}

function EditDialog({ incident, reload, onClose }) {
	const kinds = useGet('/incident-kinds');
	const form = useForm({ draft: `incident.${incident.id}`, initial: { title: incident.title, kind: incident.kind, other_label: incident.other_label ?? '', severity: incident.severity, owner_id: incident.owner, description: incident.description } });
	const fields = [
		{ name: 'title', label: t('ui.incident.title'), required: true, max: 300 },
		{ name: 'kind', type: 'select', label: t('ui.incident.kind'), required: true, groups: kindGroups(kinds.data) },
		...otherField(form.values.kind),
		{ name: 'severity', type: 'radio', label: t('ui.severity.title'), required: true, options: SEVERITIES.map((value) => ({ value, view: html`<${Severity} value=${value} />` })) },
		...(can('account.read') ? [{ name: 'owner_id', type: 'pick', picker: AccountPicker, label: t('ui.incident.owner') }] : []),
		{ name: 'description', type: 'textarea', label: t('ui.incident.description'), rows: 6, max: 8000 },
	];
	const send = async (values) => {
		// Only what was changed is sent, so that two people editing different fields do not undo each other.
		const before = { ...incident, owner_id: incident.owner?.id };
		const changed = Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== before[name]));
		const names = Object.keys(changed);
		const done = names.length ? await patch(`/incidents/${incident.id}`, changed, incident.etag) : null;
		onClose();
		await act(reload, t('ui.incident.saved'), done && (async () => {
			await patch(`/incidents/${incident.id}`, Object.fromEntries(names.map((name) => [name, before[name] ?? null])), done.etag);
			await reload();
		}));
	};
	return html`<${Dialog} title=${t('ui.incident.edit')} onClose=${onClose} wide><${Form} form=${form} fields=${fields} submit=${t('ui.action.save')} onCancel=${onClose} onSubmit=${send} /><//>`;
}

function Comment({ incident, reload }) {
	const form = useForm({ draft: `incident.comment.${incident.id}`, initial: { text: '' } });
	const fields = [{ name: 'text', type: 'textarea', label: t('ui.incident.comment'), required: true, hint: t('ui.incident.comment_example'), rows: 2 }];
	const send = async (values) => {
		await post(`/incidents/${incident.id}/comments`, values);
		form.reset({ text: '' });
		await reload();
	};
	return html`<${Form} form=${form} fields=${fields} submit=${t('ui.incident.add_comment')} onSubmit=${send} className="inline" />`;
}

function Alerts({ alerts }) {
	if (!alerts?.length) return html`<${Empty} title=${t('ui.incident.no_alerts')}>${t('ui.incident.no_alerts_hint')}<//>`;
	return html`<table class="plain-table wide"><tbody>${alerts.map((alert) => html`<tr key=${alert.id}><td><${Severity} value=${alert.severity} /></td><td>${can('alert.read') ? html`<a href=${href(`/alerts/${alert.id}`)}>${alert.title}</a>` : alert.title}</td><td>${alert.endpoint?.hostname}</td><td class="right"><${Time} at=${alert.last_at} /></td></tr>`)}</tbody></table>`;
}

export default function Incident({ id }) {
	const { data: incident, error, reload } = useGet(`/incidents/${id}`, null, { events: ['incident.'] });
	const kinds = useGet('/incident-kinds');
	const [dialog, setDialog] = useState(null);
	// What may happen next comes with the record: the rules are the pack's, not the console's.
	const next = (incident?.transitions ?? []).filter((step) => can(step.permission));
	const edit = can('incident.write');
	useKeys([
		...next.map((step, i) => ({ code: `Digit${i + 1}`, label: step.label, run: () => setDialog(step) })),
		...(edit && incident ? [{ code: 'Digit9', label: t('ui.incident.edit'), run: () => setDialog('edit') }] : []),
	], [incident]);
	if (error) return html`<div class="page"><${ProblemBox} problem=${error} retry=${reload} /></div>`;
	if (!incident) return html`<${Loading} />`;
	const close = () => setDialog(null);
	const first = incident.closed_at ? [] : firstActions(kinds.data, incident.kind);
	const until = incident.closed_at ? Date.parse(incident.closed_at) : Date.now();
	return html`<div class="page">
		<${PageHead} title=${incident.title} sub=${`${incident.number} · ${incident.kind_label}`} back=${{ href: href('/incidents'), label: t('ui.page.incidents') }}>
			${next.map((step, i) => html`<button type="button" key=${step.to} class=${i === 0 ? 'primary' : ''} onClick=${() => setDialog(step)}>${step.label}<kbd aria-hidden="true">${i + 1}</kbd></button>`)}
			${edit && html`<button type="button" onClick=${() => setDialog('edit')}>${t('ui.incident.edit')}<kbd aria-hidden="true">9</kbd></button>`}
		<//>
		<div class="two">
			<section class="panel"><h2>${t('ui.incident.stands')}</h2>
				<p class="lead"><${State} group="incident" value=${incident.state} label=${incident.state_label} /> <${Severity} value=${incident.severity} /></p>
				<${Facts} items=${[
					[t('ui.incident.detected_at'), html`<${Time} at=${incident.detected_at} />`],
					[t('ui.incident.opened_at'), html`<${Time} at=${incident.opened_at} />`],
					[t('ui.incident.closed_at'), incident.closed_at && html`<${Time} at=${incident.closed_at} />`],
					[t('ui.incident.age'), duration(until - Date.parse(incident.opened_at))],
					[t('ui.unit.one'), html`<${UnitName} unit=${incident.unit} />`],
					[t('ui.endpoint.one'), incident.endpoint && html`<${EndpointLink} endpoint=${incident.endpoint} />`],
					[t('ui.incident.owner'), incident.owner?.name ?? t('ui.alert.nobody')],
				]} />
			</section>
			<section class="panel"><h2>${t('ui.incident.description')}</h2><p class="text">${incident.description || t('ui.incident.no_description')}</p></section>
		</div>
		${first.length > 0 && html`<section class="panel"><h2>${t('ui.incident.first_actions')}</h2><ol class="steps">${first.map((step) => html`<li key=${step}>${step}</li>`)}</ol></section>`}
		<section class="panel"><h2>${t('ui.incident.alerts')}</h2><${Alerts} alerts=${incident.alerts} /></section>
		<section class="panel"><h2>${t('ui.timeline.title')}</h2><${Timeline} items=${sentences(incident.timeline, kinds.data)} />
			${edit && html`<${Comment} incident=${incident} reload=${reload} />`}</section>
		${dialog === 'edit' && html`<${EditDialog} incident=${incident} reload=${reload} onClose=${close} />`}
		${dialog?.to && html`<${Confirm} title=${dialog.label} consequence=${t('ui.incident.transition_text', { number: incident.number, from: incident.state_label, to: t(`ui.incident.state.${dialog.to}`) })}
			reason=${{ label: dialog.note_required ? t('ui.incident.note_required') : t('ui.incident.note'), example: t('ui.incident.note_example'), optional: !dialog.note_required }} action=${dialog.label} onClose=${close}
			onDo=${async (note) => {
				await post(`/incidents/${id}/transition`, { to: dialog.to, ...(note ? { note } : {}) }, { etag: incident.etag });
				await reload();
			}} />`}
	</div>`;
}
