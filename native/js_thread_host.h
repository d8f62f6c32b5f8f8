// Lanes as threads of this process, as JavaScript has them.
#ifndef STRONGROOM_JS_THREAD_HOST_H_
#define STRONGROOM_JS_THREAD_HOST_H_

#include <napi.h>

#include <memory>

namespace strongroom {

class JsThreadHost : public Napi::ObjectWrap<JsThreadHost> {
 public:
  static Napi::Function define(Napi::Env env);

  explicit JsThreadHost(const Napi::CallbackInfo& info);
  ~JsThreadHost() override;

 private:
  struct Supervision;

  Napi::Value stop(const Napi::CallbackInfo& info);
  static void onTeardown(void* supervision);

  std::shared_ptr<Supervision> supervision_;
};

}  // namespace strongroom

#endif  // STRONGROOM_JS_THREAD_HOST_H_
