// A bounded queue of slot indexes for any number of producers and consumers, over cells in shared memory
// (D. Vyukov's bounded MPMC queue: a sequence number per cell says whose turn it is).
#ifndef STRONGROOM_INDEX_QUEUE_H_
#define STRONGROOM_INDEX_QUEUE_H_

#include <atomic>
#include <cstdint>

namespace strongroom {

struct QueueCell {
  std::atomic<uint32_t> sequence;
  /// Atomic for the sake of `peek` alone, which may read beside a producer.
  std::atomic<uint32_t> index;
};
static_assert(sizeof(QueueCell) == 8);

/// A view; the cells and both positions live in the ring. `capacity` is a power of two.
class IndexQueue {
 public:
  IndexQueue(QueueCell* cells, uint32_t capacity, std::atomic<uint32_t>& tail, std::atomic<uint32_t>& head)
      : cells_(cells), mask_(capacity - 1), tail_(tail), head_(head) {}

  /// For the one who makes the ring, before anybody else sees it.
  void reset() {
    for (uint32_t i = 0; i <= mask_; i++) cells_[i].sequence.store(i, std::memory_order_relaxed);
    tail_.store(0, std::memory_order_relaxed);
    head_.store(0, std::memory_order_release);
  }

  /// False when the queue is full, or a consumer has not yet left the cell that would be next.
  bool push(uint32_t index) {
    uint32_t position = tail_.load(std::memory_order_relaxed);
    for (;;) {
      QueueCell& cell = cells_[position & mask_];
      const auto turn = static_cast<int32_t>(cell.sequence.load(std::memory_order_acquire) - position);
      if (turn < 0) return false;
      if (turn > 0) {
        position = tail_.load(std::memory_order_relaxed);
      } else if (tail_.compare_exchange_weak(position, position + 1, std::memory_order_relaxed)) {
        cell.index.store(index, std::memory_order_relaxed);
        cell.sequence.store(position + 1, std::memory_order_release);
        return true;
      }
    }
  }

  bool pop(uint32_t& index) {
    uint32_t position = head_.load(std::memory_order_relaxed);
    for (;;) {
      QueueCell& cell = cells_[position & mask_];
      const auto turn = static_cast<int32_t>(cell.sequence.load(std::memory_order_acquire) - (position + 1));
      if (turn < 0) return false;
      if (turn > 0) {
        position = head_.load(std::memory_order_relaxed);
      } else if (head_.compare_exchange_weak(position, position + 1, std::memory_order_relaxed)) {
        index = cell.index.load(std::memory_order_relaxed);
        cell.sequence.store(position + mask_ + 1, std::memory_order_release);
        return true;
      }
    }
  }

  /// What `pop` would give: certain for the only consumer of a queue, a guess for one of many.
  bool peek(uint32_t& index) const {
    const uint32_t position = head_.load(std::memory_order_relaxed);
    const QueueCell& cell = cells_[position & mask_];
    if (cell.sequence.load(std::memory_order_acquire) != position + 1) return false;
    index = cell.index.load(std::memory_order_relaxed);
    return true;
  }

  bool empty() const {
    const uint32_t position = head_.load(std::memory_order_relaxed);
    return static_cast<int32_t>(cells_[position & mask_].sequence.load(std::memory_order_acquire) - (position + 1)) < 0;
  }

  /// A guess beside others who push and pop.
  uint32_t size() const {
    const auto entries = tail_.load(std::memory_order_relaxed) - head_.load(std::memory_order_relaxed);
    return static_cast<int32_t>(entries) > 0 ? entries : 0;
  }

 private:
  QueueCell* const cells_;
  const uint32_t mask_;
  std::atomic<uint32_t>& tail_;
  std::atomic<uint32_t>& head_;
};

}  // namespace strongroom

#endif  // STRONGROOM_INDEX_QUEUE_H_
