// A mechanism with its parameter, from the parameter section of a request (PKCS#11 v2.40, CK_MECHANISM).
#ifndef STRONGROOM_MECHANISM_H_
#define STRONGROOM_MECHANISM_H_

#include <cstdint>

#include "cryptoki.h"
#include "wire.h"

namespace strongroom {

inline constexpr size_t kGcmIvBytes = 12;

class Mechanism {
 public:
  Mechanism() = default;
  Mechanism(const Mechanism&) = delete;
  Mechanism& operator=(const Mechanism&) = delete;

  /// False when the parameter section is not what its kind asks for.
  bool read(const Request& request);

  /// A GCM parameter without IV: the lane brings one, with `setIv`.
  bool wantsIv() const { return wantsIv_; }
  void setIv(uint8_t* iv);

  CK_MECHANISM* get() { return &mechanism_; }

 private:
  bool readGcm(std::span<const uint8_t> parameter);
  bool readOaep(std::span<const uint8_t> parameter);
  bool readPss(std::span<const uint8_t> parameter);

  CK_MECHANISM mechanism_{};
  union {
    CK_GCM_PARAMS gcm_;
    CK_RSA_PKCS_OAEP_PARAMS oaep_;
    CK_RSA_PKCS_PSS_PARAMS pss_;
  };
  bool wantsIv_ = false;
};

/// The parameter of an OAEP request: hash, and mask generation function, both as Cryptoki numbers them.
struct OaepParameter {
  uint32_t hash;
  uint32_t maskGeneration;
};
bool readOaepParameter(const Request& request, OaepParameter& parameter);

}  // namespace strongroom

#endif  // STRONGROOM_MECHANISM_H_
