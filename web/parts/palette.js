// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Ctrl+K: any page, machine, alert, incident or unit by a few letters.
import { html, useState, useEffect } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { get } from '../lib/api.js';
import { go } from '../lib/router.js';
import { can } from '../lib/session.js';
import { fold, matcher } from '../lib/search.js';
import { composing } from '../lib/keys.js';
import { Dialog } from './dialog.js';

const SOURCES = [
	{ permission: 'endpoint.read', path: '/endpoints', kind: 'ui.palette.endpoint', row: (e) => ({ label: e.hostname, note: e.unit?.name, to: `/endpoints/${e.id}` }) },
	{ permission: 'alert.read', path: '/alerts', kind: 'ui.palette.alert', row: (a) => ({ label: a.title, note: a.endpoint?.hostname, to: `/alerts/${a.id}` }) },
	{ permission: 'incident.read', path: '/incidents', kind: 'ui.palette.incident', row: (i) => ({ label: `${i.number} ${i.title}`, note: i.unit?.name, to: `/incidents/${i.id}` }) },
	{ permission: 'unit.read', path: '/units', kind: 'ui.palette.unit', row: (u) => ({ label: u.name, note: u.parent_name, to: '/units', query: { unit: u.id } }) },
];

export function Palette({ pages, onClose }) {
	const [text, setText] = useState('');
	const [found, setFound] = useState([]);
	const [at, setAt] = useState(0);
	useEffect(() => {
		setAt(0);
		if (text.trim().length < 2) {
			setFound([]);
			return undefined;
		}
		const control = new AbortController();
		const timer = setTimeout(async () => {
			const answers = await Promise.allSettled(SOURCES.filter((source) => can(source.permission)).map(async (source) => {
				const page = await get(source.path, { q: text.trim(), limit: 5 }, { signal: control.signal });
				return page.items.map((item) => ({ ...source.row(item), kind: t(source.kind) }));
			}));
			if (!control.signal.aborted) setFound(answers.flatMap((answer) => answer.value ?? []));
		}, 150);
		return () => {
			clearTimeout(timer);
			control.abort();
		};
	}, [text]);
	const hit = matcher(text);
	const rows = [...pages.filter((page) => hit(fold(t(page.title)))).map((page) => ({ label: t(page.title), kind: t('ui.palette.page'), to: page.path })), ...found];
	const open = (row) => {
		if (!row) return;
		onClose();
		go(row.to, row.query);
	};
	const keys = (event) => {
		if (composing(event)) return;
		if (event.code === 'ArrowDown' || event.code === 'ArrowUp') {
			event.preventDefault();
			setAt(Math.max(0, Math.min(rows.length - 1, at + (event.code === 'ArrowDown' ? 1 : -1))));
		} else if (event.code === 'Enter') {
			event.preventDefault();
			open(rows[at]);
		}
	};
	return html`<${Dialog} title=${t('ui.palette.title')} onClose=${onClose} className="palette">
		<div class="dialog-body">
			<input data-first role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant=${rows[at] ? `palette-${at}` : null} aria-label=${t('ui.palette.title')} autocomplete="off" spellcheck=${false}
				placeholder=${t('ui.palette.type')} value=${text} onInput=${(e) => setText(e.target.value)} onKeyDown=${keys} />
			<ul class="palette-list" id="palette-list" role="listbox">
				${rows.map((row, i) => html`<li key=${`${row.to}${row.label}`} id=${`palette-${i}`} role="option" aria-selected=${i === at ? 'true' : 'false'} onClick=${() => open(row)}>
					<span>${row.label}</span><span class="muted">${[row.kind, row.note].filter(Boolean).join(' · ')}</span></li>`)}
				${!rows.length && html`<li class="muted" aria-disabled="true">${t('ui.table.nothing_found')}</li>`}
			</ul>
		</div>
	<//>`;
}
