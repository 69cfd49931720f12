/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mem/mem.h"
#include "engine/signature/signature_digest.h"
#include "program/scand/scand.h"

struct scan {
	const struct scand_engines *engines;
	const struct malware_wire *request;
	struct malware_wire *verdict;
	struct buf *packet;  /* for answers about members */
	struct buf member;   /* path of the one that was found */
	bool lost;           /* the scanner is gone */
};

/* Past the engines' own limits this ends the process: the scanner sees a death by SIGALRM and knows why. */
static void set_alarm(unsigned seconds)
{
	const struct itimerval timer = {.it_value = {.tv_sec = (time_t)seconds}};
	(void)setitimer(ITIMER_REAL, &timer, NULL);
}

/* By rules. What an engine cannot decide another may still find. */
static void ask_rules(const struct scan *s, const uint8_t *data, size_t len, struct str path)
{
	struct scand_names names;
	struct malware_wire *v = s->verdict;
	scand_names_of(path, s->request->texts[1], str_n(data, len < 16 ? len : 16), &names);
	if (s->engines->image != NULL)
		scand_image_scan(s->engines->image, data, len, &names, v);
	if (s->engines->yara != NULL && v->numbers[0] != MALWARE_WIRE_FOUND)
		scand_yara_scan(s->engines->yara, data, len, &names, v);
}

/* By its hashes: the scanner has the set. */
static bool is_known(struct scan *s, const uint8_t *data, size_t len, struct str path)
{
	static const struct {
		uint64_t bit;
		enum signature_digest kind;
	} kinds[] = {{MALWARE_WIRE_WANTS_SHA256, SIGNATURE_DIGEST_SHA256}, {MALWARE_WIRE_WANTS_SHA1, SIGNATURE_DIGEST_SHA1},
	             {MALWARE_WIRE_WANTS_MD5, SIGNATURE_DIGEST_MD5}};
	uint8_t digests[ARRAY_LEN(kinds)][SIGNATURE_DIGEST_MAX];
	struct malware_wire question = {.type = MALWARE_WIRE_MEMBER, .id = s->request->id, .numbers = {len}, .texts = {path}}, answer;
	int fd = -1;
	if (s->request->numbers[1] == 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if ((s->request->numbers[1] & kinds[i].bit) != 0)
			question.texts[1 + i] = str_n(digests[i], signature_digest_of(kinds[i].kind, str_n(data, len), digests[i]));
	s->lost = malware_wire_send(STDIN_FILENO, &question, -1, NULL) < 0 ||
	          malware_wire_receive(STDIN_FILENO, -1, s->packet, &answer, &fd, NULL) <= 0 || answer.type != MALWARE_WIRE_KNOWN;
	if (fd >= 0)
		(void)close(fd);
	return s->lost || answer.numbers[0] == 1;
}

static bool on_member(void *ctx, const uint8_t *data, size_t len, struct str path)
{
	struct scan *s = ctx;
	if (is_known(s, data, len, path))
		return false;
	ask_rules(s, data, len, path);
	if (s->verdict->numbers[0] != MALWARE_WIRE_FOUND)
		return true;
	buf_append(&s->member, path);
	return false;
}

/* A mapped file that is cut off under our eyes raises SIGBUS. The engines see to it themselves; this is for all that reads it else. */
static sigjmp_buf cut_off;

static void on_bus(int number)
{
	(void)number;
	siglongjmp(cut_off, 1);
}

static void look_into(struct scan *s, const uint8_t *data, size_t len, uint64_t member_most)
{
	struct malware_wire *v = s->verdict;
	struct scand_archive a = {.packed = len, .member_most = member_most < SCAND_ARCHIVE_MEMBER ? member_most : SCAND_ARCHIVE_MEMBER,
	                          .on_member = on_member, .ctx = s};
	ask_rules(s, data, len, s->request->texts[0]);
	if (v->numbers[0] == MALWARE_WIRE_FOUND)
		return;
	(void)scand_archive_walk(&a, data, len);
	v->numbers[2] = a.members;
	if (a.too_much && v->numbers[0] == MALWARE_WIRE_CLEAN)
		v->numbers[0] = MALWARE_WIRE_TOO_MUCH;
}

static void map_and_look(struct scan *s, int fd, uint64_t member_most)
{
	struct stat st = {0};
	struct sigaction action = {.sa_handler = on_bus, .sa_flags = SA_NODEFER};
	void *volatile data = MAP_FAILED;
	if (fstat(fd, &st) == 0 && st.st_size > 0)
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		if (st.st_size > 0) {
			s->verdict->numbers[0] = MALWARE_WIRE_ERROR;
			s->verdict->texts[2] = STR("malware.unreadable");
		}
		return;
	}
	(void)sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(cut_off, 1) == 0) {
		look_into(s, data, (size_t)st.st_size, member_most);
	} else if (s->verdict->numbers[0] != MALWARE_WIRE_FOUND) {
		s->verdict->numbers[0] = MALWARE_WIRE_ERROR;
		s->verdict->texts[2] = STR("malware.unreadable");
	}
	(void)signal(SIGBUS, SIG_DFL);
	(void)munmap(data, (size_t)st.st_size);
}

static void scan(struct scan *s, int fd, const struct scand_config *config)
{
	struct malware_wire *v = s->verdict;
	if (s->engines->image != NULL || s->engines->yara != NULL || s->request->numbers[1] != 0)
		map_and_look(s, fd, config->max_file_bytes);
	if (s->engines->clamav != NULL && v->numbers[0] != MALWARE_WIRE_FOUND && !s->lost) {
		struct malware_wire other = {.type = MALWARE_WIRE_VERDICT, .id = v->id, .numbers = {0, 0, v->numbers[2]}};
		scand_clamav_scan(s->engines->clamav, fd, s->request, &other);
		if (other.numbers[0] != MALWARE_WIRE_CLEAN)
			*v = other;
	}
	if (s->member.n > 0)
		v->texts[3] = buf_str(&s->member);
}

void scand_worker(int socket, const struct scand_config *config, const struct scand_engines *engines, const char *folder)
{
	struct err err = {0};
	cleanup_buf struct buf packet = BUF_INIT(2 * MALWARE_WIRE_LIMIT), answers = BUF_INIT(2 * MALWARE_WIRE_LIMIT);
	sigset_t none;
	if (dup2(socket, STDIN_FILENO) < 0)
		_exit(3);
	(void)close(socket);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGALRM, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (engines->image != NULL)
		scand_image_prepare(engines->image);
	if ((engines->yara != NULL && scand_yara_prepare(engines->yara, config->time_limit_s, &err) < 0) ||
	    scand_sandbox_worker(config->memory_bytes, engines->clamav != NULL ? folder : NULL, &err) < 0)
		_exit(3);
	for (;;) {
		struct malware_wire request;
		int fd = -1;
		if (malware_wire_receive(STDIN_FILENO, -1, &packet, &request, &fd, NULL) <= 0 ||
		    request.type != MALWARE_WIRE_SCAN || fd < 0)
			_exit(0);
		struct malware_wire verdict = {.type = MALWARE_WIRE_VERDICT, .id = request.id};
		struct scan s = {.engines = engines, .request = &request, .verdict = &verdict, .packet = &answers, .member = BUF_INIT(16384)};
		set_alarm(config->time_limit_s + 2);
		scan(&s, fd, config);
		set_alarm(0);
		(void)close(fd);
		if (s.lost || malware_wire_send(STDIN_FILENO, &verdict, -1, NULL) < 0)
			_exit(0);
		buf_done(&s.member);
	}
}
