#include "ring.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <numeric>
#include <thread>

#include "ring_fixture.h"

using namespace strongroom;
using namespace strongroom::test;

namespace {

SlotState stateOf(RingFixture& under, uint32_t slot) {
  return static_cast<SlotState>(under.memory->slot(slot).state.load());
}

size_t slotsIn(RingFixture& under, SlotState state) {
  size_t count = 0;
  for (uint32_t slot = 0; slot < under.memory->layout().slots; slot++) count += stateOf(under, slot) == state;
  return count;
}

Record requestOf(uint32_t requestId, size_t inputLength = 32) {
  return {.requestId = requestId, .input = Bytes(inputLength, static_cast<uint8_t>(requestId))};
}

void answerNext(LanePort& port, const Bytes& bytes) {
  Request request;
  REQUIRE(port.next(request));
  port.complete({.length = static_cast<uint32_t>(bytes.size()), .bytes = bytes});
}

}  // namespace

TEST_CASE("a request goes through free, submitted, claimed, done and free, and arrives whole both ways", "[ring]") {
  RingFixture under;
  LanePort port(under.memory, 0);
  REQUIRE(slotsIn(under, SlotState::free) == 8);
  const Record sent{.operation = Operation::wrap, .parameterKind = ParameterKind::raw, .requestId = 0xdeadbeef,
                    .capacity = 64, .mechanism = 0x2109, .object = 0x1122334455667788, .object2 = 7,
                    .parameter = bytesOf("iv!"), .input = bytesOf("input"), .input2 = bytesOf("second input"),
                    .attributes = Bytes(16, 1), .attributes2 = Bytes(24, 2)};
  REQUIRE(under.submit(sent));
  REQUIRE(slotsIn(under, SlotState::submitted) == 1);
  REQUIRE(under.ring->inFlight() == 1);

  Request got;
  REQUIRE(port.next(got));
  REQUIRE(slotsIn(under, SlotState::claimed) == 1);
  REQUIRE(got.operation() == Operation::wrap);
  REQUIRE(got.parameterKind() == ParameterKind::raw);
  REQUIRE(got.header.requestId == 0xdeadbeef);
  REQUIRE(got.header.capacity == 64);
  REQUIRE(got.header.mechanism == 0x2109);
  REQUIRE(got.header.object == 0x1122334455667788);
  REQUIRE(got.header.object2 == 7);
  REQUIRE(Bytes(got.parameter.begin(), got.parameter.end()) == sent.parameter);
  REQUIRE(Bytes(got.input.begin(), got.input.end()) == sent.input);
  REQUIRE(Bytes(got.input2.begin(), got.input2.end()) == sent.input2);
  REQUIRE(Bytes(got.attributes.begin(), got.attributes.end()) == sent.attributes);
  REQUIRE(Bytes(got.attributes2.begin(), got.attributes2.end()) == sent.attributes2);

  const Bytes wrapped = bytesOf("the answer of the token");
  port.complete({.function = 5, .returnValue = 0x30, .length = static_cast<uint32_t>(wrapped.size()), .bytes = wrapped});
  REQUIRE(slotsIn(under, SlotState::done) == 1);
  const auto answers = under.drain();
  REQUIRE(answers.size() == 1);
  REQUIRE(answers[0].requestId == 0xdeadbeef);
  REQUIRE(answers[0].outcome == Outcome::done);
  REQUIRE(answers[0].function == 5);
  REQUIRE(answers[0].returnValue == 0x30);
  REQUIRE(answers[0].answerLength == wrapped.size());
  REQUIRE(answers[0].bytes == wrapped);
  REQUIRE(slotsIn(under, SlotState::free) == 8);
  REQUIRE(under.ring->inFlight() == 0);
  REQUIRE(under.drain().empty());
}

