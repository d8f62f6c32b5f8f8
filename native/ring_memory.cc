#include "ring_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <climits>

namespace strongroom {

namespace {

uint8_t* mapShared(int fd, size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<uint8_t*>(memory);
}

std::string systemError(const char* call) { return std::string(call) + ": " + strerror(errno); }

/// Reads and checks the sizes that a foreign ring claims.
const char* headerProblem(const RingHeader& header, size_t fileBytes) {
  if (header.magic != kRingMagic || header.version != kRingVersion) return "the memory is not a ring of this version";
  if (header.slotBytes != kSlotBytes || header.blockBytes != kBlockBytes) return "the ring has slots of another size";
  const RingOptions options{header.lanes, header.slots, header.arenaBlocks};
  if (const char* problem = RingMemory::problem(options)) return problem;
  const RingLayout layout{header.slots, header.arenaBlocks};
  const bool sized = header.totalBytes == layout.totalBytes() && fileBytes == layout.totalBytes();
  return sized ? nullptr : "the ring is of another size";
}

}  // namespace

uint64_t monotonicNs() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

DoorbellFd::~DoorbellFd() { close(fd_); }

std::shared_ptr<DoorbellFd> DoorbellFd::create() {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd < 0 ? nullptr : std::make_shared<DoorbellFd>(fd);
}

void DoorbellFd::ring() {
  const uint64_t one = 1;
  // EAGAIN would mean that the counter is at its maximum, and then the bell is ringing anyway.
  while (write(fd_, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void DoorbellFd::clear() {
  uint64_t rings;
  while (read(fd_, &rings, sizeof rings) < 0 && errno == EINTR) {
  }
}

const char* RingMemory::problem(const RingOptions& options) {
  if (options.lanes < 1 || options.lanes > kMaxLanes) return "expected lanes from 1 to 64";
  if (options.slots < 2 || options.slots > kMaxSlots || !std::has_single_bit(options.slots)) {
    return "expected slots to be a power of two from 2 to 65536";
  }
  if (options.arenaBlocks > kMaxArenaBlocks) return "expected arenaBlocks up to 4096";
  return nullptr;
}

RingMemory::RingMemory(uint8_t* base, const RingLayout& layout, uint32_t lanes, int memoryFd,
                       std::shared_ptr<DoorbellFd> doorbell)
    : base_(base),
      layout_(layout),
      lanes_(lanes),
      memoryFd_(memoryFd),
      doorbell_(std::move(doorbell)),
      submissions_(reinterpret_cast<QueueCell*>(base + layout.submissionCells()), layout.slots,
                   header().submissionTail, header().submissionHead),
      completions_(reinterpret_cast<QueueCell*>(base + layout.completionCells()), layout.slots,
                   header().completionTail, header().completionHead) {
  madvise(base_, layout_.totalBytes(), MADV_DONTDUMP);
  locked_ = mlock(base_, layout_.totalBytes()) == 0;
}

std::shared_ptr<RingMemory> RingMemory::create(const RingOptions& options, std::shared_ptr<DoorbellFd> doorbell,
                                               std::string& error) {
  if (const char* wrong = problem(options)) {
    error = wrong;
    return nullptr;
  }
  const RingLayout layout{options.slots, options.arenaBlocks};
  const size_t bytes = layout.totalBytes();
  const int fd = memfd_create("strongroom-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) {
    error = systemError("memfd_create");
    return nullptr;
  }
  // Sealed in size: a file that shrinks under a mapping kills whoever touches it.
  uint8_t* base = nullptr;
  if (ftruncate(fd, static_cast<off_t>(bytes)) < 0) {
    error = systemError("ftruncate");
  } else if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
    error = systemError("fcntl");
  } else if ((base = mapShared(fd, bytes)) == nullptr) {
    error = systemError("mmap");
  }
  if (base == nullptr) {
    close(fd);
    return nullptr;
  }
  auto* header = new (base) RingHeader{};
  header->magic = kRingMagic;
  header->version = kRingVersion;
  header->lanes = options.lanes;
  header->wantedLanes = options.lanes;
  header->slots = options.slots;
  header->slotBytes = kSlotBytes;
  header->arenaBlocks = options.arenaBlocks;
  header->blockBytes = kBlockBytes;
  header->totalBytes = bytes;
  header->ownerPid = getpid();
  std::shared_ptr<RingMemory> memory(new RingMemory(base, layout, options.lanes, fd, std::move(doorbell)));
  memory->submissions_.reset();
  memory->completions_.reset();
  return memory;
}

std::shared_ptr<RingMemory> RingMemory::attach(int memoryFd, std::shared_ptr<DoorbellFd> doorbell, std::string& error) {
  struct stat file;
  if (fstat(memoryFd, &file) < 0) {
    error = systemError("fstat");
    return nullptr;
  }
  const auto fileBytes = static_cast<size_t>(file.st_size);
  uint8_t* base = fileBytes < sizeof(RingHeader) ? nullptr : mapShared(memoryFd, fileBytes);
  if (base == nullptr) {
    error = "the ring's memory cannot be mapped";
    close(memoryFd);
    return nullptr;
  }
  const auto& header = *reinterpret_cast<const RingHeader*>(base);
  if (const char* wrong = headerProblem(header, fileBytes)) {
    error = wrong;
    munmap(base, fileBytes);
    close(memoryFd);
    return nullptr;
  }
  const RingLayout layout{header.slots, header.arenaBlocks};
  return std::shared_ptr<RingMemory>(new RingMemory(base, layout, header.lanes, memoryFd, std::move(doorbell)));
}

RingMemory::~RingMemory() {
  if (zeroiseAtEnd_) explicit_bzero(base_ + layout_.slotArray(), layout_.totalBytes() - layout_.slotArray());
  munmap(base_, layout_.totalBytes());
  close(memoryFd_);
}

std::span<uint8_t> RingMemory::payload(uint32_t slotIndex, uint32_t block) {
  if (block == 0) return {slot(slotIndex).payload, kInlineBytes};
  if (block > layout_.arenaBlocks) return {};
  return {base_ + layout_.arena() + (block - 1) * kBlockBytes, kBlockBytes};
}

void RingMemory::notifyOwner() {
  if (header().notified.exchange(1, std::memory_order_acq_rel) == 0) doorbell_->ring();
}

void RingMemory::wakeLanes(size_t count) {
  // A read-modify-write and not a load: it and the lane's own setting of its bit are ordered one after the other, so
  // that either the lane sees what was just queued, or this sees the lane's bit.
  auto& sleeping = header().sleeping;
  uint64_t bits = sleeping.fetch_or(0, std::memory_order_acq_rel);
  if (bits == 0 || count == 0) return;
  uint64_t chosen = 0;
  for (; bits != 0 && count > 0; count--) {
    const uint64_t lowest = bits & (~bits + 1);
    chosen |= lowest;
    bits &= ~lowest;
  }
  const uint64_t woken = sleeping.fetch_and(~chosen, std::memory_order_acq_rel) & chosen;
  if (woken == 0) return;
  header().wakeWord.fetch_add(1, std::memory_order_release);
  const auto mask = static_cast<uint32_t>(woken | (woken >> 32));
  syscall(SYS_futex, &header().wakeWord, FUTEX_WAKE_BITSET, INT_MAX, nullptr, nullptr, mask);
}

void RingMemory::requestStop() {
  header().stop.store(1, std::memory_order_release);
  header().wakeWord.fetch_add(1, std::memory_order_release);
  syscall(SYS_futex, &header().wakeWord, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  tellLaneChange();
}

void RingMemory::orderLanes(uint32_t count) {
  RingHeader& shared = header();
  shared.wantedLanes.store(std::clamp(count, 1U, lanes_), std::memory_order_release);
  shared.laneOrder.fetch_add(1, std::memory_order_release);
  tellLaneChange();
  // Those that sleep are to see whether they are too many.
  shared.wakeWord.fetch_add(1, std::memory_order_release);
  syscall(SYS_futex, &shared.wakeWord, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

uint32_t RingMemory::wantedLanes() {
  return std::clamp(header().wantedLanes.load(std::memory_order_acquire), 1U, lanes_);
}

bool RingMemory::releaseLane(uint32_t atLeast) {
  auto& open = header().openLanes;
  uint32_t count = open.load(std::memory_order_relaxed);
  while (count > std::max(atLeast, 1U)) {
    if (open.compare_exchange_weak(count, count - 1, std::memory_order_acq_rel)) return true;
  }
  return false;
}

void RingMemory::waitForLaneChange(uint32_t word) {
  syscall(SYS_futex, &header().laneWord, FUTEX_WAIT, word, nullptr, nullptr, 0);
}

void RingMemory::tellLaneChange() {
  header().laneWord.fetch_add(1, std::memory_order_release);
  syscall(SYS_futex, &header().laneWord, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void RingMemory::publishState(HostState state, uint16_t function, uint32_t returnValue, const std::string& message) {
  RingHeader& shared = header();
  const size_t length = std::min(message.size(), sizeof shared.hostMessage - 1);
  memcpy(shared.hostMessage, message.data(), length);
  shared.hostMessage[length] = '\0';
  shared.hostFunction = function;
  shared.hostReturnValue = returnValue;
  shared.hostState.store(static_cast<uint32_t>(state), std::memory_order_release);
  notifyOwner();
}

}  // namespace strongroom
