// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Choosing one of many records by typing part of its name; diacritics do not matter.
import { html, useState, useEffect, useRef } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { get } from '../lib/api.js';
import { composing } from '../lib/keys.js';

// value: {id, name} or null.
export function Picker({ path, query, label, note, value, onPick, id, disabled, ...aria }) {
	const [text, setText] = useState(null);
	const [items, setItems] = useState([]);
	const [open, setOpen] = useState(false);
	const [at, setAt] = useState(0);
	const latest = useRef(0);
	const box = useRef(null);
	useEffect(() => {
		if (!open) return undefined;
		const turn = ++latest.current;
		const timer = setTimeout(async () => {
			try {
				const answer = await get(path, { ...query, q: text ?? '', limit: 20 });
				if (turn === latest.current) {
					setItems(answer.items);
					setAt(0);
				}
			} catch {
				if (turn === latest.current) setItems([]);
			}
		}, text ? 150 : 0);
		return () => clearTimeout(timer);
	}, [text, open]);
	useEffect(() => {
		const away = (event) => box.current?.contains(event.target) || setOpen(false);
		addEventListener('pointerdown', away);
		return () => removeEventListener('pointerdown', away);
	}, []);
	const pick = (item) => {
		onPick(item ? { id: item.id, name: label(item) } : null);
		setText(null);
		setOpen(false);
	};
	const onKeyDown = (event) => {
		if (composing(event)) return;
		if (event.code === 'ArrowDown' || event.code === 'ArrowUp') {
			event.preventDefault();
			setOpen(true);
			setAt((now) => Math.max(0, Math.min(items.length - 1, now + (event.code === 'ArrowDown' ? 1 : -1))));
		} else if (event.code === 'Enter' && open) {
			event.preventDefault();
			if (items[at]) pick(items[at]);
		} else if (event.code === 'Escape' && open) {
			event.preventDefault();
			event.stopPropagation();
			setOpen(false);
		}
	};
	return html`<div class="picker" ref=${box}>
		<input ...${aria} id=${id} role="combobox" aria-expanded=${open ? 'true' : 'false'} aria-controls=${`${id}-list`} aria-activedescendant=${open && items[at] ? `${id}-${at}` : null}
			autocomplete="off" spellcheck=${false} disabled=${disabled} value=${text ?? value?.name ?? ''} placeholder=${t('ui.picker.type')}
			onFocus=${(e) => { e.target.select(); setOpen(true); }} onInput=${(e) => { setText(e.target.value); setOpen(true); if (!e.target.value) onPick(null); }} onKeyDown=${onKeyDown} />
		${open && html`<ul class="picker-list" id=${`${id}-list`} role="listbox">
			${items.map((item, i) => html`<li key=${item.id} id=${`${id}-${i}`} role="option" aria-selected=${i === at ? 'true' : 'false'} onPointerDown=${(e) => { e.preventDefault(); pick(item); }}>
				<span>${label(item)}</span>${note && html`<span class="muted">${note(item)}</span>`}</li>`)}
			${!items.length && html`<li class="muted" aria-disabled="true">${t('ui.picker.none')}</li>`}
		</ul>`}
	</div>`;
}

export const UnitPicker = (props) => html`<${Picker} ...${props} path="/units" label=${(unit) => unit.name} note=${(unit) => unit.parent_name} />`;
export const IncidentPicker = (props) => html`<${Picker} ...${props} path="/incidents" label=${(incident) => `${incident.number} ${incident.title}`} note=${(incident) => incident.unit?.name} />`;
export const AccountPicker = (props) => html`<${Picker} ...${props} path="/accounts" label=${(account) => account.display_name} note=${(account) => account.unit?.name} />`;
