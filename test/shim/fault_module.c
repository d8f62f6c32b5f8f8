/*
 * A PKCS#11 module for tests: it forwards every call to a real module, and makes it late, wrong or deadly where it is told to. With `network` it is as far
 * away as an HSM in another room. The build leaves it at build/Release/fault_module.so (gyp variable build_tests=1). README.md beside it has the control file.
 *
 * Environment
 *   FAULT_MODULE_TARGET    path of the real module; without it SoftHSM of Debian, /usr/lib/softhsm/libsofthsm2.so
 *   FAULT_MODULE_CONTROL   path of the control file; without it this library's own path with ".control" behind it, so that a test may copy the
 *                          library into a directory of its own and needs no environment (but not where it is loaded as a private copy, which has
 *                          no path)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cryptoki.h"
#include "network.h"
#include "rules.h"

/* In a process with an OpenSSL of its own (Node) the target's symbols have to go first; sanitizers do not bear that. */
#ifdef SANITIZED
#define DEEP_BIND 0
#else
#define DEEP_BIND RTLD_DEEPBIND
#endif

static CK_FUNCTION_LIST_PTR target;
static CK_FUNCTION_LIST list;

/* One call on its way through the module. */
struct call {
  struct fault fault;
  struct network network;
  int64_t end;
};

/* Takes its time, or does not come back. True when the call ends here, with the return value that the rule names. */
static int meet(const struct fault *fault) {
  if (fault->action == ACTION_SLEEP) sleep_ms(fault->argument);
  while (fault->action == ACTION_HANG) pause();
  if (fault->action == ACTION_ABORT) abort();
  return fault->action == ACTION_RETURN;
}

/* What comes before the call. True when it is not to be forwarded. */
static int begin(struct call *call, const char *function, int is_remote) {
  call->fault = fault_for(function, &call->network);
  call->end = 0;
  if (!call->fault.after && meet(&call->fault)) return 1;
  if (is_remote && call->network.milliseconds > 0) call->end = network_begin(&call->network);
  return 0;
}

/* What comes after it. */
static CK_RV end(const struct call *call, CK_RV forwarded) {
  if (call->end != 0) network_end(call->end);
  return call->fault.after && meet(&call->fault) ? call->fault.argument : forwarded;
}

#define LOCAL 0
#define REMOTE 1

/* What goes to the device itself is REMOTE; the rest a client library answers from what it knows. */
#define SESSION CK_SESSION_HANDLE s
#define FUNCTIONS(X)                                                                                                                            \
  X(C_Initialize, LOCAL, (CK_VOID_PTR a), (a))                                                                                                  \
  X(C_GetSlotList, LOCAL, (CK_BBOOL a, CK_SLOT_ID_PTR b, CK_ULONG_PTR c), (a, b, c))                                                            \
  X(C_GetMechanismList, LOCAL, (CK_SLOT_ID a, CK_MECHANISM_TYPE_PTR b, CK_ULONG_PTR c), (a, b, c))                                              \
  X(C_GetSessionInfo, LOCAL, (SESSION, CK_SESSION_INFO_PTR a), (s, a))                                                                          \
  X(C_Login, LOCAL, (SESSION, CK_USER_TYPE a, CK_UTF8CHAR_PTR b, CK_ULONG c), (s, a, b, c))                                                     \
  X(C_CreateObject, LOCAL, (SESSION, CK_ATTRIBUTE_PTR a, CK_ULONG b, CK_OBJECT_HANDLE_PTR c), (s, a, b, c))                                     \
  X(C_CopyObject, LOCAL, (SESSION, CK_OBJECT_HANDLE a, CK_ATTRIBUTE_PTR b, CK_ULONG c, CK_OBJECT_HANDLE_PTR d), (s, a, b, c, d))                \
  X(C_DestroyObject, LOCAL, (SESSION, CK_OBJECT_HANDLE a), (s, a))                                                                              \
  X(C_GetAttributeValue, LOCAL, (SESSION, CK_OBJECT_HANDLE a, CK_ATTRIBUTE_PTR b, CK_ULONG c), (s, a, b, c))                                    \
  X(C_SetAttributeValue, LOCAL, (SESSION, CK_OBJECT_HANDLE a, CK_ATTRIBUTE_PTR b, CK_ULONG c), (s, a, b, c))                                    \
  X(C_FindObjectsInit, LOCAL, (SESSION, CK_ATTRIBUTE_PTR a, CK_ULONG b), (s, a, b))                                                             \
  X(C_FindObjects, LOCAL, (SESSION, CK_OBJECT_HANDLE_PTR a, CK_ULONG b, CK_ULONG_PTR c), (s, a, b, c))                                          \
  X(C_FindObjectsFinal, LOCAL, (SESSION), (s))                                                                                                  \
  X(C_EncryptInit, LOCAL, (SESSION, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b), (s, a, b))                                                         \
  X(C_Encrypt, REMOTE, (SESSION, CK_BYTE_PTR a, CK_ULONG b, CK_BYTE_PTR c, CK_ULONG_PTR d), (s, a, b, c, d))                                    \
  X(C_DecryptInit, LOCAL, (SESSION, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b), (s, a, b))                                                         \
  X(C_Decrypt, REMOTE, (SESSION, CK_BYTE_PTR a, CK_ULONG b, CK_BYTE_PTR c, CK_ULONG_PTR d), (s, a, b, c, d))                                    \
  X(C_DigestInit, LOCAL, (SESSION, CK_MECHANISM_PTR a), (s, a))                                                                                 \
  X(C_Digest, REMOTE, (SESSION, CK_BYTE_PTR a, CK_ULONG b, CK_BYTE_PTR c, CK_ULONG_PTR d), (s, a, b, c, d))                                     \
  X(C_SignInit, LOCAL, (SESSION, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b), (s, a, b))                                                            \
  X(C_Sign, REMOTE, (SESSION, CK_BYTE_PTR a, CK_ULONG b, CK_BYTE_PTR c, CK_ULONG_PTR d), (s, a, b, c, d))                                       \
  X(C_VerifyInit, LOCAL, (SESSION, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b), (s, a, b))                                                          \
  X(C_Verify, REMOTE, (SESSION, CK_BYTE_PTR a, CK_ULONG b, CK_BYTE_PTR c, CK_ULONG d), (s, a, b, c, d))                                         \
  X(C_GenerateKey, REMOTE, (SESSION, CK_MECHANISM_PTR a, CK_ATTRIBUTE_PTR b, CK_ULONG c, CK_OBJECT_HANDLE_PTR d), (s, a, b, c, d))              \
  X(C_GenerateKeyPair, REMOTE,                                                                                                                  \
    (SESSION, CK_MECHANISM_PTR a, CK_ATTRIBUTE_PTR b, CK_ULONG c, CK_ATTRIBUTE_PTR d, CK_ULONG e,                                               \
     CK_OBJECT_HANDLE_PTR f, CK_OBJECT_HANDLE_PTR g),                                                                                           \
    (s, a, b, c, d, e, f, g))                                                                                                                   \
  X(C_WrapKey, REMOTE,                                                                                                                          \
    (SESSION, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b, CK_OBJECT_HANDLE c, CK_BYTE_PTR d, CK_ULONG_PTR e),                                       \
    (s, a, b, c, d, e))                                                                                                                         \
  X(C_UnwrapKey, REMOTE,                                                                                                                        \
    (SESSION, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b, CK_BYTE_PTR c, CK_ULONG d, CK_ATTRIBUTE_PTR e, CK_ULONG f,                                \
     CK_OBJECT_HANDLE_PTR g),                                                                                                                   \
    (s, a, b, c, d, e, f, g))                                                                                                                   \
  X(C_GenerateRandom, REMOTE, (SESSION, CK_BYTE_PTR a, CK_ULONG b), (s, a, b))

