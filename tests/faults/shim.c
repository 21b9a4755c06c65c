/* Copyright (c) 2026 the certops.clm authors
 * GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * LD_PRELOAD: holds a real process exactly at one system call, or lets that call fail; nothing in the product knows of it.
 *
 * CLM_FAULT_CALL   open (for writing), write, fsync, syncfs, rename, symlink, mkdir, unlink, connect (ip:port), exec (argv in one line)
 * CLM_FAULT_PATH   fnmatch pattern of the path (of a rename the new one)   CLM_FAULT_TEXT  must be in what a write writes
 * CLM_FAULT_NTH    the how manieth such call of one process, from 1        CLM_FAULT_AFTER 1: after the call, not before it
 * CLM_FAULT_DO     hold (until DIR/go is there) or a number: fail with that errno, each time
 * CLM_FAULT_DIR    DIR: only while DIR/armed is there; DIR/at says which process was caught, one only
 * CLM_FAULT_CLOCK  a file with the seconds by which the clock of the wall is wrong, read at each look; other clocks stay true
 * CLM_FAULT_TRACE  a file for one line each sync, rename and opening for writing, with the path
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int counted;

static void name_of(char *where, size_t size, const char *folder, const char *name) { snprintf(where, size, "%s/%s", folder, name); }

static int is_there(const char *folder, const char *name) {
    char path[PATH_MAX];
    name_of(path, sizeof path, folder, name);
    return syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

static void put(const char *path, const char *text, int flags) {
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);
    if (fd >= 0) {
        if (syscall(SYS_write, fd, text, strlen(text)) < 0) { /* nobody to tell */ }
        syscall(SYS_close, fd);
    }
}

static void trace(const char *call, const char *path) {
    const char *file = getenv("CLM_FAULT_TRACE");
    char line[PATH_MAX + 64];
    if (!file) return;
    snprintf(line, sizeof line, "%s %s\n", call, path);
    put(file, line, O_APPEND);
}

static int hold(const char *folder, const char *call, const char *path) {
    char name[PATH_MAX], said[PATH_MAX + 96];
    struct timespec moment = {0, 1000000};
    name_of(name, sizeof name, folder, "taken");
    if (syscall(SYS_mkdirat, AT_FDCWD, name, 0777) != 0) return 0; /* somebody else was caught */
    snprintf(said, sizeof said, "%d %s %s\n", (int)getpid(), call, path);
    name_of(name, sizeof name, folder, ".at");
    put(name, said, O_TRUNC);
    char final[PATH_MAX];
    name_of(final, sizeof final, folder, "at");
    syscall(SYS_renameat2, AT_FDCWD, name, AT_FDCWD, final, 0);
    while (!is_there(folder, "go")) nanosleep(&moment, NULL);
    return 0;
}

static time_t shift(void) {
    const char *file = getenv("CLM_FAULT_CLOCK");
    char text[32] = "";
    if (!file) return 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return 0;
    if (syscall(SYS_read, fd, text, sizeof text - 1) < 0) text[0] = 0;
    syscall(SYS_close, fd);
    return (time_t)atol(text);
}

int clock_gettime(clockid_t which, struct timespec *moment) {
    int answer = (int)syscall(SYS_clock_gettime, which, moment);
    if (answer == 0 && which == CLOCK_REALTIME) moment->tv_sec += shift();
    return answer;
}

time_t time(time_t *where) {
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    if (where) *where = moment.tv_sec;
    return moment.tv_sec;
}

int gettimeofday(struct timeval *moment, void *zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    moment->tv_sec = exact.tv_sec;
    moment->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

/* 0, or the errno that the call is to fail with. */
static int seen(const char *call, const char *path, const void *data, size_t size, int after) {
    const char *wanted = getenv("CLM_FAULT_CALL"), *pattern = getenv("CLM_FAULT_PATH"), *folder = getenv("CLM_FAULT_DIR");
    const char *text = getenv("CLM_FAULT_TEXT"), *nth = getenv("CLM_FAULT_NTH"), *act = getenv("CLM_FAULT_DO");
    if (!wanted || !pattern || !folder || !act || strcmp(wanted, call) != 0) return 0;
    if (fnmatch(pattern, path, 0) != 0 || !is_there(folder, "armed")) return 0;
    if (text && *text && !(data && memmem(data, size, text, strlen(text)))) return 0;
    if ((getenv("CLM_FAULT_AFTER") != NULL) != after) return 0;
    if (++counted < (nth ? atoi(nth) : 1)) return 0;
    if (strcmp(act, "hold") == 0) return counted == (nth ? atoi(nth) : 1) ? hold(folder, call, path) : 0;
    char name[PATH_MAX];
    name_of(name, sizeof name, folder, "at");
    put(name, "0 errno\n", O_TRUNC);
    return atoi(act);
}

static void path_of(int fd, char *where) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, where, PATH_MAX - 1);
    where[length > 0 ? length : 0] = 0;
}

