#include <string.h>

#include <algorithm>
#include <array>

#include "operations.h"
#include "owner_turn.h"

namespace strongroom {

namespace {

constexpr CK_ULONG kUnavailable = static_cast<CK_ULONG>(-1);
constexpr CK_ULONG kObjectsPerCall = 128;

/// PKCS#11 v2.40 §5.7: after these, each attribute says for itself whether it was given.
bool attributesAnswered(CK_RV result) {
  return result == CKR_OK || result == CKR_ATTRIBUTE_SENSITIVE || result == CKR_ATTRIBUTE_TYPE_INVALID ||
         result == CKR_BUFFER_TOO_SMALL;
}

bool malformed(Answer& answer) {
  answer.report(Function::none, CKR_ARGUMENTS_BAD);
  return false;
}

bool readTemplate(Template& attributes, std::span<const uint8_t> wire, Answer& answer) {
  return attributes.read(wire) || malformed(answer);
}

bool readMechanism(Mechanism& mechanism, const Request& request, Answer& answer) {
  return mechanism.read(request) || malformed(answer);
}

/// Puts headers before the values, which lie in order behind the answer's end, and closes gaps that shorter ones left.
void appendAttributes(std::span<const CK_ATTRIBUTE> attributes, Answer& answer) {
  for (const CK_ATTRIBUTE& attribute : attributes) {
    AttributeHeader header{static_cast<uint32_t>(attribute.type), static_cast<uint32_t>(AttributeKind::absent), 0, 0};
    if (attribute.pValue != nullptr && attribute.ulValueLen != kUnavailable) {
      header.length = static_cast<uint32_t>(attribute.ulValueLen);
      header.kind = static_cast<uint32_t>(kindOf(attribute.type, attribute.ulValueLen));
    }
    uint8_t* value = answer.end() + sizeof header;
    if (header.length > 0) memmove(value, attribute.pValue, header.length);
    memset(value + header.length, 0, padded(header.length) - header.length);
    memcpy(answer.end(), &header, sizeof header);
    answer.grow(sizeof header + padded(header.length));
  }
}

}  // namespace

void Operations::generateKey(const Request& request, Answer& answer) {
  Mechanism mechanism;
  Template attributes;
  if (!readMechanism(mechanism, request, answer) || !readTemplate(attributes, request.attributes, answer)) return;
  CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
  const OwnerTurn turn(session_.module(), clock_);
  const CK_RV result = session_.api().C_GenerateKey(turn.session(), mechanism.get(), attributes.data(),
                                                    attributes.size(), &key);
  if (answer.report(Function::C_GenerateKey, result)) answer.appendHandle(key);
}

void Operations::generateKeyPair(const Request& request, Answer& answer) {
  Mechanism mechanism;
  Template publicKey;
  Template privateKey;
  if (!readMechanism(mechanism, request, answer) || !readTemplate(publicKey, request.attributes, answer) ||
      !readTemplate(privateKey, request.attributes2, answer)) {
    return;
  }
  CK_OBJECT_HANDLE publicHandle = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE privateHandle = CK_INVALID_HANDLE;
  const OwnerTurn turn(session_.module(), clock_);
  const CK_RV result =
      session_.api().C_GenerateKeyPair(turn.session(), mechanism.get(), publicKey.data(), publicKey.size(),
                                       privateKey.data(), privateKey.size(), &publicHandle, &privateHandle);
  if (!answer.report(Function::C_GenerateKeyPair, result)) return;
  answer.appendHandle(publicHandle);
  answer.appendHandle(privateHandle);
}

void Operations::create(const Request& request, Answer& answer) {
  Template attributes;
  if (!readTemplate(attributes, request.attributes, answer)) return;
  CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
  const OwnerTurn turn(session_.module(), clock_);
  const CK_RV result =
      session_.api().C_CreateObject(turn.session(), attributes.data(), attributes.size(), &object);
  if (answer.report(Function::C_CreateObject, result)) answer.appendHandle(object);
}

void Operations::copy(const Request& request, Answer& answer) {
  Template attributes;
  if (!readTemplate(attributes, request.attributes, answer)) return;
  CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
  const OwnerTurn turn(session_.module(), clock_);
  const CK_RV result = session_.api().C_CopyObject(turn.session(), request.header.object, attributes.data(),
                                                   attributes.size(), &object);
  if (answer.report(Function::C_CopyObject, result)) answer.appendHandle(object);
}

void Operations::destroy(const Request& request, Answer& answer) {
  const OwnerTurn turn(session_.module(), clock_);
  answer.report(Function::C_DestroyObject, session_.api().C_DestroyObject(turn.session(), request.header.object));
}

void Operations::setAttributes(const Request& request, Answer& answer) {
  Template attributes;
  if (!readTemplate(attributes, request.attributes, answer)) return;
  const OwnerTurn turn(session_.module(), clock_);
  answer.report(Function::C_SetAttributeValue,
                session_.api().C_SetAttributeValue(turn.session(), request.header.object, attributes.data(),
                                                   attributes.size()));
}

void Operations::getAttributes(const Request& request, Answer& answer) {
  Template attributes;
  if (!readTemplate(attributes, request.attributes, answer)) return;
  for (CK_ATTRIBUTE& attribute : attributes.attributes()) attribute = {attribute.type, nullptr, 0};
  const auto fetch = [&] {
    const CK_RV result = session_.api().C_GetAttributeValue(session_.handle(), request.header.object,
                                                            attributes.data(), attributes.size());
    return answer.report(Function::C_GetAttributeValue, attributesAnswered(result) ? CKR_OK : result);
  };
  // The first call gives the lengths, the second the values, each behind the room for its header.
  if (!fetch()) return;
  uint8_t* const start = answer.end();
  size_t needed = 0;
  for (CK_ATTRIBUTE& attribute : attributes.attributes()) {
    const bool absent = attribute.ulValueLen == kUnavailable;
    if (absent) attribute.ulValueLen = 0;
    const size_t record = sizeof(AttributeHeader) + padded(attribute.ulValueLen);
    if (attribute.ulValueLen > answer.room() || needed + record > answer.room()) {
      return answer.tooLong(needed + record);
    }
    attribute.pValue = absent ? nullptr : start + needed + sizeof(AttributeHeader);
    needed += record;
  }
  answer.touch(answer.length() + needed);
  if (fetch()) appendAttributes(attributes.attributes(), answer);
}

void Operations::find(const Request& request, Answer& answer) {
  Template attributes;
  if (!readTemplate(attributes, request.attributes, answer)) return;
  CK_FUNCTION_LIST& api = session_.api();
  const bool begun = begin(Function::C_FindObjectsInit, answer, [&](CK_SESSION_HANDLE session) {
    return api.C_FindObjectsInit(session, attributes.data(), attributes.size());
  });
  if (!begun) return;
  size_t wanted = std::min<size_t>(request.header.capacity, answer.room()) / sizeof(uint64_t);
  while (wanted > 0) {
    std::array<CK_OBJECT_HANDLE, kObjectsPerCall> objects;
    const CK_ULONG limit = std::min<CK_ULONG>(wanted, objects.size());
    CK_ULONG found = 0;
    const CK_RV result = api.C_FindObjects(session_.handle(), objects.data(), limit, &found);
    if (!answer.report(Function::C_FindObjects, result) || found == 0) break;
    found = std::min(found, limit);
    for (CK_ULONG i = 0; i < found; i++) answer.appendHandle(objects[i]);
    wanted -= found;
  }
  const CK_RV ended = api.C_FindObjectsFinal(session_.handle());
  if (ended == CKR_OK) return;
  session_.close();
  if (answer.ok()) answer.report(Function::C_FindObjectsFinal, ended);
}

}  // namespace strongroom
