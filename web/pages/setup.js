// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// First start: the code that the server printed, and the first administrator.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { post } from '../lib/api.js';
import { Form, useForm } from '../parts/form.js';
import { Gate } from './login.js';

export default function Setup({ onDone }) {
	const form = useForm({ draft: 'setup', initial: {}, secret: ['password', 'repeat', 'code'] });
	const fields = [
		{ name: 'code', label: t('ui.setup.code'), required: true, hint: t('ui.setup.code_hint'), plain: true },
		{ name: 'city_name', label: t('ui.setup.city'), required: true, hint: t('ui.setup.city_hint') },
		{ name: 'display_name', label: t('ui.setup.display_name'), required: true, hint: t('ui.setup.display_name_hint') },
		{ name: 'login', label: t('ui.login.login'), required: true, hint: t('ui.account.login_hint'), autocomplete: 'username', plain: true },
		{ name: 'password', label: t('ui.login.password'), type: 'password', required: true, hint: t('ui.account.password_hint'), autocomplete: 'new-password' },
		{ name: 'repeat', label: t('ui.account.password_repeat'), type: 'password', required: true, autocomplete: 'new-password', check: (value, all) => (value === all.password ? null : t('ui.account.password_differs')) },
	];
	const send = async ({ repeat, ...values }) => {
		await post('/setup', values, { quiet: true });
		await onDone();
	};
	return html`<${Gate} title=${t('ui.setup.title')} lead=${t('ui.setup.lead')}>
		<${Form} form=${form} fields=${fields} submit=${t('ui.setup.submit')} onSubmit=${send} />
	<//>`;
}
