/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/proc/proc_supervisor.h"

#include <assert.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/mem/mem.h"
#include "platform/proc/proc_control.h"
#include "platform/proc/proc_notify.h"
#include "platform/proc/proc_role.h"

#define AT_ONCE      (10 * USEC_PER_MS) /* 0 would mean: never */
#define FIRST_PAUSE  (200 * USEC_PER_MS)
#define LAST_PAUSE   (10 * USEC_PER_SEC)
#define SIGN_OF_LIFE (USEC_PER_SEC / 4) /* what cannot start dies sooner; for those that cannot say that they are ready */
#define SERVED_PAUSE (USEC_PER_SEC) /* at most, for one that had been ready: it is wanted back */
/* What is killed now and then is back at once; what keeps dying is started ever more slowly. A death costs so much, a
 * time of life earns itself. */
#define DEATH_COSTS  (5 * USEC_PER_SEC)
#define CREDIT_MOST  (10 * DEATH_COSTS)
#define RELINK_PAUSE (500 * USEC_PER_MS)
/* Several pings get lost before a role is. */
#define SILENCE_LIMIT    (30 * USEC_PER_SEC)
#define PINGS_PER_LIMIT  6
#define LAST_GASP        (2 * USEC_PER_SEC)
#define EXIT_EXEC_FAILED 127

struct run {
	const struct proc_child *child;
	pid_t pid; /* 0: not running */
	struct proc_channel *control;
	usec_t started_at, start_at, pause, credit;
	usec_t heard_at; /* last answer to a ping */
	usec_t kill_at;  /* 0: never; else when it lives on after closing its control channel */
	bool ready;
	enum proc_state state;
	usec_t since; /* wall clock */
	uint64_t starts;
};

struct state {
	const struct proc_supervisor *config;
	struct proc_notify notify;
	struct run runs[PROC_CHILDREN_MAX];
	usec_t linked_at[PROC_PAIRS_MAX];
	int signal_fd;
	bool told_ready, stopping, hurry;
	usec_t next_watchdog, next_ping;
	struct buf settings;  /* a reload under way: what the roles get */
	const struct run *reloading; /* who must answer next; NULL: no reload is under way */
	bool reload_again;    /* SIGHUP came meanwhile */
};

static void tell(const struct state *s, enum proc_event event, const struct run *run, pid_t pid, int status,
		 usec_t next)
{
	if (s->config->on_event != NULL)
		s->config->on_event(event, run->child, pid, status, next, s->config->ctx);
}

/* After fork, before exec: only calls that are safe there. */
_Noreturn static void child_main(const struct proc_child *child, int control_fd, pid_t parent)
{
	/* Out of the way of the two numbers that mean something, before either is put in place. */
	int settings_fd = child->settings_fd != NULL ? fcntl(*child->settings_fd, F_DUPFD_CLOEXEC, PROC_SETTINGS_FD + 1) : -1;
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setsid();
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	bool ok = null >= 0 && dup2(null, STDIN_FILENO) >= 0;
	/* dup2 onto itself would keep close-on-exec. */
	if (control_fd == PROC_CONTROL_FD)
		ok = ok && fcntl(control_fd, F_SETFD, 0) == 0;
	else if (control_fd >= 0)
		ok = ok && dup2(control_fd, PROC_CONTROL_FD) >= 0;
	if (child->settings_fd != NULL)
		ok = ok && settings_fd >= 0 && dup2(settings_fd, PROC_SETTINGS_FD) >= 0;
	if (child->drop)
		ok = ok && setgroups(0, NULL) == 0 && setgid(child->gid) == 0 && setuid(child->uid) == 0 &&
		     prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
	proc_die_with_parent();
	/* The parent may have died before the line above. */
	if (ok && getppid() == parent) {
		union {
			const char *const *in;
			char *const *out;
		} argv = {.in = child->argv};
		(void)execv(child->argv[0], argv.out);
	}
	_exit(EXIT_EXEC_FAILED);
}

