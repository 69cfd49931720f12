// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// The queue and one alert beside it: decide on one screen, by keyboard.
import { html, useState, useEffect, useLayoutEffect, useRef } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number } from '../lib/format.js';
import { useRoute, currentRoute, match, setQuery, go } from '../lib/router.js';
import { useList, useGet } from '../lib/data.js';
import { useKeys, composing } from '../lib/keys.js';
import { Severity, State, Ago, Empty, Loading, ProblemBox, Tabs, SEVERITIES } from '../parts/bits.js';
import { useVirtual, SearchBox, Filter, listQuery, exportList } from '../parts/table.js';
import { AlertDetail } from '../parts/alert_detail.js';
import { learningTitle } from '../parts/alert_learning.js';
import { useEvents } from '../lib/stream.js';
import { sound, toggleSound, ring } from '../lib/sound.js';
import { useStore } from '../lib/store.js';
import { Icon } from '../parts/icons.js';

const ROW = 62;

// What a file of the queue holds.
const columns = () => [
	{ id: 'number', label: t('ui.alert.column.number') }, { id: 'title', label: t('ui.alert.column.title') },
	{ id: 'severity', label: t('ui.severity.title'), texts: 'severity' }, { id: 'state', label: t('ui.alert.column.state'), texts: 'alert.state' },
	{ id: 'endpoint.hostname', label: t('ui.endpoint.one') }, { id: 'unit.name', label: t('ui.unit.one') }, { id: 'count', label: t('ui.alert.times') },
	{ id: 'first_at', label: t('ui.alert.first_at') }, { id: 'last_at', label: t('ui.alert.last_at') }, { id: 'assignee.name', label: t('ui.alert.assignee') },
	{ id: 'incident.number', label: t('ui.alert.column.incident') },
].map((column) => ({ ...column, value: true }));

