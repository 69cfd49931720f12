// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Records from a spreadsheet: the server says what each row would do; only a file without a refused row can be confirmed.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { post } from '../lib/api.js';
import { Loading, ProblemBox } from './bits.js';
import { Dialog } from './dialog.js';
import { act } from './toast.js';

const SHOWN = 500;

// "Row 7, column D", or only the row when no cell is to blame.
const place = (item) => (item.cell ? t('ui.import.cell', { row: item.row, column: item.cell.replace(/\d+$/, '') }) : t('ui.import.row_n', { row: item.row }));

// columns: [[member, heading]]; done: the sentence after it, of the counts.
export function ImportDialog({ path, title, hint, columns, done, reload, onClose }) {
	const [file, setFile] = useState(null);
	const [preview, setPreview] = useState(null);
	const [problem, setProblem] = useState(null);
	const [busy, setBusy] = useState(false);
	const send = async (chosen, mode) => {
		setBusy(true);
		setProblem(null);
		try {
			const answer = await post(path, chosen, { query: { mode } });
			setPreview(answer);
			if (!answer.applied) return;
			onClose();
			await act(reload, done(answer.counts));
		} catch (error) {
			setPreview(null);
			setProblem(error);
		} finally {
			setBusy(false);
		}
	};
	const choose = (event) => {
		const [chosen] = event.target.files;
		setFile(chosen ?? null);
		setPreview(null);
		if (chosen) send(chosen, 'preview');
	};
	const counts = preview?.counts;
	const ready = counts && counts.refused === 0 && counts.created + counts.changed > 0;
	// What has to be mended first.
	const items = (preview?.items ?? []).filter((item) => item.fate !== 'unchanged').sort((a, b) => (b.fate === 'refused') - (a.fate === 'refused') || a.row - b.row);
	return html`<${Dialog} title=${title} wide onClose=${onClose}>
		<div class="dialog-body"><p>${hint}</p>
		<label class="field"><span>${t('ui.import.file')}</span><input type="file" accept=".xlsx,.csv" disabled=${busy} onChange=${choose} /></label>
		<${ProblemBox} problem=${problem} retry=${file && (() => send(file, 'preview'))} />
		${busy && html`<${Loading} />`}
		${counts && html`<p role="status">${t('ui.import.counts', counts)}</p>
			${counts.refused > 0 && html`<p class="problem-text">${t('ui.import.refused')}</p>`}
			<div class="plain-scroll"><table class="plain-table wide import-rows"><thead><tr><th>${t('ui.import.place')}</th>${columns.map(([member, heading]) => html`<th key=${member}>${heading}</th>`)}<th>${t('ui.import.fate')}</th></tr></thead>
			<tbody>${items.slice(0, SHOWN).map((item) => html`<tr key=${item.row} class=${item.fate}><td>${place(item)}</td>${columns.map(([member]) => html`<td key=${member}>${item[member]}</td>`)}<td>${t(`ui.import.fate_${item.fate}`)}${item.reason ? `: ${item.reason}` : ''}</td></tr>`)}</tbody></table></div>
			${items.length > SHOWN && html`<p class="muted">${t('ui.import.more', { count: items.length - SHOWN })}</p>`}`}
		</div>
		<footer><button type="button" onClick=${onClose}>${t('ui.action.cancel')}</button><button type="button" class="primary" disabled=${!ready || busy} onClick=${() => send(file, 'apply')}>${t('ui.import.apply')}</button></footer>
	<//>`;
}
