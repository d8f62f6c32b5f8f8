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
  for (uint32_t index = 0; index < memory_->lanes(); index++) {
    lanes_.push_back(std::make_unique<Lane>(memory_, index, module_));
    const CK_RV opened = lanes_.back()->open();
    if (opened != CKR_OK) return {Function::C_OpenSession, opened, {}};
  }
  const SignalsBlocked blocked;
  try {
    for (size_t index = 1; index < lanes_.size(); index++) {
      threads_.emplace_back([lane = lanes_[index].get()] { lane->run(); });
    }
  } catch (const std::system_error&) {
    return {Function::none, CKR_OK, "no thread could be started for a lane"};
  }
  return {};
}

bool LaneGroup::start(const ModuleOptions& options, SecureBytes pin) {
  const Failure failure = openAll(options, pin);
  if (!failure.failed()) {
    memory_->publishState(HostState::ready, 0, 0, {});
    return true;
  }
  memory_->requestStop();
  for (std::thread& thread : threads_) thread.join();
  lanes_.clear();
  module_.finalise();
  memory_->publishState(HostState::failed, static_cast<uint16_t>(failure.function),
                        static_cast<uint32_t>(failure.returnValue), failure.message);
  return false;
}

void LaneGroup::run() {
  {
    const SignalsBlocked blocked;
    lanes_.front()->run();
  }
  for (std::thread& thread : threads_) thread.join();
  // The sessions are closed before the library is finalised.
  lanes_.clear();
  module_.finalise();
  memory_->publishState(HostState::stopped, 0, 0, {});
}

}  // namespace strongroom
