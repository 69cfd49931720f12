/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/proc/proc_starter.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file/file.h"

enum { STARTED_MAX = 8, LAST_WAIT_MS = 1000, WAIT_STEP_MS = 10 };

enum order { ORDER_START, ORDER_END };
struct request {
	enum order order;
	pid_t pid; /* END */
};
struct reply {
	pid_t pid; /* START, when error is 0 */
	int error; /* positive errno */
};

struct proc_starter {
	pthread_mutex_t lock; /* one request and its reply */
	int socket;
	pid_t pid;
};

/* ---- in the child ---- */

struct child {
	const char *program;
	int socket;
	pid_t started[STARTED_MAX]; /* 0: free */
};

static int receive(int socket, struct request *ret, int *ret_fd)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {ret, sizeof(*ret)};
	struct msghdr m = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
	*ret_fd = -1;
	for (struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&m) : NULL; head != NULL; head = CMSG_NXTHDR(&m, head))
		if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
			memcpy(ret_fd, CMSG_DATA(head), sizeof(*ret_fd));
	return n == sizeof(*ret) ? 1 : n < 0 && errno == EINTR ? 0 : -1;
}

static pid_t *find(struct child *c, pid_t pid)
{
	for (size_t i = 0; i < STARTED_MAX; i++)
		if (c->started[i] == pid)
			return &c->started[i];
	return NULL;
}

static int run_program(const struct child *c, int fd, pid_t *ret)
{
	char name[] = "program";
	char *const arguments[] = {name, NULL};
	posix_spawn_file_actions_t actions;
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
	(void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	int r = posix_spawn(ret, c->program, &actions, NULL, arguments, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return r;
}

static void on_start(struct child *c, int fd, struct reply *reply)
{
	pid_t *slot;
	for (size_t i = 0; i < STARTED_MAX; i++) /* those that ended by themselves */
		if (c->started[i] > 0 && waitpid(c->started[i], NULL, WNOHANG) != 0)
			c->started[i] = 0;
	slot = find(c, 0);
	reply->error = fd < 0 ? EBADF : slot == NULL ? EBUSY : run_program(c, fd, slot);
	if (reply->error == 0)
		reply->pid = *slot;
	else if (slot != NULL)
		*slot = 0;
}

static void on_end(struct child *c, pid_t pid, struct reply *reply)
{
	pid_t *slot = pid > 0 ? find(c, pid) : NULL;
	if (slot == NULL) {
		reply->error = ESRCH;
		return;
	}
	for (unsigned waited = 0; waitpid(pid, NULL, WNOHANG) == 0; waited += WAIT_STEP_MS) {
		if (waited == LAST_WAIT_MS)
			(void)kill(pid, SIGKILL);
		(void)usleep(WAIT_STEP_MS * 1000);
	}
	*slot = 0;
}

_Noreturn static void child_main(struct child *c, pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_NAME, "starter");
	/* Standard error stays; nothing else of the parent's. */
	if (getppid() != parent || dup2(c->socket, STDIN_FILENO) < 0 || fcntl(STDIN_FILENO, F_SETFD, FD_CLOEXEC) < 0 ||
	    close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
		_exit(1);
	for (;;) {
		struct request request = {0};
		struct reply reply = {0};
		int fd = -1, r = receive(STDIN_FILENO, &request, &fd);
		if (r < 0)
			_exit(0);
		if (r == 0)
			continue;
		if (request.order == ORDER_START)
			on_start(c, fd, &reply);
		else
			on_end(c, request.pid, &reply);
		if (fd >= 0)
			(void)close(fd);
		(void)!send(STDIN_FILENO, &reply, sizeof(reply), MSG_NOSIGNAL);
	}
}

/* ---- the asker's side ---- */

int proc_starter_new(const char *program, struct proc_starter **ret, struct err *err)
{
	int sockets[2];
	pid_t parent = getpid();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return err_errno(err, errno, "socketpair", STR_EMPTY);
	pid_t pid = fork();
	if (pid == 0)
		child_main(&(struct child){.program = program, .socket = sockets[1]}, parent);
	int number = errno;
	(void)close(sockets[1]);
	if (pid < 0) {
		(void)close(sockets[0]);
		return err_errno(err, number, "fork", STR_EMPTY);
	}
	struct proc_starter *s = MEM_NEW(struct proc_starter);
	*s = (struct proc_starter){.lock = PTHREAD_MUTEX_INITIALIZER, .socket = sockets[0], .pid = pid};
	*ret = s;
	return 0;
}

void proc_starter_free(struct proc_starter *s)
{
	if (s == NULL)
		return;
	/* It ends when we hang up; whoever may still wait for children reaps it, else init does. */
	(void)close(s->socket);
	(void)waitpid(s->pid, NULL, 0);
	mem_free(s);
}

static ssize_t send_request(int socket, const struct request *request, int fd)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct request copy = *request;
	struct iovec part = {&copy, sizeof(copy)};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		control.head = (struct cmsghdr){
		    .cmsg_len = CMSG_LEN(sizeof(fd)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	}
	return sendmsg(socket, &m, MSG_NOSIGNAL);
}

static int ask(struct proc_starter *s, const struct request *request, int fd, struct reply *reply, struct err *err)
{
	ssize_t n = -1;
	(void)pthread_mutex_lock(&s->lock);
	bool sent = send_request(s->socket, request, fd) == sizeof(*request);
	/* The lock is there to hold question and answer together. NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection) */
	while (sent && (n = recv(s->socket, reply, sizeof(*reply), 0)) < 0 && errno == EINTR)
		;
	(void)pthread_mutex_unlock(&s->lock);
	return n == sizeof(*reply) ? 0 : err_set(err, -EPIPE, "proc.peer_gone", ARG_CSTR("peer", "starter"));
}

int proc_starter_start(struct proc_starter *s, int fd, pid_t *ret_pid, struct err *err)
{
	struct reply reply = {0};
	int r = ask(s, &(struct request){.order = ORDER_START}, fd, &reply, err);
	if (r == 0 && reply.error != 0)
		r = err_errno(err, reply.error, "posix_spawn", STR_EMPTY);
	if (r == 0)
		*ret_pid = reply.pid;
	return r;
}

void proc_starter_end(struct proc_starter *s, pid_t pid)
{
	struct reply reply = {0};
	/* A starter that is gone took everything with it. */
	(void)!ask(s, &(struct request){.order = ORDER_END, .pid = pid}, -1, &reply, NULL);
}
