#include "template.h"

#include <catch2/catch.hpp>

#include "attribute_list.h"

using namespace strongroom;
using namespace strongroom::test;

namespace {

bool reads(const Bytes& wire) {
  Template attributes;
  return attributes.read(wire);
}

/// A list of one entry, with one word of its header changed: 0 type, 1 kind, 2 length.
Bytes patched(Bytes wire, size_t word, uint32_t value) {
  memcpy(wire.data() + word * 4, &value, sizeof value);
  return wire;
}

}  // namespace

TEST_CASE("a list of attributes is read as Cryptoki takes it", "[template]") {
  const Bytes id = bytesOf("an id of 13 b");
  AttributeList list;
  list.boolean(CKA_TOKEN, true).number(CKA_KEY_TYPE, CKK_EC).value(CKA_ID, id).value(CKA_LABEL, {}).query(CKA_EC_POINT);
  Template attributes;
  REQUIRE(attributes.read(list.wire()));
  REQUIRE(attributes.size() == 5);
  const CK_ATTRIBUTE* read = attributes.data();
  REQUIRE(read[0].type == CKA_TOKEN);
  REQUIRE(read[0].ulValueLen == 1);
  REQUIRE(*static_cast<CK_BBOOL*>(read[0].pValue) == CK_TRUE);
  REQUIRE(read[1].type == CKA_KEY_TYPE);
  REQUIRE(read[1].ulValueLen == sizeof(CK_ULONG));
  REQUIRE(*static_cast<CK_ULONG*>(read[1].pValue) == CKK_EC);
  REQUIRE(read[2].type == CKA_ID);
  REQUIRE(Bytes(static_cast<uint8_t*>(read[2].pValue), static_cast<uint8_t*>(read[2].pValue) + read[2].ulValueLen) == id);
  REQUIRE(read[3].ulValueLen == 0);
  REQUIRE(read[4].type == CKA_EC_POINT);
  REQUIRE(read[4].ulValueLen == 0);
  REQUIRE(attributes.read({}));
  REQUIRE(attributes.size() == 0);
}

TEST_CASE("a malformed list of attributes is refused", "[template]") {
  const Bytes boolean = AttributeList().boolean(CKA_TOKEN, true).wire();
  const Bytes number = AttributeList().number(CKA_CLASS, 3).wire();
  const Bytes value = AttributeList().value(CKA_ID, bytesOf("12345")).wire();
  REQUIRE(reads(boolean));
  REQUIRE(reads(number));
  REQUIRE(reads(value));
  for (size_t length = 1; length < value.size(); length++) {
    REQUIRE_FALSE(reads(Bytes(value.begin(), value.begin() + static_cast<ptrdiff_t>(length))));
  }
  REQUIRE_FALSE(reads(patched(value, 1, 4)));
  REQUIRE_FALSE(reads(patched(value, 1, 0xffff'ffff)));
  REQUIRE_FALSE(reads(patched(value, 2, 9)));
  REQUIRE_FALSE(reads(patched(value, 2, 0xffff'fff8)));
  REQUIRE_FALSE(reads(patched(value, 2, 0xffff'ffff)));
  REQUIRE_FALSE(reads(patched(boolean, 2, 2)));
  REQUIRE_FALSE(reads(patched(boolean, 2, 0)));
  REQUIRE_FALSE(reads(patched(boolean, 1, static_cast<uint32_t>(AttributeKind::absent))));
  REQUIRE_FALSE(reads(patched(number, 2, 4)));
  REQUIRE_FALSE(reads(AttributeList().entry(CKA_TOKEN, AttributeKind::boolean, Bytes{2}).wire()));
}

TEST_CASE("an attribute that holds a template is refused, for its value would be pointers", "[template]") {
  for (const CK_ATTRIBUTE_TYPE type : {CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE}) {
    REQUIRE(holdsTemplate(type));
    REQUIRE_FALSE(reads(AttributeList().value(type, Bytes(24, 0x41)).wire()));
    REQUIRE_FALSE(reads(AttributeList().boolean(CKA_TOKEN, true).query(type).wire()));
  }
  REQUIRE_FALSE(holdsTemplate(CKA_VALUE));
}

TEST_CASE("a list with more attributes than a template holds is refused", "[template]") {
  AttributeList list;
  for (size_t i = 0; i < Template::kMaxAttributes; i++) list.query(CKA_VENDOR_DEFINED + i);
  REQUIRE(reads(list.wire()));
  list.query(CKA_ID);
  REQUIRE_FALSE(reads(list.wire()));
}

TEST_CASE("an answered value has the kind of its attribute where its length is that of the kind", "[template]") {
  REQUIRE(kindOf(CKA_SENSITIVE, 1) == AttributeKind::boolean);
  REQUIRE(kindOf(CKA_SENSITIVE, 8) == AttributeKind::bytes);
  REQUIRE(kindOf(CKA_KEY_TYPE, sizeof(CK_ULONG)) == AttributeKind::ulong);
  REQUIRE(kindOf(CKA_KEY_TYPE, 4) == AttributeKind::bytes);
  REQUIRE(kindOf(CKA_MODULUS, 256) == AttributeKind::bytes);
  REQUIRE(kindOf(CKA_ID, 1) == AttributeKind::bytes);
  REQUIRE(kindOf(CKA_ID, 8) == AttributeKind::bytes);
}
