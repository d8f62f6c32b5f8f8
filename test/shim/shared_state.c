#define _GNU_SOURCE
#include "shared_state.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rules.h"

static pthread_once_t opened = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shared_state *state;
static int file = -1;
/* 0: none yet. Private copies of the module in one process are instances of their own, so the process does not name one. */
static atomic_uint own_number;

static void open_state(void) {
  char path[PATH_LENGTH + 8];
  snprintf(path, sizeof path, "%s.state", control_path());
  file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ftruncate(file, sizeof *state) != 0) refuse("the shared state cannot be opened");
  void *mapped = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (mapped == MAP_FAILED) refuse("the shared state cannot be mapped");
  state = mapped;
}

/* The lock on the file ends with a process that is killed; among threads of one process it means nothing. */
struct shared_state *enter(void) {
  pthread_once(&opened, open_state);
  pthread_mutex_lock(&lock);
  while (flock(file, LOCK_EX) != 0)
    if (errno != EINTR) refuse("the shared state cannot be locked");
  return state;
}

void leave(void) {
  flock(file, LOCK_UN);
  pthread_mutex_unlock(&lock);
}

static int is_gone(const struct instance *instance) {
  return instance->number == 0 || (kill(instance->pid, 0) != 0 && errno == ESRCH);
}

struct instance *own_instance(struct shared_state *shared) {
  struct instance *room = NULL;
  for (size_t i = 0; i < MAX_INSTANCES; i++) {
    struct instance *each = &shared->instances[i];
    if (own_number != 0 && each->number == own_number) return each;
    if (!is_gone(each)) continue;
    memset(each, 0, sizeof *each);
    if (room == NULL) room = each;
  }
  if (room == NULL) refuse("there are too many instances");
  own_number = ++shared->instances_ever;
  room->pid = getpid();
  room->number = own_number;
  return room;
}

unsigned instance_number(void) {
  const unsigned known = atomic_load(&own_number);
  if (known != 0) return known;
  const unsigned number = own_instance(enter())->number;
  leave();
  return number;
}

void end_instance(void) {
  struct instance *own = own_instance(enter());
  memset(own, 0, sizeof *own);
  atomic_store(&own_number, 0);
  leave();
}

int64_t read_absent_until(void) {
  pthread_once(&opened, open_state);
  return atomic_load(&state->absent_until);
}
