/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem/mem.h"
#include "program/scand/scand.h"

enum { CONTROL = STDIN_FILENO, SOURCE_LIMIT = 16 << 20 };

struct source {
	char *name;
	struct buf text;
};

struct scand {
	struct scand_config config;
	struct scand_engines engines;
	struct source *sources;      /* rule texts, until they are loaded */
	size_t source_count;
	int clamav_folder;           /* -1: none */
	char folder[64];             /* ClamAV's temporary files; "" none */
	pid_t workers[SCAND_SLOTS];  /* 0: free */
	bool loaded;
};

static void say(const struct malware_wire *m)
{
	/* The scanner is gone when this fails; the next receive ends the program. */
	(void)!malware_wire_send(CONTROL, m, -1, NULL);
}

static void tell_problem(void *ctx, struct str name, unsigned line, struct str message)
{
	(void)ctx;
	say(&(struct malware_wire){.type = MALWARE_WIRE_PROBLEM, .numbers = {line, 1}, .texts = {name, message}});
}

static int fail(const struct err *err)
{
	char line[600];
	say(&(struct malware_wire){.type = MALWARE_WIRE_FAILED,
	                           .texts = {str_c(err->key), str_c(err_line(err, line, sizeof(line)))}});
	return -1;
}

static int add_rules(struct scand *s, int fd, struct str name, struct err *err)
{
	struct source *one;
	struct stat st;
	if (fstat(fd, &st) < 0 || st.st_size < 0 || st.st_size > SOURCE_LIMIT)
		return err_set(err, -EPROTO, "malware.wire_broken", ARG_CSTR("what", "rules"));
	s->sources = mem_realloc_array(s->sources, s->source_count + 1, sizeof *s->sources);
	one = &s->sources[s->source_count++];
	*one = (struct source){.name = mem_strdup(name), .text = BUF_INIT(SOURCE_LIMIT + 1)};
	char chunk[16384];
	for (off_t at = 0; at < st.st_size;) {
		ssize_t n = pread(fd, chunk, sizeof chunk, at);
		if (n <= 0)
			return err_errno(err, n < 0 ? errno : EIO, "pread", name);
		buf_append(&one->text, str_n(chunk, (size_t)n));
		at += n;
	}
	return 0;
}

static int use_image(struct scand *s)
{
	if (s->engines.image == NULL)
		s->engines.image = scand_image_new();
	return 0;
}

static int give_yara(struct scand *s, struct str text, struct str name, struct err *err)
{
	if (s->engines.yara == NULL && scand_yara_new(&s->engines.yara, tell_problem, NULL, err) < 0)
		return -1;
	scand_yara_add(s->engines.yara, text, name);
	return 0;
}

/* Rules become our own image; what it cannot take is libyara's. Where one is wrong, libyara takes all and says what is wrong. */
static int load_rules(struct scand *s, uint64_t *ret_count, struct err *err)
{
	bool own = true;
	unsigned at = 0;
	struct str space, text;
	int r = 0;
	if (s->engines.image == NULL && s->source_count == 0)
		return 0;
	(void)use_image(s);
	for (size_t i = 0; i < s->source_count && own; i++)
		own = scand_image_add(s->engines.image, str_c(s->sources[i].name), buf_str(&s->sources[i].text));
	for (size_t i = 0; i < s->source_count && !own && r == 0; i++)
		r = give_yara(s, buf_str(&s->sources[i].text), str_c(s->sources[i].name), err);
	for (size_t i = 0; i < s->source_count; i++) {
		mem_free(s->sources[i].name);
		buf_done(&s->sources[i].text);
	}
	s->source_count = 0;
	if (r == 0)
		r = scand_image_finish(s->engines.image, own, ret_count, err);
	while (r == 0 && scand_image_fallback(s->engines.image, &at, &space, &text))
		r = give_yara(s, text, space, err);
	if (r == 0 && s->engines.yara != NULL)
		r = scand_yara_load(s->engines.yara, ret_count, err);
	return r < 0 ? -1 : 0;
}

/* What ClamAV unpacks lies in a folder of its own, which only this program can enter. */
static int make_folder(struct scand *s, struct err *err)
{
	(void)snprintf(s->folder, sizeof(s->folder), "/tmp/luytre-scand.XXXXXX");
	if (mkdtemp(s->folder) == NULL)
		return err_errno(err, errno, "mkdtemp", str_c(s->folder));
	return scand_clamav_use_folder(s->engines.clamav, s->folder, err);
}

static int load(struct scand *s, struct scand_sandbox *box, struct err *err)
{
	struct malware_wire done = {.type = MALWARE_WIRE_LOADED};
	if (load_rules(s, &done.numbers[0], err) < 0)
		return -1;
	scand_archive_start();
	if (s->clamav_folder >= 0) {
		if (scand_clamav_new(s->clamav_folder, &s->config, &s->engines.clamav, err) < 0)
			return -1;
		(void)close(s->clamav_folder);
		s->clamav_folder = -1;
		done.numbers[1] = scand_clamav_count(s->engines.clamav);
		done.texts[0] = scand_clamav_version(s->engines.clamav);
		if (make_folder(s, err) < 0)
			return -1;
	}
	if (scand_sandbox_enter(s->engines.clamav != NULL ? s->folder : NULL, box, err) < 0)
		return -1;
	done.numbers[2] = (box->seccomp ? MALWARE_WIRE_HAS_SECCOMP : 0) |
	                  (box->no_network ? MALWARE_WIRE_HAS_NO_NETWORK : 0) |
	                  (box->landlock ? MALWARE_WIRE_HAS_LANDLOCK : 0);
	s->loaded = true;
	say(&done);
	return 0;
}

