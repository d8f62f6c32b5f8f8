#include "wire.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "ring_layout.h"

using namespace strongroom;

namespace {

RequestHeader soundHeader() {
  RequestHeader header{};
  header.operation = static_cast<uint16_t>(Operation::sign);
  header.parameterLength = 3;
  header.inputLength = 32;
  header.input2Length = 1;
  header.templateLength = 16;
  header.template2Length = 9;
  header.recordLength = sizeof(RequestHeader) + 8 + 32 + 8 + 16 + 16;
  header.capacity = 64;
  return header;
}

std::string problem(const RequestHeader& header, size_t available = 4096) {
  const char* what = requestProblem(header, available);
  return what == nullptr ? "" : what;
}

}  // namespace

TEST_CASE("a sound request header has no problem", "[wire]") {
  REQUIRE(problem(soundHeader()).empty());
  REQUIRE(problem(soundHeader(), soundHeader().recordLength).empty());
}

TEST_CASE("a record that reaches past its buffer is refused", "[wire]") {
  RequestHeader header = soundHeader();
  REQUIRE_FALSE(problem(header, header.recordLength - 1).empty());
  header.recordLength = 0;
  REQUIRE_FALSE(problem(header).empty());
  header.recordLength = sizeof(RequestHeader) - 8;
  REQUIRE_FALSE(problem(header).empty());
  header.recordLength = 0xffff'ffff;
  REQUIRE_FALSE(problem(header).empty());
}

TEST_CASE("a record whose sections are not as long as it says is refused, whatever wraps in 32 bits", "[wire]") {
  uint32_t RequestHeader::*const lengths[] = {&RequestHeader::parameterLength, &RequestHeader::inputLength,
                                              &RequestHeader::input2Length, &RequestHeader::templateLength,
                                              &RequestHeader::template2Length};
  for (const auto length : lengths) {
    RequestHeader header = soundHeader();
    header.*length += 8;
    REQUIRE_FALSE(problem(header).empty());
    header.*length = 0xffff'fff8;
    REQUIRE_FALSE(problem(header).empty());
    header.*length = 0xffff'ffff;
    REQUIRE_FALSE(problem(header).empty());
  }
  RequestHeader header = soundHeader();
  header.inputLength = 0x8000'0000;
  header.input2Length = 0x8000'0000;
  header.recordLength = sizeof(RequestHeader) + 8 + 16 + 16;
  REQUIRE_FALSE(problem(header).empty());
}

TEST_CASE("an unknown operation or kind of parameter is refused", "[wire]") {
  RequestHeader header = soundHeader();
  header.operation = 0;
  REQUIRE_FALSE(problem(header).empty());
  header.operation = kLastOperation + 1;
  REQUIRE_FALSE(problem(header).empty());
  header = soundHeader();
  header.parameterKind = kLastParameterKind + 1;
  REQUIRE_FALSE(problem(header).empty());
}

TEST_CASE("a request or an answer longer than a block of the arena is refused", "[wire]") {
  RequestHeader header{};
  header.operation = static_cast<uint16_t>(Operation::encrypt);
  header.inputLength = kBlockBytes;
  header.recordLength = sizeof(RequestHeader) + kBlockBytes;
  header.capacity = kBlockBytes;
  REQUIRE(problem(header, 1 << 20).empty());
  header.capacity = kBlockBytes + 1;
  REQUIRE_FALSE(problem(header, 1 << 20).empty());
  header.capacity = 0;
  header.inputLength += 8;
  header.recordLength += 8;
  REQUIRE_FALSE(problem(header, 1 << 20).empty());
}

TEST_CASE("sections are found where the header says", "[wire]") {
  Request request{};
  request.header = soundHeader();
  std::vector<uint8_t> payload(sectionsLength(request.header));
  for (size_t i = 0; i < payload.size(); i++) payload[i] = static_cast<uint8_t>(i);
  REQUIRE(readSections(request, payload));
  REQUIRE(request.parameter.size() == 3);
  REQUIRE(request.parameter.data() == payload.data());
  REQUIRE(request.input.size() == 32);
  REQUIRE(request.input[0] == 8);
  REQUIRE(request.input2.size() == 1);
  REQUIRE(request.input2[0] == 40);
  REQUIRE(request.attributes.size() == 16);
  REQUIRE(request.attributes[0] == 48);
  REQUIRE(request.attributes2.size() == 9);
  REQUIRE(request.attributes2[0] == 64);
  payload.pop_back();
  REQUIRE_FALSE(readSections(request, payload));
}
