// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Who has looked at this record: the audit log's reads of it, newest first. Asked for when it is opened.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { useGet } from '../lib/data.js';
import { href } from '../lib/router.js';
import { Time, Loading, ProblemBox, Empty } from './bits.js';

const FEW = 20;

function List({ id }) {
	const { data, error, reload } = useGet('/audit', { action: 'api.read', object: id, limit: FEW });
	if (!data) return error ? html`<${ProblemBox} problem=${error} retry=${reload} />` : html`<${Loading} />`;
	if (!data.items.length) return html`<${Empty} title=${t('ui.readers.none')} />`;
	return html`<ul class="rows">${data.items.map((one) => html`<li key=${one.number}><span><strong>${one.account_name}</strong><br /><span class="muted">${one.peer} · ${one.details?.path?.split('/').slice(4).pop() && t(`ui.readers.${/\/contact$/.test(one.details.path) ? 'contact' : /\/sessions$/.test(one.details.path) ? 'sessions' : 'record'}`)}</span></span><${Time} at=${one.at} /></li>`)}</ul>
		${data.total > FEW && html`<a href=${href('/audit', { q: id })}>${t('ui.readers.all', { count: data.total })}</a>`}`;
}

export function WhoRead({ id }) {
	const [open, setOpen] = useState(false);
	return html`<details class="who-read" onToggle=${(event) => setOpen(event.target.open)}><summary>${t('ui.readers.title')}</summary>${open && html`<${List} id=${id} />`}</details>`;
}
