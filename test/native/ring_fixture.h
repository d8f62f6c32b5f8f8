// A ring with its owner's end, and what tests ask of it.
#ifndef STRONGROOM_TEST_RING_FIXTURE_H_
#define STRONGROOM_TEST_RING_FIXTURE_H_

#include <memory>
#include <span>
#include <vector>

#include "lane_port.h"
#include "ring.h"
#include "ring_memory.h"
#include "ring_records.h"

namespace strongroom::test {

struct RingFixture {
  explicit RingFixture(const RingOptions& options = {.lanes = 2, .slots = 8, .arenaBlocks = 2});

  /// Bytes of `staging` that the ring took.
  size_t submit(Bytes& staging) { return ring->submit(staging); }
  /// True when the ring took the whole record.
  bool submit(const Record& record);
  /// Everything that is finished.
  std::vector<Completion> drain();
  /// True when the byte sequence lies anywhere in slots or arena.
  bool holds(std::span<const uint8_t> bytes);
  /// True when no payload byte of any slot or block is other than zero.
  bool payloadsAreZero();

  std::shared_ptr<DoorbellFd> doorbell;
  std::shared_ptr<RingMemory> memory;
  std::unique_ptr<Ring> ring;
};

/// Whether a read of the descriptor would give something at once.
bool readable(int fd);

}  // namespace strongroom::test

#endif  // STRONGROOM_TEST_RING_FIXTURE_H_
