#define _GNU_SOURCE
#include "network.h"

#include <time.h>

#include "shared_state.h"

#define NANOSECONDS_PER_MS 1000000
#define NANOSECONDS_PER_S 1000000000

int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * NANOSECONDS_PER_S + time.tv_nsec;
}

static void sleep_until(int64_t instant) {
  const struct timespec time = {instant / NANOSECONDS_PER_S, instant % NANOSECONDS_PER_S};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0) continue;
}

void sleep_ms(unsigned long milliseconds) { sleep_until(now() + (int64_t)milliseconds * NANOSECONDS_PER_MS); }

/*
 * Each call books the place that is free first, in the order of their coming, and sleeps until its time has come. So no lock is held while calls
 * take their time, and what a killed process had booked ends by itself.
 */
int64_t network_begin(const struct network *network) {
  int64_t *busy_until = enter()->busy_until;
  size_t first = 0;
  for (size_t i = 1; i < network->at_once; i++)
    if (busy_until[i] < busy_until[first]) first = i;
  const int64_t arrived = now();
  const int64_t begin = busy_until[first] > arrived ? busy_until[first] : arrived;
  const int64_t end = begin + (int64_t)(network->milliseconds * NANOSECONDS_PER_MS);
  busy_until[first] = end;
  leave();
  sleep_until(begin);
  return end;
}

void network_end(int64_t end) { sleep_until(end); }

int take_session(const struct network *network) {
  struct shared_state *state = enter();
  struct instance *own = own_instance(state);
  unsigned open = 0;
  for (size_t i = 0; i < MAX_INSTANCES; i++) open += state->instances[i].sessions;
  const int taken = open < network->sessions;
  if (taken) own->sessions++;
  leave();
  return taken;
}

void return_session(void) {
  struct instance *own = own_instance(enter());
  if (own->sessions > 0) own->sessions--;
  leave();
}
