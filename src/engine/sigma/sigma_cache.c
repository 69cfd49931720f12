/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/sigma/sigma_cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/log/log.h"
#include "engine/sigma/sigma_run.h"
#include "platform/crypto/crypto_digest.h"

#define HEADING 64 /* SHA-256 of the rest, then zeros; keeps the sections aligned */
#define CACHE_BYTES_MAX ((size_t)2 << 30)

/* Change with any change of parsing or compiling that the layout of the sections does not show. */
static const char version[] = "sigma 3";

struct sigma_cache_hash {
	struct crypto_digest *digest;
};

void sigma_cache_add(struct sigma_cache_hash *hash, struct str part)
{
	uint64_t n = part.n;
	crypto_digest_update(hash->digest, str_n(&n, sizeof n));
	crypto_digest_update(hash->digest, part);
}

struct sigma_cache_hash *sigma_cache_begin(void)
{
	struct sigma_cache_hash *hash = MEM_NEW(struct sigma_cache_hash);
	hs_platform_info_t platform = {0};
	hash->digest = crypto_digest_new(CRYPTO_DIGEST_SHA256);
	sigma_cache_add(hash, STR(version));
	sigma_cache_add(hash, str_c(hs_version()));
	if (hs_populate_platform(&platform) == HS_SUCCESS) {
		sigma_cache_add(hash, str_n(&platform.tune, sizeof platform.tune));
		sigma_cache_add(hash, str_n(&platform.cpu_features, sizeof platform.cpu_features));
	}
#define X(type, name)                                                                              \
	{                                                                                          \
		uint64_t size = sizeof(type);                                                      \
		sigma_cache_add(hash, str_n(&size, sizeof size));                                  \
	}
	SG_SECTIONS(X)
#undef X
	return hash;
}

void sigma_cache_end(struct sigma_cache_hash *hash, struct sigma_cache_key *ret)
{
	crypto_digest_final(hash->digest, ret->hash);
	mem_free(hash);
}

static void path_of(const char *dir, const struct sigma_cache_key *key, struct buf *out)
{
	struct buf name cleanup_buf = BUF_INIT(128);
	buf_append_hex(&name, key->hash, sizeof key->hash);
	buf_append_c(&name, ".sigma");
	file_join(out, str_c(dir), buf_str(&name));
}

static void digest_of(struct str bytes, unsigned char ret[32])
{
	struct crypto_digest *digest = crypto_digest_new(CRYPTO_DIGEST_SHA256);
	crypto_digest_update(digest, bytes);
	crypto_digest_final(digest, ret);
}

static bool is_sound(struct str file)
{
	unsigned char digest[32];
	digest_of(str_sub(file, HEADING, file.n), digest);
	return memcmp(digest, file.p, sizeof digest) == 0;
}

struct sigma_ruleset *sigma_cache_read(const char *dir, const struct sigma_cache_key *key)
{
	struct buf path cleanup_buf = BUF_INIT(1 << 16);
	struct stat st;
	struct sg_image image = {0};
	struct sigma_ruleset *set = NULL;
	path_of(dir, key, &path);
	int fd cleanup_fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	/* The digest guards against damage, the owner against somebody else's file. */
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0) ||
	    (st.st_mode & 022) != 0 || st.st_size <= HEADING || (size_t)st.st_size > CACHE_BYTES_MAX)
		return NULL;
	size_t n = (size_t)st.st_size;
	void *mapped = mmap(NULL, n, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (mapped == MAP_FAILED)
		return NULL;
	struct str file = str_n(mapped, n);
	if (!is_sound(file) || sg_image_read(str_sub(file, HEADING, n), &image, NULL) < 0 ||
	    sg_ruleset_new(&image, mapped, n, &set, NULL) < 0) {
		if (image.known != NULL || set == NULL)
			(void)munmap(mapped, n);
		return NULL;
	}
	set->from_cache = true;
	return set;
}

void sigma_cache_write(const char *dir, const struct sigma_cache_key *key, const struct sg_image *image)
{
	struct buf path cleanup_buf = BUF_INIT(1 << 16);
	struct buf out cleanup_buf = BUF_INIT(CACHE_BYTES_MAX);
	static const char heading[HEADING];
	struct err err = {0};
	path_of(dir, key, &path);
	buf_append(&out, str_n(heading, HEADING));
	sg_image_write(image, &out);
	if (out.overflow)
		return;
	digest_of(str_sub(buf_str(&out), HEADING, out.n), (unsigned char *)out.p);
	if (file_make_dirs(dir, 0700, &err) < 0 || file_write(path.p, buf_str(&out), 0600, &err) < 0)
		log_debug("compiled Sigma rules were not cached", ARG_CSTR("path", path.p));
}
