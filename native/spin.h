// Waiting without going to sleep, for what is about to happen: waking a sleeping core costs more than most operations.
#ifndef STRONGROOM_SPIN_H_
#define STRONGROOM_SPIN_H_

#include <stdint.h>

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

}  // namespace strongroom

#endif  // STRONGROOM_SPIN_H_
