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

#include "call_log.h"
#include "calls.h"
#include "device.h"
#include "network.h"
#include "shared_state.h"

/* In a process with an OpenSSL of its own (Node) the target's symbols have to go first; sanitizers do not bear that. */
#ifdef SANITIZED
#define DEEP_BIND 0
#else
#define DEEP_BIND RTLD_DEEPBIND
#endif

static CK_FUNCTION_LIST_PTR target;
static CK_FUNCTION_LIST list;

/* By name: what it is about, its session and its output if it has them, its parameters and arguments. */
#define IN CK_SESSION_HANDLE s
#define NO_SESSION CK_INVALID_HANDLE
#define NOTHING ((struct output){NULL, NULL})
#define OUT(bytes, length) ((struct output){bytes, length})
#define FUNCTIONS(X)                                                                                                                                                     \
  X(C_Initialize, LIBRARY, NO_SESSION, NOTHING, (CK_VOID_PTR a), (a))                                                                                                    \
  X(C_GetMechanismList, SLOT, NO_SESSION, NOTHING, (CK_SLOT_ID a, CK_MECHANISM_TYPE_PTR b, CK_ULONG_PTR c), (a, b, c))                                                   \
  X(C_GetSessionInfo, SESSION, s, NOTHING, (IN, CK_SESSION_INFO_PTR a), (s, a))                                                                                          \
  X(C_Logout, SESSION, s, NOTHING, (IN), (s))                                                                                                                            \
  X(C_CreateObject, SESSION, s, NOTHING, (IN, CK_ATTRIBUTE_PTR a, CK_ULONG b, CK_OBJECT_HANDLE_PTR c), (s, a, b, c))                                                     \
  X(C_CopyObject, SESSION, s, NOTHING, (IN, CK_OBJECT_HANDLE a, CK_ATTRIBUTE_PTR b, CK_ULONG c, CK_OBJECT_HANDLE_PTR d), (s, a, b, c, d))                                \
  X(C_DestroyObject, SESSION, s, NOTHING, (IN, CK_OBJECT_HANDLE a), (s, a))                                                                                              \
  X(C_GetAttributeValue, SESSION, s, OUT(b->pValue, &b->ulValueLen), (IN, CK_OBJECT_HANDLE a, CK_ATTRIBUTE_PTR b, CK_ULONG c), (s, a, b, c))                             \
  X(C_SetAttributeValue, SESSION, s, NOTHING, (IN, CK_OBJECT_HANDLE a, CK_ATTRIBUTE_PTR b, CK_ULONG c), (s, a, b, c))                                                    \
  X(C_FindObjectsInit, SESSION, s, NOTHING, (IN, CK_ATTRIBUTE_PTR a, CK_ULONG b), (s, a, b))                                                                             \
  X(C_FindObjects, SESSION, s, NOTHING, (IN, CK_OBJECT_HANDLE_PTR a, CK_ULONG b, CK_ULONG_PTR c), (s, a, b, c))                                                          \
  X(C_FindObjectsFinal, SESSION, s, NOTHING, (IN), (s))                                                                                                                  \
  X(C_EncryptInit, SESSION, s, NOTHING, (IN, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b), (s, a, b))                                                                         \
  X(C_Encrypt, REMOTE, s, OUT(c, d), (IN, CK_BYTE_PTR a, CK_ULONG b, CK_BYTE_PTR c, CK_ULONG_PTR d), (s, a, b, c, d))                                                    \
  X(C_DecryptInit, SESSION, s, NOTHING, (IN, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b), (s, a, b))                                                                         \
  X(C_Decrypt, REMOTE, s, OUT(c, d), (IN, CK_BYTE_PTR a, CK_ULONG b, CK_BYTE_PTR c, CK_ULONG_PTR d), (s, a, b, c, d))                                                    \
  X(C_DigestInit, SESSION, s, NOTHING, (IN, CK_MECHANISM_PTR a), (s, a))                                                                                                 \
  X(C_Digest, REMOTE, s, OUT(c, d), (IN, CK_BYTE_PTR a, CK_ULONG b, CK_BYTE_PTR c, CK_ULONG_PTR d), (s, a, b, c, d))                                                     \
  X(C_SignInit, SESSION, s, NOTHING, (IN, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b), (s, a, b))                                                                            \
  X(C_Sign, REMOTE, s, OUT(c, d), (IN, CK_BYTE_PTR a, CK_ULONG b, CK_BYTE_PTR c, CK_ULONG_PTR d), (s, a, b, c, d))                                                       \
  X(C_VerifyInit, SESSION, s, NOTHING, (IN, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b), (s, a, b))                                                                          \
  X(C_Verify, REMOTE, s, NOTHING, (IN, CK_BYTE_PTR a, CK_ULONG b, CK_BYTE_PTR c, CK_ULONG d), (s, a, b, c, d))                                                           \
  X(C_GenerateKey, REMOTE, s, NOTHING, (IN, CK_MECHANISM_PTR a, CK_ATTRIBUTE_PTR b, CK_ULONG c, CK_OBJECT_HANDLE_PTR d), (s, a, b, c, d))                                \
  X(C_GenerateKeyPair, REMOTE, s, NOTHING,                                                                                                                               \
    (IN, CK_MECHANISM_PTR a, CK_ATTRIBUTE_PTR b, CK_ULONG c, CK_ATTRIBUTE_PTR d, CK_ULONG e, CK_OBJECT_HANDLE_PTR f, CK_OBJECT_HANDLE_PTR g), (s, a, b, c, d, e, f, g))  \
  X(C_WrapKey, REMOTE, s, OUT(d, e), (IN, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b, CK_OBJECT_HANDLE c, CK_BYTE_PTR d, CK_ULONG_PTR e), (s, a, b, c, d, e))                \
  X(C_UnwrapKey, REMOTE, s, NOTHING,                                                                                                                                     \
    (IN, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b, CK_BYTE_PTR c, CK_ULONG d, CK_ATTRIBUTE_PTR e, CK_ULONG f, CK_OBJECT_HANDLE_PTR g), (s, a, b, c, d, e, f, g))           \
  X(C_GenerateRandom, REMOTE, s, OUT(a, &b), (IN, CK_BYTE_PTR a, CK_ULONG b), (s, a, b))