function Row({ alert, index, active, open }) {
	const line = alert.group, many = line && line.alerts > 1, isCase = line?.kind === 'case', learned = line?.kind === 'learning', isWave = line?.kind === 'wave';
	const count = line?.findings ?? alert.count;
	const where = many && !isCase && line.machines > 1 ? t('ui.alert.line_where', { count: line.units }) : null;
	return html`<a id=${`alert-${index}`} class=${`queue-row sev-edge-${alert.severity}${active ? ' active' : ''}`} role="option" aria-selected=${active ? 'true' : 'false'} tabindex="-1"
		href=${`#/alerts/${alert.id}${location.hash.includes('?') ? `?${location.hash.split('?')[1]}` : ''}`} onClick=${(e) => { if (!e.ctrlKey && !e.metaKey) { e.preventDefault(); open(alert); } }}>
		<span class="queue-line"><${Severity} value=${alert.severity} /><strong class="queue-title">${learned ? learningTitle(line.tactic) : alert.what ?? alert.title}</strong>${learned ? html`<span class="count" title=${t('ui.alert.learning_hint')}>${t('ui.alert.learning_rules', { count: line.rules })}</span>` : isWave ? html`<span class="count" title=${t('ui.alert.line_wave_hint')}>${t('ui.alert.line_wave', { rules: number(line.rules), machines: number(line.machines) })}</span>` : isCase ? html`<span class="count" title=${t('ui.alert.line_case_hint')}>${t('ui.alert.line_case', { count: line.rules })}</span>` : many && line.machines > 1 ? html`<span class="count" title=${t('ui.alert.line_machines_hint')}>${t('ui.alert.line_machines', { count: line.machines })}</span>` : count > 1 && html`<span class="count" title=${t('ui.alert.count')}>×${number(count)}</span>`}</span>
		<span class="queue-line muted"><${State} group="alert" value=${alert.state} /><span class="queue-where">${[...(learned ? [t('ui.alert.learning_where', { machines: number(line.machines), units: number(line.units) })] : where ? [where] : [alert.endpoint?.hostname ?? alert.host, alert.unit?.name]), (alert.what || learned) && alert.title].filter(Boolean).join(' · ')}</span><${Ago} at=${line?.last_at ?? alert.last_at} /></span>
	</a>`;
}

// chosen: the row of the open alert; id: that alert, which may be another one of the row's line.
function Queue({ list, id, chosen, open }) {
	const scroller = useRef(null);
	const { first, last } = useVirtual(scroller, list.items.length, ROW);
	const placeOf = (id) => list.items.findIndex((alert) => alert.id === id);
	const at = placeOf(chosen);
	// The address is ahead of what is drawn: on a slow PC two quick presses are two steps.
	const here = () => {
		const now = match('/alerts/:id', currentRoute().path)?.id;
		return now === id ? at : placeOf(now);
	};
	const move = (to) => {
		const next = Math.max(0, Math.min(list.items.length - 1, to));
		if (!list.items[next]) return;
		const node = scroller.current;
		if (next * ROW < node.scrollTop) node.scrollTop = next * ROW;
		else if ((next + 1) * ROW > node.scrollTop + node.clientHeight) node.scrollTop = (next + 1) * ROW - node.clientHeight;
		open(list.items[next], true);
	};
	// What is being read stays where it is: rows that come in above it move the scroll, not the reader.
	const seen = useRef({ ids: [], top: 0 });
	const [above, setAbove] = useState(0);
	useLayoutEffect(() => {
		const node = scroller.current, ids = list.items.map((alert) => alert.id), before = seen.current;
		const visible = Math.floor(before.top / ROW);
		const anchor = before.ids.includes(chosen) && Math.abs(before.ids.indexOf(chosen) - visible) * ROW < node.clientHeight ? chosen : before.ids[visible];
		const from = before.ids.indexOf(anchor), to = ids.indexOf(anchor);
		if (from >= 0 && to >= 0 && from !== to) {
			node.scrollTop += (to - from) * ROW;
			const old = new Set(before.ids);
			setAbove(ids.slice(0, Math.floor(node.scrollTop / ROW)).filter((id) => !old.has(id)).length);
		}
		seen.current = { ids, top: node.scrollTop };
	}, [list.items]);
	const scrolled = (event) => {
		seen.current.top = event.target.scrollTop;
		if (above && event.target.scrollTop < ROW) setAbove(0);
	};
	useEffect(() => {
		if (last >= list.items.length - 20 && list.next && !list.error) list.more();
	}, [last, list.items.length, list.next]);
	useKeys([
		{ code: 'ArrowDown', label: t('ui.keys.next'), run: () => move(here() + 1) },
		{ code: 'ArrowUp', label: t('ui.keys.previous'), run: () => move(here() - 1) },
		{ code: 'Enter', label: t('ui.keys.to_detail'), run: () => document.getElementById('alert-detail')?.focus() },
	], [list.items, at, id]);
	const onKeyDown = (event) => {
		if (composing(event)) return;
		const page = Math.floor(scroller.current.clientHeight / ROW), from = here();
		const steps = { PageDown: from + page, PageUp: from - page, Home: 0, End: list.items.length - 1 };
		if (event.code in steps) {
			event.preventDefault();
			move(steps[event.code]);
		}
	};
	return html`${above > 0 && html`<button type="button" class="small queue-new" onClick=${() => { scroller.current.scrollTop = 0; setAbove(0); }}>${t('ui.alert.new_above', { count: above })}</button>`}
	<div class="queue-scroll" ref=${scroller} onScroll=${scrolled} tabindex="0" role="listbox" aria-label=${t('ui.alert.queue')} aria-busy=${list.loading && !list.items.length ? 'true' : null} aria-activedescendant=${at >= 0 ? `alert-${at}` : null} onKeyDown=${onKeyDown}>
		<div style=${{ height: `${first * ROW}px` }}></div>
		${list.items.slice(first, last).map((alert, i) => html`<${Row} key=${alert.id} alert=${alert} index=${first + i} active=${alert.id === chosen} open=${open} />`)}
		<div style=${{ height: `${(list.items.length - last) * ROW}px` }}></div>
		${list.loading && !list.items.length && html`<${Loading} within />`}
		${!list.loading && !list.items.length && !list.error && html`<${Empty} title=${t('ui.alert.empty')}>${t('ui.alert.empty_hint')}<//>`}
	</div>`;
}

// queue: put together by rule and by machine, without what is low; all of that is one press away.
const VIEWS = [
	{ id: 'open', queue: true, state: ['new', 'acknowledged'] },
	{ id: 'new', queue: true, state: ['new'] },
	{ id: 'low', state: ['new', 'acknowledged'], severity: ['low'] },
	{ id: 'mine', state: ['new', 'acknowledged'], mine: 1 },
	{ id: 'closed', state: ['closed'] },
	{ id: 'all' },
];

export default function Alerts({ id }) {
	const { query } = useRoute();
	const view = VIEWS.find((one) => one.id === query.get('view')) ?? VIEWS[0];
	const asked = { ...listQuery(query, ['severity', 'unit', 'endpoint', 'host']), state: view.state, mine: view.mine, ...(view.severity && { severity: view.severity }) };
	const list = useList(view.queue ? '/alerts/queue' : '/alerts', asked, { events: ['alert.'] });
	const summary = useGet('/alerts/summary', null, { events: ['alert.'] });
	const loud = useStore(sound);
	useEvents(['alert.created'], (name, data) => name === 'alert.created' && ['critical', 'high'].includes(data.severity) && ring());
	const [wide] = useState(() => matchMedia('(min-width: 900px)').matches);
	const open = (alert, replace) => setQuery({}, { path: `/alerts/${alert.id}`, replace: Boolean(replace || id) });
	// On a wide screen the first alert is opened by itself: the queue is for deciding, not for choosing.
	const first = list.items[0]?.id;
	useEffect(() => {
		if (!id && first && wide) setQuery({}, { path: `/alerts/${first}` });
	}, [id, first]);
	// Opened by a link, an alert may stand in a line that another one leads.
	const inside = Boolean(id && view.queue && first && !list.items.some((alert) => alert.id === id));
	const group = useGet(inside ? `/alerts/${id}/group` : null);
	const link = (one) => {
		const next = new URLSearchParams(query);
		next.set('view', one.id);
		return `#/alerts?${next}`;
	};
	const low = summary.data?.by_severity?.low ?? 0;
	const counts = { new: view.id === 'new' ? list.total : null, open: view.id === 'open' ? list.total : null, low };
	const gathered = list.items.reduce((sum, one) => sum + (one.group?.alerts ?? 1), 0);
	return html`<div class=${`queue-page${id ? ' has-detail' : ''}`}>
		<section class="queue">
			<div class="queue-head">
				<h1 class="hidden">${t('ui.page.alerts')}</h1>
				<${Tabs} label=${t('ui.alert.views')} value=${view.id} items=${VIEWS.map((one) => ({ id: one.id, label: t(`ui.alert.view.${one.id}`), href: link(one), count: counts[one.id] }))} />
				<div class="queue-tools">
					<${SearchBox} value=${query.get('q') ?? ''} onSearch=${(q) => setQuery({ q })} label=${t('ui.alert.search')} />
					<${Filter} name="severity" label=${t('ui.severity.title')} options=${SEVERITIES.map((value) => ({ value, label: t(`ui.severity.${value}`) }))} />
				</div>
				<div class="muted total"><span role="status">${view.queue ? t('ui.alert.queue_total', { lines: number(list.total ?? 0), alerts: number(gathered) }) : t('ui.alert.total', { count: list.total ?? 0 })}${view.queue && list.head?.outside?.beyond > 0 && html` <a href=${link({ id: 'all' })}>${t('ui.alert.queue_beyond', { count: number(list.head.outside.beyond) })}</a>`}</span><span class="queue-extras"><details class="menu"><summary class="button small ghost"><${Icon} name="download" />${t('ui.table.take')}</summary><span class="menu-body">${['xlsx', 'csv'].map((format) => html`<button type="button" class="small ghost" key=${format} onClick=${() => exportList(list, columns(), undefined, format)}><${Icon} name="download" />${t(`ui.table.export_${format}`)}</button>`)}</span></details><button type="button" class="small ghost" role="switch" aria-checked=${loud === 'on' ? 'true' : 'false'} title=${t('ui.alert.sound_hint')} onClick=${toggleSound}>${t(loud === 'on' ? 'ui.alert.sound_on' : 'ui.alert.sound_off')}</button></span></div>
			</div>
			<${ProblemBox} problem=${list.error} retry=${list.reload} />
			<${Queue} list=${list} id=${id} chosen=${inside ? group.data?.lead : id} open=${open} />
		</section>
		<section class="detail" id="alert-detail" tabindex="-1" aria-label=${t('ui.alert.detail')}>
			${id ? html`<${AlertDetail} key=${id} id=${id} onBack=${() => go('/alerts', Object.fromEntries(query))} />` : html`<${Empty} title=${t('ui.alert.choose')}>${t('ui.alert.choose_hint')}<//>`}
		</section>
	</div>`;
}
