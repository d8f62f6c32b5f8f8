// The bytes that cross between JavaScript, the owner of a ring and its lanes: src/pkcs11/binding.ts, field for field.
#ifndef STRONGROOM_WIRE_H_
#define STRONGROOM_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace strongroom {

enum class Operation : uint16_t {
  sign = 1,
  verify = 2,
  encrypt = 3,
  decrypt = 4,
  digest = 5,
  random = 6,
  generateKey = 7,
  generateKeyPair = 8,
  wrap = 9,
  unwrap = 10,
  create = 11,
  destroy = 12,
  getAttributes = 13,
  setAttributes = 14,
  find = 15,
  tokenInfo = 16,
  mechanisms = 17,
  copy = 18,
  oaepEncrypt = 19,
  oaepDecrypt = 20,
  wrapBytes = 21,
  unwrapBytes = 22,
};
inline constexpr uint16_t kLastOperation = 22;

enum class ParameterKind : uint16_t { none = 0, raw = 1, gcm = 2, oaep = 3, pss = 4 };
inline constexpr uint16_t kLastParameterKind = 4;

enum class AttributeKind : uint32_t { boolean = 0, ulong = 1, bytes = 2, absent = 3 };

enum class Outcome : uint16_t { done = 0, expired = 1, notStarted = 2, unknown = 3 };

enum class HostState : uint32_t { starting = 0, ready = 1, failed = 2, stopped = 3 };

struct RequestHeader {
  uint32_t recordLength;
  uint16_t operation;
  uint16_t parameterKind;
  uint32_t requestId;
  uint32_t timeoutMs;
  uint32_t capacity;
  uint32_t mechanism;
  uint64_t object;
  uint64_t object2;
  uint32_t parameterLength;
  uint32_t inputLength;
  uint32_t input2Length;
  uint32_t templateLength;
  uint32_t template2Length;
  uint32_t reserved;
};
static_assert(sizeof(RequestHeader) == 64);

struct CompletionHeader {
  uint32_t recordLength;
  uint32_t requestId;
  uint16_t outcome;
  uint16_t function;
  uint32_t returnValue;
  uint32_t answerLength;
  uint32_t serviceTimeUs;
};
static_assert(sizeof(CompletionHeader) == 24);

struct AttributeHeader {
  uint32_t type;
  uint32_t kind;
  uint32_t length;
  uint32_t reserved;
};
static_assert(sizeof(AttributeHeader) == 16);

constexpr size_t padded(size_t length) { return (length + 7) & ~size_t{7}; }

/// One request as a lane works on it: a copy of the header, and views of the sections where they lie in the ring.
struct Request {
  RequestHeader header;
  std::span<const uint8_t> parameter;
  std::span<const uint8_t> input;
  std::span<const uint8_t> input2;
  std::span<const uint8_t> attributes;
  std::span<const uint8_t> attributes2;

  Operation operation() const { return static_cast<Operation>(header.operation); }
  ParameterKind parameterKind() const { return static_cast<ParameterKind>(header.parameterKind); }
};

/// Bytes of all sections of a request, padding included.
size_t sectionsLength(const RequestHeader& header);

/// Says what is wrong with the header of a record of which `available` bytes are there; nullptr when it is sound.
const char* requestProblem(const RequestHeader& header, size_t available);

/// Points the views of `request` into `payload`, by its header. False when the sections do not fit.
bool readSections(Request& request, std::span<const uint8_t> payload);

}  // namespace strongroom

#endif  // STRONGROOM_WIRE_H_
