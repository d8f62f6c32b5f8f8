// Which Cryptoki function said what: the two things an error of the token is made of.
#ifndef STRONGROOM_RETURN_VALUE_H_
#define STRONGROOM_RETURN_VALUE_H_

#include <cstdint>
#include <span>
#include <string>

#include "cryptoki.h"

namespace strongroom {

/// All functions of v2.40 in the order of CK_FUNCTION_LIST. The numbers cross to JavaScript; `none` is the core itself.
enum class Function : uint16_t {
  none = 0,
#define CK_PKCS11_FUNCTION_INFO(name) name,
#include <pkcs11f.h>
#undef CK_PKCS11_FUNCTION_INFO
};

/// Names by number. The first stands for the core itself.
std::span<const char* const> functionNames();

/// A call that did not succeed. `message` is there where the return value alone does not say it.
struct Failure {
  Function function = Function::none;
  CK_RV returnValue = CKR_OK;
  std::string message;

  bool failed() const { return returnValue != CKR_OK || !message.empty(); }
};

}  // namespace strongroom

#endif  // STRONGROOM_RETURN_VALUE_H_
