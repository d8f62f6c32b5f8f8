#include "wire.h"

#include "ring_layout.h"

namespace strongroom {

size_t sectionsLength(const RequestHeader& header) {
  return padded(header.parameterLength) + padded(header.inputLength) + padded(header.input2Length) +
         padded(header.templateLength) + padded(header.template2Length);
}

const char* requestProblem(const RequestHeader& header, size_t available) {
  if (header.recordLength < sizeof(RequestHeader) || header.recordLength > available) {
    return "recordLength reaches past the staging buffer";
  }
  if (header.recordLength != sizeof(RequestHeader) + sectionsLength(header)) {
    return "recordLength is not that of the header and its sections";
  }
  if (header.operation == 0 || header.operation > kLastOperation) return "unknown operation";
  if (header.parameterKind > kLastParameterKind) return "unknown parameterKind";
  if (header.recordLength - sizeof(RequestHeader) > kBlockBytes) return "request longer than a block of the arena";
  if (header.capacity > kBlockBytes) return "capacity larger than a block of the arena";
  return nullptr;
}

bool readSections(Request& request, std::span<const uint8_t> payload) {
  const RequestHeader& header = request.header;
  if (sectionsLength(header) > payload.size()) return false;
  size_t offset = 0;
  const auto section = [&](uint32_t length) {
    const auto view = payload.subspan(offset, length);
    offset += padded(length);
    return view;
  };
  request.parameter = section(header.parameterLength);
  request.input = section(header.inputLength);
  request.input2 = section(header.input2Length);
  request.attributes = section(header.templateLength);
  request.attributes2 = section(header.template2Length);
  return true;
}

}  // namespace strongroom
