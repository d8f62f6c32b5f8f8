// A public key that verifies what a token has signed, with the OpenSSL inside Node.js.
#ifndef STRONGROOM_JS_VERIFYING_KEY_H_
#define STRONGROOM_JS_VERIFYING_KEY_H_

#include <napi.h>

#include <memory>

struct evp_pkey_st;

namespace strongroom {

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
};

}  // namespace strongroom

#endif  // STRONGROOM_JS_VERIFYING_KEY_H_