#define DEFINE(name, place, session, output, parameters, arguments)               \
  static CK_RV fault_##name parameters {                                          \
    struct call call;                                                             \
    if (begin_call(&call, #name, place, session, 0)) return call.answer;          \
    const CK_RV forwarded = target->name arguments;                               \
    return end_call(&call, forwarded, output);                                    \
  }
#define INSTALL(name, place, session, output, parameters, arguments) list.name = fault_##name;

FUNCTIONS(DEFINE)

static CK_RV fault_C_GetSlotList(CK_BBOOL present, CK_SLOT_ID_PTR slots, CK_ULONG_PTR count) {
  struct call call;
  if (begin_call(&call, "C_GetSlotList", LIBRARY, NO_SESSION, 0)) return call.answer;
  if (present && is_token_away(&call.conditions)) {
    *count = 0;
    return end_call(&call, CKR_OK, NOTHING);
  }
  return end_call(&call, target->C_GetSlotList(present, slots, count), NOTHING);
}

static CK_RV fault_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR token) {
  struct call call;
  if (begin_call(&call, "C_GetTokenInfo", SLOT, NO_SESSION, 0)) return call.answer;
  const CK_RV forwarded = target->C_GetTokenInfo(slot, token);
  if (forwarded == CKR_OK) {
    token->flags |= pin_flags(&call.conditions);
    if (call.fault.action == ACTION_FLAGS) token->flags |= call.fault.argument;
  }
  return end_call(&call, forwarded, NOTHING);
}

static CK_RV fault_C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR application, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR session) {
  struct call call;
  if (begin_call(&call, "C_OpenSession", SLOT, NO_SESSION, 0)) return call.answer;
  const int is_limited = call.conditions.network.sessions > 0;
  if (is_limited && !take_session(&call.conditions.network)) return end_call(&call, CKR_SESSION_COUNT, NOTHING);
  const CK_RV opened = target->C_OpenSession(slot, flags, application, notify, session);
  if (opened == CKR_OK) know_slot(slot);
  if (is_limited && opened != CKR_OK) return_session();
  return end_call(&call, opened, NOTHING);
}

static CK_RV fault_C_CloseSession(CK_SESSION_HANDLE session) {
  struct call call;
  if (begin_call(&call, "C_CloseSession", SESSION, session, 0)) return call.answer;
  const CK_RV closed = target->C_CloseSession(session);
  if (call.conditions.network.sessions > 0 && closed == CKR_OK) return_session();
  return end_call(&call, closed, NOTHING);
}

static CK_RV fault_C_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG length) {
  struct call call;
  if (begin_call(&call, "C_Login", SESSION, session, fingerprint(pin, length))) return call.answer;
  if (!may_log_in(&call.conditions)) return end_call(&call, CKR_PIN_LOCKED, NOTHING);
  const CK_RV answer = target->C_Login(session, user, pin, length);
  count_login(&call.conditions, answer);
  return end_call(&call, answer, NOTHING);
}

static CK_RV fault_C_Finalize(CK_VOID_PTR reserved) {
  struct call call;
  if (begin_call(&call, "C_Finalize", LIBRARY, NO_SESSION, 0)) return call.answer;
  const CK_RV answer = end_call(&call, target->C_Finalize(reserved), NOTHING);
  if (answer == CKR_OK) end_instance();
  return answer;
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
  set_target(target);
  list.C_GetSlotList = fault_C_GetSlotList;
  list.C_GetTokenInfo = fault_C_GetTokenInfo;
  list.C_Login = fault_C_Login;
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
