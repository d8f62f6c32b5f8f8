// A line for the beginning of each call and one for its end, in the order in which they were.
#ifndef STRONGROOM_SHIM_CALL_LOG_H_
#define STRONGROOM_SHIM_CALL_LOG_H_

#include "cryptoki.h"

/* `detail` is 0 but for C_Login, where it stands for the PIN. */
void log_begin(const char *function, CK_SESSION_HANDLE session, unsigned long detail);
/* Its output has been changed. */
void log_spoilt(const char *function, CK_SESSION_HANDLE session);
void log_end(const char *function, CK_SESSION_HANDLE session, CK_RV answer);

/* A number that is the same for the same PIN. */
unsigned long fingerprint(const CK_UTF8CHAR *pin, CK_ULONG length);

#endif  // STRONGROOM_SHIM_CALL_LOG_H_
