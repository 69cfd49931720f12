/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/file/file.h"
#include "engine/distribution/distribution_internal.h"

bool distribution_path(const char *dir, struct str name_hex, struct buf *out)
{
	if (name_hex.n != SHA256_HEX_SIZE - 1)
		return false;
	for (size_t i = 0; i < name_hex.n; i++)
		if (!((name_hex.p[i] >= '0' && name_hex.p[i] <= '9') || (name_hex.p[i] >= 'a' && name_hex.p[i] <= 'f')))
			return false;
	buf_printf(out, "%s/%.2s/%.*s", dir, name_hex.p, STR_FMT(name_hex));
	return !out->overflow;
}

static int put(const char *dir, const unsigned char name[SHA256_SIZE], struct str bytes, struct err *err)
{
	char hex[SHA256_HEX_SIZE];
	cleanup_buf struct buf path = BUF_INIT(8192), folder = BUF_INIT(8192), packed = BUF_INIT(DISTRIBUTION_PACKED_MOST + 64);
	if (!distribution_path(dir, str_c(sha256_hex(name, hex)), &path))
		return err_set(err, -ENAMETOOLONG, "distribution.path", ARG_CSTR("path", dir));
	if (file_exists(path.p))
		return 0;
	buf_printf(&folder, "%s/%.2s", dir, hex);
	int r = file_make_dirs(folder.p, 0750, err);
	distribution_pack(bytes, &packed);
	return r < 0 ? r : file_write(path.p, buf_str(&packed), 0640, err);
}

int distribution_publish(const char *dir, struct str body, struct distribution_cut *ret, struct err *err)
{
	struct distribution_cut cut = {0};
	cleanup_buf struct buf page = BUF_INIT((size_t)DISTRIBUTION_PAGE_RECORDS * DISTRIBUTION_RECORD_SIZE + 1);
	int r = distribution_cut(body, &cut, err);
	for (size_t i = 0; r >= 0 && i < cut.count; i++)
		r = put(dir, cut.chunks[i].name, str_sub(body, (size_t)cut.chunks[i].at, (size_t)cut.chunks[i].at + cut.chunks[i].size_bytes), err);
	for (size_t i = 0; r >= 0 && i < cut.page_count; i++) {
		buf_clear(&page);
		distribution_page_bytes(&cut, i, &page);
		r = put(dir, cut.pages[i].name, buf_str(&page), err);
	}
	if (r < 0)
		distribution_cut_done(&cut);
	else
		*ret = cut;
	return r;
}
