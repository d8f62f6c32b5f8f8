#include "mechanism.h"

#include <string.h>

namespace strongroom {

namespace {

struct GcmWire {
  uint32_t ivLength;
  uint32_t aadLength;
  uint32_t tagBits;
  uint32_t reserved;
};

struct PssWire {
  uint32_t hash;
  uint32_t maskGeneration;
  uint32_t saltLength;
};

}  // namespace

bool Mechanism::read(const Request& request) {
  mechanism_ = {request.header.mechanism, nullptr, 0};
  switch (request.parameterKind()) {
    case ParameterKind::none:
      return request.parameter.empty();
    case ParameterKind::raw:
      mechanism_.pParameter = const_cast<uint8_t*>(request.parameter.data());
      mechanism_.ulParameterLen = request.parameter.size();
      return true;
    case ParameterKind::gcm:
      return readGcm(request.parameter);
    case ParameterKind::oaep:
      return readOaep(request.parameter);
    case ParameterKind::pss:
      return readPss(request.parameter);
  }
  return false;
}

bool Mechanism::readGcm(std::span<const uint8_t> parameter) {
  GcmWire wire;
  if (parameter.size() < sizeof wire) return false;
  memcpy(&wire, parameter.data(), sizeof wire);
  if (sizeof wire + uint64_t{wire.ivLength} + wire.aadLength != parameter.size() || wire.tagBits > 128) return false;
  uint8_t* iv = const_cast<uint8_t*>(parameter.data()) + sizeof wire;
  gcm_ = {};
  gcm_.pIv = iv;
  gcm_.ulIvLen = wire.ivLength;
  gcm_.ulIvBits = CK_ULONG{wire.ivLength} * 8;
  gcm_.pAAD = wire.aadLength == 0 ? nullptr : iv + wire.ivLength;
  gcm_.ulAADLen = wire.aadLength;
  gcm_.ulTagBits = wire.tagBits;
  wantsIv_ = wire.ivLength == 0;
  mechanism_.pParameter = &gcm_;
  mechanism_.ulParameterLen = sizeof gcm_;
  return true;
}

void Mechanism::setIv(uint8_t* iv) {
  gcm_.pIv = iv;
  gcm_.ulIvLen = kGcmIvBytes;
  gcm_.ulIvBits = kGcmIvBytes * 8;
}

bool Mechanism::readOaep(std::span<const uint8_t> parameter) {
  OaepParameter wire;
  if (parameter.size() != sizeof wire) return false;
  memcpy(&wire, parameter.data(), sizeof wire);
  oaep_ = {wire.hash, wire.maskGeneration, CKZ_DATA_SPECIFIED, nullptr, 0};
  mechanism_.pParameter = &oaep_;
  mechanism_.ulParameterLen = sizeof oaep_;
  return true;
}

bool Mechanism::readPss(std::span<const uint8_t> parameter) {
  PssWire wire;
  if (parameter.size() != sizeof wire) return false;
  memcpy(&wire, parameter.data(), sizeof wire);
  pss_ = {wire.hash, wire.maskGeneration, wire.saltLength};
  mechanism_.pParameter = &pss_;
  mechanism_.ulParameterLen = sizeof pss_;
  return true;
}

bool readOaepParameter(const Request& request, OaepParameter& parameter) {
  if (request.parameterKind() != ParameterKind::oaep || request.parameter.size() != sizeof parameter) return false;
  memcpy(&parameter, request.parameter.data(), sizeof parameter);
  return true;
}

}  // namespace strongroom
