// Catch2's own code, in a library of its own: it takes long to compile, and with a sanitizer several times as long.
#ifndef STRONGROOM_TEST_CATCH2_H_
#define STRONGROOM_TEST_CATCH2_H_

namespace strongroom::test {

/// Runs the tests that the arguments choose. Answers what main() is to answer.
int runTests(int argumentCount, char** arguments);

}  // namespace strongroom::test

#endif  // STRONGROOM_TEST_CATCH2_H_
