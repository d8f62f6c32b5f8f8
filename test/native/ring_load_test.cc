#include <poll.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include "load_lane.h"
#include "ring_fixture.h"
#include "spawn_beside.h"

using namespace strongroom;
using namespace strongroom::test;

namespace {

#ifdef SANITIZED
constexpr uint32_t kOperations = 100'000;
constexpr uint32_t kProcessOperations = 100'000;
constexpr uint32_t kKills = 5;
#else
constexpr uint32_t kOperations = 1'000'000;
constexpr uint32_t kProcessOperations = 300'000;
constexpr uint32_t kKills = 25;
#endif
#ifdef SANITIZED_THREAD
// A block of the arena passes from one lane to another by way of the owner. ThreadSanitizer in a process of lanes does not see the owner.
constexpr bool kLargeOverProcesses = false;
#else
constexpr bool kLargeOverProcesses = true;
#endif
constexpr uint32_t kProducers = 4;
constexpr uint32_t kLanes = 8;
constexpr uint32_t kBatch = 16;

/// What became of each request. Request ids start at 0 and leave no gap.
struct Account {
  explicit Account(uint32_t requests, bool large = true) : load(large), answers(requests) {}

  Record request(uint32_t requestId) const {
    Record record{.requestId = requestId, .input = load.input(requestId)};
    record.capacity = static_cast<uint32_t>(record.input.size());
    return record;
  }

  void take(std::span<const uint8_t> completions) {
    for (const Completion& answer : completionsIn(completions)) {
      if (answer.requestId >= answers.size()) {
        strange++;
        continue;
      }
      answers[answer.requestId]++;
      settled++;
      if (answer.outcome == Outcome::notStarted) {
        notStarted++;
      } else if (answer.outcome == Outcome::unknown) {
        unknown++;
      } else if (answer.outcome != Outcome::done || !load.isAnswer(answer.requestId, answer.bytes)) {
        wrong++;
      }
    }
  }

  uint32_t notAnsweredOnce() const {
    uint32_t count = 0;
    for (const auto& times : answers) count += times.load() != 1;
    return count;
  }

  const Load load;
  std::vector<std::atomic<uint8_t>> answers;
  std::atomic<uint32_t> settled{0};
  std::atomic<uint32_t> strange{0};
  std::atomic<uint32_t> wrong{0};
  std::atomic<uint32_t> notStarted{0};
  std::atomic<uint32_t> unknown{0};
};

bool drainInto(RingFixture& under, Account& account, Bytes& buffer) {
  const size_t written = under.ring->drain(buffer, 64);
  account.take({buffer.data(), written});
  return written > 0;
}

/// Puts the requests first, first + step … through the ring, and takes whatever is finished meanwhile, whoever asked for it.
void produce(RingFixture& under, Account& account, uint32_t first, uint32_t step) {
  Bytes buffer(kBlockBytes + 4096);
  uint32_t next = first;
  const auto total = static_cast<uint32_t>(account.answers.size());
  Bytes staging;
  while (next < total || !staging.empty()) {
    for (uint32_t i = 0; i < kBatch && next < total && staging.size() < 64 * kBatch; i++, next += step) {
      account.request(next).appendTo(staging);
    }
    const size_t taken = under.submit(staging);
    staging.erase(staging.begin(), staging.begin() + static_cast<ptrdiff_t>(taken));
    if (!drainInto(under, account, buffer) && taken == 0) std::this_thread::yield();
  }
  while (account.settled.load() < total) {
    if (!drainInto(under, account, buffer)) std::this_thread::yield();
  }
}

void produceFromThreads(RingFixture& under, Account& account) {
  std::vector<std::thread> producers;
  for (uint32_t producer = 0; producer < kProducers; producer++) {
    producers.emplace_back([&, producer] { produce(under, account, producer, kProducers); });
  }
  for (std::thread& producer : producers) producer.join();
}

/// This executable once more, as a process of lanes.
pid_t spawnLanes(RingFixture& under) {
  const pid_t pid = spawnBeside(under, "native_tests", {"ring-lanes"}, {});
  requireReady(under, pid);
  return pid;
}

void requireAllRight(RingFixture& under, const Account& account) {
  REQUIRE(account.notAnsweredOnce() == 0);
  REQUIRE(account.wrong.load() == 0);
  REQUIRE(account.strange.load() == 0);
  REQUIRE(account.notStarted.load() == 0);
  REQUIRE(account.unknown.load() == 0);
  REQUIRE(under.ring->inFlight() == 0);
  REQUIRE(under.drain().empty());
  REQUIRE(under.payloadsAreZero());
}

}  // namespace

