// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// "Would it have fired?": a rule over stored events, with progress, and what came of it.
import { html, useState, useEffect, useRef } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number } from '../lib/format.js';
import { get, post, remove } from '../lib/api.js';
import { Time, ProblemBox } from './bits.js';

const RANGES = [['1h', 3600], ['24h', 86400], ['7d', 7 * 86400], ['30d', 30 * 86400]];

function Found({ result }) {
	return html`<div class="replay-result">
		<p><strong>${t('ui.rule.replay_result', { matched: number(result.matched), events: number(result.events), units: number(result.unit_count), hosts: number(result.host_count) })}</strong>
			${result.noisy && html` <span class="state state-bad"><i aria-hidden="true"></i>${t('ui.rule.replay_noisy', { count: number(result.per_day) })}</span>`}
			${result.stopped && html` <span class="muted">${t('ui.rule.replay_stopped')}</span>`}
			${result.unreadable > 0 && html` <span class="muted">${t('ui.rule.replay_unreadable', { count: number(result.unreadable) })}</span>`}</p>
		${result.units.length > 0 && html`<p>${t('ui.unit.one')}: ${result.units.slice(0, 10).map((one) => `${one.name || '–'} (${number(one.count)})`).join(', ')}</p>`}
		${result.hosts.length > 0 && html`<p>${t('ui.rule.hosts')}: ${result.hosts.slice(0, 10).map((one) => `${one.name || '–'} (${number(one.count)})`).join(', ')}</p>`}
		${result.sample.length > 0 && html`<h3>${t('ui.rule.sample')}</h3><ul class="rows">${result.sample.map((one) => html`<li key=${one.event_id}><details><summary><${Time} at=${one.at} seconds /> ${one.host} <span class="muted">${one.rules.join(', ')}</span></summary><pre>${one.raw}</pre></details></li>`)}</ul>`}
	</div>`;
}

// text: what stands in an editor; ruleId: a stored rule.
export function Replay({ text, ruleId, onDone }) {
	const [range, setRange] = useState(86400);
	const [run, setRun] = useState(null);
	const [problem, setProblem] = useState(null);
	const alive = useRef(true);
	useEffect(() => () => (alive.current = false), []);
	const start = async () => {
		setProblem(null);
		try {
			const to = new Date(), from = new Date(to - range * 1000);
			let now = await post('/rule-replays', { ...(text === undefined ? {} : { text }), ...(ruleId ? { rule_id: ruleId } : {}), from: from.toISOString(), to: to.toISOString() });
			now = { ...now, state: 'running', done: 0, total: 0 };
			while (now.state === 'running' && alive.current) {
				setRun(now);
				await new Promise((wake) => setTimeout(wake, 500));
				now = await get(`/rule-replays/${now.id}`);
			}
			if (alive.current) setRun(now);
			onDone?.();
		} catch (error) {
			if (error.detail === undefined) throw error;
			setRun(null);
			setProblem(error);
		}
	};
	const running = run?.state === 'running';
	return html`<div class="replay"><div class="actions left">
			<label class="filter"><span>${t('ui.rule.range')}</span><select value=${range} onChange=${(e) => setRange(Number(e.target.value))}>${RANGES.map(([name, seconds]) => html`<option value=${seconds} selected=${seconds === range}>${t(`ui.rule.range.${name}`)}</option>`)}</select></label>
			<button type="button" disabled=${running} onClick=${start}>${t('ui.rule.replay_start')}</button>
			${running && html`<button type="button" class="danger-quiet" onClick=${() => remove(`/rule-replays/${run.id}`)}>${t('ui.action.cancel')}</button>`}</div>
		<${ProblemBox} problem=${problem} />
		${running && html`<p role="status"><progress value=${run.total ? run.done : undefined} max=${run.total || 1} aria-label=${t('ui.rule.replay')}></progress> ${t('ui.rule.replay_progress', { done: number(run.done), total: number(run.total), matched: number(run.matched ?? 0) })}</p>`}
		${run?.state === 'cancelled' && html`<p role="status">${t('ui.rule.replay_cancelled')}</p>`}
		${run?.problem && run.state === 'failed' && html`<p role="alert" class="error">${run.problem}</p>`}
		${run?.state === 'done' && run.result && html`<${Found} result=${run.result} />`}</div>`;
}
