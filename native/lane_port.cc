#include "lane_port.h"

#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "cryptoki.h"
#include "spin.h"

namespace strongroom {

namespace {

constexpr uint32_t kUnknownDuration = std::numeric_limits<uint32_t>::max();

uint32_t clamped(uint64_t value) {
  return static_cast<uint32_t>(value < kUnknownDuration ? value : kUnknownDuration - 1);
}

/// To a counter that this thread alone writes.
void add(std::atomic<uint64_t>& counter, uint64_t more) {
  counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

}  // namespace

LanePort::LanePort(std::shared_ptr<RingMemory> memory, uint32_t lane)
    : memory_(std::move(memory)),
      lane_(lane),
      state_(memory_->header().laneStates[lane]) {
  expectedNs_.fill(kUnknownDuration);
}

bool LanePort::next(Request& request) {
  nowNs_ = monotonicNs();
  for (;;) {
    if (isToEnd()) {
      if (hasUntold()) signal();
      return false;
    }
    uint32_t index;
    if (!memory_->submissions().pop(index)) {
      if (hasUntold()) signal();
      const uint64_t sinceNs = nowNs_;
      state_.idleSinceNs.store(sinceNs, std::memory_order_relaxed);
      wait();
      state_.idleSinceNs.store(0, std::memory_order_relaxed);
      add(state_.idleNs, nowNs_ - sinceNs);
    } else if (claim(index, request)) {
      return true;
    }
  }
}

bool LanePort::isToEnd() {
  if (memory_->stopRequested()) return true;
  const uint32_t wanted = memory_->wantedLanes();
  if (memory_->header().openLanes.load(std::memory_order_relaxed) <= wanted) return false;
  if (!memory_->releaseLane(wanted)) return false;
  leaveWorkToOthers();
  return true;
}

bool LanePort::giveUp(uint32_t returnValue) {
  if (!memory_->releaseLane(1)) return false;
  memory_->header().laneRefusal.store(returnValue, std::memory_order_release);
  if (unsignalled_ > 0) signal();
  leaveWorkToOthers();
  return true;
}

void LanePort::leaveWorkToOthers() {
  // This lane may have been woken for a request that it does not take any more.
  if (!memory_->submissions().empty()) memory_->wakeLanes(1);
}

bool LanePort::claim(uint32_t index, Request& request) {
  if (index >= memory_->layout().slots) return false;
  Slot& slot = memory_->slot(index);
  auto submitted = static_cast<uint32_t>(SlotState::submitted);
  // Lost only to an owner that abandons the ring.
  if (!slot.state.compare_exchange_strong(submitted, static_cast<uint32_t>(SlotState::claimed),
                                          std::memory_order_acq_rel)) {
    return false;
  }
  uint32_t following;
  if (memory_->submissions().peek(following) && following < memory_->layout().slots) {
    // The owner's core has these lines; they come over while the library is at work.
    const Slot& later = memory_->slot(following);
    __builtin_prefetch(&later, 1);
    __builtin_prefetch(&later.request);
    __builtin_prefetch(later.payload);
    __builtin_prefetch(later.payload + kCacheLine);
  }
  slot_ = index;
  request.header = slot.request;
  payload_ = memory_->payload(index, slot.block);
  sections_ = sectionsLength(request.header);
  expected_ = &expectedNs(request.header);
  startNs_ = nowNs_;
  servedNs_ = 0;
  if (!readSections(request, payload_)) {
    sections_ = 0;
    finish(Outcome::done, {0, CKR_ARGUMENTS_BAD, 0, {}});
    return false;
  }
  if (slot.deadlineNs != 0 && nowNs_ >= slot.deadlineNs) {
    finish(Outcome::expired, {});
    return false;
  }
  if (hasUntold() && nowNs_ - oldestUnsignalledNs_ + *expected_ > signalIntervalNs()) signal();
  state_.operation.store(request.header.operation, std::memory_order_relaxed);
  state_.requestId.store(request.header.requestId, std::memory_order_relaxed);
  state_.busySinceNs.store(nowNs_, std::memory_order_release);
  add(state_.taken, 1);
  return true;
}

void LanePort::complete(const LaneAnswer& answer) {
  nowNs_ = monotonicNs();
  servedNs_ += nowNs_ - startNs_;
  state_.busySinceNs.store(0, std::memory_order_release);
  const uint32_t served = clamped(servedNs_);
  *expected_ = *expected_ == kUnknownDuration ? served : static_cast<uint32_t>((uint64_t{*expected_} * 3 + served) / 4);
  finish(Outcome::done, answer);
}

void LanePort::finish(Outcome outcome, const LaneAnswer& answer) {
  Slot& slot = memory_->slot(slot_);
  explicit_bzero(payload_.data(), sections_);
  const bool fits = answer.bytes.size() <= payload_.size();
  if (fits && !answer.bytes.empty()) memcpy(payload_.data(), answer.bytes.data(), answer.bytes.size());
  slot.outcome = static_cast<uint16_t>(outcome);
  slot.function = answer.function;
  slot.returnValue = fits ? answer.returnValue : static_cast<uint32_t>(CKR_BUFFER_TOO_SMALL);
  slot.answerLength = answer.length;
  slot.serviceTimeUs = clamped(servedNs_ / 1'000);
  auto claimed = static_cast<uint32_t>(SlotState::claimed);
  if (!slot.state.compare_exchange_strong(claimed, static_cast<uint32_t>(SlotState::done), std::memory_order_acq_rel)) {
    // The owner counts this lane as gone: nobody will fetch the answer.
    if (fits) explicit_bzero(payload_.data(), answer.bytes.size());
    return;
  }
  // What was taken meanwhile does not wait for a signal any more: the count begins anew.
  const bool first = !hasUntold();
  while (!memory_->completions().push(slot_)) sched_yield();
  unsignalled_++;
  if (first) {
    oldestUnsignalledNs_ = nowNs_;
    quickestUnsignalledNs_ = *expected_;
  }
  quickestUnsignalledNs_ = std::min(quickestUnsignalledNs_, *expected_);
  if (unsignalled_ >= kCompletionsPerSignal || memory_->submissions().empty() ||
      nowNs_ - oldestUnsignalledNs_ >= signalIntervalNs()) {
    signal();
  }
}

void LanePort::pauseClock() {
  servedNs_ += monotonicNs() - startNs_;
  state_.busySinceNs.store(0, std::memory_order_release);
}

void LanePort::resumeClock() {
  startNs_ = monotonicNs();
  state_.busySinceNs.store(startNs_, std::memory_order_release);
}

void LanePort::wait() {
  const auto hasWork = [&] {
    return !memory_->submissions().empty() || memory_->stopRequested() ||
           memory_->header().openLanes.load(std::memory_order_relaxed) > memory_->wantedLanes();
  };
  if (spinner_.wait(nowNs_, kLaneSpinNs, hasWork)) {
    nowNs_ = monotonicNs();
    return;
  }
  RingHeader& header = memory_->header();
  const uint64_t bit = uint64_t{1} << lane_;
  // The word is read before the bit is set: whoever clears the bit from then on changes the word, and the futex refuses
  // to sleep.
  const uint32_t word = header.wakeWord.load(std::memory_order_acquire);
  header.sleeping.fetch_or(bit, std::memory_order_acq_rel);
  if (!hasWork()) {
    syscall(SYS_futex, &header.wakeWord, FUTEX_WAIT_BITSET, word, nullptr, nullptr, uint32_t{1} << (lane_ % 32));
  }
  if ((header.sleeping.load(std::memory_order_relaxed) & bit) != 0) {
    header.sleeping.fetch_and(~bit, std::memory_order_acq_rel);
  }
  nowNs_ = monotonicNs();
}

bool LanePort::hasUntold() {
  // The owner takes the completions of all of his rings whenever one of them calls.
  if (unsignalled_ > 0 && memory_->completions().size() == 0) unsignalled_ = 0;
  return unsignalled_ > 0;
}

void LanePort::signal() {
  unsignalled_ = 0;
  memory_->notifyOwner();
}

uint64_t LanePort::signalIntervalNs() const {
  const uint32_t lanes = std::max(memory_->header().openLanes.load(std::memory_order_relaxed), 1U);
  const auto waiting = static_cast<uint32_t>(memory_->submissions().size());
  const uint64_t waitingNs = uint64_t{waiting} * quickestUnsignalledNs_ / lanes;
  const bool few = waiting + unsignalled_ <= kFewInRing;
  const uint64_t shortest = few ? kShortestSignalIntervalOfFewNs : kShortestSignalIntervalNs;
  return std::clamp(waitingNs * 3 / 2, shortest, kLongestSignalIntervalNs);
}

uint32_t& LanePort::expectedNs(const RequestHeader& header) {
  return expectedNs_[(header.operation * 7U + header.mechanism) % expectedNs_.size()];
}

}  // namespace strongroom
