#include "module.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <vector>

namespace strongroom {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kDeepBind = 0;  // It would bypass the interceptors of the sanitizers.
#else
constexpr int kDeepBind = RTLD_DEEPBIND;
#endif

/// What C_Initialize is given beside the standard's own arguments, src/pkcs11/vendor_environment.ts.
constexpr const char* kParametersVariable = "STRONGROOM_MODULE_PARAMETERS";

/// CKM_AES_KEY_WRAP_KWP, which headers of version 2.40 do not have.
constexpr CK_MECHANISM_TYPE kAesKeyWrapKwp = 0x210B;

/// CK_C_INITIALIZE_ARGS as NSS has it: a string of its own stands where the standard ends.
struct InitialiseArguments {
  CK_C_INITIALIZE_ARGS standard;
  CK_VOID_PTR reserved;
};

Failure outside(std::string message) { return {Function::none, CKR_OK, std::move(message)}; }

/// Copies the file into anonymous memory, which the loader takes for another library. -1 on failure.
int copyOf(const std::string& path) {
  const int source = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (source < 0) return -1;
  struct stat file;
  const int copy = fstat(source, &file) < 0 ? -1 : memfd_create("pkcs11-module", MFD_CLOEXEC);
  off_t offset = 0;
  while (copy >= 0 && offset < file.st_size) {
    if (sendfile(copy, source, &offset, static_cast<size_t>(file.st_size - offset)) <= 0) break;
  }
  close(source);
  if (copy >= 0 && offset < file.st_size) {
    close(copy);
    return -1;
  }
  return copy;
}

CK_RV createMutex(CK_VOID_PTR_PTR mutex) {
  *mutex = new std::mutex;
  return CKR_OK;
}

CK_RV destroyMutex(CK_VOID_PTR mutex) {
  delete static_cast<std::mutex*>(mutex);
  return CKR_OK;
}

CK_RV lockMutex(CK_VOID_PTR mutex) {
  static_cast<std::mutex*>(mutex)->lock();
  return CKR_OK;
}

CK_RV unlockMutex(CK_VOID_PTR mutex) {
  static_cast<std::mutex*>(mutex)->unlock();
  return CKR_OK;
}

/// The way in which calls of several threads are kept apart is not one that the library can do.
bool refusesLocking(CK_RV result) { return result == CKR_CANT_LOCK || result == CKR_NEED_TO_CREATE_THREADS; }

/// Without the spaces with which Cryptoki fills up fixed fields; some libraries use NUL instead.
std::string_view trimmed(std::string_view text) {
  const size_t last = text.find_last_not_of(std::string_view(" \0", 2));
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

}  // namespace

Failure Module::open(const ModuleOptions& options, std::span<const uint8_t> pin) {
  if (Failure failure = load(options); failure.failed()) return failure;
  if (Failure failure = initialise(options.lanes); failure.failed()) return failure;
  Failure failure = findToken(options.tokenSerial);
  if (!failure.failed()) {
    learnKeyWrap();
    const CK_RV opened = openSession(ownerSession_);
    failure = opened == CKR_OK ? login(pin, options.forceLogin) : Failure{Function::C_OpenSession, opened, {}};
  }
  if (failure.failed()) finalise();
  return failure;
}

Failure Module::load(const ModuleOptions& options) {
  const int flags = RTLD_NOW | RTLD_LOCAL | (options.deepBind ? kDeepBind : 0);
  std::string path = options.path;
  int copy = -1;
  if (options.privateCopy) {
    copy = copyOf(options.path);
    if (copy < 0) return outside("the module cannot be copied: " + options.path);
    path = "/proc/self/fd/" + std::to_string(copy);
  }
  void* library = dlopen(path.c_str(), flags);
  // A copy stays open like the library stays loaded: the loader knows libraries by path, and would take the next copy,
  // under the same number, for this one.
  if (library == nullptr && copy >= 0) close(copy);
  if (library == nullptr) {
    const char* reason = dlerror();
    return outside(reason == nullptr ? "dlopen failed" : reason);
  }
  const auto getFunctionList = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
  if (getFunctionList == nullptr) return outside("not a PKCS#11 module: " + options.path);
  const CK_RV listed = getFunctionList(&api_);
  if (listed != CKR_OK) return {Function::C_GetFunctionList, listed, {}};
  if (api_ == nullptr || api_->version.major != 2) return outside("the module offers no function list of version 2");
  return {};
}

Failure Module::initialise(uint32_t lanes) {
  char* parameters = getenv(kParametersVariable);
  const std::array<CK_C_INITIALIZE_ARGS, 3> ways = {{
      {nullptr, nullptr, nullptr, nullptr, 0, parameters},
      {nullptr, nullptr, nullptr, nullptr, CKF_OS_LOCKING_OK, parameters},
      {createMutex, destroyMutex, lockMutex, unlockMutex, 0, parameters},
  }};
  // The calls of a single lane are the only ones at any time, and a library that does not lock is quicker.
  const size_t first = lanes == 1 ? 0 : 1;
  CK_RV result = CKR_CANT_LOCK;
  for (const CK_C_INITIALIZE_ARGS& locking : std::span(ways).subspan(first)) {
    InitialiseArguments arguments{locking, nullptr};
    result = api_->C_Initialize(&arguments);
    if (!refusesLocking(result)) break;
  }
  ours_ = result == CKR_OK;
  if (ours_ || result == CKR_CRYPTOKI_ALREADY_INITIALIZED) return {};
  return {Function::C_Initialize, result, {}};
}

Failure Module::findToken(const std::string& serial) {
  CK_ULONG count = 0;
  CK_RV result = api_->C_GetSlotList(CK_TRUE, nullptr, &count);
  if (result != CKR_OK) return {Function::C_GetSlotList, result, {}};
  // A slot may come up between the two calls: some spare places take it in.
  std::vector<CK_SLOT_ID> slots(count + 8);
  count = slots.size();
  result = api_->C_GetSlotList(CK_TRUE, slots.data(), &count);
  if (result != CKR_OK) return {Function::C_GetSlotList, result, {}};
  slots.resize(count);
  size_t found = 0;
  bool takesLogin = false;
  for (const CK_SLOT_ID slot : slots) {
    CK_TOKEN_INFO token{};
    if (api_->C_GetTokenInfo(slot, &token) != CKR_OK) continue;
    const std::string_view field(reinterpret_cast<const char*>(token.serialNumber), sizeof token.serialNumber);
    if (trimmed(field) != trimmed(serial)) continue;
    // NSS gives all of its tokens the same serial number. One that nobody logs in to holds no keys of ours.
    const bool login = (token.flags & CKF_LOGIN_REQUIRED) != 0;
    if (takesLogin && !login) continue;
    found = login && !takesLogin ? 1 : found + 1;
    takesLogin = login;
    slot_ = slot;
  }
  if (found == 0) return outside("no token with the serial number " + serial);
  if (found > 1) return outside("more than one token with the serial number " + serial);
  return {};
}

void Module::learnKeyWrap() {
  constexpr CK_FLAGS kNeeded = CKF_WRAP | CKF_UNWRAP;
  CK_MECHANISM_INFO offered{};
  const CK_RV result = api_->C_GetMechanismInfo(slot_, kAesKeyWrapKwp, &offered);
  if (result == CKR_OK && (offered.flags & kNeeded) == kNeeded) keyWrapPad_ = kAesKeyWrapKwp;
}

Failure Module::login(std::span<const uint8_t> pin, bool forceLogin) {
  CK_TOKEN_INFO token{};
  const CK_RV known = api_->C_GetTokenInfo(slot_, &token);
  if (known != CKR_OK) return {Function::C_GetTokenInfo, known, {}};
  if ((token.flags & CKF_USER_PIN_LOCKED) != 0) {
    return {Function::none, CKR_PIN_LOCKED, "the user PIN of the token is locked"};
  }
  if ((token.flags & CKF_USER_PIN_FINAL_TRY) != 0 && !forceLogin) {
    return {Function::none, CKR_PIN_LOCKED, "one more wrong user PIN locks the token: login has to be forced"};
  }
  const CK_RV result = api_->C_Login(ownerSession_, CKU_USER, const_cast<CK_UTF8CHAR_PTR>(pin.data()), pin.size());
  if (result == CKR_OK || result == CKR_USER_ALREADY_LOGGED_IN) return {};
  return {Function::C_Login, result, {}};
}

CK_RV Module::openSession(CK_SESSION_HANDLE& session) {
  return api_->C_OpenSession(slot_, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session);
}

void Module::finalise() {
  if (ours_) api_->C_Finalize(nullptr);
  ours_ = false;
}

}  // namespace strongroom
