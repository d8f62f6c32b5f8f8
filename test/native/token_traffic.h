// Mixed work for the lanes of a host over a real token, in which every answer is checked by a second operation on it.
#ifndef STRONGROOM_TEST_TOKEN_TRAFFIC_H_
#define STRONGROOM_TEST_TOKEN_TRAFFIC_H_

#include <cstdint>

#include "ring_fixture.h"

namespace strongroom::test {

/// One request through the ring, waited for.
Completion call(RingFixture& under, Record record);

/// Does so many pairs of operations, many at once, and requires that each comes back once and right. With `large` some are too
/// long for a slot.
void requireRightTraffic(RingFixture& under, uint32_t pairs, bool large);

}  // namespace strongroom::test

#endif  // STRONGROOM_TEST_TOKEN_TRAFFIC_H_
