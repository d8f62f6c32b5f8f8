// The operation of lanes under load: cheap, and such that the answer tells which request it belongs to, byte for byte.
#ifndef STRONGROOM_TEST_LOAD_LANE_H_
#define STRONGROOM_TEST_LOAD_LANE_H_

#include <cstdint>
#include <memory>
#include <span>

#include "ring_memory.h"
#include "ring_records.h"

namespace strongroom::test {

/// Requests by their ids, and the answers that belong to them.
class Load {
 public:
  /// Most requests are as long as a digest; with `large` some need a block of the arena.
  explicit Load(bool large) : large_(large) {}

  Bytes input(uint32_t requestId) const;
  /// True when `answer` is what a lane answers to the input.
  bool isAnswer(uint32_t requestId, std::span<const uint8_t> answer) const;

 private:
  size_t inputBytes(uint32_t requestId) const;

  bool large_;
};

/// What a lane answers to an input.
void loadAnswer(std::span<const uint8_t> input, Bytes& answer);

/// Runs one lane until the ring is told to stop.
void runLoadLane(const std::shared_ptr<RingMemory>& memory, uint32_t lane);

/// main() of a process of lanes: the ring on descriptor 3, its doorbell on 4, as for hsm_host.
int loadLanesMain();

}  // namespace strongroom::test

#endif  // STRONGROOM_TEST_LOAD_LANE_H_
