/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * A daily update of signatures for a city: real bundles are built from real rules (argv[1]: folder of day one, argv[2]: of day two, argv[3]:
 * luytre-scand), cut and packed as they are in production; what they cost then runs through a discrete simulation of 20,000 machines
 * in 118 sites on 2 Mbps lines. What is assumed stands in `assumed`.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file/file.h"
#include "engine/malware/malware_bundle.h"

static const struct {
	unsigned machines, sites;
	double line, lan;       /* bytes a second */
	double rtt, lan_rtt;    /* seconds; each chunk is asked for by itself */
	double overhead;        /* bytes of headers a chunk on the line */
	double checkin;         /* seconds between two check-ins of a machine */
	double hear;            /* seconds until neighbours have heard of each other */
	unsigned peers;         /* neighbours served at once */
	double first_hashes, more_hashes;
} assumed = {20000, 118, 2e6 / 8, 100e6 / 8, 0.05, 0.002, 500, 60, 2.5, 32, 200000, 500};

struct day {
	struct buf container;
	uint64_t size, fetch_bytes, fetch_count; /* whole; what a machine of the day before fetches, packed, head included */
};

static void must(int r, const struct err *err)
{
	char line[512];
	if (r < 0) {
		(void)fprintf(stderr, "%s\n", err_line(err, line, sizeof(line)));
		exit(1);
	}
}

static void list_hashes(const char *path, unsigned count)
{
	struct buf text = BUF_INIT((size_t)64 << 20);
	struct err err = {0};
	for (unsigned i = 0; i < count; i++) {
		unsigned char digest[SHA256_SIZE];
		char hex[SHA256_HEX_SIZE];
		sha256(str_n((const char *)&i, sizeof(i)), digest);
		buf_printf(&text, "%s,Trojan.Family_%u,%u\n", sha256_hex(digest, hex), i % 3000, 1000 + i * 7 % 900000);
	}
	must(file_write(path, buf_str(&text), 0600, &err), &err);
	buf_done(&text);
}

static void build(struct day *day, uint64_t version, const char *rules, const char *hashes, const char *scand, const struct crypto_key *key,
                  const struct day *before)
{
	const char *lists[] = {hashes, NULL}, *yara[] = {rules, NULL};
	struct malware_bundle_info info;
	struct err err = {0};
	day->container = BUF_INIT(MALWARE_BUNDLE_LIMIT);
	const struct malware_bundle_source source = {
		.version = version, .created = clock_now(), .expires = clock_now() + USEC_PER_DAY, .hash_lists = lists, .yara_paths = yara,
		.scand_path = scand, .skip_bad_rules = true, .previous = before != NULL ? buf_str(&before->container) : STR_EMPTY,
		.sign = malware_bundle_sign_with_key, .sign_ctx = (void *)(uintptr_t)key};
	must(malware_bundle_build(&source, &day->container, &info, &err), &err);
	day->size = day->container.n;
}

static struct str body_of(const struct day *d)
{
	return str_sub(buf_str(&d->container), malware_bundle_head_size(buf_str(&d->container)), d->container.n);
}

static void count(struct day *d, const struct distribution_stock *stock, struct str body, const struct distribution_chunk *c, struct str bytes)
{
	struct buf have = BUF_INIT(DISTRIBUTION_CHUNK_MOST), packed = BUF_INIT(DISTRIBUTION_PACKED_MOST + 64);
	(void)body;
	if (stock == NULL || !distribution_stock_get(stock, c->name, &have)) {
		distribution_pack(bytes, &packed);
		d->fetch_bytes += packed.n;
		d->fetch_count++;
	}
	buf_done(&have);
	buf_done(&packed);
}

/* What an update costs a machine that has `before`. */
static void measure(struct day *d, const struct day *before)
{
	struct distribution_cut cut;
	struct distribution_stock *stock = NULL;
	struct err err = {0};
	struct str body = body_of(d);
	if (before != NULL)
		must(distribution_stock_new(body_of(before), &stock, &err), &err);
	must(distribution_cut(body, &cut, &err), &err);
	d->fetch_bytes = d->container.n - body.n; /* the head */
	d->fetch_count = 1;
	for (size_t i = 0; i < cut.count; i++)
		count(d, stock, body, &cut.chunks[i], str_sub(body, (size_t)cut.chunks[i].at, (size_t)cut.chunks[i].at + cut.chunks[i].size_bytes));
	for (size_t i = 0; i < cut.page_count; i++) {
		struct buf page = BUF_INIT((size_t)16 << 10);
		distribution_page_bytes(&cut, i, &page);
		count(d, stock, body, &cut.pages[i], buf_str(&page));
		buf_done(&page);
	}
	distribution_cut_done(&cut);
	distribution_stock_free(stock);
}

/* ---- the city ---- */

static uint64_t state = 1;
static double uniform(void)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407U;
	return (double)(state >> 11) / 9007199254740992.0;
}

struct machine {
	double arrives, left, done; /* left: bytes still to come, waiting for round trips counted as bytes */
	int from;                   /* -1: the line */
};

enum mode { WHOLE, CHUNKS, SITE };

