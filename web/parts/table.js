// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// The table: sticky header, first column fixed, columns to choose, sort, search without diacritics, total always shown,
// only the visible rows drawn (20,000 and more), the view in the URL, copied as Excel reads it, keyboard throughout.
import { html, useState, useEffect, useLayoutEffect, useMemo, useRef } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number } from '../lib/format.js';
import { fold, matcher, compare } from '../lib/search.js';
import { useRoute, setQuery, go } from '../lib/router.js';
import { useKeys, composing } from '../lib/keys.js';
import { Empty, Loading, ProblemBox } from './bits.js';
import { Icon } from './icons.js';
import { download } from '../lib/api.js';
import { act, toast } from './toast.js';
import { SavedViews } from './views.js';

// As the styles say: a finger needs 44 px.
const ROW = globalThis.matchMedia?.('(max-width: 760px)').matches ? 44 : 36, OVERSCAN = 12;
export const COPY_LIMIT = 20000;
const PRINT_LIMIT = 1000;

// A list that is all here already, for the table.
export const localList = (items) => ({ items, total: items.length, complete: true, local: true, sorts: {}, loading: false, error: null, next: null, all: async () => items, more() {}, reload() {} });

// Which rows of `count` are in sight of the scrolling node, so that only they are drawn.
export function useVirtual(ref, count, rowHeight) {
	const [range, setRange] = useState({ first: 0, last: 60 });
	useLayoutEffect(() => {
		const node = ref.current;
		if (!node) return undefined;
		const measure = () => {
			const first = Math.max(0, Math.floor(node.scrollTop / rowHeight) - OVERSCAN);
			const last = Math.min(count, Math.ceil((node.scrollTop + (node.clientHeight || 600)) / rowHeight) + OVERSCAN);
			setRange((old) => (old.first === first && old.last === last ? old : { first, last }));
		};
		measure();
		// On paper nothing scrolls.
		const all = () => setRange({ first: 0, last: Math.min(count, PRINT_LIMIT) });
		addEventListener('beforeprint', all);
		addEventListener('afterprint', measure);
		const watch = new ResizeObserver(measure);
		watch.observe(node);
		node.addEventListener('scroll', measure, { passive: true });
		return () => {
			removeEventListener('beforeprint', all);
			removeEventListener('afterprint', measure);
			watch.disconnect();
			node.removeEventListener('scroll', measure);
		};
	}, [count, rowHeight, ref.current]);
	return { first: Math.min(range.first, count), last: Math.min(range.last, count) };
}

const folded = new WeakMap();
function foldedRow(row, columns) {
	let text = folded.get(row);
	if (text === undefined) {
		text = fold(columns.map((column) => column.value?.(row) ?? '').join(' '));
		folded.set(row, text);
	}
	return text;
}

// Folds rows ahead of the first search, a little at a time while the browser is idle.
function useFolded(items, columns) {
	useEffect(() => {
		let at = 0, handle;
		const step = (deadline) => {
			const until = at + 500;
			while (at < items.length && (deadline.timeRemaining() > 2 || (deadline.didTimeout && at < until))) foldedRow(items[at++], columns);
			if (at < items.length) handle = requestIdleCallback(step, { timeout: 200 });
		};
		if (items.length > ROW && window.requestIdleCallback) handle = requestIdleCallback(step, { timeout: 200 });
		return () => window.cancelIdleCallback?.(handle);
	}, [items]);
}

// Rows after search and sort. Rows that the server found for this search stand as they are (it looks at more than the
// columns show); until its answer is there, the loaded rows are searched here. A complete list is sorted here.
function arranged(list, columns, q, sort) {
	let rows = list.items;
	if ((list.query?.q ?? '') !== q) {
		const hit = matcher(q);
		rows = rows.filter((row) => hit(foldedRow(row, columns)));
	}
	if (sort && list.complete) {
		const down = sort.startsWith('-');
		const column = columns.find((one) => one.id === sort.replace(/^-/, ''));
		if (column) {
			const value = column.order ?? column.value;
			rows = [...rows].sort((a, b) => (down ? compare(value(b), value(a)) : compare(value(a), value(b))));
		}
	}
	return rows;
}

// One line a row for a spreadsheet, and nothing that it would take for a formula.
export const cellOf = (value) => {
	const text = String(value ?? '').replace(/[\t\r\n]+/g, ' ');
	return typeof value !== 'number' && /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(text) ? `'${text}` : text;
};

// The list by the server, which sees rows that are not loaded here; columns that only this page counts stay out.
export function exportList(list, columns, sort, format) {
	const field = list.sorts[sort?.replace(/^-/, '')];
	const query = { ...list.query, sort: field ? `${sort.startsWith('-') ? '-' : ''}${field}` : undefined };
	const wanted = columns.filter((column) => column.value && column.field !== null).map((column) => [column.field ?? column.id, column.label, column.texts]);
	return act(async () => toast(t('ui.table.exported', { file: await download(list.path, query, wanted, format) })));
}

