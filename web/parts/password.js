// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Changing one's own password.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { post } from '../lib/api.js';
import { Form, useForm } from './form.js';
import { toast } from './toast.js';

export function Password({ after }) {
	const form = useForm({ initial: {}, secret: ['old_password', 'new_password', 'repeat'] });
	const fields = [
		{ name: 'old_password', type: 'password', label: t('ui.me.old_password'), required: true, autocomplete: 'current-password' },
		{ name: 'new_password', type: 'password', label: t('ui.me.new_password'), required: true, hint: t('ui.account.password_hint'), autocomplete: 'new-password' },
		{ name: 'repeat', type: 'password', label: t('ui.account.password_repeat'), required: true, autocomplete: 'new-password', check: (value, all) => (value === all.new_password ? null : t('ui.account.password_differs')) },
	];
	const send = async ({ repeat, ...values }) => {
		await post('/session/password', values);
		form.reset({});
		toast(t('ui.me.password_changed'));
		await after?.();
	};
	return html`<${Form} form=${form} fields=${fields} submit=${t('ui.me.change_password')} onSubmit=${send} />`;
}
