// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Beside the rows: the most frequent values of some fields, and the menus: saved searches, evidence, a rule of the query.
import { html, useState, useRef, useMemo } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number, dateTime } from '../lib/format.js';
import { get, post, remove, takeFile } from '../lib/api.js';
import { useGet } from '../lib/data.js';
import { useRoute, go } from '../lib/router.js';
import { can, session } from '../lib/session.js';
import { useAnswer } from '../lib/event_search.js';
import { writeDraft } from '../lib/draft.js';
import { Dialog } from './dialog.js';
import { Loading, ProblemBox, Copyable } from './bits.js';
import { Icon } from './icons.js';
import { act, toast } from './toast.js';

export const FACETS = ['unit.id', 'host.name', 'source', 'event.code', 'user.name', 'process.name', 'source.ip'];

const NO_UNIT = '00000000-0000-0000-0000-000000000000';
const shown = (facet, one, sources) => (facet.field === 'unit.id' && one.value === NO_UNIT ? t('ui.search.no_unit') : one.label || (facet.field === 'source' && sources?.get(one.value)) || one.value);

function Facet({ facet, most, sources, onTerm }) {
	return html`<section class="facet"><h3>${facet.field === 'unit.id' ? t('ui.unit.one') : facet.field}</h3>
		${!facet.values.length && html`<p class="muted">${t('ui.search.no_values')}</p>`}
		<ul>${facet.values.slice(0, most).map((one) => html`<li key=${one.value}>
			<button type="button" class="facet-value" title=${`${t('ui.search.include')}: ${shown(facet, one, sources)}`} onClick=${() => onTerm(facet.field, one.value, false)}>${shown(facet, one, sources)}</button>
			<span class="muted">${one.exact ? '' : '≈'}${number(one.count)}</span>
			<button type="button" class="small ghost" title=${t('ui.search.exclude')} aria-label=${`${t('ui.search.exclude')}: ${shown(facet, one, sources)}`} onClick=${() => onTerm(facet.field, one.value, true)}>－</button></li>`)}</ul></section>`;
}

export function Facets({ asked, fields, onTerm }) {
	const [extra, setExtra] = useState('');
	const names = extra ? [...FACETS, extra] : FACETS;
	const known = useGet(can('source.read') ? '/sources' : null, { limit: 500 });
	const sources = useMemo(() => new Map((known.data?.items ?? []).map((one) => [`source-${one.id}`, one.name])), [known.data]);
	const { data, error, loading } = useAnswer('/events/facets', { ...asked, field: names });
	return html`<aside class="facets" aria-label=${t('ui.search.facets')}>
		<label class="filter"><span class="hidden">${t('ui.search.other_field')}</span><select value=${extra} onChange=${(event) => setExtra(event.target.value)}><option value="">${t('ui.search.other_field')}</option>${fields.filter((name) => !FACETS.includes(name) && name !== 'raw').map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select></label>
		${data?.at_least && html`<p class="muted" role="note">${t('ui.search.facets_part', { count: number(data.rows), time: dateTime(data.counted_from) })}</p>`}
		${error ? html`<${ProblemBox} problem=${error} />` : !data && loading ? html`<${Loading} />` : (data?.items ?? []).slice().reverse().sort((a, b) => (b.field === extra) - (a.field === extra) || names.indexOf(a.field) - names.indexOf(b.field)).map((facet) => html`<${Facet} key=${facet.field} facet=${facet} most=${facet.field === extra ? 12 : 6} sources=${sources} onTerm=${onTerm} />`)}
	</aside>`;
}

export function Saved({ text }) {
	const { query } = useRoute();
	const { data, error, reload } = useGet('/events/saved', { limit: 500 });
	const [name, setName] = useState('');
	const [shared, setShared] = useState(false);
	const unit = session.get().account.unit;
	const save = (event) => {
		event.preventDefault();
		const state = new URLSearchParams([...query].filter(([key]) => ['last', 'from', 'to', 'cols'].includes(key))).toString();
		return name.trim() && act(async () => {
			await post('/events/saved', { name: name.trim(), query: text, state, unit_id: shared && unit ? unit.id : null });
			setName('');
			await reload();
		}, t('ui.search.saved_done', { name: name.trim() }));
	};
	const menu = useRef(null);
	const open = (one) => {
		menu.current.open = false;
		go('/search', { ...Object.fromEntries(new URLSearchParams(one.state)), query: one.query });
	};
	return html`<details class="menu" ref=${menu}><summary class="button small"><${Icon} name="star" />${t('ui.search.saved')}</summary><div class="menu-body saved">
		<${ProblemBox} problem=${error} />
		${(data?.items ?? []).map((one) => html`<div class="menu-row" key=${one.id}><button type="button" class="small ghost" onClick=${() => open(one)}>${one.name}${!one.own && html` <span class="muted">${one.owner?.name}</span>`}</button>
			${one.own && html`<button type="button" class="small ghost" onClick=${() => act(async () => { await remove(`/events/saved/${one.id}`); await reload(); })}>${t('ui.search.forget')}</button>`}</div>`)}
		<form onSubmit=${save}><input value=${name} maxlength="100" aria-label=${t('ui.search.name')} placeholder=${t('ui.search.name')} onInput=${(event) => setName(event.target.value)} />
			${unit && html`<label class="check"><input type="checkbox" checked=${shared} onChange=${(event) => setShared(event.target.checked)} />${t('ui.search.share', { unit: unit.name })}</label>`}<button class="small">${t('ui.action.save')}</button></form>
	</div></details>`;
}

export function Export({ asked, total, atLeast }) {
	const take = (as) => {
		takeFile('/events/export', { ...asked, as });
		toast(t('ui.search.exporting'));
	};
	return html`<details class="menu"><summary class="button small"><${Icon} name="download" />${t('ui.search.export')}</summary><div class="menu-body">
		<p class="muted">${t(atLeast ? 'ui.search.export_hint_many' : 'ui.search.export_hint', { count: total ?? 0 })}</p>
		${['jsonl', 'parquet'].map((as) => html`<button type="button" key=${as} class="small ghost" disabled=${total === 0 && !atLeast} onClick=${() => take(as)}><${Icon} name="download" />${t(`ui.search.export.${as}`)}</button>`)}
	</div></details>`;
}

// Two presses: this one, and the one that opens the editor; what it would have found stands between them.
export function MakeRule({ asked }) {
	const [rule, setRule] = useState(null);
	const make = () => act(async () => setRule(await get('/events/rule', asked)));
	const open = () => {
		writeDraft('rule.new', { text: rule.text });
		go('/rules', { new: 1 });
	};
	return html`<button type="button" class="small" onClick=${make}><${Icon} name="shield" />${t('ui.search.rule')}</button>
		${rule && html`<${Dialog} title=${t('ui.search.rule_title')} wide onClose=${() => setRule(null)}><div class="form">
			<p class="lead"><strong>${t(rule.at_least ? 'ui.search.rule_count_least' : 'ui.search.rule_count', { count: rule.events })}</strong> <span>${t('ui.search.rule_where', { hosts: number(rule.hosts), units: number(rule.units), from: dateTime(rule.counted_from > rule.from ? rule.counted_from : rule.from), to: dateTime(rule.to) })}</span></p>
			<pre>${rule.text}</pre>
			<footer>${can('rule.write') ? html`<button type="button" class="primary" data-first onClick=${open}>${t('ui.search.rule_open')}</button>` : html`<${Copyable} text=${rule.text} show=${t('ui.search.rule_copy')} block />`}</footer>
		</div><//>`}`;
}