static int spawn(struct scand *s, uint32_t slot, int fd, struct err *err)
{
	if (!s->loaded || slot >= SCAND_SLOTS || fd < 0 || s->workers[slot] != 0)
		return err_set(err, -EPROTO, "malware.wire_broken", ARG_CSTR("what", "slot"));
	pid_t pid = fork();
	if (pid < 0)
		return err_errno(err, errno, "fork", STR_EMPTY);
	if (pid == 0)
		scand_worker(fd, &s->config, &s->engines, s->folder);
	s->workers[slot] = pid;
	return 0;
}

static int handle(struct scand *s, const struct malware_wire *m, int fd, struct scand_sandbox *box, struct err *err)
{
	switch (m->type) {
	case MALWARE_WIRE_CONFIG:
		s->config = (struct scand_config){m->numbers[0], (unsigned)m->numbers[1], m->numbers[2]};
		return 0;
	case MALWARE_WIRE_RULES:
		if (fd >= 0 && !s->loaded)
			return add_rules(s, fd, m->texts[0], err);
		break;
	case MALWARE_WIRE_CLAMAV:
		if (fd >= 0 && !s->loaded && s->clamav_folder < 0) {
			s->clamav_folder = dup(fd);
			return 0;
		}
		break;
	case MALWARE_WIRE_IMAGE:
		if (fd >= 0 && !s->loaded && use_image(s) == 0)
			return scand_image_map(s->engines.image, fd, err);
		break;
	case MALWARE_WIRE_LOAD:
		if (!s->loaded)
			return load(s, box, err);
		break;
	case MALWARE_WIRE_SPAWN:
		return spawn(s, m->id, fd, err);
	case MALWARE_WIRE_KILL:
		if (m->id < SCAND_SLOTS && s->workers[m->id] != 0)
			(void)kill(s->workers[m->id], SIGKILL);
		return 0;
	case MALWARE_WIRE_PROBLEM:
	case MALWARE_WIRE_LOADED:
	case MALWARE_WIRE_FAILED:
	case MALWARE_WIRE_EXITED:
	case MALWARE_WIRE_SCAN:
	case MALWARE_WIRE_VERDICT:
	case MALWARE_WIRE_MEMBER:
	case MALWARE_WIRE_KNOWN:
	case MALWARE_WIRE__COUNT:
		break;
	}
	return err_set(err, -EPROTO, "malware.wire_broken", ARG_CSTR("what", "order"));
}

static void reap(struct scand *s)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (uint32_t slot = 0; slot < SCAND_SLOTS; slot++)
			if (s->workers[slot] == pid) {
				s->workers[slot] = 0;
				say(&(struct malware_wire){.type = MALWARE_WIRE_EXITED, .id = slot, .numbers = {(uint32_t)status}});
			}
}

static void on_child(int number)
{
	(void)number; /* only there to end the wait */
}

/* Waits for a packet with SIGCHLD let through only here, so that no death is slept over. */
static int next_packet(struct scand *s, struct buf *packet, struct malware_wire *m, int *fd, struct err *err)
{
	struct pollfd p = {.fd = CONTROL, .events = POLLIN};
	sigset_t none;
	(void)sigemptyset(&none);
	reap(s);
	int r = ppoll(&p, 1, NULL, &none);
	if (r < 0)
		return errno == EINTR ? 0 : err_errno(err, errno, "ppoll", STR_EMPTY);
	return malware_wire_receive(CONTROL, 0, packet, m, fd, err);
}

static void serve(struct scand *s, struct scand_sandbox *box)
{
	cleanup_buf struct buf packet = BUF_INIT(2 * MALWARE_WIRE_LIMIT);
	for (;;) {
		struct err err = {0};
		struct malware_wire m;
		int fd = -1;
		int r = next_packet(s, &packet, &m, &fd, &err);
		if (r == 0)
			continue;
		if (r > 0) {
			r = handle(s, &m, fd, box, &err);
			if (fd >= 0)
				(void)close(fd);
		}
		if (r < 0) {
			if (err.code != -EPIPE)
				(void)fail(&err);
			return;
		}
	}
}

int main(void)
{
	struct scand s = {.clamav_folder = -1};
	struct scand_sandbox box = {0};
	struct stat st;
	if (fstat(CONTROL, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		static const char text[] = "luytre-scand is started by the scanner (luytre scan, luytre-agent), not by hand.\n";
		(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
		return 2;
	}
	scand_sandbox_start(CONTROL, &box);
	struct sigaction action = {.sa_handler = on_child};
	sigset_t child;
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	(void)sigaction(SIGCHLD, &action, NULL);
	(void)sigprocmask(SIG_BLOCK, &child, NULL);
	(void)signal(SIGINT, SIG_IGN); /* Ctrl-C ends the scanner, which hangs up here */
	serve(&s, &box);
	for (unsigned i = 0; i < SCAND_SLOTS; i++)
		if (s.workers[i] != 0) {
			(void)kill(s.workers[i], SIGKILL);
			(void)waitpid(s.workers[i], NULL, 0);
		}
	if (s.folder[0] != '\0')
		scand_sandbox_remove(s.folder);
	/* The system takes the memory of large rule sets back faster than free() does. */
	_exit(0);
}
