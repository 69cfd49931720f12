/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* luytre signatures export|import: signatures on a stick, for a site without a line. Files carry their own signature: nothing that
 * happens to them on the way is taken. */
#include "program/cli/cli_signatures_stick.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/file/file_map.h"
#include "engine/malware/malware_keys.h"
#include "program/cli/cli_agent.h"

#define STATE_DEFAULT "/var/lib/luytre-agent"

static void store_of(const char *state, struct buf *out)
{
	file_join(out, str_c(state != NULL ? state : STATE_DEFAULT), STR("bundles"));
}

int cli_signatures_export(struct cli *cli, const char *state, const char *out, struct err *err)
{
	cleanup_buf struct buf store = BUF_INIT(8192), path = BUF_INIT(8192);
	struct file_map map = {.handle = NULL};
	struct malware_bundle_info info;
	store_of(state, &store);
	int r = malware_bundle_installed(store.p, &path, err);
	if (r == 0)
		r = file_map(path.p, MALWARE_BUNDLE_LIMIT, &map, err);
	if (r == 0)
		r = malware_bundle_peek(map.bytes, &info, err);
	if (r == 0)
		r = file_write(out, map.bytes, 0644, err);
	file_unmap(&map);
	if (r == 0)
		cli_say(cli, stdout, "cli.signatures.exported", ARG_U64("version", info.version), ARG_CSTR("path", out));
	return r;
}

int cli_signatures_import(struct cli *cli, const char *state, const char *file, struct err *err)
{
	cleanup_buf struct buf store = BUF_INIT(8192);
	char *whole = realpath(file, NULL);
	if (whole == NULL)
		return err_errno(err, errno, "open", str_c(file));
	store_of(state, &store);
	int r = cli_agent_import(store.p, whole, err);
	free(whole);
	if (r == 0)
		return err_set(err, -EAGAIN, "agent.not_running", ARG_CSTR("dir", state != NULL ? state : STATE_DEFAULT));
	if (r > 0)
		cli_say(cli, stdout, "cli.signatures.imported", ARG_CSTR("path", file));
	return r < 0 ? r : 0;
}

int cli_signatures_keys(uint64_t number, const char *const *trusted, const char *key, const char *out, struct err *err)
{
	cleanup(crypto_key) struct crypto_key *signer = NULL;
	cleanup_buf struct buf file = BUF_INIT(MALWARE_KEYS_FILE_MOST);
	struct malware_keys keys = {.count = 0};
	int r = cli_read_key(key, &signer, err);
	for (size_t i = 0; r == 0 && trusted[i] != NULL; i++) {
		if (keys.count == MALWARE_KEYS_MOST)
			r = err_set(err, -E2BIG, "malware.keys_format");
		else
			r = cli_read_key(trusted[i], &keys.keys[keys.count], err);
		keys.count += r == 0;
	}
	const struct crypto_key *list[MALWARE_KEYS_MOST];
	for (size_t i = 0; i < keys.count; i++)
		list[i] = keys.keys[i];
	if (r == 0)
		r = malware_keys_build(number, list, keys.count, signer, &file, err);
	if (r == 0)
		r = file_write(out, buf_str(&file), 0644, err);
	malware_keys_done(&keys);
	return r;
}
