// The tests' own SoftHSM token: one for the process, in a directory of its own, made when it is first asked for.
#ifndef STRONGROOM_TEST_SOFTHSM_TOKEN_H_
#define STRONGROOM_TEST_SOFTHSM_TOKEN_H_

#include <string>

namespace strongroom::test {

class SoftHsmToken {
 public:
  static constexpr const char* kModule = "/usr/lib/softhsm/libsofthsm2.so";
  static constexpr const char* kPin = "1234-test";

  /// Sets SOFTHSM2_CONF for this process and its children. Throws when softhsm2-util does not make a token.
  static const SoftHsmToken& get();
  /// Removes the directory, if there is one.
  static void remove();

  std::string directory;
  std::string serial;
};

}  // namespace strongroom::test

#endif  // STRONGROOM_TEST_SOFTHSM_TOKEN_H_