TEST_CASE("4 producers and 8 lanes of this process: nothing lost, nothing twice, nothing altered, nothing left", "[ring][load]") {
  RingFixture under({.lanes = kLanes, .slots = 256, .arenaBlocks = 4});
  Account account(kOperations);
  std::vector<std::thread> lanes;
  for (uint32_t lane = 0; lane < kLanes; lane++) lanes.emplace_back(runLoadLane, under.memory, lane);
  produceFromThreads(under, account);
  under.memory->requestStop();
  for (std::thread& lane : lanes) lane.join();
  requireAllRight(under, account);
}

TEST_CASE("4 producers and 8 lanes of another process: nothing lost, nothing twice, nothing altered, nothing left", "[ring][load]") {
  RingFixture under({.lanes = kLanes, .slots = 256, .arenaBlocks = 4});
  Account account(kProcessOperations, kLargeOverProcesses);
  const pid_t host = spawnLanes(under);
  produceFromThreads(under, account);
  under.memory->requestStop();
  REQUIRE(exitOf(host) == 0);
  requireAllRight(under, account);
}

TEST_CASE("a producer that waits for the doorbell alone is told of every completion", "[ring][load]") {
  RingFixture under({.lanes = 2, .slots = 64, .arenaBlocks = 2});
  std::vector<std::thread> lanes;
  for (uint32_t lane = 0; lane < 2; lane++) lanes.emplace_back(runLoadLane, under.memory, lane);
  constexpr uint32_t kRequests = 20'000;
  Account account(kRequests);
  Bytes buffer(kBlockBytes + 4096);
  uint32_t next = 0;
  bool silent = false;
  while (account.settled.load() < kRequests && !silent) {
    Bytes staging;
    for (uint32_t i = 0; i < 1 + next % 40 && next < kRequests; i++, next++) account.request(next).appendTo(staging);
    for (size_t taken = 0; taken < staging.size() && !silent;) {
      taken += under.ring->submit({staging.data() + taken, staging.size() - taken});
      pollfd poller{under.doorbell->fd(), POLLIN, 0};
      silent = poll(&poller, 1, 10'000) != 1;
      under.doorbell->clear();
      under.ring->acknowledge();
      while (drainInto(under, account, buffer)) continue;
    }
    // All but what has been answered is with the lanes, and so another ring is owed as long as something is in flight.
    if (next == kRequests && account.settled.load() < kRequests) {
      pollfd poller{under.doorbell->fd(), POLLIN, 0};
      silent = poll(&poller, 1, 10'000) != 1;
      under.doorbell->clear();
      under.ring->acknowledge();
      while (drainInto(under, account, buffer)) continue;
    }
  }
  under.memory->requestStop();
  for (std::thread& lane : lanes) lane.join();
  REQUIRE_FALSE(silent);
  requireAllRight(under, account);
}

TEST_CASE("a process of lanes killed under load: each request ends once, and what counts as done is right", "[ring][load]") {
  uint32_t done = 0;
  for (uint32_t kill = 0; kill < kKills; kill++) {
    RingFixture under({.lanes = kLanes, .slots = 128, .arenaBlocks = 2});
    const pid_t host = spawnLanes(under);
    Bytes buffer(kBlockBytes + 4096);
    // More than it can do until then; what was never submitted is none of this test's business.
    uint32_t submitted = 0;
    Account account(1'000'000, kLargeOverProcesses);
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(5 + kill);
    while (std::chrono::steady_clock::now() < until) {
      const Record record = account.request(submitted);
      submitted += under.submit(record);
      if (submitted % 64 == 0) drainInto(under, account, buffer);
    }
    REQUIRE(::kill(host, SIGKILL) == 0);
    REQUIRE(exitOf(host) == -SIGKILL);
    const size_t inFlight = under.ring->inFlight();
    const uint32_t before = account.settled.load();
    under.ring->abandon();
    while (drainInto(under, account, buffer)) continue;
    REQUIRE(account.settled.load() == before + inFlight);
    REQUIRE(account.settled.load() == submitted);
    for (uint32_t id = 0; id < submitted; id++) {
      if (account.answers[id].load() != 1) FAIL("request " << id << " ended " << int{account.answers[id].load()} << " times");
    }
    REQUIRE(account.wrong.load() == 0);
    REQUIRE(account.strange.load() == 0);
    REQUIRE(account.unknown.load() <= kLanes);
    done += submitted - account.unknown.load() - account.notStarted.load();
  }
  REQUIRE(done > kKills);
}
