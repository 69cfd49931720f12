/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Preloaded into the agent: its wall clock is off by as many seconds as the file $LUYTRE_CLOCK_FILE says, from now on. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t which, struct timespec *t)
{
	int r = (int)syscall(SYS_clock_gettime, which, t);
	const char *path = getenv("LUYTRE_CLOCK_FILE");
	FILE *f = r == 0 && which == CLOCK_REALTIME && path != NULL ? fopen(path, "r") : NULL;
	time_t off = 0;
	for (int c; f != NULL && (c = fgetc(f)) >= '0' && c <= '9';)
		off = off * 10 + (c - '0');
	t->tv_sec += off;
	if (f != NULL)
		(void)fclose(f);
	return r;
}
