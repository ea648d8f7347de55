// Preloaded by scripts/faults.py: the n-th call of a kind on a file below FAULT_ROOT fails, is cut short, or kills.
//
// FAULT_OP: open, write, fsync, mkdir or truncate. FAULT_AT: which call, from 1 on; 0: none. FAULT_HOW: a number of errno,
// "short", "slow" or "kill". FAULT_COUNTS: a file that gets one letter for each call, in all processes together.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_below(const char *path) {
    const char *root = getenv("FAULT_ROOT");
    return root && path && strncmp(path, root, strlen(root)) == 0;
}

static int is_file_below(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    return is_below(path);
}

// How the call is to go: 0 as it is, else a number of errno, -1 short. The count is the length of a file, so that it goes
// on over all processes and threads.
static int fate(const char *op, char letter) {
    const char *counts = getenv("FAULT_COUNTS"), *wanted = getenv("FAULT_OP"), *at = getenv("FAULT_AT");
    if (!counts || !wanted || !at) return 0;
    int saved = errno;
    if (wanted[0] && strcmp(wanted, op) != 0) return 0;
    int fd = syscall(SYS_openat, AT_FDCWD, counts, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) { errno = saved; return 0; }
    syscall(SYS_write, fd, &letter, 1);
    long n = syscall(SYS_lseek, fd, 0, SEEK_CUR);
    syscall(SYS_close, fd);
    errno = saved;
    if (n != atol(at)) return 0;
    const char *how = getenv("FAULT_HOW");
    if (strcmp(how, "short") == 0) return -1;
    if (strcmp(how, "kill") == 0) return -2;
    if (strcmp(how, "slow") == 0) { sleep(1); return 0; }
    return atoi(how);
}

static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL(call) do { int f = (call); if (f == -2) die(); if (f > 0) { errno = f; return -1; } } while (0)

static int opened(const char *path, int flags) {
    if (!(flags & (O_WRONLY | O_RDWR | O_CREAT)) || !is_below(path)) return 0;
    int f = fate("open", 'o');
    return f == -1 ? 0 : f;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list list; va_start(list, flags); mode_t mode = va_arg(list, mode_t); va_end(list); \
        FAIL(opened(path, flags)); \
        return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name))(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int at, const char *path, int flags, ...) { \
        va_list list; va_start(list, flags); mode_t mode = va_arg(list, mode_t); va_end(list); \
        FAIL(opened(path, flags)); \
        return ((int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, #name))(at, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void *bytes, size_t n) {
    if (n > 0 && is_file_below(fd)) {
        int f = fate("write", 'w');
        if (f == -1 && n > 1) n /= 2;
        if (f == -2) { REAL(write)(fd, bytes, n / 2); die(); }
        if (f > 0) { errno = f; return -1; }
    }
    return REAL(write)(fd, bytes, n);
}

ssize_t writev(int fd, const struct iovec *parts, int n) {
    if (is_file_below(fd)) {
        int f = fate("write", 'w');
        if (f == -1 && n > 1) n = 1;
        if (f == -2) die();
        if (f > 0) { errno = f; return -1; }
    }
    return REAL(writev)(fd, parts, n);
}

#define PWRITE(name) \
    ssize_t name(int fd, const void *bytes, size_t n, off64_t at) { \
        if (n > 0 && is_file_below(fd)) { \
            int f = fate("write", 'w'); \
            if (f == -1 && n > 1) n /= 2; \
            if (f == -2) { ((ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, #name))(fd, bytes, n / 2, at); die(); } \
            if (f > 0) { errno = f; return -1; } \
        } \
        return ((ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, #name))(fd, bytes, n, at); \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define BY_FD(name, op, letter) \
    int name(int fd) { \
        if (is_file_below(fd)) FAIL(fate(op, letter)); \
        return ((int (*)(int))dlsym(RTLD_NEXT, #name))(fd); \
    }
BY_FD(fsync, "fsync", 's')
BY_FD(fdatasync, "fsync", 's')

#define TRUNCATE(name) \
    int name(int fd, off64_t n) { \
        if (is_file_below(fd)) FAIL(fate("truncate", 't')); \
        return ((int (*)(int, off64_t))dlsym(RTLD_NEXT, #name))(fd, n); \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

int mkdir(const char *path, mode_t mode) {
    if (is_below(path)) FAIL(fate("mkdir", 'm'));
    return REAL(mkdir)(path, mode);
}

int rename(const char *from, const char *to) {
    if (is_below(to)) FAIL(fate("rename", 'r'));
    return REAL(rename)(from, to);
}
