#include "ring_records.h"

#include <cstring>
#include <stdexcept>
#include <string>

namespace strongroom::test {
namespace {

uint32_t length(const Bytes& section) { return static_cast<uint32_t>(section.size()); }

void appendSection(Bytes& record, const Bytes& section) {
  record.insert(record.end(), section.begin(), section.end());
  record.resize((record.size() + 7) / 8 * 8);
}

}  // namespace

Bytes fromHex(std::string_view hex) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

RequestHeader Record::header() const {
  RequestHeader header{};
  header.operation = static_cast<uint16_t>(operation);
  header.parameterKind = static_cast<uint16_t>(parameterKind);
  header.requestId = requestId;
  header.timeoutMs = timeoutMs;
  header.capacity = capacity;
  header.mechanism = mechanism;
  header.object = object;
  header.object2 = object2;
  header.parameterLength = length(parameter);
  header.inputLength = length(input);
  header.input2Length = length(input2);
  header.templateLength = length(attributes);
  header.template2Length = length(attributes2);
  return header;
}

Bytes Record::bytes() const {
  Bytes record(sizeof(RequestHeader));
  for (const Bytes* section : {&parameter, &input, &input2, &attributes, &attributes2}) appendSection(record, *section);
  RequestHeader head = header();
  head.recordLength = length(record);
  memcpy(record.data(), &head, sizeof head);
  return record;
}

void Record::appendTo(Bytes& staging) const {
  const Bytes record = bytes();
  staging.insert(staging.end(), record.begin(), record.end());
}

std::vector<Completion> completionsIn(std::span<const uint8_t> completions) {
  std::vector<Completion> answers;
  while (!completions.empty()) {
    CompletionHeader header;
    if (completions.size() < sizeof header) throw std::runtime_error("completions end inside a header");
    memcpy(&header, completions.data(), sizeof header);
    if (header.recordLength < sizeof header || header.recordLength > completions.size() || header.recordLength % 8 != 0) {
      throw std::runtime_error("a completion has an impossible recordLength");
    }
    const auto body = completions.subspan(sizeof header, header.recordLength - sizeof header);
    Bytes bytes;
    if (!body.empty()) {
      if (header.answerLength > body.size()) throw std::runtime_error("an answer is longer than its record");
      bytes.assign(body.begin(), body.begin() + header.answerLength);
    }
    answers.push_back({header.requestId, static_cast<Outcome>(header.outcome), header.function, header.returnValue,
                       header.answerLength, header.serviceTimeUs, std::move(bytes)});
    completions = completions.subspan(header.recordLength);
  }
  return answers;
}

}  // namespace strongroom::test
