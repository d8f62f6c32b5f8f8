// Requests and completions as bytes, for tests: written and read by hand, so that a mistake of the ring's own is not repeated here.
#ifndef STRONGROOM_TEST_RING_RECORDS_H_
#define STRONGROOM_TEST_RING_RECORDS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire.h"

namespace strongroom::test {

using Bytes = std::vector<uint8_t>;

inline Bytes bytesOf(std::string_view text) { return {text.begin(), text.end()}; }

Bytes fromHex(std::string_view hex);

struct Record {
  Operation operation = Operation::sign;
  ParameterKind parameterKind = ParameterKind::none;
  uint32_t requestId = 0;
  uint32_t timeoutMs = 0;
  uint32_t capacity = 256;
  uint32_t mechanism = 0;
  uint64_t object = 0;
  uint64_t object2 = 0;
  Bytes parameter = {};
  Bytes input = {};
  Bytes input2 = {};
  Bytes attributes = {};
  Bytes attributes2 = {};

  RequestHeader header() const;
  /// Header, sections and padding.
  Bytes bytes() const;
  /// Appends the record to others.
  void appendTo(Bytes& staging) const;
};

struct Completion {
  uint32_t requestId;
  Outcome outcome;
  uint16_t function;
  uint32_t returnValue;
  uint32_t answerLength;
  uint32_t serviceTimeUs;
  Bytes bytes;
};

/// Takes completions apart. Throws when they are not whole records.
std::vector<Completion> completionsIn(std::span<const uint8_t> completions);

}  // namespace strongroom::test

#endif  // STRONGROOM_TEST_RING_RECORDS_H_
