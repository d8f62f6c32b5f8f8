#include "softhsm_token.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

namespace strongroom::test {
namespace {

std::unique_ptr<SoftHsmToken> token;

std::string outputOf(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "re");
  if (pipe == nullptr) throw std::runtime_error("popen failed: " + command);
  std::string output;
  char line[512];
  while (fgets(line, sizeof line, pipe) != nullptr) output += line;
  if (pclose(pipe) != 0) throw std::runtime_error("failed: " + command);
  return output;
}

/// The serial number in the output of softhsm2-util --show-slots, where the first slot is that of the initialised token.
std::string serialIn(const std::string& slots) {
  const std::string key = "Serial number:";
  const size_t start = slots.find_first_not_of(' ', slots.find(key) + key.size());
  return slots.substr(start, slots.find_first_of(" \n", start) - start);
}

}  // namespace

const SoftHsmToken& SoftHsmToken::get() {
  if (token != nullptr) return *token;
  auto fresh = std::make_unique<SoftHsmToken>();
  std::string name = std::filesystem::temp_directory_path() / "strongroom-native-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  fresh->directory = name;
  std::filesystem::create_directory(name + "/tokens");
  std::ofstream(name + "/softhsm2.conf") << "directories.tokendir = " << name << "/tokens\nlog.level = ERROR\n";
  setenv("SOFTHSM2_CONF", (name + "/softhsm2.conf").c_str(), 1);
  outputOf(std::string("softhsm2-util --init-token --free --label native --so-pin 12345678 --pin ") + kPin);
  fresh->serial = serialIn(outputOf("softhsm2-util --show-slots"));
  token = std::move(fresh);
  return *token;
}

void SoftHsmToken::remove() {
  if (token != nullptr) std::filesystem::remove_all(token->directory);
  token.reset();
}

}  // namespace strongroom::test