#define DEFINE(name, place, parameters, arguments)             \
  static CK_RV fault_##name parameters {                       \
    struct call call;                                          \
    if (begin(&call, #name, place)) return call.fault.argument; \
    return end(&call, target->name arguments);                 \
  }
#define INSTALL(name, place, parameters, arguments) list.name = fault_##name;

FUNCTIONS(DEFINE)

static CK_RV fault_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR token) {
  struct call call;
  if (begin(&call, "C_GetTokenInfo", LOCAL)) return call.fault.argument;
  const CK_RV forwarded = target->C_GetTokenInfo(slot, token);
  if (call.fault.action == ACTION_FLAGS && forwarded == CKR_OK) token->flags |= call.fault.argument;
  return end(&call, forwarded);
}

static CK_RV fault_C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR application, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR session) {
  struct call call;
  if (begin(&call, "C_OpenSession", LOCAL)) return call.fault.argument;
  const int is_limited = call.network.sessions > 0;
  if (is_limited && !take_session(&call.network)) return CKR_SESSION_COUNT;
  const CK_RV opened = target->C_OpenSession(slot, flags, application, notify, session);
  if (is_limited && opened != CKR_OK) return_sessions(1);
  return end(&call, opened);
}

static CK_RV fault_C_CloseSession(CK_SESSION_HANDLE session) {
  struct call call;
  if (begin(&call, "C_CloseSession", LOCAL)) return call.fault.argument;
  const CK_RV closed = target->C_CloseSession(session);
  if (call.network.sessions > 0 && closed == CKR_OK) return_sessions(1);
  return end(&call, closed);
}

static CK_RV fault_C_Finalize(CK_VOID_PTR reserved) {
  struct call call;
  if (begin(&call, "C_Finalize", LOCAL)) return call.fault.argument;
  const CK_RV finalised = target->C_Finalize(reserved);
  if (call.network.sessions > 0 && finalised == CKR_OK) return_all_sessions();
  return end(&call, finalised);
}

static void open_target(void) {
  const char *path = getenv("FAULT_MODULE_TARGET");
  void *library = dlopen(path != NULL ? path : "/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL | DEEP_BIND);
  if (library == NULL) refuse(dlerror());
  CK_C_GetFunctionList entry = NULL;
  *(void **)&entry = dlsym(library, "C_GetFunctionList");
  if (entry == NULL || entry(&target) != CKR_OK) refuse("the target has no C_GetFunctionList");
  const char *given = getenv("FAULT_MODULE_CONTROL");
  Dl_info self;
  if (given == NULL && dladdr((void *)&open_target, &self) == 0) refuse("the library does not know its own path");
  char control[PATH_LENGTH];
  snprintf(control, sizeof control, "%s%s", given != NULL ? given : self.dli_fname, given != NULL ? "" : ".control");
  set_control_path(control);
  list = *target;
  list.C_GetTokenInfo = fault_C_GetTokenInfo;
  list.C_OpenSession = fault_C_OpenSession;
  list.C_CloseSession = fault_C_CloseSession;
  list.C_Finalize = fault_C_Finalize;
  FUNCTIONS(INSTALL)
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR answer) {
  static pthread_once_t opened = PTHREAD_ONCE_INIT;
  pthread_once(&opened, open_target);
  *answer = &list;
  return CKR_OK;
}
