// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Saved views: a view is its address (search, filters, order, columns); the names a person gave are kept in this browser, apart
// for each account; the link itself works for everybody permitted.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { useRoute } from '../lib/router.js';
import { session } from '../lib/session.js';
import { Icon } from './icons.js';
import { toast } from './toast.js';

const place = (name) => `views:${session.get().account.id}:${name}`;
const read = (name) => {
	try {
		return JSON.parse(localStorage.getItem(place(name))) ?? [];
	} catch {
		return [];
	}
};

export function SavedViews({ name }) {
	useRoute();
	const [views, setViews] = useState(() => read(name));
	const [title, setTitle] = useState('');
	const keep = (next) => {
		localStorage.setItem(place(name), JSON.stringify(next));
		setViews(next);
	};
	const save = (event) => {
		event.preventDefault();
		if (!title.trim()) return;
		keep([...views.filter((view) => view.title !== title.trim()), { title: title.trim(), hash: location.hash }]);
		setTitle('');
	};
	const link = async () => {
		await navigator.clipboard.writeText(location.href);
		toast(t('ui.views.link_copied'));
	};
	return html`<details class="menu views">
		<summary class="button small"><${Icon} name="star" />${t('ui.views.title')}</summary>
		<div class="menu-body">
			${views.map((view) => html`<div class="menu-row" key=${view.title}><a href=${view.hash}>${view.title}</a>
				<button type="button" class="small ghost" onClick=${() => keep(views.filter((one) => one !== view))}>${t('ui.views.forget')}</button></div>`)}
			<form class="menu-row" onSubmit=${save}><input value=${title} maxlength="60" aria-label=${t('ui.views.name')} placeholder=${t('ui.views.name')} onInput=${(e) => setTitle(e.target.value)} /><button class="small">${t('ui.views.save')}</button></form>
			<button type="button" class="small" onClick=${link}>${t('ui.views.copy_link')}</button>
		</div>
	</details>`;
}
