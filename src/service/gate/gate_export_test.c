/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Lists as files, over real HTTP on both databases: every row once, nothing a spreadsheet would run, the rights of the
 * list, an audit line for each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/gate/gate_test_support.h"

#define BOM "\xEF\xBB\xBF"

static void expect_body(struct rig *rig, const char *path, const char *body)
{
	rig_expect(rig, "GET", path, NULL, 200, NULL);
	if (!str_eq_c(buf_str(&rig->res.body), body))
		fail_msg("%s: %.*s", path, STR_FMT(buf_str(&rig->res.body)));
}

static void cells(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char root[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];
	rig_root(&rig, root);
	rig_make_unit(&rig, "A-1", "department", "=HYPERLINK(\\\"http://x\\\";\\\"y\\\")", root, id);
	rig_make_unit(&rig, "A-2", "department", "Sở \\\"Đỏ\\\", Xanh", root, id);
	rig_make_unit(&rig, "A-3", "department", "＋1", root, id);
	expect_body(&rig, "/api/v1/units?format=csv&kind=department&sort=code&column=code=M%C3%A3&column=name=T%C3%AAn&column=path_names",
	            BOM "Mã,Tên,path_names\r\n"
	            "A-1,\"'=HYPERLINK(\"\"http://x\"\";\"\"y\"\")\",Thành phố mẫu\r\n"
	            "A-2,\"Sở \"\"Đỏ\"\", Xanh\",Thành phố mẫu\r\n"
	            "A-3,\"'＋1\",Thành phố mẫu\r\n");
	expect_body(&rig, "/api/v1/units?format=csv&q=A-3&column=name=%3D1%2B1", BOM "\"'=1+1\"\r\n\"'＋1\"\r\n");
	/* Times as people read them, texts that stand for values, booleans. */
	expect_body(&rig, "/api/v1/accounts?format=csv&lang=vi&column=login&column=disabled=Kh%C3%B3a&column=disabled~ui.account.state"
	                  "&column=last_login_at&column=grants.unit.name",
	            BOM "login,Khóa,disabled,last_login_at,grants.unit.name\r\nadmin,Không,false,2026-11-21 14:00:00,Thành phố mẫu\r\n");
	/* All there is, when nothing is chosen; nothing where nothing is found. */
	rig_expect(&rig, "GET", "/api/v1/units?format=csv&q=A-2", NULL, 200, "kind_label");
	expect_body(&rig, "/api/v1/units?format=csv&q=zzzz&column=code", BOM "code\r\n");
	rig_expect(&rig, "GET", "/api/v1/units?format=pdf", NULL, 400, "json|csv|xlsx");
	rig_expect(&rig, "GET", "/api/v1/session?format=csv", NULL, 400, "api.export_no_list");
	rig_expect(&rig, "GET", "/api/v1/units?format=csv&column=na-me", NULL, 400, "api.export_column");
	rig_expect(&rig, "GET", "/api/v1/units?format=csv&sort=colour", NULL, 400, "api.query");
	rig_expect(&rig, "GET", "/api/v1/units?format=json", NULL, 200, "\"items\":[");
	rig_expect(&rig, "GET", "/api/v1/audit?action=api.exported", NULL, 200, "\"total\":5");
	assert_true(rig_has(&rig, "kind=department"));
	assert_true(rig_has(&rig, "\"rows\":3"));
	rig_verify_chain(&rig);
	rig_stop(&rig);
}

