#include <algorithm>

#include "operations.h"
#include "owner_turn.h"

namespace strongroom {

namespace {

const CK_OBJECT_CLASS kSecretKey = CKO_SECRET_KEY;
const CK_KEY_TYPE kGenericSecret = CKK_GENERIC_SECRET;
const CK_BBOOL kTrue = CK_TRUE;
const CK_BBOOL kFalse = CK_FALSE;

/// A secret that lives for one operation: its value came from the caller, or goes to him.
void describeTransient(Template& attributes) {
  attributes.add(CKA_CLASS, &kSecretKey, sizeof kSecretKey);
  attributes.add(CKA_KEY_TYPE, &kGenericSecret, sizeof kGenericSecret);
  attributes.add(CKA_TOKEN, &kFalse, sizeof kFalse);
  attributes.add(CKA_PRIVATE, &kTrue, sizeof kTrue);
  attributes.add(CKA_SENSITIVE, &kFalse, sizeof kFalse);
  attributes.add(CKA_EXTRACTABLE, &kTrue, sizeof kTrue);
}

/// C_WrapKey with its output at the end of the answer.
void exportInto(Session& session, Mechanism& mechanism, CK_OBJECT_HANDLE wrappingKey, CK_OBJECT_HANDLE key,
                Answer& answer) {
  CK_ULONG length = answer.room();
  const CK_RV result =
      session.api().C_WrapKey(session.handle(), mechanism.get(), wrappingKey, key, answer.end(), &length);
  answer.report(Function::C_WrapKey, result);
  if (result == CKR_BUFFER_TOO_SMALL || (result == CKR_OK && length > answer.room())) {
    answer.tooLong(answer.length() + length);
  } else if (result == CKR_OK) {
    answer.grow(length);
  }
}

}  // namespace

void Operations::wrap(const Request& request, Answer& answer) {
  Mechanism mechanism;
  if (!mechanism.read(request)) {
    answer.report(Function::none, CKR_ARGUMENTS_BAD);
    return;
  }
  exportInto(session_, mechanism, request.header.object, request.header.object2, answer);
}

void Operations::unwrap(const Request& request, Answer& answer) {
  Mechanism mechanism;
  Template attributes;
  if (!mechanism.read(request) || !attributes.read(request.attributes)) {
    answer.report(Function::none, CKR_ARGUMENTS_BAD);
    return;
  }
  CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
  const OwnerTurn turn(session_.module(), clock_);
  const CK_RV result = session_.api().C_UnwrapKey(
      turn.session(), mechanism.get(), request.header.object, const_cast<CK_BYTE_PTR>(request.input.data()),
      request.input.size(), attributes.data(), attributes.size(), &key);
  if (answer.report(Function::C_UnwrapKey, result)) answer.appendHandle(key);
}

void Operations::wrapBytes(const Request& request, Answer& answer) {
  Mechanism mechanism;
  if (!mechanism.read(request)) {
    answer.report(Function::none, CKR_ARGUMENTS_BAD);
    return;
  }
  Template attributes;
  describeTransient(attributes);
  attributes.add(CKA_VALUE, request.input.data(), request.input.size());
  CK_OBJECT_HANDLE secret = CK_INVALID_HANDLE;
  const CK_RV created =
      session_.api().C_CreateObject(session_.handle(), attributes.data(), attributes.size(), &secret);
  if (!answer.report(Function::C_CreateObject, created)) return;
  exportInto(session_, mechanism, request.header.object, secret, answer);
  destroyTransient(secret);
}

void Operations::unwrapBytes(const Request& request, Answer& answer) {
  Mechanism mechanism;
  if (!mechanism.read(request)) {
    answer.report(Function::none, CKR_ARGUMENTS_BAD);
    return;
  }
  Template attributes;
  describeTransient(attributes);
  CK_FUNCTION_LIST& api = session_.api();
  CK_OBJECT_HANDLE secret = CK_INVALID_HANDLE;
  const CK_RV unwrapped = api.C_UnwrapKey(session_.handle(), mechanism.get(), request.header.object,
                                          const_cast<CK_BYTE_PTR>(request.input.data()), request.input.size(),
                                          attributes.data(), attributes.size(), &secret);
  if (!answer.report(Function::C_UnwrapKey, unwrapped)) return;
  CK_ATTRIBUTE value{CKA_VALUE, answer.end(), static_cast<CK_ULONG>(answer.room())};
  const CK_RV read = api.C_GetAttributeValue(session_.handle(), secret, &value, 1);
  const bool given = answer.report(Function::C_GetAttributeValue, read);
  if (given) answer.grow(std::min<size_t>(value.ulValueLen, answer.room()));
  destroyTransient(secret);
}

void Operations::destroyTransient(CK_OBJECT_HANDLE object) {
  // A session takes its objects along when it ends.
  if (session_.api().C_DestroyObject(session_.handle(), object) != CKR_OK) session_.close();
}

}  // namespace strongroom
