#include "lane_group.h"

#include <signal.h>

#include <system_error>

namespace strongroom {

namespace {

/// Signals go to the threads that expect them: those started meanwhile have all of them blocked.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

Failure LaneGroup::openAll(const ModuleOptions& options, SecureBytes& pin) {
  Failure failure = module_.open(options, pin.span());
  pin.zeroise();
  if (failure.failed()) return failure;
  order_ = memory_->header().laneOrder.load(std::memory_order_acquire);
  failure = fill();
  // A token that has no more sessions to give is served with those that there are.
  const bool limited = failure.returnValue == CKR_SESSION_COUNT && memory_->header().openLanes.load() > 0;
  return limited ? Failure{} : failure;
}

Failure LaneGroup::fill() {
  RingHeader& shared = memory_->header();
  const SignalsBlocked blocked;
  for (uint32_t index = 0; index < posts_.size() && shared.openLanes.load() < memory_->wantedLanes(); index++) {
    if (posts_[index].lane != nullptr) continue;
    const Failure failure = openOne(index);
    if (!failure.failed()) continue;
    const CK_RV reason = failure.returnValue == CKR_OK ? CKR_HOST_MEMORY : failure.returnValue;
    shared.laneRefusal.store(static_cast<uint32_t>(reason), std::memory_order_release);
    return failure;
  }
  return {};
}

Failure LaneGroup::openOne(uint32_t index) {
  Post& post = posts_[index];
  post.lane = std::make_unique<Lane>(memory_, index, module_);
  const CK_RV opened = post.lane->open();
  Failure failure = opened == CKR_OK ? Failure{} : Failure{Function::C_OpenSession, opened, {}};
  if (!failure.failed() && posts_.size() > 1) {
    try {
      post.thread = std::thread([this, &post] {
        post.lane->run();
        post.ended.store(true, std::memory_order_release);
        memory_->tellLaneChange();
      });
    } catch (const std::system_error&) {
      failure = {Function::none, CKR_OK, "no thread could be started for a lane"};
    }
  }
  if (failure.failed()) {
    post.lane.reset();
  } else {
    memory_->header().openLanes.fetch_add(1, std::memory_order_acq_rel);
  }
  return failure;
}

void LaneGroup::clearEnded() {
  for (Post& post : posts_) {
    if (!post.ended.load(std::memory_order_acquire)) continue;
    post.thread.join();
    post.lane.reset();
    post.ended.store(false, std::memory_order_relaxed);
  }
}

void LaneGroup::joinAll() {
  for (Post& post : posts_) {
    if (post.thread.joinable()) post.thread.join();
    // The session is closed before the library is finalised.
    post.lane.reset();
  }
}

bool LaneGroup::start(const ModuleOptions& options, SecureBytes pin) {
  const Failure failure = openAll(options, pin);
  if (!failure.failed()) {
    memory_->publishState(HostState::ready, 0, 0, {});
    return true;
  }
  memory_->requestStop();
  joinAll();
  module_.finalise();
  memory_->publishState(HostState::failed, static_cast<uint16_t>(failure.function),
                        static_cast<uint32_t>(failure.returnValue), failure.message);
  return false;
}

void LaneGroup::run() {
  RingHeader& shared = memory_->header();
  if (posts_.size() == 1) {
    const SignalsBlocked blocked;
    posts_.front().lane->run();
  }
  for (;;) {
    const uint32_t word = shared.laneWord.load(std::memory_order_acquire);
    if (memory_->stopRequested()) break;
    clearEnded();
    if (const uint32_t latest = shared.laneOrder.load(std::memory_order_acquire); latest != order_) {
      order_ = latest;
      shared.laneRefusal.store(0, std::memory_order_release);
    }
    // What was refused is not asked for again until the owner does.
    if (shared.laneRefusal.load(std::memory_order_acquire) == 0) fill();
    memory_->waitForLaneChange(word);
  }
  joinAll();
  module_.finalise();
  memory_->publishState(HostState::stopped, 0, 0, {});
}

}  // namespace strongroom