/* The same list as a spreadsheet: texts are texts, times are times, numbers are numbers. */
static void spreadsheet(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	struct err err = {0};
	cleanup_buf struct buf packed = BUF_INIT(65536);
	struct table_rows rows;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char root[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];
	rig_root(&rig, root);
	rig_make_unit(&rig, "A-1", "department", "=1+1", root, id);
	rig_expect(&rig, "GET", "/api/v1/units?format=xlsx&kind=department&column=code=M%C3%A3&column=name=T%C3%AAn", NULL, 200, NULL);
	assert_string_equal(rig.res.content_type, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
	rig_must(table_read(buf_str(&rig.res.body), &packed, &err), &err);
	assert_int_equal(table_rows_begin(&rows, buf_str(&packed), &err), 0);
	assert_int_equal(table_rows_next(&rows, &err), 1);
	assert_true(str_eq_c(table_rows_cell(&rows, 0), "Mã"));
	assert_int_equal(table_rows_next(&rows, &err), 1);
	assert_true(str_eq_c(table_rows_cell(&rows, 0), "A-1") && str_eq_c(table_rows_cell(&rows, 1), "=1+1"));
	assert_int_equal(table_rows_next(&rows, &err), 0);
	rig_expect(&rig, "GET", "/api/v1/accounts?format=xlsx&column=last_login_at", NULL, 200, NULL);
	buf_clear(&packed);
	rig_must(table_read(buf_str(&rig.res.body), &packed, &err), &err);
	assert_int_equal(table_rows_begin(&rows, buf_str(&packed), &err), 0);
	assert_int_equal(table_rows_next(&rows, &err), 1);
	assert_int_equal(table_rows_next(&rows, &err), 1);
	assert_true(str_eq_c(table_rows_cell(&rows, 0), "2026-11-21 14:00:00"));
	rig_expect(&rig, "GET", "/api/v1/audit?action=api.exported", NULL, 200, "\"total\":2");
	rig_stop(&rig);
}

#define RECORDS 1203

static int write_records(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct access system = {.kind = ACCESS_SYSTEM, .name = STR("test")};
	const struct audit_entry e = {.action = "test.row"};
	(void)ctx;
	int r = 0;
	for (unsigned i = 0; i < RECORDS && r >= 0; i++)
		r = audit_write(tx, &system, rig_time, &e, err);
	return r;
}

/* More than one page: each row once, in order. */
static void pages(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	struct err err = {.code = 0};
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	rig_must(db_write(db, write_records, NULL, &err), &err);
	rig_expect(&rig, "GET", "/api/v1/audit?action=test.row&format=csv&column=number&column=action", NULL, 200, NULL);
	struct str rest = buf_str(&rig.res.body), line;
	assert_true(str_split(&rest, '\n', &line));
	int64_t last = INT64_MAX, count = 0, number;
	while (str_split(&rest, '\n', &line) && line.n > 0) {
		struct str digits;
		assert_true(str_split(&line, ',', &digits));
		assert_true(str_parse_i64(digits, 1, INT64_MAX, &number));
		assert_true(number < last);
		last = number;
		count++;
	}
	assert_int_equal(count, RECORDS);
	rig_stop(&rig);
}

/* Whoever may not see the list gets no file; whoever sees a part of it gets that part. */
static void rights(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char root[UUID_TEXT_SIZE], a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE], account[UUID_TEXT_SIZE], path[128], body[512];
	rig_root(&rig, root);
	rig_make_unit(&rig, "A", "department", "Sở A", root, a);
	rig_make_unit(&rig, "B", "department", "Sở B", root, b);
	(void)snprintf(body, sizeof body, "{\"login\":\"lan\",\"display_name\":\"Lan\",\"unit_id\":\"%s\",\"password\":\"" RIG_PASSWORD "\"}", a);
	rig_expect(&rig, "POST", "/api/v1/accounts", body, 201, NULL);
	rig_id(&rig, account);
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/grants", account);
	(void)snprintf(body, sizeof body, "{\"role\":\"unit_officer\",\"unit_id\":\"%s\"}", a);
	rig_expect(&rig, "POST", path, body, 201, NULL);
	assert_int_equal(rig_login(&rig, "lan", RIG_PASSWORD), 200);
	rig_expect(&rig, "GET", "/api/v1/units?format=csv", NULL, 403, "must_change_password");
	rig_expect(&rig, "POST", "/api/v1/session/password",
	           "{\"old_password\":\"" RIG_PASSWORD "\",\"new_password\":\"" RIG_PASSWORD " moi\"}", 200, NULL);
	expect_body(&rig, "/api/v1/units?format=csv&column=name", BOM "name\r\nSở A\r\n");
	rig_expect(&rig, "GET", "/api/v1/audit?format=csv", NULL, 403, "api.forbidden");
	rig.cookie[0] = '\0';
	rig_expect(&rig, "GET", "/api/v1/units?format=csv", NULL, 401, "account.not_signed_in");
	rig_stop(&rig);
}

static void test_cells(void **state)
{
	(void)state;
	db_test_each(cells);
}

static void test_spreadsheet(void **state)
{
	(void)state;
	db_test_each(spreadsheet);
}

static void test_pages(void **state)
{
	(void)state;
	db_test_each(pages);
}

static void test_rights(void **state)
{
	(void)state;
	db_test_each(rights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_spreadsheet),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_rights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
