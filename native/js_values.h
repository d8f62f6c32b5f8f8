// JavaScript values in and out: arguments are checked here, and the layout is told as src/pkcs11/binding.ts has it.
#ifndef STRONGROOM_JS_VALUES_H_
#define STRONGROOM_JS_VALUES_H_

#include <napi.h>

#include <cstdint>
#include <span>
#include <string>

namespace strongroom {

/// The bytes behind a Uint8Array. Memory that another thread may change meanwhile (SharedArrayBuffer) is refused.
/// Throws TypeError, as all of these do, with the name of the argument.
std::span<uint8_t> bytesOf(const Napi::Value& value, const char* name);

/// The numbers behind a Float64Array.
std::span<double> numbersOf(const Napi::Value& value, const char* name);

uint32_t integerOf(const Napi::Value& value, const char* name);

Napi::Object objectOf(const Napi::Value& value, const char* name);
uint32_t integerMember(const Napi::Object& object, const char* name);
std::string textMember(const Napi::Object& object, const char* name);
bool booleanMember(const Napi::Object& object, const char* name);

/// RING_OPERATION, PARAMETER_KIND, ATTRIBUTE_KIND, REQUEST, COMPLETION, OUTCOME, HOST_STATE and SIGNATURE_SCHEME.
Napi::Value layoutTables(const Napi::CallbackInfo& info);

/// Names of the Cryptoki functions, by the number that completions carry.
Napi::Value functionNameList(const Napi::CallbackInfo& info);

}  // namespace strongroom

#endif  // STRONGROOM_JS_VALUES_H_
