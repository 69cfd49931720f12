/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Lists of system calls. Those whose arguments matter (clone, socket, kill, prctl, ioctl, open …) are in sandbox_calls.c. */
#include <seccomp.h>

#include "base/mem/mem.h"
#include "platform/sandbox/sandbox.h"
#include "platform/sandbox/sandbox_internal.h"

#define C(name) SCMP_SYS(name)

static const int basic[] = {
    C(read), C(readv), C(pread64), C(preadv), C(preadv2), C(write), C(writev), C(close), C(fstat), C(lseek), C(fcntl), C(dup), C(dup2), C(dup3),
    C(mmap), C(munmap), C(mremap), C(mprotect), C(madvise), C(brk), C(fadvise64),
    C(poll), C(ppoll), C(recvmsg), C(sendmsg),
    C(rt_sigaction), C(rt_sigprocmask), C(rt_sigreturn), C(sigaltstack), C(rt_sigtimedwait), C(rt_sigsuspend), C(setitimer),
    C(clock_gettime), C(clock_getres), C(clock_nanosleep), C(nanosleep), C(gettimeofday), C(time), C(times), C(restart_syscall),
    C(getpid), C(gettid), C(getppid), C(getuid), C(geteuid), C(getgid), C(getegid), C(getresuid), C(getresgid),
    C(futex), C(exit), C(exit_group), C(getrandom), C(sched_yield), C(sched_getaffinity), C(set_robust_list), C(rseq),
    C(uname), C(sysinfo), C(getrlimit), C(getrusage), C(getcpu),
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    /* The search for leaks at the end stops the threads from a process beside them. */
    C(ptrace), C(clone), C(prctl), C(wait4), C(readlink), C(readlinkat), C(getdents64), C(open), C(openat), C(kill), C(tgkill),
    C(personality), C(pipe), C(pipe2), C(msync), C(prlimit64), C(setrlimit),
#endif
};

static const int threads[] = {
    C(set_tid_address), C(membarrier), C(sched_getparam), C(sched_getscheduler), C(get_robust_list),
};

static const int loop[] = {
    C(epoll_create), C(epoll_create1), C(epoll_ctl), C(epoll_wait), C(epoll_pwait), C(epoll_pwait2), C(eventfd), C(eventfd2),
    C(timerfd_create), C(timerfd_settime), C(timerfd_gettime), C(signalfd4), C(pipe), C(pipe2), C(select), C(pselect6),
};

static const int reading[] = {
    C(stat), C(lstat), C(newfstatat), C(statx), C(access), C(faccessat), C(faccessat2), C(readlink), C(readlinkat), C(getcwd),
    C(getdents64), C(getdents), C(statfs), C(fstatfs), C(flock), C(fgetxattr), C(readahead),
};

static const int writing[] = {
    C(open), C(openat), C(creat), C(mkdir), C(mkdirat), C(unlink), C(unlinkat), C(rmdir), C(rename), C(renameat), C(renameat2),
    C(link), C(linkat), C(symlink), C(symlinkat), C(ftruncate), C(truncate), C(fsync), C(fdatasync), C(sync_file_range), C(msync),
    C(syncfs), C(chmod), C(fchmod), C(fchmodat), C(fchown), C(umask), C(utimensat), C(futimesat), C(utime), C(utimes), C(pwrite64), C(pwritev),
    C(fallocate), C(copy_file_range), C(sendfile), C(splice), C(pipe2), C(chdir), C(fchdir), C(memfd_create),
};

static const int sockets[] = {
    C(recvfrom), C(sendto), C(recvmmsg), C(sendmmsg), C(getsockname), C(getpeername), C(getsockopt), C(setsockopt), C(shutdown),
    C(sendfile),
};

/* listen: the HTTP library says it again when a listener is handed over. Without bind it opens nothing. */
static const int accepting[] = {C(accept), C(accept4), C(listen)};

static const int unix_sockets[] = {C(socketpair), C(connect)};
static const int network[] = {C(connect)};

static const int processes[] = {
    C(clone), C(fork), C(vfork), C(wait4), C(waitid), C(kill), C(prlimit64), C(setrlimit), C(prctl), C(seccomp), C(close_range),
    C(set_tid_address), C(landlock_create_ruleset), C(landlock_add_rule), C(landlock_restrict_self), C(tgkill),
};

static const int database[] = {
    C(memfd_create), C(mlock), C(mlock2), C(munlock), C(mincore), C(get_mempolicy), C(mbind), C(set_mempolicy), C(sched_setscheduler),
    C(sched_get_priority_min), C(sched_get_priority_max), C(sched_setaffinity), C(getpriority), C(setpriority), C(ioprio_get),
    C(ioprio_set), C(timer_create), C(timer_settime), C(timer_delete), C(timer_getoverrun), C(capget), C(getpgrp), C(getsid),
    C(io_setup), C(io_submit), C(io_getevents), C(io_destroy), C(io_cancel), C(process_madvise),
};

static const int without_files[] = {
    C(stat), C(lstat), C(statx), C(access), C(faccessat), C(faccessat2), C(readlink), C(readlinkat), C(getcwd),
    C(open), C(openat),
};

#define LIST(bits, array) {(bits), (array), ARRAY_LEN(array)}
const struct sandbox_list sandbox_allowed[] = {
    LIST(SANDBOX_BASIC, basic),
    LIST(SANDBOX_THREADS, threads),
    LIST(SANDBOX_LOOP, loop),
    LIST(SANDBOX_READ, reading),
    LIST(SANDBOX_READ | SANDBOX_WRITE, writing),
    LIST(SANDBOX_SOCKETS, sockets),
    LIST(SANDBOX_ACCEPT, accepting),
    LIST(SANDBOX_UNIX, unix_sockets),
    LIST(SANDBOX_NETWORK, network),
    LIST(SANDBOX_PROCESSES, processes),
    LIST(SANDBOX_DATABASE, database),
};
const size_t sandbox_allowed_count = ARRAY_LEN(sandbox_allowed);

const struct sandbox_list sandbox_absent = LIST(SANDBOX_NO_FILES, without_files);

static const int dangerous[] = {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    C(ptrace),
#endif
    C(process_vm_readv), C(process_vm_writev), C(pidfd_getfd), C(kcmp), C(bpf), C(kexec_load), C(kexec_file_load), C(init_module),
    C(finit_module), C(delete_module), C(mount), C(umount2), C(pivot_root), C(open_tree), C(move_mount), C(fsopen), C(fsconfig),
    C(fsmount), C(fspick), C(mount_setattr), C(swapon), C(swapoff), C(reboot), C(settimeofday), C(clock_settime), C(adjtimex),
    C(clock_adjtime), C(sethostname), C(setdomainname), C(iopl), C(ioperm), C(acct), C(quotactl), C(syslog), C(vhangup),
    C(add_key), C(request_key), C(keyctl), C(userfaultfd), C(modify_ldt), C(lookup_dcookie), C(nfsservctl),
};
const struct sandbox_list sandbox_dangerous = LIST(0, dangerous);

static const int dangerous_alone[] = {
    C(execve), C(execveat), C(open_by_handle_at), C(unshare), C(setns), C(chroot), C(setuid), C(setgid), C(setresuid), C(setresgid), C(setreuid),
    C(setregid), C(setfsuid), C(setfsgid), C(setgroups), C(capset), C(mknod), C(mknodat),
};
const struct sandbox_list sandbox_dangerous_alone = LIST(0, dangerous_alone);
