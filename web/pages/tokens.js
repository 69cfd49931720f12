// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Machine tokens: for programs that call the API.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { useRoute } from '../lib/router.js';
import { useList } from '../lib/data.js';
import { post, remove } from '../lib/api.js';
import { PageHead, Time, Ago, Empty, Copyable } from '../parts/bits.js';
import { Table, listQuery } from '../parts/table.js';
import { Dialog, Confirm } from '../parts/dialog.js';
import { Form, useForm } from '../parts/form.js';
import { UnitPicker } from '../parts/picker.js';
import { useRoles, roleOptions } from './accounts.js';

function TokenDialog({ reload, onClose }) {
	const roles = roleOptions(useRoles(true));
	const [made, setMade] = useState(null);
	const form = useForm({ draft: 'token.new', initial: {} });
	const fields = [
		{ name: 'name', label: t('ui.token.name'), required: true, hint: t('ui.token.name_example') },
		{ name: 'role', type: 'select', label: t('ui.account.role'), required: true, options: roles },
		{ name: 'unit_id', type: 'pick', picker: UnitPicker, label: t('ui.account.scope'), required: true, hint: t('ui.account.scope_hint') },
		{ name: 'expires_at', type: 'datetime', label: t('ui.account.expires'), hint: t('ui.token.expires_hint') },
	];
	const send = async (values) => {
		setMade(await post('/tokens', values));
		reload();
	};
	return html`<${Dialog} title=${t('ui.token.new')} onClose=${onClose}>
		${made ? html`<div class="dialog-body"><p>${t('ui.token.once')}</p><${Copyable} text=${made.token} block /></div>` : html`<${Form} form=${form} fields=${fields} submit=${t('ui.token.make')} onCancel=${onClose} onSubmit=${send} />`}
	<//>`;
}

export default function Tokens() {
	const { query } = useRoute();
	const [dialog, setDialog] = useState(null);
	const list = useList('/tokens', listQuery(query, []));
	const columns = [
		{ id: 'name', label: t('ui.token.name'), width: 240, value: (x) => x.name },
		{ id: 'role', label: t('ui.account.role'), field: 'role_label', width: 190, value: (x) => x.role_label ?? x.role },
		{ id: 'unit', label: t('ui.account.scope'), field: 'unit.name', width: 220, value: (x) => x.unit?.name },
		{ id: 'created_at', label: t('ui.token.created'), width: 150, value: (x) => x.created_at, cell: (x) => html`<${Time} at=${x.created_at} />` },
		{ id: 'expires_at', label: t('ui.account.expires'), width: 150, value: (x) => x.expires_at, cell: (x) => html`<${Time} at=${x.expires_at} />` },
		{ id: 'used_at', label: t('ui.token.last_used'), width: 150, value: (x) => x.used_at, cell: (x) => html`<${Ago} at=${x.used_at} />` },
		{ id: 'do', label: t('ui.table.actions'), width: 110, cell: (x) => html`<button type="button" class="small danger-quiet" onClick=${() => setDialog(x)}>${t('ui.token.revoke')}</button>` },
	];
	return html`<div class="page fill">
		<${PageHead} title=${t('ui.page.tokens')} sub=${t('ui.token.sub')}><button type="button" class="primary" onClick=${() => setDialog('new')}>${t('ui.token.new')}</button><//>
		<${Table} name="tokens" label=${t('ui.page.tokens')} list=${list} columns=${columns} empty=${html`<${Empty} title=${t('ui.token.empty')}>${t('ui.token.empty_hint')}<//>`} />
		${dialog === 'new' && html`<${TokenDialog} reload=${list.reload} onClose=${() => setDialog(null)} />`}
		${dialog?.id && html`<${Confirm} title=${t('ui.token.revoke')} consequence=${t('ui.token.revoke_consequence', { name: dialog.name })} danger action=${t('ui.token.revoke')} onClose=${() => setDialog(null)} onDo=${async () => {
			await remove(`/tokens/${dialog.id}`);
			list.reload();
		}} />`}
	</div>`;
}