async function copyRows(list, columns, q, sort) {
	const items = await list.all(COPY_LIMIT);
	const rows = arranged({ ...list, items, complete: true }, columns, q, sort);
	const lines = [columns.map((column) => column.label), ...rows.map((row) => columns.map((column) => cellOf(column.text ? column.text(row) : column.value?.(row))))];
	await navigator.clipboard.writeText(lines.map((line) => line.join('\t')).join('\r\n'));
	toast(t('ui.table.copied', { count: rows.length }));
}

function ColumnChooser({ columns, shown }) {
	const toggle = (id) => {
		const next = shown.some((column) => column.id === id) ? shown.filter((column) => column.id !== id) : columns.filter((column) => column.id === id || shown.includes(column));
		setQuery({ cols: next.map((column) => column.id).join(' ') });
	};
	return html`<details class="menu">
		<summary class="button small"><${Icon} name="columns" />${t('ui.table.columns')}</summary>
		<div class="menu-body">${columns.map((column, i) => html`<label class="check" key=${column.id}>
			<input type="checkbox" checked=${shown.includes(column)} disabled=${i === 0} onChange=${() => toggle(column.id)} />${column.label}</label>`)}</div>
	</details>`;
}

// The search field of a list; `/` puts the cursor there. What is typed stands in the URL at once: the rows here are
// filtered by it, and the server is asked when typing pauses.
export function SearchBox({ value, onSearch, label, slash = true }) {
	const [text, setText] = useState(value);
	const input = useRef(null);
	useEffect(() => {
		if (document.activeElement !== input.current) setText(value);
	}, [value]);
	useKeys(slash ? [{ code: 'Slash', label: t('ui.keys.search'), run: () => input.current?.focus() }] : [], []);
	const change = (event) => {
		setText(event.target.value);
		onSearch(event.target.value.trim());
	};
	const keys = (event) => {
		if (event.code === 'Escape' && !composing(event)) {
			setText('');
			onSearch('');
			input.current.blur();
		}
	};
	return html`<label class="searchbox"><${Icon} name="search" /><span class="hidden">${label ?? t('ui.table.search')}</span>
		<input ref=${input} type="search" value=${text} placeholder=${label ?? t('ui.table.search')} onInput=${change} onKeyDown=${keys} autocomplete="off" spellcheck=${false} /></label>`;
}

// A filter by named values: [{value, label}]; the chosen one stands in the URL under `name`.
export function Filter({ name, label, options }) {
	const { query } = useRoute();
	return html`<label class="filter"><span>${label}</span><select value=${query.get(name) ?? ''} onChange=${(e) => setQuery({ [name]: e.target.value })}>
		<option value="">${t('ui.table.all')}</option>${options.map((o) => html`<option value=${o.value} selected=${query.get(name) === o.value}>${o.label}</option>`)}
	</select></label>`;
}

// The part of the URL's query that the API understands for a list.
export function listQuery(query, names, defaults = {}) {
	const out = {};
	for (const name of ['q', 'sort', ...names]) {
		const all = query.getAll(name);
		if (all.length) out[name] = all.length > 1 ? all : all[0];
		else if (defaults[name]) out[name] = defaults[name];
	}
	return out;
}