#define REAL(type, name, ...) static type (*real)(__VA_ARGS__); if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)
#define AROUND(call, path, data, size, type, doing) \
    int wrong = seen(call, path, data, size, 0); \
    if (wrong) { errno = wrong; return -1; } \
    type answer = doing; \
    int kept = errno; \
    wrong = seen(call, path, data, size, 1); \
    errno = wrong ? wrong : kept; \
    return wrong ? -1 : answer
#define OPENED(doing) \
    if (!(flags & (O_WRONLY | O_RDWR | O_CREAT))) return doing; \
    trace("open", path); \
    AROUND("open", path, NULL, 0, int, doing)
#define MODE int mode = 0; if (flags & O_CREAT) { va_list more; va_start(more, flags); mode = va_arg(more, int); va_end(more); }

int open(const char *path, int flags, ...) { MODE REAL(int, open, const char *, int, ...); OPENED(real(path, flags, mode)); }
int open64(const char *path, int flags, ...) { MODE REAL(int, open64, const char *, int, ...); OPENED(real(path, flags, mode)); }
int openat(int at, const char *path, int flags, ...) { MODE REAL(int, openat, int, const char *, int, ...); OPENED(real(at, path, flags, mode)); }
int openat64(int at, const char *path, int flags, ...) { MODE REAL(int, openat64, int, const char *, int, ...); OPENED(real(at, path, flags, mode)); }

ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    const char *wanted = getenv("CLM_FAULT_CALL");
    char path[PATH_MAX];
    if (!wanted || strcmp(wanted, "write") != 0) return real(fd, data, size);
    path_of(fd, path);
    AROUND("write", path, data, size, ssize_t, real(fd, data, size));
}

int fsync(int fd) {
    REAL(int, fsync, int);
    char path[PATH_MAX];
    path_of(fd, path);
    int wrong = seen("fsync", path, NULL, 0, 0);
    if (wrong) { errno = wrong; return -1; }
    int answer = real(fd);
    trace("fsync", path);
    seen("fsync", path, NULL, 0, 1);
    return answer;
}

int syncfs(int fd) {
    REAL(int, syncfs, int);
    char path[PATH_MAX];
    path_of(fd, path);
    trace("syncfs", path);
    AROUND("syncfs", path, NULL, 0, int, real(fd));
}

int rename(const char *old, const char *path) { REAL(int, rename, const char *, const char *); trace("rename", path); AROUND("rename", path, NULL, 0, int, real(old, path)); }
int symlink(const char *to, const char *path) { REAL(int, symlink, const char *, const char *); AROUND("symlink", path, NULL, 0, int, real(to, path)); }
int mkdir(const char *path, mode_t mode) { REAL(int, mkdir, const char *, mode_t); AROUND("mkdir", path, NULL, 0, int, real(path, mode)); }
int unlink(const char *path) { REAL(int, unlink, const char *); AROUND("unlink", path, NULL, 0, int, real(path)); }

int connect(int fd, const struct sockaddr *to, socklen_t size) {
    REAL(int, connect, int, const struct sockaddr *, socklen_t);
    char text[INET_ADDRSTRLEN] = "", path[INET_ADDRSTRLEN + 16];
    if (!to || to->sa_family != AF_INET) return real(fd, to, size);
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)to;
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    snprintf(path, sizeof path, "%s:%d", text, ntohs(v4->sin_port));
    AROUND("connect", path, NULL, 0, int, real(fd, to, size));
}

int execve(const char *path, char *const argv[], char *const envp[]) {
    REAL(int, execve, const char *, char *const[], char *const[]);
    char line[PATH_MAX] = "";
    size_t used = 0;
    for (int number = 0; argv[number] && used + strlen(argv[number]) + 2 < sizeof line; number++)
        used += (size_t)snprintf(line + used, sizeof line - used, "%s ", argv[number]);
    int wrong = seen("exec", line, NULL, 0, 0);
    if (wrong) { errno = wrong; return -1; }
    return real(path, argv, envp);
}
