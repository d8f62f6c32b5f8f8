// PKCS#11 v2.40 for the fault module, which is plain C.
#ifndef STRONGROOM_SHIM_CRYPTOKI_H_
#define STRONGROOM_SHIM_CRYPTOKI_H_

#define CK_PTR *
#define CK_DECLARE_FUNCTION(returnType, name) returnType name
#define CK_DECLARE_FUNCTION_POINTER(returnType, name) returnType(*name)
#define CK_CALLBACK_FUNCTION(returnType, name) returnType(*name)
#ifndef NULL_PTR
#define NULL_PTR 0
#endif
#include "pkcs11.h"

#endif  // STRONGROOM_SHIM_CRYPTOKI_H_
