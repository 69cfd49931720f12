// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// A tree with the keyboard of trees: up and down move, right opens, left closes, Enter chooses.
import { html, useState, useMemo, useRef, useEffect } from '../lib/html.js';
import { number } from '../lib/format.js';
import { compare } from '../lib/search.js';
import { composing } from '../lib/keys.js';

export function Tree({ roots, children, value, onPick, all }) {
	const [open, setOpen] = useState(() => new Set());
	const [at, setAt] = useState(0);
	const node = useRef(null);
	useEffect(() => {
		setOpen((old) => new Set([...old, ...roots.map((root) => root.id)]));
	}, [roots.length]);
	const rows = useMemo(() => {
		const out = [{ id: null, name: all, depth: 0, count: 0 }];
		const walk = (units, depth) => {
			for (const unit of [...units].sort((a, b) => compare(a.name, b.name))) {
				const below = children.get(unit.id) ?? [];
				out.push({ id: unit.id, name: unit.name, depth, count: below.length });
				if (open.has(unit.id)) walk(below, depth + 1);
			}
		};
		walk(roots, 0);
		return out;
	}, [roots, children, open, all]);
	const toggle = (id, to) => setOpen((old) => {
		const next = new Set(old);
		if (to ?? !next.has(id)) next.add(id);
		else next.delete(id);
		return next;
	});
	const onKeyDown = (event) => {
		if (composing(event)) return;
		const row = rows[at];
		const moves = { ArrowDown: Math.min(rows.length - 1, at + 1), ArrowUp: Math.max(0, at - 1), Home: 0, End: rows.length - 1 };
		if (event.code in moves) {
			setAt(moves[event.code]);
			node.current.querySelector(`[data-row="${moves[event.code]}"]`)?.scrollIntoView({ block: 'nearest' });
		} else if (event.code === 'ArrowRight') toggle(row.id, true);
		else if (event.code === 'ArrowLeft') toggle(row.id, false);
		else if (event.code === 'Enter') onPick(row.id);
		else return;
		event.preventDefault();
	};
	return html`<ul class="tree" role="tree" tabindex="0" ref=${node} onKeyDown=${onKeyDown} aria-activedescendant=${`tree-${at}`}>
		${rows.map((row, i) => html`<li key=${row.id ?? 'all'} id=${`tree-${i}`} data-row=${i} role="treeitem" aria-level=${row.depth + 1} aria-expanded=${row.count ? (open.has(row.id) ? 'true' : 'false') : null} aria-selected=${row.id === (value ?? null) ? 'true' : 'false'}
			class=${i === at ? 'active' : ''} style=${{ paddingLeft: `${8 + row.depth * 18}px` }} onClick=${() => { setAt(i); onPick(row.id); }}>
			<span class="twist" aria-hidden="true" onClick=${(e) => { if (row.count) { e.stopPropagation(); toggle(row.id); } }}>${row.count ? (open.has(row.id) ? '▾' : '▸') : ''}</span>
			<span class="tree-name">${row.name}</span>${row.count > 0 && html`<span class="count">${number(row.count)}</span>`}</li>`)}
	</ul>`;
}
