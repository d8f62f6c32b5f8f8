#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <sstream>

#include "softhsm_token.h"
#include "spawn_beside.h"
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

#ifdef SANITIZED_THREAD
// A block of the arena passes from one lane to another by way of the owner, whom ThreadSanitizer in the host does not see.
constexpr bool kLargeOverManyLanes = false;
#else
constexpr bool kLargeOverManyLanes = true;
#endif

Bytes optionsFor(uint32_t lanes, const std::string& pin = SoftHsmToken::kPin) {
  return hostOptions(SoftHsmToken::kModule, SoftHsmToken::get().serial, pin, "0", std::to_string(lanes));
}

std::string lineOf(pid_t pid, const std::string& file, const std::string& start) {
  std::ifstream lines("/proc/" + std::to_string(pid) + "/" + file);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(start)) return line;
  }
  return {};
}

/// Why a host over a ring of 2 lanes did not start, when it is given this on its standard input.
HostStatus refusalOf(const Bytes& input) {
  RingFixture under;
  REQUIRE(exitOf(spawnBeside(under, "hsm_host", {}, input)) == 1);
  const HostStatus status = under.ring->hostStatus();
  REQUIRE(status.state == HostState::failed);
  return status;
}

}  // namespace

TEST_CASE("a host process answers everything once and right, and ends in good order when its ring is stopped", "[host][token]") {
  for (const uint32_t lanes : {1U, 4U}) {
    RingFixture under({.lanes = lanes, .slots = 128, .arenaBlocks = 4});
    const pid_t host = spawnBeside(under, "hsm_host", {}, optionsFor(lanes));
    requireReady(under, host);
    requireRightTraffic(under, kPairs, lanes == 1 || kLargeOverManyLanes);
    under.memory->requestStop();
    REQUIRE(exitOf(host) == 0);
    REQUIRE(under.ring->hostStatus().state == HostState::stopped);
  }
}

TEST_CASE("a host process has given up core dumps and new privileges, and leaves SIGTERM to its parent", "[host][token]") {
  RingFixture under;
  const pid_t host = spawnBeside(under, "hsm_host", {}, optionsFor(2));
  requireReady(under, host);
  REQUIRE(lineOf(host, "status", "NoNewPrivs:") == "NoNewPrivs:\t1");
  std::istringstream limit(lineOf(host, "limits", "Max core file size"));
  std::string word;
  std::vector<std::string> words;
  while (limit >> word) words.push_back(word);
  REQUIRE(words.size() >= 6);
  REQUIRE(words[4] == "0");
  REQUIRE(words[5] == "0");
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) REQUIRE(kill(host, number) == 0);
  REQUIRE(call(under, {.operation = Operation::random, .capacity = 16}).bytes.size() == 16);
  under.memory->requestStop();
  REQUIRE(exitOf(host) == 0);
}

TEST_CASE("a host process that cannot log in says so and exits", "[host][token]") {
  const HostStatus wrongPin = refusalOf(optionsFor(2, "not the PIN"));
  REQUIRE(nameOf(static_cast<Function>(wrongPin.function)) == "C_Login");
  REQUIRE(wrongPin.returnValue == CKR_PIN_INCORRECT);
  const HostStatus noToken = refusalOf(hostOptions(SoftHsmToken::kModule, "no such serial", "1234", "0", "2"));
  REQUIRE(noToken.function == 0);
  REQUIRE(noToken.message == "no token with the serial number no such serial");
}

TEST_CASE("options that are cut off, or not for this ring, start nothing", "[host][token]") {
  const Bytes whole = optionsFor(2);
  std::vector<Bytes> malformed = {{}, Bytes(whole.begin(), whole.end() - 1), Bytes(whole.begin(), whole.begin() + 10),
                                  optionsFor(1), optionsFor(3),
                                  hostOptions(SoftHsmToken::kModule, SoftHsmToken::get().serial, "1234", "2", "2"),
                                  hostOptions(SoftHsmToken::kModule, SoftHsmToken::get().serial, "1234", "0", "2 "),
                                  hostOptions(std::string(5'000, 'x'), "serial", "1234", "0", "2")};
  Bytes endless = whole;
  for (size_t i = 0; i < 4; i++) endless[i] = 0xff;
  malformed.push_back(endless);
  for (const Bytes& input : malformed) {
    REQUIRE(refusalOf(input).message == "the options on standard input are cut off or malformed");
  }
}

TEST_CASE("a host process attaches to no ring of another parent, and to nothing that is no ring", "[host][token]") {
  RingFixture foreign;
  foreign.memory->header().ownerPid = 1;
  REQUIRE(exitOf(spawnBeside(foreign, "hsm_host", {}, optionsFor(2))) == 1);
  REQUIRE(foreign.ring->hostStatus().state == HostState::starting);
  RingFixture broken;
  broken.memory->header().magic = 0;
  REQUIRE(exitOf(spawnBeside(broken, "hsm_host", {}, optionsFor(2))) == 1);
}

TEST_CASE("a host process that dies in the library leaves its request as unknown", "[host][token]") {
  const std::string control = SoftHsmToken::get().directory + "/host-control";
  std::ofstream(control) << "C_GenerateRandom 3 abort\n";
  setenv("FAULT_MODULE_CONTROL", control.c_str(), 1);
  RingFixture under({.lanes = 1, .slots = 8, .arenaBlocks = 0});
  const pid_t host = spawnBeside(under, "hsm_host", {},
                                 hostOptions(besideThis("fault_module.so"), SoftHsmToken::get().serial, SoftHsmToken::kPin, "0", "1"));
  requireReady(under, host);
  for (uint32_t id = 1; id <= 5; id++) REQUIRE(under.submit({.operation = Operation::random, .requestId = id, .capacity = 8}));
  REQUIRE(exitOf(host) == -SIGABRT);
  under.ring->abandon();
  const auto completions = under.drain();
  REQUIRE(completions.size() == 5);
  for (const Completion& completion : completions) {
    INFO("request " << completion.requestId);
    const Outcome expected = completion.requestId < 3 ? Outcome::done : Outcome::notStarted;
    REQUIRE(completion.outcome == (completion.requestId == 3 ? Outcome::unknown : expected));
  }
}
