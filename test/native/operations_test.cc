#include "operations.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "softhsm_token.h"
#include "token_session.h"

using namespace strongroom;
using namespace strongroom::test;

namespace {

Record signing(CK_MECHANISM_TYPE mechanism, uint64_t key, const Bytes& input) {
  return {.operation = Operation::sign, .capacity = 512, .mechanism = static_cast<uint32_t>(mechanism), .object = key,
          .input = input};
}

Record verifying(CK_MECHANISM_TYPE mechanism, uint64_t key, const Bytes& input, const Bytes& signature) {
  return {.operation = Operation::verify, .capacity = 0, .mechanism = static_cast<uint32_t>(mechanism), .object = key,
          .input = input, .input2 = signature};
}

Record gcm(Operation operation, uint64_t key, const Bytes& input, const Bytes& iv, const Bytes& aad = {}) {
  return {.operation = operation, .parameterKind = ParameterKind::gcm, .capacity = 4'096, .mechanism = CKM_AES_GCM,
          .object = key, .parameter = gcmParameter(iv, aad), .input = input};
}

void requireFailed(const Result& result, Function function, CK_RV returnValue) {
  REQUIRE(nameOf(result.function) == nameOf(function));
  REQUIRE(result.returnValue == returnValue);
}

}  // namespace

TEST_CASE("the names of functions stand at the numbers that completions carry", "[operations]") {
  REQUIRE(nameOf(Function::none) == "strongroom");
  REQUIRE(nameOf(Function::C_Initialize) == "C_Initialize");
  REQUIRE(nameOf(Function::C_Sign) == "C_Sign");
  REQUIRE(std::string(functionNames().back()) == "C_WaitForSlotEvent");
}

TEST_CASE("an ECDSA signature verifies, and nothing else does", "[operations][token]") {
  TokenSession token;
  const auto keys = token.ecKeyPair();
  const Bytes digest(32, 0x5a);
  const Result signature = token.run(signing(CKM_ECDSA, keys.privateKey, digest));
  REQUIRE(signature.ok());
  REQUIRE(signature.function == Function::C_Sign);
  REQUIRE(signature.bytes.size() == 64);
  REQUIRE(token.run(verifying(CKM_ECDSA, keys.publicKey, digest, signature.bytes)).ok());

  Bytes forged = signature.bytes;
  forged[40] ^= 1;
  requireFailed(token.run(verifying(CKM_ECDSA, keys.publicKey, digest, forged)), Function::C_Verify, CKR_SIGNATURE_INVALID);
  requireFailed(token.run(verifying(CKM_ECDSA, keys.publicKey, Bytes(32, 0x5b), signature.bytes)), Function::C_Verify,
                CKR_SIGNATURE_INVALID);
  const Result cut = token.run(verifying(CKM_ECDSA, keys.publicKey, digest, Bytes(63, 1)));
  requireFailed(cut, Function::C_Verify, CKR_SIGNATURE_LEN_RANGE);
  REQUIRE_FALSE(token.run(verifying(CKM_ECDSA, keys.publicKey, digest, {})).ok());
  // What failed leaves nothing active behind.
  REQUIRE(token.run(verifying(CKM_ECDSA, keys.publicKey, digest, signature.bytes)).ok());
  REQUIRE(token.run(signing(CKM_ECDSA, keys.privateKey, digest)).ok());
}

TEST_CASE("RSA signs with PKCS #1 v1.5 and with PSS and its parameter", "[operations][token]") {
  TokenSession token;
  const auto keys = token.rsaKeyPair();
  const Bytes digest(32, 0x11);
  const Result plain = token.run(signing(CKM_RSA_PKCS, keys.privateKey, digest));
  REQUIRE(plain.bytes.size() == 256);
  REQUIRE(token.run(verifying(CKM_RSA_PKCS, keys.publicKey, digest, plain.bytes)).ok());

  Record pss = signing(CKM_RSA_PKCS_PSS, keys.privateKey, digest);
  pss.parameterKind = ParameterKind::pss;
  pss.parameter = words({CKM_SHA256, CKG_MGF1_SHA256, 32});
  const Result signature = token.run(pss);
  REQUIRE(signature.bytes.size() == 256);
  REQUIRE(token.run(pss).bytes != signature.bytes);
  Record check = verifying(CKM_RSA_PKCS_PSS, keys.publicKey, digest, signature.bytes);
  check.parameterKind = ParameterKind::pss;
  check.parameter = pss.parameter;
  REQUIRE(token.run(check).ok());
  check.input2 = plain.bytes;
  requireFailed(token.run(check), Function::C_Verify, CKR_SIGNATURE_INVALID);
}

