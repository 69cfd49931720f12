// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// What is silenced for a while: by whom, why, until when, and how much it has swallowed.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number } from '../lib/format.js';
import { useRoute, href } from '../lib/router.js';
import { useList } from '../lib/data.js';
import { post } from '../lib/api.js';
import { can } from '../lib/session.js';
import { PageHead, State, Time, Ago, Empty, Tabs } from '../parts/bits.js';
import { Table, listQuery } from '../parts/table.js';
import { Confirm } from '../parts/dialog.js';

export default function Suppressions() {
	const { query } = useRoute();
	const [ending, setEnding] = useState(null);
	const state = query.get('tab') === 'over' ? 'over' : 'active';
	const list = useList('/suppressions', { ...listQuery(query, ['unit']), state }, { events: ['alert.'], sorts: { created_at: 'created_at', expires_at: 'expires_at', swallowed: 'swallowed' } });
	const where = (x) => [x.entity, x.endpoint?.hostname ?? x.host, x.unit?.name].filter(Boolean).join(' · ');
	const columns = [
		{ id: 'rule_title', label: t('ui.suppression.rule'), width: 220, value: (x) => x.rule_title },
		{ id: 'where', label: t('ui.suppression.where'), width: 200, field: null, value: where },
		{ id: 'reason', label: t('ui.suppression.reason'), width: 190, value: (x) => x.reason },
		{ id: 'author', label: t('ui.suppression.author'), field: 'author.name', width: 140, value: (x) => x.author?.name },
		{ id: 'expires_at', label: t('ui.suppression.expires'), width: 150, value: (x) => x.expires_at, cell: (x) => html`<${Time} at=${x.expires_at} />` },
		{ id: 'swallowed', label: t('ui.suppression.swallowed'), width: 110, right: true, value: (x) => x.swallowed, cell: (x) => number(x.swallowed) },
		{ id: 'swallowed_at', label: t('ui.suppression.swallowed_at'), width: 140, off: true, value: (x) => x.swallowed_at, cell: (x) => html`<${Ago} at=${x.swallowed_at} />` },
		{ id: 'state', label: t('ui.suppression.state'), width: 120, off: state === 'active', value: (x) => x.state, cell: (x) => html`<${State} group="suppression" value=${x.state} />` },
		...(can('alert.suppress') && state === 'active' ? [{ id: 'do', label: t('ui.table.actions'), width: 110, cell: (x) => html`<button type="button" class="small" onClick=${() => setEnding(x)}>${t('ui.suppression.end')}</button>` }] : []),
	];
	return html`<div class="page fill">
		<${PageHead} title=${t('ui.page.suppressions')} sub=${t('ui.suppression.sub')} />
		<${Tabs} label=${t('ui.page.suppressions')} value=${state} items=${['active', 'over'].map((id) => ({ id, label: t(`ui.suppression.tab.${id}`), href: href('/suppressions', { tab: id }), count: id === state ? list.total : null }))} />
		<${Table} name="suppressions" label=${t('ui.page.suppressions')} list=${list} columns=${columns} empty=${html`<${Empty} title=${t('ui.suppression.empty')}>${t('ui.suppression.empty_hint')}<//>`} />
		${ending && html`<${Confirm} title=${t('ui.suppression.end')} consequence=${t('ui.suppression.end_consequence', { rule: ending.rule_title })} action=${t('ui.suppression.end')} onClose=${() => setEnding(null)} onDo=${async () => {
			await post(`/suppressions/${ending.id}/end`, undefined, { etag: ending.etag });
			list.reload();
		}} />`}
	</div>`;
}
