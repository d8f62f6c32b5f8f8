// Processes over the ring of a test: they get its memory as descriptor 3 and its doorbell as 4 (src/pkcs11/binding.ts).
#ifndef STRONGROOM_TEST_SPAWN_BESIDE_H_
#define STRONGROOM_TEST_SPAWN_BESIDE_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "ring_fixture.h"

namespace strongroom::test {

/// Path of what the build has put beside this executable.
std::string besideThis(const std::string& name);

/// Starts an executable of that directory, with `input` on its standard input.
pid_t spawnBeside(RingFixture& under, const std::string& name, const std::vector<std::string>& arguments, const Bytes& input);

/// Waits for the host to say that it is ready.
void requireReady(RingFixture& under, pid_t pid);

/// Waits for the end: the exit code, or the signal that ended it as a negative number.
int exitOf(pid_t pid);

/// The strings that hsm_host reads from its standard input.
Bytes hostOptions(const std::string& module, const std::string& serial, const std::string& pin, const std::string& force,
                  const std::string& lanes);

}  // namespace strongroom::test

#endif  // STRONGROOM_TEST_SPAWN_BESIDE_H_
