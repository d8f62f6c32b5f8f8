#include "js_verifying_key.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <string>
#include <vector>

#include "js_values.h"

namespace strongroom {

namespace {

template <auto Free>
struct Freed {
  template <class Thing>
  void operator()(Thing* thing) const {
    Free(thing);
  }
};

using Bytes = std::vector<uint8_t>;
using Key = std::shared_ptr<EVP_PKEY>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;

/// What OpenSSL is told of a scheme.
struct SchemeNames {
  const char* padding;  ///< Null for ECDSA.
  const char* hash;     ///< Of PSS, also for its mask, with a salt as long as the digest.
};

constexpr std::array<SchemeNames, kSignatureSchemes> kSchemeNames = {{
    {nullptr, nullptr},
    {OSSL_PKEY_RSA_PAD_MODE_PKCSV15, nullptr},
    {OSSL_PKEY_RSA_PAD_MODE_PSS, "SHA-256"},
    {OSSL_PKEY_RSA_PAD_MODE_PSS, "SHA-384"},
    {OSSL_PKEY_RSA_PAD_MODE_PSS, "SHA-512"},
}};

const SchemeNames& namesOf(SignatureScheme scheme) { return kSchemeNames[static_cast<size_t>(scheme)]; }

Key keyOf(const char* type, std::vector<OSSL_PARAM> parameters) {
  parameters.push_back(OSSL_PARAM_construct_end());
  EVP_PKEY* key = nullptr;
  const VerifyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  const bool made = context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.data()) == 1;
  ERR_clear_error();
  return made ? Key(key, EVP_PKEY_free) : nullptr;
}

Key rsaKey(std::span<const uint8_t> modulus, std::span<const uint8_t> exponent) {
  // OpenSSL takes integers in the order of this machine.
  Bytes n(modulus.rbegin(), modulus.rend());
  Bytes e(exponent.rbegin(), exponent.rend());
  return keyOf("RSA", {OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n.data(), n.size()),
                       OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e.data(), e.size())});
}

Key ecKey(std::string group, std::span<const uint8_t> x, std::span<const uint8_t> y) {
  Bytes point = {POINT_CONVERSION_UNCOMPRESSED};
  point.insert(point.end(), x.begin(), x.end());
  point.insert(point.end(), y.begin(), y.end());
  return keyOf("EC", {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
                      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size())});
}

/// Tokens answer r ‖ s, OpenSSL wants an Ecdsa-Sig-Value. Empty when it cannot be one.
Bytes derOf(std::span<const uint8_t> raw) {
  const size_t width = raw.size() / 2;
  if (width == 0 || raw.size() != 2 * width) return {};
  const EcdsaSignature signature(ECDSA_SIG_new());
  Number r(BN_bin2bn(raw.data(), static_cast<int>(width), nullptr));
  Number s(BN_bin2bn(raw.data() + width, static_cast<int>(width), nullptr));
  if (signature == nullptr || r == nullptr || s == nullptr) return {};
  ECDSA_SIG_set0(signature.get(), r.release(), s.release());
  uint8_t* der = nullptr;
  const int length = i2d_ECDSA_SIG(signature.get(), &der);
  if (length <= 0) return {};
  Bytes encoded(der, der + length);
  OPENSSL_free(der);
  return encoded;
}

bool setScheme(EVP_PKEY_CTX* context, SignatureScheme scheme) {
  const auto [padding, hash] = namesOf(scheme);
  if (padding == nullptr) return true;
  std::vector<OSSL_PARAM> parameters;
  const auto set = [&](const char* name, const char* value) {
    parameters.push_back(OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(value), 0));
  };
  set(OSSL_SIGNATURE_PARAM_PAD_MODE, padding);
  if (hash != nullptr) {
    set(OSSL_SIGNATURE_PARAM_DIGEST, hash);
    set(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, hash);
    set(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST);
  }
  parameters.push_back(OSSL_PARAM_construct_end());
  return EVP_PKEY_CTX_set_params(context, parameters.data()) == 1;
}

/// For any number of signatures, one after the other. Null where the key knows no such scheme.
VerifyContext contextOf(EVP_PKEY* key, SignatureScheme scheme) {
  VerifyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  const bool ready =
      context != nullptr && EVP_PKEY_verify_init(context.get()) == 1 && setScheme(context.get(), scheme);
  if (ready) return context;
  ERR_clear_error();
  return nullptr;
}

