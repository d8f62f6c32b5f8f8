// One session on the tests' SoftHSM token, and requests to it as a lane would make them.
#ifndef STRONGROOM_TEST_TOKEN_SESSION_H_
#define STRONGROOM_TEST_TOKEN_SESSION_H_

#include <optional>
#include <string>

#include "attribute_list.h"
#include "operations.h"
#include "ring_records.h"

namespace strongroom::test {

struct Result {
  Function function;
  CK_RV returnValue;
  /// After CKR_BUFFER_TOO_SMALL.
  size_t needed;
  Bytes bytes;

  bool ok() const { return returnValue == CKR_OK; }
  /// The handle that stands at a place in the answer, counted in handles.
  uint64_t handle(size_t place = 0) const;
};

/// The library, loaded and logged in once for the process.
Module& tokenModule();

class TokenSession {
 public:
  TokenSession() : session_(tokenModule()), operations_(session_, clock_) {}

  /// Performs the request with room for `room` bytes of answer, and requires that the answer can be zeroised whole.
  Result run(const Record& record, size_t room = kBlock);
  Session& session() { return session_; }

  // Keys for tests, as session objects.
  uint64_t aesKey(size_t bytes = 32);
  uint64_t secretOf(const Bytes& value);
  struct KeyPair {
    uint64_t publicKey;
    uint64_t privateKey;
  };
  KeyPair ecKeyPair();
  KeyPair rsaKeyPair(CK_ULONG bits = 2048);

 private:
  static constexpr size_t kBlock = 72 * 1024;
  class StillClock : public ServiceClock {
    void pauseClock() override {}
    void resumeClock() override {}
  };
  StillClock clock_;
  Session session_;
  Operations operations_;
};

/// Parameter of kind gcm; no IV has the lane take one.
Bytes gcmParameter(const Bytes& iv, const Bytes& aad = {}, uint32_t tagBits = 128);
/// Little-endian words one after the other: the parameters of the kinds oaep and pss.
Bytes words(std::initializer_list<uint32_t> values);
/// The name that goes with the number in a completion.
std::string nameOf(Function function);

}  // namespace strongroom::test

#endif  // STRONGROOM_TEST_TOKEN_SESSION_H_
