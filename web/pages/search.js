// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Search in the events: a query and a time, how many there are when, the rows, one of them beside; live when wanted.
import { html, useMemo, useRef, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { dateTime } from '../lib/format.js';
import { useRoute, setQuery, href } from '../lib/router.js';
import { can } from '../lib/session.js';
import { useKeys } from '../lib/keys.js';
import { searchOf, useEventPages, useEventTail, useAnswer, withTerm } from '../lib/event_search.js';
import { PageHead, Empty, Loading, ProblemBox, Tabs } from '../parts/bits.js';
import { Table } from '../parts/table.js';
import { SearchBar } from '../parts/search_bar.js';
import { TimePicker, Histogram } from '../parts/search_time.js';
import { Facets, Saved, Export, MakeRule } from '../parts/search_side.js';
import { EventDetail } from '../parts/search_event.js';
import { SqlLane, DeadLane } from '../parts/search_lanes.js';

// Columns of the table that are fields; others may be added in the URL (?fields=a b).
const FIELDS = ['host.name', 'user.name', 'event.code', 'event.action', 'process.name', 'source.ip'];
const SHOWN = ['time', 'host.name', 'user.name', 'event.code', 'text'];

function columnsOf(fields) {
	const column = (field) => ({ id: field, label: field, width: 150, off: !SHOWN.includes(field), value: (row) => row.fields[field] ?? '' });
	return [
		{ id: 'time', label: t('ui.search.column.time'), width: 170, value: (row) => row.time, cell: (row) => dateTime(row.time, true), text: (row) => dateTime(row.time, true) },
		{ id: 'unit', label: t('ui.unit.one'), width: 170, off: true, value: (row) => row.unit?.name ?? '' },
		...fields.map(column),
		{ id: 'source', label: t('ui.search.column.source'), width: 130, off: true, value: (row) => row.source },
		{ id: 'text', label: t('ui.search.column.text'), width: 460, value: (row) => row.text, cell: (row) => html`<span title=${row.text}>${row.text}</span>` },
	];
}

function Help() {
	const rows = ['words', 'phrase', 'field', 'wildcard', 'exists', 'range', 'network', 'logic', 'folded'];
	return html`<details class="menu"><summary class="button small ghost">${t('ui.search.help')}</summary><div class="menu-body search-help"><table class="plain-table"><tbody>${rows.map((row) => html`<tr key=${row}><td><code>${t(`ui.search.help.${row}.example`)}</code></td><td>${t(`ui.search.help.${row}.means`)}</td></tr>`)}</tbody></table></div></details>`;
}

// A 400 of the language is shown at the query bar; the rest where the rows would be.
const ofQuery = (problem) => problem?.status === 400 && /^event\.query_/.test(problem.key ?? '');

function Rows({ list, live, tail, columns, chosen, total, atLeast }) {
	const items = live ? tail.items : list.items;
	const shown = useMemo(() => ({
		items, total: live ? items.length : Math.max(total ?? 0, items.length), complete: true, local: true, ownEmpty: true, sorts: {}, atLeast: !live && atLeast, loading: live ? false : list.loading, error: live ? tail.error : list.error,
		next: live ? null : list.next, more: list.more, reload: list.reload, all: async () => items, filterLabel: t('ui.search.filter_rows'),
	}), [items, total, atLeast, list.loading, list.error, list.next, list.stopped, live, tail.error]);
	const stopped = !live && list.stopped && html`<span role="status">${t('ui.search.stopped', { time: dateTime(list.stopped.time) })}</span><button type="button" class="small search-on" onClick=${list.goOn}>${t('ui.search.go_on')}</button>`;
	const empty = stopped ? html`<${Empty} title=${t('ui.search.stopped_empty')}>${stopped}<//>` : live ? html`<${Empty} title=${t('ui.search.live_empty')}>${t('ui.search.live_empty_hint')}<//>` : html`<${Empty} title=${t('ui.search.empty')}>${t('ui.search.empty_hint')}<//>`;
	return html`<${Table} name="event" label=${t('ui.page.search')} list=${shown} columns=${columns} selected=${chosen} slash=${false} empty=${empty}
		tools=${html`${items.length > 0 && stopped}${list.full && !live && html`<span class="muted">${t('ui.search.full', { count: items.length })}</span>`}${live && tail.behind && html`<strong>${t('ui.search.behind')}</strong>`}`}
		onOpen=${(row) => setQuery({ event: row.id, at: row.time }, { replace: Boolean(chosen) })} />`;
}

function Search() {
	const { query } = useRoute();
	const bar = useRef(null);
	const text = query.get('query') ?? '', live = query.get('live') === '1', chosen = query.get('event');
	const asked = searchOf(query);
	const fields = useMemo(() => [...new Set([...FIELDS, ...(query.get('fields') ?? '').split(' ').filter(Boolean)])], [query.get('fields')]);
	const columns = useMemo(() => columnsOf(fields), [fields, t('ui.page.search')]);
	const list = useEventPages(asked, fields, live);
	const tail = useEventTail(asked, fields, live);
	const histogram = useAnswer('/events/histogram', asked, !live);
	const names = useAnswer('/events/fields', { last: '24h' });
	const known = useMemo(() => [...(names.data?.columns ?? []), ...(names.data?.others ?? [])], [names.data]);
	const [wide] = useState(() => matchMedia('(min-width: 1500px)').matches);
	useKeys([
		{ code: 'Slash', label: t('ui.search.key.bar'), run: () => bar.current?.focus() },
		{ code: 'Digit1', label: t('ui.search.live'), run: () => setQuery({ live: live ? null : '1', event: null }) },
		{ code: 'Escape', label: t('ui.search.key.close'), when: () => Boolean(chosen), run: () => setQuery({ event: null, at: null }) },
	], [live, chosen]);
	const search = (next) => setQuery({ query: next, event: null, at: null, q: null }, { replace: false });
	const narrow = (patch) => setQuery({ live: null, event: null, at: null, ...patch }, { replace: false });
	const term = (field, value, exclude) => search(withTerm(text, field, value, exclude));
	const problem = live ? tail.error : list.error;
	return html`<div class="query-row"><${SearchBar} value=${text} asked=${asked} problem=${problem} fields=${known} onSearch=${search} inputRef=${bar} />
			<${TimePicker} query=${query} range=${histogram.data} onChange=${narrow} /><${Help} /></div>
		<div class="search-tools">
			<button type="button" class="small" aria-pressed=${live ? 'true' : 'false'} onClick=${() => setQuery({ live: live ? null : '1', event: null })}>${t(live ? 'ui.search.live_stop' : 'ui.search.live')}<kbd aria-hidden="true">1</kbd></button>
			<${Saved} text=${text} /><${Export} asked=${asked} total=${histogram.data?.total} atLeast=${histogram.data?.at_least} /><${MakeRule} asked=${asked} />
			${query.get('endpoint') && html`<button type="button" class="small" onClick=${() => setQuery({ endpoint: null })}>${t('ui.search.one_machine')} ✕</button>`}
		</div>
		${live ? html`<p class="histogram-head" role="status"><strong>${t('ui.search.live_on', { count: tail.items.length })}</strong></p>`
			: histogram.data ? html`<div class=${histogram.loading ? 'waiting' : ''}><${Histogram} key=${`${histogram.data.from}${histogram.data.to}`} data=${histogram.data} onRange=${narrow} /></div>`
				: histogram.error ? !ofQuery(histogram.error) && !list.error && html`<${ProblemBox} problem=${histogram.error} />` : html`<${Loading} />`}
		${!ofQuery(problem) && html`<div class=${`search-body${chosen ? ' has-event' : ''}${!live && list.loading ? ' waiting' : ''}`}>
			${(!chosen || wide) && html`<${Facets} asked=${live ? { ...asked, last: '1h' } : asked} fields=${known} onTerm=${term} />`}
			<${Rows} list=${list} live=${live} tail=${tail} columns=${columns} chosen=${chosen} total=${histogram.data?.total} atLeast=${histogram.data?.at_least} />
			${chosen && html`<section class="side-panel event-panel" aria-label=${t('ui.search.event')}><${EventDetail} key=${chosen} id=${chosen} at=${query.get('at')} q=${text} onTerm=${term} onClose=${() => setQuery({ event: null, at: null })} /></section>`}
		</div>`}`;
}

export default function SearchPage() {
	const { query } = useRoute();
	const lanes = [can('event.read') && 'rows', can('event.sql') && 'sql', can('source.read') && 'dead'].filter(Boolean);
	const lane = lanes.includes(query.get('tab')) ? query.get('tab') : lanes[0];
	return html`<div class="page fill search-page"><${PageHead} title=${t('ui.page.search')} />
		${lanes.length > 1 && html`<${Tabs} label=${t('ui.search.lanes')} value=${lane} items=${lanes.map((id) => ({ id, label: t(`ui.search.lane.${id}`), href: href('/search', { tab: id === 'rows' ? null : id }) }))} />`}
		${lane === 'rows' && html`<${Search} />`}${lane === 'sql' && html`<${SqlLane} />`}${lane === 'dead' && html`<${DeadLane} />`}
		${!lane && html`<${Empty} title=${t('ui.error.not_permitted')}>${t('ui.error.ask_permission')}<//>`}
	</div>`;
}
