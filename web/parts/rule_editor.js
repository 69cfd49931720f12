// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Writing a rule: checked as it is typed, tried on an event with the reason why, replayed over history, then saved.
import { html, useState, useEffect, useRef } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { post, patch } from '../lib/api.js';
import { readDraft, writeDraft, dropDraft } from '../lib/draft.js';
import { Dialog } from './dialog.js';
import { ProblemBox } from './bits.js';
import { Replay } from './rule_replay.js';

const CHECK_MS = 400;

const template = () => `title: ${t('ui.rule.template_title')}
id: ${crypto.randomUUID()}
status: experimental
level: medium
logsource:
  category: process_creation
  product: windows
detection:
  selection:
    CommandLine|contains: luytre-thu-nghiem
  condition: selection
`;

// A copy is a rule of its own: it needs an id of its own, or both would be one.
const copied = (text) => {
	const id = crypto.randomUUID();
	return /^id:.*$/m.test(text) ? text.replace(/^id:.*$/m, `id: ${id}`) : text.replace(/^(title:.*)$/m, `$1\nid: ${id}`);
};

// The tree of a condition as nested lists.
function Why({ node }) {
	const mark = node.holds ? '✓' : '✗';
	if (node.kind === 'test') return html`<li><span class=${node.holds ? 'why-yes' : 'why-no'}>${mark}</span> <code>${node.field || t('ui.rule.any_field')}</code> ${node.test}${node.present === false ? html` <span class="muted">${t('ui.rule.field_absent')}</span>` : node.values?.length > 0 && html` <span class="muted">= ${node.values.join(' | ').slice(0, 300)}</span>`}</li>`;
	return html`<li><span class=${node.holds ? 'why-yes' : 'why-no'}>${mark}</span> ${node.identifier ? html`<strong>${node.identifier}</strong> ` : ''}${t(`ui.rule.why.${node.kind}`)}<ul>${node.of.map((child, i) => html`<${Why} key=${i} node=${child} />`)}</ul></li>`;
}

function Tried({ result }) {
	if (!result) return null;
	if (result.error) return html`<p class="error" role="alert">${result.error.text}</p>`;
	const x = result.explain;
	return html`<div role="status"><p><strong>${t(result.matches.length ? 'ui.rule.it_fires' : 'ui.rule.it_does_not')}</strong>
		${x && !x.logsource.applies && html` ${t('ui.rule.other_source')}`}</p>${x && html`<ul class="why-tree"><${Why} node=${x.condition} /></ul>`}</div>`;
}

export function RuleEditor({ rule, mode, onClose, onSaved }) {
	const draft = `rule.${mode === 'new' ? 'new' : rule.id}`;
	const [text, setText] = useState(() => readDraft(draft)?.text ?? (mode === 'new' ? template() : mode === 'copy' ? copied(rule.text) : rule.text));
	const [event, setEvent] = useState('');
	const [checked, setChecked] = useState(null);
	const [problem, setProblem] = useState(null);
	const [busy, setBusy] = useState(false);
	const [past, setPast] = useState(false);
	const area = useRef(null), asked = useRef(0);
	useEffect(() => {
		writeDraft(draft, { text });
		const turn = ++asked.current;
		const timer = setTimeout(async () => {
			try {
				const answer = await post('/rules/check', { text, ...(event.trim() ? { events: [event.trim()] } : {}) }, { quiet: true });
				if (turn === asked.current) {
					setChecked({ ...answer, text });
					setProblem(null);
				}
			} catch (error) {
				if (error.detail === undefined) throw error;
				if (turn === asked.current) setProblem(error);
			}
		}, CHECK_MS);
		return () => clearTimeout(timer);
	}, [text, event]);
	const show = (fault) => {
		const lines = text.split('\n');
		const at = lines.slice(0, Math.max(0, fault.line - 1)).reduce((sum, line) => sum + line.length + 1, 0);
		area.current.focus();
		area.current.setSelectionRange(at, at + (lines[fault.line - 1]?.length ?? 0));
	};
	const save = async () => {
		setBusy(true);
		try {
			const saved = mode === 'change' ? await patch(`/rules/${rule.id}`, { text }, rule.etag) : await post('/rules', { text });
			dropDraft(draft);
			onSaved(saved);
		} catch (error) {
			if (error.detail === undefined) throw error;
			setProblem(error);
		}
		setBusy(false);
	};
	const current = checked?.text === text;
	return html`<${Dialog} title=${t(mode === 'new' ? 'ui.rule.new' : mode === 'copy' ? 'ui.rule.copy' : 'ui.rule.edit')} onClose=${onClose} wide className="editor">
		<div class="dialog-body">
			<label class="field"><span class="label">${t('ui.rule.text')}</span>
				<textarea ref=${area} data-first class="code" rows="16" spellcheck=${false} autocapitalize="none" value=${text} onInput=${(e) => setText(e.target.value)} aria-describedby="rule-faults"></textarea></label>
			<div id="rule-faults" role="status">${!current ? html`<span class="muted">${t('ui.rule.checking')}</span>` : checked.ok ? html`<span class="state state-good"><i aria-hidden="true"></i>${t('ui.rule.good', { title: checked.rules.map((one) => one.title).join(', ') })}</span>`
				: html`<ul class="faults">${checked.faults.map((fault) => html`<li><button type="button" class="small ghost" onClick=${() => show(fault)}>${t('ui.rule.at_line', { line: fault.line, column: fault.column })}</button> <span class="error">${fault.text}</span></li>`)}</ul>`}</div>
			<label class="field"><span class="label">${t('ui.rule.try_event')} <span class="muted">${t('ui.form.optional')}</span></span>
				<textarea class="code" rows="4" spellcheck=${false} value=${event} onInput=${(e) => setEvent(e.target.value)}></textarea><span class="hint">${t('ui.rule.try_event_hint')}</span></label>
			${current && checked.ok && html`<${Tried} result=${checked.results[0]} />`}
			<details open=${past} onToggle=${(e) => setPast(e.target.open)}><summary>${t('ui.rule.replay')}</summary>${past && html`<p class="muted">${t('ui.rule.replay_hint')}</p><${Replay} text=${text} />`}</details>
			<${ProblemBox} problem=${problem} />
		</div>
		<footer><button type="button" onClick=${onClose}>${t('ui.action.cancel')}</button><button type="button" class="primary" disabled=${busy || !current || !checked.ok} onClick=${save}>${t('ui.action.save')}</button></footer>
	<//>`;
}
