// The token as a thing that can be pulled out, and that counts wrong PINs.
#ifndef STRONGROOM_SHIM_DEVICE_H_
#define STRONGROOM_SHIM_DEVICE_H_

#include "cryptoki.h"
#include "rules.h"

void remove_token(unsigned long milliseconds);

/* Whether it is away now, by the control file or by what `remove_token` did. */
int is_token_away(const struct conditions *conditions);

/* Whether the PIN counter lets a login through; after it, what the login came to. */
int may_log_in(const struct conditions *conditions);
void count_login(const struct conditions *conditions, CK_RV answer);

/* What C_GetTokenInfo says of the counter. */
CK_FLAGS pin_flags(const struct conditions *conditions);

#endif  // STRONGROOM_SHIM_DEVICE_H_
