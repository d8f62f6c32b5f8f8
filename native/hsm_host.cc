// The isolated host: a process that does nothing but run lanes over one vendor's library, and dies with its parent.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string>

#include "hardening.h"
#include "lane_group.h"

namespace strongroom {

namespace {

constexpr int kMemoryFd = 3;
constexpr int kDoorbellFd = 4;
constexpr uint32_t kMaxPathBytes = 4096;
constexpr uint32_t kMaxSerialBytes = 64;
constexpr uint32_t kMaxPinBytes = 1024;
constexpr uint32_t kMaxNumberBytes = 16;

bool readFully(void* out, size_t length) {
  auto* next = static_cast<uint8_t*>(out);
  while (length > 0) {
    const ssize_t count = read(STDIN_FILENO, next, length);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    next += count;
    length -= static_cast<size_t>(count);
  }
  return true;
}

bool readLength(uint32_t& length, uint32_t limit) { return readFully(&length, sizeof length) && length <= limit; }

bool readText(std::string& text, uint32_t limit) {
  uint32_t length;
  if (!readLength(length, limit)) return false;
  text.resize(length);
  return readFully(text.data(), length);
}

bool readSecret(SecureBytes& secret, uint32_t limit) {
  uint32_t length;
  if (!readLength(length, limit)) return false;
  secret = SecureBytes(length);
  return readFully(secret.data(), length);
}

/// The five strings of src/pkcs11/binding.ts.
bool readOptions(ModuleOptions& options, SecureBytes& pin) {
  std::string force;
  std::string lanes;
  if (!readText(options.path, kMaxPathBytes) || !readText(options.tokenSerial, kMaxSerialBytes) ||
      !readSecret(pin, kMaxPinBytes) || !readText(force, kMaxNumberBytes) || !readText(lanes, kMaxNumberBytes)) {
    return false;
  }
  options.forceLogin = force == "1";
  const char* end = lanes.data() + lanes.size();
  const auto [parsed, error] = std::from_chars(lanes.data(), end, options.lanes);
  return error == std::errc() && parsed == end && (force == "0" || force == "1");
}

/// Standard input has been read; whatever else was inherited is not for the vendor's library to find.
void settleDescriptors() {
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing >= 0) dup2(nothing, STDIN_FILENO);
  close_range(kDoorbellFd + 1, ~0U, 0);
  fcntl(kMemoryFd, F_SETFD, FD_CLOEXEC);
  fcntl(kDoorbellFd, F_SETFD, FD_CLOEXEC);
}

/// The parent decides when this process ends; a Ctrl-C at the terminal reaches both, and the parent drains first.
void ignoreSignals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT}) signal(number, SIG_IGN);
}

int run() {
  ignoreSignals();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  hardenProcess();
  std::string error;
  auto memory = RingMemory::attach(kMemoryFd, std::make_shared<DoorbellFd>(kDoorbellFd), error);
  if (memory == nullptr) {
    fprintf(stderr, "hsm_host: %s\n", error.c_str());
    return 1;
  }
  // A parent that had died before PR_SET_PDEATHSIG would leave this process alone for ever. In a ring that is not the
  // parent's, nothing is written.
  if (getppid() != memory->header().ownerPid) {
    fputs("hsm_host: not a child of the process that made the ring\n", stderr);
    return 1;
  }
  ModuleOptions options;
  SecureBytes pin;
  const bool complete = readOptions(options, pin);
  settleDescriptors();
  if (!complete || options.lanes != memory->lanes()) {
    memory->publishState(HostState::failed, 0, 0, "the options on standard input are cut off or malformed");
    return 1;
  }
  LaneGroup group(memory);
  if (!group.start(options, std::move(pin))) _exit(1);
  group.run();
  // Exit handlers of vendors' libraries crash too often to let them run.
  _exit(0);
}

}  // namespace

}  // namespace strongroom

int main() { return strongroom::run(); }