TEST_CASE("secrets are zeroised in staging at submit, in the slot at completion, and the answer at drain", "[ring]") {
  RingFixture under;
  LanePort port(under.memory, 0);
  const Bytes secret = bytesOf("a secret of the caller");
  const Bytes plain = bytesOf("a secret of the token");
  for (const size_t filling : {size_t{0}, size_t{20'000}}) {
    Record record{.operation = Operation::decrypt, .parameter = secret, .input = secret};
    record.input.resize(secret.size() + filling);
    record.input.insert(record.input.end(), secret.begin(), secret.end());
    Bytes staging = record.bytes();
    REQUIRE(under.submit(staging) == staging.size());
    REQUIRE(std::all_of(staging.begin(), staging.end(), [](uint8_t byte) { return byte == 0; }));
    REQUIRE(under.holds(secret));
    answerNext(port, plain);
    REQUIRE_FALSE(under.holds(secret));
    REQUIRE(under.holds(plain));
    REQUIRE(under.drain().size() == 1);
    REQUIRE_FALSE(under.holds(plain));
    REQUIRE(under.payloadsAreZero());
  }
}

TEST_CASE("a full ring takes what fits, in order, and leaves the rest in staging as it was", "[ring]") {
  RingFixture under({.lanes = 1, .slots = 4, .arenaBlocks = 0});
  LanePort port(under.memory, 0);
  Bytes staging;
  for (uint32_t id = 1; id <= 6; id++) requestOf(id).appendTo(staging);
  const size_t recordLength = staging.size() / 6;
  const Bytes rest(staging.begin() + static_cast<ptrdiff_t>(4 * recordLength), staging.end());
  REQUIRE(under.submit(staging) == 4 * recordLength);
  REQUIRE(Bytes(staging.begin() + static_cast<ptrdiff_t>(4 * recordLength), staging.end()) == rest);
  Bytes again = rest;
  REQUIRE(under.submit(again) == 0);

  answerNext(port, bytesOf("1"));
  answerNext(port, bytesOf("2"));
  REQUIRE(under.submit(again) == 0);  // Done is not free: the owner has not taken the answers yet.
  const auto first = under.drain();
  REQUIRE(first.size() == 2);
  REQUIRE(first[0].requestId == 1);
  REQUIRE(first[1].requestId == 2);
  REQUIRE(under.submit(again) == 2 * recordLength);
  for (uint32_t id = 3; id <= 6; id++) answerNext(port, Bytes(1, static_cast<uint8_t>(id)));
  const auto second = under.drain();
  REQUIRE(second.size() == 4);
  for (uint32_t i = 0; i < 4; i++) {
    REQUIRE(second[i].requestId == 3 + i);
    REQUIRE(second[i].bytes == Bytes(1, static_cast<uint8_t>(3 + i)));
  }
}

TEST_CASE("a ring of 2 slots works through 5,000 requests", "[ring]") {
  RingFixture under({.lanes = 1, .slots = 2, .arenaBlocks = 1});
  LanePort port(under.memory, 0);
  for (uint32_t id = 0; id < 5'000; id++) {
    Record record = requestOf(id, id % 7 == 0 ? 3'000 : 20);
    record.capacity = id % 11 == 0 ? 2'500 : 16;
    REQUIRE(under.submit(record));
    Request request;
    REQUIRE(port.next(request));
    REQUIRE(request.header.requestId == id);
    const Bytes answer(id % 11 == 0 ? 2'500 : 3, static_cast<uint8_t>(id));
    port.complete({.length = static_cast<uint32_t>(answer.size()), .bytes = answer});
    const auto answers = under.drain();
    REQUIRE(answers.size() == 1);
    REQUIRE(answers[0].requestId == id);
    REQUIRE(answers[0].bytes == answer);
  }
}

TEST_CASE("large requests and large answers take blocks of the arena, wait when there are none, and give them back", "[ring]") {
  RingFixture under;
  LanePort port(under.memory, 0);
  Record large = requestOf(1, 65'000);
  large.capacity = 65'536;
  REQUIRE(under.submit(large));
  Record longAnswer = requestOf(2, 16);
  longAnswer.capacity = 10'000;
  REQUIRE(under.submit(longAnswer));
  REQUIRE_FALSE(under.submit(requestOf(3, 4'000)));
  REQUIRE(under.submit(requestOf(4, 1'000)));

  Request request;
  REQUIRE(port.next(request));
  REQUIRE(request.header.requestId == 1);
  REQUIRE(Bytes(request.input.begin(), request.input.end()) == large.input);
  Bytes answer(65'536);
  std::iota(answer.begin(), answer.end(), uint8_t{0});
  port.complete({.length = 65'536, .bytes = answer});
  REQUIRE_FALSE(under.submit(requestOf(3, 4'000)));
  REQUIRE(under.drain().at(0).bytes == answer);
  REQUIRE(under.submit(requestOf(3, 4'000)));
  const Bytes tenThousand(10'000, 0x77);
  answerNext(port, tenThousand);
  answerNext(port, bytesOf("four"));
  answerNext(port, bytesOf("three"));
  const auto answers = under.drain();
  REQUIRE(answers.size() == 3);
  REQUIRE(answers[0].bytes == tenThousand);
  REQUIRE(answers[1].requestId == 4);
  REQUIRE(answers[2].requestId == 3);
  REQUIRE(under.payloadsAreZero());
}

TEST_CASE("a large request at the front keeps those behind it waiting, so that order is kept", "[ring]") {
  RingFixture under({.lanes = 1, .slots = 8, .arenaBlocks = 1});
  REQUIRE(under.submit(requestOf(1, 4'000)));
  Bytes staging;
  requestOf(2, 16).appendTo(staging);
  const size_t small = staging.size();
  requestOf(3, 4'000).appendTo(staging);
  requestOf(4, 16).appendTo(staging);
  REQUIRE(under.submit(staging) == small);
}

TEST_CASE("an expired request never reaches a lane, and is answered as expired", "[ring]") {
  RingFixture under;
  LanePort port(under.memory, 0);
  Record late = requestOf(1);
  late.timeoutMs = 1;
  REQUIRE(under.submit(late));
  Record inTime = requestOf(2);
  inTime.timeoutMs = 60'000;
  REQUIRE(under.submit(inTime));
  REQUIRE(under.submit(requestOf(3)));
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  Request request;
  REQUIRE(port.next(request));
  REQUIRE(request.header.requestId == 2);
  port.complete({});
  answerNext(port, {});
  const auto answers = under.drain();
  REQUIRE(answers.size() == 3);
  REQUIRE(answers[0].requestId == 1);
  REQUIRE(answers[0].outcome == Outcome::expired);
  REQUIRE(answers[0].answerLength == 0);
  REQUIRE(answers[1].outcome == Outcome::done);
  REQUIRE(answers[2].requestId == 3);
  REQUIRE(under.payloadsAreZero());
}

TEST_CASE("a length without bytes tells what would have been needed", "[ring]") {
  RingFixture under;
  LanePort port(under.memory, 0);
  REQUIRE(under.submit(requestOf(1)));
  Request request;
  REQUIRE(port.next(request));
  port.complete({.function = 9, .returnValue = 0x150, .length = 70'000, .bytes = {}});
  const auto answers = under.drain();
  REQUIRE(answers.size() == 1);
  REQUIRE(answers[0].returnValue == 0x150);
  REQUIRE(answers[0].answerLength == 70'000);
  REQUIRE(answers[0].bytes.empty());
}

TEST_CASE("an answer longer than the place that its request took is not cut, but refused with its length", "[ring]") {
  RingFixture under;
  LanePort port(under.memory, 0);
  REQUIRE(under.submit(requestOf(1)));
  answerNext(port, Bytes(kInlineBytes + 1, 1));
  const auto answers = under.drain();
  REQUIRE(answers.size() == 1);
  REQUIRE(answers[0].returnValue == 0x150);
  REQUIRE(answers[0].answerLength == kInlineBytes + 1);
  REQUIRE(answers[0].bytes.empty());
}

TEST_CASE("drain writes whole records alone, no more than asked for, and says how long the next one is", "[ring]") {
  RingFixture under;
  LanePort port(under.memory, 0);
  REQUIRE(under.ring->nextRecordLength() == 0);
  for (uint32_t id = 1; id <= 4; id++) REQUIRE(under.submit(requestOf(id)));
  for (uint32_t id = 1; id <= 4; id++) answerNext(port, Bytes(100, static_cast<uint8_t>(id)));
  const size_t recordLength = sizeof(CompletionHeader) + 104;
  REQUIRE(under.ring->nextRecordLength() == recordLength);
  Bytes buffer(4 * recordLength);
  REQUIRE(under.ring->drain({buffer.data(), recordLength - 1}, 10) == 0);
  REQUIRE(under.ring->drain({buffer.data(), 2 * recordLength + 5}, 10) == 2 * recordLength);
  REQUIRE(completionsIn({buffer.data(), 2 * recordLength}).at(1).requestId == 2);
  REQUIRE(under.ring->drain(buffer, 1) == recordLength);
  REQUIRE(completionsIn({buffer.data(), recordLength}).at(0).requestId == 3);
  REQUIRE(under.ring->inFlight() == 1);
  REQUIRE(under.drain().at(0).requestId == 4);
}

TEST_CASE("the doorbell rings for the first completion and again after it was acknowledged", "[ring]") {
  RingFixture under;
  LanePort port(under.memory, 0);
  REQUIRE_FALSE(readable(under.doorbell->fd()));
  for (uint32_t round = 0; round < 3; round++) {
    REQUIRE(under.submit(requestOf(round)));
    answerNext(port, {});
    REQUIRE(readable(under.doorbell->fd()));
    under.doorbell->clear();
    under.ring->acknowledge();
    REQUIRE_FALSE(readable(under.doorbell->fd()));
    REQUIRE(under.drain().size() == 1);
  }
}

TEST_CASE("a lane calls for a completion that has waited, unless the owner has taken it already", "[ring]") {
  const bool taken = GENERATE(false, true);
  RingFixture under;
  LanePort port(under.memory, 0);
  for (uint32_t id = 0; id < 3; id++) REQUIRE(under.submit(requestOf(id)));
  answerNext(port, {});
  REQUIRE_FALSE(readable(under.doorbell->fd()));
  if (taken) REQUIRE(under.drain().size() == 1);
  std::this_thread::sleep_for(std::chrono::nanoseconds(2 * kLongestSignalIntervalNs));
  Request request;
  REQUIRE(port.next(request));
  REQUIRE(readable(under.doorbell->fd()) != taken);
}

TEST_CASE("a lane shows since when it is at what, nothing while it is idle, and does not count a pause", "[ring]") {
  RingFixture under;
  LanePort port(under.memory, 1);
  REQUIRE(under.ring->laneStatus(1).busyMs < 0);
  REQUIRE(under.submit({.operation = Operation::generateKeyPair, .requestId = 77}));
  Request request;
  const uint64_t beforeNs = monotonicNs();
  REQUIRE(port.next(request));
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  const LaneStatus busy = under.ring->laneStatus(1);
  REQUIRE(busy.busyMs >= 3);
  REQUIRE(busy.busyMs <= static_cast<double>(monotonicNs() - beforeNs) / 1e6);
  REQUIRE(busy.operation == static_cast<uint32_t>(Operation::generateKeyPair));
  REQUIRE(busy.requestId == 77);
  REQUIRE(under.ring->laneStatus(0).busyMs < 0);
  port.pauseClock();
  const uint64_t pausedNs = monotonicNs();
  REQUIRE(under.ring->laneStatus(1).busyMs < 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const uint64_t resumedNs = monotonicNs();
  port.resumeClock();
  REQUIRE(under.ring->laneStatus(1).busyMs >= 0);
  port.complete({});
  REQUIRE(under.ring->laneStatus(1).busyMs < 0);
  const uint64_t countedUs = (monotonicNs() - beforeNs - (resumedNs - pausedNs)) / 1'000;
  const auto answers = under.drain();
  REQUIRE(answers.at(0).serviceTimeUs >= 3'000);
  REQUIRE(answers.at(0).serviceTimeUs <= countedUs);
}

TEST_CASE("a lane asleep wakes for a request and for the end", "[ring]") {
  RingFixture under;
  std::atomic<uint32_t> served{0};
  std::thread lane([&] {
    LanePort port(under.memory, 0);
    Request request;
    while (port.next(request)) {
      served.fetch_add(1);
      port.complete({});
    }
  });
  for (uint32_t id = 0; id < 20; id++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    REQUIRE(under.submit(requestOf(id)));
    while (under.drain().empty()) std::this_thread::yield();
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  under.memory->requestStop();
  lane.join();
  REQUIRE(served.load() == 20);
}

TEST_CASE("the state of the host crosses with its reason, cut to what fits", "[ring]") {
  RingFixture under;
  REQUIRE(under.ring->hostStatus().state == HostState::starting);
  under.memory->publishState(HostState::failed, 3, 0xa0, "C_Login returned CKR_PIN_INCORRECT");
  REQUIRE(readable(under.doorbell->fd()));
  HostStatus status = under.ring->hostStatus();
  REQUIRE(status.state == HostState::failed);
  REQUIRE(status.function == 3);
  REQUIRE(status.returnValue == 0xa0);
  REQUIRE(status.message == "C_Login returned CKR_PIN_INCORRECT");
  under.memory->publishState(HostState::failed, 0, 0, std::string(1'000, 'x'));
  status = under.ring->hostStatus();
  REQUIRE(status.message == std::string(sizeof(RingHeader::hostMessage) - 1, 'x'));
}

TEST_CASE("malformed staging is refused with a reason, wherever in it the fault is", "[ring]") {
  Bytes sound;
  requestOf(1).appendTo(sound);
  requestOf(2, 5).appendTo(sound);
  REQUIRE(Ring::stagingProblem(sound) == nullptr);
  REQUIRE(Ring::stagingProblem({}) == nullptr);
  const auto patched = [&](size_t offset, uint32_t value) {
    Bytes bytes = sound;
    memcpy(bytes.data() + sound.size() - requestOf(2, 5).bytes().size() + offset, &value, sizeof value);
    return bytes;
  };
  for (const size_t length : {size_t{1}, size_t{63}, sound.size() - 1, sound.size() - 8}) {
    REQUIRE(Ring::stagingProblem({sound.data(), length}) != nullptr);
  }
  REQUIRE(Ring::stagingProblem(patched(0, 0)) != nullptr);
  REQUIRE(Ring::stagingProblem(patched(0, 64)) != nullptr);
  REQUIRE(Ring::stagingProblem(patched(0, 0xffff'fff8)) != nullptr);
  REQUIRE(Ring::stagingProblem(patched(4, 0)) != nullptr);
  REQUIRE(Ring::stagingProblem(patched(4, 23)) != nullptr);
  REQUIRE(Ring::stagingProblem(patched(4, 1 | 9 << 16)) != nullptr);
  REQUIRE(Ring::stagingProblem(patched(16, kBlockBytes + 1)) != nullptr);
  for (size_t offset = 40; offset < 60; offset += 4) {
    REQUIRE(Ring::stagingProblem(patched(offset, 0xffff'fffc)) != nullptr);
    REQUIRE(Ring::stagingProblem(patched(offset, 4'000)) != nullptr);
  }
}
