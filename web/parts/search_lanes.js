// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Beside the query bar: SQL for those who may see everything, and what the store would not take.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number, dateTime } from '../lib/format.js';
import { post } from '../lib/api.js';
import { useRoute, setQuery } from '../lib/router.js';
import { useAnswer, searchOf } from '../lib/event_search.js';
import { composing } from '../lib/keys.js';
import { Empty, Loading, ProblemBox, Reason } from './bits.js';
import { SearchBox } from './table.js';

const FIRST = 'SELECT host_name, count() AS n FROM event WHERE time > now() - INTERVAL 1 DAY GROUP BY host_name ORDER BY n DESC';

function Result({ result, limit }) {
	const rows = result.data.slice(0, limit);
	return html`<p role="status">${t('ui.search.rows', { count: rows.length })}${result.data.length > limit && html` <strong>${t('ui.search.rows_cut', { limit: number(limit) })}</strong>`}</p>
		<div class="sql-result" tabindex="0" role="region" aria-label=${t('ui.search.result')}><table class="plain-table wide"><thead><tr>${result.meta.map((column, i) => html`<th key=${i}>${column.name}</th>`)}</tr></thead>
			<tbody>${rows.map((row, i) => html`<tr key=${i}>${row.map((cell, j) => html`<td key=${j}>${cell === null ? '–' : typeof cell === 'object' ? JSON.stringify(cell) : String(cell)}</td>`)}</tr>`)}</tbody></table></div>`;
}

export function SqlLane() {
	const [sql, setSql] = useState(sessionStorage.getItem('search.sql') ?? FIRST);
	const [long, setLong] = useState(false);
	const [state, setState] = useState({});
	const run = async () => {
		sessionStorage.setItem('search.sql', sql);
		setState({ busy: true });
		try {
			setState({ answer: await post('/events/sql', { sql, long }) });
		} catch (problem) {
			if (problem.detail === undefined) throw problem;
			setState({ problem });
		}
	};
	const onKeyDown = (event) => {
		if (!composing(event) && event.code === 'Enter' && (event.ctrlKey || event.metaKey)) {
			event.preventDefault();
			run();
		}
	};
	return html`<section class="panel sql-lane"><p class="muted">${t('ui.search.sql_hint')}</p>
		<textarea rows="6" value=${sql} spellcheck=${false} aria-label=${t('ui.search.sql')} onInput=${(event) => setSql(event.target.value)} onKeyDown=${onKeyDown}></textarea>
		<p class="actions left"><button type="button" class="primary" disabled=${state.busy} onClick=${run}>${t('ui.search.run')}<kbd aria-hidden="true">Ctrl+Enter</kbd></button>
			<label class="check"><input type="checkbox" checked=${long} onChange=${(event) => setLong(event.target.checked)} />${t('ui.search.long')}</label></p>
		<${ProblemBox} problem=${state.problem} />${state.busy && html`<${Loading} />`}
		${state.answer && html`<${Result} result=${state.answer.result} limit=${state.answer.limit} />`}
	</section>`;
}

export function DeadLane() {
	const { query } = useRoute();
	const { last = '30d', from, to } = { ...searchOf(query), ...(query.get('last') || query.get('from') ? {} : { last: '30d' }) };
	const { data, error, loading } = useAnswer('/events/dead', { q: query.get('q') ?? '', last, from, to, limit: 500 });
	return html`<section class="panel"><p class="muted">${t('ui.search.dead_hint')}</p><${SearchBox} value=${query.get('q') ?? ''} onSearch=${(q) => setQuery({ q })} />
		<${ProblemBox} problem=${error} />
		${!data && loading && html`<${Loading} />`}
		${data && !data.items.length && html`<${Empty} title=${t('ui.search.dead_none')} />`}
		${data?.items.map((one) => html`<article class="dead" key=${one.id}><${Reason} one=${one} /><p class="muted">${[dateTime(one.received, true), one.unit?.name, one.source].filter(Boolean).join(' · ')}</p><pre>${one.raw}</pre></article>`)}
	</section>`;
}
