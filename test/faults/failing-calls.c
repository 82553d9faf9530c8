/*
 * A preload that makes chosen system calls on chosen files fail, as a bad disk does.
 *
 * FAILING_CALLS names a file that holds a `struct control`, mapped by every process of a test. The
 * test writes it (failing-calls.ts), so that a fault begins and ends without a restart.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum call { NONE, WRITE, SYNC, TRUNCATE, OPEN, RENAME, MAP, READ, UNLINK };

struct control {
  int32_t call;      /* which calls fail; NONE while there is no fault */
  int32_t countdown; /* the first that fails: 1 is the next one */
  int32_t times;     /* how many fail; -1 for all */
  int32_t error;     /* their errno */
  int32_t half;      /* whether a write that fails stores half of its bytes first */
  int32_t failed;    /* how many did fail */
  char file[232];    /* what the file's path must contain */
};

static struct control *control;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void map_control(void) {
  const char *path = getenv("FAILING_CALLS");
  if (path == NULL) return;
  int fd = REAL(open)(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = REAL(mmap)(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  REAL(close)(fd);
  if (mapped != MAP_FAILED) control = mapped;
}

/* The errno with which a call on a path fails, or 0. */
static int fault(enum call call, const char *path) {
  if (control == NULL || control->call != (int)call || path == NULL) return 0;
  if (strstr(path, control->file) == NULL) return 0;
  if (__sync_sub_and_fetch(&control->countdown, 1) > 0 || control->times == 0) return 0;
  if (control->times > 0) control->times -= 1;
  control->failed += 1;
  return control->error;
}

static int fault_of_fd(enum call call, int fd) {
  if (control == NULL || control->call != (int)call || fd < 0) return 0;
  char link[40], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return fault(call, path);
}

#define FAIL_IF(expression, value) \
  do { \
    int error_ = (expression); \
    if (error_ != 0) { \
      errno = error_; \
      return value; \
    } \
  } while (0)

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  int error = fault_of_fd(WRITE, fd);
  if (error != 0 && control->half) REAL(pwrite64)(fd, bytes, count / 2, offset);
  FAIL_IF(error, -1);
  return REAL(pwrite64)(fd, bytes, count, offset);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  return pwrite64(fd, bytes, count, offset);
}
ssize_t write(int fd, const void *bytes, size_t count) {
  int error = fault_of_fd(WRITE, fd);
  if (error != 0 && control->half) REAL(write)(fd, bytes, count / 2);
  FAIL_IF(error, -1);
  return REAL(write)(fd, bytes, count);
}
ssize_t pread64(int fd, void *bytes, size_t count, off64_t offset) {
  FAIL_IF(fault_of_fd(READ, fd), -1);
  return REAL(pread64)(fd, bytes, count, offset);
}
ssize_t pread(int fd, void *bytes, size_t count, off_t offset) {
  return pread64(fd, bytes, count, offset);
}
int fsync(int fd) {
  FAIL_IF(fault_of_fd(SYNC, fd), -1);
  return REAL(fsync)(fd);
}
int fdatasync(int fd) {
  FAIL_IF(fault_of_fd(SYNC, fd), -1);
  return REAL(fdatasync)(fd);
}
int ftruncate64(int fd, off64_t length) {
  FAIL_IF(fault_of_fd(TRUNCATE, fd), -1);
  return REAL(ftruncate64)(fd, length);
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }
int posix_fallocate64(int fd, off64_t offset, off64_t length) {
  int error = fault_of_fd(TRUNCATE, fd);
  return error != 0 ? error : REAL(posix_fallocate64)(fd, offset, length);
}
int posix_fallocate(int fd, off_t offset, off_t length) {
  return posix_fallocate64(fd, offset, length);
}
static int mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, int) : 0;
}
int open64(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  int mode = mode_of(flags, arguments);
  va_end(arguments);
  FAIL_IF(fault(OPEN, path), -1);
  return REAL(open64)(path, flags, mode);
}
int open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  int mode = mode_of(flags, arguments);
  va_end(arguments);
  FAIL_IF(fault(OPEN, path), -1);
  return REAL(open)(path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  int mode = mode_of(flags, arguments);
  va_end(arguments);
  FAIL_IF(fault(OPEN, path), -1);
  return REAL(openat64)(folder, path, flags, mode);
}
int openat(int folder, const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  int mode = mode_of(flags, arguments);
  va_end(arguments);
  FAIL_IF(fault(OPEN, path), -1);
  return REAL(openat)(folder, path, flags, mode);
}
int rename(const char *from, const char *to) {
  FAIL_IF(fault(RENAME, to), -1);
  return REAL(rename)(from, to);
}
int unlink(const char *path) {
  FAIL_IF(fault(UNLINK, path), -1);
  return REAL(unlink)(path);
}
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
  FAIL_IF(fault_of_fd(MAP, fd), MAP_FAILED);
  return REAL(mmap64)(address, length, protection, flags, fd, offset);
}
