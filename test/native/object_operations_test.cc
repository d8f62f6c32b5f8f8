#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "token_session.h"

using namespace strongroom;
using namespace strongroom::test;

namespace {

Record asking(uint64_t object, const AttributeList& list, uint32_t capacity = 4'096) {
  return {.operation = Operation::getAttributes, .capacity = capacity, .object = object, .attributes = list.wire()};
}

Record finding(const AttributeList& list, uint32_t capacity = 8'000) {
  return {.operation = Operation::find, .capacity = capacity, .attributes = list.wire()};
}

AttributeList secretTemplate(const Bytes& id, bool onToken = false) {
  AttributeList list;
  list.number(CKA_CLASS, CKO_SECRET_KEY).number(CKA_KEY_TYPE, CKK_GENERIC_SECRET).boolean(CKA_TOKEN, onToken);
  list.boolean(CKA_PRIVATE, true).boolean(CKA_SIGN, true).value(CKA_ID, id).value(CKA_VALUE, Bytes(32, 0x42));
  return list;
}

std::vector<uint64_t> handlesIn(const Result& result) {
  std::vector<uint64_t> handles;
  for (size_t i = 0; i < result.bytes.size() / sizeof(uint64_t); i++) handles.push_back(result.handle(i));
  return handles;
}

}  // namespace

TEST_CASE("attributes come back in the order of the question, each with its kind, and what is not given as absent", "[objects][token]") {
  TokenSession token;
  const auto keys = token.ecKeyPair();
  AttributeList list;
  list.query(CKA_EC_POINT).query(CKA_CLASS).query(CKA_VALUE).query(CKA_SENSITIVE).query(CKA_MODULUS).query(CKA_ID);
  const Result result = token.run(asking(keys.privateKey, list));
  REQUIRE(result.ok());
  const auto attributes = attributesIn(result.bytes);
  REQUIRE(attributes.size() == 6);
  REQUIRE(attributes[0].type == CKA_EC_POINT);
  REQUIRE(attributes[1].type == CKA_CLASS);
  REQUIRE(attributes[1].kind == AttributeKind::ulong);
  REQUIRE(attributes[1].value == Bytes({CKO_PRIVATE_KEY, 0, 0, 0, 0, 0, 0, 0}));
  REQUIRE(attributes[2].type == CKA_VALUE);
  REQUIRE(attributes[2].kind == AttributeKind::absent);
  REQUIRE(attributes[2].value.empty());
  REQUIRE(attributes[3].kind == AttributeKind::boolean);
  REQUIRE(attributes[3].value == Bytes{1});
  REQUIRE(attributes[4].kind == AttributeKind::absent);
  REQUIRE(attributes[5].type == CKA_ID);
  REQUIRE(attributes[5].value.empty());

  const auto point = attributesIn(token.run(asking(keys.publicKey, AttributeList().query(CKA_EC_POINT))).bytes).at(0);
  REQUIRE(point.kind == AttributeKind::bytes);
  REQUIRE(point.value.size() == 67);
  REQUIRE(Bytes(point.value.begin(), point.value.begin() + 3) == Bytes{0x04, 0x41, 0x04});
}

TEST_CASE("attributes without room say so, and can be asked for again", "[objects][token]") {
  TokenSession token;
  const auto keys = token.rsaKeyPair();
  AttributeList list;
  list.query(CKA_PUBLIC_EXPONENT).query(CKA_MODULUS);
  const Result cut = token.run(asking(keys.publicKey, list), 200);
  REQUIRE(cut.returnValue == CKR_BUFFER_TOO_SMALL);
  REQUIRE(cut.needed == 16 + 8 + 16 + 256);
  const Result whole = token.run(asking(keys.publicKey, list, 296), 296);
  REQUIRE(whole.ok());
  REQUIRE(attributesIn(whole.bytes).at(0).value == Bytes({1, 0, 1}));
  REQUIRE(attributesIn(whole.bytes).at(1).value.size() == 256);
}

TEST_CASE("an object of one lane serves the others, and outlives the session of the lane that made it", "[objects][token]") {
  uint64_t key = 0;
  {
    TokenSession maker;
    key = maker.aesKey();
  }
  TokenSession other;
  const Record sealing{.operation = Operation::encrypt, .parameterKind = ParameterKind::gcm, .mechanism = CKM_AES_GCM,
                       .object = key, .parameter = gcmParameter({}), .input = bytesOf("text")};
  REQUIRE(other.run(sealing).ok());
  REQUIRE(other.run({.operation = Operation::destroy, .object = key}).ok());
  REQUIRE_FALSE(other.run(sealing).ok());
  const Result again = other.run({.operation = Operation::destroy, .object = key});
  REQUIRE(nameOf(again.function) == "C_DestroyObject");
  REQUIRE(again.returnValue == CKR_OBJECT_HANDLE_INVALID);
}

