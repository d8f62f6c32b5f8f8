// Attribute lists as they cross the border (src/pkcs11/binding.ts, ATTRIBUTE_KIND), written by hand.
#ifndef STRONGROOM_TEST_ATTRIBUTE_LIST_H_
#define STRONGROOM_TEST_ATTRIBUTE_LIST_H_

#include <cstring>
#include <optional>
#include <stdexcept>
#include <vector>

#include "cryptoki.h"
#include "ring_records.h"

namespace strongroom::test {

class AttributeList {
 public:
  AttributeList& boolean(CK_ATTRIBUTE_TYPE type, bool value) {
    return entry(type, AttributeKind::boolean, Bytes{static_cast<uint8_t>(value ? 1 : 0)});
  }
  AttributeList& number(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
    Bytes bytes(sizeof value);
    memcpy(bytes.data(), &value, sizeof value);
    return entry(type, AttributeKind::ulong, bytes);
  }
  AttributeList& value(CK_ATTRIBUTE_TYPE type, const Bytes& bytes) { return entry(type, AttributeKind::bytes, bytes); }
  AttributeList& query(CK_ATTRIBUTE_TYPE type) { return entry(type, AttributeKind::absent, {}); }

  AttributeList& entry(CK_ATTRIBUTE_TYPE type, AttributeKind kind, const Bytes& bytes) {
    const uint32_t header[] = {static_cast<uint32_t>(type), static_cast<uint32_t>(kind),
                               static_cast<uint32_t>(bytes.size()), 0};
    const auto* start = reinterpret_cast<const uint8_t*>(header);
    wire_.insert(wire_.end(), start, start + sizeof header);
    wire_.insert(wire_.end(), bytes.begin(), bytes.end());
    wire_.resize((wire_.size() + 7) / 8 * 8);
    return *this;
  }

  const Bytes& wire() const { return wire_; }

 private:
  Bytes wire_;
};

struct AnsweredAttribute {
  uint32_t type;
  AttributeKind kind;
  Bytes value;
};

/// Takes an answer to a query apart. Throws when it is malformed.
inline std::vector<AnsweredAttribute> attributesIn(std::span<const uint8_t> wire) {
  std::vector<AnsweredAttribute> attributes;
  while (!wire.empty()) {
    uint32_t header[4];
    if (wire.size() < sizeof header) throw std::runtime_error("attributes end inside a header");
    memcpy(header, wire.data(), sizeof header);
    const size_t record = sizeof header + (size_t{header[2]} + 7) / 8 * 8;
    if (record > wire.size()) throw std::runtime_error("attributes end inside a value");
    const auto value = wire.subspan(sizeof header, header[2]);
    attributes.push_back({header[0], static_cast<AttributeKind>(header[1]), Bytes(value.begin(), value.end())});
    wire = wire.subspan(record);
  }
  return attributes;
}

}  // namespace strongroom::test

#endif  // STRONGROOM_TEST_ATTRIBUTE_LIST_H_
