#include <catch2/catch.hpp>

#include "cryptoki.h"
#include "ring_fixture.h"

using namespace strongroom;
using namespace strongroom::test;

TEST_CASE("the lane that the token refuses a session leaves, but for the last", "[ring]") {
  RingFixture under({.lanes = 2, .slots = 8, .arenaBlocks = 0});
  under.memory->header().openLanes.store(2);
  LanePort first(under.memory, 0);
  LanePort second(under.memory, 1);
  REQUIRE(first.giveUp(CKR_SESSION_COUNT));
  REQUIRE(under.ring->laneCount().open == 1);
  REQUIRE(under.ring->laneCount().refusal == CKR_SESSION_COUNT);
  REQUIRE_FALSE(second.giveUp(CKR_SESSION_COUNT));
  REQUIRE(under.ring->laneCount().open == 1);
}

TEST_CASE("of too many lanes only those end that are too many", "[ring]") {
  RingFixture under({.lanes = 3, .slots = 8, .arenaBlocks = 0});
  under.memory->header().openLanes.store(3);
  under.memory->orderLanes(2);
  LanePort goes(under.memory, 0);
  LanePort stays(under.memory, 1);
  REQUIRE(under.submit({.requestId = 5}));
  Request request;
  REQUIRE_FALSE(goes.next(request));
  REQUIRE(stays.next(request));
  REQUIRE(request.header.requestId == 5);
  REQUIRE(under.ring->laneCount().taken == 1);
}

TEST_CASE("an order for no lanes or for more than there can be is one for the next that is possible", "[ring]") {
  RingFixture under({.lanes = 3, .slots = 8, .arenaBlocks = 0});
  under.memory->orderLanes(0);
  REQUIRE(under.memory->wantedLanes() == 1);
  under.memory->orderLanes(100);
  REQUIRE(under.memory->wantedLanes() == 3);
}
