// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Signed in with a password that somebody else gave: it is changed before anything else.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { loadSession } from '../lib/session.js';
import { Gate } from './login.js';
import { Password } from '../parts/password.js';

export default function FirstPassword() {
	return html`<${Gate} title=${t('ui.login.must_change')} lead=${t('ui.login.must_change_why')}><${Password} after=${loadSession} /><//>`;
}
