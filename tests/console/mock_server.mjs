// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// A test fixture that answers like docs/http-api.md with invented data and serves web/ with the server's own
// Content-Security-Policy; never shipped.
// usage: node tests/console/mock_server.mjs [PORT] [MACHINES]   (login: analyst, officer, leader, reader; any password but "sai")
import { createServer } from 'node:http';
import { readFile, mkdtemp, symlink } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { gzipSync } from 'node:zlib';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pages } from '../../web/routes.js';
import { makeData, uuid, ago } from './mock_data.mjs';
import { eventRoutes, oneEvent } from './mock_events.mjs';

const top = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const web = join(top, 'web');
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' };
export const CSP = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

const fold = (text) => String(text ?? '').normalize('NFD').replace(/[\u0300-\u036f]/g, '').replace(/đ/gi, 'd').toLowerCase();

const READ = ['alert.read', 'incident.read', 'endpoint.read', 'protection.read', 'unit.read'];
const ROLES = {
	analyst: { name: 'Nguyễn Văn Hải', shell: 'watch', label: 'Quản trị hệ thống', permissions: null },
	second: { name: 'Phạm Văn Ca Sau', shell: 'watch', label: 'Cán bộ trực giám sát', permissions: null },
	officer: { name: 'Trần Thị Lan', shell: 'unit', label: 'Cán bộ đơn vị', permissions: [...READ, 'incident.write', 'endpoint.enrol'] },
	leader: { name: 'Lê Hoàng Đức', shell: 'leader', label: 'Lãnh đạo', permissions: READ },
	reader: { name: 'Võ Minh Đăng', shell: 'watch', label: 'Kiểm tra', permissions: READ },
};

// What the server says of an alert beyond its row.
const about = (a) => ({
	text: a.threat ? { source: 'rule', technique: '', title: 'Phát hiện mã độc', happened: 'x', matters: 'Mã độc có thể lấy mật khẩu, mã hóa tài liệu hoặc lây sang máy khác.', steps: ['Gọi cho người dùng máy: tệp này từ đâu ra (thư, USB, tải về), đã mở chưa.', 'Tìm cùng tệp này trên các máy khác; nếu có nhiều máy, chuyển thành sự cố.', 'Quét toàn bộ máy này.'], incident_kind: 'attack.malware' }
		: { source: 'technique', technique: 'T1059.001', title: a.what, happened: `Trên ${a.endpoint?.hostname ?? a.host}, lan.nguyen đã chạy một lệnh PowerShell có dấu hiệu che giấu hoặc tải mã từ nơi khác về: powershell.exe -NoP -Enc SQBFAFgA…`, matters: 'PowerShell có sẵn trên mọi máy Windows nên hay bị dùng để chạy mã độc mà không cần lưu tệp nào.', steps: ['Đọc cả dòng lệnh và chương trình mở ra nó (WINWORD.EXE): Word, Excel hay trình duyệt mở PowerShell là rất đáng ngờ.', 'Gọi cho người dùng máy: họ có vừa mở tệp đính kèm không.', 'Quét mã độc máy này; nếu không giải thích được lệnh, chuyển thành sự cố.'], incident_kind: 'attack.malware' },
	explain: { rule: { level: 'high', points: 50 }, system: { level: 3, percent: 120 }, exposure: { value: 'server', percent: 125 }, rarity: { value: 'rare', percent: 100 }, tactics: { count: 1, percent: 100 }, score: 75, severity: 'critical' },
	contacts: [{ id: 'c1', name: 'Trần Thị Ngọc Ánh', position: 'Cán bộ phụ trách', unit: a.unit.name, phone_end: '678' }, { id: 'c2', name: 'Lê Văn Đức', position: 'Chủ tịch', unit: a.unit.name, phone_end: '' }],
	rule: { description: '', tags: ['attack.t1059.001'], file: '', hash: '' },
});
const SIGMA = { detail: {}, why: [{ field: 'process.command_line', value: 'powershell.exe -NoP -Enc SQBFAFgA' }, { field: 'process.parent.name', value: 'WINWORD.EXE' }], raw: JSON.stringify({ '@timestamp': '2026-11-21T02:10:00Z', process: { command_line: 'powershell.exe -NoP -Enc SQBFAFgA', parent: { name: 'WINWORD.EXE' } }, user: { name: 'lan.nguyen' } }, null, 2) };

