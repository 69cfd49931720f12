/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file/file.h"
#include "engine/event/event_dictionary.h"
#include "engine/event/event_parse_test_support.h"

static void test_syslog(void **state)
{
	(void)state;
	static const struct form_case cases[] = {
		/* RFC 5424 */
		{"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog 12 ID47 [exampleSDID@32473 iut=\"3\" eventSource=\"Appli\\\"ca\\]tion\"] \xEF\xBB\xBF"
		 "An application event",
		 "@timestamp=2003-10-11T22:14:15.003000Z\nhost.name=mymachine.example.com\nprocess.name=evntslog\nprocess.pid=12\n"
		 "log.syslog.msgid=ID47\nlog.syslog.structured_data.exampleSDID@32473.iut=3\n"
		 "log.syslog.structured_data.exampleSDID@32473.eventSource=Appli\"ca]tion\nmessage=An application event\n"
		 "log.syslog.facility.name=local4\nlog.level=notice\nevent.severity=5\n!event.parsed"},
		{"<34>1 - - - - - -", "!@timestamp\n!host.name\nmessage=\nlog.level=critical\n!event.parsed"},
		{"<34>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time", "@timestamp=2003-08-24T12:14:15.000003Z\nhost.ip=192.0.2.1\nmessage=%% It's time"},
		{"<34>1 2026-11-21T06:00:00+07:00 h a - - [bad xx] text", "host.name=h\nmessage=[bad xx] text"},
		{"<34>1 2026-11-21T06:00:00+07:00 h a - - [x a=\"1\"][y b=\"2\"]", "log.syslog.structured_data.x.a=1\nlog.syslog.structured_data.y.b=2"},
		/* RFC 3164 */
		{"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
		 "@timestamp=2026-10-11T15:14:15Z\nhost.name=mymachine\nprocess.name=su\nmessage='su root' failed for lonvick on /dev/pts/8"},
		{"<13>Dec 31 23:59:59 h app: x", "@timestamp=2025-12-31T16:59:59Z"},
		{"<13>Mar  1 00:00:01 h app[7]: x", "@timestamp=2026-02-28T17:00:01Z\nprocess.pid=7"},
		{"Jun 14 15:16:01 combo sshd(pam_unix)[19939]: check pass; user unknown", "host.name=combo\nprocess.name=sshd(pam_unix)\nprocess.pid=19939\nmessage=check pass; user unknown"},
		{"<13>Nov 21 13:56:35 sshd[12]: no host", "!host.name\nprocess.name=sshd\nprocess.pid=12\nmessage=no host"},
		{"<13>sshd[12]: neither time nor host", "process.name=sshd\nmessage=neither time nor host\n!@timestamp\n!event.parsed"},
		{"<13>just words", "message=just words\n!process.name\n!host.name\n!event.parsed"},
		{"<13>2026-11-21T13:56:35.5+07:00 h app: iso", "@timestamp=2026-11-21T06:56:35.500000Z\nhost.name=h\nmessage=iso"},
		{"<13>Nov 21 2026 13:56:35 fw01 : %ASA-6-302013: Built", "@timestamp=2026-11-21T06:56:35Z\nhost.name=fw01\nmessage=%ASA-6-302013: Built"},
		{"<189>123: Nov 21 13:56:35.123: %SYS-5-CONFIG_I: Configured", "event.sequence=123\n@timestamp=2026-11-21T06:56:35.123000Z\n!host.name\nmessage=%SYS-5-CONFIG_I: Configured"},
		{"<189>45: core-sw: *Nov 21 06:56:35.123 UTC: %SYS-5-CONFIG_I: Configured", "event.sequence=45\nhost.name=core-sw\n@timestamp=2026-11-21T06:56:35.123000Z\nmessage=%SYS-5-CONFIG_I: Configured"},
		{"<166>:Nov 21 13:56:35 ICT: %ASA-session-5-106100: x", "@timestamp=2026-11-21T06:56:35Z\nmessage=%ASA-session-5-106100: x"},
		{"<13>Nov 21 13:56:35 2001:db8::1 app: x", "host.ip=2001:db8::1\nprocess.name=app"},
		{"<13>Nov 21 13:56:35 h Google Chrome[12]: x", "process.name=Google Chrome\nprocess.pid=12"},
		{"<13>Nov 21 13:56:35 m\xC3\xA1y-k\xE1\xBA\xBF-to\xC3\xA1n app: \xC4\x90\xC4\x83ng nh\xE1\xBA\xADp th\xE1\xBA\xA5t b\xE1\xBA\xA1i", "host.name=m\xC3\xA1y-k\xE1\xBA\xBF-to\xC3\xA1n\nmessage=\xC4\x90\xC4\x83ng nh\xE1\xBA\xADp th\xE1\xBA\xA5t b\xE1\xBA\xA1i"},
		{"<13>Nov 21 13:56:35 h app: a\xff\xc3 b", "message=a\xEF\xBF\xBD\xEF\xBF\xBD b"},
		{"<192>Nov 21 13:56:35 h app: x", "event.parsed=false\nmessage=<192>Nov 21 13:56:35 h app: x"},
		{"<13", "event.parsed=false\nmessage=<13"},
		{"", "event.parsed=false\nmessage="},
	};
	check_all(EVENT_FORMAT_SYSLOG, cases, ARRAY_LEN(cases));
}