TEST_CASE("HMAC-SHA-256 gives the answer of RFC 4231, test case 6", "[operations][token]") {
  TokenSession token;
  const uint64_t key = token.secretOf(Bytes(131, 0xaa));
  const Bytes message = bytesOf("Test Using Larger Than Block-Size Key - Hash Key First");
  const Result mac = token.run(signing(CKM_SHA256_HMAC, key, message));
  REQUIRE(mac.bytes == fromHex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
  REQUIRE(token.run(verifying(CKM_SHA256_HMAC, key, message, mac.bytes)).ok());
  REQUIRE_FALSE(token.run(verifying(CKM_SHA256_HMAC, key, message, Bytes(32, 0))).ok());
}

TEST_CASE("AES-GCM without an IV takes a fresh one of 96 bits each time, and answers it in front", "[operations][token]") {
  TokenSession token;
  const uint64_t key = token.aesKey();
  const Bytes plain = bytesOf("plain text");
  std::set<Bytes> ivs;
  for (int i = 0; i < 10'000; i++) {
    const Result result = token.run(gcm(Operation::encrypt, key, plain, {}), 128);
    if (!result.ok() || result.bytes.size() != 12 + plain.size() + 16) FAIL("encryption " << i << " failed");
    ivs.insert(Bytes(result.bytes.begin(), result.bytes.begin() + 12));
  }
  REQUIRE(ivs.size() == 10'000);

  const Result sealed = token.run(gcm(Operation::encrypt, key, plain, {}, bytesOf("aad")));
  const Bytes iv(sealed.bytes.begin(), sealed.bytes.begin() + 12);
  Bytes ciphertext(sealed.bytes.begin() + 12, sealed.bytes.end());
  REQUIRE(token.run(gcm(Operation::decrypt, key, ciphertext, iv, bytesOf("aad"))).bytes == plain);
  REQUIRE_FALSE(token.run(gcm(Operation::decrypt, key, ciphertext, iv, bytesOf("add"))).ok());
  REQUIRE_FALSE(token.run(gcm(Operation::decrypt, key, ciphertext, iv)).ok());
  ciphertext.back() ^= 1;
  const Result refused = token.run(gcm(Operation::decrypt, key, ciphertext, iv, bytesOf("aad")));
  REQUIRE(nameOf(refused.function) == "C_Decrypt");
  REQUIRE_FALSE(refused.ok());
  requireFailed(token.run(gcm(Operation::decrypt, key, ciphertext, {})), Function::none, CKR_ARGUMENTS_BAD);
}

TEST_CASE("AES-GCM with an IV of the caller's takes that", "[operations][token]") {
  TokenSession token;
  const uint64_t key = token.aesKey();
  const Bytes iv(12, 7);
  const Result sealed = token.run(gcm(Operation::encrypt, key, Bytes(60'000, 0x33), iv));
  // The capacity that the request names is not enough for it.
  requireFailed(sealed, Function::C_Encrypt, CKR_BUFFER_TOO_SMALL);
  REQUIRE(sealed.needed == 60'016);
  Record large = gcm(Operation::encrypt, key, Bytes(60'000, 0x33), iv);
  large.capacity = 60'016;
  const Result whole = token.run(large);
  REQUIRE(whole.bytes.size() == 60'016);
  Record back = gcm(Operation::decrypt, key, whole.bytes, iv);
  back.capacity = 60'016;
  REQUIRE(token.run(back).bytes == Bytes(60'000, 0x33));
}

TEST_CASE("AES-CBC, plain and padded, turns round with its IV", "[operations][token]") {
  TokenSession token;
  const uint64_t key = token.aesKey(16);
  Record record{.operation = Operation::encrypt, .parameterKind = ParameterKind::raw, .capacity = 256,
                .mechanism = CKM_AES_CBC, .object = key, .parameter = Bytes(16, 9), .input = Bytes(48, 1)};
  Result sealed = token.run(record);
  REQUIRE(sealed.bytes.size() == 48);
  record.operation = Operation::decrypt;
  record.input = sealed.bytes;
  REQUIRE(token.run(record).bytes == Bytes(48, 1));

  record.mechanism = CKM_AES_CBC_PAD;
  for (size_t length = 0; length <= 33; length += 11) {
    record.operation = Operation::encrypt;
    record.input = Bytes(length, 2);
    sealed = token.run(record);
    REQUIRE(sealed.bytes.size() == length / 16 * 16 + 16);
    record.operation = Operation::decrypt;
    record.input = sealed.bytes;
    REQUIRE(token.run(record).bytes == Bytes(length, 2));
  }
  record.mechanism = CKM_AES_CBC;
  record.operation = Operation::encrypt;
  record.input = Bytes(15, 1);
  REQUIRE(nameOf(token.run(record).function) == "C_Encrypt");
  REQUIRE_FALSE(token.run(record).ok());
}

TEST_CASE("a digest is that of FIPS 180-4, of nothing too", "[operations][token]") {
  TokenSession token;
  const Record abc{.operation = Operation::digest, .mechanism = CKM_SHA256, .input = bytesOf("abc")};
  REQUIRE(token.run(abc).bytes == fromHex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  const Record nothing{.operation = Operation::digest, .mechanism = CKM_SHA_1};
  REQUIRE(token.run(nothing).bytes == fromHex("da39a3ee5e6b4b0d3255bfef95601890afd80709"));
}

TEST_CASE("random bytes are as many as asked for, and others each time", "[operations][token]") {
  TokenSession token;
  Record record{.operation = Operation::random, .capacity = 4'096};
  const Result first = token.run(record);
  REQUIRE(first.bytes.size() == 4'096);
  REQUIRE(token.run(record).bytes != first.bytes);
  record.capacity = 1;
  REQUIRE(token.run(record).bytes.size() == 1);
  record.capacity = 200;
  requireFailed(token.run(record, 199), Function::none, CKR_ARGUMENTS_BAD);
}

TEST_CASE("bytes of the prefetched random block are given once", "[operations][token]") {
  TokenSession token;
  REQUIRE(token.run({.operation = Operation::random, .capacity = 1}).ok());
  std::set<Bytes> taken;
  for (size_t i = 0; i < 5'000; i++) {
    Bytes bytes(8 + i % 9);
    REQUIRE(token.session().takeRandom(bytes) == CKR_OK);
    bytes.resize(8);
    taken.insert(bytes);
  }
  REQUIRE(taken.size() == 5'000);
}

TEST_CASE("the token says who it is and what it can do", "[operations][token]") {
  TokenSession token;
  const Result about = token.run({.operation = Operation::tokenInfo});
  REQUIRE(about.bytes.size() == 160);
  const std::string text(about.bytes.begin(), about.bytes.begin() + 96);
  REQUIRE(text.substr(0, 6) == "native");
  REQUIRE(text.substr(32, 7) == "SoftHSM");
  REQUIRE(text.substr(80, 16) == SoftHsmToken::get().serial);
  uint64_t flags;
  memcpy(&flags, about.bytes.data() + 96, sizeof flags);
  REQUIRE((flags & CKF_TOKEN_INITIALIZED) != 0);

  const Result list = token.run({.operation = Operation::mechanisms, .capacity = 8'192});
  REQUIRE(list.bytes.size() % 16 == 0);
  bool signs = false;
  for (size_t at = 0; at < list.bytes.size(); at += 16) {
    uint32_t entry[4];
    memcpy(entry, list.bytes.data() + at, sizeof entry);
    signs = signs || (entry[0] == CKM_ECDSA && (entry[3] & CKF_SIGN) != 0 && entry[2] >= 256);
  }
  REQUIRE(signs);
  const Result cut = token.run({.operation = Operation::mechanisms, .capacity = 8'192}, 100);
  REQUIRE(cut.returnValue == CKR_BUFFER_TOO_SMALL);
  REQUIRE(cut.needed == list.bytes.size());
}

TEST_CASE("an answer without room says how long it is, and the session goes on", "[operations][token]") {
  TokenSession token;
  const auto keys = token.rsaKeyPair();
  const Bytes digest(32, 1);
  const Result cut = token.run(signing(CKM_RSA_PKCS, keys.privateKey, digest), 255);
  requireFailed(cut, Function::C_Sign, CKR_BUFFER_TOO_SMALL);
  REQUIRE(cut.needed == 256);
  REQUIRE(token.run(signing(CKM_RSA_PKCS, keys.privateKey, digest), 256).ok());
  Record narrow = signing(CKM_RSA_PKCS, keys.privateKey, digest);
  narrow.capacity = 255;
  const Result refused = token.run(narrow);
  requireFailed(refused, Function::C_Sign, CKR_BUFFER_TOO_SMALL);
  REQUIRE(refused.needed == 256);
  narrow.capacity = 256;
  REQUIRE(token.run(narrow).ok());
}

TEST_CASE("an error names the function and the return value of the token", "[operations][token]") {
  TokenSession token;
  const auto keys = token.ecKeyPair();
  const Result noKey = token.run(signing(CKM_ECDSA, 0x7fff'ffff, Bytes(32)));
  REQUIRE(nameOf(noKey.function) == "C_SignInit");
  REQUIRE((noKey.returnValue == CKR_KEY_HANDLE_INVALID || noKey.returnValue == CKR_OBJECT_HANDLE_INVALID));
  requireFailed(token.run(signing(CKM_DSA_SHA512 + 0x7000, keys.privateKey, Bytes(32))), Function::C_SignInit,
                CKR_MECHANISM_INVALID);
  // A public key cannot sign.
  const Result wrongKind = token.run(signing(CKM_ECDSA, keys.publicKey, Bytes(32)));
  REQUIRE(nameOf(wrongKind.function) == "C_SignInit");
  REQUIRE_FALSE(wrongKind.ok());
}

TEST_CASE("a parameter that is not what its kind asks for is refused before the token sees it", "[operations][token]") {
  TokenSession token;
  const uint64_t key = token.aesKey();
  struct Fault {
    ParameterKind kind;
    Bytes parameter;
  };
  Bytes longerAad = gcmParameter(Bytes(12), Bytes(4));
  longerAad[4] = 5;
  Bytes wrapping = gcmParameter(Bytes(12), Bytes(4));
  for (size_t i = 0; i < 8; i++) wrapping[i] = 0xff;
  const Fault faults[] = {
      {ParameterKind::none, Bytes(16)},
      {ParameterKind::gcm, {}},
      {ParameterKind::gcm, Bytes(15)},
      {ParameterKind::gcm, longerAad},
      {ParameterKind::gcm, wrapping},
      {ParameterKind::gcm, gcmParameter(Bytes(12), {}, 129)},
      {ParameterKind::oaep, Bytes(7)},
      {ParameterKind::oaep, Bytes(12)},
      {ParameterKind::pss, Bytes(8)},
      {ParameterKind::pss, Bytes(16)},
  };
  for (const Fault& fault : faults) {
    for (const Operation operation : {Operation::encrypt, Operation::decrypt, Operation::sign, Operation::verify,
                                      Operation::digest, Operation::wrap, Operation::unwrap, Operation::generateKey,
                                      Operation::generateKeyPair, Operation::wrapBytes, Operation::unwrapBytes}) {
      const Record record{.operation = operation, .parameterKind = fault.kind, .mechanism = CKM_AES_GCM, .object = key,
                          .parameter = fault.parameter, .input = Bytes(16)};
      requireFailed(token.run(record), Function::none, CKR_ARGUMENTS_BAD);
    }
  }
}

TEST_CASE("an operation left active by others does not stand in the way", "[operations][token]") {
  TokenSession token;
  const auto keys = token.ecKeyPair();
  CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
  CK_FUNCTION_LIST& api = token.session().api();
  REQUIRE(token.session().open() == CKR_OK);
  REQUIRE(api.C_SignInit(token.session().handle(), &mechanism, keys.privateKey) == CKR_OK);
  REQUIRE(token.run(signing(CKM_ECDSA, keys.privateKey, Bytes(32))).ok());
  REQUIRE(api.C_FindObjectsInit(token.session().handle(), nullptr, 0) == CKR_OK);
  REQUIRE(token.run({.operation = Operation::digest, .mechanism = CKM_SHA256}).ok());
}

TEST_CASE("a session that the token has lost is replaced for the next request", "[operations][token]") {
  TokenSession token;
  const auto keys = token.ecKeyPair();
  REQUIRE(token.run(signing(CKM_ECDSA, keys.privateKey, Bytes(32))).ok());
  REQUIRE(token.session().api().C_CloseSession(token.session().handle()) == CKR_OK);
  requireFailed(token.run(signing(CKM_ECDSA, keys.privateKey, Bytes(32))), Function::C_SignInit,
                CKR_SESSION_HANDLE_INVALID);
  // The keys were not made by that session, and so they did not go with it.
  REQUIRE(token.run(signing(CKM_ECDSA, keys.privateKey, Bytes(32))).ok());
}
