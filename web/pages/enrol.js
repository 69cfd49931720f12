// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// "Cài máy mới": a code for one machine, the command to run there, and the machine as it appears.
import { html, useState, useRef } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number } from '../lib/format.js';
import { useRoute, href } from '../lib/router.js';
import { useList, useGet } from '../lib/data.js';
import { post, remove } from '../lib/api.js';
import { session } from '../lib/session.js';
import { PageHead, Time, Empty, Copyable, State, Ago } from '../parts/bits.js';
import { Table, listQuery } from '../parts/table.js';
import { Form, useForm } from '../parts/form.js';
import { UnitPicker } from '../parts/picker.js';
import { act } from '../parts/toast.js';

const WEEK_MS = 7 * 86400 * 1000;

// Machines that came since the code was made: the page says so by itself.
function Arrived({ unit, since }) {
	const { data } = useGet('/endpoints', { unit: unit.id, sort: '-enrolled_at', limit: 20 }, { events: ['endpoint.'], every: 5000 });
	const fresh = (data?.items ?? []).filter((one) => Date.parse(one.enrolled_at) >= since);
	return html`<section class="panel" aria-live="polite"><h2>${t('ui.enrol.arrived')}</h2>
		${fresh.length ? html`<ul class="rows">${fresh.map((one) => html`<li key=${one.id}><a href=${href(`/endpoints/${one.id}`)}><strong>${one.hostname}</strong></a><${State} group="endpoint" value=${one.state} /><${Ago} at=${one.enrolled_at} /></li>`)}</ul>` : html`<p class="waiting">${t('ui.enrol.waiting')}</p>`}
	</section>`;
}

export default function Enrol() {
	const { query } = useRoute();
	const me = session.get().account;
	const [made, setMade] = useState(null);
	const since = useRef(0);
	const form = useForm({ draft: 'enrol', initial: { unit_id: me.unit ?? null, uses: '1' } });
	const list = useList('/enrolment-tokens', listQuery(query, []), { events: ['endpoint.'] });
	const fields = [
		{ name: 'unit_id', type: 'pick', picker: UnitPicker, label: t('ui.enrol.unit'), required: true, hint: t('ui.enrol.unit_hint') },
		{ name: 'uses', type: 'number', label: t('ui.enrol.uses'), required: true, min: 1, hint: t('ui.enrol.uses_hint') },
	];
	const send = async (values) => {
		since.current = Date.now() - 1000;
		const unit = form.values.unit_id;
		const token = await post('/enrolment-tokens', { ...values, expires_at: new Date(Date.now() + WEEK_MS).toISOString() });
		setMade({ ...token, unit });
		list.reload();
	};
	const columns = [
		{ id: 'unit', label: t('ui.unit.one'), width: 260, value: (x) => x.unit?.name },
		{ id: 'uses', label: t('ui.enrol.uses_left'), width: 140, right: true, value: (x) => (x.usable ? x.uses - x.used : 0), cell: (x) => (x.usable ? number(x.uses - x.used) : t('ui.enrol.spent')) },
		{ id: 'created_at', label: t('ui.token.created'), width: 150, value: (x) => x.created_at, cell: (x) => html`<${Time} at=${x.created_at} />` },
		{ id: 'expires_at', label: t('ui.account.expires'), width: 150, value: (x) => x.expires_at, cell: (x) => html`<${Time} at=${x.expires_at} />` },
		{ id: 'do', label: t('ui.table.actions'), width: 120, cell: (x) => x.usable && html`<button type="button" class="small danger-quiet" onClick=${() => act(async () => {
			await remove(`/enrolment-tokens/${x.id}`);
			await list.reload();
		}, t('ui.enrol.revoked'))}>${t('ui.token.revoke')}</button>` },
	];
	return html`<div class="page narrow">
		<${PageHead} title=${t('ui.page.enrol')} sub=${t('ui.enrol.sub')} />
		${made ? html`<section class="panel">
				<h2>${t('ui.enrol.step_run')}</h2>
				<p>${t('ui.enrol.run_text', { unit: made.unit?.name ?? '–' })}</p>
				<${Copyable} text=${made.command} block />
				<p class="muted">${t('ui.enrol.once')}</p>
				<div class="actions left"><button type="button" onClick=${() => setMade(null)}>${t('ui.enrol.another')}</button></div>
			</section>
			${made.unit && html`<${Arrived} unit=${made.unit} since=${since.current} />`}`
		: html`<section class="panel"><h2>${t('ui.enrol.step_code')}</h2><${Form} form=${form} fields=${fields} submit=${t('ui.enrol.make')} onSubmit=${send} /></section>`}
		<section class="panel table-panel"><h2>${t('ui.enrol.open_codes')}</h2>
			<${Table} name="enrol" label=${t('ui.enrol.open_codes')} list=${list} columns=${columns} empty=${html`<${Empty} title=${t('ui.enrol.no_codes')} />`} /></section>
	</div>`;
}
