#include "index_queue.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdint>
#include <thread>
#include <vector>

using strongroom::IndexQueue;
using strongroom::QueueCell;

namespace {

constexpr uint32_t kCapacity = 8;

/// A queue over cells of its own, with its positions anywhere, so that a test need not push 2^32 times to see them wrap.
struct QueueUnderTest {
  explicit QueueUnderTest(uint32_t start = 0) : cells(kCapacity), queue(cells.data(), kCapacity, tail, head) {
    queue.reset();
    tail.store(start);
    head.store(start);
    for (uint32_t i = 0; i < kCapacity; i++) cells[(start + i) % kCapacity].sequence.store(start + i);
  }

  std::vector<QueueCell> cells;
  std::atomic<uint32_t> tail{0};
  std::atomic<uint32_t> head{0};
  IndexQueue queue;
};

}  // namespace

TEST_CASE("an index queue gives back in order what was pushed", "[index_queue]") {
  QueueUnderTest under;
  uint32_t index = 0;
  REQUIRE(under.queue.empty());
  REQUIRE_FALSE(under.queue.pop(index));
  REQUIRE_FALSE(under.queue.peek(index));
  REQUIRE(under.queue.size() == 0);
  for (uint32_t i = 0; i < kCapacity; i++) REQUIRE(under.queue.push(100 + i));
  REQUIRE_FALSE(under.queue.empty());
  REQUIRE(under.queue.size() == kCapacity);
  for (uint32_t i = 0; i < kCapacity; i++) {
    REQUIRE(under.queue.peek(index));
    REQUIRE(index == 100 + i);
    index = 0;
    REQUIRE(under.queue.pop(index));
    REQUIRE(index == 100 + i);
  }
  REQUIRE(under.queue.empty());
}

TEST_CASE("a full index queue refuses, and takes again when one was popped", "[index_queue]") {
  QueueUnderTest under;
  uint32_t index = 0;
  for (uint32_t i = 0; i < kCapacity; i++) REQUIRE(under.queue.push(i));
  REQUIRE_FALSE(under.queue.push(99));
  REQUIRE(under.queue.pop(index));
  REQUIRE(index == 0);
  REQUIRE(under.queue.push(8));
  REQUIRE_FALSE(under.queue.push(99));
  for (uint32_t i = 1; i <= kCapacity; i++) {
    REQUIRE(under.queue.pop(index));
    REQUIRE(index == i);
  }
}

TEST_CASE("an index queue outlives the wrap of its 32-bit positions", "[index_queue]") {
  QueueUnderTest under(0xffff'fffd);
  uint32_t index = 0;
  for (uint32_t round = 0; round < 100; round++) {
    for (uint32_t i = 0; i < kCapacity; i++) REQUIRE(under.queue.push(round * kCapacity + i));
    REQUIRE_FALSE(under.queue.push(99));
    for (uint32_t i = 0; i < kCapacity; i++) {
      REQUIRE(under.queue.pop(index));
      REQUIRE(index == round * kCapacity + i);
    }
    REQUIRE_FALSE(under.queue.pop(index));
  }
}

TEST_CASE("an index queue between 4 producers and 4 consumers loses and doubles nothing", "[index_queue]") {
  constexpr uint32_t kProducers = 4;
  constexpr uint32_t kConsumers = 4;
  constexpr uint32_t kEach = 50'000;
  QueueUnderTest under(0xffff'0000);
  std::vector<std::atomic<uint8_t>> seen(kProducers * kEach);
  std::atomic<uint32_t> popped{0};
  std::vector<std::thread> threads;
  for (uint32_t producer = 0; producer < kProducers; producer++) {
    threads.emplace_back([&, producer] {
      for (uint32_t i = 0; i < kEach; i++) {
        while (!under.queue.push(producer * kEach + i)) std::this_thread::yield();
      }
    });
  }
  for (uint32_t consumer = 0; consumer < kConsumers; consumer++) {
    threads.emplace_back([&] {
      uint32_t index = 0;
      while (popped.load() < kProducers * kEach) {
        if (under.queue.pop(index)) {
          seen[index].fetch_add(1);
          popped.fetch_add(1);
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  uint32_t wrong = 0;
  for (const auto& count : seen) wrong += count.load() != 1;
  REQUIRE(wrong == 0);
  REQUIRE(under.queue.empty());
}
