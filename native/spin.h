// Waiting without going to sleep, for what is about to happen: waking a sleeping core costs more than most operations.
#ifndef STRONGROOM_SPIN_H_
#define STRONGROOM_SPIN_H_

#include <stdint.h>

#include <algorithm>
#include <thread>

#include "ring_memory.h"

namespace strongroom {

/// Where one core has to do everything, whoever spins keeps away the one that he waits for.
inline bool maySpin() {
  static const bool may = std::thread::hardware_concurrency() > 1;
  return may;
}

inline void pauseCpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Asks `ready` again and again, for about `forNs` from `nowNs` on. True as soon as it answers true.
template <typename Ready>
bool spin(uint64_t nowNs, uint64_t forNs, Ready ready) {
  constexpr uint32_t kTurnsPerLookAtTheClock = 16;
  do {
    for (uint32_t turn = 0; turn < kTurnsPerLookAtTheClock; turn++) {
      if (ready()) return true;
      pauseCpu();
    }
  } while (monotonicNs() - nowNs < forNs);
  return false;
}

/// Spins for one waiter. Spins in vain (slow operations, a slow token, few callers) keep others from the core: the more
/// of them there were, the more of the next are left out.
class Spinner {
 public:
  template <typename Ready>
  bool wait(uint64_t nowNs, uint64_t forNs, Ready ready) {
    if (!maySpin()) return false;
    if (leftOut_ > 0) {
      leftOut_--;
      return false;
    }
    const bool found = spin(nowNs, forNs, ready);
    toLeaveOut_ = found ? toLeaveOut_ / 2 : std::min(toLeaveOut_ * 2 + 1, kMostLeftOut);
    leftOut_ = toLeaveOut_;
    return found;
  }

 private:
  static constexpr uint32_t kMostLeftOut = 63;

  uint32_t toLeaveOut_ = 0;
  uint32_t leftOut_ = 0;
};

}  // namespace strongroom

#endif  // STRONGROOM_SPIN_H_
