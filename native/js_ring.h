// A ring as JavaScript has it: bytes are copied in at submit and out at drain, and garbage collection moves none.
#ifndef STRONGROOM_JS_RING_H_
#define STRONGROOM_JS_RING_H_

#include <napi.h>

#include <memory>

#include "js_doorbell.h"
#include "ring.h"

namespace strongroom {

class JsRing : public Napi::ObjectWrap<JsRing> {
 public:
  static Napi::Function define(Napi::Env env);
  /// The ring behind a value; throws TypeError when it is none.
  static JsRing& of(const Napi::Value& value);

  explicit JsRing(const Napi::CallbackInfo& info);
  ~JsRing() override;

  /// The memory, for the one host in this process that a ring may have; throws TypeError when it is closed or has one.
  std::shared_ptr<RingMemory> claimForHost(Napi::Env env);

 private:
  Napi::Value memoryFd(const Napi::CallbackInfo& info);
  Napi::Value locked(const Napi::CallbackInfo& info);
  Napi::Value submit(const Napi::CallbackInfo& info);
  Napi::Value drain(const Napi::CallbackInfo& info);
  Napi::Value hostStatus(const Napi::CallbackInfo& info);
  Napi::Value laneStatus(const Napi::CallbackInfo& info);
  Napi::Value laneCount(const Napi::CallbackInfo& info);
  void orderLanes(const Napi::CallbackInfo& info);
  void abandon(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  Ring& open(Napi::Env env);
  void shut();

  std::shared_ptr<RingSet> rings_;
  std::shared_ptr<Ring> ring_;
  bool hosted_ = false;
};

}  // namespace strongroom

#endif  // STRONGROOM_JS_RING_H_
