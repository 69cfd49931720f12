/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/inventory/inventory_internal.h"

#include "base/cursor/cursor.h"
#include "base/file/file.h"
#include "platform/crypto/crypto.h"

void inventory_member(struct json_writer *w, const char *name, struct str value)
{
	if (value.n > 0)
		json_member_str(w, name, value);
}

void inventory_read_line(const char *root, const char *path, struct buf *out)
{
	char whole[1024];
	struct buf name = BUF_FIXED(whole, sizeof whole);
	buf_append_c(&name, root);
	buf_append_c(&name, path);
	struct buf bytes = BUF_INIT((size_t)64 << 10);
	if (!name.overflow && file_read(name.p, (size_t)64 << 10, &bytes, NULL) >= 0)
		buf_append(out, str_trim(buf_str(&bytes)));
	buf_done(&bytes);
}

int inventory_collect(const char *root, struct buf *out, struct err *err)
{
	struct json_writer w = json_writer_init(out);
	char hostname[256];
	inventory_hostname(hostname, sizeof hostname);
	json_object(&w);
	json_member_int(&w, "format", 1);
	json_member_cstr(&w, "hostname", hostname);
	inventory_write_os(root, &w);
	inventory_write_network(&w, true);
	inventory_write_machine(root, &w);
	inventory_write_disks(root, &w);
	inventory_write_users(root, &w);
	inventory_write_packages(root, &w);
	json_object_end(&w);
	return out->overflow ? err_set(err, -E2BIG, "inventory.too_big", ARG_U64("limit", out->max)) : 0;
}

int inventory_machine(const char *root, struct buf *out, struct err *err)
{
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	inventory_write_identity(root, &w);
	inventory_write_os(root, &w);
	inventory_write_network(&w, false);
	json_object_end(&w);
	return out->overflow ? err_set(err, -E2BIG, "inventory.too_big", ARG_U64("limit", out->max)) : 0;
}

const char *inventory_hash(struct str json, char buf[INVENTORY_HASH_SIZE])
{
	unsigned char digest[SHA256_SIZE];
	sha256(json, digest);
	return sha256_hex(digest, buf);
}

void inventory_os_release(struct str text, const char *name, struct buf *out)
{
	struct str rest = text, line;
	while (str_split(&rest, '\n', &line)) {
		size_t eq = str_find_char(line, '=');
		if (eq == SIZE_MAX || !str_eq_c(str_trim(str_sub(line, 0, eq)), name))
			continue;
		struct str value = str_trim(str_sub(line, eq + 1, line.n));
		if (value.n >= 2 && (value.p[0] == '"' || value.p[0] == '\'') && value.p[value.n - 1] == value.p[0])
			value = str_sub(value, 1, value.n - 1);
		for (size_t i = 0; i < value.n; i++) {
			if (value.p[i] == '\\' && i + 1 < value.n)
				i++;
			buf_append_char(out, value.p[i]);
		}
		return;
	}
}

/* One paragraph of deb822: the value of a field of one line. */
static struct str paragraph_field(struct str paragraph, struct str name)
{
	struct str rest = paragraph, line;
	while (str_split(&rest, '\n', &line))
		if (line.n > name.n && line.p[name.n] == ':' && str_eq_nocase(str_sub(line, 0, name.n), name))
			return str_trim(str_sub(line, name.n + 1, line.n));
	return STR_EMPTY;
}

void inventory_dpkg(struct str status, struct json_writer *w, size_t limit_bytes, uint64_t *ret_left_out)
{
	size_t begun = w->out->n;
	*ret_left_out = 0;
	for (struct str rest = status; rest.n > 0;) {
		size_t end = str_find(rest, STR("\n\n"));
		struct str paragraph = end == SIZE_MAX ? rest : str_sub(rest, 0, end);
		rest = end == SIZE_MAX ? STR_EMPTY : str_sub(rest, end + 2, rest.n);
		struct str name = paragraph_field(paragraph, STR("Package"));
		if (name.n == 0 || !str_eq(paragraph_field(paragraph, STR("Status")), STR("install ok installed")))
			continue;
		if (w->out->n - begun > limit_bytes) {
			(*ret_left_out)++;
			continue;
		}
		json_object(w);
		json_member_str(w, "name", str_sub(name, 0, 256));
		json_member_str(w, "version", str_sub(paragraph_field(paragraph, STR("Version")), 0, 256));
		inventory_member(w, "architecture", str_sub(paragraph_field(paragraph, STR("Architecture")), 0, 64));
		json_object_end(w);
	}
}
