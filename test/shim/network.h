// A token behind a network: calls that take their time, so many at once and no more.
#ifndef STRONGROOM_SHIM_NETWORK_H_
#define STRONGROOM_SHIM_NETWORK_H_

#include <stdint.h>

#include "cryptoki.h"
#include "rules.h"

#define MAX_AT_ONCE 256

/* Waits for a place, and gives back when the call that has it may end at the earliest. */
int64_t network_begin(const struct network *network);
void network_end(int64_t end);

void sleep_ms(unsigned long milliseconds);

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t now(void);

/* Whether one more session may be opened, in which case it counts at once. */
int take_session(const struct network *network);
void return_session(void);

#endif  // STRONGROOM_SHIM_NETWORK_H_
