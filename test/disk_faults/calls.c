/*
 * The functions of the C library by which node, its SQLite and SoftHSM change files. They do what they always do, or fail as the control
 * file has it.
 */
#define _GNU_SOURCE
/* Else pwrite and pwrite64 would be one name. */
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "control.h"

#define EXPORT __attribute__((visibility("default")))
/* The function that this one stands before. */
#define REAL(name) ((__typeof__(&name))real(#name))
#define STREAM_BYTES 65536
#define MOST_STREAMS 256
#define MOST_VARIABLES 1024

extern char **environ;

static void *real(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (found == NULL) abort();
  return found;
}

/* ── Bytes ── */

static size_t half(size_t bytes) { return bytes > 1 ? bytes / 2 : bytes; }

EXPORT ssize_t write(int file, const void *bytes, size_t count) {
  const enum outcome outcome = meet_open("write", KIND_FILL, file);
  if (outcome == OUTCOME_FAILED) return -1;
  return syscall(SYS_write, file, bytes, outcome == OUTCOME_SHORT ? half(count) : count);
}

EXPORT ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
  const enum outcome outcome = meet_open("pwrite", KIND_FILL, file);
  if (outcome == OUTCOME_FAILED) return -1;
  return syscall(SYS_pwrite64, file, bytes, outcome == OUTCOME_SHORT ? half(count) : count, at);
}

EXPORT ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) { return pwrite64(file, bytes, count, at); }

/* A short one ends with the half of its first part. */
static ssize_t write_parts(const char *call, int file, const struct iovec *parts, int count, off64_t at) {
  const enum outcome outcome = meet_open(call, KIND_FILL, file);
  if (outcome == OUTCOME_FAILED) return -1;
  struct iovec first;
  if (outcome == OUTCOME_SHORT && count > 0) {
    first = (struct iovec){parts[0].iov_base, half(parts[0].iov_len)};
    parts = &first;
    count = 1;
  }
  return at < 0 ? syscall(SYS_writev, file, parts, count) : syscall(SYS_pwritev, file, parts, count, at, 0);
}

EXPORT ssize_t writev(int file, const struct iovec *parts, int count) { return write_parts("writev", file, parts, count, -1); }

EXPORT ssize_t pwritev64(int file, const struct iovec *parts, int count, off64_t at) {
  return write_parts("pwritev", file, parts, count, at);
}

EXPORT ssize_t pwritev(int file, const struct iovec *parts, int count, off_t at) { return pwritev64(file, parts, count, at); }

EXPORT int posix_fallocate64(int file, off64_t at, off64_t count) {
  if (meet_open("fallocate", KIND_FILL, file) != OUTCOME_DONE) return errno;
  return REAL(posix_fallocate64)(file, at, count);
}

EXPORT int posix_fallocate(int file, off_t at, off_t count) { return posix_fallocate64(file, at, count); }

EXPORT int fallocate64(int file, int mode, off64_t at, off64_t count) {
  if (meet_open("fallocate", KIND_FILL, file) != OUTCOME_DONE) return -1;
  return REAL(fallocate64)(file, mode, at, count);
}

EXPORT int fallocate(int file, int mode, off_t at, off_t count) { return fallocate64(file, mode, at, count); }

EXPORT int ftruncate64(int file, off64_t length) {
  struct stat now;
  const int grows = fstat(file, &now) == 0 && length > now.st_size;
  if (meet_open("ftruncate", grows ? KIND_FILL : KIND_FREE, file) == OUTCOME_FAILED) return -1;
  return (int)syscall(SYS_ftruncate, file, length);
}

EXPORT int ftruncate(int file, off_t length) { return ftruncate64(file, length); }

EXPORT int truncate64(const char *path, off64_t length) {
  if (meet("truncate", KIND_FREE, path) == OUTCOME_FAILED) return -1;
  return (int)syscall(SYS_truncate, path, length);
}

EXPORT int truncate(const char *path, off_t length) { return truncate64(path, length); }

EXPORT int fsync(int file) {
  if (meet_open("fsync", KIND_SYNC, file) != OUTCOME_DONE) return -1;
  return REAL(fsync)(file);
}

EXPORT int fdatasync(int file) {
  if (meet_open("fdatasync", KIND_SYNC, file) != OUTCOME_DONE) return -1;
  return REAL(fdatasync)(file);
}

/* ── Names ── */

static int is_new(const char *path) {
  const int before = errno;
  struct stat found;
  const int missing = lstat(path, &found) != 0;
  errno = before;
  return missing;
}

static int fails_to_open(const char *path, int flags) {
  return (flags & O_CREAT) != 0 && concerns(path) && is_new(path) && meet("open", KIND_MAKE, path) != OUTCOME_DONE;
}

#define OPEN_AS(name)                                     \
  EXPORT int name(const char *path, int flags, ...) {     \
    va_list more;                                         \
    va_start(more, flags);                                \
    const mode_t mode = va_arg(more, mode_t);             \
    va_end(more);                                         \
    if (fails_to_open(path, flags)) return -1;            \
    return REAL(name)(path, flags, mode);                 \
  }
OPEN_AS(open)
OPEN_AS(open64)

#define OPEN_AT_AS(name)                                              \
  EXPORT int name(int directory, const char *path, int flags, ...) {  \
    va_list more;                                                     \
    va_start(more, flags);                                            \
    const mode_t mode = va_arg(more, mode_t);                         \
    va_end(more);                                                     \
    if (fails_to_open(path, flags)) return -1;                        \
    return REAL(name)(directory, path, flags, mode);                  \
  }
OPEN_AT_AS(openat)
OPEN_AT_AS(openat64)

