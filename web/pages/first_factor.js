// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// A role that demands a second factor: it is added before anything else.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { loadSession, logout } from '../lib/session.js';
import { Factors } from '../parts/factors.js';
import { Toasts } from '../parts/toast.js';
import { Gate } from './login.js';

export default function FirstFactor() {
	return html`<${Gate} title=${t('ui.factor.must_add')} lead=${t('ui.factor.must_add_why')}><${Factors} after=${loadSession} />
		<p class="hint">${t('ui.factor.must_add_paper')}</p><button type="button" class="small ghost" onClick=${() => logout()}>${t('ui.frame.logout')}</button><${Toasts} /><//>`;
}
