// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Accounts: who may do what where; new accounts, grants, a one-time password on paper.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { useRoute, href, go } from '../lib/router.js';
import { useList } from '../lib/data.js';
import { get, post, patch, remove } from '../lib/api.js';
import { can } from '../lib/session.js';
import { PageHead, State, Time, Ago, Empty, Facts, Copyable } from '../parts/bits.js';
import { Table, listQuery } from '../parts/table.js';
import { Dialog, Confirm } from '../parts/dialog.js';
import { Form, useForm } from '../parts/form.js';
import { UnitPicker, IncidentPicker } from '../parts/picker.js';
import { act, toast } from '../parts/toast.js';
import { CodeSheet } from '../parts/codes.js';
import { Sessions } from '../parts/sessions.js';
import { WhoRead } from '../parts/readers.js';

const person = () => [
	{ name: 'display_name', label: t('ui.account.name'), required: true, hint: t('ui.account.name_example') },
	{ name: 'unit_id', type: 'pick', picker: UnitPicker, label: t('ui.unit.one'), required: true },
	{ name: 'position', label: t('ui.account.position'), hint: t('ui.account.position_example') },
	{ name: 'phone', type: 'tel', label: t('ui.account.phone'), hint: t('ui.account.phone_example') },
	{ name: 'email', label: t('ui.account.email'), plain: true },
];

// What was changed goes back to what it was, unless somebody changed it meanwhile.
const undoChange = (account, values, now, reload) => async () => {
	const before = { ...account, ...account.contact, unit_id: account.unit?.id };
	await patch(`/accounts/${account.id}`, Object.fromEntries(Object.keys(values).map((name) => [name, before[name] ?? ''])), now.etag);
	await reload();
};

function AccountDialog({ account, reload, onClose }) {
	const form = useForm({
		draft: account ? `account.${account.id}` : 'account.new', secret: ['password'],
		initial: account ? { display_name: account.display_name, unit_id: account.unit, position: account.position ?? '', phone: account.contact.phone, email: account.contact.email } : { login: '', password: '' },
	});
	const fields = account ? person() : [
		{ name: 'login', label: t('ui.login.login'), required: true, hint: t('ui.account.login_hint'), plain: true },
		...person(),
		{ name: 'password', type: 'password', label: t('ui.account.first_password'), required: true, hint: t('ui.account.first_password_hint'), autocomplete: 'new-password' },
	];
	const send = async (values) => {
		const done = account ? await patch(`/accounts/${account.id}`, values, account.etag) : await post('/accounts', values);
		onClose();
		await act(reload, t('ui.account.saved', { name: values.display_name }), account && undoChange(account, values, done, reload));
		if (!account && done?.id) go(`/accounts/${done.id}`);
	};
	return html`<${Dialog} title=${account ? t('ui.account.edit') : t('ui.account.new')} onClose=${onClose}><${Form} form=${form} fields=${fields} submit=${t('ui.action.save')} onCancel=${onClose} onSubmit=${send} /><//>`;
}

// Roles for people or for machines. Those restricted to one record are granted where that record is shown.
export function useRoles(machines) {
	return useList('/roles', {}, { id: 'role' }).items.filter((role) => Boolean(role.for_machines) === machines && role.restrict_kind !== 'system');
}

export const roleOptions = (roles) => roles.map((role) => ({ value: role.role, label: role.label }));

function GrantDialog({ account, reload, onClose }) {
	const roles = useRoles(false);
	const form = useForm({ initial: { unit_id: account.unit ?? null } });
	const role = roles.find((one) => one.role === form.values.role);
	const fields = [
		{ name: 'role', type: 'select', label: t('ui.account.role'), required: true, options: roleOptions(roles) },
		{ name: 'unit_id', type: 'pick', picker: UnitPicker, label: t('ui.account.scope'), required: true, hint: t('ui.account.scope_hint') },
		...(role?.restrict_kind === 'incident' ? [{ name: 'restrict_id', type: 'pick', picker: IncidentPicker, label: t('ui.account.one_incident'), required: true }] : []),
		{ name: 'expires_at', type: 'datetime', label: t('ui.account.expires'), required: Boolean(role?.needs_expiry), hint: t('ui.account.expires_hint') },
	];
	const send = async (values) => {
		await post(`/accounts/${account.id}/grants`, values);
		onClose();
		await act(reload, t('ui.account.granted'));
	};
	return html`<${Dialog} title=${t('ui.account.grant_title', { name: account.display_name })} onClose=${onClose}><${Form} form=${form} fields=${fields} submit=${t('ui.account.grant')} onCancel=${onClose} onSubmit=${send} /><//>`;
}

