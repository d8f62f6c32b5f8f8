// What the addon exports; src/pkcs11/binding.ts is its declaration.
#include <malloc.h>
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

/// malloc_trim(3): of every thread's memory, not only of this one's.
void returnFreedMemory(const Napi::CallbackInfo& /*info*/) { malloc_trim(0); }

Napi::Object define(Napi::Env env, Napi::Object exports) {
  exports.Set("Doorbell", JsDoorbell::define(env));
  exports.Set("Ring", JsRing::define(env));
  exports.Set("ThreadHost", JsThreadHost::define(env));
  exports.Set("VerifyingKey", JsVerifyingKey::define(env));
  exports.Set("hardenProcess", Napi::Function::New<harden>(env, "hardenProcess"));
  exports.Set("returnFreedMemory", Napi::Function::New<returnFreedMemory>(env, "returnFreedMemory"));
  exports.Set("layout", Napi::Function::New<layoutTables>(env, "layout"));
  exports.Set("functionNames", Napi::Function::New<functionNameList>(env, "functionNames"));
  return exports;
}

}  // namespace

}  // namespace strongroom

static Napi::Object initialise(Napi::Env env, Napi::Object exports) { return strongroom::define(env, exports); }

NODE_API_MODULE(strongroom, initialise)
