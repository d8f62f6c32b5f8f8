// The control file of the fault module: which call meets with what.
#ifndef STRONGROOM_SHIM_RULES_H_
#define STRONGROOM_SHIM_RULES_H_

#define PATH_LENGTH 4096

enum action { ACTION_NONE, ACTION_SLEEP, ACTION_HANG, ACTION_ABORT, ACTION_RETURN, ACTION_FLAGS };

/* What a call meets with. */
struct fault {
  enum action action;
  int after; /* once the real module has done its work, and not before */
  unsigned long argument;
};

/* How far away the token is; a network of 0 ms is none. */
struct network {
  double milliseconds;
  unsigned at_once;
  unsigned sessions;
};

/* Ends the process, saying why: a test must not pass by a typing mistake. */
__attribute__((noreturn)) void refuse(const char *what);

/* The control file, once, before anything else. Files of the module's own have its path with an ending. */
void set_control_path(const char *path);
const char *control_path(void);

/* Looks at the control file again, and counts the call. */
struct fault fault_for(const char *function, struct network *network);

#endif  // STRONGROOM_SHIM_RULES_H_
