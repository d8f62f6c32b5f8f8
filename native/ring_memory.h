// The shared memory of a ring, mapped: made by the owner, attached by a host.
#ifndef STRONGROOM_RING_MEMORY_H_
#define STRONGROOM_RING_MEMORY_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "ring_layout.h"

namespace strongroom {

/// The eventfd on which lanes tell the owner that something is finished. Closed with its last user.
class DoorbellFd {
 public:
  /// Takes the descriptor over.
  explicit DoorbellFd(int fd) : fd_(fd) {}
  ~DoorbellFd();
  DoorbellFd(const DoorbellFd&) = delete;
  DoorbellFd& operator=(const DoorbellFd&) = delete;

  /// A new eventfd; nullptr when the process may not open one more.
  static std::shared_ptr<DoorbellFd> create();

  int fd() const { return fd_; }
  void ring();
  /// Takes back all rings so far.
  void clear();

 private:
  const int fd_;
};

struct RingOptions {
  /// The most that there can be.
  uint32_t lanes = 1;
  /// A power of two.
  uint32_t slots = 1024;
  uint32_t arenaBlocks = 32;
};

class RingMemory {
 public:
  /// Says what is wrong with the options; nullptr when they are sound.
  static const char* problem(const RingOptions& options);

  /// A fresh ring. On failure nullptr, and `error` says why.
  static std::shared_ptr<RingMemory> create(const RingOptions& options, std::shared_ptr<DoorbellFd> doorbell,
                                            std::string& error);

  /// The ring of another process behind `memoryFd`, which is taken over, after checking that it is one.
  static std::shared_ptr<RingMemory> attach(int memoryFd, std::shared_ptr<DoorbellFd> doorbell, std::string& error);

  ~RingMemory();
  RingMemory(const RingMemory&) = delete;
  RingMemory& operator=(const RingMemory&) = delete;

  int memoryFd() const { return memoryFd_; }
  bool locked() const { return locked_; }
  const RingLayout& layout() const { return layout_; }
  uint32_t lanes() const { return lanes_; }
  RingHeader& header() { return *reinterpret_cast<RingHeader*>(base_); }
  DoorbellFd& doorbell() { return *doorbell_; }
  Slot& slot(uint32_t index) { return reinterpret_cast<Slot*>(base_ + layout_.slotArray())[index]; }
  IndexQueue& submissions() { return submissions_; }
  IndexQueue& completions() { return completions_; }

  /// Where the payload of a slot lies: `block` as in Slot. Empty when there is no such block.
  std::span<uint8_t> payload(uint32_t slotIndex, uint32_t block);

  /// Sends one ring to the owner unless one is under way already.
  void notifyOwner();
  /// Wakes at most `count` of the lanes that sleep.
  void wakeLanes(size_t count);
  /// Asks all lanes to finish what they are at and end.
  void requestStop();
  /// Asks for so many lanes, at least one and no more than there can be.
  void orderLanes(uint32_t count);
  /// How many lanes there should be by the last order.
  uint32_t wantedLanes();
  /// Takes one lane out of the count, unless it is the last; `atLeast` are to be left.
  bool releaseLane(uint32_t atLeast);
  /// For who keeps up the number of lanes: sleeps until something has changed since `laneWord` was `word`.
  void waitForLaneChange(uint32_t word);
  void tellLaneChange();
  bool stopRequested() { return header().stop.load(std::memory_order_acquire) != 0; }

  /// Has everything zeroised when the last user lets go: for a ring whose host left requests behind.
  void zeroiseAtEnd() { zeroiseAtEnd_ = true; }

  /// Publishes the state of the host, and tells the owner.
  void publishState(HostState state, uint16_t function, uint32_t returnValue, const std::string& message);

 private:
  RingMemory(uint8_t* base, const RingLayout& layout, uint32_t lanes, int memoryFd,
             std::shared_ptr<DoorbellFd> doorbell);

  uint8_t* const base_;
  const RingLayout layout_;
  const uint32_t lanes_;
  const int memoryFd_;
  const std::shared_ptr<DoorbellFd> doorbell_;
  IndexQueue submissions_;
  IndexQueue completions_;
  bool locked_ = false;
  bool zeroiseAtEnd_ = false;
};

}  // namespace strongroom

#endif  // STRONGROOM_RING_MEMORY_H_
