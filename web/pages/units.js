// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Units: the tree on the left, the units of the chosen branch on the right.
import { html, useState, useMemo } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { number, share } from '../lib/format.js';
import { useRoute, href, setQuery } from '../lib/router.js';
import { useList, useGet } from '../lib/data.js';
import { post, patch } from '../lib/api.js';
import { can } from '../lib/session.js';
import { PageHead, Empty, Loading, ProblemBox } from '../parts/bits.js';
import { Table, listQuery } from '../parts/table.js';
import { Dialog } from '../parts/dialog.js';
import { ImportDialog } from '../parts/import_dialog.js';
import { Form, useForm } from '../parts/form.js';
import { UnitPicker } from '../parts/picker.js';
import { Tree } from '../parts/tree.js';
import { act } from '../parts/toast.js';

function UnitDialog({ unit, parent, reload, onClose }) {
	const kinds = useGet('/unit-kinds');
	const form = useForm({ draft: unit ? `unit.${unit.id}` : 'unit.new', initial: unit ? { code: unit.code, name: unit.name } : { parent_id: parent && { id: parent.id, name: parent.name } } });
	const fields = [
		{ name: 'name', label: t('ui.unit.name'), required: true, hint: t('ui.unit.name_example') },
		{ name: 'code', label: t('ui.unit.code'), hint: t('ui.unit.code_hint'), max: 32 },
		...(unit ? [] : [
			{ name: 'kind', type: 'select', label: t('ui.unit.kind'), required: true, options: (kinds.data?.items ?? []).map((kind) => ({ value: kind.id ?? kind.kind, label: kind.label })) },
			{ name: 'parent_id', type: 'pick', picker: UnitPicker, label: t('ui.unit.parent'), required: true },
		]),
	];
	const send = async (values) => {
		const done = unit ? await patch(`/units/${unit.id}`, values, unit.etag) : await post('/units', values);
		onClose();
		await act(reload, t('ui.unit.saved', { name: values.name }), unit && (async () => {
			await patch(`/units/${unit.id}`, { name: unit.name, code: unit.code }, done.etag);
			await reload();
		}));
	};
	return html`<${Dialog} title=${t(unit ? 'ui.unit.edit' : 'ui.unit.new')} onClose=${onClose}><${Form} form=${form} fields=${fields} submit=${t('ui.action.save')} onCancel=${onClose} onSubmit=${send} /><//>`;
}

export default function Units() {
	const { query } = useRoute();
	const [dialog, setDialog] = useState(null);
	const chosen = query.get('unit');
	const all = useList('/units', listQuery(query, ['kind']), { events: ['unit.'], sorts: { name: 'name', code: 'code' } });
	const tree = useList('/units', {}, { events: ['unit.'], whole: true });
	const summary = useGet(can('endpoint.read') ? '/endpoints/summary' : null, null, { events: ['endpoint.'] });
	const counts = useMemo(() => new Map((summary.data?.by_unit ?? []).map((one) => [one.unit.id, one])), [summary.data]);
	const children = useMemo(() => {
		const map = new Map();
		for (const unit of tree.items) map.set(unit.parent_id ?? '', [...(map.get(unit.parent_id ?? '') ?? []), unit]);
		return map;
	}, [tree.items]);
	const inside = useMemo(() => {
		if (!chosen) return null;
		const ids = new Set([chosen]);
		const walk = (id) => (children.get(id) ?? []).forEach((unit) => { ids.add(unit.id); walk(unit.id); });
		walk(chosen);
		return ids;
	}, [chosen, children]);
	const items = inside ? all.items.filter((unit) => inside.has(unit.id)) : all.items;
	const list = { ...all, items, total: inside ? items.length : all.total };
	const unit = tree.items.find((one) => one.id === chosen);
	const manage = can('unit.manage');
	const covered = (u) => counts.get(u.id);
	const columns = [
		{ id: 'name', label: t('ui.unit.name'), width: 270, value: (u) => u.name, cell: (u) => html`<a href=${href('/units', { unit: u.id })} tabindex="-1">${u.name}</a>` },
		{ id: 'kind', label: t('ui.unit.kind'), field: 'kind_label', width: 150, value: (u) => u.kind_label },
		{ id: 'code', label: t('ui.unit.code'), width: 90, value: (u) => u.code },
		{ id: 'parent', label: t('ui.unit.parent'), field: 'parent_name', width: 190, value: (u) => u.parent_name, off: true },
		{ id: 'machines', label: t('ui.unit.machines'), field: null, width: 100, right: true, order: (u) => covered(u)?.total ?? 0, value: (u) => covered(u)?.total ?? 0, cell: (u) => html`<a href=${href('/endpoints', { unit: u.id })}>${number(covered(u)?.total ?? 0)}</a>` },
		{ id: 'protected', label: t('ui.unit.protected'), field: null, width: 130, right: true, order: (u) => (covered(u) ? covered(u).protected / covered(u).total : -1), value: (u) => (covered(u) ? share(covered(u).protected, covered(u).total) : '') },
		...(manage ? [{ id: 'do', label: t('ui.table.actions'), width: 90, cell: (u) => html`<button type="button" class="small" onClick=${() => setDialog(u)}>${t('ui.action.edit')}</button>` }] : []),
	];
	return html`<div class="page fill">
		<${PageHead} title=${unit ? unit.name : t('ui.page.units')} sub=${unit ? [unit.kind_label, ...(unit.path_names ?? [])].join(' · ') : t('ui.unit.sub')}>
			${unit && html`<a class="button" href=${href('/endpoints', { unit: unit.id })}>${t('ui.page.endpoints')}</a>`}
			${manage && html`<button type="button" onClick=${() => setDialog('import')}>${t('ui.unit.import')}</button>`}
			${manage && html`<button type="button" class="primary" onClick=${() => setDialog('new')}>${t('ui.unit.new')}</button>`}
		<//>
		<div class="split">
			<aside class="tree-pane" aria-label=${t('ui.unit.tree')}>
				${tree.loading && !tree.items.length ? html`<${Loading} />` : html`<${Tree} children=${children} roots=${tree.items.filter((one) => !tree.items.some((other) => other.id === one.parent_id))} value=${chosen} onPick=${(id) => setQuery({ unit: id }, { replace: false })} all=${t('ui.unit.all')} />`}
				<${ProblemBox} problem=${tree.error} retry=${tree.reload} />
			</aside>
			<${Table} name="units" label=${t('ui.page.units')} list=${list} columns=${columns} onOpen=${(u) => setQuery({ unit: u.id }, { replace: false })}
				empty=${html`<${Empty} title=${t('ui.unit.empty')}>${t('ui.unit.empty_hint')}<//>`} />
		</div>
		${dialog === 'import' && html`<${ImportDialog} path="/units/import" title=${t('ui.unit.import')} hint=${t('ui.unit.import_hint')} columns=${[['code', t('ui.unit.code')], ['name', t('ui.unit.name')]]} done=${(counts) => t('ui.unit.imported', { created: counts.created, changed: counts.changed })} reload=${async () => { await tree.reload(); await all.reload(); }} onClose=${() => setDialog(null)} />`}
		${dialog && dialog !== 'import' && html`<${UnitDialog} unit=${dialog === 'new' ? null : dialog} parent=${unit} reload=${async () => { await tree.reload(); await all.reload(); }} onClose=${() => setDialog(null)} />`}
	</div>`;
}
