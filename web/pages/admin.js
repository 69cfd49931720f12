// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// The way into administration: what is there and what it is for.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { href } from '../lib/router.js';
import { listed } from '../lib/session.js';
import { pages } from '../routes.js';
import { PageHead } from '../parts/bits.js';
import { Icon } from '../parts/icons.js';

const ABOUT = { '/accounts': 'ui.account.sub', '/tokens': 'ui.token.sub', '/enrol': 'ui.enrol.sub', '/storage': 'ui.storage.sub', '/approvals': 'ui.approval.sub', '/rules': 'ui.rule.sub', '/audit': 'ui.audit.sub', '/status': 'ui.status.sub' };

export default function Admin() {
	const children = pages.find((page) => page.path === '/admin').children.map((path) => pages.find((page) => page.path === path)).filter(listed);
	return html`<div class="page narrow"><${PageHead} title=${t('ui.page.admin')} />
		<div class="cards">${children.map((page) => html`<a class="card" key=${page.path} href=${href(page.path)}><${Icon} name=${page.icon} /><strong>${t(page.title)}</strong><span class="muted">${t(ABOUT[page.path])}</span></a>`)}</div></div>`;
}
