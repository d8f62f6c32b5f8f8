// A public key that verifies what a token has signed, with the OpenSSL inside Node.js.
#ifndef STRONGROOM_JS_VERIFYING_KEY_H_
#define STRONGROOM_JS_VERIFYING_KEY_H_

#include <napi.h>

#include <array>
#include <memory>

struct evp_pkey_st;
struct evp_pkey_ctx_st;

namespace strongroom {

/// How the signed bytes become a signature.
enum class SignatureScheme : uint32_t { ecdsa = 0, pkcs1 = 1, pssSha256 = 2, pssSha384 = 3, pssSha512 = 4 };
inline constexpr size_t kSignatureSchemes = 5;

struct VerifyContextFree {
  void operator()(evp_pkey_ctx_st* context) const;
};
using VerifyContext = std::unique_ptr<evp_pkey_ctx_st, VerifyContextFree>;

class JsVerifyingKey : public Napi::ObjectWrap<JsVerifyingKey> {
 public:
  static Napi::Function define(Napi::Env env);

  explicit JsVerifyingKey(const Napi::CallbackInfo& info);

 private:
  /// In the thread pool.
  Napi::Value verify(const Napi::CallbackInfo& info);
  Napi::Value verifyNow(const Napi::CallbackInfo& info);

  /// Shared with the work in the thread pool, which may outlive the JavaScript object.
  std::shared_ptr<evp_pkey_st> key_;
  /// Of this thread, one for each scheme that was asked for: to prepare one takes a twentieth of what RSA-2048 takes.
  std::array<VerifyContext, kSignatureSchemes> contexts_;
};

}  // namespace strongroom

#endif  // STRONGROOM_JS_VERIFYING_KEY_H_
