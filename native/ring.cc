#include "ring.h"

#include <string.h>

#include <algorithm>

#include "cryptoki.h"

namespace strongroom {

namespace {

void prefetch(const Slot& slot) {
  __builtin_prefetch(&slot);
  __builtin_prefetch(slot.payload);
  __builtin_prefetch(slot.payload + kCacheLine);
}

bool moveState(Slot& slot, SlotState from, SlotState to) {
  auto expected = static_cast<uint32_t>(from);
  return slot.state.compare_exchange_strong(expected, static_cast<uint32_t>(to), std::memory_order_acq_rel);
}

}  // namespace

Ring::Ring(std::shared_ptr<RingMemory> memory) : memory_(std::move(memory)), issues_(memory_->layout().slots) {
  // Taken from the back: the slots and blocks used last are the ones still in the caches.
  for (uint32_t slot = memory_->layout().slots; slot > 0; slot--) freeSlots_.push_back(slot - 1);
  for (uint32_t block = memory_->layout().arenaBlocks; block > 0; block--) freeBlocks_.push_back(block);
}

const char* Ring::stagingProblem(std::span<const uint8_t> staging) {
  while (!staging.empty()) {
    if (staging.size() < sizeof(RequestHeader)) return "a record is cut off";
    RequestHeader header;
    memcpy(&header, staging.data(), sizeof header);
    if (const char* problem = requestProblem(header, staging.size())) return problem;
    staging = staging.subspan(header.recordLength);
  }
  return nullptr;
}

size_t Ring::submit(std::span<uint8_t> staging) {
  const std::lock_guard lock(mutex_);
  if (abandoned_) return 0;
  const uint64_t nowNs = monotonicNs();
  size_t consumed = 0;
  size_t placed = 0;
  while (consumed < staging.size()) {
    RequestHeader header;
    memcpy(&header, staging.data() + consumed, sizeof header);
    if (!place(header, staging.data() + consumed, nowNs)) break;
    consumed += header.recordLength;
    placed++;
  }
  memory_->wakeLanes(placed);
  explicit_bzero(staging.data(), consumed);
  return consumed;
}

bool Ring::place(const RequestHeader& header, const uint8_t* record, uint64_t nowNs) {
  if (freeSlots_.empty()) return false;
  const size_t sections = header.recordLength - sizeof header;
  const bool inlined = std::max<size_t>(sections, header.capacity) <= kInlineBytes;
  if (!inlined && freeBlocks_.empty()) return false;

  const uint32_t index = freeSlots_.back();
  const uint32_t block = inlined ? 0 : freeBlocks_.back();
  Slot& slot = memory_->slot(index);
  slot.block = block;
  slot.deadlineNs = header.timeoutMs == 0 ? 0 : nowNs + uint64_t{header.timeoutMs} * 1'000'000;
  slot.request = header;
  memcpy(memory_->payload(index, block).data(), record + sizeof header, sections);
  issues_[index] = {header.requestId, block, static_cast<uint32_t>(sections), true};
  slot.state.store(static_cast<uint32_t>(SlotState::submitted), std::memory_order_release);
  if (!memory_->submissions().push(index)) {
    // A lane took an entry one round ago and has not left its cell yet: the caller comes again, as when slots run out.
    slot.state.store(static_cast<uint32_t>(SlotState::free), std::memory_order_relaxed);
    explicit_bzero(memory_->payload(index, block).data(), sections);
    issues_[index].inFlight = false;
    return false;
  }
  freeSlots_.pop_back();
  if (!inlined) freeBlocks_.pop_back();
  return true;
}

bool Ring::front(Ended& ended) {
  if (abandoned_) {
    if (ended_.empty()) return false;
    ended = ended_.front();
    return true;
  }
  uint32_t index;
  while (memory_->completions().peek(index)) {
    if (index < issues_.size() && issues_[index].inFlight &&
        memory_->slot(index).state.load(std::memory_order_acquire) == static_cast<uint32_t>(SlotState::done)) {
      ended = {index, Outcome::done};
      return true;
    }
    // Only a host whose memory is damaged completes what was never submitted.
    memory_->completions().pop(index);
  }
  return false;
}

void Ring::popFront() {
  if (abandoned_) {
    ended_.pop_front();
    return;
  }
  uint32_t index;
  memory_->completions().pop(index);
  if (memory_->completions().peek(index) && index < issues_.size()) prefetch(memory_->slot(index));
}

CompletionHeader Ring::completionOf(const Ended& ended) {
  const Issue& issue = issues_[ended.slot];
  CompletionHeader completion{};
  completion.recordLength = sizeof completion;
  completion.requestId = issue.requestId;
  completion.outcome = static_cast<uint16_t>(ended.outcome);
  if (ended.outcome != Outcome::done) return completion;
  const Slot& slot = memory_->slot(ended.slot);
  completion.outcome = slot.outcome;
  completion.function = slot.function;
  completion.returnValue = slot.returnValue;
  completion.answerLength = slot.answerLength;
  completion.serviceTimeUs = slot.serviceTimeUs;
  if (completion.returnValue == CKR_BUFFER_TOO_SMALL) return completion;
  const size_t room = issue.block == 0 ? kInlineBytes : kBlockBytes;
  completion.answerLength = std::min(completion.answerLength, static_cast<uint32_t>(room));
  completion.recordLength += static_cast<uint32_t>(padded(completion.answerLength));
  return completion;
}

size_t Ring::nextRecordLength() {
  const std::lock_guard lock(mutex_);
  Ended ended;
  return front(ended) ? completionOf(ended).recordLength : 0;
}

size_t Ring::drain(std::span<uint8_t> completions, size_t limit) {
  const std::lock_guard lock(mutex_);
  size_t written = 0;
  Ended ended;
  for (; limit > 0 && front(ended); limit--) {
    const CompletionHeader completion = completionOf(ended);
    if (completion.recordLength > completions.size() - written) break;
    uint8_t* out = completions.data() + written;
    memcpy(out, &completion, sizeof completion);
    const size_t answer = completion.recordLength - sizeof completion;
    if (answer > 0) {
      uint8_t* payload = memory_->payload(ended.slot, issues_[ended.slot].block).data();
      memcpy(out + sizeof completion, payload, answer);
      memset(out + sizeof completion + completion.answerLength, 0, answer - completion.answerLength);
      explicit_bzero(payload, answer);
    }
    written += completion.recordLength;
    popFront();
    release(ended.slot);
  }
  return written;
}

void Ring::release(uint32_t slot) {
  Issue& issue = issues_[slot];
  issue.inFlight = false;
  // A slot of an abandoned ring is never used again: a lane that is stuck in the library may yet write to it.
  if (abandoned_) return;
  memory_->slot(slot).state.store(static_cast<uint32_t>(SlotState::free), std::memory_order_relaxed);
  freeSlots_.push_back(slot);
  if (issue.block != 0) freeBlocks_.push_back(issue.block);
}

void Ring::acknowledge() {
  // Reading first spares the line of a ring that has not called. It cannot miss one: the lane writes to the doorbell
  // after it has set the flag, and whoever comes here has read the doorbell.
  auto& notified = memory_->header().notified;
  if (notified.load(std::memory_order_acquire) != 0) notified.exchange(0, std::memory_order_acq_rel);
}

void Ring::abandon() {
  {
    const std::lock_guard lock(mutex_);
    if (abandoned_) return;
    abandoned_ = true;
    memory_->zeroiseAtEnd();
    for (uint32_t index = 0; index < issues_.size(); index++) {
      if (!issues_[index].inFlight) continue;
      Slot& slot = memory_->slot(index);
      if (moveState(slot, SlotState::submitted, SlotState::abandoned)) {
        explicit_bzero(memory_->payload(index, issues_[index].block).data(), issues_[index].payloadBytes);
        ended_.push_back({index, Outcome::notStarted});
      } else if (slot.state.load(std::memory_order_acquire) == static_cast<uint32_t>(SlotState::done)) {
        ended_.push_back({index, Outcome::done});
      } else if (moveState(slot, SlotState::claimed, SlotState::abandoned)) {
        ended_.push_back({index, Outcome::unknown});
      } else {
        const bool done = slot.state.load(std::memory_order_acquire) == static_cast<uint32_t>(SlotState::done);
        ended_.push_back({index, done ? Outcome::done : Outcome::unknown});
      }
    }
  }
  // Unconditionally: a host that was killed between setting the flag and writing to the doorbell has left the flag set.
  memory_->header().notified.store(1, std::memory_order_release);
  memory_->doorbell().ring();
}

HostStatus Ring::hostStatus() {
  RingHeader& header = memory_->header();
  HostStatus status{static_cast<HostState>(header.hostState.load(std::memory_order_acquire)), 0, 0, {}};
  if (status.state != HostState::failed) return status;
  status.function = static_cast<uint16_t>(header.hostFunction);
  status.returnValue = header.hostReturnValue;
  status.message.assign(header.hostMessage, strnlen(header.hostMessage, sizeof header.hostMessage));
  return status;
}

LaneStatus Ring::laneStatus(uint32_t lane) {
  const LaneState& state = memory_->header().laneStates[lane];
  const uint64_t since = state.busySinceNs.load(std::memory_order_acquire);
  const uint64_t nowNs = monotonicNs();
  return {since == 0 ? -1 : static_cast<double>(nowNs > since ? nowNs - since : 0) / 1e6,
          state.operation.load(std::memory_order_relaxed), state.requestId.load(std::memory_order_relaxed)};
}

LaneCount Ring::laneCount() {
  RingHeader& header = memory_->header();
  LaneCount count{std::min(header.openLanes.load(std::memory_order_acquire), memory_->lanes()),
                  header.laneRefusal.load(std::memory_order_acquire), 0, 0};
  const uint64_t nowNs = monotonicNs();
  uint64_t idleNs = 0;
  for (uint32_t lane = 0; lane < memory_->lanes(); lane++) {
    const LaneState& state = header.laneStates[lane];
    const uint64_t sinceNs = state.idleSinceNs.load(std::memory_order_relaxed);
    count.taken += state.taken.load(std::memory_order_relaxed);
    idleNs += state.idleNs.load(std::memory_order_relaxed) + (sinceNs != 0 && nowNs > sinceNs ? nowNs - sinceNs : 0);
  }
  count.idleMs = static_cast<double>(idleNs) / 1e6;
  return count;
}

size_t Ring::inFlight() {
  const std::lock_guard lock(mutex_);
  const auto flying = [](const Issue& issue) { return issue.inFlight; };
  return static_cast<size_t>(std::count_if(issues_.begin(), issues_.end(), flying));
}

}  // namespace strongroom
