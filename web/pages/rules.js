// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Detection rules: what is in force and what detection says of it; archives and their editions; lists of indicators.
import { html, useState, useMemo } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number } from '../lib/format.js';
import { useRoute, href, go, setQuery } from '../lib/router.js';
import { useList, useGet } from '../lib/data.js';
import { can } from '../lib/session.js';
import { PageHead, State, Time, Empty, Tabs, Loading, ProblemBox } from '../parts/bits.js';
import { Table, Filter, localList } from '../parts/table.js';
import { act, toast } from '../parts/toast.js';
import { Confirm } from '../parts/dialog.js';
import { Level, switchRules, LEVELS } from '../parts/rule_bits.js';
import { RuleDetail } from '../parts/rule_detail.js';
import { RuleEditor } from '../parts/rule_editor.js';
import { Archives } from '../parts/rule_archives.js';
import { Indicators } from '../parts/rule_indicators.js';

const TABS = ['rules', 'archives', 'indicators'];
const STATES = ['on', 'off', 'refused', 'noisy', 'excluded'];
const NAMES = ['level', 'product', 'category', 'tag', 'origin', 'state'];

const stateFits = { on: (r) => r.state === 'on', off: (r) => r.state === 'off', refused: (r) => r.refused, noisy: (r) => r.noisy, excluded: (r) => r.exclusions > 0 };
const fits = {
	level: (r, v) => r.level === v, product: (r, v) => r.product === v, category: (r, v) => r.category === v,
	tag: (r, v) => r.tags.includes(v), origin: (r, v) => (r.archive?.id ?? r.origin) === v, state: (r, v) => stateFits[v]?.(r) ?? true,
};

// What the rules name, the most frequent first.
function optionsOf(items, values, label = (v) => v) {
	const counts = new Map();
	for (const item of items) for (const value of values(item)) if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
	return [...counts].sort((a, b) => b[1] - a[1]).slice(0, 200).map(([value, count]) => ({ value, label: `${label(value)} (${number(count)})` }));
}

// What detection works with, in one line; what it refused, below.
function InForce() {
	const { data: state } = useGet('/rules/state', null, { events: ['rule.'], every: 10000 });
	if (!state) return null;
	const d = state.detection;
	const tone = !d || state.behind_since ? 'bad' : state.current ? 'good' : 'busy';
	const text = !d ? t('ui.rule.detection_away') : state.current ? t('ui.rule.in_force', { rules: number(d.rules), indicators: number(d.indicators) })
		: t(d.state === 'failed' ? 'ui.rule.set_failed' : 'ui.rule.being_loaded', { rules: number(state.rules) });
	return html`<div class=${tone === 'good' && !d.refused?.length ? 'in-force' : 'note'} role="status"><span class=${`state state-${tone}`}><i aria-hidden="true"></i>${text}</span>
		${state.current && d.loaded_at && html` · ${t('ui.rule.since')} <${Time} at=${d.loaded_at} />`}
		${state.behind_since && html` · ${t('ui.rule.behind')} <${Time} at=${state.behind_since} />`}
		${d?.refused?.length > 0 && html`<details><summary>${t('ui.rule.refused_by_detection', { count: d.refused.length })}</summary>
			<ul>${d.refused.slice(0, 100).map((one) => html`<li><strong>${one.title || one.file}</strong>: ${one.text} <code class="path">${one.place}</code></li>`)}</ul></details>`}</div>`;
}

// Everything that the filters leave, switched at once.
function Bulk({ query, shown }) {
	const [asked, setAsked] = useState(null);
	const filtered = ['level', 'product', 'category', 'tag'].filter((name) => query.get(name));
	const origin = query.get('origin');
	if (!can('rule.write') || (!filtered.length && !origin?.includes('-'))) return null;
	const body = { ...Object.fromEntries(filtered.map((name) => [name, query.get(name)])), ...(origin?.includes('-') ? { archive_id: origin } : {}) };
	const button = (enabled) => html`<button type="button" class="small" onClick=${() => setAsked(enabled)}>${t(enabled ? 'ui.rule.all_on' : 'ui.rule.all_off')}</button>`;
	return html`${button(true)}${button(false)}${asked !== null && html`<${Confirm} title=${t(asked ? 'ui.rule.all_on' : 'ui.rule.all_off')} consequence=${t('ui.rule.bulk_consequence', { count: number(shown) })}
		action=${t(asked ? 'ui.rule.all_on' : 'ui.rule.all_off')} onClose=${() => setAsked(null)} onDo=${() => switchRules({ ...body, enabled: asked })} />`}`;
}

