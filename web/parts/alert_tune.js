// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// "Too much noise": what of this alert is normal here becomes an exclusion of its rule, with what it would have hidden before it is saved.
import { html, useEffect, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number } from '../lib/format.js';
import { post, remove } from '../lib/api.js';
import { href } from '../lib/router.js';
import { Severity, Ago, ProblemBox } from './bits.js';
import { Dialog } from './dialog.js';
import { Form, useForm } from './form.js';
import { toast } from './toast.js';
import { hostOf } from './alert_dialogs.js';

const OPS = ['is', 'starts', 'ends', 'contains'];
const MODIFIERS = { is: '', starts: '|startswith', ends: '|endswith', contains: '|contains' };
const DAYS = [7, 30, 90, 365], WAIT_MS = 350;

// Sigma: a backslash before a wildcard or another backslash takes its meaning away; elsewhere it is itself. Control characters need the
// other kind of quotes, which JSON shares with YAML.
const literal = (value) => {
	const plain = value.replace(/\\(?=[\\*?]|$)|[*?]/g, '\\$&');
	return /[\x00-\x1f\x7f-\x9f]/.test(plain) ? JSON.stringify(plain) : `'${plain.replaceAll("'", "''")}'`;
};
const keyOf = (key) => (/^[\w.|]+$/.test(key) ? key : `'${key.replaceAll("'", "''")}'`);
// Two values of one field would be one key of the mapping: then each is a mapping of its own name with "all".
export const conditionOf = (tests) => {
	const by = new Map();
	for (const one of tests) by.set(one.field + MODIFIERS[one.op], [...(by.get(one.field + MODIFIERS[one.op]) ?? []), one.value]);
	return [...by].map(([key, values]) => (values.length > 1 ? `${keyOf(`${key}|all`)}: [${values.map(literal).join(', ')}]` : `${keyOf(key)}: ${literal(values[0])}`)).join('\n');
};

// What the rule matched; of equal ones the first. Longer values were cut when they were kept.
const MOST = 8, CUT = 396, bytesOf = (text) => new TextEncoder().encode(text).length;
const rowsOf = (alert) => {
	const seen = new Set();
	return (alert.why ?? []).map((one) => ({ field: one.field, value: String(one.value ?? '') })).filter((one) => one.field && one.value && !seen.has(`${one.field}\n${one.value}`) && seen.add(`${one.field}\n${one.value}`)).slice(0, MOST)
		.map((one) => ({ ...one, on: true, op: bytesOf(one.value) >= CUT ? 'starts' : 'is' }));
};

function Tests({ rows, setRows }) {
	const change = (at, more) => setRows((now) => now.map((row, i) => (i === at ? { ...row, ...more } : row)));
	return html`<fieldset class="tune-tests"><legend class="label">${t('ui.tune.what')}</legend>
		${rows.map((row, i) => html`<div class="tune-row" key=${i}>
			<label class="radio"><input type="checkbox" checked=${row.on} onChange=${(e) => change(i, { on: e.target.checked })} /><code title=${row.field}>${row.field}</code></label>
			<select aria-label=${t('ui.tune.op_of', { field: row.field })} disabled=${!row.on} onChange=${(e) => change(i, { op: e.target.value })}>${OPS.map((op) => html`<option key=${op} value=${op} selected=${op === row.op}>${t(`ui.tune.op.${op}`)}</option>`)}</select>
			<input aria-label=${t('ui.tune.value_of', { field: row.field })} disabled=${!row.on} maxlength="2000" spellcheck="false" value=${row.value} onInput=${(e) => change(i, { value: e.target.value })} />
		</div>`)}
		<span class="hint">${t('ui.tune.what_hint')}</span></fieldset>`;
}

function Preview({ state }) {
	if (state.problem) return html`<${ProblemBox} problem=${state.problem} />`;
	if (!state.data) return html`<p class="muted">${t(state.none ? 'ui.tune.none_chosen' : 'ui.tune.counting')}</p>`;
	const { hidden, all, days, sample } = state.data, grave = hidden.critical + hidden.incidents;
	return html`<div class=${`tune-preview${state.stale ? ' stale' : ''}`} aria-live="polite">
		<p class="lead">${t('ui.tune.preview', { days, hidden: number(hidden.alerts), all: number(all.alerts), findings: number(hidden.findings), machines: number(hidden.machines), units: number(hidden.units) })}</p>
		${grave > 0 && html`<p class="note">${t('ui.tune.grave', { critical: number(hidden.critical), incidents: number(hidden.incidents) })}</p>`}
		${sample.length > 0 && html`<ul class="near">${sample.slice(0, 3).map((one) => html`<li key=${one.id}><${Severity} value=${one.severity} /><span class="queue-where">${[hostOf(one), one.unit?.name].filter(Boolean).join(' · ')}</span><${Ago} at=${one.last_at} /></li>`)}</ul>`}
	</div>`;
}

