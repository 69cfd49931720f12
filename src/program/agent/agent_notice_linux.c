/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_notice.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/log/log.h"
#include "base/mem/mem.h"
#include "program/agent/agent_child_linux.h"

#define MOTD_DIR "/run/motd.d"
#define MOTD MOTD_DIR "/50-luytre-isolation"
#define TIMEOUT (5 * USEC_PER_SEC)
#define TEXT_MAX 4096

static void run(const char *path, char *const *arguments, char *const *environment, struct str input)
{
	cleanup_buf struct buf out = BUF_INIT(4096);
	struct err err = {0};
	if (access(path, X_OK) < 0)
		return;
	if (agent_child_run(&(struct agent_child){path, arguments, environment, input, TIMEOUT}, &out, &err) != 0)
		log_debug("a notice was not taken", ARG_CSTR("program", path), ARG_STR("text", str_sub(buf_str(&out), 0, 200)));
}

static void on_terminals(struct str text)
{
	char name[] = "wall", language[] = "LC_ALL=C.UTF-8";
	char *const arguments[] = {name, NULL}, *const environment[] = {language, NULL};
	run("/usr/bin/wall", arguments, environment, text);
}

/* The desktop of each person signed in: their own message bus, asked as themselves. */
static void on_desktop(unsigned user, const char *text)
{
	struct stat st;
	char bus[96], path[48], uid[32], gid[32], body[TEXT_MAX];
	char setpriv[] = "setpriv", groups[] = "--clear-groups", program[] = "/usr/bin/notify-send", urgency[] = "--urgency=critical",
	     title[] = "L\xc5\xa9y Tre";
	(void)snprintf(path, sizeof path, "/run/user/%u/bus", user);
	if (stat(path, &st) < 0 || access(program, X_OK) < 0)
		return;
	(void)snprintf(bus, sizeof bus, "DBUS_SESSION_BUS_ADDRESS=unix:path=%s", path);
	(void)snprintf(uid, sizeof uid, "--reuid=%u", st.st_uid);
	(void)snprintf(gid, sizeof gid, "--regid=%u", st.st_gid);
	str_copy_c(str_c(text), body, sizeof body);
	char *const arguments[] = {setpriv, uid, gid, groups, program, urgency, title, body, NULL}, *const environment[] = {bus, NULL};
	run("/usr/bin/setpriv", arguments, environment, STR_EMPTY);
}

static void on_desktops(const char *text)
{
	DIR *users = opendir("/run/user");
	for (const struct dirent *e = users != NULL ? readdir(users) : NULL; e != NULL; e = readdir(users)) {
		uint64_t uid;
		if (str_parse_u64(str_c(e->d_name), 1, UINT32_MAX, &uid))
			on_desktop((unsigned)uid, text);
	}
	if (users != NULL)
		(void)closedir(users);
}

void agent_notice(const char *text)
{
	cleanup_buf struct buf lines = BUF_INIT(TEXT_MAX);
	struct err err = {0};
	if (text[0] == '\0') {
		if (file_remove(MOTD, &err) < 0)
			log_err(LOG_LEVEL_WARN, "the notice for people signing in could not be removed", &err);
		return;
	}
	buf_printf(&lines, "%s\n", text);
	if (file_make_dirs(MOTD_DIR, 0755, &err) < 0 || file_write(MOTD, buf_str(&lines), 0644, &err) < 0)
		log_err(LOG_LEVEL_WARN, "the notice for people signing in could not be written", &err);
	on_terminals(buf_str(&lines));
	on_desktops(text);
}
