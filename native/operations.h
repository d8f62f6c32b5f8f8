// The operations of the ring over one session: each is one request, begun and ended in one go.
#ifndef STRONGROOM_OPERATIONS_H_
#define STRONGROOM_OPERATIONS_H_

#include <cstdint>
#include <span>

#include "answer.h"
#include "mechanism.h"
#include "session.h"
#include "template.h"
#include "wire.h"

namespace strongroom {

/// Measures the time inside the vendor library.
class ServiceClock {
 public:
  virtual ~ServiceClock() = default;
  virtual void pauseClock() = 0;
  virtual void resumeClock() = 0;
};

class Operations {
 public:
  Operations(Session& session, ServiceClock& clock) : session_(session), clock_(clock) {}

  /// Leaves the session without an active operation, whatever happens.
  void perform(const Request& request, Answer& answer);

 private:
  using Handler = void (Operations::*)(const Request&, Answer&);
  using InitCall = CK_RV (*)(CK_SESSION_HANDLE, CK_MECHANISM_PTR, CK_OBJECT_HANDLE);
  using OutputCall = CK_RV (*)(CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG, CK_BYTE_PTR, CK_ULONG_PTR);
  static Handler handlerOf(Operation operation);

  // operations.cc
  void sign(const Request& request, Answer& answer);
  void verify(const Request& request, Answer& answer);
  void encrypt(const Request& request, Answer& answer);
  void decrypt(const Request& request, Answer& answer);
  void digest(const Request& request, Answer& answer);
  void random(const Request& request, Answer& answer);
  void tokenInfo(const Request& request, Answer& answer);
  void mechanisms(const Request& request, Answer& answer);

  // object_operations.cc
  void generateKey(const Request& request, Answer& answer);
  void generateKeyPair(const Request& request, Answer& answer);
  void create(const Request& request, Answer& answer);
  void copy(const Request& request, Answer& answer);
  void destroy(const Request& request, Answer& answer);
  void getAttributes(const Request& request, Answer& answer);
  void setAttributes(const Request& request, Answer& answer);
  void find(const Request& request, Answer& answer);

  // wrap_operations.cc
  void wrap(const Request& request, Answer& answer);
  void unwrap(const Request& request, Answer& answer);
  void wrapBytes(const Request& request, Answer& answer);
  void unwrapBytes(const Request& request, Answer& answer);

  // oaep_operations.cc
  void oaepEncrypt(const Request& request, Answer& answer);
  void oaepDecrypt(const Request& request, Answer& answer);

  /// Calls an init function; when the session still has an operation of earlier, once more in a new session.
  template <class Call>
  bool begin(Function function, Answer& answer, Call call) {
    CK_RV result = call(session_.handle());
    if (result == CKR_OPERATION_ACTIVE) {
      session_.close();
      if (!answer.report(Function::C_OpenSession, session_.open())) return false;
      result = call(session_.handle());
    }
    return answer.report(function, result);
  }
  bool beginWithKey(Function function, InitCall call, Mechanism& mechanism, CK_OBJECT_HANDLE key, Answer& answer);

  /// Ends the active operation with output at the end of the answer.
  bool produce(Function function, OutputCall call, std::span<const uint8_t> input, Answer& answer);

  void destroyTransient(CK_OBJECT_HANDLE object);
  void settleSession(const Request& request, const Answer& answer);

  Session& session_;
  ServiceClock& clock_;
};

}  // namespace strongroom

#endif  // STRONGROOM_OPERATIONS_H_
