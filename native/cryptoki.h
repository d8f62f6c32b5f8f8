// PKCS#11 v2.40 as this house includes it.
#ifndef STRONGROOM_CRYPTOKI_H_
#define STRONGROOM_CRYPTOKI_H_

#include <pkcs11.h>

#endif  // STRONGROOM_CRYPTOKI_H_
