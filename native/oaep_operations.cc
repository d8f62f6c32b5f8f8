#include <string.h>

#include <algorithm>
#include <array>

#include "oaep.h"
#include "operations.h"

namespace strongroom {

namespace {

/// Hashes in the token, over the lane's session, and reports each call.
class TokenDigester : public Digester {
 public:
  TokenDigester(Session& session, Answer& answer) : session_(session), answer_(answer) {}

  bool digest(const OaepHash& hash, std::span<const uint8_t> input, uint8_t* out) override {
    CK_FUNCTION_LIST& api = session_.api();
    CK_MECHANISM mechanism{hash.mechanism, nullptr, 0};
    if (!answer_.report(Function::C_DigestInit, api.C_DigestInit(session_.handle(), &mechanism))) return false;
    CK_ULONG length = hash.bytes;
    const CK_RV result =
        api.C_Digest(session_.handle(), const_cast<CK_BYTE_PTR>(input.data()), input.size(), out, &length);
    return answer_.report(Function::C_Digest, result == CKR_OK && length != hash.bytes ? CKR_GENERAL_ERROR : result);
  }

 private:
  Session& session_;
  Answer& answer_;
};

struct OaepHashes {
  const OaepHash* hash = nullptr;
  const OaepHash* maskHash = nullptr;
};

bool readHashes(const Request& request, OaepHashes& hashes, Answer& answer) {
  OaepParameter parameter;
  if (readOaepParameter(request, parameter)) {
    hashes = {oaepHash(parameter.hash), oaepMaskHash(parameter.maskGeneration)};
  }
  if (hashes.hash != nullptr && hashes.maskHash != nullptr) return true;
  answer.report(Function::none, CKR_MECHANISM_PARAM_INVALID);
  return false;
}

/// Bytes of the modulus of a public key; 0 when the token does not tell, and the answer says so.
size_t modulusBytes(Session& session, CK_OBJECT_HANDLE publicKey, Answer& answer) {
  std::array<uint8_t, kMaxModulusBytes + 1> modulus;
  CK_ATTRIBUTE attribute{CKA_MODULUS, modulus.data(), modulus.size()};
  const CK_RV result = session.api().C_GetAttributeValue(session.handle(), publicKey, &attribute, 1);
  if (!answer.report(Function::C_GetAttributeValue, result)) return 0;
  const std::span<const uint8_t> bytes(modulus.data(), std::min<size_t>(attribute.ulValueLen, modulus.size()));
  const auto first = std::find_if(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte != 0; });
  const auto length = static_cast<size_t>(bytes.end() - first);
  if (length == 0 || length > kMaxModulusBytes) answer.report(Function::C_GetAttributeValue, CKR_KEY_SIZE_RANGE);
  return answer.ok() ? length : 0;
}

}  // namespace

void Operations::oaepEncrypt(const Request& request, Answer& answer) {
  OaepHashes hashes;
  if (!readHashes(request, hashes, answer)) return;
  const size_t length = modulusBytes(session_, request.header.object, answer);
  if (length == 0) return;
  TokenDigester digester(session_, answer);
  Oaep oaep(*hashes.hash, *hashes.maskHash, digester);
  if (static_cast<ptrdiff_t>(request.input.size()) > oaep.longestMessage(length)) {
    answer.report(Function::none, CKR_DATA_LEN_RANGE);
    return;
  }
  std::array<uint8_t, kMaxHashBytes> seedBytes;
  std::array<uint8_t, kMaxModulusBytes> encodedBytes;
  const std::span<uint8_t> seed(seedBytes.data(), hashes.hash->bytes);
  const std::span<uint8_t> encoded(encodedBytes.data(), length);
  if (answer.report(Function::C_GenerateRandom, session_.takeRandom(seed)) &&
      oaep.encode(request.input, seed, encoded)) {
    CK_FUNCTION_LIST& api = session_.api();
    CK_MECHANISM mechanism{request.header.mechanism, nullptr, 0};
    const bool begun = begin(Function::C_EncryptInit, answer, [&](CK_SESSION_HANDLE session) {
      return api.C_EncryptInit(session, &mechanism, request.header.object);
    });
    if (begun) produce(Function::C_Encrypt, api.C_Encrypt, encoded, answer);
  }
  explicit_bzero(seed.data(), seed.size());
  explicit_bzero(encoded.data(), encoded.size());
}

void Operations::oaepDecrypt(const Request& request, Answer& answer) {
  OaepHashes hashes;
  if (!readHashes(request, hashes, answer)) return;
  TokenDigester digester(session_, answer);
  Oaep oaep(*hashes.hash, *hashes.maskHash, digester);
  // The ciphertext is as long as the modulus (RFC 8017 §7.1.2, step 1).
  const size_t length = request.input.size();
  if (length > kMaxModulusBytes || oaep.longestMessage(length) < 0) {
    answer.report(Function::none, CKR_ENCRYPTED_DATA_LEN_RANGE);
    return;
  }
  CK_FUNCTION_LIST& api = session_.api();
  CK_MECHANISM mechanism{request.header.mechanism, nullptr, 0};
  const bool begun = begin(Function::C_DecryptInit, answer, [&](CK_SESSION_HANDLE session) {
    return api.C_DecryptInit(session, &mechanism, request.header.object);
  });
  if (!begun || !produce(Function::C_Decrypt, api.C_Decrypt, request.input, answer)) return;
  const size_t decrypted = answer.length();
  if (decrypted > length) {
    answer.report(Function::C_Decrypt, CKR_ENCRYPTED_DATA_INVALID);
    return;
  }
  // A library that gives the number without leading zeros has shown by that how many there were; no more is lost here.
  uint8_t* const encoded = answer.begin();
  memmove(encoded + (length - decrypted), encoded, decrypted);
  memset(encoded, 0, length - decrypted);
  answer.touch(length);
  Oaep::Decoded decoded{};
  if (!oaep.decode({encoded, length}, decoded)) return;
  answer.shrink(decoded.length);
  answer.report(Function::C_Decrypt, decoded.valid != 0 ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID);
}

}  // namespace strongroom
