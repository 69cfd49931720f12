/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/err/err.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

int err_set_args(struct err *err, int code, const char *key, const struct arg *args)
{
	assert(code < 0);
	if (err == NULL)
		return code;
	err_clear(err);
	err->code = code;
	str_copy_c(str_c(key), err->key, sizeof err->key);
	for (; args != NULL && args->name != NULL && err->arg_count < ERR_ARGS; args++) {
		str_copy_c(str_c(args->name), err->args[err->arg_count].name, ERR_ARG_NAME_SIZE);
		(void)arg_text(args, err->args[err->arg_count].value, ERR_ARG_VALUE_SIZE);
		err->arg_count++;
	}
	return code;
}

int err_at(struct err *err, struct str place)
{
	if (err == NULL)
		return -EINVAL;
	char inner[ERR_PLACE_SIZE];
	(void)memcpy(inner, err->place, sizeof inner);
	str_copy_c(place, err->place, sizeof err->place);
	if (inner[0] != '\0') {
		size_t n = strlen(err->place);
		const char *joint = inner[0] == '/' || n == 0 ? "" : ":";
		/* A long outer place is cut rather than losing the inner one silently. */
		(void)snprintf(err->place + n, sizeof err->place - n, "%s%s", joint, inner);
	}
	return err->code != 0 ? err->code : -EINVAL;
}

int err_errno(struct err *err, int number, const char *call, struct str object)
{
	int code = number > 0 ? -number : -EIO;
	(void)err_set(err, code, "system.call", ARG_CSTR("call", call), ARG_STR("object", object),
	              ARG_CSTR("reason", strerror(-code)));
	return code;
}

void err_clear(struct err *err)
{
	if (err == NULL)
		return;
	err->code = 0;
	err->key[0] = '\0';
	err->place[0] = '\0';
	err->arg_count = 0;
}

const char *err_line(const struct err *err, char *buf, size_t size)
{
	struct buf out = BUF_FIXED(buf, size);
	if (err->place[0] != '\0')
		buf_printf(&out, "%s: ", err->place);
	buf_append_c(&out, err->key);
	for (unsigned i = 0; i < err->arg_count; i++)
		buf_printf(&out, " %s=%s", err->args[i].name, err->args[i].value);
	return buf;
}

const char *err_arg(const struct err *err, const char *name)
{
	for (unsigned i = 0; i < err->arg_count; i++)
		if (strcmp(err->args[i].name, name) == 0)
			return err->args[i].value;
	return "";
}