static void send_control(struct run *run, struct proc_message *m)
{
	/* A role that cannot take it is dying: its end is handled where it is noticed. */
	if (run->control != NULL)
		(void)!proc_send(run->control, m, NULL);
	proc_message_done(m);
}

static void change_state(struct run *run, enum proc_state state)
{
	run->state = state;
	run->since = clock_now();
}

/* Every role knows of all processes: the status page is core's. */
static void tell_roles(struct state *s)
{
	for (size_t i = 0; i < s->config->child_count; i++) {
		struct proc_message m = proc_message_init(PROC_CONTROL_STATE);
		proc_put_u64(&m, s->config->child_count);
		for (size_t k = 0; k < s->config->child_count; k++) {
			const struct run *run = &s->runs[k];
			proc_put_str(&m, str_c(s->config->children[k].name));
			proc_put_u64(&m, run->state);
			proc_put_u64(&m, (uint64_t)run->since);
			proc_put_u64(&m, run->starts > 0 ? run->starts - 1 : 0);
		}
		send_control(&s->runs[i], &m);
	}
}

static void offer_link(struct run *to, const char *peer, int fd)
{
	struct proc_message m = proc_message_init(PROC_CONTROL_LINK);
	proc_put_str(&m, str_c(peer));
	proc_put_fd(&m, fd);
	send_control(to, &m);
}

static struct run *find_run(struct state *s, const char *name)
{
	for (size_t i = 0; i < s->config->child_count; i++)
		if (str_eq_c(str_c(name), s->runs[i].child->name))
			return &s->runs[i];
	return NULL;
}

