/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Private keys in a backup: one sealed part, "<size of name, 4> name <mode, 4> <size, 8> bytes" each, little-endian. */
#include "base/cursor/cursor.h"
#include "service/backup/backup_internal.h"

static void split(const unsigned char key[32], struct backup_secret *s)
{
	hmac_sha256(str_n(key, 32), STR("luytre backup keys"), s->seal);
	hmac_sha256(str_n(key, 32), STR("luytre backup manifest"), s->mac);
}

static int derive(struct str passphrase, struct backup_secret *s, struct err *err)
{
	unsigned char key[32];
	int r = password_key(passphrase, s->salt, &s->cost, key, err);
	if (r == 0)
		split(key, s);
	mem_wipe(key, sizeof key);
	return r;
}

int backup_secret_make(struct str passphrase, struct backup_secret *ret, struct err *err)
{
	if (passphrase.n < BACKUP_PASSPHRASE_MIN)
		return err_set(err, -EINVAL, "backup.passphrase_short", ARG_I64("min", BACKUP_PASSPHRASE_MIN));
	ret->cost = password_cost_default();
	random_bytes(ret->salt, sizeof ret->salt);
	return derive(passphrase, ret, err);
}

int backup_secret_of(struct str passphrase, const struct json *about, struct backup_secret *ret, struct err *err)
{
	const struct json *kdf = json_get(about, "kdf");
	int64_t passes = json_get_int(kdf, "passes", 0), memory = json_get_int(kdf, "memory_bytes", 0);
	if (!str_parse_hex(json_get_str(kdf, "salt", STR_EMPTY), ret->salt, sizeof ret->salt) || passes < 0 || memory < 0)
		return err_set(err, -EBADMSG, "container.broken", ARG_CSTR("reason", "kdf"));
	ret->cost = (struct password_cost){(uint64_t)passes, (uint64_t)memory};
	return derive(passphrase, ret, err);
}

bool backup_is_remade(struct str relative)
{
	return str_ends_with(relative, STR("/server.key.pem")) || str_ends_with(relative, STR("/server.pem")) ||
	       str_ends_with(relative, STR("/server.names")) || str_eq_c(relative, "server.key.pem") ||
	       str_eq_c(relative, "server.pem") || str_eq_c(relative, "server.names");
}

/* By name, and rather one too many: "account-key", "ca.key.pem", "totp.key". */
bool backup_is_secret(struct str relative)
{
	struct str name = relative;
	for (size_t at; (at = str_find_char(name, '/')) != SIZE_MAX;)
		name = str_sub(name, at + 1, name.n);
	return str_starts_with(relative, STR("key/")) || str_find(name, STR("key")) != SIZE_MAX ||
	       str_find(name, STR("secret")) != SIZE_MAX || str_eq_c(name, "setup-code");
}

static void put_le(struct buf *out, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		buf_append_char(out, (char)(v >> 8 * i));
}

int backup_keys_seal(const struct backup_secret *s, const struct backup_items *keys, struct buf *out, struct err *err)
{
	cleanup_buf_secret struct buf plain = BUF_INIT(BACKUP_KEYS_LIMIT);
	(void)buf_reserve(&plain, BACKUP_KEYS_LIMIT / 4); /* growing would leave copies behind */
	for (size_t i = 0; i < keys->count; i++) {
		const struct backup_item *item = &keys->list[i];
		struct str name = str_c(item->name);
		put_le(&plain, name.n, 4);
		buf_append(&plain, name);
		put_le(&plain, item->mode, 4);
		put_le(&plain, item->size, 8);
		buf_append(&plain, str_n(item->bytes, (size_t)item->size));
	}
	if (plain.overflow)
		return err_set(err, -E2BIG, "crypto.seal_too_long");
	return crypto_seal_bytes(s->seal, BACKUP_SEAL_CONTEXT, buf_str(&plain), out, err);
}

int backup_keys_open(const struct backup_secret *s, struct str sealed,
                     int (*each)(void *ctx, struct str relative, struct str bytes, unsigned mode, struct err *err), void *ctx,
                     struct err *err)
{
	cleanup_buf_secret struct buf plain = BUF_INIT(BACKUP_KEYS_LIMIT);
	(void)buf_reserve(&plain, sealed.n);
	if (crypto_unseal_bytes(s->seal, BACKUP_SEAL_CONTEXT, sealed, &plain, NULL) < 0)
		return err_set(err, -EBADMSG, "backup.passphrase");
	struct cursor c = cursor_of(buf_str(&plain));
	int r = 0;
	while (r == 0 && !cursor_at_end(&c)) {
		cleanup_buf struct buf relative = BUF_INIT(4096);
		struct str name = cursor_take(&c, cursor_u32_le(&c));
		unsigned mode = cursor_u32_le(&c);
		uint64_t size = cursor_u64_le(&c);
		if (size > cursor_rest(&c).n || !container_name_is_good(name) || !backup_name_decode(&relative, name))
			return err_set(err, -EBADMSG, "container.broken", ARG_CSTR("reason", BACKUP_KEYS_PART));
		r = each(ctx, buf_str(&relative), cursor_take(&c, (size_t)size), mode & 0777, err);
	}
	return r;
}
