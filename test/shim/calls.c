#define _GNU_SOURCE
#include "calls.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "call_log.h"
#include "device.h"
#include "network.h"

static CK_FUNCTION_LIST_PTR target;
static _Atomic CK_SLOT_ID known_slot;
static atomic_int has_slot;
static atomic_int sessions_are_lost;

void set_target(CK_FUNCTION_LIST_PTR module) { target = module; }

void know_slot(CK_SLOT_ID slot) {
  atomic_store(&known_slot, slot);
  atomic_store(&has_slot, 1);
}

static void drop_sessions(void) {
  if (atomic_load(&has_slot)) target->C_CloseAllSessions(atomic_load(&known_slot));
}

/* By touching what is nobody's, as vendors' libraries do: a signal that is only raised waits where it is blocked, as it is in lanes. */
__attribute__((noreturn)) static void crash(void) {
  // The handler of a sanitizer would take it for an error of the test's.
  signal(SIGSEGV, SIG_DFL);
  volatile char *nobodys = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *nobodys = 1;
  abort();
}

/* Takes its time, or does not come back, or changes the token. True when the call ends here, with the return value that the rule names. */
static int meet(const struct call *call) {
  const struct fault *fault = &call->fault;
  switch (fault->action) {
    case ACTION_SLEEP:
      sleep_ms(fault->argument);
      return 0;
    case ACTION_HANG:
      for (;;) pause();
    case ACTION_ABORT:
      abort();
    case ACTION_SEGFAULT:
      crash();
    case ACTION_DROP:
      drop_sessions();
      return 0;
    case ACTION_LOGOUT:
      target->C_Logout(call->session);
      return 0;
    case ACTION_REMOVE:
      remove_token(fault->argument);
      return 0;
    default:
      return fault->action == ACTION_RETURN;
  }
}

static int is_away(struct call *call, enum place place) {
  if (!is_token_away(&call->conditions)) {
    atomic_store(&sessions_are_lost, 0);
    return 0;
  }
  if (atomic_exchange(&sessions_are_lost, 1) == 0) drop_sessions();
  call->answer = place == SLOT ? CKR_TOKEN_NOT_PRESENT : CKR_DEVICE_REMOVED;
  return place != LIBRARY;
}

static int ends_before(struct call *call, enum place place) {
  if (!call->fault.after && meet(call)) {
    call->answer = call->fault.argument;
    return 1;
  }
  return is_away(call, place);
}

int begin_call(struct call *call, const char *function, enum place place, CK_SESSION_HANDLE session, unsigned long detail) {
  call->function = function;
  call->session = session;
  call->end = 0;
  call->fault = fault_for(function, &call->conditions);
  if (call->conditions.is_logged) log_begin(function, session, detail);
  if (ends_before(call, place)) {
    if (call->conditions.is_logged) log_end(function, session, call->answer);
    return 1;
  }
  if (place == REMOTE && call->conditions.network.milliseconds > 0) call->end = network_begin(&call->conditions.network);
  return 0;
}

/* True for an output that is not any more what it was. */
static int spoil(const struct fault *fault, CK_BYTE *bytes, CK_ULONG *length) {
  if (bytes == NULL || *length == 0) return 0;
  if (fault->action == ACTION_FLIP) {
    const CK_ULONG bit = (fault->argument == ANY ? fault->random : fault->argument) % (*length * 8);
    bytes[bit / 8] ^= (CK_BYTE)(1u << bit % 8);
  } else if (fault->action == ACTION_TRUNCATE) {
    *length -= fault->argument < *length ? fault->argument : *length;
  } else if (fault->action == ACTION_GARBLE) {
    uint64_t random = fault->random;
    for (CK_ULONG i = 0; i < *length; i++) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      bytes[i] = (CK_BYTE)(random >> 56);
    }
  } else {
    return 0;
  }
  return 1;
}

CK_RV end_call(const struct call *call, CK_RV forwarded, struct output output) {
  if (call->end != 0) network_end(call->end);
  CK_RV answer = forwarded;
  if (call->fault.after) {
    const int is_spoilt = forwarded == CKR_OK && spoil(&call->fault, output.bytes, output.length);
    if (is_spoilt && call->conditions.is_logged) log_spoilt(call->function, call->session);
    if (meet(call)) answer = call->fault.argument;
  }
  if (call->conditions.is_logged) log_end(call->function, call->session, answer);
  return answer;
}
