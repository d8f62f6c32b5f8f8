#include "token_session.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>

#include "softhsm_token.h"

namespace strongroom::test {
namespace {

/// Object identifier of P-256, 1.2.840.10045.3.1.7, in DER.
const Bytes kP256 = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

}  // namespace

uint64_t Result::handle(size_t place) const {
  uint64_t handle;
  REQUIRE(bytes.size() >= (place + 1) * sizeof handle);
  memcpy(&handle, bytes.data() + place * sizeof handle, sizeof handle);
  return handle;
}

Module& tokenModule() {
  // Never finalised: the process ends with it.
  static Module* const module = [] {
    const SoftHsmToken& token = SoftHsmToken::get();
    const std::string pin = SoftHsmToken::kPin;
    auto* opened = new Module;
    const Failure failure = opened->open({.path = SoftHsmToken::kModule, .tokenSerial = token.serial, .lanes = 8},
                                         bytesOf(pin));
    INFO(failure.message);
    REQUIRE_FALSE(failure.failed());
    return opened;
  }();
  return *module;
}

Result TokenSession::run(const Record& record, size_t room) {
  Bytes wire = record.bytes();
  Request request{};
  memcpy(&request.header, wire.data(), sizeof request.header);
  REQUIRE(readSections(request, {wire.data() + sizeof request.header, wire.size() - sizeof request.header}));
  Bytes buffer(room);
  Answer answer(buffer);
  operations_.perform(request, answer);
  Result result{answer.function(), answer.returnValue(), answer.needed(), {}};
  if (answer.ok()) result.bytes.assign(answer.bytes().begin(), answer.bytes().end());
  answer.zeroise();
  REQUIRE(std::all_of(buffer.begin(), buffer.end(), [](uint8_t byte) { return byte == 0; }));
  return result;
}

uint64_t TokenSession::aesKey(size_t bytes) {
  AttributeList list;
  list.boolean(CKA_TOKEN, false).boolean(CKA_PRIVATE, true).boolean(CKA_SENSITIVE, true).number(CKA_VALUE_LEN, bytes);
  list.boolean(CKA_ENCRYPT, true).boolean(CKA_DECRYPT, true).boolean(CKA_WRAP, true).boolean(CKA_UNWRAP, true);
  list.boolean(CKA_EXTRACTABLE, true);
  const Result result =
      run({.operation = Operation::generateKey, .mechanism = CKM_AES_KEY_GEN, .attributes = list.wire()});
  REQUIRE(result.ok());
  return result.handle();
}

uint64_t TokenSession::secretOf(const Bytes& value) {
  AttributeList list;
  list.number(CKA_CLASS, CKO_SECRET_KEY).number(CKA_KEY_TYPE, CKK_GENERIC_SECRET).boolean(CKA_TOKEN, false);
  list.boolean(CKA_PRIVATE, true).boolean(CKA_SENSITIVE, true).boolean(CKA_EXTRACTABLE, true);
  list.boolean(CKA_SIGN, true).boolean(CKA_VERIFY, true).value(CKA_VALUE, value);
  const Result result = run({.operation = Operation::create, .attributes = list.wire()});
  REQUIRE(result.ok());
  return result.handle();
}

TokenSession::KeyPair TokenSession::ecKeyPair() {
  AttributeList publicKey;
  publicKey.boolean(CKA_TOKEN, false).boolean(CKA_VERIFY, true).value(CKA_EC_PARAMS, kP256);
  AttributeList privateKey;
  privateKey.boolean(CKA_TOKEN, false).boolean(CKA_PRIVATE, true).boolean(CKA_SENSITIVE, true).boolean(CKA_SIGN, true);
  privateKey.boolean(CKA_EXTRACTABLE, true);
  const Result result = run({.operation = Operation::generateKeyPair, .mechanism = CKM_EC_KEY_PAIR_GEN,
                             .attributes = publicKey.wire(), .attributes2 = privateKey.wire()});
  REQUIRE(result.ok());
  return {result.handle(0), result.handle(1)};
}

TokenSession::KeyPair TokenSession::rsaKeyPair(CK_ULONG bits) {
  AttributeList publicKey;
  publicKey.boolean(CKA_TOKEN, false).boolean(CKA_VERIFY, true).boolean(CKA_ENCRYPT, true);
  publicKey.number(CKA_MODULUS_BITS, bits).value(CKA_PUBLIC_EXPONENT, {1, 0, 1});
  AttributeList privateKey;
  privateKey.boolean(CKA_TOKEN, false).boolean(CKA_PRIVATE, true).boolean(CKA_SENSITIVE, true).boolean(CKA_SIGN, true);
  privateKey.boolean(CKA_DECRYPT, true);
  const Result result = run({.operation = Operation::generateKeyPair, .mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN,
                             .attributes = publicKey.wire(), .attributes2 = privateKey.wire()});
  REQUIRE(result.ok());
  return {result.handle(0), result.handle(1)};
}

Bytes gcmParameter(const Bytes& iv, const Bytes& aad, uint32_t tagBits) {
  Bytes parameter = words({static_cast<uint32_t>(iv.size()), static_cast<uint32_t>(aad.size()), tagBits, 0});
  parameter.insert(parameter.end(), iv.begin(), iv.end());
  parameter.insert(parameter.end(), aad.begin(), aad.end());
  return parameter;
}

Bytes words(std::initializer_list<uint32_t> values) {
  Bytes bytes(values.size() * sizeof(uint32_t));
  memcpy(bytes.data(), values.begin(), bytes.size());
  return bytes;
}

std::string nameOf(Function function) { return functionNames()[static_cast<size_t>(function)]; }

}  // namespace strongroom::test
