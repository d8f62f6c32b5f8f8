#include "template.h"

#include <string.h>

namespace strongroom {

bool Template::read(std::span<const uint8_t> wire) {
  size_ = 0;
  while (!wire.empty()) {
    AttributeHeader header;
    if (wire.size() < sizeof header || size_ == kMaxAttributes) return false;
    memcpy(&header, wire.data(), sizeof header);
    const size_t record = sizeof header + padded(header.length);
    if (record > wire.size()) return false;
    const uint8_t* value = wire.data() + sizeof header;
    switch (static_cast<AttributeKind>(header.kind)) {
      case AttributeKind::boolean:
        if (header.length != sizeof(CK_BBOOL) || *value > 1) return false;
        break;
      case AttributeKind::ulong:
        if (header.length != sizeof(CK_ULONG)) return false;
        break;
      case AttributeKind::bytes:
        break;
      case AttributeKind::absent:
        if (header.length != 0) return false;
        break;
      default:
        return false;
    }
    if (holdsTemplate(header.type)) return false;
    add(header.type, value, header.length);
    wire = wire.subspan(record);
  }
  return true;
}

void Template::add(CK_ATTRIBUTE_TYPE type, const void* value, size_t length) {
  attributes_[size_++] = {type, length == 0 ? nullptr : const_cast<void*>(value), static_cast<CK_ULONG>(length)};
}

bool holdsTemplate(CK_ATTRIBUTE_TYPE type) {
  return type == CKA_WRAP_TEMPLATE || type == CKA_UNWRAP_TEMPLATE || type == CKA_DERIVE_TEMPLATE;
}

AttributeKind kindOf(CK_ATTRIBUTE_TYPE type, size_t length) {
  switch (type) {
    case CKA_TOKEN:
    case CKA_PRIVATE:
    case CKA_TRUSTED:
    case CKA_SENSITIVE:
    case CKA_ENCRYPT:
    case CKA_DECRYPT:
    case CKA_WRAP:
    case CKA_UNWRAP:
    case CKA_SIGN:
    case CKA_SIGN_RECOVER:
    case CKA_VERIFY:
    case CKA_VERIFY_RECOVER:
    case CKA_DERIVE:
    case CKA_EXTRACTABLE:
    case CKA_LOCAL:
    case CKA_NEVER_EXTRACTABLE:
    case CKA_ALWAYS_SENSITIVE:
    case CKA_MODIFIABLE:
    case CKA_COPYABLE:
    case CKA_DESTROYABLE:
    case CKA_ALWAYS_AUTHENTICATE:
    case CKA_WRAP_WITH_TRUSTED:
      return length == sizeof(CK_BBOOL) ? AttributeKind::boolean : AttributeKind::bytes;
    case CKA_CLASS:
    case CKA_KEY_TYPE:
    case CKA_CERTIFICATE_TYPE:
    case CKA_CERTIFICATE_CATEGORY:
    case CKA_MODULUS_BITS:
    case CKA_PRIME_BITS:
    case CKA_SUBPRIME_BITS:
    case CKA_VALUE_BITS:
    case CKA_VALUE_LEN:
    case CKA_KEY_GEN_MECHANISM:
    case CKA_MECHANISM_TYPE:
    case CKA_HW_FEATURE_TYPE:
      return length == sizeof(CK_ULONG) ? AttributeKind::ulong : AttributeKind::bytes;
    default:
      return AttributeKind::bytes;
  }
}

}  // namespace strongroom