// Asked a moment after the last change; an answer to what is no longer asked is dropped.
function usePreview(alert, tests, unit) {
	const [state, setState] = useState({});
	const key = JSON.stringify([tests, unit]);
	useEffect(() => {
		if (!tests.length) return setState({ none: true }), undefined;
		let over = false;
		setState((now) => ({ ...now, none: false, stale: true }));
		const timer = setTimeout(async () => {
			try {
				const data = await post(`/alerts/${alert.id}/tuning`, { tests, ...(unit && { unit_id: unit }) });
				if (!over) setState({ data });
			} catch (problem) {
				if (problem.detail === undefined) throw problem;
				if (!over) setState({ problem });
			}
		}, WAIT_MS);
		return () => { over = true; clearTimeout(timer); };
	}, [key]);
	return state;
}

export function TuneDialog({ alert, reload, onClose }) {
	const [rows, setRows] = useState(() => rowsOf(alert));
	const units = Boolean(alert.endpoint && alert.unit);
	const form = useForm({ draft: `alert.tune.${alert.id}`, initial: { scope: units ? 'unit' : 'city', days: '90', reason: '', open: 'close' } });
	const tests = rows.filter((row) => row.on && row.value.trim()).map(({ field, op, value }) => ({ field, op, value }));
	const unit = form.values.scope === 'unit' ? alert.unit?.id : null;
	const state = usePreview(alert, tests, unit);
	const rule = state.data?.rule, open = state.data?.open ?? [];
	const fields = [
		{ name: 'scope', type: 'radio', label: t('ui.tune.scope'), required: true, options: [...(units ? ['unit'] : []), 'city'].map((value) => ({ value, label: t(`ui.alert.scope.${value}`, { unit: alert.unit?.name ?? '–' }) })) },
		{ name: 'reason', type: 'textarea', rows: 2, max: 2000, label: t('ui.alert.suppress_reason'), required: true, hint: t('ui.tune.reason_example') },
		{ name: 'days', type: 'radio', label: t('ui.alert.suppress_days'), required: true, options: DAYS.map((days) => ({ value: String(days), label: t('ui.alert.days', { count: days }) })) },
		...(open.length ? [{ name: 'open', type: 'radio', label: t('ui.tune.open', { count: open.length }), required: true, options: ['close', 'keep'].map((value) => ({ value, label: t(`ui.alert.suppress_open.${value}`) })) }] : []),
	];
	const send = async (values) => {
		const body = { reason: values.reason, condition: conditionOf(tests), expires_at: new Date(Date.now() + Number(values.days) * 86400000 - 60000).toISOString(), ...(unit && { unit_id: unit }) };
		const known = await post(`/rules/${rule.id}/exclusions`, body);
		const made = known.exclusion_list.filter((one) => one.state === 'active' && one.reason === values.reason).sort((a, b) => (a.id < b.id ? 1 : -1))[0];
		const closed = values.open === 'close' && open.length ? await post('/alerts/together', { do: 'close', resolution: 'false_positive', note: values.reason, alerts: open.map(({ id, etag }) => ({ id, etag })) }) : null;
		onClose();
		await reload();
		toast(closed ? t('ui.tune.done_closed', { count: closed.changed.length }) : t('ui.tune.done'), { undo: async () => {
			await remove(`/rules/${rule.id}/exclusions/${made.id}`);
			if (closed?.changed.length) {
				const again = await post('/alerts/together', { do: 'reopen', alerts: closed.changed });
				const fresh = new Set(open.filter((one) => one.state === 'new').map((one) => one.id)), back = again.changed.filter((one) => fresh.has(one.id));
				if (back.length) await post('/alerts/together', { do: 'release', alerts: back });
			}
			await reload();
		} });
	};
	const ready = rule && tests.length > 0;
	return html`<${Dialog} title=${t('ui.tune.title', { rule: alert.title })} onClose=${onClose} wide>
		<div class="dialog-body"><p class="muted">${t('ui.tune.intro')}</p>
			${rows.length ? html`<${Tests} rows=${rows} setRows=${setRows} />` : html`<p class="note">${t('ui.tune.no_fields')}</p>`}
			<${Preview} state=${state} />
			${state.data && !rule && html`<p class="note">${t('ui.tune.no_rule')}</p>`}
			${rule && html`<p class="muted"><a href=${href(`/rules/${rule.id}`)}>${t('ui.tune.by_hand')}</a></p>`}</div>
		${ready ? html`<${Form} form=${form} fields=${fields} submit=${t('ui.tune.save')} onCancel=${onClose} onSubmit=${send} />` : html`<footer><button type="button" onClick=${onClose}>${t('ui.action.cancel')}</button></footer>`}
	<//>`;
}
