// A lane's turn with the owner's session of the module. Waiting for it counts neither as service nor as being stuck.
#ifndef STRONGROOM_OWNER_TURN_H_
#define STRONGROOM_OWNER_TURN_H_

#include "operations.h"

namespace strongroom {

class OwnerTurn {
 public:
  OwnerTurn(Module& module, ServiceClock& clock) : module_(module) {
    if (module.ownerMutex().try_lock()) return;
    clock.pauseClock();
    module.ownerMutex().lock();
    clock.resumeClock();
  }
  ~OwnerTurn() { module_.ownerMutex().unlock(); }
  OwnerTurn(const OwnerTurn&) = delete;
  OwnerTurn& operator=(const OwnerTurn&) = delete;

  CK_SESSION_HANDLE session() const { return module_.ownerSession(); }

 private:
  Module& module_;
};

}  // namespace strongroom

#endif  // STRONGROOM_OWNER_TURN_H_
