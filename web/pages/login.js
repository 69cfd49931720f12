// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Signing in; and again in place when a session has ended, so that nothing on the page is lost.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { login, loginSecond, loginPasskey, loginSecondPasskey, passkeysHere, logout, session, expired } from '../lib/session.js';
import { dropAllDrafts } from '../lib/draft.js';
import { Form, useForm } from '../parts/form.js';
import { Dialog } from '../parts/dialog.js';
import { Mark } from '../parts/icons.js';
import { ProblemBox } from '../parts/bits.js';
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

// A button whose failure stands under it.
function Try({ label, run, className = '' }) {
	const [problem, setProblem] = useState(null);
	const [busy, setBusy] = useState(false);
	const press = async () => {
		setBusy(true);
		setProblem(null);
		try {
			await run();
		} catch (error) {
			if (error.detail === undefined) throw error;
			setProblem(error);
			setBusy(false);
		}
	};
	return html`<button type="button" class=${className} disabled=${busy} onClick=${press}>${label}</button><${ProblemBox} problem=${problem} />`;
}

function Second({ step, back }) {
	const form = useForm({ initial: { code: '' }, secret: ['code'] });
	const codes = step.totp || step.paper || step.recovery;
	const hint = t(step.totp ? 'ui.login.code_app' : step.paper ? 'ui.login.code_paper' : 'ui.login.code_recovery');
	return html`<h2>${t('ui.login.second')}</h2>
		${step.passkey && passkeysHere() && html`<${Try} className="primary" label=${t('ui.login.passkey_use')} run=${() => loginSecondPasskey(step)} />`}
		${codes && html`<${Form} form=${form} fields=${[{ name: 'code', label: t('ui.login.code'), hint, required: true, autocomplete: 'one-time-code', plain: true, max: 40 }]} submit=${t('ui.login.submit')} onSubmit=${(v) => loginSecond({ ticket: step.ticket, code: v.code })} />`}
		<button type="button" class="small ghost" onClick=${back}>${t('ui.login.from_start')}</button>`;
}

// The password, then the second step where there is one; or a passkey alone.
function SignIn({ name, alone }) {
	const form = useForm({ initial: { login: name, password: '' }, secret: ['password'] });
	const [step, setStep] = useState(null);
	if (step) return html`<${Second} step=${step} back=${() => { form.set('password', ''); setStep(null); }} />`;
	return html`<${Form} form=${form} fields=${fields()} submit=${t('ui.login.submit')} onSubmit=${async (v) => setStep(await login(v.login, v.password))} />
		${alone && passkeysHere() && html`<${Try} label=${t('ui.login.passkey_alone')} run=${loginPasskey} />`}`;
}

export function Login() {
	return html`<${Gate} title=${t('ui.login.title')}><${SignIn} name="" alone /><p class="hint">${t('ui.login.forgotten')}</p><//>`;
}

export function LoginAgain() {
	const who = session.get();
	const leave = async () => {
		expired.set(false);
		dropAllDrafts();
		await logout().catch(() => session.set(false));
	};
	return html`<${Dialog} title=${t('ui.login.again')} onClose=${leave}>
		<div class="dialog-body"><p>${t('ui.login.again_why')}</p></div><${SignIn} name=${who.account.login} />
	<//>`;
}
