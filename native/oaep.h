// RSAES-OAEP encoding and decoding (RFC 8017 §7.1) with the empty label, for tokens that do raw RSA but not this hash.
// Decoding takes the same steps whatever the bytes are: no branch and no index depends on them.
#ifndef STRONGROOM_OAEP_H_
#define STRONGROOM_OAEP_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "cryptoki.h"

namespace strongroom {

inline constexpr size_t kMaxHashBytes = 64;
/// RSA-16384.
inline constexpr size_t kMaxModulusBytes = 2048;

/// One of the hashes that OAEP may use here.
struct OaepHash {
  CK_MECHANISM_TYPE mechanism;
  CK_RSA_PKCS_MGF_TYPE maskGeneration;
  size_t bytes;
  /// The hash of the empty label.
  const uint8_t* labelHash;
};

/// nullptr when there is none by this number.
const OaepHash* oaepHash(CK_MECHANISM_TYPE mechanism);
const OaepHash* oaepMaskHash(CK_RSA_PKCS_MGF_TYPE maskGeneration);

/// Where the hashing is done: in the token.
class Digester {
 public:
  virtual ~Digester() = default;
  /// Writes hash.bytes to `out`. False on failure, which the digester keeps.
  virtual bool digest(const OaepHash& hash, std::span<const uint8_t> input, uint8_t* out) = 0;
};

class Oaep {
 public:
  Oaep(const OaepHash& hash, const OaepHash& maskHash, Digester& digester)
      : hash_(hash), maskHash_(maskHash), digester_(digester) {}

  /// Longest message under a modulus of so many bytes; negative when the modulus is too short for the hash.
  ptrdiff_t longestMessage(size_t modulusBytes) const {
    return static_cast<ptrdiff_t>(modulusBytes) - 2 * static_cast<ptrdiff_t>(hash_.bytes) - 2;
  }

  /// Fills `encoded`, as long as the modulus. `seed` is as long as the hash, the message within `longestMessage`.
  bool encode(std::span<const uint8_t> message, std::span<const uint8_t> seed, std::span<uint8_t> encoded);

  struct Decoded {
    /// All ones, or zero when the encoding is not valid; the length is 0 then.
    uint64_t valid;
    size_t length;
  };
  /// Decodes in place: the message then starts at `encoded`, and all behind it is zero. False when a digest failed.
  bool decode(std::span<uint8_t> encoded, Decoded& decoded);

 private:
  /// XORs MGF1 of the seed over `target` (RFC 8017 §B.2.1).
  bool mask(std::span<const uint8_t> seed, std::span<uint8_t> target);

  const OaepHash& hash_;
  const OaepHash& maskHash_;
  Digester& digester_;
};

}  // namespace strongroom

#endif  // STRONGROOM_OAEP_H_
