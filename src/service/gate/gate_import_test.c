/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Units and log sources from a spreadsheet, over real HTTP on both databases: the preview tells each row's fate and changes nothing; one
 * bad row keeps all of them out; nobody imports where they may not manage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/gate/gate_test_support.h"

#define HEADING "code,kind,name,parent\n"

static void expect(struct rig *rig, const char *mode, const char *body, const char *counts)
{
	char path[128];
	(void)snprintf(path, sizeof path, "/api/v1/units/import?mode=%s", mode);
	rig_expect(rig, "POST", path, body, 200, counts);
}

static void import(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char root[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];
	rig_root(&rig, root);
	rig_make_unit(&rig, "A-1", "department", "Sở A", root, id);
	rig_make_unit(&rig, "A-2", "department", "Sở B", root, id);
	static const char good[] = HEADING "A-1,department,Sở A,ROOT\nA-2,department,Sở B mới,\nA-3,department,Sở C,ROOT\nA-3.1,part,Phòng,A-3\n";
	static const char bad[] = HEADING "A-4,department,Sở D,ROOT\nA-5,nonsense,Sở E,ROOT\nA-6,part,x,NOWHERE\n\"A 7\",part,x,A-1\nA-8,part,x,\n";
	/* Four fates, and nothing has happened. */
	expect(&rig, "preview", good, "\"applied\":false,\"counts\":{\"created\":2,\"changed\":1,\"unchanged\":1,\"refused\":0}");
	rig_expect(&rig, "GET", "/api/v1/units?q=A-3", NULL, 200, "\"total\":0");
	rig_expect(&rig, "GET", "/api/v1/audit?action=unit.changed", NULL, 200, "\"total\":0");
	/* Rows and cells by name; the good one stays out, too. */
	expect(&rig, "apply", bad, "\"applied\":false,\"counts\":{\"created\":1,\"changed\":0,\"unchanged\":0,\"refused\":4}");
	assert_true(rig_has(&rig, "\"cell\":\"B3\""));
	assert_true(rig_has(&rig, "\"cell\":\"D4\""));
	assert_true(rig_has(&rig, "\"cell\":\"A5\""));
	assert_true(rig_has(&rig, "\"cell\":\"D6\""));
	rig_expect(&rig, "GET", "/api/v1/units?q=A-4", NULL, 200, "\"total\":0");
	/* All of it; a second time there is nothing to do. */
	expect(&rig, "apply", good, "\"applied\":true,\"counts\":{\"created\":2,\"changed\":1,\"unchanged\":1,\"refused\":0}");
	rig_expect(&rig, "GET", "/api/v1/units?q=A-3", NULL, 200, "\"total\":2");
	rig_expect(&rig, "GET", "/api/v1/units?q=so+b+moi", NULL, 200, "\"total\":1");
	expect(&rig, "apply", good, "\"applied\":true,\"counts\":{\"created\":0,\"changed\":0,\"unchanged\":4,\"refused\":0}");
	rig_expect(&rig, "POST", "/api/v1/units/import", "code,kind\nx,y\n", 400, "import.column_missing");
	rig_expect(&rig, "POST", "/api/v1/units/import", "code,kind\nx\n", 400, "csv.field_count");
	rig_expect(&rig, "POST", "/api/v1/units/import", "PK\x03\x04", 400, "table.malformed");
	rig_verify_chain(&rig);
	/* Without the worker it is said so. */
	rig.sc.worker = NULL;
	rig_expect(&rig, "POST", "/api/v1/units/import", good, 503, "api.no_worker");
	rig_stop(&rig);
}

/* As a spreadsheet program would save it. */
static void send_xlsx(struct rig *rig, const char *mode, const char *csv, int status, const char *text)
{
	cleanup_buf struct buf packed = BUF_INIT(1 << 20), xlsx = BUF_INIT(1 << 20);
	struct err err = {0};
	char path[128];
	(void)snprintf(path, sizeof path, "/api/v1/sources/import?mode=%s", mode);
	rig_must(rig_worker.table_read(NULL, str_c(csv), &packed, &err), &err);
	rig_must(rig_worker.table_write(NULL, buf_str(&packed), &xlsx, &err), &err);
	assert_true(str_starts_with(buf_str(&xlsx), STR("PK")));
	int got = rig_send_bytes(rig, "POST", path, buf_str(&xlsx));
	if (got != status || !rig_has(rig, text))
		fail_msg("%d, not %d; %.*s", got, status, STR_FMT(buf_str(&rig->res.body)));
}

/* Log sources as XLSX, through the same room: headings in Vietnamese, cells by their place, once is enough. */
static void import_sources(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char root[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];
	rig_root(&rig, root);
	rig_make_unit(&rig, "A-1", "department", "Sở A", root, id);
	static const char good[] = "Tên nguồn,Mã đơn vị,Địa chỉ,Cấp độ,Múi giờ\nTường lửa,A-1,10.1.0.0/24,3,Europe/Berlin\nMáy chủ,A-1,10.2.0.1,,\n";
	static const char bad[] = "name,unit,addresses,system_level,time_zone,note\nx,A-1,10.3.0.1,9,,\ny,NOWHERE,10.3.0.2,,,\nz,A-1,10.3.0.3/8,,,\n"
	                          "u,A-1,10.3.0.4,,Mars/Olympus,\nw,A-1,10.1.0.0/24,,,\nv,A-1,10.3.0.9,,,ok\n";
	send_xlsx(&rig, "preview", good, 200, "\"applied\":false,\"counts\":{\"created\":2,\"changed\":0,\"unchanged\":0,\"refused\":0}");
	rig_expect(&rig, "GET", "/api/v1/sources", NULL, 200, "\"total\":0");
	send_xlsx(&rig, "apply", good, 200, "\"applied\":true,\"counts\":{\"created\":2,\"changed\":0,\"unchanged\":0,\"refused\":0}");
	rig_expect(&rig, "GET", "/api/v1/sources?q=tuong+lua", NULL, 200, "\"time_zone\":\"Europe/Berlin\"");
	send_xlsx(&rig, "apply", good, 200, "\"applied\":true,\"counts\":{\"created\":0,\"changed\":0,\"unchanged\":2,\"refused\":0}");
	rig_expect(&rig, "GET", "/api/v1/audit?action=source.change", NULL, 200, "\"total\":0");
	send_xlsx(&rig, "apply", bad, 200, "\"applied\":false,\"counts\":{\"created\":1,\"changed\":0,\"unchanged\":0,\"refused\":5}");
	static const char *const cells[] = {"\"cell\":\"D2\"", "\"cell\":\"B3\"", "\"cell\":\"C4\"", "\"cell\":\"E5\"", "\"cell\":\"C6\""};
	for (size_t i = 0; i < ARRAY_LEN(cells); i++)
		assert_true(rig_has(&rig, cells[i]));
	rig_expect(&rig, "GET", "/api/v1/sources", NULL, 200, "\"total\":2");
	send_xlsx(&rig, "apply", "name,unit\na,A-1\n", 400, "import.column_missing");
	rig_verify_chain(&rig);
	rig_stop(&rig);
}

static void test_import_sources(void **state)
{
	(void)state;
	db_test_each(import_sources);
}

static void test_import(void **state)
{
	(void)state;
	db_test_each(import);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_import), cmocka_unit_test(test_import_sources)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