static void test_devices(void **state)
{
	(void)state;
	static const struct form_case cases[] = {
		{"<134>Nov 21 13:56:35 gw CEF:0|Ve\\|ndor|Pro\\\\duct|1.0|100|Worm, detected|10|src=10.0.0.1 dst=2.1.2.2 msg=a \\= b c request=http://x/?a=1 spt=1232 cs1Label=Policy cs1=",
		 "host.name=gw\ndeviceVendor=Ve|ndor\ndeviceProduct=Pro\\duct\ndeviceEventClassId=100\nname=Worm, detected\nseverity=10\nsrc=10.0.0.1\ndst=2.1.2.2\n"
		 "msg=a = b c\nrequest=http://x/?a=1\nspt=1232\ncs1Label=Policy\n!cs1"},
		{"CEF:0|a|b|c|d|e", "event.parsed=false"},
		{"CEF:0|a|b|c|d|e|f|", "deviceVendor=a\nseverity=f\n!event.parsed"},
		{"LEEF:1.0|Microsoft|MSExchange|4.0 SP1|15345|src=192.0.2.0\tdst=172.50.123.1\tsev=5\tmsg=a b", "deviceVendor=Microsoft\ndeviceEventClassId=15345\nsrc=192.0.2.0\nsev=5\nmsg=a b"},
		{"<13>Nov 21 13:56:35 h LEEF:2.0|Lancope|StealthWatch|1.0|41|^|src=10.0.1.8^dst=10.0.0.5^sev=5", "host.name=h\nsrc=10.0.1.8\ndst=10.0.0.5\nsev=5"},
		{"LEEF:2.0|V|P|1|41|x7C|a=1|b=2", "a=1\nb=2"},
		{"LEEF:2.0|V|P|1|41|a=1\tb=2", "a=1\nb=2"},
		{"<189>date=2026-11-21 time=13:56:35 devname=\"FG-01\" msg=\"a \\\"b\\\" c\" path=\"C:\\Temp\\\" srcip=10.0.0.1", "date=2026-11-21\ndevname=FG-01\nmsg=a \"b\" c\npath=C:\\Temp\\\nsrcip=10.0.0.1"},
		{"<4>Nov 21 13:56:35 gw kernel: [12.3] [UFW BLOCK] IN=eth0 OUT= MAC=00:11 SRC=1.2.3.4 DST=5.6.7.8 LEN=40 PROTO=TCP SPT=1 DPT=22 SYN URGP=0", "IN=eth0\n!OUT\nSRC=1.2.3.4\nDPT=22"},
		{"<134>1 2026-11-21T06:56:35Z gw CheckPoint 1930 - [action:\"Drop\"; flags:\"1\"; src:\"10.0.0.1\"; dst:\"8.8.8.8\"; s_port:\"99\"]", "action=Drop\nsrc=10.0.0.1\ns_port=99"},
		{"<13>Nov 21 13:56:35 h app: one=1 two words=3 many more words than pairs here", "!one\nprocess.name=app"},
		{"<13>Nov 21 13:56:35 h app: @cee: {\"a\":{\"b\":1},\"message\":\"m\"}", "a.b=1\nmessage=m\nhost.name=h"},
		{"<13>Nov 21 13:56:35 h suricata[9]: {\"event_type\":\"alert\",\"src_ip\":\"1.2.3.4\"}", "event_type=alert\nsrc_ip=1.2.3.4\nprocess.name=suricata"},
		{"type=EXECVE msg=audit(1604994496.155:92733): argc=3 a0=\"grep\" a1=2D76 a2=\"^?\"", "type=EXECVE\n@timestamp=2020-11-10T07:48:16.155000Z\nevent.sequence=92733\na0=grep\na1=-v\nprocess.command_line=grep -v ^?"},
		{"node=web1 type=PROCTITLE msg=audit(1604994496.155:92734): proctitle=67726570002D76005E3F", "host.name=web1\nproctitle=grep -v ^?"},
		{"type=SYSCALL msg=audit(1604994496.155:92733): arch=c000003e syscall=59 a0=558e251634a0 comm=\"arp\" exe=\"/usr/sbin/arp\" key=(null)", "a0=558e251634a0\ncomm=arp\n!key"},
		{"type=USER_AUTH msg=audit(1604994496.155:9): pid=1 uid=0 msg='op=PAM:authentication acct=\"root\" exe=\"/usr/sbin/sshd\" addr=1.2.3.4 res=failed'", "acct=root\nres=failed\naddr=1.2.3.4\nop=PAM:authentication\n!msg"},
		{"type=USER_AUTH msg=audit(x:9): pid=1 uid=0", "!@timestamp"},
	};
	check_all(EVENT_FORMAT_SYSLOG, cases, ARRAY_LEN(cases));
}

