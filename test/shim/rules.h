// The control file of the fault module: which call meets with what, and what the token is like.
#ifndef STRONGROOM_SHIM_RULES_H_
#define STRONGROOM_SHIM_RULES_H_

#include <stdint.h>

#define PATH_LENGTH 4096
/* An argument that is chosen anew each time, written as a question mark. */
#define ANY ((unsigned long)-1)

enum action {
  ACTION_NONE,
  ACTION_SLEEP,
  ACTION_HANG,
  ACTION_ABORT,
  ACTION_SEGFAULT,
  ACTION_RETURN,
  ACTION_FLIP,
  ACTION_TRUNCATE,
  ACTION_GARBLE,
  ACTION_DROP,
  ACTION_LOGOUT,
  ACTION_REMOVE,
  ACTION_FLAGS,
};

/* What a call meets with. */
struct fault {
  enum action action;
  int after; /* once the real module has done its work, and not before */
  unsigned long argument;
  uint64_t random; /* for actions that choose something */
};

/* How far away the token is; a network of 0 ms is none. */
struct network {
  double milliseconds;
  unsigned at_once;
  unsigned sessions;
};

/* What the file says of the token as a whole. */
struct conditions {
  struct network network;
  unsigned pin_tries; /* 0: wrong PINs do not lock it */
  int is_absent;
  int is_logged;
  uint64_t seed;
};

/* Ends the process, saying why: a test must not pass by a typing mistake. */
__attribute__((noreturn)) void refuse(const char *what);

/* The control file, once, before anything else. Files of the module's own have its path with an ending. */
void set_control_path(const char *path);
const char *control_path(void);

/* Looks at the control file again, and counts the call. */
struct fault fault_for(const char *function, struct conditions *conditions);

#endif  // STRONGROOM_SHIM_RULES_H_
