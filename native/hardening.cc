#include "hardening.h"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace strongroom {

namespace {

/// Larger than what is asked for all the time, smaller than what scrypt and Argon2 work in.
constexpr int kLargeBlockBytes = 1 << 20;

}  // namespace

bool hardenProcess() {
  // By default glibc lets this bound grow with what was freed, and then keeps such blocks: with what was in them, and
  // 16 MB for each thread that has ever verified a client secret.
  mallopt(M_MMAP_THRESHOLD, kLargeBlockBytes);
  const rlimit none{0, 0};
  bool done = setrlimit(RLIMIT_CORE, &none) == 0;
  done = prctl(PR_SET_DUMPABLE, 0) == 0 && done;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && done;
}

}  // namespace strongroom