function Rules({ query }) {
	const list = useList('/rules', {}, { events: ['rule.'], whole: true });
	const chosen = NAMES.map((name) => [name, query.get(name)]).filter(([, value]) => value);
	const key = chosen.flat().join(' ');
	const shown = useMemo(() => {
		const start = performance.now();
		const items = chosen.length ? list.items.filter((rule) => chosen.every(([name, value]) => fits[name](rule, value))) : list.items;
		performance.measure('rules.filter', { start, detail: list.items.length });
		return items;
	}, [list.items, key]);
	const options = useMemo(() => ({
		level: LEVELS.map((value) => ({ value, label: t(`ui.rule.level.${value}`) })),
		product: optionsOf(list.items, (r) => [r.product]), category: optionsOf(list.items, (r) => [r.category]), tag: optionsOf(list.items, (r) => r.tags),
		origin: [...optionsOf(list.items.filter((r) => !r.archive), (r) => [r.origin], (v) => t(`ui.rule.origin.${v}`)),
			...[...new Map(list.items.filter((r) => r.archive).map((r) => [r.archive.id, r.archive.name]))].map(([value, label]) => ({ value, label }))],
		state: STATES.map((value) => ({ value, label: t(`ui.rule.filter.${value}`) })),
	}), [list.items]);
	const fired = useGet(can('alert.read') ? '/alerts/firings' : null, null, { every: 300000 });
	const firings = useMemo(() => new Map((fired.data?.items ?? []).map((one) => [one.rule_id, one])), [fired.data]);
	const times = (rule, name) => (fired.data ? firings.get(rule.sigma_id)?.[name] ?? 0 : null);
	const counted = (id, name, width) => ({ id, label: t(`ui.rule.${id}`), width, right: true, value: (r) => times(r, name), cell: (r) => { const n = times(r, name); return n === null ? '–' : number(n); } });
	const flip = (rule) => act(() => switchRules({ enabled: rule.state !== 'on', ids: [rule.id] }));
	const columns = [
		{ id: 'title', label: t('ui.rule.title'), width: 340, value: (r) => r.title, cell: (r) => html`<a href=${href(`/rules/${r.id}`)} tabindex="-1" title=${r.title}>${r.title}</a>` },
		{ id: 'level', label: t('ui.rule.level'), texts: 'rule.level', width: 130, value: (r) => r.level, order: (r) => LEVELS.length - LEVELS.indexOf(r.level), cell: (r) => html`<${Level} value=${r.level} />` },
		{ id: 'state', label: t('ui.rule.state'), texts: 'rule.state', width: 190, value: (r) => t(`ui.rule.state.${r.state}`), cell: (r) => html`<span title=${r.off_why ? t(`ui.rule.off_why.${r.off_why}`) : null}><${State} group="rule" value=${r.state} />${r.off_why && html` <span class="muted">${t('ui.rule.off_first')}</span>`}</span>` },
		...(can('rule.write') ? [{ id: 'do', label: t('ui.table.actions'), width: 90, cell: (r) => r.documents > 0 && html`<button type="button" class="small" onClick=${() => flip(r)}>${t(r.state === 'on' ? 'ui.rule.off' : 'ui.rule.on')}</button>` }] : []),
		...(can('alert.read') ? [counted('fired_24h', 'findings_24h', 110), counted('fired_30d', 'findings_30d', 120), counted('fired_machines', 'machines_30d', 100)] : []),
		{ id: 'product', label: t('ui.rule.product'), width: 110, value: (r) => r.product },
		{ id: 'category', label: t('ui.rule.category'), width: 170, value: (r) => [r.category, r.service].filter(Boolean).join(' · ') },
		{ id: 'tags', label: t('ui.rule.tags'), width: 260, value: (r) => r.tags.join(' '), cell: (r) => html`<span title=${r.tags.join('\n')}>${r.tags.map((tag) => tag.replace('attack.', '')).join(', ')}</span>` },
		{ id: 'origin', label: t('ui.rule.origin'), field: 'archive.name', width: 140, value: (r) => r.archive?.name ?? t(`ui.rule.origin.${r.origin}`) },
		{ id: 'hits', label: t('ui.rule.per_day'), field: 'hits_per_day', width: 130, right: true, value: (r) => r.hits_per_day, cell: (r) => (r.hits_per_day === null ? '–' : html`${number(r.hits_per_day)}${r.noisy && html` <strong>${t('ui.rule.noisy')}</strong>`}`) },
		{ id: 'exclusions', label: t('ui.rule.exclusions'), width: 110, right: true, value: (r) => r.exclusions, off: true },
		{ id: 'changed_at', label: t('ui.rule.changed_at'), width: 150, value: (r) => r.changed_at, cell: (r) => html`<${Time} at=${r.changed_at} />`, off: true },
		{ id: 'status', label: t('ui.rule.status'), width: 120, value: (r) => r.status, off: true },
		{ id: 'path', label: t('ui.rule.path'), width: 320, value: (r) => r.path, cell: (r) => html`<code class="path">${r.path}</code>`, off: true },
	];
	const local = { ...localList(shown), path: list.path, loading: list.loading, error: list.error, reload: list.reload };
	return html`<${InForce} />
		<${Table} name="rules" label=${t('ui.rule.tab.rules')} list=${local} columns=${columns} rowHref=${(r) => `/rules/${r.id}`}
			filters=${NAMES.map((name) => html`<${Filter} key=${name} name=${name} label=${t(`ui.rule.${name}`)} options=${options[name]} />`)}
			tools=${html`<${Bulk} query=${query} shown=${shown.length} />`}
			empty=${html`<${Empty} title=${t('ui.rule.empty')}>${t('ui.rule.empty_hint')}<//>`} />`;
}

