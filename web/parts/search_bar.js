// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// The query bar: names of fields and frequent values are offered while typing, faults are shown at their place.
import { html, useState, useEffect, useRef } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { get } from '../lib/api.js';
import { composing } from '../lib/keys.js';
import { indexOfByte, quote } from '../lib/event_search.js';
import { Icon } from './icons.js';

const OFFERED = 9;

// What stands before the cursor: the beginning of a name, or of a value of a field.
export function wordAt(text, at) {
	const before = text.slice(0, at);
	const value = /(?:^|[\s(-])([A-Za-z@][A-Za-z0-9_.@-]*):([^\s()"]*)$/.exec(before);
	if (value) return { field: value[1], word: value[2], from: at - value[2].length };
	const name = /(?:^|[\s(-])([A-Za-z@][A-Za-z0-9_.@-]*)$/.exec(before);
	return name ? { field: null, word: name[1], from: at - name[1].length } : null;
}

const best = (names, word) => {
	const small = word.toLowerCase();
	const rank = (name) => (name.toLowerCase().startsWith(small) ? 0 : 1);
	return names.filter((name) => name.toLowerCase().includes(small) && name !== word).sort((a, b) => rank(a) - rank(b)).slice(0, OFFERED);
};

// Where the fault is, and what would mend it.
function Fault({ text, problem, onMend }) {
	if (problem?.status !== 400 || !/^event\.(query|rule)_/.test(problem.key ?? '')) return null;
	const at = problem.args?.at === undefined ? null : indexOfByte(text, Number(problem.args.at));
	const { name, nearest } = problem.args ?? {};
	return html`<div class="query-fault" role="alert">
		${at !== null && html`<code aria-hidden="true">${text.slice(0, at)}<mark>${text.slice(at, at + Math.max(1, name?.length ?? 1)) || '▲'}</mark>${text.slice(at + Math.max(1, name?.length ?? 1))}</code>`}
		<p>${problem.detail}</p>
		${nearest && html`<button type="button" class="small" onClick=${() => onMend(text.slice(0, at) + nearest + text.slice(at + name.length))}>${t('ui.search.mend', { name: nearest })}</button>`}
	</div>`;
}

export function SearchBar({ value, asked, problem, fields, onSearch, inputRef }) {
	const [text, setText] = useState(value);
	const [offer, setOffer] = useState({ items: [], at: -1, from: 0, field: null });
	const control = useRef(null);
	useEffect(() => setText(value), [value]);
	useEffect(() => () => control.current?.abort(), []);
	const close = () => setOffer({ items: [], at: -1, from: 0, field: null });
	const search = (next) => {
		close();
		setText(next);
		onSearch(next.trim());
	};
	const suggest = async (next, cursor) => {
		const found = wordAt(next, cursor);
		control.current?.abort();
		if (!found) return close();
		if (!found.field) return setOffer({ items: found.word.length > 1 ? best(fields, found.word) : [], at: -1, ...found });
		const mine = (control.current = new AbortController());
		try {
			const { items } = await get('/events/facets', { ...asked, q: '', field: found.field }, { signal: mine.signal });
			const word = found.word.toLowerCase();
			setOffer({ items: items[0].values.map((one) => one.value).filter((one) => one.toLowerCase().includes(word)).slice(0, OFFERED), at: -1, ...found });
		} catch {
			// One that was given up for a newer one must not close what the newer one offers.
			if (!mine.signal.aborted) close();
		}
		return undefined;
	};
	// Names may come after the first letters were typed.
	useEffect(() => {
		const node = inputRef.current;
		if (fields.length && node && document.activeElement === node && node.value !== value) suggest(node.value, node.selectionStart);
	}, [fields.length]);
	const take = (item) => {
		const word = offer.field ? `${quote(item)} ` : `${item}:`;
		const node = inputRef.current, rest = text.slice(offer.from + offer.word.length);
		const next = text.slice(0, offer.from) + word + rest.replace(/^ /, offer.field ? '' : ' ');
		close();
		node.focus();
		// At once: what is typed before the next frame must stand behind it, not before.
		node.value = next;
		node.setSelectionRange(offer.from + word.length, offer.from + word.length);
		setText(next);
		if (!offer.field) suggest(next, offer.from + word.length);
	};
	const onKeyDown = (event) => {
		if (composing(event)) return;
		const { items, at } = offer;
		if ((event.code === 'ArrowDown' || event.code === 'ArrowUp') && items.length) {
			event.preventDefault();
			setOffer({ ...offer, at: (at + (event.code === 'ArrowDown' ? 1 : items.length + (at < 0 ? 0 : -1))) % items.length });
		} else if ((event.code === 'Enter' || event.code === 'NumpadEnter' || event.code === 'Tab') && items[at]) {
			event.preventDefault();
			take(items[at]);
		} else if (event.code === 'Enter' || event.code === 'NumpadEnter') {
			event.preventDefault();
			search(text);
		} else if (event.code === 'Escape') {
			if (items.length) close();
			else inputRef.current.blur();
		}
	};
	const faulty = problem?.status === 400 && /^event\.query_/.test(problem.key ?? '');
	return html`<div class="query">
		<form class="query-line" role="search" onSubmit=${(event) => { event.preventDefault(); search(text); }}>
			<label class="query-input"><${Icon} name="search" /><span class="hidden">${t('ui.search.label')}</span>
				<input ref=${inputRef} value=${text} placeholder=${t('ui.search.placeholder')} autocomplete="off" spellcheck=${false} maxlength="2000" aria-invalid=${faulty ? 'true' : null}
					role="combobox" aria-expanded=${offer.items.length ? 'true' : 'false'} aria-controls="query-offer" aria-autocomplete="list" aria-activedescendant=${offer.at >= 0 ? `query-offer-${offer.at}` : null}
					onInput=${(event) => { setText(event.target.value); suggest(event.target.value, event.target.selectionStart); }} onKeyDown=${onKeyDown} onBlur=${() => setTimeout(close, 150)} /></label>
			<button class="primary">${t('ui.search.do')}</button>
		</form>
		${offer.items.length > 0 && html`<ul id="query-offer" class="query-offer" role="listbox" aria-label=${t('ui.search.offered')}>${offer.items.map((item, i) => html`<li key=${item} id=${`query-offer-${i}`} role="option" aria-selected=${i === offer.at ? 'true' : 'false'} class=${i === offer.at ? 'active' : null} onMouseDown=${(event) => { event.preventDefault(); take(item); }}>${item}</li>`)}</ul>`}
		<${Fault} text=${value} problem=${problem} onMend=${search} />
	</div>`;
}
