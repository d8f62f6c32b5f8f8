#define _GNU_SOURCE
#include "call_log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "rules.h"
#include "shared_state.h"

static int file = -1;

static void open_log(void) {
  char path[PATH_LENGTH + 8];
  snprintf(path, sizeof path, "%s.log", control_path());
  file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) refuse("the log cannot be opened");
}

/* In one write, so that lines of several processes do not mix. */
static void write_line(char mark, const char *function, CK_SESSION_HANDLE session, unsigned long value) {
  static pthread_once_t opened = PTHREAD_ONCE_INIT;
  pthread_once(&opened, open_log);
  char line[128];
  const int length = snprintf(line, sizeof line, "%c %u %d %lu %s %lu\n", mark, instance_number(), gettid(), session, function, value);
  if (write(file, line, (size_t)length) != length) refuse("the log cannot be written");
}

void log_begin(const char *function, CK_SESSION_HANDLE session, unsigned long detail) { write_line('b', function, session, detail); }

void log_spoilt(const char *function, CK_SESSION_HANDLE session) { write_line('s', function, session, 0); }

void log_end(const char *function, CK_SESSION_HANDLE session, CK_RV answer) { write_line('e', function, session, answer); }

/* FNV-1a, cut to what JavaScript has as a number: PINs of tests are no secrets. */
unsigned long fingerprint(const CK_UTF8CHAR *pin, CK_ULONG length) {
  unsigned long hash = 0xcbf29ce484222325u;
  for (CK_ULONG i = 0; i < length; i++) hash = (hash ^ pin[i]) * 0x100000001b3u;
  return hash >> 16;
}