static void link_pair(struct state *s, size_t i)
{
	const struct proc_pair *pair = &s->config->pairs[i];
	struct run *a = find_run(s, pair->a), *b = find_run(s, pair->b);
	int fds[2];
	if (a == NULL || b == NULL || a->control == NULL || b->control == NULL ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return;
	s->linked_at[i] = clock_monotonic();
	offer_link(a, pair->b, fds[0]);
	offer_link(b, pair->a, fds[1]);
}

static bool joins(const struct proc_pair *pair, const char *a, struct str b)
{
	return (strcmp(pair->a, a) == 0 && str_eq_c(b, pair->b)) || (strcmp(pair->b, a) == 0 && str_eq_c(b, pair->a));
}

/* Fresh pairs between this role, just started, and every running one it may talk to. */
static void link_role(struct state *s, const struct run *run)
{
	for (size_t i = 0; i < s->config->pair_count; i++)
		if (strcmp(s->config->pairs[i].a, run->child->name) == 0 ||
		    strcmp(s->config->pairs[i].b, run->child->name) == 0)
			link_pair(s, i);
}

/* Both ends ask when a link breaks: one new pair is enough. */
static void relink(struct state *s, const struct run *run, struct str peer)
{
	assert(run->child != NULL);
	for (size_t i = 0; i < s->config->pair_count; i++)
		if (joins(&s->config->pairs[i], run->child->name, peer) &&
		    clock_monotonic() - s->linked_at[i] >= RELINK_PAUSE)
			link_pair(s, i);
}

static void reload_from(struct state *s, size_t i);

/* The next role has its turn when this one has the settings in force, or is gone (it starts with them). */
static void reload_answered(struct state *s, const struct run *run)
{
	if (s->reloading == run)
		reload_from(s, (size_t)(run - s->runs) + 1);
}

static void reload_begin(struct state *s)
{
	cleanup_buf struct buf status = BUF_INIT(4096);
	s->reload_again = s->reloading != NULL;
	if (s->config->reload == NULL || s->stopping || s->reload_again)
		return;
	buf_done_secret(&s->settings);
	s->settings = BUF_INIT(PROC_CONTROL_LIMIT);
	buf_append_c(&status, "RELOADING=1\nSTATUS=");
	bool changed = s->config->reload(&s->settings, &status, s->config->ctx);
	proc_notify_send(&s->notify, status.p);
	reload_from(s, changed ? 0 : s->config->child_count);
}

static void reload_from(struct state *s, size_t i)
{
	s->reloading = NULL;
	while (i < s->config->child_count && s->runs[i].control == NULL)
		i++;
	if (i < s->config->child_count && !s->stopping) {
		struct proc_message m = proc_message_init(PROC_CONTROL_RELOAD);
		proc_put_str(&m, buf_str(&s->settings));
		s->reloading = &s->runs[i];
		send_control(&s->runs[i], &m);
		return;
	}
	buf_done_secret(&s->settings);
	s->settings = BUF_INIT(PROC_CONTROL_LIMIT);
	proc_notify_send(&s->notify, "READY=1");
	if (s->reload_again)
		reload_begin(s);
}

static int start(struct state *s, struct run *run, struct err *err)
{
	int fds[2] = {-1, -1};
	pid_t parent = getpid();
	assert(run->child != NULL);
	if (run->child->is_role && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return err_errno(err, errno, "socketpair", STR_EMPTY);
	pid_t pid = fork();
	if (pid == 0)
		child_main(run->child, fds[1], parent);
	int failed = errno;
	file_close(&fds[1]);
	if (pid < 0) {
		file_close(&fds[0]);
		return err_errno(err, failed, "fork", str_c(run->child->name));
	}
	run->pid = pid;
	run->started_at = clock_monotonic();
	run->heard_at = run->started_at;
	run->ready = !run->child->is_role;
	run->starts++;
	change_state(run, run->ready ? PROC_STATE_READY : PROC_STATE_STARTING);
	if (run->child->is_role) {
		run->control = proc_channel_new(fds[0]);
		proc_channel_set_limit(run->control, PROC_CONTROL_LIMIT);
		proc_channel_never_wait(run->control);
	}
	tell_roles(s);
	link_role(s, run);
	tell(s, PROC_EVENT_STARTED, run, pid, 0, 0);
	return 0;
}

static void plan_restart(struct run *run, usec_t now)
{
	usec_t life = now - run->started_at;
	run->credit = run->credit + life < CREDIT_MOST ? run->credit + life : CREDIT_MOST;
	if (run->credit >= DEATH_COSTS) {
		run->credit -= DEATH_COSTS;
		run->pause = AT_ONCE;
	} else {
		bool served = run->child->is_role ? run->ready : life >= SIGN_OF_LIFE;
		usec_t most = served ? SERVED_PAUSE : LAST_PAUSE;
		run->pause = run->pause <= AT_ONCE ? FIRST_PAUSE : run->pause * 2 < most ? run->pause * 2 : most;
	}
	run->start_at = now + run->pause;
}

static void ended(struct state *s, struct run *run, int status)
{
	pid_t pid = run->pid;
	proc_channel_free(TAKE(run->control));
	run->pid = 0;
	run->kill_at = 0;
	change_state(run, PROC_STATE_DOWN);
	plan_restart(run, clock_monotonic());
	run->ready = false;
	reload_answered(s, run);
	tell_roles(s);
	tell(s, PROC_EVENT_ENDED, run, pid, status, s->stopping ? 0 : run->pause);
}

static void reap(struct state *s)
{
	for (size_t i = 0; i < s->config->child_count; i++) {
		int status = 0;
		struct run *run = &s->runs[i];
		if (run->pid > 0 && waitpid(run->pid, &status, WNOHANG) == run->pid)
			ended(s, run, status);
	}
}

/* What is due is started; failing to (no memory, no processes) is tried again like a death. */
static void start_due(struct state *s)
{
	for (size_t i = 0; i < s->config->child_count; i++) {
		struct run *run = &s->runs[i];
		usec_t now = clock_monotonic();
		if (run->pid != 0 || run->start_at > now)
			continue;
		if (start(s, run, NULL) < 0) {
			run->started_at = now;
			plan_restart(run, now);
		}
	}
}

static void kill_run(const struct state *s, const struct run *run)
{
	(void)kill(run->pid, SIGKILL);
	tell(s, PROC_EVENT_KILLED, run, run->pid, 0, 0);
}

static void note_ready(struct state *s, struct run *run)
{
	bool all = true;
	run->ready = true;
	change_state(run, PROC_STATE_READY);
	tell_roles(s);
	tell(s, PROC_EVENT_READY, run, run->pid, 0, 0);
	for (size_t i = 0; i < s->config->child_count; i++)
		all = all && s->runs[i].ready;
	if (all && !s->told_ready) {
		s->told_ready = true;
		proc_notify_send(&s->notify, "READY=1");
	}
}

/* Only what has no control channel of its own: roles do not end each other. */
static void end_silent(struct state *s, struct proc_message *m)
{
	struct str name = proc_get_str(m, PROC_NAME_LIMIT);
	for (size_t i = 0; proc_message_complete(m) && i < s->config->child_count; i++) {
		struct run *run = &s->runs[i];
		assert(run->child != NULL);
		if (!run->child->is_role && run->pid > 0 && str_eq_c(name, run->child->name))
			kill_run(s, run);
	}
}

static void read_control(struct state *s, struct run *run)
{
	struct proc_message m;
	int r = proc_receive(run->control, &m, 0, NULL);
	if (r == 0)
		return;
	if (r < 0) {
		/* It closed its end: dead, or about to be. One that lives on without us is not left to. */
		proc_channel_free(TAKE(run->control));
		run->kill_at = clock_monotonic() + LAST_GASP;
		return;
	}
	if (m.type == PROC_CONTROL_READY && !run->ready)
		note_ready(s, run);
	if (m.type == PROC_CONTROL_RELOADED)
		reload_answered(s, run);
	if (m.type == PROC_CONTROL_PING)
		run->heard_at = clock_monotonic();
	if (m.type == PROC_CONTROL_SILENT)
		end_silent(s, &m);
	if (m.type == PROC_CONTROL_RELINK) {
		struct str peer = proc_get_str(&m, PROC_NAME_LIMIT);
		if (proc_message_complete(&m))
			relink(s, run, peer);
	}
	proc_message_done(&m);
}

static void read_signals(struct state *s)
{
	struct signalfd_siginfo info;
	while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			reap(s);
		} else if (info.ssi_signo == SIGHUP) {
			reload_begin(s);
		} else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
			s->hurry = s->stopping;
			s->stopping = true;
		}
	}
}

