// The doorbell as JavaScript has it: one eventfd that the event loop polls for all rings.
#ifndef STRONGROOM_JS_DOORBELL_H_
#define STRONGROOM_JS_DOORBELL_H_

#include <napi.h>

#include <memory>
#include <vector>

#include "ring.h"
#include "spin.h"

namespace strongroom {

/// The rings that one doorbell serves.
using RingSet = std::vector<std::shared_ptr<Ring>>;

class JsDoorbell : public Napi::ObjectWrap<JsDoorbell> {
 public:
  static Napi::Function define(Napi::Env env);
  /// The doorbell behind a value; throws TypeError when it is none, or closed.
  static JsDoorbell& of(const Napi::Value& value);

  explicit JsDoorbell(const Napi::CallbackInfo& info);
  ~JsDoorbell() override;

  const std::shared_ptr<DoorbellFd>& bell() const { return bell_; }
  const std::shared_ptr<RingSet>& rings() const { return rings_; }

 private:
  struct Poll;

  Napi::Value fd(const Napi::CallbackInfo& info);
  void ref(const Napi::CallbackInfo& info);
  void unref(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  void answer(Napi::Env env);
  /// Before the event loop sleeps: takes answers that come within microseconds without the sleep.
  void lookOut(Napi::Env env);
  bool awaitsFew() const;
  void shut();

  std::shared_ptr<DoorbellFd> bell_;
  std::shared_ptr<RingSet> rings_;
  Napi::FunctionReference onRing_;
  std::unique_ptr<Napi::AsyncContext> context_;
  /// Belongs to the event loop; null from the moment that closing has begun.
  Poll* poll_ = nullptr;
  Spinner spinner_;
};

}  // namespace strongroom

#endif  // STRONGROOM_JS_DOORBELL_H_
