#include "ring_fixture.h"

#include <poll.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

namespace strongroom::test {

RingFixture::RingFixture(const RingOptions& options) : doorbell(DoorbellFd::create()) {
  std::string error;
  memory = RingMemory::create(options, doorbell, error);
  if (memory == nullptr) throw std::runtime_error(error);
  ring = std::make_unique<Ring>(memory);
}

bool RingFixture::submit(const Record& record) {
  Bytes staging = record.bytes();
  if (const char* problem = Ring::stagingProblem(staging)) throw std::runtime_error(problem);
  const size_t taken = ring->submit(staging);
  if (taken != 0 && taken != staging.size()) throw std::runtime_error("the ring took a part of a record");
  return taken != 0;
}

std::vector<Completion> RingFixture::drain() {
  std::vector<Completion> answers;
  Bytes buffer(kBlockBytes + 4096);
  while (const size_t written = ring->drain(buffer, std::numeric_limits<size_t>::max())) {
    for (Completion& answer : completionsIn({buffer.data(), written})) answers.push_back(std::move(answer));
  }
  return answers;
}

bool RingFixture::holds(std::span<const uint8_t> bytes) {
  const uint8_t* slots = reinterpret_cast<const uint8_t*>(&memory->slot(0));
  const std::span<const uint8_t> all(slots, memory->layout().totalBytes() - memory->layout().slotArray());
  return std::search(all.begin(), all.end(), bytes.begin(), bytes.end()) != all.end();
}

bool RingFixture::payloadsAreZero() {
  const auto zero = [](std::span<const uint8_t> payload) {
    return std::all_of(payload.begin(), payload.end(), [](uint8_t byte) { return byte == 0; });
  };
  for (uint32_t slot = 0; slot < memory->layout().slots; slot++) {
    if (!zero(memory->payload(slot, 0))) return false;
  }
  for (uint32_t block = 1; block <= memory->layout().arenaBlocks; block++) {
    if (!zero(memory->payload(0, block))) return false;
  }
  return true;
}

bool readable(int fd) {
  pollfd poller{fd, POLLIN, 0};
  return poll(&poller, 1, 0) == 1;
}

}  // namespace strongroom::test
