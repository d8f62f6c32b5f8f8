#include "js_thread_host.h"

#include <string.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "js_ring.h"
#include "js_values.h"
#include "lane_group.h"

namespace strongroom {

namespace {

/// How long an environment that ends waits for lanes to leave the vendor's library.
constexpr std::chrono::seconds kTeardownPatience{2};

}  // namespace

/// The thread that starts the lanes, waits for their end and finalises the library. It belongs to nobody: a lane that
/// is stuck keeps it, and neither the JavaScript object nor the environment can wait for that.
struct JsThreadHost::Supervision {
  explicit Supervision(std::shared_ptr<RingMemory> ringMemory) : memory(std::move(ringMemory)) {}

  const std::shared_ptr<RingMemory> memory;
  std::mutex mutex;
  std::condition_variable ended;
  bool hasEnded = false;
  std::function<void()> onEnd;

  static void run(const std::shared_ptr<Supervision>& self, const ModuleOptions& options, SecureBytes pin) {
    {
      LaneGroup group(self->memory);
      if (group.start(options, std::move(pin))) group.run();
    }
    std::function<void()> onEnd;
    {
      const std::lock_guard lock(self->mutex);
      self->hasEnded = true;
      onEnd.swap(self->onEnd);
    }
    self->ended.notify_all();
    if (onEnd) onEnd();
  }
};

Napi::Function JsThreadHost::define(Napi::Env env) {
  return DefineClass(env, "ThreadHost", {InstanceMethod<&JsThreadHost::stop>("stop")});
}

JsThreadHost::JsThreadHost(const Napi::CallbackInfo& info) : Napi::ObjectWrap<JsThreadHost>(info) {
  const Napi::Env env = info.Env();
  JsRing& ring = JsRing::of(info[0]);
  const Napi::Object options = objectOf(info[1], "options");
  ModuleOptions module;
  module.path = textMember(options, "module");
  module.tokenSerial = textMember(options, "tokenSerial");
  module.privateCopy = booleanMember(options, "privateCopy");
  module.forceLogin = booleanMember(options, "forceLogin");
  module.deepBind = true;
  const std::span<const uint8_t> pin = bytesOf(options.Get("pin"), "pin");
  SecureBytes ownPin(pin.size());
  if (!pin.empty()) memcpy(ownPin.data(), pin.data(), pin.size());

  supervision_ = std::make_shared<Supervision>(ring.claimForHost(env));
  module.lanes = supervision_->memory->lanes();
  try {
    std::thread(
        [self = supervision_, module, secret = std::move(ownPin)]() mutable {
          Supervision::run(self, module, std::move(secret));
        })
        .detach();
  } catch (const std::system_error&) {
    throw Napi::Error::New(env, "no thread could be started for the host");
  }
  napi_add_env_cleanup_hook(env, &JsThreadHost::onTeardown, supervision_.get());
}

JsThreadHost::~JsThreadHost() {
  if (supervision_ == nullptr) return;
  supervision_->memory->requestStop();
  napi_remove_env_cleanup_hook(Env(), &JsThreadHost::onTeardown, supervision_.get());
}

Napi::Value JsThreadHost::stop(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  napi_deferred deferred = nullptr;
  napi_value promise = nullptr;
  napi_create_promise(env, &deferred, &promise);
  supervision_->memory->requestStop();
  // Called on the supervising thread; the promise is settled on this one.
  const auto settle = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}),
                                              "strongroom.ThreadHost.stop", 0, 1);
  const auto onEnd = [deferred, settle] {
    const auto resolve = [deferred](Napi::Env jsEnv, Napi::Function) {
      napi_resolve_deferred(jsEnv, deferred, jsEnv.Undefined());
    };
    // The environment may have ended before the lanes: then the function is gone, and so is whoever waited.
    if (settle.NonBlockingCall(resolve) == napi_ok) Napi::ThreadSafeFunction(settle).Release();
  };
  std::unique_lock lock(supervision_->mutex);
  if (supervision_->hasEnded) {
    lock.unlock();
    onEnd();
  } else {
    supervision_->onEnd = [before = std::move(supervision_->onEnd), onEnd] {
      if (before) before();
      onEnd();
    };
  }
  return {env, promise};
}

void JsThreadHost::onTeardown(void* argument) {
  auto* supervision = static_cast<Supervision*>(argument);
  supervision->memory->requestStop();
  std::unique_lock lock(supervision->mutex);
  supervision->ended.wait_for(lock, kTeardownPatience, [supervision] { return supervision->hasEnded; });
}

}  // namespace strongroom
