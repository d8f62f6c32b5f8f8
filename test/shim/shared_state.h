// What all processes that have loaded the fault module for the same control file know together, as if it were kept in the device.
#ifndef STRONGROOM_SHIM_SHARED_STATE_H_
#define STRONGROOM_SHIM_SHARED_STATE_H_

#include <stdint.h>
#include <sys/types.h>

#include "network.h"

#define MAX_INSTANCES 64

/* An instance of the module in some process, which may have ended meanwhile. */
struct instance {
  pid_t pid;
  unsigned number;
  unsigned sessions;
};

struct shared_state {
  /* CLOCK_MONOTONIC in nanoseconds: when each place of the network is free again. */
  int64_t busy_until[MAX_AT_ONCE];
  struct instance instances[MAX_INSTANCES];
  unsigned instances_ever;
  unsigned wrong_pins;
  /* The token is not there before this instant, CLOCK_MONOTONIC in nanoseconds. */
  _Atomic int64_t absent_until;
};

/* The state, for this thread alone until `leave`. It is in the file beside the control file that ends in .state. A process that is killed leaves it. */
struct shared_state *enter(void);
void leave(void);

/* This instance's own entry. Between `enter` and `leave`. */
struct instance *own_instance(struct shared_state *state);

/* Its number among all that there have ever been, from 1. Not between `enter` and `leave`. */
unsigned instance_number(void);

/* It has been finalised. What comes after it, in the same process, is another one. */
void end_instance(void);

/* When a token that was removed is back, CLOCK_MONOTONIC in nanoseconds. Needs no lock. */
int64_t read_absent_until(void);

#endif  // STRONGROOM_SHIM_SHARED_STATE_H_
