#include "js_values.h"

#include <cmath>
#include <cstddef>

#include "js_verifying_key.h"
#include "return_value.h"
#include "wire.h"

namespace strongroom {

namespace {

struct Row {
  const char* name;
  size_t value;
};

constexpr size_t number(auto value) { return static_cast<size_t>(value); }

constexpr Row kOperations[] = {
    {"sign", number(Operation::sign)},
    {"verify", number(Operation::verify)},
    {"encrypt", number(Operation::encrypt)},
    {"decrypt", number(Operation::decrypt)},
    {"digest", number(Operation::digest)},
    {"random", number(Operation::random)},
    {"generateKey", number(Operation::generateKey)},
    {"generateKeyPair", number(Operation::generateKeyPair)},
    {"wrap", number(Operation::wrap)},
    {"unwrap", number(Operation::unwrap)},
    {"create", number(Operation::create)},
    {"destroy", number(Operation::destroy)},
    {"getAttributes", number(Operation::getAttributes)},
    {"setAttributes", number(Operation::setAttributes)},
    {"find", number(Operation::find)},
    {"tokenInfo", number(Operation::tokenInfo)},
    {"mechanisms", number(Operation::mechanisms)},
    {"copy", number(Operation::copy)},
    {"oaepEncrypt", number(Operation::oaepEncrypt)},
    {"oaepDecrypt", number(Operation::oaepDecrypt)},
    {"wrapBytes", number(Operation::wrapBytes)},
    {"unwrapBytes", number(Operation::unwrapBytes)},
};

constexpr Row kParameterKinds[] = {
    {"none", number(ParameterKind::none)}, {"raw", number(ParameterKind::raw)}, {"gcm", number(ParameterKind::gcm)},
    {"oaep", number(ParameterKind::oaep)}, {"pss", number(ParameterKind::pss)},
};

constexpr Row kAttributeKinds[] = {
    {"bool", number(AttributeKind::boolean)},
    {"ulong", number(AttributeKind::ulong)},
    {"bytes", number(AttributeKind::bytes)},
    {"absent", number(AttributeKind::absent)},
};

constexpr Row kRequest[] = {
    {"recordLength", offsetof(RequestHeader, recordLength)},
    {"operation", offsetof(RequestHeader, operation)},
    {"parameterKind", offsetof(RequestHeader, parameterKind)},
    {"requestId", offsetof(RequestHeader, requestId)},
    {"timeoutMs", offsetof(RequestHeader, timeoutMs)},
    {"capacity", offsetof(RequestHeader, capacity)},
    {"mechanism", offsetof(RequestHeader, mechanism)},
    {"object", offsetof(RequestHeader, object)},
    {"object2", offsetof(RequestHeader, object2)},
    {"parameterLength", offsetof(RequestHeader, parameterLength)},
    {"inputLength", offsetof(RequestHeader, inputLength)},
    {"input2Length", offsetof(RequestHeader, input2Length)},
    {"templateLength", offsetof(RequestHeader, templateLength)},
    {"template2Length", offsetof(RequestHeader, template2Length)},
    {"headerLength", sizeof(RequestHeader)},
};

constexpr Row kCompletion[] = {
    {"recordLength", offsetof(CompletionHeader, recordLength)},
    {"requestId", offsetof(CompletionHeader, requestId)},
    {"outcome", offsetof(CompletionHeader, outcome)},
    {"function", offsetof(CompletionHeader, function)},
    {"returnValue", offsetof(CompletionHeader, returnValue)},
    {"answerLength", offsetof(CompletionHeader, answerLength)},
    {"serviceTimeUs", offsetof(CompletionHeader, serviceTimeUs)},
    {"headerLength", sizeof(CompletionHeader)},
};

constexpr Row kOutcomes[] = {
    {"done", number(Outcome::done)},
    {"expired", number(Outcome::expired)},
    {"notStarted", number(Outcome::notStarted)},
    {"unknown", number(Outcome::unknown)},
};

constexpr Row kHostStates[] = {
    {"starting", number(HostState::starting)},
    {"ready", number(HostState::ready)},
    {"failed", number(HostState::failed)},
    {"stopped", number(HostState::stopped)},
};

constexpr Row kSignatureSchemeRows[] = {
    {"ecdsa", number(SignatureScheme::ecdsa)},
    {"pkcs1", number(SignatureScheme::pkcs1)},
    {"pssSha256", number(SignatureScheme::pssSha256)},
    {"pssSha384", number(SignatureScheme::pssSha384)},
    {"pssSha512", number(SignatureScheme::pssSha512)},
};

Napi::Object tableOf(Napi::Env env, std::span<const Row> rows) {
  Napi::Object table = Napi::Object::New(env);
  for (const Row& row : rows) table.Set(row.name, Napi::Number::New(env, static_cast<double>(row.value)));
  return table;
}

Napi::TypeError wrong(Napi::Env env, const char* name, const char* expected) {
  return Napi::TypeError::New(env, std::string("expected ") + expected + " for " + name);
}

template <class Element>
std::span<Element> elementsOf(const Napi::Value& value, napi_typedarray_type wanted, const char* name,
                              const char* expected) {
  napi_typedarray_type type;
  size_t length;
  void* elements;
  napi_value buffer;
  bool exclusive = false;
  const napi_env env = value.Env();
  if (napi_get_typedarray_info(env, value, &type, &length, &elements, &buffer, nullptr) != napi_ok || type != wanted ||
      napi_is_arraybuffer(env, buffer, &exclusive) != napi_ok || !exclusive) {
    throw wrong(env, name, expected);
  }
  return {static_cast<Element*>(elements), length};
}

}  // namespace

std::span<uint8_t> bytesOf(const Napi::Value& value, const char* name) {
  return elementsOf<uint8_t>(value, napi_uint8_array, name, "a Uint8Array");
}

std::span<double> numbersOf(const Napi::Value& value, const char* name) {
  return elementsOf<double>(value, napi_float64_array, name, "a Float64Array");
}

uint32_t integerOf(const Napi::Value& value, const char* name) {
  double given = -1;
  if (napi_get_value_double(value.Env(), value, &given) != napi_ok || !(given >= 0) || given > UINT32_MAX ||
      given != std::floor(given)) {
    throw wrong(value.Env(), name, "an integer from 0 to 4294967295");
  }
  return static_cast<uint32_t>(given);
}

Napi::Object objectOf(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) throw wrong(value.Env(), name, "an object");
  return value.As<Napi::Object>();
}

