#include "js_doorbell.h"

#include <uv.h>

#include <algorithm>

namespace strongroom {

namespace {

constexpr napi_type_tag kDoorbellTag = {0x5b1b6a4d0f3e4c55, 0x9a5d21c7e0b84f10};

/// Answers taken in one turn of the event loop without looking at anything else that it has to do.
constexpr int kAnswersPerLookOut = 4;

}  // namespace

/// Outlives the JavaScript object for as long as the event loop takes to close the handles.
struct JsDoorbell::Poll {
  uv_poll_t handle{};
  uv_prepare_t beforeSleep{};
  int open = 2;
  napi_env env = nullptr;
  napi_async_cleanup_hook_handle hook = nullptr;
  std::shared_ptr<DoorbellFd> bell;
  JsDoorbell* doorbell = nullptr;

  static void onReadable(uv_poll_t* handle, int, int) {
    auto* poll = static_cast<Poll*>(handle->data);
    if (poll->doorbell != nullptr) poll->doorbell->answer(poll->env);
  }

  static void onSleep(uv_prepare_t* handle) {
    auto* poll = static_cast<Poll*>(handle->data);
    if (poll->doorbell != nullptr) poll->doorbell->lookOut(poll->env);
  }

  static void onClosed(uv_handle_t* handle) {
    auto* poll = static_cast<Poll*>(handle->data);
    if (--poll->open > 0) return;
    napi_remove_async_cleanup_hook(poll->hook);
    delete poll;
  }

  /// The environment ends; it waits until the hook is removed, and so until the handle is closed.
  static void onTeardown(napi_async_cleanup_hook_handle, void* argument) {
    auto* poll = static_cast<Poll*>(argument);
    if (poll->doorbell != nullptr) poll->doorbell->shut();
  }
};

Napi::Function JsDoorbell::define(Napi::Env env) {
  return DefineClass(env, "Doorbell",
                     {InstanceAccessor<&JsDoorbell::fd>("fd"), InstanceMethod<&JsDoorbell::ref>("ref"),
                      InstanceMethod<&JsDoorbell::unref>("unref"), InstanceMethod<&JsDoorbell::close>("close")});
}

JsDoorbell& JsDoorbell::of(const Napi::Value& value) {
  if (value.IsObject() && value.As<Napi::Object>().CheckTypeTag(&kDoorbellTag)) {
    JsDoorbell* doorbell = Unwrap(value.As<Napi::Object>());
    if (doorbell != nullptr && doorbell->poll_ != nullptr) return *doorbell;
  }
  throw Napi::TypeError::New(value.Env(), "expected an open Doorbell for doorbell");
}

JsDoorbell::JsDoorbell(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<JsDoorbell>(info), rings_(std::make_shared<RingSet>()) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction()) throw Napi::TypeError::New(env, "expected a function for onRing");
  bell_ = DoorbellFd::create();
  uv_loop_t* loop = nullptr;
  if (bell_ == nullptr || napi_get_uv_event_loop(env, &loop) != napi_ok) {
    throw Napi::Error::New(env, "the doorbell's descriptor could not be opened");
  }
  auto poll = std::make_unique<Poll>();
  poll->env = env;
  poll->bell = bell_;
  poll->doorbell = this;
  poll->handle.data = poll.get();
  if (uv_poll_init(loop, &poll->handle, bell_->fd()) != 0) {
    throw Napi::Error::New(env, "the event loop does not take the doorbell");
  }
  uv_prepare_init(loop, &poll->beforeSleep);
  poll->beforeSleep.data = poll.get();
  uv_prepare_start(&poll->beforeSleep, &Poll::onSleep);
  // Whether the event loop lives on is for the descriptor's handle to say.
  uv_unref(reinterpret_cast<uv_handle_t*>(&poll->beforeSleep));
  poll_ = poll.release();
  napi_add_async_cleanup_hook(env, &Poll::onTeardown, poll_, &poll_->hook);
  uv_poll_start(&poll_->handle, UV_READABLE, &Poll::onReadable);
  onRing_ = Napi::Persistent(info[0].As<Napi::Function>());
  context_ = std::make_unique<Napi::AsyncContext>(env, "strongroom.Doorbell");
  Value().TypeTag(&kDoorbellTag);
  // Kept until `close`, whether or not JavaScript still holds it.
  Ref();
}

JsDoorbell::~JsDoorbell() {
  if (poll_ != nullptr) shut();
}

void JsDoorbell::answer(Napi::Env env) {
  const Napi::HandleScope scope(env);
  // In this order: a lane that finds its flag cleared writes to the descriptor anew, and then the read has happened.
  bell_->clear();
  for (const auto& ring : *rings_) ring->acknowledge();
  // Without Napi::Error: it cannot be made once the environment is ending, and would take the process along.
  const napi_status called =
      napi_make_callback(env, *context_, env.Global(), onRing_.Value(), 0, nullptr, nullptr);
  napi_value thrown;
  if (called == napi_pending_exception && napi_get_and_clear_last_exception(env, &thrown) == napi_ok) {
    napi_fatal_exception(env, thrown);
  }
  if (poll_ == nullptr) return;
  for (const auto& ring : *rings_) {
    if (ring->nextRecordLength() > 0) ring->memory().notifyOwner();
  }
}

bool JsDoorbell::awaitsFew() const {
  size_t inFlight = 0;
  for (const auto& ring : *rings_) inFlight += ring->inFlight();
  return inFlight > 0 && inFlight <= kOwnerSpinInFlight;
}

void JsDoorbell::lookOut(Napi::Env env) {
  const auto hasAnswer = [this] {
    return std::any_of(rings_->begin(), rings_->end(), [](const auto& ring) { return ring->nextRecordLength() > 0; });
  };
  for (int taken = 0; taken < kAnswersPerLookOut && poll_ != nullptr && awaitsFew(); taken++) {
    if (!spinner_.wait(monotonicNs(), kOwnerSpinNs, hasAnswer)) return;
    answer(env);
  }
}

void JsDoorbell::shut() {
  Poll* poll = std::exchange(poll_, nullptr);
  poll->doorbell = nullptr;
  uv_poll_stop(&poll->handle);
  uv_prepare_stop(&poll->beforeSleep);
  uv_close(reinterpret_cast<uv_handle_t*>(&poll->handle), &Poll::onClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&poll->beforeSleep), &Poll::onClosed);
}

Napi::Value JsDoorbell::fd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), poll_ == nullptr ? -1 : bell_->fd());
}

void JsDoorbell::ref(const Napi::CallbackInfo&) {
  if (poll_ != nullptr) uv_ref(reinterpret_cast<uv_handle_t*>(&poll_->handle));
}

void JsDoorbell::unref(const Napi::CallbackInfo&) {
  if (poll_ != nullptr) uv_unref(reinterpret_cast<uv_handle_t*>(&poll_->handle));
}

void JsDoorbell::close(const Napi::CallbackInfo&) {
  if (poll_ == nullptr) return;
  shut();
  onRing_.Reset();
  Unref();
}

}  // namespace strongroom
