// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// All incidents.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { useRoute, href } from '../lib/router.js';
import { useList, useGet } from '../lib/data.js';
import { can } from '../lib/session.js';
import { PageHead, State, Severity, Time, Empty, UnitName, EndpointLink, SEVERITIES } from '../parts/bits.js';
import { Table, Filter, listQuery } from '../parts/table.js';
import { Icon } from '../parts/icons.js';

export const INCIDENT_STATES = ['new', 'triaged', 'responding', 'recovering', 'closed', 'cancelled'];

const columns = () => [
	{ id: 'number', label: t('ui.incident.number'), width: 130, value: (i) => i.number, cell: (i) => html`<a href=${href(`/incidents/${i.id}`)} tabindex="-1">${i.number}</a>` },
	{ id: 'title', label: t('ui.incident.title'), width: 320, value: (i) => i.title, cell: (i) => html`<span title=${i.title}>${i.title}</span>` },
	{ id: 'severity', label: t('ui.severity.title'), texts: 'severity', width: 130, value: (i) => t(`ui.severity.${i.severity}`), order: (i) => -SEVERITIES.indexOf(i.severity), cell: (i) => html`<${Severity} value=${i.severity} />` },
	{ id: 'state', label: t('ui.incident.state'), field: 'state_label', width: 150, value: (i) => i.state_label, cell: (i) => html`<${State} group="incident" value=${i.state} label=${i.state_label} />` },
	{ id: 'unit', label: t('ui.unit.one'), field: 'unit.name', width: 190, value: (i) => i.unit?.name, cell: (i) => html`<${UnitName} unit=${i.unit} />` },
	{ id: 'kind', label: t('ui.incident.kind'), field: 'kind_label', width: 200, value: (i) => i.kind_label },
	{ id: 'opened_at', label: t('ui.incident.opened_at'), width: 150, value: (i) => i.opened_at, cell: (i) => html`<${Time} at=${i.opened_at} />` },
	{ id: 'owner', label: t('ui.incident.owner'), field: 'owner.name', width: 150, value: (i) => i.owner?.name },
	{ id: 'endpoint', label: t('ui.endpoint.one'), field: 'endpoint.hostname', width: 160, value: (i) => i.endpoint?.hostname, cell: (i) => html`<${EndpointLink} endpoint=${i.endpoint} />`, off: true },
	{ id: 'detected_at', label: t('ui.incident.detected_at'), width: 150, value: (i) => i.detected_at, cell: (i) => html`<${Time} at=${i.detected_at} />`, off: true },
	{ id: 'closed_at', label: t('ui.incident.closed_at'), width: 150, value: (i) => i.closed_at, cell: (i) => html`<${Time} at=${i.closed_at} />`, off: true },
];

export default function Incidents() {
	const { query } = useRoute();
	const kinds = useGet('/incident-kinds');
	const list = useList('/incidents', listQuery(query, ['state', 'unit', 'kind', 'open']), { events: ['incident.'], sorts: { number: 'number', severity: 'severity', opened_at: 'opened_at', detected_at: 'detected_at' } });
	const create = can('incident.write');
	return html`<div class="page fill">
		<${PageHead} title=${t('ui.page.incidents')} sub=${t('ui.incident.sub')}>
			${create && html`<a class="button primary" href=${href('/incidents/new')}><${Icon} name="plus" />${t('ui.incident.new')}</a>`}
		<//>
		<${Table} name="incidents" label=${t('ui.page.incidents')} list=${list} columns=${columns()} rowHref=${(i) => `/incidents/${i.id}`}
			filters=${html`<${Filter} name="state" label=${t('ui.incident.state')} options=${INCIDENT_STATES.map((value) => ({ value, label: t(`ui.incident.state.${value}`) }))} />
				<${Filter} name="kind" label=${t('ui.incident.kind')} options=${(kinds.data?.groups ?? []).flatMap((group) => group.kinds.map((kind) => ({ value: kind.id, label: kind.label })))} />`}
			empty=${html`<${Empty} title=${t('ui.incident.empty')}><p>${t('ui.incident.empty_hint')}</p>${create && html`<a class="button primary" href=${href('/incidents/new')}>${t('ui.incident.new')}</a>`}<//>`} />
	</div>`;
}
