#define _GNU_SOURCE
#include "device.h"

#include "network.h"
#include "shared_state.h"

#define NANOSECONDS_PER_MS 1000000

void remove_token(unsigned long milliseconds) {
  enter()->absent_until = now() + (int64_t)milliseconds * NANOSECONDS_PER_MS;
  leave();
}

int is_token_away(const struct conditions *conditions) {
  if (conditions->is_absent) return 1;
  return read_absent_until() > now();
}

int may_log_in(const struct conditions *conditions) {
  if (conditions->pin_tries == 0) return 1;
  const unsigned wrong = enter()->wrong_pins;
  leave();
  return wrong < conditions->pin_tries;
}

void count_login(const struct conditions *conditions, CK_RV answer) {
  if (conditions->pin_tries == 0) return;
  struct shared_state *state = enter();
  if (answer == CKR_OK) state->wrong_pins = 0;
  if (answer == CKR_PIN_INCORRECT) state->wrong_pins++;
  leave();
}

CK_FLAGS pin_flags(const struct conditions *conditions) {
  const unsigned tries = conditions->pin_tries;
  if (tries == 0) return 0;
  const unsigned wrong = enter()->wrong_pins;
  leave();
  if (wrong >= tries) return CKF_USER_PIN_LOCKED;
  if (wrong + 1 == tries) return CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW;
  return wrong > 0 ? CKF_USER_PIN_COUNT_LOW : 0;
}
