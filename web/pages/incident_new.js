// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Reporting an incident: at most six questions; the draft stays until it is sent.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { dateTime } from '../lib/format.js';
import { href, go } from '../lib/router.js';
import { useGet } from '../lib/data.js';
import { post } from '../lib/api.js';
import { session } from '../lib/session.js';
import { PageHead, Severity, SEVERITIES } from '../parts/bits.js';
import { Form, useForm } from '../parts/form.js';
import { UnitPicker } from '../parts/picker.js';
import { kindGroups, otherField } from '../parts/kinds.js';
import { toast } from '../parts/toast.js';

export default function IncidentNew() {
	const kinds = useGet('/incident-kinds');
	const me = session.get().account;
	const form = useForm({ draft: 'incident.new', initial: { unit_id: me.unit ?? null, detected_at: dateTime(Date.now()), severity: 'medium' } });
	const fields = [
		{ name: 'title', label: t('ui.incident.what'), required: true, hint: t('ui.incident.what_example'), max: 300 },
		{ name: 'kind', type: 'select', label: t('ui.incident.kind'), required: true, groups: kindGroups(kinds.data), hint: t('ui.incident.kind_hint') },
		...otherField(form.values.kind),
		{ name: 'unit_id', type: 'pick', picker: UnitPicker, label: t('ui.incident.where'), required: true },
		{ name: 'detected_at', type: 'datetime', label: t('ui.incident.detected_at'), required: true, hint: t('ui.incident.detected_hint') },
		{ name: 'severity', type: 'radio', label: t('ui.severity.title'), required: true, options: SEVERITIES.map((value) => ({ value, view: html`<${Severity} value=${value} />` })) },
		{ name: 'description', type: 'textarea', label: t('ui.incident.description'), hint: t('ui.incident.description_example'), rows: 6, max: 8000 },
	];
	const send = async (values) => {
		const made = await post('/incidents', values);
		form.reset({});
		toast(t('ui.incident.created', { number: made.number }));
		go(`/incidents/${made.id}`, null, { replace: true });
	};
	return html`<div class="page narrow">
		<${PageHead} title=${t('ui.incident.new')} sub=${t('ui.incident.new_sub')} back=${{ href: href('/incidents'), label: t('ui.page.incidents') }} />
		<aside class="note"><strong>${t('ui.incident.do_not')}</strong> ${t('ui.incident.do_not_text')}</aside>
		<section class="panel"><${Form} form=${form} fields=${fields} submit=${t('ui.incident.send')} onSubmit=${send} /></section>
	</div>`;
}
