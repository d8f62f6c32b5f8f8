#include "ring_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>

#include "ring_fixture.h"

using namespace strongroom;
using namespace strongroom::test;

namespace {

/// What `attach` has against the memory behind a descriptor, which it takes over; empty when it takes it.
std::string attachError(int fd) {
  std::string error;
  const auto memory = RingMemory::attach(fd, DoorbellFd::create(), error);
  REQUIRE((memory == nullptr) == !error.empty());
  return error;
}

int memoryOf(size_t bytes) {
  const int fd = memfd_create("not-a-ring", MFD_CLOEXEC);
  REQUIRE(ftruncate(fd, static_cast<off_t>(bytes)) == 0);
  return fd;
}

std::string creationError(const RingOptions& options) {
  std::string error;
  const auto memory = RingMemory::create(options, DoorbellFd::create(), error);
  REQUIRE((memory == nullptr) == !error.empty());
  return error;
}

}  // namespace

TEST_CASE("a host attaches to the memory of a ring and both see the same", "[ring_memory]") {
  RingFixture under;
  std::string error;
  const auto attached = RingMemory::attach(dup(under.memory->memoryFd()), DoorbellFd::create(), error);
  REQUIRE(attached != nullptr);
  REQUIRE(attached->lanes() == 2);
  REQUIRE(attached->layout().slots == 8);
  REQUIRE(attached->layout().arenaBlocks == 2);
  REQUIRE(under.submit({.requestId = 5, .input = bytesOf("over the border")}));
  LanePort port(attached, 1);
  Request request;
  REQUIRE(port.next(request));
  REQUIRE(Bytes(request.input.begin(), request.input.end()) == bytesOf("over the border"));
  const Bytes answer = bytesOf("and back");
  port.complete({.length = 8, .bytes = answer});
  REQUIRE(under.drain().at(0).bytes == answer);
}

TEST_CASE("memory that is no ring, or none of this version and size, is not attached", "[ring_memory]") {
  REQUIRE_FALSE(attachError(memoryOf(0)).empty());
  REQUIRE_FALSE(attachError(memoryOf(100)).empty());
  REQUIRE_FALSE(attachError(memoryOf(1 << 20)).empty());
  int pipeEnds[2];
  REQUIRE(pipe2(pipeEnds, O_CLOEXEC) == 0);
  REQUIRE_FALSE(attachError(pipeEnds[0]).empty());
  close(pipeEnds[1]);
  REQUIRE_FALSE(attachError(-1).empty());

  const std::function<void(RingHeader&)> faults[] = {
      [](RingHeader& header) { header.magic ^= 1; },
      [](RingHeader& header) { header.version++; },
      [](RingHeader& header) { header.lanes = 0; },
      [](RingHeader& header) { header.lanes = kMaxLanes + 1; },
      [](RingHeader& header) { header.slots = 0; },
      [](RingHeader& header) { header.slots = 7; },
      [](RingHeader& header) { header.slots = 16; },
      [](RingHeader& header) { header.slots = 1U << 31; },
      [](RingHeader& header) { header.slotBytes = 1024; },
      [](RingHeader& header) { header.arenaBlocks++; },
      [](RingHeader& header) { header.arenaBlocks = 0xffff'ffff; },
      [](RingHeader& header) { header.blockBytes = 0; },
      [](RingHeader& header) { header.totalBytes--; },
  };
  for (const auto& fault : faults) {
    RingFixture under;
    fault(under.memory->header());
    REQUIRE_FALSE(attachError(dup(under.memory->memoryFd())).empty());
  }
  RingFixture sound;
  REQUIRE(attachError(dup(sound.memory->memoryFd())).empty());
}

TEST_CASE("the memory of a ring can neither shrink nor grow under its users", "[ring_memory]") {
  RingFixture under;
  REQUIRE(ftruncate(under.memory->memoryFd(), 4096) != 0);
  REQUIRE(ftruncate(under.memory->memoryFd(), 1 << 30) != 0);
}

TEST_CASE("the memory of a ring is zeroised when its owner lets it go after the host died", "[ring_memory]") {
  const Bytes secret = bytesOf("left by a host that was killed");
  uint8_t* other = nullptr;
  size_t bytes = 0;
  {
    RingFixture under;
    bytes = under.memory->layout().totalBytes();
    other = static_cast<uint8_t*>(mmap(nullptr, bytes, PROT_READ, MAP_SHARED, under.memory->memoryFd(), 0));
    REQUIRE(other != MAP_FAILED);
    REQUIRE(under.submit({.input = secret}));
    REQUIRE(under.holds(secret));
    LanePort killed(under.memory, 0);
    Request request;
    REQUIRE(killed.next(request));
    under.ring->abandon();
    REQUIRE(under.holds(secret));
  }
  REQUIRE(std::search(other, other + bytes, secret.begin(), secret.end()) == other + bytes);
  munmap(other, bytes);
}

TEST_CASE("a ring with impossible options is not made", "[ring_memory]") {
  REQUIRE(creationError({.lanes = 1, .slots = 2, .arenaBlocks = 0}).empty());
  REQUIRE_FALSE(creationError({.lanes = 0, .slots = 8, .arenaBlocks = 0}).empty());
  REQUIRE_FALSE(creationError({.lanes = kMaxLanes + 1, .slots = 8, .arenaBlocks = 0}).empty());
  REQUIRE_FALSE(creationError({.lanes = 1, .slots = 0, .arenaBlocks = 0}).empty());
  REQUIRE_FALSE(creationError({.lanes = 1, .slots = 1, .arenaBlocks = 0}).empty());
  REQUIRE_FALSE(creationError({.lanes = 1, .slots = 12, .arenaBlocks = 0}).empty());
  REQUIRE_FALSE(creationError({.lanes = 1, .slots = kMaxSlots * 2, .arenaBlocks = 0}).empty());
  REQUIRE_FALSE(creationError({.lanes = 1, .slots = 8, .arenaBlocks = kMaxArenaBlocks + 1}).empty());
}
