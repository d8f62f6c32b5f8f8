#define _GNU_SOURCE
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CONTROL_VARIABLE "DISK_FAULTS_CONTROL"

enum extent { EXTENT_NONE, EXTENT_ONCE, EXTENT_LASTING, EXTENT_BRIEF };

struct control {
  _Atomic uint32_t extent;
  uint32_t nth;
  uint32_t error;    /* errno */
  uint32_t is_short; /* the first write is done by half; what comes after it has the error */
  _Atomic uint32_t calls;
  _Atomic uint32_t faults;
  uint32_t unused[10];
  char directory[1024]; /* real path; what is elsewhere is left alone */
  char ending[64];      /* only files whose path ends so meet the fault, and count; empty: all */
};

static struct control *control;
static char log_path[PATH_MAX];
static char variables[2][PATH_MAX + 32];
static const char *inherited[3];

/* Not by way of this library's own functions. */
static int raw_open(const char *path, int flags) { return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600); }

static void refuse(const char *path) {
  fprintf(stderr, "disk_faults: %s cannot be opened\n", path);
  abort();
}

/* Opened anew each time: hosts of tokens close what they do not know. */
static void note(const char *line, size_t length) {
  const int file = raw_open(log_path, O_WRONLY | O_APPEND | O_CREAT);
  if (file < 0 || syscall(SYS_write, file, line, length) != (ssize_t)length) refuse(log_path);
  syscall(SYS_close, file);
}

__attribute__((constructor)) static void attach(void) {
  const char *path = getenv(CONTROL_VARIABLE);
  const char *library = getenv("LD_PRELOAD");
  if (path == NULL || library == NULL) return;
  const int file = raw_open(path, O_RDWR);
  void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (mapped == MAP_FAILED) refuse(path);
  syscall(SYS_close, file);
  snprintf(log_path, sizeof log_path, "%s.log", path);
  snprintf(variables[0], sizeof variables[0], "LD_PRELOAD=%s", library);
  snprintf(variables[1], sizeof variables[1], CONTROL_VARIABLE "=%s", path);
  inherited[0] = variables[0];
  inherited[1] = variables[1];
  control = mapped;
}

const char *const *inherited_variables(void) { return control == NULL ? NULL : inherited; }

int concerns(const char *path) {
  if (control == NULL || path == NULL) return 0;
  const size_t length = strlen(control->directory);
  return length > 0 && strncmp(path, control->directory, length) == 0 && path[length] == '/';
}

/* Empty where it is no file of the directory. */
static const char *path_of(int file, char *path) {
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, PATH_MAX - 1);
  path[length < 0 ? 0 : length] = '\0';
  return concerns(path) ? path : "";
}

int concerns_open(int file) {
  char path[PATH_MAX];
  const int before = errno;
  const int answer = control != NULL && *path_of(file, path) != '\0';
  errno = before;
  return answer;
}

static int counts(const char *path) {
  const size_t length = strlen(path), ending = strlen(control->ending);
  return length >= ending && strcmp(path + length - ending, control->ending) == 0;
}

static enum outcome outcome_of(uint32_t number, enum call_kind kind) {
  const uint32_t extent = atomic_load(&control->extent);
  const uint32_t nth = control->nth;
  const uint32_t last = extent == EXTENT_ONCE ? nth : extent == EXTENT_BRIEF ? nth + 1 : UINT32_MAX;
  if (extent == EXTENT_NONE || number < nth || number > last) return OUTCOME_DONE;
  if (kind == KIND_FREE && control->error != EIO) return OUTCOME_DONE;
  if (control->is_short && number == nth && kind == KIND_FILL) return OUTCOME_SHORT;
  return control->is_short && extent == EXTENT_ONCE ? OUTCOME_DONE : OUTCOME_FAILED;
}

enum outcome meet(const char *call, enum call_kind kind, const char *path) {
  static const char *const WORDS[] = {"done", "short", "failed"};
  static const char *const KINDS[] = {"fill", "sync", "make", "free"};
  const int before = errno;
  if (!concerns(path) || !counts(path)) return OUTCOME_DONE;
  const uint32_t number = atomic_fetch_add(&control->calls, 1) + 1;
  const enum outcome outcome = outcome_of(number, kind);
  if (outcome != OUTCOME_DONE) atomic_fetch_add(&control->faults, 1);
  char line[PATH_MAX + 128];
  const int length = snprintf(line, sizeof line, "%u %s %s %s %s %s\n", number, program_invocation_short_name, call,
                              KINDS[kind], WORDS[outcome], path + strlen(control->directory) + 1);
  note(line, (size_t)length);
  errno = outcome == OUTCOME_FAILED ? (int)control->error : before;
  return outcome;
}

enum outcome meet_open(const char *call, enum call_kind kind, int file) {
  char path[PATH_MAX];
  if (control == NULL) return OUTCOME_DONE;
  const int before = errno;
  const char *found = path_of(file, path);
  errno = before;
  return meet(call, kind, found);
}
