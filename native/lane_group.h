// A host: one instance of a vendor's library and the lanes over it. The same in a process of its own and in threads.
#ifndef STRONGROOM_LANE_GROUP_H_
#define STRONGROOM_LANE_GROUP_H_

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "lane.h"
#include "module.h"
#include "ring_memory.h"
#include "secure_bytes.h"

namespace strongroom {

class LaneGroup {
 public:
  explicit LaneGroup(std::shared_ptr<RingMemory> memory) : memory_(std::move(memory)), posts_(memory_->lanes()) {}

  /// Opens the module and as many lanes as are wanted, or as the token has sessions for; the ring then says `ready`, or
  /// `failed` and why. Zeroises the PIN.
  bool start(const ModuleOptions& options, SecureBytes pin);

  /// Keeps as many lanes as are wanted until the ring is asked to stop. Then waits for them, finalises the library, and
  /// says `stopped`. A host that can have but one lane runs it here and has no second thread: as long as that is so,
  /// the C library spares itself the locks in malloc, of which vendors' libraries make plenty of use.
  void run();

 private:
  struct Post {
    std::unique_ptr<Lane> lane;
    std::thread thread;
    std::atomic<bool> ended = false;
  };

  Failure openAll(const ModuleOptions& options, SecureBytes& pin);
  /// Opens lanes until there are as many as are wanted. What stops it is the failure, which is also told to the owner.
  Failure fill();
  Failure openOne(uint32_t index);
  void clearEnded();
  void joinAll();

  const std::shared_ptr<RingMemory> memory_;
  Module module_;
  std::vector<Post> posts_;
  /// The owner's order that was last followed.
  uint32_t order_ = 0;
};

}  // namespace strongroom

#endif  // STRONGROOM_LANE_GROUP_H_
