#include "spawn_beside.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

namespace strongroom::test {

std::string besideThis(const std::string& name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

pid_t spawnBeside(RingFixture& under, const std::string& name, const std::vector<std::string>& arguments, const Bytes& input) {
  int pipeEnds[2];
  REQUIRE(pipe2(pipeEnds, O_CLOEXEC) == 0);
  // Fits into the pipe, and is there before anybody reads: a process that exits at once would otherwise raise SIGPIPE.
  REQUIRE(write(pipeEnds[1], input.data(), input.size()) == static_cast<ssize_t>(input.size()));
  close(pipeEnds[1]);
  // All are moved out of the way first, for one may have the number that another is to get. dup2 drops FD_CLOEXEC.
  const int standardInput = fcntl(pipeEnds[0], F_DUPFD_CLOEXEC, 10);
  const int memory = fcntl(under.memory->memoryFd(), F_DUPFD_CLOEXEC, 10);
  const int doorbell = fcntl(under.doorbell->fd(), F_DUPFD_CLOEXEC, 10);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, standardInput, 0);
  posix_spawn_file_actions_adddup2(&actions, memory, 3);
  posix_spawn_file_actions_adddup2(&actions, doorbell, 4);
  const std::string program = besideThis(name);
  std::vector<char*> argumentPointers = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argumentPointers.push_back(const_cast<char*>(argument.c_str()));
  argumentPointers.push_back(nullptr);
  pid_t pid = -1;
  const int spawned = posix_spawn(&pid, program.c_str(), &actions, nullptr, argumentPointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  for (const int fd : {standardInput, memory, doorbell, pipeEnds[0]}) close(fd);
  INFO(program << ": " << strerror(spawned));
  REQUIRE(spawned == 0);
  return pid;
}

void requireReady(RingFixture& under, pid_t pid) {
  for (;;) {
    const HostStatus status = under.ring->hostStatus();
    INFO(status.message);
    REQUIRE(status.state != HostState::failed);
    if (status.state == HostState::ready) return;
    REQUIRE(waitpid(pid, nullptr, WNOHANG) == 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

int exitOf(pid_t pid) {
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Bytes hostOptions(const std::string& module, const std::string& serial, const std::string& pin, const std::string& force,
                  const std::string& lanes) {
  Bytes options;
  for (const std::string& text : {module, serial, pin, force, lanes}) {
    const auto length = static_cast<uint32_t>(text.size());
    const auto* lengthBytes = reinterpret_cast<const uint8_t*>(&length);
    options.insert(options.end(), lengthBytes, lengthBytes + sizeof length);
    options.insert(options.end(), text.begin(), text.end());
  }
  return options;
}

}  // namespace strongroom::test
