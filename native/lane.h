// A lane: one thread over one session, one request at a time.
#ifndef STRONGROOM_LANE_H_
#define STRONGROOM_LANE_H_

#include <cstdint>
#include <memory>

#include "lane_port.h"
#include "operations.h"
#include "secure_bytes.h"
#include "session.h"

namespace strongroom {

class Lane : private ServiceClock {
 public:
  Lane(std::shared_ptr<RingMemory> memory, uint32_t index, Module& module);

  /// Opens the session: what fails here fails the start of the host.
  CK_RV open() { return session_.open(); }

  /// Serves the ring on the calling thread until the lane is to end, and closes its session.
  void run();

 private:
  void pauseClock() override { port_.pauseClock(); }
  void resumeClock() override { port_.resumeClock(); }

  const uint32_t index_;
  LanePort port_;
  Session session_;
  Operations operations_;
  SecureBytes buffer_;
};

}  // namespace strongroom

#endif  // STRONGROOM_LANE_H_
