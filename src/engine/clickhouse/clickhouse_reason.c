/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* ClickHouse says why in English; its usual reasons in the catalogue's words. */
#include "engine/clickhouse/clickhouse.h"

/* Codes as in clickhouse.c. What is not here is shown as it came. */
static const struct {
	int code;
	const char *key;
} reasons[] = {
	/* Rows. */
	{6, "clickhouse.why_value"},
	{26, "clickhouse.why_value"},
	{27, "clickhouse.why_value"},
	{117, "clickhouse.why_value"},
	{130, "clickhouse.why_value"},
	{467, "clickhouse.why_value"},
	{38, "clickhouse.why_time"},
	{41, "clickhouse.why_time"},
	{69, "clickhouse.why_range"},
	{72, "clickhouse.why_number"},
	{131, "clickhouse.why_long"},
	{376, "clickhouse.why_uuid"},
	{441, "clickhouse.why_address"},
	{675, "clickhouse.why_address"}, /* CANNOT_PARSE_IPV4 */
	{676, "clickhouse.why_address"}, /* CANNOT_PARSE_IPV6 */
	/* Statements. */
	{36, "clickhouse.why_argument"},
	{42, "clickhouse.why_arguments"}, /* NUMBER_OF_ARGUMENTS_DOESNT_MATCH */
	{43, "clickhouse.why_type"},
	{46, "clickhouse.why_function"},
	{47, "clickhouse.why_name"},
	{10, "clickhouse.why_name"}, /* NOT_FOUND_COLUMN_IN_BLOCK */
	{16, "clickhouse.why_name"},
	{207, "clickhouse.why_ambiguous"}, /* AMBIGUOUS_IDENTIFIER */
	{53, "clickhouse.why_types"},
	{70, "clickhouse.why_types"},
	{386, "clickhouse.why_types"}, /* NO_COMMON_TYPE */
	{60, "clickhouse.why_table"},
	{81, "clickhouse.why_table"},
	{62, "clickhouse.why_syntax"},
	{153, "clickhouse.why_division"}, /* ILLEGAL_DIVISION */
	{184, "clickhouse.why_aggregate"}, /* ILLEGAL_AGGREGATION */
	{215, "clickhouse.why_group"},     /* NOT_AN_AGGREGATE */
	{164, "clickhouse.why_forbidden"},
	{277, "clickhouse.why_forbidden"},
	{291, "clickhouse.why_forbidden"}, /* DATABASE_ACCESS_DENIED */
	{497, "clickhouse.why_forbidden"},
	{1, "clickhouse.why_unsupported"},  /* UNSUPPORTED_METHOD */
	{48, "clickhouse.why_unsupported"}, /* NOT_IMPLEMENTED */
	{344, "clickhouse.why_unsupported"}, /* SUPPORT_IS_DISABLED */
	/* The store itself. */
	{158, "clickhouse.why_much"},
	{241, "clickhouse.why_much"},
	{307, "clickhouse.why_much"},
	{396, "clickhouse.why_much"},
	{159, "clickhouse.why_slow"},
	{202, "clickhouse.why_busy"},
	{242, "clickhouse.why_read_only"},
	{243, "clickhouse.why_disk"},
	{252, "clickhouse.why_parts"},
};

const char *clickhouse_exception_key(struct str message)
{
	const int code = clickhouse_exception_code(message);
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (reasons[i].code == code)
			return reasons[i].key;
	return NULL;
}