export async function startMock({ port = 0, machines = 20000, setup = false, sample = true, allPermissions }) {
	const data = makeData(machines);
	const messages = await mkdtemp(join(tmpdir(), 'luytre-messages-'));
	// Only the console's own texts: the server's are not needed here.
	await symlink(web, join(messages, 'web'));
	execFileSync('/usr/bin/python3', [join(top, 'tools/gen_messages.py'), '--source', messages, '--json', messages]);
	const state = { login: null, setup, blind: [], streams: new Set(), calls: [], expired: false, bytes: 0 };
	const api = routes(data, state, { sample, allPermissions });
	const server = createServer(async (request, response) => {
		const url = new URL(request.url, 'http://127.0.0.1');
		try {
			if (url.pathname.startsWith('/api/')) await api(request, response, url);
			else await file(request, response, url, messages);
		} catch (error) {
			problem(response, 500, 'mock.failed', String(error.stack));
		}
	});
	await new Promise((done) => server.listen(port, '127.0.0.1', done));
	const emit = (name, body) => {
		for (const stream of state.streams) stream.write(`event: ${name}\ndata: ${JSON.stringify(body)}\n\n`);
	};
	return { url: `http://127.0.0.1:${server.address().port}`, data, state, emit, stop: () => { for (const s of state.streams) s.destroy(); server.close(); server.closeAllConnections?.(); },
		addAlert(extra) {
			const endpoint = data.endpoints[0];
			const alert = { id: uuid(), number: 2000 + data.alerts.length, title: 'Phát hiện EICAR-Test-File', severity: 'high', state: 'new', rule_id: 'malware.agent', threat: 'EICAR-Test-File', endpoint: { id: endpoint.id, hostname: endpoint.hostname }, unit: endpoint.unit, count: 1, first_at: ago(0), last_at: ago(0), assignee: null, incident: null, etag: 'n1', comments: [], ...extra };
			data.alerts.unshift(alert);
			emit('alert.created', { id: alert.id, unit_id: alert.unit.id, severity: alert.severity });
			return alert;
		} };
}

// As the server does, so that weights and slow lines are real.
function send(request, response, status, headers, body) {
	if (!/gzip/.test(request.headers['accept-encoding'] ?? '')) return response.writeHead(status, headers).end(body);
	return response.writeHead(status, { ...headers, 'Content-Encoding': 'gzip' }).end(gzipSync(body));
}

async function file(request, response, url, messages) {
	let path = url.pathname === '/' ? '/index.html' : url.pathname;
	const root = path.startsWith('/messages/') ? messages : web;
	if (path.startsWith('/messages/')) path = path.slice('/messages'.length);
	try {
		const body = await readFile(join(root, normalize(path)));
		send(request, response, 200, { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream', 'Content-Security-Policy': CSP, 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-cache' }, body);
	} catch {
		response.writeHead(404).end();
	}
}

function json(response, status, body, headers = {}) {
	response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
	response.end(body === null ? undefined : JSON.stringify(body));
}
function problem(response, status, key, detail, place) {
	json(response, status, { type: 'about:blank', title: detail, status, detail, key, args: {}, place }, { 'Content-Type': 'application/problem+json' });
}

async function readBody(request) {
	const chunks = [];
	for await (const chunk of request) chunks.push(chunk);
	const text = Buffer.concat(chunks).toString();
	if (request.headers['content-type'] === 'application/octet-stream') return { text };
	return text ? JSON.parse(text) : {};
}

// limit, cursor, sort, q and named filters over an array.
function page(url, items, { text, filters = {}, order } = {}) {
	const query = url.searchParams;
	const words = fold(query.get('q') ?? '').split(/\s+/).filter(Boolean);
	let found = items.filter((item) => Object.entries(filters).every(([name, value]) => {
		const wanted = query.getAll(name);
		return !wanted.length || wanted.includes(String(value(item)));
	}));
	if (words.length) found = found.filter((item) => { const all = fold(text(item)); return words.every((word) => all.includes(word)); });
	const sort = query.get('sort');
	if (sort) {
		const name = sort.replace(/^-/, ''), down = sort.startsWith('-') ? -1 : 1, value = (item) => (order?.[name] ? order[name](item) : item[name]);
		found = [...found].sort((a, b) => down * (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0));
	}
	const from = Number(query.get('cursor') ?? 0), limit = Math.min(500, Number(query.get('limit') ?? 100));
	return { items: found.slice(from, from + limit), total: found.length, next: from + limit < found.length ? String(from + limit) : null };
}

// A sheet of records: what each row would do. fault: why a cell is refused.
function imported({ url, body }, names, column, fault) {
	const items = body.text.trim().split('\n').slice(1).map((line, i) => {
		const record = Object.fromEntries(line.trim().split(',').map((cell, k) => [names[k], cell])), reason = fault(record[column] ?? '');
		return { row: i + 2, ...record, ...(reason ? { fate: 'refused', column, cell: `${'ABC'[names.indexOf(column)]}${i + 2}`, reason } : { fate: 'created' }) };
	});
	const refused = items.filter((item) => item.fate === 'refused').length;
	return { applied: url.searchParams.get('mode') === 'apply' && refused === 0, counts: { created: items.length - refused, changed: 0, unchanged: 0, refused }, items };
}

