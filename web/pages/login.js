// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Signing in; and again in place when a session has ended, so that nothing on the page is lost.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { login, logout, session, expired } from '../lib/session.js';
import { dropAllDrafts } from '../lib/draft.js';
import { Form, useForm } from '../parts/form.js';
import { Dialog } from '../parts/dialog.js';
import { Mark } from '../parts/icons.js';
import { LangSwitch } from '../parts/frame.js';

const fields = () => [
	{ name: 'login', label: t('ui.login.login'), required: true, autocomplete: 'username', plain: true },
	{ name: 'password', label: t('ui.login.password'), type: 'password', required: true, autocomplete: 'current-password' },
];

export function Gate({ title, lead, children }) {
	return html`<div class="gate">
		<main class="gate-card">
			<div class="gate-brand"><${Mark} /><div><strong>${t('ui.product')}</strong><span class="muted">${t('ui.product_line')}</span></div></div>
			<h1>${title}</h1>${lead && html`<p class="muted">${lead}</p>`}
			${children}
			<div class="gate-foot"><${LangSwitch} /></div>
		</main>
	</div>`;
}

export function Login() {
	const form = useForm({ initial: { login: '', password: '' }, secret: ['password'] });
	return html`<${Gate} title=${t('ui.login.title')}>
		<${Form} form=${form} fields=${fields()} submit=${t('ui.login.submit')} onSubmit=${(v) => login(v.login, v.password)} />
		<p class="hint">${t('ui.login.forgotten')}</p>
	<//>`;
}

export function LoginAgain() {
	const who = session.get();
	const form = useForm({ initial: { login: who.account.login, password: '' }, secret: ['password'] });
	const leave = async () => {
		expired.set(false);
		dropAllDrafts();
		await logout().catch(() => session.set(false));
	};
	return html`<${Dialog} title=${t('ui.login.again')} onClose=${leave}>
		<div class="dialog-body"><p>${t('ui.login.again_why')}</p></div>
		<${Form} form=${form} fields=${fields()} submit=${t('ui.login.submit')} onSubmit=${(v) => login(v.login, v.password)} />
	<//>`;
}
