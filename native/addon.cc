// What the addon exports; src/pkcs11/binding.ts is its declaration.
#include <napi.h>

#include "hardening.h"
#include "js_doorbell.h"
#include "js_ring.h"
#include "js_thread_host.h"
#include "js_values.h"
#include "js_verifying_key.h"

namespace strongroom {

namespace {

void harden(const Napi::CallbackInfo& info) {
  if (!hardenProcess()) throw Napi::Error::New(info.Env(), "the process could not be hardened");
}

Napi::Object define(Napi::Env env, Napi::Object exports) {
  exports.Set("Doorbell", JsDoorbell::define(env));
  exports.Set("Ring", JsRing::define(env));
  exports.Set("ThreadHost", JsThreadHost::define(env));
  exports.Set("VerifyingKey", JsVerifyingKey::define(env));
  exports.Set("hardenProcess", Napi::Function::New<harden>(env, "hardenProcess"));
  exports.Set("layout", Napi::Function::New<layoutTables>(env, "layout"));
  exports.Set("functionNames", Napi::Function::New<functionNameList>(env, "functionNames"));
  return exports;
}

}  // namespace

}  // namespace strongroom

static Napi::Object initialise(Napi::Env env, Napi::Object exports) { return strongroom::define(env, exports); }

NODE_API_MODULE(strongroom, initialise)
