#include "oaep.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "oaep_vectors.h"
#include "token_session.h"

using namespace strongroom;
using namespace strongroom::test;

namespace {

/// Hashes in the tests' token; fails from a call on when told to.
class SessionDigester : public Digester {
 public:
  explicit SessionDigester(Session& session) : session_(session) { REQUIRE(session.open() == CKR_OK); }

  bool digest(const OaepHash& hash, std::span<const uint8_t> input, uint8_t* out) override {
    if (callsLeft-- == 0) return false;
    CK_MECHANISM mechanism{hash.mechanism, nullptr, 0};
    CK_ULONG length = hash.bytes;
    return session_.api().C_DigestInit(session_.handle(), &mechanism) == CKR_OK &&
           session_.api().C_Digest(session_.handle(), const_cast<CK_BYTE_PTR>(input.data()), input.size(), out, &length) ==
               CKR_OK;
  }

  int callsLeft = -1;

 private:
  Session& session_;
};

struct RsaOaep {
  uint32_t hash;
  uint32_t maskGeneration;
  size_t hashBytes;
};
const RsaOaep kParameters[] = {{CKM_SHA_1, CKG_MGF1_SHA1, 20},
                               {CKM_SHA256, CKG_MGF1_SHA256, 32},
                               {CKM_SHA384, CKG_MGF1_SHA384, 48},
                               {CKM_SHA512, CKG_MGF1_SHA512, 64},
                               {CKM_SHA256, CKG_MGF1_SHA1, 32}};

Record oaep(Operation operation, uint64_t key, const RsaOaep& parameter, const Bytes& input) {
  return {.operation = operation, .parameterKind = ParameterKind::oaep, .capacity = 512, .mechanism = CKM_RSA_X_509,
          .object = key, .parameter = words({parameter.hash, parameter.maskGeneration}), .input = input};
}

bool isZero(std::span<const uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

}  // namespace

TEST_CASE("encodings that OpenSSL takes decode to their messages, and those that it refuses do not", "[oaep][token]") {
  TokenSession token;
  SessionDigester digester(token.session());
  for (const OaepVector& vector : kOaepVectors) {
    INFO(vector.name);
    Oaep oaep(*oaepHash(vector.hash), *oaepMaskHash(vector.maskGeneration), digester);
    Bytes encoded = fromHex(vector.encoded);
    Oaep::Decoded decoded{};
    REQUIRE(oaep.decode(encoded, decoded));
    if (vector.message == nullptr) {
      REQUIRE(decoded.valid == 0);
      REQUIRE(decoded.length == 0);
      REQUIRE(isZero(encoded));
    } else {
      const Bytes message = fromHex(vector.message);
      REQUIRE(decoded.valid == ~uint64_t{0});
      REQUIRE(decoded.length == message.size());
      REQUIRE(Bytes(encoded.begin(), encoded.begin() + static_cast<ptrdiff_t>(decoded.length)) == message);
      REQUIRE(isZero(std::span(encoded).subspan(decoded.length)));
    }
  }
}

TEST_CASE("every message length encodes and decodes again, and every flipped bit is noticed", "[oaep][token]") {
  TokenSession token;
  SessionDigester digester(token.session());
  constexpr size_t kModulusBytes = 96;
  Oaep oaep(*oaepHash(CKM_SHA256), *oaepMaskHash(CKG_MGF1_SHA256), digester);
  REQUIRE(oaep.longestMessage(kModulusBytes) == 30);
  REQUIRE(oaep.longestMessage(65) < 0);
  Bytes seed(32);
  for (size_t length = 0; length <= 30; length++) {
    std::fill(seed.begin(), seed.end(), static_cast<uint8_t>(length + 1));
    const Bytes message(length, static_cast<uint8_t>(length));
    Bytes encoded(kModulusBytes, 0xff);
    REQUIRE(oaep.encode(message, seed, encoded));
    REQUIRE(encoded[0] == 0);
    Bytes copy = encoded;
    Oaep::Decoded decoded{};
    REQUIRE(oaep.decode(copy, decoded));
    REQUIRE(decoded.valid != 0);
    REQUIRE(decoded.length == length);
    REQUIRE(Bytes(copy.begin(), copy.begin() + static_cast<ptrdiff_t>(length)) == message);
    Bytes flipped = encoded;
    flipped[length * 3] ^= static_cast<uint8_t>(1 << (length % 8));
    REQUIRE(oaep.decode(flipped, decoded));
    REQUIRE(decoded.valid == 0);
    REQUIRE(isZero(flipped));
  }
}

TEST_CASE("a digest that fails fails the encoding and the decoding", "[oaep][token]") {
  TokenSession token;
  SessionDigester digester(token.session());
  Oaep oaep(*oaepHash(CKM_SHA256), *oaepMaskHash(CKG_MGF1_SHA256), digester);
  for (int calls = 0; calls < 3; calls++) {
    Bytes encoded(96);
    Oaep::Decoded decoded{};
    digester.callsLeft = calls;
    REQUIRE_FALSE(oaep.encode(Bytes(4), Bytes(32), encoded));
    digester.callsLeft = calls;
    REQUIRE_FALSE(oaep.decode(encoded, decoded));
  }
}

TEST_CASE("only the four SHA hashes are for OAEP", "[oaep]") {
  REQUIRE(oaepHash(CKM_SHA512)->bytes == 64);
  REQUIRE(oaepHash(CKM_MD5) == nullptr);
  REQUIRE(oaepHash(0) == nullptr);
  REQUIRE(oaepMaskHash(CKG_MGF1_SHA384)->bytes == 48);
  REQUIRE(oaepMaskHash(0) == nullptr);
  REQUIRE(oaepMaskHash(99) == nullptr);
}

TEST_CASE("OAEP over raw RSA in the token turns round with each hash and length", "[oaep][token]") {
  TokenSession token;
  const auto keys = token.rsaKeyPair();
  for (const RsaOaep& parameter : kParameters) {
    const size_t longest = 256 - 2 * parameter.hashBytes - 2;
    for (const size_t length : {size_t{0}, size_t{1}, size_t{32}, longest}) {
      const Bytes message(length, 0x6b);
      const Result sealed = token.run(oaep(Operation::oaepEncrypt, keys.publicKey, parameter, message));
      REQUIRE(sealed.ok());
      REQUIRE(sealed.bytes.size() == 256);
      REQUIRE(token.run(oaep(Operation::oaepEncrypt, keys.publicKey, parameter, message)).bytes != sealed.bytes);
      const Result opened = token.run(oaep(Operation::oaepDecrypt, keys.privateKey, parameter, sealed.bytes));
      REQUIRE(opened.ok());
      REQUIRE(opened.bytes == message);
    }
    const Result tooLong = token.run(oaep(Operation::oaepEncrypt, keys.publicKey, parameter, Bytes(longest + 1)));
    REQUIRE(nameOf(tooLong.function) == "strongroom");
    REQUIRE(tooLong.returnValue == CKR_DATA_LEN_RANGE);
  }
}

TEST_CASE("our OAEP and that of the token understand each other", "[oaep][token]") {
  TokenSession token;
  const auto keys = token.rsaKeyPair();
  const Bytes message = bytesOf("a key to be wrapped");
  Record theirs = oaep(Operation::encrypt, keys.publicKey, kParameters[0], message);
  theirs.mechanism = CKM_RSA_PKCS_OAEP;
  const Result sealedByToken = token.run(theirs);
  REQUIRE(sealedByToken.ok());
  REQUIRE(token.run(oaep(Operation::oaepDecrypt, keys.privateKey, kParameters[0], sealedByToken.bytes)).bytes == message);
  theirs.operation = Operation::decrypt;
  theirs.object = keys.privateKey;
  theirs.input = token.run(oaep(Operation::oaepEncrypt, keys.publicKey, kParameters[0], message)).bytes;
  REQUIRE(token.run(theirs).bytes == message);
}

TEST_CASE("what is not an OAEP ciphertext for the key and hash is refused in one way", "[oaep][token]") {
  TokenSession token;
  const auto keys = token.rsaKeyPair();
  const Result sealed = token.run(oaep(Operation::oaepEncrypt, keys.publicKey, kParameters[1], bytesOf("message")));
  const auto refusal = [&](const RsaOaep& parameter, const Bytes& input) {
    const Result result = token.run(oaep(Operation::oaepDecrypt, keys.privateKey, parameter, input));
    REQUIRE(result.bytes.empty());
    return nameOf(result.function) + " " + std::to_string(result.returnValue);
  };
  const std::string invalid = "C_Decrypt " + std::to_string(CKR_ENCRYPTED_DATA_INVALID);
  Bytes flipped = sealed.bytes;
  flipped[255] ^= 1;
  REQUIRE(refusal(kParameters[1], flipped) == invalid);
  REQUIRE(refusal(kParameters[0], sealed.bytes) == invalid);
  REQUIRE(refusal(kParameters[4], sealed.bytes) == invalid);
  REQUIRE(refusal(kParameters[1], Bytes(256, 0)) == invalid);
  const std::string length = "strongroom " + std::to_string(CKR_ENCRYPTED_DATA_LEN_RANGE);
  REQUIRE(refusal(kParameters[1], {}) == length);
  REQUIRE(refusal(kParameters[1], Bytes(65)) == length);
  REQUIRE(refusal(kParameters[1], Bytes(kMaxModulusBytes + 1)) == length);
  REQUIRE(refusal({CKM_MD5, CKG_MGF1_SHA1, 16}, sealed.bytes) == "strongroom " + std::to_string(CKR_MECHANISM_PARAM_INVALID));
  REQUIRE(refusal({CKM_SHA_1, 77, 20}, sealed.bytes) == "strongroom " + std::to_string(CKR_MECHANISM_PARAM_INVALID));
  // Shorter or longer than the modulus: the token's own affair, but never a message.
  REQUIRE_FALSE(token.run(oaep(Operation::oaepDecrypt, keys.privateKey, kParameters[1], Bytes(255, 1))).ok());
  REQUIRE_FALSE(token.run(oaep(Operation::oaepDecrypt, keys.privateKey, kParameters[1], Bytes(257, 1))).ok());
}
