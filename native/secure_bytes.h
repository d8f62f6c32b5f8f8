// Memory for secrets: zeroised before it goes back, kept out of core dumps, and out of swap where the limits allow.
#ifndef STRONGROOM_SECURE_BYTES_H_
#define STRONGROOM_SECURE_BYTES_H_

#include <string.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <utility>

namespace strongroom {

class SecureBytes {
 public:
  SecureBytes() = default;

  explicit SecureBytes(size_t size) : size_(size) {
    if (size == 0) return;
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    bytes_ = static_cast<uint8_t*>(memory);
    madvise(memory, size, MADV_DONTDUMP);
    mlock(memory, size);
  }

  SecureBytes(SecureBytes&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}

  SecureBytes& operator=(SecureBytes&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }

  ~SecureBytes() {
    if (bytes_ == nullptr) return;
    zeroise();
    munmap(bytes_, size_);
  }

  void zeroise() {
    if (bytes_ != nullptr) explicit_bzero(bytes_, size_);
  }

  uint8_t* data() { return bytes_; }
  const uint8_t* data() const { return bytes_; }
  size_t size() const { return size_; }
  std::span<uint8_t> span() { return {bytes_, size_}; }

 private:
  uint8_t* bytes_ = nullptr;
  size_t size_ = 0;
};

}  // namespace strongroom

#endif  // STRONGROOM_SECURE_BYTES_H_
