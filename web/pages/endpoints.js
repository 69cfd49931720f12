// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// All machines, and how many are protected.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number, share } from '../lib/format.js';
import { useRoute, href } from '../lib/router.js';
import { useList, useGet } from '../lib/data.js';
import { can } from '../lib/session.js';
import { PageHead, State, Ago, Time, Empty, Tabs, UnitName, osName } from '../parts/bits.js';
import { Table, listQuery } from '../parts/table.js';
import { Icon } from '../parts/icons.js';
import { IsolationBadge } from '../parts/isolation.js';

export const ENDPOINT_STATES = ['protected', 'outdated', 'silent', 'unprotected'];

const columns = () => [
	{ id: 'hostname', label: t('ui.endpoint.hostname'), width: 190, value: (e) => e.hostname, cell: (e) => html`<a href=${href(`/endpoints/${e.id}`)} tabindex="-1">${e.hostname}</a>` },
	{ id: 'state', label: t('ui.endpoint.state'), texts: 'endpoint.state', width: 150, value: (e) => t(`ui.endpoint.state.${e.state}`), order: (e) => ENDPOINT_STATES.indexOf(e.state), cell: (e) => html`<${State} group="endpoint" value=${e.state} />` },
	{ id: 'isolation', label: t('ui.isolation.panel'), texts: 'isolation.state', width: 150, value: (e) => e.isolation && t(`ui.isolation.state.${e.isolation}`), cell: (e) => html`<${IsolationBadge} state=${e.isolation} />` },
	{ id: 'state_reason', label: t('ui.endpoint.reason'), width: 250, value: (e) => e.state_reason, cell: (e) => html`<span title=${e.state_reason}>${e.state_reason}</span>` },
	{ id: 'unit', label: t('ui.unit.one'), field: 'unit.name', width: 200, value: (e) => e.unit?.name, cell: (e) => html`<${UnitName} unit=${e.unit} />` },
	{ id: 'os', label: t('ui.endpoint.os'), field: 'os_version', width: 190, value: (e) => osName(e) },
	{ id: 'last_seen_at', label: t('ui.endpoint.last_seen'), width: 130, value: (e) => e.last_seen_at, cell: (e) => html`<${Ago} at=${e.last_seen_at} />` },
	{ id: 'addresses', label: t('ui.endpoint.addresses'), width: 150, value: (e) => (e.addresses ?? []).join(', ') },
	{ id: 'agent_version', label: t('ui.endpoint.agent'), width: 110, value: (e) => e.agent_version, off: true },
	{ id: 'bundle_version', label: t('ui.endpoint.bundle'), width: 130, value: (e) => e.bundle_version },
	{ id: 'watch_mode', label: t('ui.endpoint.watch'), texts: 'endpoint.watch', width: 130, value: (e) => e.watch_mode && t(`ui.endpoint.watch.${e.watch_mode}`), off: true },
	{ id: 'enrolled_at', label: t('ui.endpoint.enrolled'), width: 150, value: (e) => e.enrolled_at, cell: (e) => html`<${Time} at=${e.enrolled_at} />`, off: true },
];

export default function Endpoints() {
	const { query } = useRoute();
	const asked = listQuery(query, ['state', 'unit', 'isolation']);
	const list = useList('/endpoints', asked, { events: ['endpoint.', 'protection.'], sorts: { hostname: 'hostname', state: 'state', last_seen_at: 'last_seen_at', enrolled_at: 'enrolled_at' } });
	const { data: sum } = useGet('/endpoints/summary', null, { events: ['endpoint.'] });
	const tab = (state) => {
		const next = new URLSearchParams(query);
		next.delete('isolation');
		if (state) next.set('state', state);
		else next.delete('state');
		return `#/endpoints?${next}`;
	};
	const cutOff = () => {
		const next = new URLSearchParams(query);
		next.delete('state');
		for (const state of ['asked', 'on', 'lifting']) next.append('isolation', state);
		return `#/endpoints?${next}`;
	};
	return html`<div class="page fill">
		<${PageHead} title=${t('ui.page.endpoints')} sub=${sum && t('ui.endpoint.summary', { protected: number(sum.protected), total: number(sum.total), share: share(sum.protected, sum.total) })}>
			${can('endpoint.enrol') && html`<a class="button primary" href=${href('/enrol')}><${Icon} name="plus" />${t('ui.page.enrol')}</a>`}
		<//>
		<${Tabs} label=${t('ui.endpoint.state')} value=${query.get('isolation') ? 'isolated' : query.get('state') ?? 'all'} items=${[{ id: 'all', label: t('ui.table.all'), href: tab(null), count: sum?.total }, ...ENDPOINT_STATES.map((state) => ({ id: state, label: t(`ui.endpoint.state.${state}`), href: tab(state), count: sum?.[state] })), { id: 'isolated', label: t('ui.isolation.state.on'), href: cutOff(), count: sum?.isolated }]} />
		<${Table} name="endpoints" label=${t('ui.page.endpoints')} list=${list} columns=${columns()} rowHref=${(e) => `/endpoints/${e.id}`}
			empty=${html`<${Empty} title=${t('ui.endpoint.empty')}><p>${t('ui.endpoint.empty_hint')}</p>${can('endpoint.enrol') && html`<a class="button primary" href=${href('/enrol')}>${t('ui.page.enrol')}</a>`}<//>`} />
	</div>`;
}