/* Milliseconds until the next thing is due. */
static int next_wait_ms(const struct state *s, usec_t until)
{
	usec_t now = clock_monotonic();
	for (size_t i = 0; !s->stopping && i < s->config->child_count; i++)
		if (s->runs[i].pid == 0 && s->runs[i].start_at < until)
			until = s->runs[i].start_at;
	for (size_t i = 0; i < s->config->child_count; i++)
		if (s->runs[i].kill_at > 0 && s->runs[i].kill_at < until)
			until = s->runs[i].kill_at;
	if (s->next_ping < until)
		until = s->next_ping;
	if (s->notify.watchdog > 0 && s->next_watchdog < until)
		until = s->next_watchdog;
	return until <= now ? 0 : (int)((until - now) / USEC_PER_MS) + 1;
}

static void kill_overdue(struct state *s)
{
	for (size_t i = 0; i < s->config->child_count; i++) {
		struct run *run = &s->runs[i];
		if (run->kill_at == 0 || run->pid == 0 || clock_monotonic() < run->kill_at)
			continue;
		run->kill_at = 0;
		kill_run(s, run);
	}
}

static usec_t silence_limit(const struct state *s)
{
	return s->config->silence_limit > 0 ? s->config->silence_limit : SILENCE_LIMIT;
}

