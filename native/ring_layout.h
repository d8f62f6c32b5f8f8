// What lies in the memory that the owner of a ring and its lanes share. Everything here is the same in both processes.
#ifndef STRONGROOM_RING_LAYOUT_H_
#define STRONGROOM_RING_LAYOUT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "index_queue.h"
#include "wire.h"

namespace strongroom {

inline constexpr uint64_t kRingMagic = 0x676e6952676e7453;  // "StngRing"
inline constexpr uint32_t kRingVersion = 2;
inline constexpr uint32_t kMaxLanes = 64;
inline constexpr uint32_t kMaxSlots = 1U << 16;
inline constexpr uint32_t kMaxArenaBlocks = 4096;
inline constexpr size_t kSlotBytes = 2048;
inline constexpr size_t kCacheLine = 64;
/// 64 KiB, and 8 more for the parameter, a tag and the padding beside an input of 60 KiB.
inline constexpr size_t kBlockBytes = 72 * 1024;

/// A lane that finishes work while more is waiting tells the owner of it after so many completions …
inline constexpr uint32_t kCompletionsPerSignal = 32;
/// … or when the oldest of them has waited for half as long again as lanes need for what still waits, so that more of it
/// comes before they are through, but within these bounds.
inline constexpr uint64_t kShortestSignalIntervalNs = 100'000;
inline constexpr uint64_t kLongestSignalIntervalNs = 12'000'000;
/// Where the ring holds no more than so many, the owner has a core to himself, and takes some while the lane is at others.
inline constexpr uint32_t kFewInRing = 8;
inline constexpr uint64_t kShortestSignalIntervalOfFewNs = 20'000;
/// How long a lane without work spins before it sleeps.
inline constexpr uint64_t kLaneSpinNs = 50'000;
/// How long the owner spins for an answer before its event loop sleeps …
inline constexpr uint64_t kOwnerSpinNs = 20'000;
/// … where no more than so many are awaited: with more of them, the lanes need the cores.
inline constexpr size_t kOwnerSpinInFlight = 16;

/// The slot's life: free → submitted → claimed → done → free. With `abandoned` the owner takes it from a dead host.
enum class SlotState : uint32_t { free = 0, submitted = 1, claimed = 2, done = 3, abandoned = 4 };

struct alignas(kCacheLine) Slot {
  std::atomic<uint32_t> state;
  /// 1 + index of the arena block with the payload; 0 when it is inline.
  uint32_t block;
  /// CLOCK_MONOTONIC; 0 is without limit.
  uint64_t deadlineNs;
  uint16_t outcome;
  uint16_t function;
  uint32_t returnValue;
  uint32_t answerLength;
  uint32_t serviceTimeUs;
  alignas(kCacheLine) RequestHeader request;
  uint8_t payload[kSlotBytes - 2 * kCacheLine];
};
static_assert(sizeof(Slot) == kSlotBytes);
inline constexpr size_t kInlineBytes = sizeof(Slot::payload);

/// What a lane is at, for the owner's watchdog.
struct alignas(kCacheLine) LaneState {
  /// Since when it is inside the vendor library (CLOCK_MONOTONIC); 0 when it is not.
  std::atomic<uint64_t> busySinceNs;
  std::atomic<uint32_t> operation;
  std::atomic<uint32_t> requestId;
  /// Requests that it has claimed, and how long it has waited for some; since when it waits now, or 0. The owner tunes
  /// the number of lanes by this.
  std::atomic<uint64_t> taken;
  std::atomic<uint64_t> idleNs;
  std::atomic<uint64_t> idleSinceNs;
};

struct RingHeader {
  uint64_t magic;
  uint32_t version;
  /// The most that there can be.
  uint32_t lanes;
  uint32_t slots;
  uint32_t slotBytes;
  uint32_t arenaBlocks;
  uint32_t blockBytes;
  uint64_t totalBytes;
  /// The process that made the ring; a host lives only as its child.
  int32_t ownerPid;

  alignas(kCacheLine) std::atomic<uint32_t> submissionTail;
  alignas(kCacheLine) std::atomic<uint32_t> submissionHead;
  alignas(kCacheLine) std::atomic<uint32_t> completionTail;
  alignas(kCacheLine) std::atomic<uint32_t> completionHead;

  /// A bit per lane that sleeps or is about to. Whoever clears a bit owes that lane a wake-up.
  alignas(kCacheLine) std::atomic<uint64_t> sleeping;
  /// The futex on which lanes sleep; it changes with each wake-up.
  std::atomic<uint32_t> wakeWord;
  std::atomic<uint32_t> stop;

  /// 1 while a ring of the doorbell is under way to the owner, so that no second one is sent.
  alignas(kCacheLine) std::atomic<uint32_t> notified;

  alignas(kCacheLine) std::atomic<uint32_t> hostState;
  uint32_t hostFunction;
  uint32_t hostReturnValue;
  char hostMessage[256];

  /// How many lanes the owner wants, and which of his orders that is.
  alignas(kCacheLine) std::atomic<uint32_t> wantedLanes;
  std::atomic<uint32_t> laneOrder;
  /// The futex of who keeps up the number of lanes; it changes with each order and with each lane that ends.
  std::atomic<uint32_t> laneWord;
  /// How many there are, and the return value for which there are fewer than the last order asked for.
  std::atomic<uint32_t> openLanes;
  std::atomic<uint32_t> laneRefusal;

  LaneState laneStates[kMaxLanes];
};
static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);

/// Offsets of the parts, from the sizes alone, so that a host need not believe any pointer.
struct RingLayout {
  uint32_t slots;
  uint32_t arenaBlocks;

  static constexpr size_t page(size_t bytes) { return (bytes + 4095) & ~size_t{4095}; }
  constexpr size_t submissionCells() const { return page(sizeof(RingHeader)); }
  constexpr size_t completionCells() const { return submissionCells() + page(slots * sizeof(QueueCell)); }
  constexpr size_t slotArray() const { return completionCells() + page(slots * sizeof(QueueCell)); }
  constexpr size_t arena() const { return slotArray() + page(slots * kSlotBytes); }
  constexpr size_t totalBytes() const { return arena() + arenaBlocks * kBlockBytes; }
};

/// CLOCK_MONOTONIC in nanoseconds: one clock for all processes.
uint64_t monotonicNs();

}  // namespace strongroom

#endif  // STRONGROOM_RING_LAYOUT_H_
