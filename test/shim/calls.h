// What the fault module does around each call.
#ifndef STRONGROOM_SHIM_CALLS_H_
#define STRONGROOM_SHIM_CALLS_H_

#include <stdint.h>

#include "cryptoki.h"
#include "rules.h"

/* What a call is about. What goes to the device itself is REMOTE; the rest of a session a client library answers from what it knows. */
enum place { LIBRARY, SLOT, SESSION, REMOTE };

/* One call on its way through the module. */
struct call {
  const char *function;
  CK_SESSION_HANDLE session;
  struct fault fault;
  struct conditions conditions;
  int64_t end;
  /* Where it is not forwarded. */
  CK_RV answer;
};

/* What the call gives back, whose length may be known only afterwards. */
struct output {
  CK_BYTE *bytes;
  CK_ULONG *length;
};

void set_target(CK_FUNCTION_LIST_PTR module);

/* The slot whose sessions are lost with the token. */
void know_slot(CK_SLOT_ID slot);

/* What comes before the call. True when it is not to be forwarded. */
int begin_call(struct call *call, const char *function, enum place place, CK_SESSION_HANDLE session, unsigned long detail);

/* What comes after it: answers what the caller gets. */
CK_RV end_call(const struct call *call, CK_RV forwarded, struct output output);

#endif  // STRONGROOM_SHIM_CALLS_H_
