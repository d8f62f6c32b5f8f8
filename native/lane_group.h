// A host: one instance of a vendor's library and the lanes over it. The same in a process of its own and in threads.
#ifndef STRONGROOM_LANE_GROUP_H_
#define STRONGROOM_LANE_GROUP_H_

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
  explicit LaneGroup(std::shared_ptr<RingMemory> memory) : memory_(std::move(memory)) {}

  /// Opens the module and starts all lanes but the first; the ring then says `ready`, or `failed` and why. Zeroises the
  /// PIN.
  bool start(const ModuleOptions& options, SecureBytes pin);

  /// Runs the first lane until the ring is asked to stop. Then waits for the others, finalises the library, and says
  /// `stopped`. A host of one lane has no second thread: as long as that is so, the C library spares itself the locks
  /// in malloc, of which vendors' libraries make plenty of use.
  void run();

 private:
  Failure openAll(const ModuleOptions& options, SecureBytes& pin);

  const std::shared_ptr<RingMemory> memory_;
  Module module_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::thread> threads_;
};

}  // namespace strongroom

#endif  // STRONGROOM_LANE_GROUP_H_
