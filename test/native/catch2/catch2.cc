#define CATCH_CONFIG_RUNNER
#include "catch2.h"

#include <catch2/catch.hpp>

namespace strongroom::test {

int runTests(int argumentCount, char** arguments) { return Catch::Session().run(argumentCount, arguments); }

}  // namespace strongroom::test