function Grants({ account, reload, manage }) {
	const revoke = (grant) => act(async () => {
		await remove(`/accounts/${account.id}/grants/${grant.id}`);
		await reload();
	}, t('ui.account.revoked', { role: grant.role_label }), async () => {
		await post(`/accounts/${account.id}/grants`, { role: grant.role, unit_id: grant.unit?.id, ...(grant.expires_at ? { expires_at: grant.expires_at } : {}) });
		await reload();
	});
	if (!account.grants?.length) return html`<${Empty} title=${t('ui.account.no_grants')}>${t('ui.account.no_grants_hint')}<//>`;
	return html`<ul class="rows">${account.grants.map((grant) => html`<li key=${grant.id}><span><strong>${grant.role_label}</strong><br /><span class="muted">${grant.unit?.name}${grant.expires_at && html` · ${t('ui.account.until')} <${Time} at=${grant.expires_at} />`}</span></span>
		${manage && html`<button type="button" class="small danger-quiet" onClick=${() => revoke(grant)}>${t('ui.account.revoke')}</button>`}</li>`)}</ul>`;
}

function Panel({ account, reload, onEdit }) {
	const [dialog, setDialog] = useState(null);
	const [secret, setSecret] = useState(null);
	const [contact, setContact] = useState(null);
	const [sheet, setSheet] = useState(null);
	const manage = can('account.manage');
	const close = () => setDialog(null);
	// Each look is written down, so it is asked for, not shown along.
	const reveal = () => act(async () => setContact(await get(`/accounts/${account.id}/contact`)));
	const hidden = (masked, plain) => masked && (contact ? plain : html`${masked} <button type="button" class="small ghost" onClick=${reveal}>${t('ui.account.reveal')}</button>`);
	const disable = async (disabled) => {
		const now = await patch(`/accounts/${account.id}`, { disabled }, account.etag);
		await reload();
		toast(t(disabled ? 'ui.account.disabled_done' : 'ui.account.enabled'), { undo: async () => {
			await patch(`/accounts/${account.id}`, { disabled: !disabled }, now.etag);
			await reload();
		} });
	};
	return html`<aside class="side-panel" aria-label=${account.display_name}>
		<header><h2>${account.display_name}</h2><a class="button small ghost" href=${href('/accounts')}>${t('ui.action.close_dialog')}</a></header>
		<${Facts} items=${[[t('ui.login.login'), account.login], [t('ui.unit.one'), account.unit?.name], [t('ui.account.position'), account.position], [t('ui.account.phone'), hidden(account.phone, contact && html`<a href=${`tel:${contact.phone}`}>${contact.phone}</a>`)], [t('ui.account.email'), hidden(account.email, contact?.email)],
			[t('ui.account.last_login'), html`<${Ago} at=${account.last_login_at} />`], [t('ui.account.state'), html`<${State} group="account" value=${account.disabled ? 'disabled' : 'active'} />`]]} />
		${manage && html`<div class="actions left"><button type="button" onClick=${onEdit}>${t('ui.action.edit')}</button>
			${can('account.reset') && html`<button type="button" onClick=${() => setDialog('password')}>${t('ui.account.reset')}</button>`}
			${account.disabled ? html`<button type="button" onClick=${() => act(() => disable(false))}>${t('ui.account.enable')}</button>` : html`<button type="button" class="danger-quiet" onClick=${() => setDialog('disable')}>${t('ui.account.disable')}</button>`}</div>`}
		${can('account.reset') && html`<h3>${t('ui.factor.help')}</h3><div class="actions left">
			<button type="button" onClick=${() => setDialog('paper')}>${t('ui.factor.paper_print')}</button>
			<button type="button" onClick=${() => setDialog('sessions')}>${t('ui.me.sessions')}</button>
			<button type="button" class="danger-quiet" onClick=${() => setDialog('factors')}>${t('ui.factor.take_off')}</button></div>`}
		<h3>${t('ui.account.grants')}</h3>
		<${Grants} account=${account} reload=${reload} manage=${manage} />
		${manage && html`<button type="button" onClick=${() => setDialog('grant')}>${t('ui.account.grant')}</button>`}
		${dialog === 'grant' && html`<${GrantDialog} account=${account} reload=${reload} onClose=${close} />`}
		${dialog === 'disable' && html`<${Confirm} title=${t('ui.account.disable')} consequence=${t('ui.account.disable_consequence', { name: account.display_name })} danger action=${t('ui.account.disable')} onClose=${close} onDo=${() => disable(true)} />`}
		${dialog === 'password' && html`<${Confirm} title=${t('ui.account.reset')} consequence=${t('ui.account.reset_consequence', { name: account.display_name })} action=${t('ui.account.reset')} onClose=${close} onDo=${async () => {
			setSecret((await post(`/accounts/${account.id}/password`)).password);
			await reload();
		}} />`}
		${dialog === 'paper' && html`<${Confirm} title=${t('ui.factor.paper_print')} consequence=${t('ui.factor.paper_consequence', { name: account.display_name })} action=${t('ui.factor.paper_print')} onClose=${close} onDo=${async () => setSheet(await post(`/accounts/${account.id}/paper-codes`, {}))} />`}
		${dialog === 'factors' && html`<${Confirm} title=${t('ui.factor.take_off')} danger consequence=${t('ui.factor.take_off_consequence', { name: account.display_name })} action=${t('ui.factor.take_off')} onClose=${close} onDo=${() => remove(`/accounts/${account.id}/factors`)} />`}
		${dialog === 'sessions' && html`<${Dialog} title=${t('ui.factor.sessions_of', { name: account.display_name })} onClose=${close}><div class="dialog-body"><${Sessions} path=${`/accounts/${account.id}/sessions`} /></div><//>`}
		${sheet && html`<${CodeSheet} sheet=${sheet} title=${t('ui.factor.paper')} how=${t('ui.factor.paper_how')} onClose=${() => setSheet(null)} />`}
		${can('audit.read') && html`<${WhoRead} id=${account.id} />`}
		${secret && html`<${Dialog} title=${t('ui.account.one_time')} onClose=${() => setSecret(null)}><div class="dialog-body"><p>${t('ui.account.one_time_text', { name: account.display_name, login: account.login })}</p><${Copyable} text=${secret} block /></div><//>`}
	</aside>`;
}

export default function Accounts({ id }) {
	const { query } = useRoute();
	const [dialog, setDialog] = useState(null);
	const list = useList('/accounts', listQuery(query, ['unit', 'role']), { events: ['account.'], sorts: { display_name: 'name', login: 'login', last_login_at: 'last_login_at' } });
	const account = list.items.find((one) => one.id === id);
	// Lists mask telephone and e-mail; what is edited must be whole.
	const edit = () => act(async () => setDialog({ ...account, contact: await get(`/accounts/${account.id}/contact`) }));
	const columns = [
		{ id: 'display_name', label: t('ui.account.name'), width: 200, value: (a) => a.display_name, cell: (a) => html`<a href=${href(`/accounts/${a.id}`)} tabindex="-1">${a.display_name}</a>` },
		{ id: 'login', label: t('ui.login.login'), width: 150, value: (a) => a.login },
		{ id: 'unit', label: t('ui.unit.one'), field: 'unit.name', width: 200, value: (a) => a.unit?.name },
		{ id: 'position', label: t('ui.account.position'), width: 160, value: (a) => a.position, off: Boolean(id) },
		{ id: 'roles', label: t('ui.account.grants'), field: 'grants.role_label', width: 230, value: (a) => (a.grants ?? []).map((grant) => grant.role_label).join(', ') },
		{ id: 'last_login_at', label: t('ui.account.last_login'), width: 140, value: (a) => a.last_login_at, cell: (a) => html`<${Ago} at=${a.last_login_at} />` },
		{ id: 'disabled', label: t('ui.account.state'), texts: 'account.is_disabled', width: 130, value: (a) => t(`ui.account.state.${a.disabled ? 'disabled' : 'active'}`), cell: (a) => html`<${State} group="account" value=${a.disabled ? 'disabled' : 'active'} />` },
	];
	return html`<div class="page fill">
		<${PageHead} title=${t('ui.page.accounts')} sub=${t('ui.account.sub')}>${can('account.manage') && html`<button type="button" class="primary" onClick=${() => setDialog('new')}>${t('ui.account.new')}</button>`}<//>
		<div class=${account ? 'split side' : 'split none'}>
			<${Table} name="accounts" label=${t('ui.page.accounts')} list=${list} columns=${columns} rowHref=${(a) => `/accounts/${a.id}`} selected=${id} empty=${html`<${Empty} title=${t('ui.account.empty')}>${t('ui.account.empty_hint')}<//>`} />
			${account && html`<${Panel} key=${account.id} account=${account} reload=${list.reload} onEdit=${edit} />`}
		</div>
		${dialog && html`<${AccountDialog} account=${dialog === 'new' ? null : dialog} reload=${list.reload} onClose=${() => setDialog(null)} />`}
	</div>`;
}
