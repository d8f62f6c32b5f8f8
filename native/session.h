// The session of one lane, which is its alone. It can be replaced: nothing of value hangs on it.
#ifndef STRONGROOM_SESSION_H_
#define STRONGROOM_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "module.h"
#include "secure_bytes.h"

namespace strongroom {

class Session {
 public:
  explicit Session(Module& module) : module_(module), randomBlock_(kRandomBlockBytes) {}
  ~Session() { close(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Opens the session unless it is open.
  CK_RV open();

  /// Ends the session, and with it whatever operation is still active in it. The next `open` makes a new one.
  void close();

  /// The library does not know the session any more: nothing is left to close.
  void forget() { handle_ = CK_INVALID_HANDLE; }

  CK_SESSION_HANDLE handle() const { return handle_; }
  Module& module() { return module_; }
  CK_FUNCTION_LIST& api() { return module_.api(); }

  /// Bytes of C_GenerateRandom out of a block fetched ahead; no byte is given twice. For at most `kRandomBlockBytes`.
  CK_RV takeRandom(std::span<uint8_t> out);

  static constexpr size_t kRandomBlockBytes = 1024;

 private:
  Module& module_;
  CK_SESSION_HANDLE handle_ = CK_INVALID_HANDLE;
  SecureBytes randomBlock_;
  size_t randomLeft_ = 0;
};

}  // namespace strongroom

#endif  // STRONGROOM_SESSION_H_
