// One instance of a vendor's library, initialised, with its token found and the user logged in.
#ifndef STRONGROOM_MODULE_H_
#define STRONGROOM_MODULE_H_

#include <cstdint>
#include <mutex>
#include <span>
#include <string>

#include "return_value.h"

namespace strongroom {

struct ModuleOptions {
  std::string path;
  std::string tokenSerial;
  /// Loads a copy of the file, for a second instance in one process.
  bool privateCopy = false;
  /// The module's own symbols go first, where the process has an OpenSSL of its own (Node).
  bool deepBind = false;
  /// Logs in even when the token says that the next wrong PIN locks it.
  bool forceLogin = false;
  /// How many threads will call; one alone needs no locks in the library.
  uint32_t lanes = 1;
};

class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// Loads and initialises the library, finds the token, opens the owner's session, and logs in.
  Failure open(const ModuleOptions& options, std::span<const uint8_t> pin);

  /// A read/write session for a lane.
  CK_RV openSession(CK_SESSION_HANDLE& session);

  /// Only after all lanes have ended. The library stays loaded: unloading has crashed more than one of them.
  void finalise();

  CK_FUNCTION_LIST& api() { return *api_; }
  CK_SLOT_ID slot() const { return slot_; }

  /// What this module calls a mechanism. RFC 5649 has two numbers: CKM_AES_KEY_WRAP_PAD in PKCS#11 v2.40, which is the
  /// one on the wire, and CKM_AES_KEY_WRAP_KWP in v3.0. Where there are both, the older one may be another padding (NSS).
  CK_MECHANISM_TYPE numberOf(CK_MECHANISM_TYPE mechanism) const {
    return mechanism == CKM_AES_KEY_WRAP_PAD ? keyWrapPad_ : mechanism;
  }

  /// The session that makes, changes and destroys objects, one call at a time. Session objects live as long as the
  /// session that made them, so this one is never replaced; and some tokens fail when two threads create at once.
  CK_SESSION_HANDLE ownerSession() const { return ownerSession_; }
  std::mutex& ownerMutex() { return ownerMutex_; }

 private:
  Failure load(const ModuleOptions& options);
  Failure initialise(uint32_t lanes);
  Failure findToken(const std::string& serial);
  void learnKeyWrap();
  Failure login(std::span<const uint8_t> pin, bool forceLogin);

  CK_FUNCTION_LIST* api_ = nullptr;
  CK_SLOT_ID slot_ = 0;
  CK_MECHANISM_TYPE keyWrapPad_ = CKM_AES_KEY_WRAP_PAD;
  CK_SESSION_HANDLE ownerSession_ = CK_INVALID_HANDLE;
  std::mutex ownerMutex_;
  /// False when somebody else in this process had initialised the library before.
  bool ours_ = false;
};

}  // namespace strongroom

#endif  // STRONGROOM_MODULE_H_
