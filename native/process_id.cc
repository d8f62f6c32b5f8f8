// The host's own getpid, which the libraries that it loads find before the C library's.
//
// OpenSSL 3 asks for the process id with every random number, to notice a fork (providers/implementations/rands/drbg.c),
// and SoftHSM takes several random numbers for each use of a key. The C library makes a system call of each, which on
// some virtual machines takes longer than the cipher.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <new>

namespace strongroom {

namespace {

using RememberedId = std::atomic<pid_t>;

/// Memory that the kernel empties in a child, by whatever call it was made; null where there is none to be had.
RememberedId* memoryOfOneProcess() {
  const auto bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* const page = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  if (madvise(page, bytes, MADV_WIPEONFORK) == 0) return new (page) RememberedId(0);
  munmap(page, bytes);
  return nullptr;
}

}  // namespace

}  // namespace strongroom

/// getpid(2). After vfork it is the parent's until exec, as all of the memory is.
extern "C" pid_t getpid() noexcept {
  static strongroom::RememberedId* const remembered = strongroom::memoryOfOneProcess();
  if (remembered == nullptr) return static_cast<pid_t>(syscall(SYS_getpid));
  pid_t id = remembered->load(std::memory_order_relaxed);
  if (id == 0) {
    id = static_cast<pid_t>(syscall(SYS_getpid));
    remembered->store(id, std::memory_order_relaxed);
  }
  return id;
}
