#include "return_value.h"

namespace strongroom {

std::span<const char* const> functionNames() {
  static constexpr const char* kNames[] = {
      "strongroom",
#define CK_PKCS11_FUNCTION_INFO(name) #name,
#include <pkcs11f.h>
#undef CK_PKCS11_FUNCTION_INFO
  };
  return kNames;
}

}  // namespace strongroom
