#include <catch2/catch.hpp>
#include <cstring>
#include <map>

#include "ring_fixture.h"

using namespace strongroom;
using namespace strongroom::test;

namespace {

std::map<uint32_t, Completion> byRequestId(const std::vector<Completion>& answers) {
  std::map<uint32_t, Completion> ordered;
  for (const Completion& answer : answers) REQUIRE(ordered.emplace(answer.requestId, answer).second);
  return ordered;
}

Record requestOf(uint32_t requestId) { return {.requestId = requestId, .input = bytesOf("secret of a caller")}; }

}  // namespace

TEST_CASE("of a host that is gone, what was done is delivered, what was claimed is unknown, the rest was not started", "[ring]") {
  RingFixture under;
  LanePort first(under.memory, 0);
  LanePort second(under.memory, 1);
  for (uint32_t id = 1; id <= 5; id++) REQUIRE(under.submit(requestOf(id)));
  Request request;
  Request stuck;
  REQUIRE(first.next(request));
  REQUIRE(second.next(stuck));
  first.complete({.length = 4, .bytes = bytesOf("done")});
  REQUIRE(first.next(request));
  first.complete({.function = 7, .returnValue = 0x82, .length = 0, .bytes = {}});

  under.ring->abandon();
  under.ring->abandon();
  REQUIRE_FALSE(under.submit(requestOf(6)));
  const auto answers = byRequestId(under.drain());
  REQUIRE(answers.size() == 5);
  REQUIRE(answers.at(1).outcome == Outcome::done);
  REQUIRE(answers.at(1).bytes == bytesOf("done"));
  REQUIRE(answers.at(2).outcome == Outcome::unknown);
  REQUIRE(answers.at(3).outcome == Outcome::done);
  REQUIRE(answers.at(3).returnValue == 0x82);
  REQUIRE(answers.at(4).outcome == Outcome::notStarted);
  REQUIRE(answers.at(5).outcome == Outcome::notStarted);
  REQUIRE(under.ring->inFlight() == 0);
  REQUIRE(under.drain().empty());
}

TEST_CASE("a lane that comes back after its ring was abandoned changes nothing and finds nothing to do", "[ring]") {
  RingFixture under;
  LanePort late(under.memory, 0);
  REQUIRE(under.submit(requestOf(1)));
  REQUIRE(under.submit(requestOf(2)));
  Request request;
  REQUIRE(late.next(request));
  under.ring->abandon();
  const auto answers = byRequestId(under.drain());
  REQUIRE(answers.at(1).outcome == Outcome::unknown);
  REQUIRE(answers.at(2).outcome == Outcome::notStarted);
  late.complete({.length = 4, .bytes = bytesOf("late")});
  REQUIRE(under.drain().empty());
  REQUIRE_FALSE(under.submit(requestOf(3)));
  under.memory->requestStop();
  REQUIRE_FALSE(late.next(request));
}

TEST_CASE("abandoning an idle ring leaves nothing to drain", "[ring]") {
  RingFixture under;
  under.ring->abandon();
  REQUIRE(under.drain().empty());
  REQUIRE(under.ring->inFlight() == 0);
}

TEST_CASE("nothing that a broken host writes is believed", "[ring]") {
  RingFixture under;
  LanePort port(under.memory, 0);
  IndexQueue& completions = under.memory->completions();

  SECTION("a completion of a slot that does not exist") {
    REQUIRE(completions.push(0xffff'ffff));
    REQUIRE(completions.push(8));
    REQUIRE(under.drain().empty());
  }
  SECTION("a completion of a slot that was not given out") {
    REQUIRE(completions.push(3));
    REQUIRE(under.drain().empty());
  }
  SECTION("a completion given twice") {
    REQUIRE(under.submit(requestOf(1)));
    Request request;
    REQUIRE(port.next(request));
    port.complete({});
    for (uint32_t slot = 0; slot < 4; slot++) {
      if (under.memory->slot(slot).state.load() == static_cast<uint32_t>(SlotState::done)) REQUIRE(completions.push(slot));
    }
    REQUIRE(under.drain().size() == 1);
    REQUIRE(under.ring->inFlight() == 0);
  }
  SECTION("an answer of an impossible length") {
    REQUIRE(under.submit(requestOf(1)));
    Request request;
    REQUIRE(port.next(request));
    port.complete({.length = 4, .bytes = bytesOf("four")});
    for (uint32_t slot = 0; slot < 8; slot++) {
      if (under.memory->slot(slot).state.load() == static_cast<uint32_t>(SlotState::done)) {
        under.memory->slot(slot).answerLength = 0xffff'fff0;
        under.memory->slot(slot).block = 0x7fff'ffff;
        under.memory->slot(slot).request.requestId = 99;
      }
    }
    const auto answers = under.drain();
    REQUIRE(answers.size() == 1);
    REQUIRE(answers[0].requestId == 1);
    REQUIRE(answers[0].bytes.size() <= kInlineBytes);
  }
  SECTION("a message without an end") {
    memset(under.memory->header().hostMessage, 'x', sizeof(RingHeader::hostMessage));
    under.memory->header().hostState.store(2);
    REQUIRE(under.ring->hostStatus().message.size() <= sizeof(RingHeader::hostMessage));
  }
  // Whatever it was, the ring goes on with those slots that are sound.
  const size_t before = under.ring->inFlight();
  REQUIRE(under.submit(requestOf(50)));
  Request request;
  REQUIRE(port.next(request));
  port.complete({.length = 2, .bytes = bytesOf("ok")});
  const auto answers = under.drain();
  REQUIRE(answers.size() == 1);
  REQUIRE(answers[0].requestId == 50);
  REQUIRE(answers[0].bytes == bytesOf("ok"));
  REQUIRE(under.ring->inFlight() == before);
}
