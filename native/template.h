// Attributes as they cross the border, and as Cryptoki takes them.
#ifndef STRONGROOM_TEMPLATE_H_
#define STRONGROOM_TEMPLATE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "cryptoki.h"
#include "wire.h"

namespace strongroom {

/// A list of attributes whose values stay where they arrived: a Template is good for as long as the bytes it was read
/// from.
class Template {
 public:
  static constexpr size_t kMaxAttributes = 64;

  /// False when the bytes are not a list of attributes, or are too many of them, or one holds a template itself.
  bool read(std::span<const uint8_t> wire);

  /// Adds one of the core's own. Room has to be there.
  void add(CK_ATTRIBUTE_TYPE type, const void* value, size_t length);

  CK_ATTRIBUTE* data() { return attributes_.data(); }
  CK_ULONG size() const { return static_cast<CK_ULONG>(size_); }
  std::span<CK_ATTRIBUTE> attributes() { return {attributes_.data(), size_}; }

 private:
  std::array<CK_ATTRIBUTE, kMaxAttributes> attributes_;
  size_t size_ = 0;
};

/// How the value of an attribute of this type and length is written into an answer.
AttributeKind kindOf(CK_ATTRIBUTE_TYPE type, size_t length);

/// True for attributes whose value is a template with pointers of its own.
bool holdsTemplate(CK_ATTRIBUTE_TYPE type);

}  // namespace strongroom

#endif  // STRONGROOM_TEMPLATE_H_
