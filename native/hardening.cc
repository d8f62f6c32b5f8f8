#include "hardening.h"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace strongroom {

bool hardenProcess() {
  const rlimit none{0, 0};
  bool done = setrlimit(RLIMIT_CORE, &none) == 0;
  done = prctl(PR_SET_DUMPABLE, 0) == 0 && done;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && done;
}

}  // namespace strongroom
