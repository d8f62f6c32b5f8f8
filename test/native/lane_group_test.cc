#include "lane_group.h"

#include <catch2/catch.hpp>
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
#else
constexpr uint32_t kPairs = 10'000;
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