EXPORT int mkdir(const char *path, mode_t mode) {
  if (concerns(path) && is_new(path) && meet("mkdir", KIND_MAKE, path) != OUTCOME_DONE) return -1;
  return REAL(mkdir)(path, mode);
}

EXPORT int rename(const char *from, const char *to) {
  if (meet("rename", KIND_MAKE, to) != OUTCOME_DONE) return -1;
  return REAL(rename)(from, to);
}

EXPORT int link(const char *from, const char *to) {
  if (meet("link", KIND_MAKE, to) != OUTCOME_DONE) return -1;
  return REAL(link)(from, to);
}

EXPORT int unlink(const char *path) {
  if (!is_new(path) && meet("unlink", KIND_FREE, path) != OUTCOME_DONE) return -1;
  return REAL(unlink)(path);
}

EXPORT int remove(const char *path) {
  if (!is_new(path) && meet("unlink", KIND_FREE, path) != OUTCOME_DONE) return -1;
  return REAL(remove)(path);
}

EXPORT int rmdir(const char *path) {
  if (meet("rmdir", KIND_FREE, path) != OUTCOME_DONE) return -1;
  return REAL(rmdir)(path);
}

/* ── Streams: what they write inside of the C library does not come by here, so they keep it until they are flushed ── */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  FILE *stream;
  char *bytes;
} buffers[MOST_STREAMS];

/* Gives the stream a buffer of ours, or takes back the one that it had. */
static char *exchange(FILE *before, FILE *after, char *bytes) {
  char *had = NULL;
  size_t place = 0;
  pthread_mutex_lock(&lock);
  while (place < MOST_STREAMS && buffers[place].stream != before) place++;
  if (place < MOST_STREAMS) {
    had = buffers[place].bytes;
    buffers[place].stream = after;
    buffers[place].bytes = bytes;
  }
  pthread_mutex_unlock(&lock);
  if (place == MOST_STREAMS && after != NULL) abort();
  return had;
}

static FILE *held(FILE *stream) {
  if (stream == NULL || !concerns_open(fileno(stream))) return stream;
  char *bytes = malloc(STREAM_BYTES);
  if (bytes == NULL || setvbuf(stream, bytes, _IOFBF, STREAM_BYTES) != 0) abort();
  exchange(NULL, stream, bytes);
  return stream;
}

EXPORT FILE *fdopen(int file, const char *mode) { return held(REAL(fdopen)(file, mode)); }

static int makes(const char *path, const char *mode) { return *mode != 'r' && concerns(path) && is_new(path); }

EXPORT FILE *fopen(const char *path, const char *mode) {
  if (makes(path, mode) && meet("open", KIND_MAKE, path) != OUTCOME_DONE) return NULL;
  return held(REAL(fopen)(path, mode));
}

EXPORT FILE *fopen64(const char *path, const char *mode) {
  if (makes(path, mode) && meet("open", KIND_MAKE, path) != OUTCOME_DONE) return NULL;
  return held(REAL(fopen64)(path, mode));
}

/* As glibc would: it takes the distance of these two pointers for a part of the file to be stepped over before the next write. */
static void write_first(FILE *stream, size_t bytes) {
  const ssize_t written = syscall(SYS_write, fileno(stream), stream->_IO_write_base, bytes);
  if (written < 0) abort();
  stream->_IO_write_base += written;
  stream->_IO_read_end += written;
  if (stream->_offset >= 0) stream->_offset += written;
}

/*
 * As in glibc, a stream whose write has failed has lost what it held. One that was short is gone on with, so that half of it is in the file
 * where the rest meets the error.
 */
static int fails_to_flush(FILE *stream) {
  const size_t pending = __fpending(stream);
  if (pending == 0) return 0;
  const int file = fileno(stream);
  enum outcome outcome = meet_open("write", KIND_FILL, file);
  if (outcome == OUTCOME_SHORT) {
    write_first(stream, half(pending));
    outcome = meet_open("write", KIND_FILL, file);
  }
  if (outcome == OUTCOME_DONE) return 0;
  const int error = errno;
  __fpurge(stream);
  errno = error;
  return 1;
}

EXPORT int fflush(FILE *stream) {
  if (stream != NULL && fails_to_flush(stream)) return EOF;
  return REAL(fflush)(stream);
}

EXPORT int fseek(FILE *stream, long at, int whence) {
  if (fails_to_flush(stream)) return -1;
  return REAL(fseek)(stream, at, whence);
}

EXPORT int fclose(FILE *stream) {
  const int fails = fails_to_flush(stream);
  const int error = errno;
  char *bytes = exchange(stream, NULL, NULL);
  const int closed = REAL(fclose)(stream);
  free(bytes);
  if (!fails) return closed;
  errno = error;
  return EOF;
}

/* ── Programs that are started: the hosts of tokens get an environment in which nothing of this is ── */

EXPORT int execvp(const char *program, char *const arguments[]) {
  const char *const *mine = inherited_variables();
  if (mine == NULL) return REAL(execvp)(program, arguments);
  char *variables[MOST_VARIABLES + 3];
  size_t count = 0;
  for (char **each = environ; each != NULL && *each != NULL && count < MOST_VARIABLES; each++) {
    const int is_mine = strncmp(*each, "LD_PRELOAD=", 11) == 0 || strncmp(*each, "DISK_FAULTS_", 12) == 0;
    if (!is_mine) variables[count++] = *each;
  }
  for (; *mine != NULL; mine++) variables[count++] = (char *)*mine;
  variables[count] = NULL;
  return execvpe(program, arguments, variables);
}
