/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The built-in dictionary on small records of every sender it knows; all of them made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/event/event_parse_test_support.h"

static void test_texts(void **state)
{
	(void)state;
	static const struct form_case cases[] = {
		{"<86>Nov 21 13:56:35 srv sshd[12]: Failed password for invalid user x from 8.8.8.8 port 1 ssh2 from 192.0.2.9 port 4711 ssh2",
		 "user.name=x from 8.8.8.8 port 1 ssh2\nsource.ip=192.0.2.9\nsource.port=4711\nevent.action=ssh_login\nevent.outcome=failure"},
		{"<86>Nov 21 13:56:35 srv sshd[12]: Failed none for invalid user  from 192.0.2.9 port 4711 ssh2",
		 "!user.name\nsource.ip=192.0.2.9\nevent.outcome=failure"},
		{"<86>Nov 21 13:56:35 srv sshd[12]: Accepted publickey for an from 2001:db8::7 port 22022 ssh2: ED25519 SHA256:abc",
		 "user.name=an\nsource.ip=2001:db8::7\nssh.method=publickey\nevent.outcome=success"},
		{"<86>Nov 21 13:56:35 srv sshd-session[12]: Connection closed by authenticating user root 192.0.2.9 port 40 [preauth]",
		 "user.name=root\nsource.ip=192.0.2.9"},
		{"<86>Nov 21 13:56:35 srv sshd[1]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.9  user=root",
		 "user.name=root\nsource.ip=192.0.2.9\nevent.outcome=failure\nevent.category=authentication"},
		{"<85>Nov 21 13:56:35 srv sudo:       an : TTY=pts/0 ; PWD=/home/an ; USER=root ; COMMAND=/usr/bin/cat /etc/shadow",
		 "user.name=an\nuser.effective.name=root\nprocess.command_line=/usr/bin/cat /etc/shadow\nevent.outcome=success"},
		{"<85>Nov 21 13:56:35 srv sudo:       an : user NOT in sudoers ; TTY=pts/0 ; PWD=/home/an ; USER=root ; COMMAND=/bin/sh",
		 "event.reason=user NOT in sudoers\nevent.outcome=failure"},
		{"<85>Nov 21 13:56:35 srv su[9]: FAILED SU (to root) an on pts/1",
		 "user.name=an\nuser.effective.name=root\nevent.outcome=failure"},
		{"<86>Nov 21 13:56:35 srv useradd[9]: new user: name=x y, UID=1001, GID=1001, home=/home/x",
		 "user.name=x y\nuser.id=1001\nevent.category=iam"},
		{"<78>Nov 21 13:56:35 srv CRON[9]: (root) CMD (echo (a) b)",
		 "user.name=root\nprocess.command_line=echo (a) b"},
		{"<22>Nov 21 13:56:35 mail clamd[9]: /tmp/a: b.exe: Win.Test.EICAR_HDB-1 FOUND",
		 "file.path=/tmp/a: b.exe\nthreat.name=Win.Test.EICAR_HDB-1"},
		{"<166>Nov 21 2026 13:56:35 fw01 : %ASA-6-302013: Built outbound TCP connection 12 for outside:203.0.113.5/443 (203.0.113.5/443) to inside:10.0.0.7/51000 (10.0.0.7/51000)",
		 "host.name=fw01\nevent.provider=ASA\nevent.code=302013\nevent.severity=6\nsource.ip=203.0.113.5\ndestination.ip=10.0.0.7\ndestination.port=51000\nnetwork.transport=TCP\nnetwork.direction=outbound"},
		{"<166>Nov 21 2026 13:56:35: %ASA-4-106023: Deny tcp src outside:192.0.2.9/4711 dst inside:10.0.0.5/22 by access-group \"OUT_IN\" [0x0, 0x0]",
		 "event.action=denied\nevent.outcome=failure\nsource.ip=192.0.2.9\ndestination.port=22"},
		{"<189>45: sw: *Nov 21 06:56:35.123 UTC: %SEC_LOGIN-4-LOGIN_FAILED: Login failed [user: admin] [Source: 192.0.2.9] [localport: 22] [Reason: x]",
		 "event.provider=SEC_LOGIN\nevent.code=LOGIN_FAILED\nuser.name=admin\nsource.ip=192.0.2.9\nevent.outcome=failure"},
		{"<190>Nov 21 13:56:35 2026 SW1 %%10SHELL/5/SHELL_LOGIN(l): admin logged in from 192.0.2.9.",
		 "host.name=SW1\nevent.provider=SHELL\nevent.code=SHELL_LOGIN\nuser.name=admin\nsource.ip=192.0.2.9"},
		{"<14>Nov 21 13:56:35 192.0.2.3 00076 ports: port 5 is now on-line",
		 "host.ip=192.0.2.3\nmessage=00076 ports: port 5 is now on-line"},
		{"<30>Nov 21 13:56:35 router system,error,critical login failure for user admin from 192.0.2.9 via ssh",
		 "host.name=router\nlog.logger=system,error,critical\nuser.name=admin\nsource.ip=192.0.2.9\nevent.outcome=failure"},
		{"<30>Nov 21 13:56:35 router firewall,info forward: in:ether1 out:bridge, connection-state:new src-mac aa:bb:cc:00:11:22, proto TCP (SYN), 192.0.2.9:4711->10.0.0.5:80, len 60",
		 "source.ip=192.0.2.9\nsource.port=4711\ndestination.ip=10.0.0.5\ndestination.port=80\nnetwork.transport=TCP\nobserver.ingress.interface.name=ether1"},
		{"<30>Nov 21 13:56:35 router firewall,info input: in:ether1 out:(unknown 0), proto UDP, 192.0.2.9:53->10.0.0.5:53, len 60",
		 "network.transport=UDP\ndestination.port=53"},
		{"<189>date=2026-11-21 time=13:56:35 devname=\"FG-01\" devid=\"F1\" eventtime=1795244195000000000 tz=\"+0700\" logid=\"0000000013\" type=\"traffic\" subtype=\"forward\" level=\"notice\" srcip=10.0.0.1 srcport=5000 dstip=192.0.2.1 dstport=443 proto=6 action=\"deny\" policyid=3 service=\"HTTPS\" user=\"AN\" msg=\"Ch\xE1\xBA\xB7n truy c\xE1\xBA\xADp\"",
		 "@timestamp=2026-11-21T06:56:35Z\nhost.name=FG-01\nsource.ip=10.0.0.1\ndestination.port=443\nnetwork.transport=tcp\nnetwork.protocol=https\nevent.action=deny\nevent.outcome=failure\nuser.name=AN\nmessage=Ch\xE1\xBA\xB7n truy c\xE1\xBA\xADp\nevent.dataset=fortinet.forward\nevent.code=0000000013"},
		{"<30>device=\"SFW\" date=2026-11-21 time=13:56:35 timezone=\"+07\" device_name=\"XG\" device_id=X log_id=010101600001 log_type=\"Firewall\" log_component=\"Firewall Rule\" log_subtype=\"Denied\" src_ip=10.0.0.1 src_port=1 dst_ip=192.0.2.1 dst_port=2 protocol=\"TCP\"",
		 "@timestamp=2026-11-21T06:56:35Z\nhost.name=XG\nsource.ip=10.0.0.1\nnetwork.transport=tcp\nevent.outcome=failure"},
		{"<134>1 2026-11-21T06:56:35Z gw CheckPoint 1930 - [action:\"Drop\"; ifdir:\"inbound\"; origin:\"192.0.2.8\"; time:\"1795244195\"; proto:\"17\"; src:\"10.0.0.1\"; s_port:\"99\"; dst:\"192.0.2.1\"; service:\"53\"; rule_name:\"Cleanup\"]",
		 "event.action=drop\nevent.outcome=failure\nsource.ip=10.0.0.1\nsource.port=99\ndestination.port=53\nnetwork.transport=udp\nrule.name=Cleanup"},
		{"<4>Nov 21 13:56:35 gw kernel: [12.3] [UFW BLOCK] IN=eth0 OUT= MAC=00:11 SRC=192.0.2.9 DST=10.0.0.5 LEN=40 TOS=0x00 PROTO=TCP SPT=1 DPT=22 SYN",
		 "rule.name=UFW BLOCK\nsource.ip=192.0.2.9\ndestination.port=22\nnetwork.transport=tcp\nevent.dataset=iptables.log"},
		{"CEF:0|Trend|Apex|1|100|Worm|8|rt=1795244195000 dvchost=av1 src=10.0.0.1 suser=an act=blocked fname=a.exe filePath=C:\\\\x\\\\a.exe fileHash=D41D8CD98F00B204E9800998ECF8427E msg=Found a worm",
		 "@timestamp=2026-11-21T06:56:35Z\nhost.name=av1\nsource.ip=10.0.0.1\nuser.name=an\nevent.action=blocked\nevent.outcome=failure\nfile.name=a.exe\nfile.path=C:\\x\\a.exe\nfile.hash.md5=d41d8cd98f00b204e9800998ecf8427e\nevent.code=100\nrule.name=Worm\nmessage=Found a worm"},
		{"CEF:0|V|P|1|1|n|1|rt=Nov 21 2026 13:56:35 msg=x",
		 "@timestamp=2026-11-21T06:56:35Z"},
		{"LEEF:1.0|V|P|1|41|devTime=Nov 21 2026 13:56:35\tsrc=10.0.0.1\tdstPort=99\tusrName=an",
		 "@timestamp=2026-11-21T06:56:35Z\nsource.ip=10.0.0.1\ndestination.port=99\nuser.name=an\nevent.code=41"},
		{"192.0.2.9 - an [21/Nov/2026:13:56:35 +0700] \"GET /a?b=\"c\" HTTP/1.1\" 200 1234 \"https://x/\" \"UA \\\"q\\\" 1\"",
		 "@timestamp=2026-11-21T06:56:35Z\nsource.ip=192.0.2.9\nuser.name=an\nhttp.request.method=GET\nurl.original=/a?b=\"c\"\nurl.path=/a\nurl.query=b=\"c\"\nhttp.response.status_code=200\nhttp.response.body.bytes=1234\nevent.dataset=web.access"},
		{"192.0.2.9 - - [21/Nov/2026:13:56:35 +0700] \"\\x16\\x03\\x01\" 400 226 \"-\" \"-\"",
		 "url.original=\\x16\\x03\\x01\nhttp.response.status_code=400"},
		{"www.tinh.gov.vn:443 192.0.2.9 - - [21/Nov/2026:13:56:35 +0700] \"GET / HTTP/2.0\" 304 - \"-\" \"x\"",
		 "url.domain=www.tinh.gov.vn\nsource.ip=192.0.2.9\nhttp.version=2.0"},
		{"2026/11/21 13:56:35 [error] 12#34: *5 open() failed, client: 192.0.2.9",
		 "@timestamp=2026-11-21T06:56:35Z\nlog.level=error\nprocess.pid=12\nevent.dataset=nginx.error"},
		{"[Sat Nov 21 13:56:35.123456 2026] [core:error] [pid 12] [client 192.0.2.9:4711] AH00126: Invalid URI",
		 "log.logger=core\nlog.level=error\nsource.ip=192.0.2.9\nsource.port=4711\nmessage=AH00126: Invalid URI"},
		{"type=USER_LOGIN msg=audit(1604994496.155:9): pid=1 uid=0 auid=4294967295 ses=1 msg='op=login acct=\"an\" exe=\"/usr/sbin/sshd\" hostname=? addr=192.0.2.9 terminal=ssh res=failed'",
		 "user.name=an\nprocess.executable=/usr/sbin/sshd\nprocess.name=sshd\nsource.ip=192.0.2.9\nevent.outcome=failure\nevent.action=user_login\nevent.category=authentication\n!hostname"},
		{"type=PATH msg=audit(1604994496.155:9): item=0 name=2F746D702F61206220 nametype=CREATE",
		 "file.path=/tmp/a b \nname=/tmp/a b "},
	};
	check_all(EVENT_FORMAT_SYSLOG, cases, ARRAY_LEN(cases));
}

