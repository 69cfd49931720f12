// SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
// Configuration that makes a device send its logs here, by kind of device. Only what is typed into a device stands here;
// the words around it are texts (ui.source.connect.*).

const CA = '/etc/luytre/ca.pem';

// Lines that several kinds share: sending over the best way that is open.
const rsyslogOut = (at) => at.tls
	? [`global(DefaultNetstreamDriverCAFile="${CA}")`,
		`action(type="omfwd" target="${at.host}" port="${at.tls}" protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format"`,
		'       StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="' + at.host + '"',
		'       queue.type="LinkedList" queue.filename="luytre" queue.maxDiskSpace="1g" queue.saveOnShutdown="on" action.resumeRetryCount="-1")']
	: at.tcp
		? [`action(type="omfwd" target="${at.host}" port="${at.tcp}" protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format"`,
			'       queue.type="LinkedList" queue.filename="luytre" queue.maxDiskSpace="1g" queue.saveOnShutdown="on" action.resumeRetryCount="-1")']
		: [`action(type="omfwd" target="${at.host}" port="${at.udp ?? 514}" protocol="udp" template="RSYSLOG_SyslogProtocol23Format")`];

const beatsOut = (at) => [
	'output.elasticsearch:',
	`  hosts: ["${at.url}"]`,
	`  headers: {Authorization: "Bearer ${at.token}"}`,
	`  ssl.certificate_authorities: ["${CA}"]`,
	'  compression_level: 3',
	'setup.ilm.enabled: false',
	'setup.template.enabled: false',
];

const filebeat = (id, paths, at, parser) => [
	'filebeat.inputs:',
	'  - type: filestream',
	`    id: ${id}`,
	`    paths: [${paths.map((path) => `"${path}"`).join(', ')}]`,
	...(parser ? ['    parsers: [{ndjson: {target: "", add_error_key: true}}]'] : []),
	...beatsOut(at),
];

// `file` is where the lines go; `way` names the texts: ui.source.connect.<id>.
export const DEVICES = [
	{ id: 'rsyslog', kind: 'linux', file: '/etc/rsyslog.d/60-luytre.conf', lines: (at) => rsyslogOut(at), after: 'sudo systemctl restart rsyslog' },
	{ id: 'syslogng', kind: 'linux', file: '/etc/syslog-ng/conf.d/luytre.conf', after: 'sudo systemctl restart syslog-ng',
		lines: (at) => ['destination d_luytre {',
			at.tls ? `  syslog("${at.host}" port(${at.tls}) transport("tls") tls(ca-file("${CA}") peer-verify(required-trusted))`
				: `  syslog("${at.host}" port(${at.tcp ?? at.udp ?? 514}) transport("${at.tcp ? 'tcp' : 'udp'}")`,
			'    disk-buffer(disk-buf-size(1073741824) reliable(yes)));',
			'};',
			'log { source(s_src); destination(d_luytre); };'] },
	{ id: 'winlogbeat', kind: 'windows', file: 'C:\\Program Files\\Winlogbeat\\winlogbeat.yml', after: 'Restart-Service winlogbeat',
		lines: (at) => ['winlogbeat.event_logs:', '  - name: Security', '  - name: System', '  - name: Microsoft-Windows-Sysmon/Operational', '  - name: Microsoft-Windows-PowerShell/Operational',
			...beatsOut(at).map((line) => line.replace(CA, 'C:\\\\ProgramData\\\\luytre\\\\ca.pem'))] },
	{ id: 'filebeat', kind: 'application', file: '/etc/filebeat/filebeat.yml', after: 'sudo systemctl restart filebeat', lines: (at) => filebeat('logs', ['/var/log/*.log', '/var/log/nginx/*.log'], at) },
	{ id: 'suricata', kind: 'suricata', file: '/etc/filebeat/filebeat.yml', after: 'sudo systemctl restart filebeat', lines: (at) => filebeat('suricata', ['/var/log/suricata/eve.json'], at, true) },
	{ id: 'zeek', kind: 'zeek', file: '/etc/filebeat/filebeat.yml', before: ['/opt/zeek/share/zeek/site/local.zeek', '@load policy/tuning/json-logs.zeek'], after: 'sudo systemctl restart filebeat',
		lines: (at) => filebeat('zeek', ['/opt/zeek/logs/current/*.log'], at, true) },
	{ id: 'firewall', kind: 'firewall', lines: (at) => [`${at.host}:${at.tls ?? at.tcp ?? at.udp ?? 514} (${at.tls ? 'TLS' : at.tcp ? 'TCP' : 'UDP'})`] },
	{ id: 'http', kind: 'application', lines: (at) => [
		`curl --cacert ${CA} -H "Authorization: Bearer ${at.token}" -H "Content-Type: application/x-ndjson" \\`,
		`  --data-binary @events.ndjson ${at.url}/api/v1/events`] },
];
