/* Fails or kills a process at its n-th call that changes a directory tree.
 *
 * Preloaded (LD_PRELOAD); the test arms it through ctypes:
 *   crashpoint_arm(root, nth, error, sticky)
 *     error == 0: SIGKILL before the nth call; else that call returns -1 with errno = error,
 *     and so does every later one when sticky. ENOSPC spares the calls that need no space.
 *   crashpoint_count(): calls seen since it was armed (arm with nth = 0 to count only).
 * Calls outside root, and those of any process that is not armed, pass through.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static char armed_root[4096];
static size_t root_length;
static long target, seen;
static int failure, stays;

void crashpoint_arm(const char *root, long nth, int error, int sticky) {
    root_length = strlen(root);
    memcpy(armed_root, root, root_length + 1);
    target = nth;
    failure = error;
    stays = sticky;
    seen = 0;
}

long crashpoint_count(void) { return seen; }

static int below_root(const char *path) {
    return root_length && path && strncmp(path, armed_root, root_length) == 0;
}

static int fd_below_root(int fd) {
    char link[64], path[4096];
    if (!root_length) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlink, link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return below_root(path);
}

static int at_below_root(int directory, const char *path) {
    if (path && path[0] == '/') return below_root(path);
    return directory == AT_FDCWD ? 0 : fd_below_root(directory);
}

/* Counts one call; true when it must fail. */
static int strikes(int needs_space) {
    seen++;
    if (failure == ENOSPC && !needs_space) return 0;
    if (!target || seen < target || (seen > target && !(failure && stays))) return 0;
    if (!failure) {
        syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    }
    errno = failure;
    return 1;
}

#define WRAP(type, name, parameters, arguments, concerned, needs_space) \
    type name parameters {                                          \
        static type(*real) parameters;                              \
        if (!real) real = dlsym(RTLD_NEXT, #name);                  \
        if ((concerned) && strikes(needs_space)) return -1;         \
        return real arguments;                                      \
    }

WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), below_root(path), 1)
WRAP(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode), at_below_root(fd, path), 1)
WRAP(int, rmdir, (const char *path), (path), below_root(path), 0)
WRAP(int, unlink, (const char *path), (path), below_root(path), 0)
WRAP(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags), at_below_root(fd, path), 0)
WRAP(int, rename, (const char *from, const char *to), (from, to), below_root(from), 0)
WRAP(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), at_below_root(a, from), 0)
WRAP(int, link, (const char *from, const char *to), (from, to), below_root(to), 1)
WRAP(int, linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags), at_below_root(b, to), 1)
WRAP(int, symlink, (const char *from, const char *to), (from, to), below_root(to), 1)
WRAP(int, truncate, (const char *path, off_t size), (path, size), below_root(path), 0)
WRAP(int, ftruncate, (int fd, off_t size), (fd, size), fd_below_root(fd), 0)
WRAP(int, ftruncate64, (int fd, off64_t size), (fd, size), fd_below_root(fd), 0)
WRAP(int, fsync, (int fd), (fd), fd_below_root(fd), 0)
WRAP(int, fdatasync, (int fd), (fd), fd_below_root(fd), 0)
WRAP(int, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size), fd_below_root(fd), 1)
WRAP(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size), fd > 2 && fd_below_root(fd), 1)
WRAP(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), fd_below_root(fd), 1)
WRAP(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at), fd_below_root(fd), 1)
WRAP(ssize_t, sendfile, (int out, int in, off_t *at, size_t size), (out, in, at, size), fd_below_root(out), 1)
WRAP(ssize_t, sendfile64, (int out, int in, off64_t *at, size_t size), (out, in, at, size), fd_below_root(out), 1)
WRAP(ssize_t, copy_file_range, (int in, off64_t *ia, int out, off64_t *oa, size_t size, unsigned flags),
     (in, ia, out, oa, size, flags), fd_below_root(out), 1)

#define WRAP_OPEN(name)                                                              \
    int name(const char *path, int flags, ...) {                                     \
        static int (*real)(const char *, int, ...);                                  \
        va_list rest;                                                                \
        va_start(rest, flags);                                                       \
        mode_t mode = va_arg(rest, mode_t);                                          \
        va_end(rest);                                                                \
        if (!real) real = dlsym(RTLD_NEXT, #name);                                   \
        if ((flags & (O_CREAT | O_TRUNC)) && below_root(path) && strikes(1)) return -1; \
        return real(path, flags, mode);                                              \
    }

#define WRAP_OPENAT(name)                                                            \
    int name(int fd, const char *path, int flags, ...) {                             \
        static int (*real)(int, const char *, int, ...);                             \
        va_list rest;                                                                \
        va_start(rest, flags);                                                       \
        mode_t mode = va_arg(rest, mode_t);                                          \
        va_end(rest);                                                                \
        if (!real) real = dlsym(RTLD_NEXT, #name);                                   \
        if ((flags & (O_CREAT | O_TRUNC)) && at_below_root(fd, path) && strikes(1)) return -1; \
        return real(fd, path, flags, mode);                                          \
    }

WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)
