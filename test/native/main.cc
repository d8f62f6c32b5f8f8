#include <cstring>

#include "catch2/catch2.h"
#include "load_lane.h"
#include "softhsm_token.h"

int main(int argumentCount, char** arguments) {
  // How ring_load_test.cc starts lanes in a process of their own.
  if (argumentCount == 2 && strcmp(arguments[1], "ring-lanes") == 0) return strongroom::test::loadLanesMain();
  const int failed = strongroom::test::runTests(argumentCount, arguments);
  strongroom::test::SoftHsmToken::remove();
  return failed;
}
