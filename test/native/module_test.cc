#include "module.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "ring_records.h"
#include "softhsm_token.h"
#include "spawn_beside.h"
#include "token_session.h"

using namespace strongroom;
using namespace strongroom::test;

namespace {

const Bytes kPin = bytesOf(SoftHsmToken::kPin);

ModuleOptions moduleAt(const std::string& path, bool privateCopy) {
  return {.path = path, .tokenSerial = "any", .privateCopy = privateCopy};
}

/// In an instance of its own, so that the one of the other tests is not finalised under them.
ModuleOptions privateCopy() {
  return {.path = SoftHsmToken::kModule, .tokenSerial = SoftHsmToken::get().serial, .privateCopy = true};
}

/// The fault module with one rule for this process.
ModuleOptions faultModule(const std::string& rule) {
  const std::string control = SoftHsmToken::get().directory + "/control";
  std::ofstream(control) << rule << "\n";
  setenv("FAULT_MODULE_CONTROL", control.c_str(), 1);
  ModuleOptions options = privateCopy();
  options.path = besideThis("fault_module.so");
  options.privateCopy = false;
  return options;
}

}  // namespace

TEST_CASE("a module that is not there, or is none, is said to be so", "[module]") {
  for (const bool copy : {false, true}) {
    Module missing;
    const Failure notThere = missing.open(moduleAt("/nowhere/libpkcs11.so", copy), kPin);
    REQUIRE(notThere.failed());
    REQUIRE(notThere.function == Function::none);
    REQUIRE(notThere.message.find("/nowhere/libpkcs11.so") != std::string::npos);
  }
  Module other;
  const Failure none = other.open(moduleAt("libm.so.6", false), kPin);
  REQUIRE(none.function == Function::none);
  REQUIRE(none.message == "not a PKCS#11 module: libm.so.6");
}

TEST_CASE("a token is found by its serial number, whole", "[module][token]") {
  ModuleOptions options = privateCopy();
  const std::string serial = options.tokenSerial;
  for (const std::string& wrong : {std::string("0000000000000000"), serial.substr(0, 15), serial + "0"}) {
    options.tokenSerial = wrong;
    Module module;
    const Failure failure = module.open(options, kPin);
    REQUIRE(failure.function == Function::none);
    REQUIRE(failure.message == "no token with the serial number " + wrong);
  }
}

TEST_CASE("a wrong PIN fails the login, and the right one works after it", "[module][token]") {
  Module module;
  const Failure failure = module.open(privateCopy(), bytesOf("not the PIN"));
  REQUIRE(failure.function == Function::C_Login);
  REQUIRE(failure.returnValue == CKR_PIN_INCORRECT);
  Module again;
  REQUIRE_FALSE(again.open(privateCopy(), kPin).failed());
  again.finalise();
}

TEST_CASE("private copies of a module are instances of their own", "[module][token]") {
  Module first;
  Module second;
  REQUIRE_FALSE(first.open(privateCopy(), kPin).failed());
  REQUIRE_FALSE(second.open(privateCopy(), kPin).failed());
  REQUIRE(&first.api() != &second.api());
  REQUIRE(&first.api() != &tokenModule().api());
  first.finalise();
  // The other is not finalised with it.
  CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
  REQUIRE(second.openSession(session) == CKR_OK);
  REQUIRE(TokenSession().run({.operation = Operation::random, .capacity = 8}).ok());
  second.finalise();
}

TEST_CASE("a library that was initialised before is shared, and not finalised by the one who found it so", "[module][token]") {
  tokenModule();
  Module second;
  ModuleOptions options = privateCopy();
  options.privateCopy = false;
  REQUIRE_FALSE(second.open(options, kPin).failed());
  REQUIRE(&second.api() == &tokenModule().api());
  second.finalise();
  REQUIRE(TokenSession().run({.operation = Operation::random, .capacity = 8}).ok());
}

TEST_CASE("no PIN is sent to a token that is locked, nor where one more failure would lock it, unless forced", "[module][token]") {
  const auto open = [](const std::string& rule, bool force) {
    ModuleOptions options = faultModule(rule);
    options.forceLogin = force;
    Module module;
    const Failure failure = module.open(options, kPin);
    if (!failure.failed()) module.finalise();
    return failure;
  };
  const Failure lastTry = open("C_GetTokenInfo * flags 0x20000", false);
  REQUIRE(lastTry.function == Function::none);
  REQUIRE(lastTry.returnValue == CKR_PIN_LOCKED);
  REQUIRE_FALSE(open("C_GetTokenInfo * flags 0x20000", true).failed());
  const Failure locked = open("C_GetTokenInfo * flags 0x40000", true);
  REQUIRE(locked.function == Function::none);
  REQUIRE(locked.returnValue == CKR_PIN_LOCKED);
  REQUIRE_FALSE(open("", false).failed());
}

TEST_CASE("what fails on the way to an open module is named", "[module][token]") {
  struct Step {
    const char* rule;
    Function function;
  };
  for (const Step& step : {Step{"C_Initialize 1 return 5", Function::C_Initialize},
                           Step{"C_GetSlotList 2 return 5", Function::C_GetSlotList},
                           Step{"C_OpenSession 1 return 5", Function::C_OpenSession},
                           Step{"C_Login 1 return 5", Function::C_Login}}) {
    INFO(step.rule);
    Module module;
    const Failure failure = module.open(faultModule(step.rule), kPin);
    REQUIRE(nameOf(failure.function) == nameOf(step.function));
    REQUIRE(failure.returnValue == CKR_GENERAL_ERROR);
  }
}
