#include "js_ring.h"

#include <algorithm>

#include "js_values.h"

namespace strongroom {

namespace {

constexpr napi_type_tag kRingTag = {0x0d7b0b9a6c714d2e, 0xb1f6a3e94c2d5877};
/// Of one drain, so that a turn of the event loop has an end.
constexpr size_t kCompletionsPerDrain = 1'000;

}  // namespace

Napi::Function JsRing::define(Napi::Env env) {
  return DefineClass(
      env, "Ring",
      {InstanceAccessor<&JsRing::memoryFd>("memoryFd"), InstanceAccessor<&JsRing::locked>("locked"),
       InstanceMethod<&JsRing::submit>("submit"), InstanceMethod<&JsRing::drain>("drain"),
       InstanceMethod<&JsRing::hostStatus>("hostStatus"), InstanceMethod<&JsRing::laneStatus>("laneStatus"),
       InstanceMethod<&JsRing::laneCount>("laneCount"), InstanceMethod<&JsRing::orderLanes>("orderLanes"),
       InstanceMethod<&JsRing::abandon>("abandon"), InstanceMethod<&JsRing::close>("close")});
}

JsRing& JsRing::of(const Napi::Value& value) {
  if (value.IsObject() && value.As<Napi::Object>().CheckTypeTag(&kRingTag)) {
    if (JsRing* ring = Unwrap(value.As<Napi::Object>())) return *ring;
  }
  throw Napi::TypeError::New(value.Env(), "expected a Ring for ring");
}

JsRing::JsRing(const Napi::CallbackInfo& info) : Napi::ObjectWrap<JsRing>(info) {
  const Napi::Env env = info.Env();
  const Napi::Object options = objectOf(info[0], "options");
  const RingOptions ringOptions{integerMember(options, "lanes"), integerMember(options, "slots"),
                                integerMember(options, "arenaBlocks")};
  JsDoorbell& doorbell = JsDoorbell::of(info[1]);
  if (const char* problem = RingMemory::problem(ringOptions)) throw Napi::TypeError::New(env, problem);
  std::string error;
  auto memory = RingMemory::create(ringOptions, doorbell.bell(), error);
  if (memory == nullptr) throw Napi::Error::New(env, "the ring's memory cannot be had: " + error);
  ring_ = std::make_shared<Ring>(std::move(memory));
  rings_ = doorbell.rings();
  rings_->push_back(ring_);
  Value().TypeTag(&kRingTag);
}

JsRing::~JsRing() {
  if (ring_ != nullptr) shut();
}

std::shared_ptr<RingMemory> JsRing::claimForHost(Napi::Env env) {
  Ring& ring = open(env);
  if (hosted_) throw Napi::TypeError::New(env, "the ring has a host already");
  hosted_ = true;
  return ring.sharedMemory();
}

Ring& JsRing::open(Napi::Env env) {
  if (ring_ == nullptr) throw Napi::TypeError::New(env, "the ring is closed");
  return *ring_;
}

void JsRing::shut() {
  ring_->memory().requestStop();
  std::erase(*rings_, ring_);
  ring_.reset();
}

Napi::Value JsRing::memoryFd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), ring_ == nullptr ? -1 : ring_->memory().memoryFd());
}

Napi::Value JsRing::locked(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), ring_ != nullptr && ring_->memory().locked());
}

Napi::Value JsRing::submit(const Napi::CallbackInfo& info) {
  Ring& ring = open(info.Env());
  const std::span<uint8_t> staging = bytesOf(info[0], "staging");
  const uint32_t length = integerOf(info[1], "length");
  if (length > staging.size()) throw Napi::TypeError::New(info.Env(), "length reaches past the staging buffer");
  const std::span<uint8_t> records = staging.first(length);
  if (const char* problem = Ring::stagingProblem(records)) {
    throw Napi::TypeError::New(info.Env(), std::string("malformed staging buffer: ") + problem);
  }
  return Napi::Number::New(info.Env(), static_cast<double>(ring.submit(records)));
}

Napi::Value JsRing::drain(const Napi::CallbackInfo& info) {
  Ring& ring = open(info.Env());
  const std::span<uint8_t> completions = bytesOf(info[0], "completions");
  const size_t written = ring.drain(completions, kCompletionsPerDrain);
  if (written == 0 && ring.nextRecordLength() > completions.size()) {
    throw Napi::TypeError::New(info.Env(), "expected completions of at least " +
                                               std::to_string(ring.nextRecordLength()) + " bytes");
  }
  return Napi::Number::New(info.Env(), static_cast<double>(written));
}

Napi::Value JsRing::hostStatus(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const HostStatus status = open(env).hostStatus();
  Napi::Object object = Napi::Object::New(env);
  object.Set("state", Napi::Number::New(env, static_cast<double>(status.state)));
  object.Set("function", Napi::Number::New(env, status.function));
  object.Set("returnValue", Napi::Number::New(env, status.returnValue));
  object.Set("message", Napi::String::New(env, status.message));
  return object;
}

Napi::Value JsRing::laneStatus(const Napi::CallbackInfo& info) {
  Ring& ring = open(info.Env());
  const std::span<double> out = numbersOf(info[0], "out");
  const uint32_t lanes = ring.memory().lanes();
  if (out.size() < size_t{lanes} * 3) throw Napi::TypeError::New(info.Env(), "expected three numbers per lane for out");
  for (uint32_t lane = 0; lane < lanes; lane++) {
    const LaneStatus status = ring.laneStatus(lane);
    out[lane * 3] = status.busyMs;
    out[lane * 3 + 1] = status.operation;
    out[lane * 3 + 2] = status.requestId;
  }
  return Napi::Number::New(info.Env(), lanes);
}

Napi::Value JsRing::laneCount(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const LaneCount count = open(env).laneCount();
  Napi::Object object = Napi::Object::New(env);
  object.Set("open", Napi::Number::New(env, count.open));
  object.Set("refusal", Napi::Number::New(env, count.refusal));
  object.Set("taken", Napi::Number::New(env, static_cast<double>(count.taken)));
  object.Set("idleMs", Napi::Number::New(env, count.idleMs));
  return object;
}

void JsRing::orderLanes(const Napi::CallbackInfo& info) {
  RingMemory& memory = open(info.Env()).memory();
  const uint32_t count = integerOf(info[0], "count");
  if (count < 1 || count > memory.lanes()) {
    throw Napi::TypeError::New(info.Env(), "expected count from 1 to " + std::to_string(memory.lanes()));
  }
  memory.orderLanes(count);
}

void JsRing::abandon(const Napi::CallbackInfo& info) { open(info.Env()).abandon(); }

void JsRing::close(const Napi::CallbackInfo&) {
  if (ring_ != nullptr) shut();
}

}  // namespace strongroom
