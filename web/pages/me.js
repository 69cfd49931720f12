// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// My account: who I am here, my password, where I am signed in, language and theme.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { useGet } from '../lib/data.js';
import { post, remove } from '../lib/api.js';
import { useSession } from '../lib/session.js';
import { PageHead, Facts, Time, Ago, Loading, ProblemBox } from '../parts/bits.js';
import { Form, useForm } from '../parts/form.js';
import { LangSwitch, ThemeSwitch } from '../parts/frame.js';
import { act, toast } from '../parts/toast.js';

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

function Sessions() {
	const { data, error, reload } = useGet('/session/sessions');
	const end = (one) => act(async () => {
		await remove(`/session/sessions/${one.id}`);
		await reload();
	}, t('ui.me.session_ended'));
	return html`<section class="panel"><h2>${t('ui.me.sessions')}</h2><${ProblemBox} problem=${error} retry=${reload} />
		${!data && !error && html`<${Loading} />`}
		<ul class="rows">${(data?.items ?? []).map((one) => html`<li key=${one.id}><span><strong>${one.peer ?? '–'}</strong>${one.current && html` <span class="chip">${t('ui.me.this_session')}</span>`}<br /><span class="muted">${one.user_agent}</span><br /><span class="muted">${t('ui.me.session_since')} <${Time} at=${one.created_at} /> · <${Ago} at=${one.seen_at} /></span></span>
			${!one.current && html`<button type="button" class="small danger-quiet" onClick=${() => end(one)}>${t('ui.me.end_session')}</button>`}</li>`)}</ul></section>`;
}

export default function Me() {
	const who = useSession();
	return html`<div class="page narrow"><${PageHead} title=${who.account.display_name} sub=${who.account.unit?.name} />
		<section class="panel"><h2>${t('ui.me.roles')}</h2>
			<${Facts} items=${[[t('ui.login.login'), who.account.login], ...(who.roles ?? []).map((role) => [role.label, html`${role.unit?.name}${role.expires_at && html` · ${t('ui.account.until')} <${Time} at=${role.expires_at} />`}`])]} /></section>
		<section class="panel"><h2>${t('ui.me.view')}</h2><div class="actions left"><${ThemeSwitch} /><${LangSwitch} /></div></section>
		<section class="panel"><h2>${t('ui.me.password')}</h2><${Password} /></section><${Sessions} />
	</div>`;
}
