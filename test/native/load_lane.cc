#include "load_lane.h"

#include <sys/prctl.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "lane_port.h"

namespace strongroom::test {
namespace {

constexpr uint32_t kLargeEvery = 509;
constexpr size_t kLargeBytes = 9'000;
constexpr size_t kSmallBytes = 32;

/// A stream of bytes of its own for each request id (xorshift32).
class Pattern {
 public:
  explicit Pattern(uint32_t requestId) : state_(requestId * 2'654'435'761U | 1U) {}
  uint8_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return static_cast<uint8_t>(state_ >> 11);
  }

 private:
  uint32_t state_;
};

uint8_t answered(uint8_t byte, size_t position) { return static_cast<uint8_t>(byte ^ 0xa5 ^ position); }

}  // namespace

size_t Load::inputBytes(uint32_t requestId) const {
  return large_ && requestId % kLargeEvery == 0 ? kLargeBytes : kSmallBytes + requestId % 31;
}

Bytes Load::input(uint32_t requestId) const {
  Pattern pattern(requestId);
  Bytes input(inputBytes(requestId));
  for (uint8_t& byte : input) byte = pattern.next();
  return input;
}

bool Load::isAnswer(uint32_t requestId, std::span<const uint8_t> answer) const {
  if (answer.size() != inputBytes(requestId)) return false;
  Pattern pattern(requestId);
  for (size_t i = 0; i < answer.size(); i++) {
    if (answer[i] != answered(pattern.next(), i)) return false;
  }
  return true;
}

void loadAnswer(std::span<const uint8_t> input, Bytes& answer) {
  answer.resize(input.size());
  for (size_t i = 0; i < input.size(); i++) answer[i] = answered(input[i], i);
}

void runLoadLane(const std::shared_ptr<RingMemory>& memory, uint32_t lane) {
  LanePort port(memory, lane);
  Request request;
  Bytes answer;
  while (port.next(request)) {
    loadAnswer(request.input, answer);
    port.complete({.function = static_cast<uint16_t>(lane + 1),
                   .returnValue = 0,
                   .length = static_cast<uint32_t>(answer.size()),
                   .bytes = answer});
  }
}

int loadLanesMain() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::string error;
  const auto memory = RingMemory::attach(3, std::make_shared<DoorbellFd>(4), error);
  if (memory == nullptr) return 1;
  std::vector<std::thread> lanes;
  for (uint32_t lane = 0; lane < memory->lanes(); lane++) lanes.emplace_back(runLoadLane, memory, lane);
  memory->publishState(HostState::ready, 0, 0, "");
  for (std::thread& lane : lanes) lane.join();
  return 0;
}

}  // namespace strongroom::test
