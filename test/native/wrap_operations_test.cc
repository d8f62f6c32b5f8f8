#include <catch2/catch.hpp>

#include "token_session.h"

using namespace strongroom;
using namespace strongroom::test;

namespace {

uint64_t knownAesKey(TokenSession& token, const Bytes& value) {
  AttributeList list;
  list.number(CKA_CLASS, CKO_SECRET_KEY).number(CKA_KEY_TYPE, CKK_AES).boolean(CKA_TOKEN, false).value(CKA_VALUE, value);
  list.boolean(CKA_WRAP, true).boolean(CKA_UNWRAP, true).boolean(CKA_ENCRYPT, true).boolean(CKA_DECRYPT, true);
  const Result result = token.run({.operation = Operation::create, .attributes = list.wire()});
  REQUIRE(result.ok());
  return result.handle();
}

Record wrapping(Operation operation, CK_MECHANISM_TYPE mechanism, uint64_t key, const Bytes& input) {
  return {.operation = operation, .capacity = 4'096, .mechanism = static_cast<uint32_t>(mechanism), .object = key,
          .input = input};
}

size_t secretObjects(TokenSession& token) {
  AttributeList list;
  list.number(CKA_CLASS, CKO_SECRET_KEY);
  return token.run({.operation = Operation::find, .capacity = 65'536, .attributes = list.wire()}).bytes.size() / 8;
}

}  // namespace

TEST_CASE("a key wrapped under another and unwrapped again is the same key, and can no longer be taken out", "[wrap][token]") {
  TokenSession token;
  const uint64_t kek = token.aesKey();
  const auto keys = token.ecKeyPair();
  const Record wrap{.operation = Operation::wrap, .capacity = 1'024, .mechanism = CKM_AES_KEY_WRAP_PAD, .object = kek,
                    .object2 = keys.privateKey};
  const Result wrapped = token.run(wrap);
  REQUIRE(wrapped.ok());
  REQUIRE(wrapped.bytes.size() > 32);

  AttributeList list;
  list.number(CKA_CLASS, CKO_PRIVATE_KEY).number(CKA_KEY_TYPE, CKK_EC).boolean(CKA_TOKEN, false);
  list.boolean(CKA_PRIVATE, true).boolean(CKA_SENSITIVE, true).boolean(CKA_EXTRACTABLE, false).boolean(CKA_SIGN, true);
  Record unwrap = wrapping(Operation::unwrap, CKM_AES_KEY_WRAP_PAD, kek, wrapped.bytes);
  unwrap.attributes = list.wire();
  const Result unwrapped = token.run(unwrap);
  REQUIRE(unwrapped.ok());
  const Bytes digest(32, 3);
  const Result signature = token.run({.operation = Operation::sign, .mechanism = CKM_ECDSA, .object = unwrapped.handle(), .input = digest});
  REQUIRE(signature.ok());
  REQUIRE(token.run({.operation = Operation::verify, .mechanism = CKM_ECDSA, .object = keys.publicKey, .input = digest,
                     .input2 = signature.bytes}).ok());

  Record again = wrap;
  again.object2 = unwrapped.handle();
  const Result refused = token.run(again);
  REQUIRE(nameOf(refused.function) == "C_WrapKey");
  REQUIRE(refused.returnValue == CKR_KEY_UNEXTRACTABLE);

  unwrap.input[10] ^= 1;
  const Result tampered = token.run(unwrap);
  REQUIRE(nameOf(tampered.function) == "C_UnwrapKey");
  REQUIRE_FALSE(tampered.ok());
}

TEST_CASE("bytes are wrapped and unwrapped as RFC 3394 and RFC 5649 have it", "[wrap][token]") {
  TokenSession token;
  struct Vector {
    CK_MECHANISM_TYPE mechanism;
    const char* key;
    const char* plain;
    const char* wrapped;
    bool unwrapOnly;
  };
  const Vector vectors[] = {
      // RFC 3394, 4.1 and 4.6
      {CKM_AES_KEY_WRAP, "000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
       "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5", false},
      {CKM_AES_KEY_WRAP, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
       "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
       "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21", false},
      // Made by OpenSSL 3.5.8 (id-aes192-wrap-pad).
      {CKM_AES_KEY_WRAP_PAD, "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
       "c37b7e6492584340bed12207808941155068f73800000000",
       "cf1e485360e1a8126f524d01771677f9400edb4d074f14116988d71e1588e367", false},
      // RFC 5649, 6: lengths that SoftHSM does not keep when it wraps (see below).
      {CKM_AES_KEY_WRAP_PAD, "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
       "c37b7e6492584340bed12207808941155068f738", "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
       true},
      {CKM_AES_KEY_WRAP_PAD, "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8", "466f7250617369",
       "afbeb0f07dfbf5419200f2ccb50bb24f", true},
  };
  for (const Vector& vector : vectors) {
    INFO(vector.wrapped);
    const uint64_t key = knownAesKey(token, fromHex(vector.key));
    if (!vector.unwrapOnly) {
      const Result wrapped = token.run(wrapping(Operation::wrapBytes, vector.mechanism, key, fromHex(vector.plain)));
      REQUIRE(nameOf(wrapped.function) == "C_WrapKey");
      REQUIRE(wrapped.ok());
      REQUIRE(wrapped.bytes == fromHex(vector.wrapped));
    }
    const Result plain = token.run(wrapping(Operation::unwrapBytes, vector.mechanism, key, fromHex(vector.wrapped)));
    REQUIRE(plain.ok());
    REQUIRE(plain.bytes == fromHex(vector.plain));
  }
}

TEST_CASE("SoftHSM fills up with zeros to 8 bytes before it wraps: callers have to see to the length", "[wrap][token]") {
  TokenSession token;
  const uint64_t key = token.aesKey();
  Bytes filled(33, 5);
  filled.resize(40);
  for (const CK_MECHANISM_TYPE mechanism : {CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD}) {
    const Result wrapped = token.run(wrapping(Operation::wrapBytes, mechanism, key, Bytes(33, 5)));
    REQUIRE(token.run(wrapping(Operation::unwrapBytes, mechanism, key, wrapped.bytes)).bytes == filled);
  }
}

TEST_CASE("wrapping bytes leaves no object behind, whether it went well or not", "[wrap][token]") {
  TokenSession token;
  const uint64_t key = token.aesKey();
  const size_t before = secretObjects(token);
  for (int i = 0; i < 20; i++) {
    const Result wrapped = token.run(wrapping(Operation::wrapBytes, CKM_AES_KEY_WRAP_PAD, key, Bytes(40, 5)));
    REQUIRE(wrapped.ok());
    REQUIRE(token.run(wrapping(Operation::unwrapBytes, CKM_AES_KEY_WRAP_PAD, key, wrapped.bytes)).bytes == Bytes(40, 5));
    Bytes tampered = wrapped.bytes;
    tampered[0] ^= 0x80;
    const Result refused = token.run(wrapping(Operation::unwrapBytes, CKM_AES_KEY_WRAP_PAD, key, tampered));
    REQUIRE(nameOf(refused.function) == "C_UnwrapKey");
    REQUIRE_FALSE(refused.ok());
    // No key wrap knows fewer than 16 bytes without padding.
    REQUIRE_FALSE(token.run(wrapping(Operation::wrapBytes, CKM_AES_KEY_WRAP, key, Bytes(8, 5))).ok());
    REQUIRE_FALSE(token.run(wrapping(Operation::wrapBytes, CKM_AES_KEY_WRAP_PAD, 0x7fff'ffff, Bytes(32, 5))).ok());
    REQUIRE(token.run(wrapping(Operation::wrapBytes, CKM_AES_KEY_WRAP_PAD, key, Bytes(33, 5)), 40).returnValue == CKR_BUFFER_TOO_SMALL);
    REQUIRE(token.run(wrapping(Operation::unwrapBytes, CKM_AES_KEY_WRAP_PAD, key, wrapped.bytes), 16).returnValue == CKR_BUFFER_TOO_SMALL);
  }
  REQUIRE(secretObjects(token) == before);
}

TEST_CASE("a wrapped key without room says how long it is", "[wrap][token]") {
  TokenSession token;
  const uint64_t kek = token.aesKey();
  const uint64_t key = token.aesKey();
  const Record wrap{.operation = Operation::wrap, .capacity = 1'024, .mechanism = CKM_AES_KEY_WRAP_PAD, .object = kek, .object2 = key};
  const Result cut = token.run(wrap, 39);
  REQUIRE(nameOf(cut.function) == "C_WrapKey");
  REQUIRE(cut.returnValue == CKR_BUFFER_TOO_SMALL);
  REQUIRE(cut.needed == 40);
  REQUIRE(token.run(wrap, 40).ok());
}