static void test_times(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want; /* NULL: none */
	} cases[] = {
		{"2026-11-21T13:56:35+07:00", "2026-11-21T06:56:35Z"},
		{"2026-11-21 13:56:35,123", "2026-11-21T06:56:35.123000Z"},
		{"2026-11-21T06:56:35.123456789Z", "2026-11-21T06:56:35.123456Z"},
		{"2018-03-24T14:37:19.037299-0600", "2018-03-24T20:37:19.037299Z"},
		{"Sun Dec 04 04:47:44 2005", "2005-12-03T21:47:44Z"},
		{"Sun Dec 04 04:47:44.123456 2005", "2005-12-03T21:47:44.123456Z"},
		{"21/Nov/2026:13:56:35 +0700", "2026-11-21T06:56:35Z"},
		{"21/11/2026 13:56:35", "2026-11-21T06:56:35Z"},
		{"11/21/2026 13:56:35", "2026-11-21T06:56:35Z"},
		{"17/06/09 20:10:40", "2017-06-09T13:10:40Z"},
		{"2026/11/21 13:56:35", "2026-11-21T06:56:35Z"},
		{"081109 203615", "2008-11-09T13:36:15Z"},
		{"03-17 16:13:38.811", "2026-03-17T09:13:38.811000Z"},
		{"20171223-22:15:29:606", "2017-12-23T15:15:29.606000Z"},
		{"2005-06-03-15.42.50.675872", "2005-06-03T08:42:50.675872Z"},
		{"21 Nov 2026 13:56:35", "2026-11-21T06:56:35Z"},
		{"Dec 31 23:59:59", "2025-12-31T16:59:59Z"},
		{"Nov 27 00:00:00", "2026-11-26T17:00:00Z"},
		{"Feb 29 00:00:00", "2024-02-28T17:00:00Z"},
		{"Jun 30 06:59:60", "2026-06-30T00:00:00Z"},
		{"1604994496", "2020-11-10T07:48:16Z"},
		{"1604994496.155", "2020-11-10T07:48:16.155000Z"},
		{"1604994496155", "2020-11-10T07:48:16.155000Z"},
		{"1604994496155000", "2020-11-10T07:48:16.155000Z"},
		{"1604994496155000000", "2020-11-10T07:48:16.155000Z"},
		{"Feb 30 00:00:00", NULL},
		{"Nov 21 25:00:00", NULL},
		{"2026-13-01 00:00:00", NULL},
		{"2026-11-21 13:56:35 x", NULL},
		{"99999999999999999999", NULL},
		{"12", NULL},
		{"", NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[EVENT_STAMP_SIZE + 1] = "";
		usec_t t = 0;
		bool ok = event_stamp_parse(str_c(cases[i].text), &at_receipt, &t);
		if (ok != (cases[i].want != NULL))
			fail_msg("%s: %s", cases[i].text, ok ? "taken" : "refused");
		if (!ok)
			continue;
		text[event_stamp_iso(t, text)] = '\0';
		assert_string_equal(text, cases[i].want);
	}
}

/* Rules read JSON whatever came; a text that only begins like it is made of its fields. */
static void test_for_rules(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *want;
	} cases[] = {
		{"{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}"},
		{"{x a=1 b=2 c=3", "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"message\":\"{x a=1 b=2 c=3\",\"log.form\":\"text\"}"},
		{"<13>h app: {\"a\":[1,2],\"b\":null}", "{\"log.syslog.facility.name\":\"user\",\"log.level\":\"notice\",\"event.severity\":5,"
		                                  "\"process.name\":\"app\",\"host.name\":\"h\",\"a\":[1,2],\"message\":\"{\\\"a\\\":[1,2],\\\"b\\\":null}\",\"log.form\":\"text\"}"},
	};
	struct arena *arena = arena_new(0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct event e;
		assert_int_equal(event_parse_at(arena, EVENT_FORMAT_TEXT, str_c(cases[i].raw), &at_receipt, &e, NULL), 0);
		struct str json = event_json(arena, EVENT_FORMAT_TEXT, &e);
		assert_string_equal(arena_cstr(arena, json), cases[i].want);
	}
	arena_free(arena);
}

static void test_dictionary(void **state)
{
	(void)state;
	char path[512], line[600];
	struct err err = {0};
	cleanup_buf struct buf text = BUF_INIT((size_t)4 << 20);
	const char *source = getenv("LUYTRE_SOURCE");
	(void)snprintf(path, sizeof path, "%s/packs/events/dictionary.yaml", source != NULL ? source : ".");
	struct event_dictionary *d = NULL;
	int r = file_read(path, (size_t)4 << 20, &text, &err);
	if (r == 0)
		r = event_dictionary_new("dictionary.yaml", buf_str(&text), NULL, STR_EMPTY, &d, &err);
	if (r < 0)
		fail_msg("%s", err_line(&err, line, sizeof line));
	event_dictionary_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_for_rules),
		cmocka_unit_test(test_dictionary),
		cmocka_unit_test(test_syslog),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
