/*
 * A PKCS#11 module for tests: it forwards every call to a real module, and sleeps, hangs, dies or answers an error of its own where it is told to.
 * The build leaves it at build/Release/sleeping_module.so (gyp variable build_tests=1).
 *
 * Environment
 *   SLEEPING_MODULE_TARGET    path of the real module; without it SoftHSM of Debian, /usr/lib/softhsm/libsofthsm2.so
 *   SLEEPING_MODULE_CONTROL   path of the control file; without it this library's own path with ".control" behind it, so that a test may copy the
 *                             library into a directory of its own and needs no environment (but not where it is loaded as a private copy, which has
 *                             no path)
 *
 * Control file: one rule a line, and looked at again on each call, so that a test writes, changes and removes it while the module is at work.
 *   FUNCTION NTH ACTION [ARGUMENT] [once]
 *     FUNCTION  the Cryptoki function by name, one of those in the list FUNCTIONS below or C_GetTokenInfo
 *     NTH       3 for the third call, 3+ for the third and all that follow, * for each; counted in each process since it read the file as it is
 *     ACTION    sleep MS      waits, then forwards
 *               hang          never comes back
 *               abort         SIGABRT: the process dies as in a crash of the vendor's library
 *               return CKR    answers the return value (decimal, or 0x…) and does not forward
 *               lie CKR       forwards, then answers the return value: the token has done it, and says it has not
 *               flags BITS    of C_GetTokenInfo alone: sets these bits among the token's flags, such as 0x20000, the last try for the user PIN
 *     once      the first process to reach the rule renames the file to ….fired before it acts, and so no other, nor the same one again, meets it
 * Example: "C_Sign 3 hang once" hangs in the third C_Sign of one host, and the host that takes its place works.
 * Lines that are empty or begin with # are skipped; a rule that cannot be read ends the process, for a test must not pass by a typing mistake.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CK_PTR *
#define CK_DECLARE_FUNCTION(returnType, name) returnType name
#define CK_DECLARE_FUNCTION_POINTER(returnType, name) returnType(*name)
#define CK_CALLBACK_FUNCTION(returnType, name) returnType(*name)
#ifndef NULL_PTR
#define NULL_PTR 0
#endif
#include "pkcs11.h"

/* In a process with an OpenSSL of its own (Node) the target's symbols have to go first; sanitizers do not bear that. */
#ifdef SANITIZED
#define DEEP_BIND 0
#else
#define DEEP_BIND RTLD_DEEPBIND
#endif
#define MAX_RULES 32
#define PATH_LENGTH 4096

enum action { ACTION_NONE, ACTION_SLEEP, ACTION_HANG, ACTION_ABORT, ACTION_RETURN, ACTION_LIE, ACTION_FLAGS };

