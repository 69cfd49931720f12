// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// My account: who I am here, my password, where I am signed in, language and theme.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { useSession, loadSession } from '../lib/session.js';
import { PageHead, Facts, Time } from '../parts/bits.js';
import { Password } from '../parts/password.js';
import { LangSwitch, ThemeSwitch } from '../parts/frame.js';
import { Factors } from '../parts/factors.js';
import { Sessions } from '../parts/sessions.js';

export default function Me() {
	const who = useSession();
	return html`<div class="page narrow"><${PageHead} title=${who.account.display_name} sub=${who.account.unit?.name} />
		<section class="panel"><h2>${t('ui.me.roles')}</h2>
			<${Facts} items=${[[t('ui.login.login'), who.account.login], ...(who.roles ?? []).map((role) => [role.label, html`${role.unit?.name}${role.expires_at && html` · ${t('ui.account.until')} <${Time} at=${role.expires_at} />`}`])]} /></section>
		<section class="panel"><h2>${t('ui.me.view')}</h2><div class="actions left"><${ThemeSwitch} /><${LangSwitch} /></div></section>
		<section class="panel"><h2>${t('ui.me.password')}</h2><${Password} /></section>
		<section class="panel"><h2>${t('ui.factor.title')}</h2><p class="muted">${t('ui.factor.lead')}</p><${Factors} after=${loadSession} /></section>
		<section class="panel"><h2>${t('ui.me.sessions')}</h2><${Sessions} path="/session/sessions" own /></section>
	</div>`;
}
