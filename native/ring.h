// The owner's end of a ring: puts requests in, takes completions out, and knows what is left when the host dies.
#ifndef STRONGROOM_RING_H_
#define STRONGROOM_RING_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "ring_memory.h"

namespace strongroom {

struct HostStatus {
  HostState state;
  uint16_t function;
  uint32_t returnValue;
  std::string message;
};

struct LaneCount {
  /// How many there are.
  uint32_t open;
  /// The return value for which there are fewer than were ordered; CKR_OK when there are not.
  uint32_t refusal;
  /// Requests that lanes have claimed so far, and how long they have waited for some, all together.
  uint64_t taken;
  double idleMs;
};

struct LaneStatus {
  /// Time inside the current operation; negative when the lane is idle.
  double busyMs;
  uint32_t operation;
  uint32_t requestId;
};

/// May be used from several threads. Nothing that the host writes is believed: indexes, lengths and blocks are checked
/// against what this side has noted of its own.
class Ring {
 public:
  explicit Ring(std::shared_ptr<RingMemory> memory);

  /// Says what is wrong with the records in `staging`; nullptr when `submit` may have them.
  static const char* stagingProblem(std::span<const uint8_t> staging);

  /// Puts requests into free slots in order, wakes lanes, and zeroises what it took. Answers the bytes consumed, less
  /// than given when slots or blocks run out. The records have passed `stagingProblem`.
  size_t submit(std::span<uint8_t> staging);

  /// Writes whole completions, at most `limit`, and frees their slots. Answers the bytes written.
  size_t drain(std::span<uint8_t> completions, size_t limit);

  /// Length of the record that `drain` would write first; 0 when nothing is finished.
  size_t nextRecordLength();

  /// Before a drain that a ring of the doorbell called for: from here on the next completion rings again.
  void acknowledge();

  /// The host is gone, or is to count as gone: nothing can be submitted from now on, and what it had not finished ends
  /// as `notStarted` or `unknown`.
  void abandon();

  HostStatus hostStatus();
  LaneStatus laneStatus(uint32_t lane);
  LaneCount laneCount();

  /// Requests submitted and not yet drained.
  size_t inFlight();
  RingMemory& memory() { return *memory_; }
  const std::shared_ptr<RingMemory>& sharedMemory() { return memory_; }

 private:
  /// What this side alone knows of a slot.
  struct Issue {
    uint32_t requestId = 0;
    uint32_t block = 0;
    uint32_t payloadBytes = 0;
    bool inFlight = false;
  };
  struct Ended {
    uint32_t slot;
    Outcome outcome;
  };

  bool place(const RequestHeader& header, const uint8_t* record, uint64_t nowNs);
  bool front(Ended& ended);
  void popFront();
  CompletionHeader completionOf(const Ended& ended);
  void release(uint32_t slot);

  const std::shared_ptr<RingMemory> memory_;
  std::mutex mutex_;
  std::vector<Issue> issues_;
  std::vector<uint32_t> freeSlots_;
  std::vector<uint32_t> freeBlocks_;
  /// What `abandon` found, in place of the completion queue.
  std::deque<Ended> ended_;
  bool abandoned_ = false;
};

}  // namespace strongroom

#endif  // STRONGROOM_RING_H_