struct rule {
  char function[40];
  unsigned long nth; /* 0: each call */
  int and_later;
  enum action action;
  unsigned long argument;
  int once;
  unsigned long calls;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[MAX_RULES];
static size_t rule_count;
static struct stat seen;
static char control[PATH_LENGTH];
static CK_FUNCTION_LIST_PTR target;
static CK_FUNCTION_LIST list;

static void refuse(const char *what) {
  fprintf(stderr, "sleeping_module: %s\n", what);
  abort();
}

static enum action action_named(const char *name) {
  static const char *const names[] = {"", "sleep", "hang", "abort", "return", "lie", "flags"};
  for (size_t i = 1; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return (enum action)i;
  refuse("a rule names an unknown action");
  return ACTION_NONE;
}

static void parse_rule(char *line) {
  char *rest = NULL;
  const char *function = strtok_r(line, " \t\n", &rest);
  if (function == NULL || *function == '#') return;
  const char *nth = strtok_r(NULL, " \t\n", &rest);
  const char *action = strtok_r(NULL, " \t\n", &rest);
  if (nth == NULL || action == NULL) refuse("a rule is too short");
  if (rule_count == MAX_RULES) refuse("there are too many rules");
  struct rule *rule = &rules[rule_count++];
  memset(rule, 0, sizeof *rule);
  snprintf(rule->function, sizeof rule->function, "%s", function);
  char *end = NULL;
  rule->nth = strcmp(nth, "*") == 0 ? 0 : strtoul(nth, &end, 10);
  rule->and_later = end != NULL && *end == '+';
  rule->action = action_named(action);
  if (rule->action != ACTION_HANG && rule->action != ACTION_ABORT) {
    const char *argument = strtok_r(NULL, " \t\n", &rest);
    if (argument == NULL) refuse("an action lacks its argument");
    rule->argument = strtoul(argument, NULL, 0);
  }
  const char *last = strtok_r(NULL, " \t\n", &rest);
  if (last != NULL && strcmp(last, "once") != 0) refuse("a rule ends in an unknown word");
  rule->once = last != NULL;
}

/* Reads the rules anew when the file is another than the one read last. The counts start again with it. */
static void look_at_control_file(void) {
  struct stat now;
  if (stat(control, &now) != 0) {
    rule_count = 0;
    memset(&seen, 0, sizeof seen);
    return;
  }
  if (now.st_ino == seen.st_ino && now.st_size == seen.st_size && now.st_mtim.tv_sec == seen.st_mtim.tv_sec &&
      now.st_mtim.tv_nsec == seen.st_mtim.tv_nsec)
    return;
  seen = now;
  rule_count = 0;
  FILE *file = fopen(control, "re");
  if (file == NULL) return;
  char line[256];
  while (fgets(line, sizeof line, file) != NULL) parse_rule(line);
  fclose(file);
}

/* True for one process and one call alone, whoever else has reached the rule. */
static int claim_file(void) {
  char fired[PATH_LENGTH + 8];
  snprintf(fired, sizeof fired, "%s.fired", control);
  return rename(control, fired) == 0;
}

static enum action action_for(const char *function, unsigned long *argument) {
  enum action action = ACTION_NONE;
  pthread_mutex_lock(&lock);
  look_at_control_file();
  for (size_t i = 0; i < rule_count; i++) {
    struct rule *rule = &rules[i];
    if (strcmp(rule->function, function) != 0) continue;
    rule->calls++;
    if (rule->nth != 0 && rule->calls != rule->nth && !(rule->and_later && rule->calls > rule->nth)) continue;
    if (rule->once && !claim_file()) continue;
    action = rule->action;
    *argument = rule->argument;
    break;
  }
  pthread_mutex_unlock(&lock);
  return action;
}

/* What comes before the call. True when the call is not to be forwarded; then `answer` is what the caller gets. */
static int meet(enum action action, unsigned long argument, CK_RV *answer) {
  if (action == ACTION_SLEEP) {
    struct timespec left = {(time_t)(argument / 1000), (long)(argument % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0) continue;
  }
  while (action == ACTION_HANG) pause();
  if (action == ACTION_ABORT) abort();
  *answer = argument;
  return action == ACTION_RETURN;
}

#define SESSION CK_SESSION_HANDLE s
#define FUNCTIONS(X)                                                                                                   \
  X(C_Initialize, (CK_VOID_PTR a), (a))                                                                                \
  X(C_Finalize, (CK_VOID_PTR a), (a))                                                                                  \
  X(C_GetSlotList, (CK_BBOOL a, CK_SLOT_ID_PTR b, CK_ULONG_PTR c), (a, b, c))                                          \
  X(C_GetMechanismList, (CK_SLOT_ID a, CK_MECHANISM_TYPE_PTR b, CK_ULONG_PTR c), (a, b, c))                            \
  X(C_OpenSession, (CK_SLOT_ID a, CK_FLAGS b, CK_VOID_PTR c, CK_NOTIFY d, CK_SESSION_HANDLE_PTR e), (a, b, c, d, e))   \
  X(C_CloseSession, (SESSION), (s))                                                                                    \
  X(C_GetSessionInfo, (SESSION, CK_SESSION_INFO_PTR a), (s, a))                                                        \
  X(C_Login, (SESSION, CK_USER_TYPE a, CK_UTF8CHAR_PTR b, CK_ULONG c), (s, a, b, c))                                   \
  X(C_CreateObject, (SESSION, CK_ATTRIBUTE_PTR a, CK_ULONG b, CK_OBJECT_HANDLE_PTR c), (s, a, b, c))                   \
  X(C_CopyObject, (SESSION, CK_OBJECT_HANDLE a, CK_ATTRIBUTE_PTR b, CK_ULONG c, CK_OBJECT_HANDLE_PTR d), (s, a, b, c, d)) \
  X(C_DestroyObject, (SESSION, CK_OBJECT_HANDLE a), (s, a))                                                            \
  X(C_GetAttributeValue, (SESSION, CK_OBJECT_HANDLE a, CK_ATTRIBUTE_PTR b, CK_ULONG c), (s, a, b, c))                  \
  X(C_SetAttributeValue, (SESSION, CK_OBJECT_HANDLE a, CK_ATTRIBUTE_PTR b, CK_ULONG c), (s, a, b, c))                  \
  X(C_FindObjectsInit, (SESSION, CK_ATTRIBUTE_PTR a, CK_ULONG b), (s, a, b))                                           \
  X(C_FindObjects, (SESSION, CK_OBJECT_HANDLE_PTR a, CK_ULONG b, CK_ULONG_PTR c), (s, a, b, c))                        \
  X(C_FindObjectsFinal, (SESSION), (s))                                                                                \
  X(C_EncryptInit, (SESSION, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b), (s, a, b))                                       \
  X(C_Encrypt, (SESSION, CK_BYTE_PTR a, CK_ULONG b, CK_BYTE_PTR c, CK_ULONG_PTR d), (s, a, b, c, d))                   \
  X(C_DecryptInit, (SESSION, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b), (s, a, b))                                       \
  X(C_Decrypt, (SESSION, CK_BYTE_PTR a, CK_ULONG b, CK_BYTE_PTR c, CK_ULONG_PTR d), (s, a, b, c, d))                   \
  X(C_DigestInit, (SESSION, CK_MECHANISM_PTR a), (s, a))                                                               \
  X(C_Digest, (SESSION, CK_BYTE_PTR a, CK_ULONG b, CK_BYTE_PTR c, CK_ULONG_PTR d), (s, a, b, c, d))                    \
  X(C_SignInit, (SESSION, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b), (s, a, b))                                          \
  X(C_Sign, (SESSION, CK_BYTE_PTR a, CK_ULONG b, CK_BYTE_PTR c, CK_ULONG_PTR d), (s, a, b, c, d))                      \
  X(C_VerifyInit, (SESSION, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b), (s, a, b))                                        \
  X(C_Verify, (SESSION, CK_BYTE_PTR a, CK_ULONG b, CK_BYTE_PTR c, CK_ULONG d), (s, a, b, c, d))                        \
  X(C_GenerateKey, (SESSION, CK_MECHANISM_PTR a, CK_ATTRIBUTE_PTR b, CK_ULONG c, CK_OBJECT_HANDLE_PTR d), (s, a, b, c, d)) \
  X(C_GenerateKeyPair,                                                                                                 \
    (SESSION, CK_MECHANISM_PTR a, CK_ATTRIBUTE_PTR b, CK_ULONG c, CK_ATTRIBUTE_PTR d, CK_ULONG e,                      \
     CK_OBJECT_HANDLE_PTR f, CK_OBJECT_HANDLE_PTR g),                                                                  \
    (s, a, b, c, d, e, f, g))                                                                                          \
  X(C_WrapKey,                                                                                                         \
    (SESSION, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b, CK_OBJECT_HANDLE c, CK_BYTE_PTR d, CK_ULONG_PTR e),              \
    (s, a, b, c, d, e))                                                                                                \
  X(C_UnwrapKey,                                                                                                       \
    (SESSION, CK_MECHANISM_PTR a, CK_OBJECT_HANDLE b, CK_BYTE_PTR c, CK_ULONG d, CK_ATTRIBUTE_PTR e, CK_ULONG f,       \
     CK_OBJECT_HANDLE_PTR g),                                                                                          \
    (s, a, b, c, d, e, f, g))                                                                                          \
  X(C_GenerateRandom, (SESSION, CK_BYTE_PTR a, CK_ULONG b), (s, a, b))

#define DEFINE(name, parameters, arguments)                 \
  static CK_RV sleeping_##name parameters {                 \
    unsigned long argument = 0;                             \
    CK_RV answer = CKR_OK;                                  \
    const enum action action = action_for(#name, &argument); \
    if (meet(action, argument, &answer)) return answer;     \
    const CK_RV forwarded = target->name arguments;         \
    return action == ACTION_LIE ? answer : forwarded;       \
  }
#define INSTALL(name, parameters, arguments) list.name = sleeping_##name;

FUNCTIONS(DEFINE)

static CK_RV sleeping_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR token) {
  unsigned long argument = 0;
  CK_RV answer = CKR_OK;
  const enum action action = action_for("C_GetTokenInfo", &argument);
  if (meet(action, argument, &answer)) return answer;
  const CK_RV forwarded = target->C_GetTokenInfo(slot, token);
  if (action == ACTION_FLAGS && forwarded == CKR_OK) token->flags |= argument;
  return action == ACTION_LIE ? answer : forwarded;
}

static void open_target(void) {
  const char *path = getenv("SLEEPING_MODULE_TARGET");
  void *library = dlopen(path != NULL ? path : "/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL | DEEP_BIND);
  if (library == NULL) refuse(dlerror());
  CK_C_GetFunctionList entry = NULL;
  *(void **)&entry = dlsym(library, "C_GetFunctionList");
  if (entry == NULL || entry(&target) != CKR_OK) refuse("the target has no C_GetFunctionList");
  const char *given = getenv("SLEEPING_MODULE_CONTROL");
  Dl_info self;
  if (given == NULL && dladdr((void *)&open_target, &self) == 0) refuse("the library does not know its own path");
  snprintf(control, sizeof control, "%s%s", given != NULL ? given : self.dli_fname, given != NULL ? "" : ".control");
  list = *target;
  list.C_GetTokenInfo = sleeping_C_GetTokenInfo;
  FUNCTIONS(INSTALL)
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR answer) {
  static pthread_once_t opened = PTHREAD_ONCE_INIT;
  pthread_once(&opened, open_target);
  *answer = &list;
  return CKR_OK;
}