static void test_json(void **state)
{
	(void)state;
	static const struct form_case cases[] = {
		{"{\"EventID\":1,\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"Hostname\":\"PC1\",\"SourceName\":\"Microsoft-Windows-Sysmon\",\"EventTime\":\"2026-11-21 13:56:35\",\"UtcTime\":\"2026-11-21 06:56:34.100\",\"Image\":\"C:\\\\W\\\\cmd.exe\",\"CommandLine\":\"cmd /c x\",\"User\":\"TINH\\\\an\",\"ParentImage\":\"C:\\\\W\\\\explorer.exe\",\"ProcessId\":\"12\",\"Hashes\":\"SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709,MD5=D41D8CD98F00B204E9800998ECF8427E,SHA256=E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855,IMPHASH=D41D8CD98F00B204E9800998ECF8427F\",\"Message\":\"m\"}",
		 "@timestamp=2026-11-21T06:56:34.100000Z\nhost.name=PC1\nevent.code=1\nevent.action=process_creation\nprocess.executable=C:\\W\\cmd.exe\nprocess.name=cmd.exe\nprocess.command_line=cmd /c x\nuser.name=an\nuser.domain=TINH\nprocess.pid=12\nprocess.parent.name=explorer.exe\nfile.hash.md5=d41d8cd98f00b204e9800998ecf8427e\nfile.hash.sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nprocess.hash.md5=d41d8cd98f00b204e9800998ecf8427e\nmessage=m\n!Message"},
		{"{\"Event\":{\"System\":{\"Provider\":{\"#attributes\":{\"Name\":\"Microsoft-Windows-Security-Auditing\"}},\"EventID\":4688,\"TimeCreated\":{\"#attributes\":{\"SystemTime\":\"2026-11-21T06:56:35.5307274Z\"}},\"Channel\":\"Security\",\"Computer\":\"PC1\"},\"EventData\":{\"SubjectUserName\":\"an\",\"SubjectDomainName\":\"TINH\",\"NewProcessId\":\"0x16d0\",\"NewProcessName\":\"C:\\\\x\\\\a.exe\",\"ProcessId\":\"0x2b1c\",\"CommandLine\":\"a -b\",\"TargetUserName\":\"-\",\"ParentProcessName\":\"C:\\\\x\\\\p.exe\"}}}",
		 "@timestamp=2026-11-21T06:56:35.530727Z\nhost.name=PC1\nevent.code=4688\nevent.action=created-process\nprocess.executable=C:\\x\\a.exe\nprocess.pid=5840\nprocess.parent.executable=C:\\x\\p.exe\nprocess.command_line=a -b\nuser.name=an\nevent.provider=Microsoft-Windows-Security-Auditing"},
		{"{\"@timestamp\":\"2026-11-21T06:56:35.000Z\",\"host\":{\"name\":\"collector\"},\"winlog\":{\"channel\":\"Security\",\"event_id\":4625,\"computer_name\":\"DC1\",\"provider_name\":\"P\",\"event_data\":{\"TargetUserName\":\"an\",\"SubjectUserName\":\"-\",\"IpAddress\":\"::ffff:192.0.2.9\",\"IpPort\":\"0\",\"LogonType\":\"3\"}}}",
		 "host.name=DC1\nevent.code=4625\nevent.action=logon-failed\nevent.outcome=failure\nuser.name=an\nsource.ip=192.0.2.9\nwinlog.logon.type=3\nevent.category=authentication"},
		{"{\"@timestamp\":\"2026-11-21T06:56:35.000Z\",\"log_name\":\"Microsoft-Windows-Sysmon/Operational\",\"event_id\":3,\"computer_name\":\"PC2\",\"source_name\":\"Microsoft-Windows-Sysmon\",\"event_data\":{\"Image\":\"C:\\\\a.exe\",\"SourceIp\":\"10.0.0.1\",\"DestinationIp\":\"192.0.2.1\",\"DestinationPort\":\"443\",\"Protocol\":\"TCP\"}}",
		 "host.name=PC2\nevent.action=network_connection\nsource.ip=10.0.0.1\ndestination.port=443\nnetwork.transport=tcp"},
		{"{\"Event\":{\"System\":{\"Provider\":{\"#attributes\":{\"Name\":\"Linux-Sysmon\"}},\"EventID\":1,\"TimeCreated\":{\"#attributes\":{\"SystemTime\":\"2026-11-21T06:56:35Z\"}},\"Channel\":\"Linux-Sysmon/Operational\",\"Computer\":\"u1\"},\"EventData\":{\"Image\":\"/bin/ls\",\"CommandLine\":\"ls\",\"User\":\"root\"}}}",
		 "host.name=u1\nevent.dataset=linux.sysmon\nprocess.name=ls\nuser.name=root\nhost.os.type=linux"},
		{"{\"timestamp\":\"2026-11-21T13:56:35.1+0700\",\"flow_id\":1,\"event_type\":\"alert\",\"src_ip\":\"10.0.0.1\",\"src_port\":1,\"dest_ip\":\"192.0.2.1\",\"dest_port\":80,\"proto\":\"TCP\",\"alert\":{\"action\":\"blocked\",\"signature_id\":5,\"signature\":\"S\",\"category\":\"C\",\"severity\":2},\"http\":{\"hostname\":\"x.vn\",\"url\":\"/a\"}}",
		 "@timestamp=2026-11-21T06:56:35.100000Z\nevent.dataset=suricata.alert\nevent.kind=alert\nrule.name=S\nrule.id=5\nevent.severity=2\nevent.outcome=failure\nsource.ip=10.0.0.1\ndestination.port=80\nnetwork.transport=tcp\nurl.domain=x.vn"},
		{"{\"_path\":\"conn\",\"ts\":\"2026-11-21T06:56:35.1Z\",\"uid\":\"C\",\"id.orig_h\":\"10.0.0.1\",\"id.orig_p\":1,\"id.resp_h\":\"192.0.2.1\",\"id.resp_p\":53,\"proto\":\"udp\",\"service\":\"dns\"}",
		 "event.dataset=zeek.conn\nsource.ip=10.0.0.1\ndestination.port=53\nnetwork.protocol=dns\n@timestamp=2026-11-21T06:56:35.100000Z"},
		{"{\"@stream\":\"dns\",\"@system\":\"z\",\"ts\":1795244195.1,\"uid\":\"C\",\"id_orig_h\":\"10.0.0.1\",\"id_orig_p\":1,\"id_resp_h\":\"192.0.2.1\",\"id_resp_p\":53,\"query\":\"x.vn\"}",
		 "event.dataset=zeek.dns\nhost.name=z\ndns.question.name=x.vn\n@timestamp=2026-11-21T06:56:35.100000Z"},
		{"{\"ts\":1795244195.1,\"uid\":\"C\",\"id.orig_h\":\"10.0.0.1\",\"id.orig_p\":1,\"id.resp_h\":\"192.0.2.1\",\"id.resp_p\":22,\"proto\":\"tcp\",\"service\":\"-\"}",
		 "source.ip=10.0.0.1\n!event.dataset\n!network.protocol\n@timestamp=2026-11-21T06:56:35.100000Z"},
		{"{\"CreationTime\":\"2026-11-21T06:56:35\",\"Id\":\"x\",\"Operation\":\"UserLoggedIn\",\"Workload\":\"AzureActiveDirectory\",\"RecordType\":15,\"ResultStatus\":\"Success\",\"UserId\":\"an@tinh.gov.vn\",\"ClientIP\":\"192.0.2.9:4711\"}",
		 "@timestamp=2026-11-21T06:56:35Z\nevent.action=UserLoggedIn\nuser.name=an\nuser.domain=tinh.gov.vn\nsource.ip=192.0.2.9\nsource.port=4711\nevent.outcome=success"},
		{"{\"eventVersion\":\"1.08\",\"eventTime\":\"2026-11-21T06:56:35Z\",\"eventSource\":\"iam.amazonaws.com\",\"eventName\":\"CreateRole\",\"awsRegion\":\"us-east-1\",\"sourceIPAddress\":\"192.0.2.9\",\"userIdentity\":{\"userName\":\"an\"},\"errorCode\":\"AccessDenied\"}",
		 "event.action=CreateRole\nevent.provider=iam.amazonaws.com\nuser.name=an\nevent.outcome=failure\ncloud.region=us-east-1"},
		{"{\"__REALTIME_TIMESTAMP\":\"1795244195000000\",\"_HOSTNAME\":\"srv\",\"SYSLOG_IDENTIFIER\":\"sshd\",\"_PID\":\"12\",\"PRIORITY\":\"6\",\"_EXE\":\"/usr/sbin/sshd\",\"MESSAGE\":\"Failed password for root from 192.0.2.9 port 22 ssh2\"}",
		 "@timestamp=2026-11-21T06:56:35Z\nhost.name=srv\nprocess.pid=12\nlog.level=informational\nuser.name=root\nsource.ip=192.0.2.9\nevent.outcome=failure"},
		{"{\"__REALTIME_TIMESTAMP\":\"1795244195000000\",\"_HOSTNAME\":\"srv\",\"SYSLOG_IDENTIFIER\":\"sshd\",\"MESSAGE\":\"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.9 user=an\"}",
		 "user.name=an\nsource.ip=192.0.2.9"},
		{"{\"__REALTIME_TIMESTAMP\":\"1795244195000000\",\"MESSAGE\":[104,105,255]}",
		 "message=hi\xEF\xBF\xBD"},
		{"{\"time\":\"2026-11-21T06:56:35Z\",\"msg\":\"hello\",\"level\":\"warn\",\"hostname\":\"h\"}",
		 "@timestamp=2026-11-21T06:56:35Z\nmessage=hello\nlog.level=warn\nhost.name=h"},
		{"{\"@timestamp\":\"2026-11-21T06:56:35Z\",\"user\":{\"name\":\"an\"},\"timestamp\":\"x\"}",
		 "@timestamp=2026-11-21T06:56:35Z\nuser.name=an"},
		{"{\"timestamp\":\"no time\",\"src_ip\":\"no address\",\"event_type\":\"x\"}",
		 "!@timestamp\n!source.ip"},
		{"{\"EventID\":4720,\"Channel\":\"Security\",\"Hostname\":\"DC1\",\"SubjectUserName\":\"an\",\"TargetUserName\":\"be\",\"TargetDomainName\":\"TINH\"}",
		 "user.name=an\nuser.target.name=be\nevent.action=added-user-account\nevent.outcome=success"},
	};
	check_all(EVENT_FORMAT_JSON, cases, ARRAY_LEN(cases));
	/* The same by a listener that does not know the form. */
	check_all(EVENT_FORMAT_TEXT, cases, ARRAY_LEN(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
