#include "oaep.h"

#include <string.h>

#include <array>

namespace strongroom {

namespace {

constexpr uint8_t kEmptySha1[] = {
    0xda, 0x39, 0xa3, 0xee, 0x5e, 0x6b, 0x4b, 0x0d, 0x32, 0x55, 0xbf, 0xef, 0x95, 0x60, 0x18, 0x90,
    0xaf, 0xd8, 0x07, 0x09,
};
constexpr uint8_t kEmptySha256[] = {
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
};
constexpr uint8_t kEmptySha384[] = {
    0x38, 0xb0, 0x60, 0xa7, 0x51, 0xac, 0x96, 0x38, 0x4c, 0xd9, 0x32, 0x7e, 0xb1, 0xb1, 0xe3, 0x6a,
    0x21, 0xfd, 0xb7, 0x11, 0x14, 0xbe, 0x07, 0x43, 0x4c, 0x0c, 0xc7, 0xbf, 0x63, 0xf6, 0xe1, 0xda,
    0x27, 0x4e, 0xde, 0xbf, 0xe7, 0x6f, 0x65, 0xfb, 0xd5, 0x1a, 0xd2, 0xf1, 0x48, 0x98, 0xb9, 0x5b,
};
constexpr uint8_t kEmptySha512[] = {
    0xcf, 0x83, 0xe1, 0x35, 0x7e, 0xef, 0xb8, 0xbd, 0xf1, 0x54, 0x28, 0x50, 0xd6, 0x6d, 0x80, 0x07,
    0xd6, 0x20, 0xe4, 0x05, 0x0b, 0x57, 0x15, 0xdc, 0x83, 0xf4, 0xa9, 0x21, 0xd3, 0x6c, 0xe9, 0xce,
    0x47, 0xd0, 0xd1, 0x3c, 0x5d, 0x85, 0xf2, 0xb0, 0xff, 0x83, 0x18, 0xd2, 0x87, 0x7e, 0xec, 0x2f,
    0x63, 0xb9, 0x31, 0xbd, 0x47, 0x41, 0x7a, 0x81, 0xa5, 0x38, 0x32, 0x7a, 0xf9, 0x27, 0xda, 0x3e,
};

constexpr std::array<OaepHash, 4> kHashes = {{
    {CKM_SHA_1, CKG_MGF1_SHA1, sizeof kEmptySha1, kEmptySha1},
    {CKM_SHA256, CKG_MGF1_SHA256, sizeof kEmptySha256, kEmptySha256},
    {CKM_SHA384, CKG_MGF1_SHA384, sizeof kEmptySha384, kEmptySha384},
    {CKM_SHA512, CKG_MGF1_SHA512, sizeof kEmptySha512, kEmptySha512},
}};

// Conditions are words of all ones or of zero. The barrier keeps the compiler from seeing that and making a branch.
uint64_t opaque(uint64_t value) {
  __asm__("" : "+r"(value));
  return value;
}

uint64_t whenZero(uint64_t value) { return opaque(0) - opaque((~value & (value - 1)) >> 63); }

uint64_t whenEqual(uint64_t a, uint64_t b) { return whenZero(a ^ b); }

uint64_t select(uint64_t condition, uint64_t a, uint64_t b) {
  const uint64_t word = opaque(condition);
  return (word & a) | (~word & b);
}

uint8_t selectByte(uint64_t condition, uint8_t a, uint8_t b) { return static_cast<uint8_t>(select(condition, a, b)); }

/// Moves the bytes from `start` on, a secret index, to the front, in as many passes over all as an index has bits.
void moveToFront(std::span<uint8_t> bytes, uint64_t start) {
  for (size_t step = 1; step < bytes.size(); step <<= 1) {
    const uint64_t moves = ~whenZero(start & step);
    for (size_t i = 0; i + step < bytes.size(); i++) bytes[i] = selectByte(moves, bytes[i + step], bytes[i]);
  }
}

}  // namespace

const OaepHash* oaepHash(CK_MECHANISM_TYPE mechanism) {
  for (const OaepHash& hash : kHashes) {
    if (hash.mechanism == mechanism) return &hash;
  }
  return nullptr;
}

const OaepHash* oaepMaskHash(CK_RSA_PKCS_MGF_TYPE maskGeneration) {
  for (const OaepHash& hash : kHashes) {
    if (hash.maskGeneration == maskGeneration) return &hash;
  }
  return nullptr;
}

bool Oaep::mask(std::span<const uint8_t> seed, std::span<uint8_t> target) {
  std::array<uint8_t, kMaxModulusBytes + 4> block;
  std::array<uint8_t, kMaxHashBytes> hashed;
  memcpy(block.data(), seed.data(), seed.size());
  bool digested = true;
  for (uint32_t counter = 0; digested && !target.empty(); counter++) {
    for (size_t i = 0; i < 4; i++) block[seed.size() + i] = static_cast<uint8_t>(counter >> (24 - 8 * i));
    digested = digester_.digest(maskHash_, {block.data(), seed.size() + 4}, hashed.data());
    const size_t count = target.size() < maskHash_.bytes ? target.size() : maskHash_.bytes;
    for (size_t i = 0; i < count; i++) target[i] ^= hashed[i];
    target = target.subspan(count);
  }
  explicit_bzero(block.data(), block.size());
  explicit_bzero(hashed.data(), hashed.size());
  return digested;
}

bool Oaep::encode(std::span<const uint8_t> message, std::span<const uint8_t> seed, std::span<uint8_t> encoded) {
  const std::span<uint8_t> maskedSeed = encoded.subspan(1, hash_.bytes);
  const std::span<uint8_t> maskedBlock = encoded.subspan(1 + hash_.bytes);
  memset(encoded.data(), 0, encoded.size());
  memcpy(maskedSeed.data(), seed.data(), seed.size());
  memcpy(maskedBlock.data(), hash_.labelHash, hash_.bytes);
  const size_t messageStart = maskedBlock.size() - message.size();
  maskedBlock[messageStart - 1] = 1;
  if (!message.empty()) memcpy(maskedBlock.data() + messageStart, message.data(), message.size());
  return mask(seed, maskedBlock) && mask(maskedBlock, maskedSeed);
}

bool Oaep::decode(std::span<uint8_t> encoded, Decoded& decoded) {
  const std::span<uint8_t> seed = encoded.subspan(1, hash_.bytes);
  const std::span<uint8_t> block = encoded.subspan(1 + hash_.bytes);
  if (!mask(block, seed) || !mask(seed, block)) return false;

  uint64_t valid = whenZero(encoded[0]);
  for (size_t i = 0; i < hash_.bytes; i++) valid &= whenEqual(block[i], hash_.labelHash[i]);
  uint64_t found = 0;
  uint64_t separator = 0;
  for (size_t i = hash_.bytes; i < block.size(); i++) {
    const uint64_t isOne = whenEqual(block[i], 1);
    separator = select(~found & isOne, i, separator);
    found |= isOne;
    valid &= found | whenZero(block[i]);
  }
  valid &= found;

  const std::span<uint8_t> rest = block.subspan(hash_.bytes + 1);
  const uint64_t start = select(valid, separator - hash_.bytes, 0);
  const uint64_t length = select(valid, rest.size() - start, 0);
  moveToFront(rest, start);
  for (size_t i = 0; i < rest.size(); i++) rest[i] = selectByte(whenZero((i - length) >> 63), 0, rest[i]);
  memmove(encoded.data(), rest.data(), rest.size());
  explicit_bzero(encoded.data() + rest.size(), encoded.size() - rest.size());
  decoded = {opaque(valid), length};
  return true;
}

}  // namespace strongroom
