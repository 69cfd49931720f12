// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// The event store of the mock: a few hundred invented events, answered as docs/http-api.md says. state.searchSlow: a search
// that ran out of time, with counts of a part only; state.searchEmpty: nothing found.
import { ago } from './mock_data.mjs';

const KINDS = [
	{ code: '4688', action: 'created-process', process: 'powershell.exe', text: 'A new process has been created: powershell.exe -NoP -Enc SQBFAFgA by WINWORD.EXE' },
	{ code: '4624', action: 'logged-in', process: 'lsass.exe', text: 'An account was successfully logged on (logon type 3)' },
	{ code: '4625', action: 'logon-failed', process: 'lsass.exe', text: 'An account failed to log on: unknown user name or bad password' },
	{ code: '', action: 'ssh_login', process: 'sshd', text: 'Accepted password for quantri from 10.92.3.4 port 51122 ssh2' },
	{ code: '', action: 'denied', process: '', text: 'filter: DROP IN=wan0 SRC=203.0.113.7 DST=10.92.0.4 PROTO=TCP DPT=3389' },
];
const COUNT = 420;

const make = (data) => Array.from({ length: COUNT }, (_, i) => {
	const kind = KINDS[(i * 7) % KINDS.length], endpoint = data.endpoints[(i * 13) % 40];
	return { id: `01939f00-0000-7000-8000-e${String(i).padStart(11, '0')}`, time: ago(i * 3), received: ago(i * 3), endpoint_id: endpoint.id, unit: endpoint.unit, source: i % 3 ? 'agent' : 'Tường lửa biên', text: kind.text, why: [{ at: 0, term: 'powershell' }],
		fields: { 'host.name': endpoint.hostname, 'user.name': i % 4 ? 'lan.nguyen' : '', 'event.code': kind.code, 'event.action': kind.action, 'process.name': kind.process, 'source.ip': `10.92.3.${i % 40}` } };
});

export function eventRoutes(data, state) {
	const all = make(data);
	const found = (url) => (state.searchEmpty || /khongco/.test(url.searchParams.get('q') ?? '') ? [] : all);
	const facet = (field, items) => {
		const counts = new Map();
		for (const one of items) {
			const value = field === 'unit.id' ? one.unit.id : field === 'source' ? one.source : one.fields[field];
			if (value) counts.set(value, { value, label: field === 'unit.id' ? one.unit.name : '', count: (counts.get(value)?.count ?? 0) + 1, exact: true });
		}
		return { field, values: [...counts.values()].sort((a, b) => b.count - a.count).slice(0, 12) };
	};
	return [
		['GET', '/events', ({ url }) => {
			const items = found(url), from = Number(url.searchParams.get('cursor') ?? 0), limit = Number(url.searchParams.get('limit') ?? 200);
			return { items: items.slice(from, from + limit), next: from + limit < items.length || state.searchSlow ? String(from + limit) : null, out_of_time: Boolean(state.searchSlow), searched_to: state.searchSlow ? ago(620) : null };
		}],
		['GET', '/events/tail', ({ url }) => ({ items: url.searchParams.get('after') ? [] : found(url).slice(0, 12).reverse(), next: '1', more: false })],
		['GET', '/events/histogram', ({ url }) => {
			const step = 1800, items = found(url), buckets = Array.from({ length: 48 }, (_, i) => ({ at: ago((48 - i) * 30), count: !items.length || (state.searchSlow && i < 28) ? 0 : (i * 37) % 23 }));
			return { from: buckets[0].at, to: ago(0), step_s: step, buckets, total: buckets.reduce((n, one) => n + one.count, 0), at_least: Boolean(state.searchSlow), counted_from: state.searchSlow ? ago(20 * 30) : buckets[0].at };
		}],
		['GET', '/events/facets', ({ url }) => ({ items: url.searchParams.getAll('field').map((field) => facet(field, found(url))).reverse(), rows: found(url).length, at_least: Boolean(state.searchSlow), counted_from: ago(620) })],
		['GET', '/events/fields', () => ({ columns: ['host.name', 'user.name', 'event.code', 'event.action', 'process.name', 'process.command_line', 'source.ip', 'destination.ip', 'raw'], others: ['winlog.channel', 'observer.vendor'] })],
		['GET', '/events/saved', () => ({ items: [{ id: 'q1', name: 'PowerShell che giấu', query: 'process.name:powershell.exe', state: 'last=7d', own: true, owner: { id: 'me', name: 'Nguyễn Văn Hải' } }, { id: 'q2', name: 'Đăng nhập sai nhiều lần', query: 'event.code:4625', state: '', own: false, owner: { id: 'p2', name: 'Lê Thị Mai' } }] })],
		['GET', '/events/common', () => ({ events: 47, hosts: 6, units: 3, at_least: false, counted_from: ago(43200) })],
		['GET', '/events/rule', () => ({ text: 'title: Tìm kiếm ngày 21/11/2026\nlogsource:\n  product: windows\ndetection:\n  selection:\n    process.name: powershell.exe\n  condition: selection\nlevel: medium\n', events: 47, hosts: 6, units: 3, at_least: false, counted_from: ago(43200), from: ago(43200), to: ago(0) })],
		['POST', '/events/sql', () => ({ limit: 1000, result: { meta: [{ name: 'host_name', type: 'String' }, { name: 'n', type: 'UInt64' }], data: all.slice(0, 9).map((one, i) => [one.fields['host.name'], 900 - i * 80]) } })],
	];
}

// After the routes of fixed names.
export const oneEvent = (data) => ['GET', '/events/:id', ({ id }) => {
	const event = make(data).find((one) => one.id === id);
	return event && { event, fields: Object.fromEntries(Object.entries(event.fields).filter(([, value]) => value)), raw: `<134>1 ${event.time} ${event.text}`, why: event.why };
}];