TEST_CASE("a changed attribute is read back, and one that must not change stays", "[objects][token]") {
  TokenSession token;
  const uint64_t key = token.aesKey();
  AttributeList label;
  label.value(CKA_LABEL, bytesOf("another label"));
  REQUIRE(token.run({.operation = Operation::setAttributes, .object = key, .attributes = label.wire()}).ok());
  REQUIRE(attributesIn(token.run(asking(key, AttributeList().query(CKA_LABEL))).bytes).at(0).value == bytesOf("another label"));
  AttributeList open;
  open.boolean(CKA_SENSITIVE, false);
  const Result refused = token.run({.operation = Operation::setAttributes, .object = key, .attributes = open.wire()});
  REQUIRE(nameOf(refused.function) == "C_SetAttributeValue");
  REQUIRE(refused.returnValue == CKR_ATTRIBUTE_READ_ONLY);
}

TEST_CASE("a copy of a token object into the session works like the original", "[objects][token]") {
  TokenSession token;
  const Result original = token.run({.operation = Operation::create, .attributes = secretTemplate(bytesOf("original"), true).wire()});
  REQUIRE(original.ok());
  AttributeList changes;
  changes.boolean(CKA_TOKEN, false).value(CKA_ID, bytesOf("copy"));
  const Result copy = token.run({.operation = Operation::copy, .object = original.handle(), .attributes = changes.wire()});
  REQUIRE(copy.ok());
  REQUIRE(copy.handle() != original.handle());
  const auto mac = [&](uint64_t key) {
    return token.run({.operation = Operation::sign, .mechanism = CKM_SHA256_HMAC, .object = key, .input = bytesOf("m")}).bytes;
  };
  REQUIRE(mac(copy.handle()).size() == 32);
  REQUIRE(mac(copy.handle()) == mac(original.handle()));
  REQUIRE(token.run({.operation = Operation::destroy, .object = original.handle()}).ok());
  REQUIRE(mac(copy.handle()).size() == 32);
}

TEST_CASE("find gives all that match, in more calls than one, and no more than there is capacity for", "[objects][token]") {
  TokenSession token;
  const Bytes id = bytesOf("one of many");
  std::set<uint64_t> made;
  for (int i = 0; i < 300; i++) {
    made.insert(token.run({.operation = Operation::create, .attributes = secretTemplate(id).wire()}).handle());
  }
  REQUIRE(made.size() == 300);
  AttributeList byId;
  byId.value(CKA_ID, id);
  const auto found = handlesIn(token.run(finding(byId)));
  REQUIRE(found.size() == 300);
  REQUIRE(std::set<uint64_t>(found.begin(), found.end()) == made);
  REQUIRE(handlesIn(token.run(finding(byId, 8 * 130 + 7))).size() == 130);
  REQUIRE(token.run(finding(byId, 7)).bytes.empty());
  AttributeList none;
  none.value(CKA_ID, bytesOf("nobody"));
  const Result nothing = token.run(finding(none));
  REQUIRE(nothing.ok());
  REQUIRE(nothing.bytes.empty());
  for (const uint64_t object : made) REQUIRE(token.run({.operation = Operation::destroy, .object = object}).ok());
  REQUIRE(token.run(finding(byId)).bytes.empty());
}

TEST_CASE("a malformed template is refused before the token sees it", "[objects][token]") {
  TokenSession token;
  const uint64_t key = token.aesKey();
  const Bytes malformed(8, 1);
  for (const Operation operation : {Operation::create, Operation::copy, Operation::find, Operation::getAttributes,
                                    Operation::setAttributes, Operation::generateKey, Operation::generateKeyPair,
                                    Operation::unwrap}) {
    const Result result = token.run({.operation = operation, .mechanism = CKM_AES_KEY_GEN, .object = key,
                                     .input = Bytes(24), .attributes = malformed});
    INFO("operation " << static_cast<int>(operation));
    REQUIRE(nameOf(result.function) == "strongroom");
    REQUIRE(result.returnValue == CKR_ARGUMENTS_BAD);
  }
  const Result second = token.run({.operation = Operation::generateKeyPair, .mechanism = CKM_EC_KEY_PAIR_GEN,
                                   .attributes2 = malformed});
  REQUIRE(nameOf(second.function) == "strongroom");
}

TEST_CASE("what the token refuses to make is named", "[objects][token]") {
  TokenSession token;
  AttributeList classless;
  classless.number(CKA_KEY_TYPE, CKK_AES).value(CKA_VALUE, Bytes(16));
  const Result created = token.run({.operation = Operation::create, .attributes = classless.wire()});
  REQUIRE(nameOf(created.function) == "C_CreateObject");
  REQUIRE(created.returnValue == CKR_TEMPLATE_INCOMPLETE);
  const Result generated = token.run({.operation = Operation::generateKey, .mechanism = CKM_AES_KEY_GEN});
  REQUIRE(nameOf(generated.function) == "C_GenerateKey");
  REQUIRE(generated.returnValue == CKR_TEMPLATE_INCOMPLETE);
  const Result pair = token.run({.operation = Operation::generateKeyPair, .mechanism = CKM_EC_KEY_PAIR_GEN});
  REQUIRE(nameOf(pair.function) == "C_GenerateKeyPair");
  REQUIRE_FALSE(pair.ok());
}
