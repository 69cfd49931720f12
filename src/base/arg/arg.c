/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/arg/arg.h"

#include <inttypes.h>
#include <stdio.h>

const char *arg_text(const struct arg *arg, char *buf, size_t size)
{
	switch (arg->type) {
	case ARG_TYPE_STR:
		str_copy_c(arg->s, buf, size);
		break;
	case ARG_TYPE_I64:
		(void)snprintf(buf, size, "%" PRId64, arg->i64);
		break;
	case ARG_TYPE_U64:
		(void)snprintf(buf, size, "%" PRIu64, arg->u64);
		break;
	case ARG_TYPE_END:
		if (size > 0)
			buf[0] = '\0';
		break;
	}
	return buf;
}