function One({ id }) {
	const { data: rule, error, loading, reload } = useGet(`/rules/${id}`, null, { events: ['rule.'] });
	const [editing, setEditing] = useState(null);
	const back = { href: href('/rules'), label: t('ui.page.rules') };
	if (error) return html`<div class="page"><${PageHead} title=${t('ui.page.rules')} back=${back} /><${ProblemBox} problem=${error} retry=${reload} /></div>`;
	if (!rule) return html`<div class="page"><${PageHead} title=${t('ui.page.rules')} back=${back} />${loading && html`<${Loading} />`}</div>`;
	return html`<div class="page"><${RuleDetail} rule=${rule} back=${back} reload=${reload} onEdit=${() => setEditing(rule.origin === 'written' ? 'change' : 'copy')} />
		${editing && html`<${RuleEditor} rule=${rule} mode=${editing} onClose=${() => setEditing(null)} onSaved=${(saved) => {
			setEditing(null);
			toast(t('ui.rule.saved', { title: saved.title }));
			if (saved.id === rule.id) reload();
			else go(`/rules/${saved.id}`);
		}} />`}</div>`;
}

export default function RulesPage({ id }) {
	const { query } = useRoute();
	// A search made a rule: it waits as the draft of a new one.
	const [writing, setWriting] = useState(query.get('new') === '1' && can('rule.write'));
	if (id) return html`<${One} key=${id} id=${id} />`;
	const tab = TABS.includes(query.get('tab')) ? query.get('tab') : 'rules';
	return html`<div class="page fill">
		<${PageHead} title=${t('ui.page.rules')} sub=${t(`ui.rule.sub.${tab}`)}>${can('rule.write') && tab === 'rules' && html`<button type="button" class="primary" onClick=${() => setWriting(true)}>${t('ui.rule.new')}</button>`}<//>
		<${Tabs} label=${t('ui.page.rules')} value=${tab} items=${TABS.map((one) => ({ id: one, label: t(`ui.rule.tab.${one}`), href: href('/rules', one === 'rules' ? {} : { tab: one }) }))} />
		${tab === 'rules' ? html`<${Rules} query=${query} />` : tab === 'archives' ? html`<${Archives} />` : html`<${Indicators} />`}
		${writing && html`<${RuleEditor} mode="new" onClose=${() => { setWriting(false); setQuery({ new: null }); }} onSaved=${(saved) => go(`/rules/${saved.id}`)} />`}
	</div>`;
}