// columns: [{id, label, value(row), cell(row), width, order(row), text(row), off, field, texts}]; field is the member in the
// API where it is not the id (null: made here only), texts the catalogue of its values ("alert.state"), both for exports.
export function Table({ list, columns, name, label, rowHref, onOpen, filters, empty, tools, selected, slash }) {
	const { query } = useRoute();
	const q = query.get('q') ?? '', sort = query.get('sort') ?? '';
	const wanted = query.get('cols')?.split(' ');
	const shown = wanted ? columns.filter((column, i) => i === 0 || wanted.includes(column.id)) : columns.filter((column) => !column.off);
	const scroller = useRef(null);
	const [at, setAt] = useState(-1);
	// Ahead of what is drawn: on a slow PC two quick presses are two steps.
	const cursor = useRef(-1);
	const point = (to) => {
		cursor.current = to;
		setAt(to);
	};
	const rows = useMemo(() => {
		const start = performance.now();
		const result = arranged(list, columns, q, sort);
		performance.measure('table.filter', { start, detail: list.items.length });
		return result;
	}, [list.items, list.query?.q, list.complete, q, sort]);
	const { first, last } = useVirtual(scroller, rows.length, ROW);
	useFolded(list.items, columns);
	useEffect(() => {
		if (last >= rows.length - 30 && list.next && !list.error) list.more();
	}, [last, rows.length, list.next]);
	useEffect(() => {
		point(Math.min(cursor.current, rows.length - 1));
	}, [rows.length]);

	const open = (row) => (onOpen ? onOpen(row) : rowHref && go(rowHref(row)));
	const move = (to) => {
		const next = Math.max(0, Math.min(rows.length - 1, to));
		point(next);
		const node = scroller.current, head = ROW;
		if (next * ROW < node.scrollTop) node.scrollTop = next * ROW;
		else if ((next + 1) * ROW + head > node.scrollTop + node.clientHeight) node.scrollTop = (next + 1) * ROW + head - node.clientHeight;
	};
	const onKeyDown = (event) => {
		if (composing(event) || event.target !== scroller.current || event.altKey || event.ctrlKey || event.metaKey) return;
		const page = Math.floor((scroller.current.clientHeight - ROW) / ROW);
		const now = cursor.current;
		const steps = { ArrowDown: now + 1, ArrowUp: now - 1, PageDown: now + page, PageUp: now - page, Home: 0, End: rows.length - 1 };
		if (event.code in steps) {
			event.preventDefault();
			move(steps[event.code]);
		} else if (event.code === 'Enter' && rows[now]) {
			event.preventDefault();
			open(rows[now]);
		}
	};
	const sortBy = (column) => setQuery({ sort: sort === column.id ? `-${column.id}` : sort === `-${column.id}` ? null : column.id });
	const width = shown.reduce((sum, column) => sum + (column.width ?? 140), 0);
	const visible = rows.slice(first, last);

	return html`<section class="table-part">
		<div class="table-bar">
			<${SearchBox} value=${q} onSearch=${(text) => setQuery({ q: text })} slash=${slash} label=${list.filterLabel} />
			${filters}
			<span class="total" role="status">${(list.query?.q ?? '') !== q
				? t(list.local ? 'ui.table.found' : 'ui.table.found_of', { found: number(rows.length), total: number(list.total) })
				: t(list.atLeast ? 'ui.table.total_least' : 'ui.table.total', { count: list.total ?? rows.length })}</span>
			<div class="table-tools">${tools}
			<${SavedViews} name=${name} />
			<${ColumnChooser} columns=${columns} shown=${shown} />
			<details class="menu copy">
				<summary class="button small"><${Icon} name="download" />${t('ui.table.take')}</summary>
				<div class="menu-body">
					${list.path && ['xlsx', 'csv'].map((format) => html`<button type="button" class="small ghost" key=${format} onClick=${() => exportList(list, shown, sort, format)}><${Icon} name="download" />${t(`ui.table.export_${format}`)}</button>`)}
					<button type="button" class="small ghost" onClick=${() => copyRows(list, shown, q, sort)}><${Icon} name="copy" />${t('ui.table.copy')}</button>
				</div>
			</details></div>
		</div>
		<${ProblemBox} problem=${list.error} retry=${list.reload} />
		<div class="table-scroll" ref=${scroller} tabindex="0" role="grid" aria-label=${label} aria-rowcount=${list.total ?? rows.length} aria-busy=${list.loading && !rows.length ? 'true' : null} aria-activedescendant=${at >= 0 ? `${name}-row-${at}` : null}
			onKeyDown=${onKeyDown} onFocus=${(e) => e.target === scroller.current && at < 0 && rows.length && point(0)}>
			<table style=${{ minWidth: `${width}px` }} role="presentation">
				<colgroup>${shown.map((column) => html`<col key=${column.id} style=${{ width: `${column.width ?? 140}px` }} />`)}</colgroup>
				<thead role="rowgroup"><tr role="row">${shown.map((column) => html`<th key=${column.id} role="columnheader" class=${column.right ? 'right' : null}
					aria-sort=${sort === column.id ? 'ascending' : sort === `-${column.id}` ? 'descending' : 'none'}>
					${(column.value || column.order) && (list.complete || list.sorts[column.id]) ? html`<button type="button" tabindex="-1" onClick=${() => sortBy(column)}>${column.label}<span class="arrow" aria-hidden="true">${sort === column.id ? '▲' : sort === `-${column.id}` ? '▼' : ''}</span></button>` : column.label}</th>`)}</tr></thead>
				<tbody role="rowgroup">
					${first > 0 && html`<tr class="spacer" key="top" aria-hidden="true"><td style=${{ height: `${first * ROW}px` }} colspan=${shown.length}></td></tr>`}
					${visible.map((row, i) => {
						const index = first + i;
						const state = `${index === at ? 'active' : ''}${selected === row.id ? ' selected' : ''}`;
						return html`<tr key=${row.id} id=${`${name}-row-${index}`} role="row" aria-rowindex=${index + 1} class=${state} onClick=${(e) => {
							point(index);
							if (!e.target.closest('a,button,input') && !getSelection().toString()) open(row);
						}}>${shown.map((column) => html`<td key=${column.id} role="gridcell" class=${column.right ? 'right' : null}>${column.cell ? column.cell(row) : column.value(row)}</td>`)}</tr>`;
					})}
					${last < rows.length && html`<tr class="spacer" key="bottom" aria-hidden="true"><td style=${{ height: `${(rows.length - last) * ROW}px` }} colspan=${shown.length}></td></tr>`}
				</tbody>
			</table>
			${list.loading && !rows.length && html`<${Loading} within />`}
			${!list.loading && !rows.length && !list.error && (list.ownEmpty && !list.items.length ? empty : q || [...query.keys()].some((key) => !['cols', 'sort', 'tab'].includes(key))
				? html`<${Empty} title=${t('ui.table.nothing_found')}><p>${t('ui.table.nothing_found_hint')}</p><//>`
				: empty)}
		</div>
	</section>`;
}
