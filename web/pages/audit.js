// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// The audit log: who did or read what, when, from where; and the check that nothing in it was changed.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number } from '../lib/format.js';
import { useRoute, setQuery } from '../lib/router.js';
import { useList } from '../lib/data.js';
import { post } from '../lib/api.js';
import { PageHead, Time, Empty, Facts, ProblemBox, Copyable } from '../parts/bits.js';
import { Table, listQuery } from '../parts/table.js';
import { Dialog } from '../parts/dialog.js';

function Verdict({ result }) {
	if (!result) return null;
	if (result.busy) return html`<p class="verdict" role="status">${t('ui.audit.verifying')}</p>`;
	if (result.problem) return html`<${ProblemBox} problem=${result.problem} />`;
	return result.ok
		? html`<p class="verdict good" role="status">${t('ui.audit.intact', { count: result.records })} <code title=${result.head}>${result.head?.slice(0, 16)}…</code></p>`
		: html`<p class="verdict bad" role="alert">${t('ui.audit.broken', { number: number(result.bad_number) })}</p>`;
}

const unitName = (unit) => (unit && typeof unit === 'object' ? unit.name : unit);

export default function Audit() {
	const { query } = useRoute();
	const [result, setResult] = useState(null);
	const list = useList('/audit', listQuery(query, ['action', 'account', 'from', 'to']), { id: 'number' });
	const columns = [
		{ id: 'number', label: t('ui.audit.number'), width: 90, right: true, value: (r) => r.number, cell: (r) => number(r.number) },
		{ id: 'at', label: t('ui.audit.at'), width: 170, value: (r) => r.at, cell: (r) => html`<${Time} at=${r.at} seconds />` },
		{ id: 'account_name', label: t('ui.audit.who'), width: 170, value: (r) => r.account_name },
		{ id: 'action', label: t('ui.audit.action'), width: 200, value: (r) => r.action, cell: (r) => html`<code>${r.action}</code>` },
		{ id: 'object_type', label: t('ui.audit.object'), width: 180, value: (r) => [r.object_type, r.object_id].filter(Boolean).join(' '), cell: (r) => html`<span title=${r.object_id}>${r.object_type}${r.object_id && ` ${r.object_id.slice(0, 8)}…`}</span>` },
		{ id: 'unit', label: t('ui.unit.one'), field: 'unit.name', width: 180, value: (r) => unitName(r.unit) },
		{ id: 'peer', label: t('ui.audit.peer'), width: 130, value: (r) => r.peer },
		{ id: 'details', label: t('ui.audit.details'), width: 260, value: (r) => JSON.stringify(r.details ?? {}), cell: (r) => html`<code>${JSON.stringify(r.details ?? {})}</code>` },
	];
	const chosen = list.items.find((row) => row.id === query.get('record'));
	const verify = async () => {
		setResult({ busy: true });
		try {
			setResult(await post('/audit/verify'));
		} catch (problem) {
			setResult({ problem });
		}
	};
	return html`<div class="page fill">
		<${PageHead} title=${t('ui.page.audit')} sub=${t('ui.audit.sub')}><button type="button" class="primary" onClick=${verify}>${t('ui.audit.verify')}</button><//>
		<${Verdict} result=${result} />
		<${Table} name="audit" label=${t('ui.page.audit')} list=${list} columns=${columns} onOpen=${(r) => setQuery({ record: r.id }, { replace: false })} selected=${query.get('record')} empty=${html`<${Empty} title=${t('ui.audit.empty')} />`} />
		${chosen && html`<${Dialog} title=${t('ui.audit.record', { number: number(chosen.number) })} onClose=${() => setQuery({ record: null })} wide><div class="dialog-body">
			<${Facts} items=${[[t('ui.audit.at'), html`<${Time} at=${chosen.at} seconds />`], [t('ui.audit.who'), chosen.account_name], [t('ui.audit.action'), chosen.action], [t('ui.audit.object'), [chosen.object_type, chosen.object_id].filter(Boolean).join(' ')], [t('ui.unit.one'), unitName(chosen.unit)], [t('ui.audit.peer'), chosen.peer]]} />
			<pre>${JSON.stringify(chosen.details ?? {}, null, 2)}</pre><${Copyable} text=${chosen.hash ?? ''} /></div><//>`}
	</div>`;
}
