#include "lane_group.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <thread>

#include "softhsm_token.h"
#include "token_session.h"
#include "token_traffic.h"

using namespace strongroom;
using namespace strongroom::test;

namespace {

#ifdef SANITIZED
constexpr uint32_t kPairs = 3'000;
constexpr uint32_t kOrders = 200;
#else
constexpr uint32_t kPairs = 10'000;
constexpr uint32_t kOrders = 1'000;
#endif

SecureBytes pin(const std::string& text) {
  SecureBytes bytes(text.size());
  memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

ModuleOptions copyOfModule(uint32_t lanes) {
  return {.path = SoftHsmToken::kModule, .tokenSerial = SoftHsmToken::get().serial, .privateCopy = true, .lanes = lanes};
}

void requireTrafficOver(uint32_t lanes) {
  RingFixture under({.lanes = lanes, .slots = 128, .arenaBlocks = 4});
  LaneGroup group(under.memory);
  REQUIRE(group.start(copyOfModule(lanes), pin(SoftHsmToken::kPin)));
  REQUIRE(under.ring->hostStatus().state == HostState::ready);
  std::thread host([&] { group.run(); });
  requireRightTraffic(under, kPairs, true);
  under.memory->requestStop();
  host.join();
  REQUIRE(under.ring->hostStatus().state == HostState::stopped);
}

/// A host over the real token whose number of lanes can be changed.
struct TunedHost {
  explicit TunedHost(uint32_t most, uint32_t first)
      : under({.lanes = most, .slots = 128, .arenaBlocks = 4}), group(under.memory) {
    under.memory->orderLanes(first);
    REQUIRE(group.start(copyOfModule(most), pin(SoftHsmToken::kPin)));
    REQUIRE(under.ring->laneCount().open == first);
    host = std::thread([this] { group.run(); });
  }
  ~TunedHost() {
    under.memory->requestStop();
    host.join();
  }

  void requireLanes(uint32_t count) {
    for (int look = 0; look < 20'000 && under.ring->laneCount().open != count; look++) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    REQUIRE(under.ring->laneCount().open == count);
    REQUIRE(under.ring->laneCount().refusal == CKR_OK);
  }

  RingFixture under;
  LaneGroup group;
  std::thread host;
};

}  // namespace

TEST_CASE("one lane over a real token answers everything once and right", "[lanes][token]") { requireTrafficOver(1); }

TEST_CASE("four lanes over one instance of a real token answer everything once and right", "[lanes][token]") {
  requireTrafficOver(4);
}

TEST_CASE("lanes that cannot start say why", "[lanes][token]") {
  RingFixture under({.lanes = 2, .slots = 8, .arenaBlocks = 0});
  LaneGroup group(under.memory);
  REQUIRE_FALSE(group.start(copyOfModule(2), pin("wrong")));
  const HostStatus status = under.ring->hostStatus();
  REQUIRE(status.state == HostState::failed);
  REQUIRE(nameOf(static_cast<Function>(status.function)) == "C_Login");
  REQUIRE(status.returnValue == CKR_PIN_INCORRECT);
}

TEST_CASE("lanes finish what they are at when they are asked to stop", "[lanes][token]") {
  RingFixture under({.lanes = 1, .slots = 8, .arenaBlocks = 0});
  LaneGroup group(under.memory);
  REQUIRE(group.start(copyOfModule(1), pin(SoftHsmToken::kPin)));
  std::thread host([&] { group.run(); });
  REQUIRE(under.submit({.operation = Operation::random, .requestId = 9, .capacity = 1'500}));
  while (under.memory->slot(0).state.load() == static_cast<uint32_t>(SlotState::submitted)) std::this_thread::yield();
  under.memory->requestStop();
  host.join();
  const auto completions = under.drain();
  REQUIRE(completions.size() == 1);
  REQUIRE(completions[0].outcome == Outcome::done);
  REQUIRE(completions[0].bytes.size() == 1'500);
}

TEST_CASE("a host opens and closes lanes as they are ordered, and loses no request by it", "[lanes][token]") {
  TunedHost tuned(8, 1);
  std::atomic<bool> over = false;
  std::thread orders([&] {
    for (uint32_t turn = 0; !over; turn++) {
      tuned.under.memory->orderLanes(turn * 5 % 8 + 1);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  });
  requireRightTraffic(tuned.under, kPairs, false);
  over = true;
  orders.join();
  for (const uint32_t count : {8U, 3U, 1U, 2U}) {
    tuned.under.memory->orderLanes(count);
    tuned.requireLanes(count);
  }
  // Lanes that were closed are as good as new.
  tuned.under.memory->orderLanes(8);
  tuned.requireLanes(8);
  requireRightTraffic(tuned.under, 200, true);
}

TEST_CASE("a lane that was woken for a request and is to go leaves it to another", "[lanes][token]") {
  TunedHost tuned(3, 3);
  for (uint32_t turn = 0; turn < kOrders; turn++) {
    tuned.under.memory->orderLanes(turn % 2 == 0 ? 1 : 3);
    REQUIRE(call(tuned.under, {.operation = Operation::random, .requestId = 1, .capacity = 16}).bytes.size() == 16);
  }
}

TEST_CASE("lanes count what they take, and how long there is nothing to take", "[lanes][token]") {
  TunedHost tuned(2, 2);
  const LaneCount before = tuned.under.ring->laneCount();
  for (uint32_t turn = 0; turn < 10; turn++) {
    REQUIRE(call(tuned.under, {.operation = Operation::random, .requestId = 1, .capacity = 16}).bytes.size() == 16);
  }
  const LaneCount after = tuned.under.ring->laneCount();
  REQUIRE(after.taken == before.taken + 10);
  REQUIRE(after.idleMs > before.idleMs);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  REQUIRE(tuned.under.ring->laneCount().idleMs >= after.idleMs + 20);
}
