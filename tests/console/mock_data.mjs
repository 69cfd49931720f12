// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Invented records in the shapes of docs/http-api.md, the same on every run.

let seed = 7;
const rand = () => {
	seed = (seed * 1103515245 + 12345) % 2147483648;
	return seed / 2147483648;
};
const pick = (list) => list[Math.floor(rand() * list.length)];
let ids = 0;
export const uuid = () => `01939f00-0000-7000-8000-${String(++ids).padStart(12, '0')}`;
export const ago = (minutes) => new Date(Date.now() - minutes * 60000).toISOString();

const NAMES = ['Công an thành phố', 'Sở Khoa học và Công nghệ', 'Sở Tài chính', 'Sở Nội vụ', 'Sở Giáo dục và Đào tạo', 'Sở Tư pháp', 'Văn phòng UBND thành phố',
	'Phường Cái Khế', 'Phường Ninh Kiều', 'Phường Tân An', 'Phường An Bình', 'Phường Ô Môn', 'Phường Thới Long', 'Phường Bình Thủy', 'Phường Cái Răng', 'Phường Hưng Phú', 'Phường Thốt Nốt',
	'Xã Phong Điền', 'Xã Nhơn Ái', 'Xã Cờ Đỏ', 'Xã Thạnh Phú', 'Xã Vĩnh Thạnh', 'Xã Trường Long', 'Xã Đông Phước', 'Xã Hòa An', 'Xã Kế Sách', 'Xã Mỹ Tú', 'Xã Nhu Gia', 'Xã Đại Ngãi', 'Xã Long Phú'];
const THREATS = ['Win.Trojan.GiaHoaDon', 'EICAR-Test-File', 'VN_MaDoc_TuDongChay_USB', 'Win.Ransom.KhoaTep', 'Html.Phish.NganHang', 'VN_Webshell_Php_Nho'];
const PEOPLE = ['Nguyễn Văn Hải', 'Trần Thị Lan', 'Lê Hoàng Đức', 'Phạm Thị Ngọc Ánh', 'Võ Minh Đăng', 'Huỳnh Thị Ếch Ộp', 'Đặng Quốc Ưng', 'Bùi Thị Hồng Nhung'];

