#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <string_view>
#include <thread>

namespace {

/// From now on the system call answers EPERM in this thread.
bool refuseSystemCall() {
  std::array<sock_filter, 4> filter = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool isTrue() { return getpid() == static_cast<pid_t>(syscall(SYS_getpid)); }

/// Whether a child that was made so got its own id.
bool childKnowsItself(pid_t (*makeChild)()) {
  const pid_t parent = getpid();
  const pid_t child = makeChild();
  if (child == 0) _exit(isTrue() && getpid() != parent ? 0 : 1);
  int status = -1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0 && getpid() == parent;
}

}  // namespace

TEST_CASE("the process id is remembered, and no system call made for it", "[process_id]") {
  const pid_t id = getpid();
  pid_t remembered = 0;
  pid_t called = 0;
  std::thread([&] {
    if (!refuseSystemCall()) return;
    called = static_cast<pid_t>(syscall(SYS_getpid));
    remembered = getpid();
  }).join();
  REQUIRE(called == -1);
  REQUIRE(remembered == id);
}

TEST_CASE("a child learns its own process id, however it was made", "[process_id]") {
  REQUIRE(isTrue());
  REQUIRE(childKnowsItself([] { return fork(); }));
  // Past all that the C library does at a fork.
  REQUIRE(childKnowsItself([] { return static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0)); }));
}

TEST_CASE("the C library's own getpid is behind ours for the libraries that are loaded", "[process_id]") {
  void* const found = dlsym(RTLD_DEFAULT, "getpid");
  Dl_info ours{};
  Dl_info next{};
  REQUIRE(dladdr(found, &ours) != 0);
  REQUIRE(dladdr(dlsym(RTLD_NEXT, "getpid"), &next) != 0);
  REQUIRE(found == reinterpret_cast<void*>(&getpid));
  REQUIRE(std::string_view(ours.dli_fname) != std::string_view(next.dli_fname));
}