/* Whose turn it is, as agent_share does it: the first asks the server, the others wait for somebody who has it. */
static void give_turns(struct machine *m, unsigned n, double now, enum mode mode, double bytes, double requests, double *wan)
{
	unsigned busy[1024] = {0}, have = 0;
	bool fetching = false;
	for (unsigned i = 0; i < n; i++) {
		have += m[i].done > 0;
		fetching |= m[i].left > 0 && m[i].from == -1;
		if (m[i].left > 0 && m[i].from >= 0)
			busy[m[i].from]++;
	}
	for (unsigned i = 0; i < n; i++) {
		if (m[i].done > 0 || m[i].left > 0 || m[i].arrives > now)
			continue;
		if (mode != SITE || (have == 0 && !fetching && m[i].arrives + assumed.hear <= now)) {
			m[i].from = -1;
			m[i].left = bytes + requests * assumed.overhead;
			*wan += m[i].left;
			/* While one waits for an answer others use the line; alone it stands still. */
			m[i].left += requests * assumed.rtt * assumed.line * (mode == SITE ? 1 : 0.1);
			fetching = true;
			continue;
		}
		unsigned from = (unsigned)(uniform() * n);
		if (have > 0 && m[from].done > 0 && m[from].done < now && busy[from] < assumed.peers) {
			m[i].from = (int)from;
			m[i].left = bytes + requests * assumed.lan_rtt * assumed.lan / 4;
			busy[from]++;
		}
	}
}

static void move(struct machine *m, unsigned n, double now, double step)
{
	unsigned on_line = 0, served[1024] = {0};
	for (unsigned i = 0; i < n; i++)
		if (m[i].left > 0) {
			on_line += m[i].from == -1;
			if (m[i].from >= 0)
				served[m[i].from]++;
		}
	for (unsigned i = 0; i < n; i++) {
		if (m[i].left <= 0)
			continue;
		m[i].left -= step * (m[i].from == -1 ? assumed.line / on_line : assumed.lan / served[m[i].from]);
		if (m[i].left <= 0)
			m[i].done = now + step;
	}
}

static int by_time(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void run(const char *name, enum mode mode, double bytes, double requests)
{
	double *done = calloc(assumed.machines, sizeof(*done)), wan = 0;
	unsigned total = 0;
	state = 1;
	for (unsigned s = 0; s < assumed.sites; s++) {
		/* Sites differ: communes of 60, offices of 500. */
		unsigned left = assumed.machines - total, sites = assumed.sites - s;
		unsigned n = sites == 1 ? left : (unsigned)((double)left / sites * (0.4 + 1.2 * uniform()));
		n = n < 1 ? 1 : n > 1000 ? 1000 : n;
		struct machine *m = calloc(n, sizeof(*m));
		for (unsigned i = 0; i < n; i++)
			m[i] = (struct machine){.arrives = uniform() * assumed.checkin * 1.1};
		unsigned finished = 0;
		double step = mode == WHOLE ? 1 : 0.05;
		for (double now = 0; finished < n && now < 7 * 86400; now += step) {
			give_turns(m, n, now, mode, bytes, requests, &wan);
			move(m, n, now, step);
			finished = 0;
			for (unsigned i = 0; i < n; i++)
				finished += m[i].done > 0;
		}
		for (unsigned i = 0; i < n; i++)
			done[total + i] = m[i].done;
		total += n;
		free(m);
	}
	qsort(done, total, sizeof(*done), by_time);
	printf("%-28s %10.1f KB per machine on the WAN, half after %8.1f min, 95 %% after %8.1f min, all after %8.1f min\n", name, wan / total / 1000,
	       done[total / 2] / 60, done[total * 95 / 100] / 60, done[total - 1] / 60);
	free(done);
}

int main(int argc, char **argv)
{
	struct day one = {0}, two = {0}, fresh = {0};
	struct crypto_key *key = NULL;
	struct err err = {0};
	char hashes[] = "/tmp/luytre-bench-hashes.XXXXXX";
	if (argc != 4)
		return 2;
	must(crypto_key_generate(&key, &err), &err);
	int fd = mkstemp(hashes);
	list_hashes(hashes, (unsigned)assumed.first_hashes);
	build(&one, 1, argv[1], hashes, argv[3], key, NULL);
	list_hashes(hashes, (unsigned)(assumed.first_hashes + assumed.more_hashes));
	build(&two, 2, argv[2], hashes, argv[3], key, &one);
	(void)close(fd);
	(void)unlink(hashes);
	measure(&two, &one);
	fresh.container = two.container;
	measure(&fresh, NULL);
	printf("bundle: %.1f MB; first fetch in chunks %.1f MB in %llu requests; daily update %.1f KB in %llu requests\n", (double)two.size / 1e6,
	       (double)fresh.fetch_bytes / 1e6, (unsigned long long)fresh.fetch_count, (double)two.fetch_bytes / 1e3, (unsigned long long)two.fetch_count);
	run("whole container", WHOLE, (double)two.size, 1);
	run("chunks", CHUNKS, (double)two.fetch_bytes, (double)two.fetch_count);
	run("chunks, site sharing", SITE, (double)two.fetch_bytes, (double)two.fetch_count);
	run("first fetch, site sharing", SITE, (double)fresh.fetch_bytes, (double)fresh.fetch_count);
	buf_done(&one.container);
	buf_done(&two.container);
	crypto_key_free(key);
	return 0;
}