function routes(data, state, { sample, allPermissions }) {
	const me = () => ({ id: 'me', login: state.login, display_name: ROLES[state.login].name, unit: { id: data.units[9].id, name: data.units[9].name } });
	const mine = () => (ROLES[state.login].shell === 'unit' ? (item) => item.unit.id === data.units[9].id : () => true);
	const changed = (item) => { item.etag = `${item.etag}+`; return item; };
	const alertAction = (id, body, run) => { const alert = data.alerts.find((one) => one.id === id); run(alert, body); return changed(alert); };
	// As the server puts alerts together: here by what the invented data calls their line.
	const lineOf = (items) => ({ kind: items.length < 2 ? 'one' : new Set(items.map((a) => a.title)).size > 1 ? 'case' : 'rule', alerts: items.length, machines: new Set(items.map((a) => a.endpoint?.id ?? a.host)).size, units: new Set(items.map((a) => a.unit.id)).size, rules: new Set(items.map((a) => a.title)).size, findings: items.reduce((n, a) => n + a.count, 0), tactics: [], last_at: items[0].last_at });
	const learnedLines = (tactic) => [...data.alerts.filter((a) => a.learned === tactic && a.state !== 'closed').reduce((by, a) => by.set(a.rule_id, [...(by.get(a.rule_id) ?? []), a]), new Map()).values()].map((items) => ({ ...items[0], group: lineOf(items) })).sort((a, b) => (a.severity !== b.severity ? (a.severity === 'high' ? -1 : 1) : a.group.machines - b.group.machines));
	const queue = (url) => {
		const lines = new Map();
		for (const a of data.alerts.filter(mine()).filter((one) => one.state !== 'closed' && (one.severity !== 'low' || url.searchParams.has('severity')))) lines.set(a.line ?? a.id, [...(lines.get(a.line ?? a.id) ?? []), a]);
		const learned = new Map(), shown = [];
		for (const items of lines.values()) {
			if (!items[0].learned) shown.push({ ...items[0], group: lineOf(items) });
			else if (learned.has(items[0].learned)) learned.get(items[0].learned).push(items);
			else learned.set(items[0].learned, [items]);
		}
		for (const [tactic, all] of learned) shown.splice(1, 0, { ...all[0][0], group: { ...lineOf(all.flat()), kind: 'learning', tactic, lines: all.length } });
		return { ...page(url, shown, { text: (a) => `${a.title} ${a.what ?? ''} ${a.endpoint?.hostname ?? a.host} ${a.unit.name}`, filters: { state: (a) => a.state, severity: (a) => a.severity, endpoint: (a) => a.endpoint?.id, unit: (a) => a.unit.id } }), outside: { low: 7, beyond: 0 } };
	};
	// How machines stand that somebody cut off from the network.
	const isolations = new Map();
	const standing = (id) => {
		const endpoint = data.endpoints.find((e) => e.id === id), one = isolations.get(id) ?? (state.isolated === id ? { state: 'on', reason: 'Mã độc mã hóa tệp, đã gọi bộ phận một cửa.' } : null), message = `Máy ${endpoint.hostname} đang tạm bị ngắt khỏi mạng. Gọi 113.`;
		return { endpoint: { id, hostname: endpoint.hostname }, unit: endpoint.unit, can: true, why_not: null, may: (ROLES[state.login].permissions ?? allPermissions).includes('endpoint.isolate'), state: one?.state ?? 'none', causes: [{ id: 'malware', label: 'Nghi nhiễm mã độc', message }, { id: 'leak', label: 'Nghi lộ dữ liệu', message }], durations_s: [3600, 86400], longest_s: 604800,
			order: one ? { id: uuid(), cause: 'Nghi nhiễm mã độc', reason: one.reason, message, asked_by: { id: uuid(), name: 'Trực' }, asked_at: ago(0), expires_at: ago(-60), chosen: false, overdue: false, carried_at: null, lifted_by: one.state === 'lifting' ? 'Trực' : null, lift_asked_at: one.state === 'lifting' ? ago(0) : null, ended_at: null, repaired: 0, problem: null } : null };
	};
	const table = [
		['GET', '/setup', () => ({ needed: state.setup, code_required: true }), 'public'],
		['POST', '/setup', (x) => { state.setup = false; state.login = 'analyst'; return x.body; }, 'public'],
		['GET', '/session', () => ({ account: me(), permissions: ROLES[state.login].permissions ?? allPermissions, shell: ROLES[state.login].shell, roles: [{ role: 'r', label: ROLES[state.login].label, unit: { id: data.city.id, name: data.city.name }, expires_at: null }], lang: state.lang ?? 'vi', sample })],
		['GET', '/session/sessions', () => ({ items: [{ id: 's1', current: true, peer: '10.92.1.14', user_agent: 'Chrome 120, Windows 10', created_at: ago(200), seen_at: ago(0) }, { id: 's2', peer: '10.92.1.77', user_agent: 'Chrome 109, Windows 7', created_at: ago(9000), seen_at: ago(600) }], total: 2, next: null })],
		['GET', '/session/factors', () => ({ totp: true, recovery_left: 9, paper_left: 0, passkeys: [{ id: 'k1', name: 'Máy ở cơ quan', site: 'localhost', created_at: ago(9000), used_at: ago(60) }], demanded: true, passkey_possible: true, fresh: true })],
		['POST', '/logout', () => { state.login = null; return null; }],
		['GET', '/health', () => ({ blind: state.blind, as_of: ago(0) })],
		['GET', '/status', () => ({ version: '0.1.0', processes: ['core', 'pipeline', 'key', 'eventdb'].map((name) => ({ name, state: 'running', since: ago(4000), restarts: name === 'eventdb' ? 1 : 0, detail: '' })), pipeline: { received: 1840221, stored: 1840200, detect_lag: 0, store_lag: 21, dropped: 0, spool_bytes: 8388608 }, eventdb: { state: 'running' }, database: { kind: 'sqlite' }, blind: state.blind, as_of: ago(0) })],
		['GET', '/units', (x) => page(x.url, data.units, { text: (u) => `${u.name} ${u.code}`, filters: { kind: (u) => u.kind } })],
		['GET', '/unit-kinds', () => ({ items: [{ id: 'ward', label: 'Phường' }, { id: 'commune', label: 'Xã' }, { id: 'department', label: 'Sở, ban, ngành' }] })],
		['GET', '/accounts', (x) => page(x.url, data.accounts, { text: (a) => `${a.display_name} ${a.login} ${a.unit.name}` })],
		['GET', '/accounts/:id/contact', (x) => ({ email: 'an@example.vn', phone: x.id === 'c1' ? '0901 234 678' : '' })],
		['GET', '/roles', (x) => page(x.url, data.roles, { text: (r) => r.label })],
		['POST', '/units/import', (x) => imported(x, ['code', 'kind', 'name'], 'kind', (kind) => kind === 'nonsense' && 'Không có loại đơn vị “nonsense”.')],
		['POST', '/sources/import', (x) => imported(x, ['name', 'addresses'], 'addresses', (address) => !/^[\d.:/a-f]+$/.test(address) && `“${address}” không phải địa chỉ mạng.`)],
		['POST', '/accounts', (x) => { const made = { ...x.body, id: uuid(), unit: data.units.find((u) => u.id === x.body.unit_id), grants: [], disabled: false, last_login_at: null, etag: 'c' }; data.accounts.unshift(made); return made; }],
		['PATCH', '/accounts/:id', (x) => changed(Object.assign(data.accounts.find((a) => a.id === x.id), x.body))],
		['GET', '/accounts/:id/contact', (x) => { const a = data.accounts.find((one) => one.id === x.id); return { phone: a.phone ?? '', email: a.email ?? '' }; }],
		['POST', '/accounts/:id/password', () => ({ password: 'tre-xanh-rao-lang-4821' })],
		['GET', '/approvals', () => ({ items: [], total: 0, next: null })],
		['GET', '/rules/state', () => ({ rules: 3752, indicators: 1200, current: true, waiting: false, behind_since: null, written_at: ago(60), detection: { state: 'ready', rules: 3752, correlations: 1, indicators: 1200, loaded_at: ago(59), refused: [] } })],
		['GET', '/rules', (x) => page(x.url, data.rules, { text: (r) => r.title })],
		['GET', '/rules/:id', (x) => data.rules.find((r) => r.id === x.id)],
		['GET', '/rule-archives', () => ({ items: [] })],
		['GET', '/indicators', () => ({ items: [] })],
		['GET', '/sources', (x) => page(x.url, data.sources, { text: (s) => `${s.name} ${s.addresses}`, filters: { level: (s) => s.system_level } })],
		['GET', '/sources/strangers', () => ({ items: data.strangers, total: data.strangers.length, next: null, listeners: state.kernelDropped ? { kernel_dropped: 1840, last_at: ago(2), lost: 240, lost_since: ago(6) } : { kernel_dropped: 0, last_at: null, lost: 0, lost_since: null } })],
		['GET', '/sources/connect', () => ({ host: 'giamsat.cantho.example', events_port: 8444, syslog_udp_port: 514, syslog_tcp_port: null, syslog_tls_port: 6514, ca_pem: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n' })],
		['GET', '/source-retention', () => ({ items: [0, 1, 2, 3, 4, 5].map((level) => ({ class: `level_${level}`, level, label: `Hệ thống cấp độ ${level}`, basis: 'TCVN 14423:2026', confidence: 'sum', pack_days: 31 * level + 1, days: 31 * level + 1, corrected: level === 3, reason: level === 3 ? 'Theo quy chế' : '', etag: '1' })) })],
		['GET', '/jobs/:id', () => ({ state: 'done' })],
		['GET', '/storage', () => (state.storage === 'away' ? { status: 503, key: 'event.search_away', detail: 'Kho sự kiện đang không trả lời.' } : state.storage === 'empty' ? { dead: 0, whole: { events: 0, bytes: 0, plain_bytes: 0, free_bytes: 22600000000, disk_bytes: 64000000000, forecast: { days_left: null, day_bytes: 0, days_measured: 0, settles_bytes: 0, horizon_days: 3650, warn_days: 30 }, days: [] } } : { dead: data.dead.length, whole: { events: 84200312, bytes: 8631000000, plain_bytes: 251000000000, free_bytes: 22600000000, disk_bytes: 64000000000, forecast: { days_left: 21, day_bytes: 1040000000, days_measured: 7, settles_bytes: 189000000000, horizon_days: 3650, warn_days: 30 }, days: [2, 1, 0].map((i) => ({ day: `2026112${i}`, rows: 10100000 - i * 90000, bytes: 1040000000, plain_bytes: 30200000000 })) } })],
		['GET', '/storage/shares', (x) => (state.storage ? { days: 7, items: [] } : { days: 7, items: x.url.searchParams.get('by') === 'retention' ? [{ retention_days: 94, events: 60000000, text_bytes: 21000000000 }, { retention_days: 365, events: 9000000, text_bytes: 3000000000 }] : data.sources.slice(0, 4).map((s, i) => ({ source: `source-${s.id}`, name: s.name, events: 9000000 - i * 1000000, text_bytes: 3000000000 - i * 400000000 })) })],
		...eventRoutes(data, state),
		['GET', '/events/dead', () => ({ items: state.storage ? [] : data.dead })],
		oneEvent(data),
		['POST', '/events/dead/retry', () => { const { length } = data.dead; data.dead.length = 0; return { job_id: uuid(), dead: length }; }],
		['POST', '/sources', (x) => { if (x.body.time_zone === 'Mars/Olympus') return { status: 400, key: 'source.time_zone', detail: '“Mars/Olympus” không phải múi giờ.', place: '/time_zone' }; const made = { ...data.sources[0], ...x.body, id: uuid(), unit: data.units.find((u) => u.id === x.body.unit_id), state: { condition: 'waiting' } }; data.sources.unshift(made); return made; }],
		['GET', '/tokens', (x) => page(x.url, data.tokens, { text: (a) => a.name })],
		['POST', '/tokens', () => ({ token: `lt_${'a1b2'.repeat(12)}` })],
		['GET', '/enrolment-tokens', (x) => page(x.url, [], { text: () => '' })],
		['POST', '/enrolment-tokens', () => ({ id: uuid(), token: 'lt1.abcdef', command: `luytre-agent enrol lt1.${'k3Yq9'.repeat(14)}` })],
		['GET', '/audit', (x) => page(x.url, data.audit, { text: (a) => `${a.account_name} ${a.action} ${a.unit}` })],
		['POST', '/audit/verify', () => ({ ok: true, records: data.audit.length, head: '9f'.repeat(32) })],
		['GET', '/history/month', () => (state.month ?? { day: null, values: {} })],
		['GET', '/endpoints/summary', () => { const all = data.endpoints.filter(mine()), by = new Map(); for (const e of all) { const u = by.get(e.unit.id) ?? { unit: e.unit, total: 0, protected: 0 }; u.total++; if (e.state === 'protected') u.protected++; by.set(e.unit.id, u); } const n = (s) => all.filter((e) => e.state === s).length; return { total: all.length, protected: n('protected'), outdated: n('outdated'), silent: n('silent'), unprotected: n('unprotected'), as_of: ago(state.old ?? 0), by_unit: [...by.values()] }; }],
		['GET', '/endpoints', (x) => page(x.url, data.endpoints.filter(mine()), { text: (e) => `${e.hostname} ${e.unit.name} ${e.addresses}`, filters: { state: (e) => e.state, unit: (e) => e.unit.id }, order: { unit: (e) => e.unit.name } })],
		['GET', '/endpoints/:id', (x) => ({ ...data.endpoints.find((e) => e.id === x.id), note: '', inventory: { os: { kernel: '6.1.0-28-amd64', architecture: 'x86_64' }, machine: { processor: 'Intel Core i3-10100', processors: 4, memory_bytes: 8589934592 }, packages: Array.from({ length: 900 }, (_, i) => ({ name: `goi-${i}`, version: `1.${i}`, architecture: 'amd64' })), disks: [{ mount: '/', device: '/dev/sda1', type: 'ext4', size_bytes: 256e9, used_percent: 64 }], users: [{ name: 'root', uid: 0, home: '/root', shell: '/bin/bash', admin: true }] }, protection: { watch_mode: 'fanotify', bundle_version: '2026.11.21-1', scanner: 'ready', engines: ['hash', 'yara'], last_scan_at: ago(600), spool_events: 0, quarantine_count: 2 },
			timeline: [{ at: ago(3000), what: 'enrolled', details: {} }, { at: ago(1500), what: 'state', details: { from: 'protected', to: 'silent', reason_key: 'no_checkin' } }, { at: ago(1140), what: 'state', details: { from: 'silent', to: 'protected', reason_key: 'ok' } }] })],
		['PATCH', '/endpoints/:id', (x) => { const e = data.endpoints.find((one) => one.id === x.id); if (x.body.unit_id) e.unit = data.units.find((u) => u.id === x.body.unit_id); return changed(e); }],
		['GET', '/endpoints/:id/isolation', (x) => standing(x.id)],
		['POST', '/endpoints/:id/isolation', (x) => { isolations.set(x.id, { state: 'asked', ...x.body }); return standing(x.id); }],
		['DELETE', '/endpoints/:id/isolation', (x) => { isolations.get(x.id).state = 'lifting'; return standing(x.id); }],
		['POST', '/endpoints/:id/scan', () => ({ command_id: uuid() })],
		['GET', '/detections', (x) => page(x.url, data.detections, { text: (d) => `${d.threat} ${d.path} ${d.endpoint.hostname} ${d.unit.name}`, filters: { threat: (d) => d.threat } })],
		['GET', '/threats', (x) => page(x.url, data.threats, { text: (d) => d.threat })],
		['GET', '/quarantine', (x) => page(x.url, data.quarantine, { text: (d) => `${d.threat} ${d.path} ${d.endpoint.hostname}`, filters: { state: (d) => d.state } })],
		['POST', '/quarantine/:id/restore', (x) => changed(Object.assign(data.quarantine.find((q) => q.id === x.id), { state: 'restore_requested' }))],
		['POST', '/quarantine/:id/delete', (x) => changed(Object.assign(data.quarantine.find((q) => q.id === x.id), { state: 'delete_requested' }))],
		['GET', '/bundles', (x) => page(x.url, data.bundles, { text: (b) => b.note })],
		['GET', '/alerts/summary', () => ({ new: data.alerts.filter((a) => a.state === 'new').length, acknowledged: data.alerts.filter((a) => a.state === 'acknowledged').length, by_severity: Object.fromEntries(['critical', 'high', 'medium', 'low'].map((s) => [s, data.alerts.filter((a) => a.state !== 'closed' && a.severity === s).length])), last_24h: Array.from({ length: 24 }, (_, i) => ({ hour: ago((23 - i) * 60), count: (i * 7) % 11 })), as_of: ago(state.old ?? 0) })],
		['GET', '/alerts/queue', (x) => queue(x.url)],
		['GET', '/alerts/firings', () => ({ items: data.rules.slice(0, 40).map((r, i) => ({ rule_id: r.sigma_id, findings_24h: i * 3 % 50, findings_30d: 4000 - i * 90, machines_30d: 900 - i * 20, units_30d: 12 })) })],
		['POST', '/alerts/together', (x) => {
			const run = { acknowledge: (a) => { a.state = 'acknowledged'; }, release: (a) => { a.state = 'new'; }, close: (a) => { a.state = 'closed'; }, reopen: (a) => { a.state = 'acknowledged'; }, assign: (a) => { a.assignee = x.body.account_id ? { id: x.body.account_id, name: me().display_name } : null; } }[x.body.do];
			const found = x.body.alerts.map((one) => data.alerts.find((a) => a.id === one.id && a.etag === one.etag)).filter(Boolean);
			return { changed: found.map((a) => { run(a); changed(a); return { id: a.id, etag: a.etag }; }), left: x.body.alerts.length - found.length };
		}],
		['GET', '/alerts/:id/group', (x) => { const a = data.alerts.find((one) => one.id === x.id), items = a.line ? data.alerts.filter((one) => one.line === a.line && one.state !== 'closed') : a.state === 'closed' ? [] : [a]; return { items, total: items.length, next: null, ...(items.length && { lead: items[0].id, group: lineOf(items) }), ...(a.learned && { lead: learnedLines(a.learned)[0].id, learning: { days: 7, tactic: a.learned, total: learnedLines(a.learned).length, items: learnedLines(a.learned), ...(({ alerts, machines, units }) => ({ alerts, machines, units }))(lineOf(data.alerts.filter((one) => one.learned === a.learned))) } }) }; }],
		['GET', '/alerts/:id/common', (x) => { if (state.storeAway) return { status: 503, key: 'event.search_away', detail: 'Kho sự kiện đang không trả lời.' }; const a = data.alerts.find((one) => one.id === x.id); return { field: a.threat ? 'file.hash.sha256' : 'process.command_line', value: a.threat ? 'ab12'.repeat(16) : 'powershell.exe -NoP -Enc SQBFAFgA', events: 47, machines: 6, units: 3, first_at: ago(30000), last_at: ago(3), counted_from: ago(43200), at_least: false }; }],
		['GET', '/alerts/:id/day', (x) => { if (state.storeAway) return { status: 503, key: 'event.search_away', detail: 'Kho sự kiện đang không trả lời.' }; return { known: true, reached_s: 86400, next: null, items: ['Tiến trình được tạo: powershell.exe -NoP', 'Đăng nhập thành công', 'Kết nối tới 10.92.1.7:445', 'Dịch vụ được cài'].map((text, i) => ({ id: `${x.id.slice(0, -2)}e${i}`, time: ago(10 + i * 55), source: 'agent', user: i % 2 ? '' : 'lan.nguyen', action: ['process-created', 'logon', 'connection', 'service-installed'][i], text })) }; }],
		['GET', '/alerts/figures', () => { const one = (count, a, r) => ({ count, acknowledged: count, closed: count, mtta_s: a, mttr_s: r }); const month = (k) => ({ month: k ? '2026-10' : '2026-11', all: one(60, 540, 8000), by_severity: { critical: one(4, 210 + k * 60, 5400), high: one(19, 480, 7600 + k * 900), medium: one(30, 1900, 14000), low: { count: 7, acknowledged: 0, closed: 0, mtta_s: null, mttr_s: null } } }); return { months: [month(0), month(1)], units: data.units.slice(0, 7).map((u, i) => ({ unit: { id: u.id, name: u.name }, all: one(i + 2, 300 + i * 400, 6000 + i * 900) })), as_of: ago(0) }; }],
		['GET', '/alerts', (x) => page(x.url, data.alerts.filter(mine()), { text: (a) => `${a.title} ${a.what ?? ''} ${a.endpoint?.hostname ?? a.host} ${a.unit.name}`, filters: { state: (a) => a.state, severity: (a) => a.severity, endpoint: (a) => a.endpoint?.id, unit: (a) => a.unit.id } })],
		['GET', '/alerts/:id', (x) => { const a = data.alerts.find((one) => one.id === x.id); return a && { ...a, ...about(a), detail: { path: '/home/canbo/Tải xuống/hóa đơn tháng 11.bin', sha256: 'ab12'.repeat(16), size_bytes: 40960, action: 'quarantined' }, why: [{ field: 'threat.name', value: a.threat }, { field: 'file.path', value: '/home/canbo/Tải xuống/hóa đơn tháng 11.bin' }, { field: 'file.hash.sha256', value: 'ab12'.repeat(16) }], raw: JSON.stringify({ '@timestamp': a.last_at, 'event.kind': 'alert', 'threat.name': a.threat, 'host.name': a.endpoint?.hostname ?? a.host }, null, 2), similar_30d: { alerts: 12, findings: 40, hosts: 5, units: 4 }, ...(a.threat ? null : SIGMA) }; }],
		['POST', '/alerts/:id/tuning', (x) => { const a = data.alerts.find((one) => one.id === x.id); return { days: 30, all: { alerts: 412 }, hidden: { alerts: 137, findings: 2104, machines: 31, units: 9, critical: 0, high: 137, incidents: 1 }, rule: { id: data.rules[3].id, title: a.title }, open_total: 2, open: [{ id: a.id, etag: a.etag, state: a.state }], sample: data.alerts.slice(0, 3) }; }],
		['POST', '/alerts/:id/suppress', (x) => { if (x.body.scope === 'city') return { approval: true, status: 202 }; const a = data.alerts.find((one) => one.id === x.id); const made = { ...data.suppressions[0], id: uuid(), rule_title: a.title, reason: x.body.reason, expires_at: x.body.expires_at, swallowed: 0, state: 'active', closed: x.body.close_open ? 2 : 0 }; data.suppressions.unshift(made); return made; }],
		['GET', '/suppressions', (x) => page(x.url, data.suppressions, { text: (s) => `${s.rule_title} ${s.reason}`, filters: { state: (s) => (s.state === 'active' ? 'active' : 'over') } })],
		['POST', '/suppressions/:id/end', (x) => { const s = data.suppressions.find((one) => one.id === x.id); s.state = 'ended'; return changed(s); }],
		['GET', '/shifts/now', () => { const now = new Date().toISOString(); const waits = data.handovers.find((h) => h.state === 'signed'); return { on_duty: data.shifts.filter((s) => s.starts_at <= now && s.ends_at > now), next: data.shifts.filter((s) => s.starts_at > now).slice(0, 3), handover: waits ? { id: waits.id, number: waits.number, author: waits.author, signed_at: waits.signed_at } : null }; }],
		['GET', '/shifts', (x) => { const from = x.url.searchParams.get('from'), to = x.url.searchParams.get('to'); return page(x.url, data.shifts.filter((s) => s.ends_at > from && s.starts_at < to)); }],
		['POST', '/shifts/import', () => ({ added: 2 })],
		['POST', '/shifts', (x) => { const person = data.accounts.find((a) => a.id === x.body.account_id); const made = { id: uuid(), account: { id: person.id, name: person.display_name }, unit: { id: data.city.id, name: data.city.name }, note: '', ...x.body }; data.shifts.push(made); return made; }],
		['DELETE', '/shifts/:id', (x) => { data.shifts.splice(data.shifts.findIndex((s) => s.id === x.id), 1); return null; }],
		['GET', '/handovers', (x) => page(x.url, data.handovers)],
		['POST', '/handovers', () => { const made = { ...data.handovers.find((h) => h.state === 'draft') ?? data.handovers[0], id: uuid(), number: 100 + data.handovers.length, state: 'draft', author: me(), author_login: state.login, created_at: ago(0), signed_at: null, signed_with: '', accepted_at: null, accepted_by: null, accepted_note: '', sha256: '', etag: 'n' }; data.handovers.unshift(made); return made; }],
		['GET', '/handovers/:id', (x) => { const h = data.handovers.find((one) => one.id === x.id); return h && { ...h, mine: h.author_login ? h.author_login === state.login : h.mine }; }],
		['PATCH', '/handovers/:id', (x) => { const h = data.handovers.find((one) => one.id === x.id); h.body = x.body.body; return changed(h); }],
		['POST', '/handovers/:id/sign', (x) => { const h = data.handovers.find((one) => one.id === x.id); Object.assign(h, { state: 'signed', signed_at: ago(0), signed_with: 'totp', sha256: 'ab12'.repeat(16) }); return changed(h); }],
		['POST', '/handovers/:id/accept', (x) => { const h = data.handovers.find((one) => one.id === x.id); Object.assign(h, { state: 'accepted', accepted_at: ago(0), accepted_by: { id: 'other', name: me().display_name }, accepted_with: 'password', accepted_note: x.body.note ?? '' }); return changed(h); }],
		['POST', '/alerts/:id/acknowledge', (x) => alertAction(x.id, x.body, (a) => { a.state = 'acknowledged'; })],
		['POST', '/alerts/:id/assign', (x) => alertAction(x.id, x.body, (a) => { a.assignee = { id: x.body.account_id, name: me().display_name }; })],
		['POST', '/alerts/:id/close', (x) => alertAction(x.id, x.body, (a) => { a.state = 'closed'; })],
		['POST', '/alerts/:id/reopen', (x) => alertAction(x.id, x.body, (a) => { a.state = 'acknowledged'; })],
		['POST', '/alerts/:id/release', (x) => alertAction(x.id, x.body, (a) => { a.state = 'new'; })],
		['DELETE', '/alerts/:id/comments/:comment', (x) => { const a = data.alerts.find((one) => one.id === x.id); a.comments = a.comments.filter((one) => one.id !== x.url.pathname.split('/').pop()); return null; }],
		['POST', '/quarantine/:id/cancel', (x) => { Object.assign(data.quarantine.find((q) => q.id === x.id), { state: 'held' }); return null; }],
		['POST', '/alerts/:id/comments', (x) => alertAction(x.id, x.body, (a) => { a.comments = [...a.comments, { id: uuid(), at: ago(0), author: me().display_name, text: x.body.text, due_at: x.body.due_at ?? null }]; })],
		['POST', '/alerts/:id/incident', (x) => { const made = { ...data.incidents[0], id: uuid(), title: x.body.title, number: 'SC-2026-0099' }; data.incidents.unshift(made); return made; }],
		['GET', '/incident-kinds', () => ({ groups: [{ id: 'attack', label: 'Tình huống sự cố do bị tấn công mạng', kinds: data.kinds.slice(0, 2).map(([id, label]) => ({ id, label, first_actions: 'Cô lập máy khỏi mạng, không tắt máy; cách ly tệp và giữ mã băm của mẫu; tìm mã băm đó trên mọi máy' })) }, { id: 'other', label: 'Tình huống khác', kinds: data.kinds.slice(2).map(([id, label]) => ({ id, label })) }] })],
		['GET', '/incidents', (x) => page(x.url, data.incidents, { text: (i) => `${i.number} ${i.title} ${i.unit.name}`, filters: { state: (i) => i.state, kind: (i) => i.kind, open: (i) => (i.state === 'closed' ? '0' : '1') } })],
		['POST', '/incidents', (x) => { if (x.body.title.length < 5) return { status: 400, key: 'incident.title_short', detail: 'Hãy ghi rõ hơn chuyện gì đã xảy ra.', place: '/title' }; const made = { ...data.incidents[0], ...x.body, id: uuid(), number: 'SC-2026-0100' }; data.incidents.unshift(made); return made; }],
		['GET', '/incidents/:id', (x) => { const i = data.incidents.find((one) => one.id === x.id); return i && { ...i, transitions: i.state === 'closed' ? [{ to: 'responding', label: 'Mở lại', note_required: true, permission: 'incident.close' }] : [{ to: 'recovering', label: 'Chuyển sang khôi phục', note_required: false, permission: 'incident.respond' }, { to: 'closed', label: 'Đóng sự cố', note_required: true, permission: 'incident.close' }] }; }],
		['POST', '/incidents/:id/transition', (x) => { const i = data.incidents.find((one) => one.id === x.id); i.state = x.body.to; i.state_label = data.label[x.body.to]; return changed(i); }],
		['POST', '/incidents/:id/comments', (x) => { const i = data.incidents.find((one) => one.id === x.id); i.timeline = [...i.timeline, { id: uuid(), at: ago(0), author: me().display_name, type: 'comment', text: x.body.text }]; return i; }],
	];
	return async (request, response, url) => {
		const path = url.pathname.replace('/api/v1', '');
		const body = request.method === 'GET' ? {} : await readBody(request);
		state.calls.push({ method: request.method, path, body, query: url.search });
		if (request.method !== 'GET' && request.headers['x-luytre-request'] !== '1') return problem(response, 403, 'gate.no_header', 'Thiếu X-Luytre-Request');
		if (path === '/login') {
			if (!ROLES[body.login] || body.password === 'sai') return problem(response, 401, 'account.bad_login', 'Tên đăng nhập hoặc mật khẩu không đúng.');
			state.login = body.login;
			state.expired = false;
			return json(response, 200, {});
		}
		const row = table.find(([method, pattern]) => method === request.method && new RegExp(`^${pattern.replace(/:\w+/g, '([^/]+)')}$`).test(path));
		if ((!state.login || state.expired) && row?.[3] !== 'public') return problem(response, 401, 'gate.signed_out', 'Chưa đăng nhập.');
		if (path === '/stream') {
			response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
			response.write(': hello\n\n');
			state.streams.add(response);
			response.on('close', () => state.streams.delete(response));
			return undefined;
		}
		if (!row) return problem(response, 404, 'api.not_found', 'Không có.');
		const id = new RegExp(`^${row[1].replace(/:\w+/g, '([^/]+)')}$`).exec(path)[1];
		const result = row[2]({ url, body, id });
		if (url.searchParams.get('format') === 'csv') {
			const columns = url.searchParams.getAll('column').map((one) => /^([^~=]+)(?:~[^=]+)?=(.*)$/.exec(one));
			const value = (item, path) => path.split('.').reduce((now, name) => now?.[name], item) ?? '';
			response.writeHead(200, { 'Content-Type': 'text/csv; charset=utf-8', 'Content-Disposition': `attachment; filename="${path.slice(1)}.csv"` });
			return response.end(`\ufeff${[columns.map((one) => one[2]), ...result.items.map((item) => columns.map((one) => value(item, one[1])))].map((line) => line.join(',')).join('\r\n')}\r\n`);
		}
		if (result === undefined) return problem(response, 404, 'api.not_found', 'Không tìm thấy.');
		if (result?.approval) return json(response, 202, result);
		if (result?.status && result.key) return problem(response, result.status, result.key, result.detail, result.place);
		return json(response, result === null ? 204 : 200, result);
	};
}

export const ALL = [...READ, 'rule.read', 'rule.write', 'alert.write', 'alert.suppress', 'shift.read', 'shift.write', 'incident.write', 'incident.respond', 'incident.close', 'endpoint.write', 'endpoint.scan', 'endpoint.enrol', 'protection.quarantine', 'protection.release', 'unit.manage', 'account.read', 'account.manage', 'account.reset', 'token.manage', 'audit.read', 'source.read', 'source.write', 'system.read', 'event.read', 'event.sql', 'endpoint.isolate'];

// An address for every page of the console; a page of one record takes a record of that name.
export function addresses(data) {
	return pages.map((page) => page.path.replace(/^\/([a-z_]+)\/:id/, (whole, name) => `/${name}/${(data[name] ?? []).at(2)?.id ?? whole}`));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const mock = await startMock({ port: Number(process.argv[2] ?? 8099), machines: Number(process.argv[3] ?? 20000), allPermissions: ALL });
	console.log(mock.url);
}
