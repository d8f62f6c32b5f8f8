// A lane's end of a ring: claims one request at a time, completes it, and sleeps when there is none.
#ifndef STRONGROOM_LANE_PORT_H_
#define STRONGROOM_LANE_PORT_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "ring_memory.h"
#include "spin.h"
#include "wire.h"

namespace strongroom {

/// What a lane answers. `length` without `bytes` is a length that would have been needed.
struct LaneAnswer {
  uint16_t function = 0;
  uint32_t returnValue = 0;
  uint32_t length = 0;
  std::span<const uint8_t> bytes;
};

class LanePort {
 public:
  LanePort(std::shared_ptr<RingMemory> memory, uint32_t lane);

  /// Waits for a request and claims it. False once the lane is to end: all of them, or this one because there are more
  /// than the owner wants. Requests that expired meanwhile end here.
  bool next(Request& request);

  /// Takes this lane out of the count, for the return value with which the library refuses it a session. False for the
  /// last one, which has to go on.
  bool giveUp(uint32_t returnValue);

  /// Ends the claimed request: zeroises it, puts the answer in its place, and tells the owner now or a little later.
  void complete(const LaneAnswer& answer);

  /// Around a wait that is not the vendor library's doing: neither the watchdog nor the service time counts it.
  void pauseClock();
  void resumeClock();

 private:
  bool isToEnd();
  void leaveWorkToOthers();
  bool claim(uint32_t index, Request& request);
  void finish(Outcome outcome, const LaneAnswer& answer);
  void wait();
  /// Whether the owner has neither taken this lane's last completions nor been told of them.
  bool hasUntold();
  void signal();
  uint64_t signalIntervalNs() const;
  uint32_t& expectedNs(const RequestHeader& header);

  const std::shared_ptr<RingMemory> memory_;
  const uint32_t lane_;
  LaneState& state_;

  uint32_t slot_ = 0;
  std::span<uint8_t> payload_;
  size_t sections_ = 0;
  uint32_t* expected_ = nullptr;

  Spinner spinner_;
  uint64_t nowNs_ = 0;
  uint64_t startNs_ = 0;
  uint64_t servedNs_ = 0;
  uint64_t oldestUnsignalledNs_ = 0;
  uint32_t unsignalled_ = 0;
  /// Of those, so that a quick answer does not wait as long as slow ones may.
  uint32_t quickestUnsignalledNs_ = 0;
  /// How long an operation of a kind takes, by a hash of operation and mechanism: completions do not wait behind a slow
  /// one.
  std::array<uint32_t, 64> expectedNs_;
};

}  // namespace strongroom

#endif  // STRONGROOM_LANE_PORT_H_