bool isSignature(EVP_PKEY_CTX* context, SignatureScheme scheme, std::span<const uint8_t> signedBytes,
                 std::span<const uint8_t> answer) {
  const bool isEcdsa = scheme == SignatureScheme::ecdsa;
  const Bytes der = isEcdsa ? derOf(answer) : Bytes();
  const std::span<const uint8_t> signature = isEcdsa ? der : answer;
  const bool right = context != nullptr && EVP_PKEY_verify(context, signature.data(), signature.size(),
                                                           signedBytes.data(), signedBytes.size()) == 1;
  // A signature that is none leaves its reasons in the queue of this thread.
  if (!right) ERR_clear_error();
  return right;
}

SignatureScheme schemeOf(const Napi::Value& value) {
  const uint32_t scheme = integerOf(value, "scheme");
  if (scheme >= kSignatureSchemes) throw Napi::TypeError::New(value.Env(), "no such scheme");
  return static_cast<SignatureScheme>(scheme);
}

Bytes copyOf(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

/// One signature in the thread pool. It has copies of everything: what JavaScript holds may change meanwhile.
class Verification : public Napi::AsyncWorker {
 public:
  Verification(Napi::Env env, Key key, SignatureScheme scheme, Bytes signedBytes, Bytes signature)
      : AsyncWorker(env, "strongroom.VerifyingKey.verify"), deferred_(Napi::Promise::Deferred::New(env)),
        key_(std::move(key)), scheme_(scheme), signedBytes_(std::move(signedBytes)),
        signature_(std::move(signature)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    const VerifyContext context = contextOf(key_.get(), scheme_);
    right_ = isSignature(context.get(), scheme_, signedBytes_, signature_);
  }

  void OnOK() override { deferred_.Resolve(Napi::Boolean::New(Env(), right_)); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  const Napi::Promise::Deferred deferred_;
  const Key key_;
  const SignatureScheme scheme_;
  const Bytes signedBytes_;
  const Bytes signature_;
  bool right_ = false;
};

}  // namespace

void VerifyContextFree::operator()(evp_pkey_ctx_st* context) const { EVP_PKEY_CTX_free(context); }

Napi::Function JsVerifyingKey::define(Napi::Env env) {
  return DefineClass(env, "VerifyingKey",
                     {InstanceMethod<&JsVerifyingKey::verify>("verify"),
                      InstanceMethod<&JsVerifyingKey::verifyNow>("verifyNow")});
}

JsVerifyingKey::JsVerifyingKey(const Napi::CallbackInfo& info) : Napi::ObjectWrap<JsVerifyingKey>(info) {
  const Napi::Object parts = objectOf(info[0], "parts");
  if (parts.Has("group")) {
    key_ = ecKey(textMember(parts, "group"), bytesOf(parts.Get("x"), "x"), bytesOf(parts.Get("y"), "y"));
  } else {
    key_ = rsaKey(bytesOf(parts.Get("modulus"), "modulus"), bytesOf(parts.Get("publicExponent"), "publicExponent"));
  }
  if (key_ == nullptr) throw Napi::TypeError::New(info.Env(), "the parts are no public key");
}

Napi::Value JsVerifyingKey::verifyNow(const Napi::CallbackInfo& info) {
  const SignatureScheme scheme = schemeOf(info[0]);
  VerifyContext& context = contexts_[static_cast<size_t>(scheme)];
  if (context == nullptr) context = contextOf(key_.get(), scheme);
  const bool right = isSignature(context.get(), scheme, bytesOf(info[1], "signed"), bytesOf(info[2], "signature"));
  return Napi::Boolean::New(info.Env(), right);
}

Napi::Value JsVerifyingKey::verify(const Napi::CallbackInfo& info) {
  auto* work = new Verification(info.Env(), key_, schemeOf(info[0]), copyOf(bytesOf(info[1], "signed")),
                                copyOf(bytesOf(info[2], "signature")));
  const Napi::Promise promise = work->promise();
  work->Queue();
  return promise;
}

}  // namespace strongroom