/* Asks every role for a sign of life, and ends those that have given none for too long. */
static void ping(struct state *s)
{
	usec_t now = clock_monotonic();
	if (now < s->next_ping)
		return;
	/* After we ourselves stood still the others get their time anew. */
	bool late = s->next_ping != 0 && now - s->next_ping > silence_limit(s) / 2;
	s->next_ping = now + silence_limit(s) / PINGS_PER_LIMIT;
	for (size_t i = 0; i < s->config->child_count; i++) {
		struct run *run = &s->runs[i];
		struct proc_message m = proc_message_init(PROC_CONTROL_PING);
		if (late)
			run->heard_at = now;
		if (run->control != NULL && now - run->heard_at > silence_limit(s)) {
			run->heard_at = now;
			kill_run(s, run);
		}
		send_control(run, &m);
	}
}

static void feed_watchdog(struct state *s)
{
	usec_t now = clock_monotonic();
	if (s->notify.watchdog == 0 || now < s->next_watchdog)
		return;
	proc_notify_send(&s->notify, "WATCHDOG=1");
	s->next_watchdog = now + s->notify.watchdog;
}

/* Waits for signals and control messages, at the latest until then, and handles them. */
static void turn(struct state *s, usec_t until)
{
	struct pollfd fds[1 + PROC_CHILDREN_MAX] = {{.fd = s->signal_fd, .events = POLLIN}};
	size_t n = s->config->child_count;
	for (size_t i = 0; i < n; i++) {
		struct proc_channel *control = s->runs[i].control;
		fds[1 + i] = (struct pollfd){.fd = control != NULL ? proc_channel_fd(control) : -1, .events = POLLIN};
	}
	(void)poll(fds, 1 + n, next_wait_ms(s, until));
	for (size_t i = 0; i < n; i++)
		if (fds[1 + i].revents != 0)
			read_control(s, &s->runs[i]);
	read_signals(s);
	kill_overdue(s);
	ping(s);
	feed_watchdog(s);
}

static void ask_to_stop(struct run *run)
{
	if (run->control != NULL) {
		struct proc_message m = proc_message_init(PROC_CONTROL_STOP);
		send_control(run, &m);
	} else {
		(void)kill(run->pid, SIGTERM);
	}
}

/* One after the other, so that each may still use those started before it. */
static void stop_all(struct state *s)
{
	unsigned timeout = s->config->stop_timeout_s > 0 ? s->config->stop_timeout_s : 10;
	proc_notify_send(&s->notify, "STOPPING=1");
	for (size_t i = s->config->child_count; i-- > 0;) {
		struct run *run = &s->runs[i];
		usec_t deadline = clock_monotonic() + timeout * USEC_PER_SEC;
		if (run->pid > 0)
			ask_to_stop(run);
		while (run->pid > 0 && !s->hurry && clock_monotonic() < deadline)
			turn(s, deadline);
		if (run->pid == 0)
			continue;
		kill_run(s, run);
		while (run->pid > 0)
			turn(s, clock_monotonic() + USEC_PER_SEC);
	}
}

int proc_supervise(const struct proc_supervisor *config, struct err *err)
{
	struct state s = {.config = config, .notify = proc_notify_take(), .settings = BUF_INIT(PROC_CONTROL_LIMIT)};
	sigset_t signals, before;
	if (config->child_count > PROC_CHILDREN_MAX || config->pair_count > PROC_PAIRS_MAX)
		return err_set(err, -E2BIG, "proc.too_many_children");
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGCHLD);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &signals, &before);
	s.signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s.signal_fd < 0)
		return err_errno(err, errno, "signalfd", STR_EMPTY);
	for (size_t i = 0; i < config->child_count; i++)
		s.runs[i] = (struct run){.child = &config->children[i], .credit = CREDIT_MOST, .state = PROC_STATE_DOWN, .since = clock_now()};
	while (!s.stopping) {
		start_due(&s);
		turn(&s, clock_monotonic() + LAST_PAUSE);
	}
	stop_all(&s);
	buf_done_secret(&s.settings);
	file_close(&s.signal_fd);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return 0;
}