uint32_t integerMember(const Napi::Object& object, const char* name) { return integerOf(object.Get(name), name); }

std::string textMember(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsString()) throw wrong(object.Env(), name, "a string");
  return value.As<Napi::String>().Utf8Value();
}

bool booleanMember(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsBoolean()) throw wrong(object.Env(), name, "a boolean");
  return value.As<Napi::Boolean>().Value();
}

Napi::Value layoutTables(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object tables = Napi::Object::New(env);
  tables.Set("RING_OPERATION", tableOf(env, kOperations));
  tables.Set("PARAMETER_KIND", tableOf(env, kParameterKinds));
  tables.Set("ATTRIBUTE_KIND", tableOf(env, kAttributeKinds));
  tables.Set("REQUEST", tableOf(env, kRequest));
  tables.Set("COMPLETION", tableOf(env, kCompletion));
  tables.Set("OUTCOME", tableOf(env, kOutcomes));
  tables.Set("HOST_STATE", tableOf(env, kHostStates));
  tables.Set("SIGNATURE_SCHEME", tableOf(env, kSignatureSchemeRows));
  return tables;
}

Napi::Value functionNameList(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto names = functionNames();
  Napi::Array list = Napi::Array::New(env, names.size());
  for (uint32_t i = 0; i < names.size(); i++) list.Set(i, Napi::String::New(env, names[i]));
  return list;
}

}  // namespace strongroom
