/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What clamscan 1.4 prints, line for line, because scripts read it; so these
 * lines are not translated. Of its own luytre adds only "Not scanned".
 */
#include <string.h>

#include "program/cli/cli_scan.h"

void cli_scan_clear_progress(struct cli_scan *s)
{
	if (s->progress_shown)
		(void)fputs("\r\033[K", stderr);
	s->progress_shown = false;
}

static void line(struct cli_scan *s, FILE *to, const char *before, struct str path, const char *after)
{
	cli_scan_clear_progress(s);
	(void)fputs(before, to);
	cli_put(s->cli, to, path);
	(void)fputs(after, to);
	(void)fputc('\n', to);
}

/* Lines that -i and --quiet leave out. */
static void detail(struct cli_scan *s, struct str path, const char *after)
{
	if (!s->infected_only && !s->quiet)
		line(s, stdout, "", path, after);
}

static void warning(struct cli_scan *s, struct str path, const char *after)
{
	if (!s->quiet)
		line(s, stderr, "WARNING: ", path, after);
}

static void scanned(struct cli_scan *s, struct str path, const struct malware_verdict *v)
{
	char after[MALWARE_THREAT_SIZE + 64];
	switch (v->status) {
	case MALWARE_STATUS_CLEAN:
		detail(s, path, ": OK");
		break;
	case MALWARE_STATUS_FOUND:
		(void)snprintf(after, sizeof(after), ": %s FOUND", v->threat);
		if (!s->quiet)
			line(s, stdout, "", path, after);
		break;
	case MALWARE_STATUS_SKIPPED:
		(void)snprintf(after, sizeof(after), ": Not scanned (%s)", v->reason);
		detail(s, path, str_eq_c(str_c(v->reason), "malware.empty") ? ": Empty file" : after);
		break;
	case MALWARE_STATUS_ERROR:
		(void)snprintf(after, sizeof(after), ": %s ERROR", v->reason);
		line(s, s->quiet ? stderr : stdout, "", path, after);
		break;
	case MALWARE_STATUS__COUNT:
		break;
	}
}

bool cli_scan_print_file(void *ctx, const struct malware_walk_file *file)
{
	struct cli_scan *s = ctx;
	switch (file->kind) {
	case MALWARE_WALK_SCANNED:
		scanned(s, file->path, file->verdict);
		break;
	case MALWARE_WALK_EMPTY:
		detail(s, file->path, ": Empty file");
		break;
	case MALWARE_WALK_SYMLINK:
		detail(s, file->path, ": Symbolic link");
		break;
	case MALWARE_WALK_EXCLUDED:
		detail(s, file->path, ": Excluded");
		break;
	case MALWARE_WALK_UNSUPPORTED:
		warning(s, file->path, ": Not supported file type");
		break;
	case MALWARE_WALK_MISSING:
		line(s, stderr, "", file->path, ": No such file or directory");
		warning(s, file->path, ": Can't access file");
		break;
	case MALWARE_WALK_UNREADABLE:
		if (!s->quiet)
			line(s, stdout, "", file->path, file->number == EACCES ? ": Access denied" : ": Can't open file or directory");
		break;
	case MALWARE_WALK_VANISHED:
		detail(s, file->path, ": Vanished");
		break;
	case MALWARE_WALK__COUNT:
		break;
	}
	return !ferror(stdout);
}

void cli_scan_print_progress(void *ctx, uint64_t done, uint64_t listed, uint64_t bytes, struct str path)
{
	struct cli_scan *s = ctx;
	if (!s->cli->err_is_terminal || s->quiet)
		return;
	enum { WIDTH = 20 };
	char bar[WIDTH + 1];
	size_t full = listed > 0 ? (size_t)(done * WIDTH / (done > listed ? done : listed)) : 0;
	memset(bar, '.', WIDTH);
	memset(bar, '#', full);
	bar[WIDTH] = '\0';
	(void)fprintf(stderr, "\r\033[K[%s] %llu/%llu  %.1f MB  ", bar, (unsigned long long)done, (unsigned long long)listed,
	              (double)bytes / 1e6);
	cli_put(s->cli, stderr, path.n > 40 ? str_sub(path, path.n - 40, path.n) : path);
	s->progress_shown = true;
}

static void print_date(const char *name, usec_t t)
{
	struct clock_date d = clock_civil(t, 0);
	(void)printf("%s %04d:%02u:%02u %02u:%02u:%02u\n", name, d.year, d.month, d.day, d.hour, d.minute, d.second);
}

void cli_scan_print_summary(struct cli_scan *s, const struct malware_scanner_info *info,
                            const struct malware_walk_totals *t)
{
	double took = (double)(clock_monotonic() - s->monotonic) / USEC_PER_SEC;
	uint64_t known = info->signatures.hashes + info->yara_rules + info->clamav_signatures;
	double scanned_mb = (double)t->bytes_scanned / 1048576, read_mb = (double)t->bytes_read / 1048576;
	(void)printf("\n----------- SCAN SUMMARY -----------\n");
	(void)printf("Known viruses: %llu\n", (unsigned long long)known);
	(void)printf("Engine version: %s%s%s\n", LUYTRE_VERSION, info->clamav_version[0] != '\0' ? " ClamAV " : "",
	             info->clamav_version);
	(void)printf("Scanned directories: %llu\n", (unsigned long long)t->folders);
	(void)printf("Scanned files: %llu\n", (unsigned long long)t->files);
	(void)printf("Infected files: %llu\n", (unsigned long long)t->found);
	if (t->errors > 0)
		(void)printf("Total errors: %llu\n", (unsigned long long)t->errors);
	if (t->skipped > 0)
		(void)printf("Not scanned: %llu\n", (unsigned long long)t->skipped);
	(void)printf("Data scanned: %.2f MB\n", scanned_mb);
	(void)printf("Data read: %.2f MB (ratio %.2f:1)\n", read_mb, read_mb > 0 ? scanned_mb / read_mb : 0.0);
	(void)printf("Time: %.3f sec (%u m %u s)\n", took, (unsigned)took / 60, (unsigned)took % 60);
	print_date("Start Date:", s->started);
	print_date("End Date:  ", clock_now());
}
