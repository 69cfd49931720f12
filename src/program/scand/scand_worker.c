/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "program/scand/scand.h"

/* Past the engines' own limits this ends the process: the scanner sees a death by SIGALRM and knows why. */
static void set_alarm(unsigned seconds)
{
	const struct itimerval timer = {.it_value = {.tv_sec = (time_t)seconds}};
	(void)setitimer(ITIMER_REAL, &timer, NULL);
}

static void scan(const struct malware_wire *request, int fd, struct scand_yara *yara, struct scand_clamav *clamav,
                 struct malware_wire *verdict)
{
	if (yara != NULL)
		scand_yara_scan(yara, fd, request, verdict);
	if (clamav != NULL && verdict->numbers[0] == MALWARE_WIRE_CLEAN)
		scand_clamav_scan(clamav, fd, request, verdict);
}

void scand_worker(int socket, const struct scand_config *config, struct scand_yara *yara, struct scand_clamav *clamav,
                  const char *folder)
{
	struct err err = {0};
	cleanup_buf struct buf packet = BUF_INIT(2 * MALWARE_WIRE_LIMIT);
	sigset_t none;
	if (dup2(socket, STDIN_FILENO) < 0)
		_exit(3);
	(void)close(socket);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGALRM, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if ((yara != NULL && scand_yara_prepare(yara, config->time_limit_s, &err) < 0) ||
	    scand_sandbox_worker(config->memory_bytes, clamav != NULL ? folder : NULL, &err) < 0)
		_exit(3);
	for (;;) {
		struct malware_wire request;
		int fd = -1;
		if (malware_wire_receive(STDIN_FILENO, -1, &packet, &request, &fd, NULL) <= 0 ||
		    request.type != MALWARE_WIRE_SCAN || fd < 0)
			_exit(0);
		struct malware_wire verdict = {.type = MALWARE_WIRE_VERDICT, .id = request.id};
		set_alarm(config->time_limit_s + 2);
		scan(&request, fd, yara, clamav, &verdict);
		set_alarm(0);
		(void)close(fd);
		if (malware_wire_send(STDIN_FILENO, &verdict, -1, NULL) < 0)
			_exit(0);
	}
}
