// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Four eyes: what waits for a second person, what became of it.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { useRoute, href } from '../lib/router.js';
import { useList } from '../lib/data.js';
import { post } from '../lib/api.js';
import { PageHead, State, Time, Ago, Empty, Loading, ProblemBox, Tabs } from '../parts/bits.js';
import { Confirm } from '../parts/dialog.js';
import { act, toast } from '../parts/toast.js';

function Deed({ one, onDecide }) {
	const waits = one.state === 'waiting';
	return html`<li><div class="deed"><strong>${one.action_label}: ${one.label}</strong>
			<span class="muted">${t('ui.approval.asked', { name: one.asked_by?.name ?? '' })} <${Time} at=${one.asked_at} /> · ${one.unit?.name}</span>
			${one.reason && html`<span>${t('ui.approval.reason')}: ${one.reason}</span>`}
			${waits && html`<span class="muted">${t('ui.approval.until')} <${Time} at=${one.expires_at} /></span>`}
			${one.decided_by && html`<span class="muted">${t('ui.approval.decided', { name: one.decided_by.name })} <${Ago} at=${one.decided_at} />${one.note && ` · ${one.note}`}</span>`}
			${one.error && html`<span class="error">${one.error}</span>`}</div>
		<div class="actions">${waits ? html`${one.mine ? html`<${State} group="approval" value="waiting" /><button type="button" onClick=${() => onDecide(one, 'refuse')}>${t('ui.approval.withdraw')}</button>`
			: html`<button type="button" class="danger-quiet" onClick=${() => onDecide(one, 'refuse')}>${t('ui.approval.refuse')}</button><button type="button" class="primary" onClick=${() => onDecide(one, 'approve')}>${t('ui.approval.approve')}</button>`}`
			: html`<${State} group="approval" value=${one.state} />`}</div></li>`;
}

export default function Approvals() {
	const { query } = useRoute();
	const all = query.get('tab') === 'all';
	const list = useList('/approvals', all ? {} : { state: 'waiting' }, { events: ['approval.'] });
	const [deciding, setDeciding] = useState(null);
	const send = async (note) => {
		const { one, what } = deciding;
		const answer = await post(`/approvals/${one.id}/${what}`, what === 'refuse' ? { note } : undefined);
		const after = answer?.items?.[0];
		toast(t(what === 'refuse' ? (one.mine ? 'ui.approval.withdrawn' : 'ui.approval.refused') : after?.state === 'done' ? 'ui.approval.done' : 'ui.approval.failed'), { bad: after?.state === 'failed' });
		await act(list.reload);
	};
	const words = deciding && (deciding.what === 'approve' ? ['ui.approval.approve', 'ui.approval.approve_consequence'] : deciding.one.mine ? ['ui.approval.withdraw', 'ui.approval.withdraw_consequence'] : ['ui.approval.refuse', 'ui.approval.refuse_consequence']);
	return html`<div class="page narrow"><${PageHead} title=${t('ui.page.approvals')} sub=${t('ui.approval.sub')} />
		<${Tabs} label=${t('ui.page.approvals')} value=${all ? 'all' : 'waiting'} items=${[{ id: 'waiting', label: t('ui.approval.tab_waiting'), href: href('/approvals'), count: all ? null : list.total }, { id: 'all', label: t('ui.approval.tab_all'), href: href('/approvals', { tab: 'all' }) }]} />
		<${ProblemBox} problem=${list.error} retry=${list.reload} />
		${list.loading && !list.items.length ? html`<${Loading} />` : !list.error && !list.items.length && html`<${Empty} title=${t('ui.approval.none')}>${t('ui.approval.none_hint')}<//>`}
		${list.items.length > 0 && html`<section class="panel"><ul class="rows deeds">${list.items.map((one) => html`<${Deed} key=${one.id} one=${one} onDecide=${(it, what) => setDeciding({ one: it, what })} />`)}</ul>
			${!list.complete && html`<button type="button" onClick=${() => list.more()}>${t('ui.approval.more')}</button>`}</section>`}
		${deciding && html`<${Confirm} title=${t(words[0])} danger=${deciding.what === 'approve'} consequence=${t(words[1], { deed: `${deciding.one.action_label}: ${deciding.one.label}`, name: deciding.one.asked_by?.name ?? '' })} reason=${deciding.what === 'refuse' && !deciding.one.mine ? { label: t('ui.approval.note'), example: t('ui.approval.note_example'), optional: true } : null} action=${t(words[0])} onClose=${() => setDeciding(null)} onDo=${send} />`}
	</div>`;
}
