#include "session.h"

#include <string.h>

namespace strongroom {

CK_RV Session::open() { return handle_ == CK_INVALID_HANDLE ? module_.openSession(handle_) : CKR_OK; }

void Session::close() {
  if (handle_ != CK_INVALID_HANDLE) api().C_CloseSession(handle_);
  handle_ = CK_INVALID_HANDLE;
}

CK_RV Session::takeRandom(std::span<uint8_t> out) {
  if (out.size() > randomLeft_) {
    const CK_RV result = api().C_GenerateRandom(handle_, randomBlock_.data(), randomBlock_.size());
    if (result != CKR_OK) return result;
    randomLeft_ = randomBlock_.size();
  }
  uint8_t* next = randomBlock_.data() + (randomBlock_.size() - randomLeft_);
  memcpy(out.data(), next, out.size());
  explicit_bzero(next, out.size());
  randomLeft_ -= out.size();
  return CKR_OK;
}

}  // namespace strongroom