export function makeData(machines) {
	const city = { id: uuid(), code: '92', kind: 'city', kind_label: 'Thành phố trực thuộc Trung ương', name: 'Thành phố Cần Thơ', parent_id: null, parent_name: null, path_names: [], etag: 'u0' };
	const units = [city, ...NAMES.map((name, i) => ({
		id: uuid(), code: String(31120 + i * 3), kind: name.startsWith('Phường') ? 'ward' : name.startsWith('Xã') ? 'commune' : 'department',
		kind_label: name.startsWith('Phường') ? 'Phường' : name.startsWith('Xã') ? 'Xã' : 'Sở, ban, ngành', name, parent_id: city.id, parent_name: city.name, path_names: [city.name], closed_at: null, etag: `u${i}`,
	}))];
	units.push({ ...units[1], id: uuid(), code: 'PA05', kind: 'part', kind_label: 'Phòng, bộ phận', name: 'Phòng An ninh mạng và phòng, chống tội phạm công nghệ cao', parent_id: units[1].id, parent_name: units[1].name, path_names: [city.name, units[1].name] });
	const ref = (unit) => ({ id: unit.id, name: unit.name });
	const REASON = { protected: 'Đang canh tệp, mẫu nhận diện mới nhất.', outdated: 'Mẫu nhận diện đã cũ 3 ngày; máy chưa tải bộ mới.', silent: 'Không liên lạc từ hôm qua.', unprotected: 'Bộ quét không chạy: thiếu bộ nhớ.' };
	const endpoints = Array.from({ length: machines }, (_, i) => {
		const unit = pick(units), r = rand(), windows = rand() < 0.8;
		const state = r < 0.86 ? 'protected' : r < 0.92 ? 'outdated' : r < 0.97 ? 'silent' : 'unprotected';
		return {
			id: uuid(), hostname: `${windows ? 'PC' : 'SRV'}-${String(i + 1).padStart(5, '0')}`, unit: ref(unit), os: windows ? 'Windows' : 'Debian', os_version: windows ? pick(['Windows 10 Pro 22H2', 'Windows 11 Pro 24H2', 'Windows 7 Professional SP1']) : 'Debian 12',
			addresses: [`10.${i >> 12}.${(i >> 4) & 255}.${(i & 15) + 10}`], state, state_reason_key: `endpoint.reason.${state}`, state_reason: REASON[state], agent_version: '0.1.0', bundle_version: '2026.11.21-1',
			watch_mode: windows ? 'fanotify' : 'inotify', last_seen_at: state === 'silent' ? ago(1500 + i % 900) : ago(rand() * 2), enrolled_at: ago(40000 + i), sample: true, etag: `e${i}`,
		};
	});
	const alerts = Array.from({ length: 420 }, (_, i) => {
		const endpoint = pick(endpoints), severity = pick(['critical', 'high', 'high', 'medium', 'medium', 'medium', 'low', 'low']), threat = pick(THREATS), state = i < 14 ? 'new' : i < 26 ? 'acknowledged' : 'closed';
		// Every third one is a Sigma rule's, on a machine that sends logs without an agent now and then.
		const sigma = i % 3 === 1 && { title: 'Suspicious Encoded PowerShell Command Line', what: 'Chạy lệnh PowerShell đáng ngờ', rule_id: 'ca2092a1-c273-4878-9b4b-0d60115bf5ea', threat: '', kind: 'sigma', technique: 'T1059.001', entity: 'user.name=lan.nguyen', ...(i % 6 === 1 ? { endpoint: null, host: 'srv-cong-van' } : null) };
		return { ...{ id: uuid(), number: 1420 - i, title: `Phát hiện ${threat}`, what: null, severity, state, rule_id: 'malware.agent', threat, kind: 'malware', technique: '', entity: '', host: '', score: 50, created_at: ago(i * 37 + 9), endpoint: { id: endpoint.id, hostname: endpoint.hostname }, unit: endpoint.unit, count: 1 + Math.floor(rand() * 4),
			first_at: ago(i * 37 + 9), last_at: ago(i * 37 + 2), assignee: state === 'new' ? null : { id: 'me', name: 'Nguyễn Văn Hải' }, incident: null, etag: `a${i}-1`, comments: [] }, ...sigma };
	});
	const detections = alerts.filter((alert) => alert.threat).map((alert, i) => ({ id: uuid(), at: alert.last_at, endpoint: alert.endpoint, unit: alert.unit, threat: alert.threat, engine: i % 3 ? 'hash' : 'yara', rule: alert.threat, path: i % 2 ? `C:\\Users\\Public\\Downloads\\hoá đơn điện tử ${i}\\hoa_don_${i}.exe` : `/home/canbo/Tải xuống/hoa_don_${i}.bin`,
		sha256: String(i).padStart(4, '0').repeat(16), size_bytes: 1024 * (i + 3), action: i % 9 ? 'quarantined' : 'reported', quarantine_id: uuid(), alert_id: alert.id }));
	const quarantine = detections.slice(0, 60).map((d, i) => ({ id: d.quarantine_id, endpoint: d.endpoint, unit: d.unit, path: d.path, threat: d.threat, sha256: d.sha256, size_bytes: d.size_bytes, quarantined_at: d.at, state: i % 7 === 3 ? 'restored' : 'held', etag: `q${i}` }));
	const KINDS = [['attack.malware', 'Tấn công sử dụng mã độc'], ['attack.spoof', 'Tấn công giả mạo'], ['tech.power', 'Sự cố nguồn điện'], ['user.sharing', 'Chia sẻ thông tin, sử dụng chung tài khoản sai quy định']];
	const LABEL = { new: 'Mới tiếp nhận', triaged: 'Đã phân loại', responding: 'Đang ứng cứu', recovering: 'Đang khôi phục', closed: 'Đã đóng' };
	const incidents = Array.from({ length: 34 }, (_, i) => {
		const unit = pick(units), kind = pick(KINDS), state = i < 2 ? 'new' : i < 4 ? 'responding' : i < 5 ? 'recovering' : 'closed', endpoint = i % 3 ? null : pick(endpoints);
		return { id: uuid(), number: `SC-2026-${String(34 - i).padStart(4, '0')}`, title: pick(['Máy bộ phận một cửa nhiễm mã độc', 'Thư giả mạo Kho bạc gửi nhiều đơn vị', 'Mất điện phòng máy chủ', 'Tài khoản dùng chung bị lộ mật khẩu']), kind: kind[0], kind_label: kind[1],
			severity: pick(['critical', 'high', 'medium', 'low']), state, state_label: LABEL[state], unit: ref(unit), endpoint: endpoint && { id: endpoint.id, hostname: endpoint.hostname }, opened_at: ago(i * 3000 + 40), detected_at: ago(i * 3000 + 90), closed_at: state === 'closed' ? ago(i * 3000 - 900) : null,
			owner: i ? { id: 'me', name: pick(PEOPLE) } : null, etag: `i${i}`, description: 'Cán bộ tiếp dân báo không mở được văn bản lúc 7 giờ 50.\nĐã rút mạng, giữ nguyên hiện trạng.', alerts: alerts.slice(i, i + 2),
			timeline: [{ id: uuid(), at: ago(i * 3000 + 40), author: 'Nguyễn Văn Hải', type: 'opened', text: 'Tiếp nhận từ điện thoại.' }, { id: uuid(), at: ago(i * 3000 + 22), author: 'Nguyễn Văn Hải', type: 'state', text: 'Đủ căn cứ.', from: 'new', to: 'responding' }, { id: uuid(), at: ago(i * 3000 + 10), author: 'Trần Thị Lan', type: 'comment', text: 'Đã gọi bộ phận một cửa, máy đã rút mạng.' }] };
	});
	const roles = [['administrator', 'Quản trị hệ thống', 'watch'], ['analyst', 'Trực giám sát', 'watch'], ['officer', 'Cán bộ đơn vị', 'unit'], ['leader', 'Lãnh đạo', 'leader'], ['log_sender', 'Máy gửi nhật ký', 'unit']].map(([role, label, shell]) => ({ role, label, shell, permissions: [], for_machines: role === 'log_sender' }));
	const accounts = PEOPLE.map((name, i) => ({ id: uuid(), login: `canbo.${i + 1}`, display_name: name, email: null, phone: `0901 234 56${i}`, position: 'Công chức văn hóa - xã hội', unit: ref(units[i + 3]), grants: [{ id: uuid(), role: roles[i % 4].role, role_label: roles[i % 4].label, unit: ref(units[i % 5]), expires_at: null }], disabled: i === 6, last_login_at: i % 3 ? ago(i * 700) : null, etag: `c${i}` }));
	const audit = Array.from({ length: 900 }, (_, i) => ({ number: 900 - i, at: ago(i * 11), account_name: pick(PEOPLE), kind: 'account', peer: '10.92.1.14', action: pick(['account.login', 'alert.acknowledge', 'incident.create', 'quarantine.restore', 'endpoint.read']), object_type: pick(['alert', 'incident', 'account']), object_id: uuid(), unit: pick(units).name, details: { note: 'ghi chú', from: 'new', to: 'acknowledged' }, hash: 'ab12'.repeat(16) }));
	const bundles = [3, 2, 1].map((n) => ({ version: `2026.11.2${n}-1`, created_at: ago((4 - n) * 1440), expires_at: ago(-20000), sha256: 'cd'.repeat(32), size_bytes: 42000 + n * 900, hash_count: 1200 + n, rule_count: 40 + n, state: n === 3 ? 'current' : 'superseded', note: 'Bổ sung mẫu chiến dịch giả mạo hóa đơn điện tử', endpoints_on_it: n === 3 ? Math.round(machines * 0.9) : 40 * n }));
	bundles.unshift({ ...bundles[0], version: 4, state: 'halted', wave: 2, wave_at: ago(40), permille: 100, halt_key: 'protection.halt_detections', halt_args: { with: 90, without: 4 }, held: [{ rule: 'upload.yar:too_wide', path: '/var/lib/luytre/core/clean/mau-cong-van.docx' }], chunks: true, endpoints_on_it: Math.round(machines * 0.1) });
	const threats = THREATS.map((threat) => {
		const mine = detections.filter((d) => d.threat === threat);
		return { threat, detections: mine.length, endpoints: new Set(mine.map((d) => d.endpoint.id)).size, units: new Set(mine.map((d) => d.unit.id)).size, first_at: mine.at(-1)?.at, last_at: mine[0]?.at };
	});
	const tokens = [{ id: uuid(), name: 'Nhật ký tường lửa trung tâm dữ liệu', role: 'analyst', unit: ref(city), created_at: ago(9000), expires_at: ago(-90000), used_at: ago(3) }];
	const monday = Date.now() - ((new Date(Date.now() + 7 * 3600000).getUTCDay() + 6) % 7) * 86400000;
	const shifts = Array.from({ length: 21 }, (_, i) => {
		const start = Math.floor((monday + 7 * 3600000) / 86400000) * 86400000 - 7 * 3600000 + Math.floor(i / 3) * 86400000 + [6, 14, 22][i % 3] * 3600000;
		return { id: uuid(), account: { id: i % 4 ? `p${i % 4}` : 'me', name: i % 4 ? PEOPLE[i % PEOPLE.length] : 'Nguyễn Văn Hải' }, unit: { id: city.id, name: city.name }, starts_at: new Date(start).toISOString(), ends_at: new Date(start + 8 * 3600000).toISOString(), note: i % 7 === 2 ? 'trực chính' : '' };
	});
	const handovers = ['draft', 'signed', 'accepted'].map((state, i) => ({ id: uuid(), number: 12 - i, state, unit: { id: city.id, name: city.name }, author: state === 'draft' ? { id: 'me', name: 'Nguyễn Văn Hải' } : { id: 'p2', name: PEOPLE[2] }, created_at: ago(30 + i * 480), signed_at: state === 'draft' ? null : ago(20 + i * 480), signed_with: state === 'draft' ? '' : 'totp',
		accepted_at: state === 'accepted' ? ago(10 + i * 480) : null, accepted_by: state === 'accepted' ? { id: 'p3', name: PEOPLE[3] } : null, accepted_with: state === 'accepted' ? 'password' : '', accepted_note: state === 'accepted' ? 'Đã đọc, sẽ gọi lại phường Ninh Kiều.' : '', etag: `h${i}`, sha256: state === 'draft' ? '' : 'ab12'.repeat(16), mine: state === 'draft',
		facts: { open: { critical: 1, high: 6, medium: 12, low: 7 }, alerts: [], promises: [], blind: [] }, body: 'Cảnh báo đang mở: 26 (nghiêm trọng 1, cao 6, trung bình 12, thấp 7).\n- Số 1420 [Nghiêm trọng] Chạy lệnh PowerShell đáng ngờ · srv-cong-van · Sở Tài chính. Chưa ai xử lý.\nViệc đã hẹn:\n- 21/11/2026 06:00: gọi lại anh Hải (cảnh báo số 1418, Lê Thị Mai hẹn).\nChỗ không nhìn thấy:\n- Không có.\n' }));
	const suppressions = alerts.slice(0, 6).map((alert, i) => ({ id: uuid(), rule_id: alert.rule_id, rule_title: alert.title, threat: alert.threat, entity: alert.entity, endpoint: alert.endpoint, host: alert.host, unit: alert.unit, scope: 'host', reason: 'Đơn vị đang cài phần mềm kế toán, đã gọi xác nhận.', author: { id: 'me', name: 'Nguyễn Văn Hải' }, created_at: ago(600), expires_at: ago(-4000 * (i + 1)), ended_at: null, ended_by: '', swallowed: i * 37, swallowed_at: i ? ago(i * 9) : null, state: i < 4 ? 'active' : 'expired', etag: `s${i}` }));
	const SOURCES = [['Tường lửa biên trung tâm dữ liệu', 'firewall', 3, 'ok'], ['Máy chủ cổng dịch vụ công', 'linux', 3, 'silent'], ['Cảm biến Suricata', 'suricata', 4, 'losing'], ['Máy chủ tên miền', 'windows', 2, 'clock'], ['Cổng thông tin điện tử', 'application', 0, 'unreadable'], ['Bộ chuyển mạch tầng 2', 'other', 1, 'waiting']];
	const sources = SOURCES.map(([name, kind, level, condition], i) => ({ id: uuid(), unit: ref(units[i]), name, system_name: level ? 'Trung tâm dữ liệu' : '', system_level: level, kind, addresses: [`10.92.${i}.1`], fingerprint: null, token_id: null, format: 'auto', retention: '', retention_days: 93, rate_per_s: 0, silence_s: 3600, enabled: true, note: '', created_at: ago(9000), etag: `s${i}`,
		state: { condition, taken: 120000 * i, bytes: 90000000 * i, duplicates: 0, rejected: 0, dropped: condition === 'losing' ? 412 : 0, limited: 0, unparsed: i, first_at: ago(9000), last_at: condition === 'waiting' ? null : ago(i * 30), silent_since: null, clock_since: null, lost: condition === 'losing' ? 412 : 0, lost_since: null, skew_s: condition === 'clock' ? 1740 : 0, via: 'tls', unparsed_sample: condition === 'unreadable' ? 'lỗi <b>kết nối</b> 17' : null, rejected_why: null } }));
	const strangers = [{ address: '10.92.40.7', fingerprint: null, via: 'udp', count: 1204, first_at: ago(60), last_at: ago(0), sample: '<134>Nov 21 21:14:15 sw-tang2 link down' }];
	const rules = Array.from({ length: 300 }, (_, i) => ({ id: uuid(), origin: i % 50 ? 'archive' : 'own', archive: i % 50 ? { id: '01939f00-0000-7000-8000-0000000000aa', name: 'SigmaHQ' } : null, path: `rules/windows/rule_${i}.yml`, sigma_id: `5589ab4f-a767-433c-961d-${String(i).padStart(12, '0')}`, kind: 'rule', title: `Suspicious Process Number ${i}`, level: ['low', 'medium', 'high', 'critical'][i % 4], status: 'test', category: 'process_creation', product: 'windows', service: '', tags: ['attack.execution', 'attack.t1059.001'], documents: 1, refused: null, enabled: i % 9 !== 0, gone: false, state: i % 9 ? 'on' : 'off', changed_at: ago(900), changed_by: 'Trần Minh Quân', hits_per_day: i % 40 ? null : 150, noisy: i % 40 === 0, off_why: i % 9 ? null : 'level', replayed_at: null, exclusions: 0, etag: '"1"', text: 'title: x\nlogsource:\n  product: windows\n', author: 'Nguyễn Văn A', ids: [], created_at: ago(9000), exclusion_list: [] }));
	const dead = [1, 2].map((i) => ({ id: uuid(), received: ago(60 * i), unit: ref(units[i]), source: 'agent', reason: 'Code: 41. DB::Exception: Cannot parse DateTime64: value 99999999999 is out of range', why: i === 1 ? 'Có thời điểm không đọc được.' : null, raw: `{"@timestamp":"99999999999","message":"Hộp đen ${i}"}` }));
	return { dead, sources, strangers, rules, shifts, handovers, suppressions, city, units, endpoints, alerts, detections, quarantine, incidents, roles, accounts, audit, bundles, threats, tokens, kinds: KINDS, label: LABEL };
}
