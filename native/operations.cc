#include "operations.h"

#include <array>
#include <vector>

namespace strongroom {

namespace {

/// Cryptoki takes input as pointers to mutable bytes, and not every library takes a null one for nothing.
CK_BYTE_PTR inputOf(std::span<const uint8_t> bytes) {
  static uint8_t nothing = 0;
  return bytes.empty() ? &nothing : const_cast<CK_BYTE_PTR>(bytes.data());
}

/// Room that a failed call may have written to: output is never much longer than input or the largest modulus.
constexpr size_t kOutputSlack = 2048;

bool changesObjects(Operation operation) {
  switch (operation) {
    case Operation::generateKey:
    case Operation::generateKeyPair:
    case Operation::unwrap:
    case Operation::create:
    case Operation::copy:
    case Operation::destroy:
    case Operation::setAttributes:
      return true;
    default:
      return false;
  }
}

/// What goes in may be anything, and some libraries call that a general error.
bool readsForeignBytes(Operation operation) {
  switch (operation) {
    case Operation::verify:
    case Operation::decrypt:
    case Operation::oaepDecrypt:
    case Operation::unwrapBytes:
    case Operation::wrapBytes:
      return true;
    default:
      return false;
  }
}

}  // namespace

Operations::Handler Operations::handlerOf(Operation operation) {
  static constexpr std::array<Handler, kLastOperation + 1> kHandlers = {
      nullptr,
      &Operations::sign,
      &Operations::verify,
      &Operations::encrypt,
      &Operations::decrypt,
      &Operations::digest,
      &Operations::random,
      &Operations::generateKey,
      &Operations::generateKeyPair,
      &Operations::wrap,
      &Operations::unwrap,
      &Operations::create,
      &Operations::destroy,
      &Operations::getAttributes,
      &Operations::setAttributes,
      &Operations::find,
      &Operations::tokenInfo,
      &Operations::mechanisms,
      &Operations::copy,
      &Operations::oaepEncrypt,
      &Operations::oaepDecrypt,
      &Operations::wrapBytes,
      &Operations::unwrapBytes,
  };
  const auto index = static_cast<size_t>(operation);
  return index < kHandlers.size() ? kHandlers[index] : nullptr;
}

void Operations::perform(const Request& request, Answer& answer) {
  const Handler handler = handlerOf(request.operation());
  if (handler == nullptr) {
    answer.report(Function::none, CKR_ARGUMENTS_BAD);
    return;
  }
  if (!answer.report(Function::C_OpenSession, session_.open())) return;
  (this->*handler)(request, answer);
  settleSession(request, answer);
  if (answer.ok() && answer.length() > request.header.capacity) answer.tooLong(answer.length());
}

void Operations::settleSession(const Request& request, const Answer& answer) {
  // The owner's session is never replaced: the objects that it made would go with it.
  if (answer.ok() || changesObjects(request.operation())) return;
  switch (answer.returnValue()) {
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
      session_.forget();
      break;
    case CKR_OPERATION_ACTIVE:
    case CKR_OPERATION_NOT_INITIALIZED:
    case CKR_SESSION_READ_ONLY:
      session_.close();
      break;
    case CKR_GENERAL_ERROR:
      // Nobody knows what state it is in. Where a caller's bytes may be the reason he would have a session closed with each of them.
      if (!readsForeignBytes(request.operation())) session_.close();
      break;
    case CKR_FUNCTION_FAILED: {
      // Busy, or a link that was lost: the session tells.
      CK_SESSION_INFO info{};
      if (session_.api().C_GetSessionInfo(session_.handle(), &info) != CKR_OK) session_.close();
      break;
    }
    default:
      // An operation that a library leaves active after another error shows at the next `begin`.
      break;
  }
}

bool Operations::beginWithKey(Function function, InitCall call, Mechanism& mechanism, CK_OBJECT_HANDLE key,
                              Answer& answer) {
  return begin(function, answer, [&](CK_SESSION_HANDLE session) { return call(session, mechanism.get(), key); });
}

bool Operations::produce(Function function, OutputCall call, std::span<const uint8_t> input, Answer& answer) {
  // The whole buffer is offered, not the capacity that the caller named: libraries refuse a decryption into less than
  // the length of the ciphertext, and what is too small leaves the operation active.
  CK_ULONG length = answer.room();
  const CK_RV result = call(session_.handle(), inputOf(input), input.size(), answer.end(), &length);
  answer.report(function, result);
  if (result == CKR_OK && length <= answer.room()) {
    answer.grow(length);
    return true;
  }
  answer.touch(answer.length() + input.size() + kOutputSlack);
  if (result == CKR_BUFFER_TOO_SMALL) session_.close();  // The operation stays active (PKCS#11 v2.40, §5.2).
  if (result == CKR_BUFFER_TOO_SMALL || result == CKR_OK) answer.tooLong(answer.length() + length);
  return false;
}

void Operations::sign(const Request& request, Answer& answer) {
  Mechanism mechanism;
  if (!mechanism.read(request)) {
    answer.report(Function::none, CKR_ARGUMENTS_BAD);
    return;
  }
  if (!beginWithKey(Function::C_SignInit, session_.api().C_SignInit, mechanism, request.header.object, answer)) return;
  produce(Function::C_Sign, session_.api().C_Sign, request.input, answer);
}

void Operations::verify(const Request& request, Answer& answer) {
  Mechanism mechanism;
  if (!mechanism.read(request)) {
    answer.report(Function::none, CKR_ARGUMENTS_BAD);
    return;
  }
  CK_FUNCTION_LIST& api = session_.api();
  if (!beginWithKey(Function::C_VerifyInit, api.C_VerifyInit, mechanism, request.header.object, answer)) return;
  answer.report(Function::C_Verify, api.C_Verify(session_.handle(), inputOf(request.input), request.input.size(),
                                                 inputOf(request.input2), request.input2.size()));
}

void Operations::encrypt(const Request& request, Answer& answer) {
  Mechanism mechanism;
  if (!mechanism.read(request)) {
    answer.report(Function::none, CKR_ARGUMENTS_BAD);
    return;
  }
  if (mechanism.wantsIv()) {
    uint8_t* iv = answer.end();
    if (!answer.report(Function::C_GenerateRandom, session_.takeRandom({iv, kGcmIvBytes}))) return;
    answer.grow(kGcmIvBytes);
    mechanism.setIv(iv);
  }
  CK_FUNCTION_LIST& api = session_.api();
  if (!beginWithKey(Function::C_EncryptInit, api.C_EncryptInit, mechanism, request.header.object, answer)) return;
  produce(Function::C_Encrypt, api.C_Encrypt, request.input, answer);
}

void Operations::decrypt(const Request& request, Answer& answer) {
  Mechanism mechanism;
  // SoftHSM takes a GCM decryption without IV; nobody means that.
  if (!mechanism.read(request) || mechanism.wantsIv()) {
    answer.report(Function::none, CKR_ARGUMENTS_BAD);
    return;
  }
  CK_FUNCTION_LIST& api = session_.api();
  if (!beginWithKey(Function::C_DecryptInit, api.C_DecryptInit, mechanism, request.header.object, answer)) return;
  produce(Function::C_Decrypt, api.C_Decrypt, request.input, answer);
}

void Operations::digest(const Request& request, Answer& answer) {
  Mechanism mechanism;
  if (!mechanism.read(request)) {
    answer.report(Function::none, CKR_ARGUMENTS_BAD);
    return;
  }
  CK_FUNCTION_LIST& api = session_.api();
  const bool begun = begin(Function::C_DigestInit, answer, [&](CK_SESSION_HANDLE session) {
    return api.C_DigestInit(session, mechanism.get());
  });
  if (begun) produce(Function::C_Digest, api.C_Digest, request.input, answer);
}

void Operations::random(const Request& request, Answer& answer) {
  const size_t length = request.header.capacity;
  if (length > answer.room()) {
    answer.report(Function::none, CKR_ARGUMENTS_BAD);
    return;
  }
  const CK_RV result = session_.api().C_GenerateRandom(session_.handle(), answer.end(), length);
  if (answer.report(Function::C_GenerateRandom, result)) answer.grow(length);
}

void Operations::tokenInfo(const Request&, Answer& answer) {
  CK_TOKEN_INFO token{};
  if (!answer.report(Function::C_GetTokenInfo, session_.api().C_GetTokenInfo(session_.module().slot(), &token))) return;
  const std::array<uint64_t, 7> numbers = {
      token.flags,           token.ulMaxSessionCount, token.ulSessionCount, token.ulMaxRwSessionCount,
      token.ulRwSessionCount, token.ulMaxPinLen,       token.ulMinPinLen,
  };
  const std::array<uint8_t, 8> versions = {token.hardwareVersion.major, token.hardwareVersion.minor,
                                           token.firmwareVersion.major, token.firmwareVersion.minor};
  answer.append(token.label, sizeof token.label);
  answer.append(token.manufacturerID, sizeof token.manufacturerID);
  answer.append(token.model, sizeof token.model);
  answer.append(token.serialNumber, sizeof token.serialNumber);
  answer.append(numbers.data(), sizeof numbers);
  answer.append(versions.data(), sizeof versions);
}

void Operations::mechanisms(const Request&, Answer& answer) {
  CK_FUNCTION_LIST& api = session_.api();
  const CK_SLOT_ID slot = session_.module().slot();
  CK_ULONG count = 0;
  if (!answer.report(Function::C_GetMechanismList, api.C_GetMechanismList(slot, nullptr, &count))) return;
  std::vector<CK_MECHANISM_TYPE> types(count);
  if (!answer.report(Function::C_GetMechanismList, api.C_GetMechanismList(slot, types.data(), &count))) return;
  types.resize(std::min<size_t>(count, types.size()));
  const CK_MECHANISM_TYPE keyWrapPad = session_.module().numberOf(CKM_AES_KEY_WRAP_PAD);
  for (const CK_MECHANISM_TYPE type : types) {
    CK_MECHANISM_INFO mechanism{};
    if (!answer.report(Function::C_GetMechanismInfo, api.C_GetMechanismInfo(slot, type, &mechanism))) return;
    const bool wraps = type == keyWrapPad;
    if (type == CKM_AES_KEY_WRAP_PAD && !wraps) continue;
    const std::array<uint32_t, 4> entry = {
        static_cast<uint32_t>(wraps ? CKM_AES_KEY_WRAP_PAD : type), static_cast<uint32_t>(mechanism.ulMinKeySize),
        static_cast<uint32_t>(mechanism.ulMaxKeySize), static_cast<uint32_t>(mechanism.flags)};
    if (!answer.append(entry.data(), sizeof entry)) {
      answer.tooLong(types.size() * sizeof entry);
      return;
    }
  }
}

}  // namespace strongroom
