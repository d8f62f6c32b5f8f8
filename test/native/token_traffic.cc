#include "token_traffic.h"

#include <poll.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <deque>
#include <map>

#include "attribute_list.h"
#include "token_session.h"

namespace strongroom::test {
namespace {

constexpr uint32_t kAtOnce = 64;
constexpr uint32_t kKinds = 6;
/// Beyond the ids of `call`.
constexpr uint32_t kFirstId = 1'000'000;

/// What the pairs are done with.
struct Means {
  bool large;
  uint64_t aes;
  uint64_t secret;
  uint64_t ecPublic;
  uint64_t ecPrivate;
};

uint64_t handleAt(const Bytes& bytes, size_t place) {
  uint64_t handle;
  REQUIRE(bytes.size() >= (place + 1) * sizeof handle);
  memcpy(&handle, bytes.data() + place * sizeof handle, sizeof handle);
  return handle;
}

/// Waits until the doorbell says that something is finished, and takes it.
std::vector<Completion> wait(RingFixture& under) {
  pollfd poller{under.doorbell->fd(), POLLIN, 0};
  REQUIRE(poll(&poller, 1, 30'000) == 1);
  under.doorbell->clear();
  under.ring->acknowledge();
  return under.drain();
}

Bytes aesTemplate() {
  AttributeList list;
  list.boolean(CKA_TOKEN, false).boolean(CKA_PRIVATE, true).boolean(CKA_SENSITIVE, true).number(CKA_VALUE_LEN, 32);
  list.boolean(CKA_ENCRYPT, true).boolean(CKA_DECRYPT, true).boolean(CKA_WRAP, true).boolean(CKA_UNWRAP, true);
  return list.wire();
}

Means meansFor(RingFixture& under, bool large) {
  Means means{};
  means.large = large;
  means.aes = handleAt(
      call(under, {.operation = Operation::generateKey, .mechanism = CKM_AES_KEY_GEN, .attributes = aesTemplate()}).bytes, 0);
  AttributeList secret;
  secret.boolean(CKA_TOKEN, false).boolean(CKA_PRIVATE, true).number(CKA_VALUE_LEN, 32);
  secret.boolean(CKA_SIGN, true).boolean(CKA_VERIFY, true);
  means.secret = handleAt(call(under, {.operation = Operation::generateKey, .mechanism = CKM_GENERIC_SECRET_KEY_GEN,
                                      .attributes = secret.wire()}).bytes, 0);
  AttributeList publicKey;
  publicKey.boolean(CKA_TOKEN, false).boolean(CKA_VERIFY, true).value(CKA_EC_PARAMS, fromHex("06082a8648ce3d030107"));
  AttributeList privateKey;
  privateKey.boolean(CKA_TOKEN, false).boolean(CKA_PRIVATE, true).boolean(CKA_SENSITIVE, true).boolean(CKA_SIGN, true);
  const Completion pair = call(under, {.operation = Operation::generateKeyPair, .mechanism = CKM_EC_KEY_PAIR_GEN,
                                       .attributes = publicKey.wire(), .attributes2 = privateKey.wire()});
  means.ecPublic = handleAt(pair.bytes, 0);
  means.ecPrivate = handleAt(pair.bytes, 1);
  return means;
}

/// The text of a pair, of a length of its own.
Bytes textOf(uint32_t pair, const Means& means) {
  Bytes text(8 + pair % 5 * 8 + (means.large && pair % 97 == 0 ? 5'000 : 0), static_cast<uint8_t>(pair));
  memcpy(text.data(), &pair, sizeof pair);
  return text;
}

Record firstOf(uint32_t pair, const Means& means) {
  Record record{.requestId = kFirstId + pair * 2, .timeoutMs = 60'000, .capacity = means.large ? 8'192U : 256U, .input = textOf(pair, means)};
  switch (pair % kKinds) {
    case 0:
      record.operation = Operation::sign;
      record.mechanism = CKM_SHA256_HMAC;
      record.object = means.secret;
      break;
    case 1:
      record.operation = Operation::encrypt;
      record.parameterKind = ParameterKind::gcm;
      record.mechanism = CKM_AES_GCM;
      record.object = means.aes;
      record.parameter = gcmParameter({});
      break;
    case 2:
      record.operation = Operation::sign;
      record.mechanism = CKM_ECDSA;
      record.object = means.ecPrivate;
      record.input.resize(32);
      break;
    case 3:
      record.operation = Operation::wrapBytes;
      record.mechanism = CKM_AES_KEY_WRAP_PAD;
      record.object = means.aes;
      break;
    case 4:
      record.operation = Operation::generateKey;
      record.mechanism = CKM_AES_KEY_GEN;
      record.input = {};
      record.attributes = aesTemplate();
      break;
    default:
      record.operation = Operation::random;
      record.capacity = 64;
      record.input = {};
  }
  return record;
}

/// The operation on the answer to the first, that shows whether it was right.
Record secondOf(uint32_t pair, const Means& means, const Bytes& answer) {
  Record record = firstOf(pair, means);
  record.requestId++;
  switch (pair % kKinds) {
    case 2:
      record.object = means.ecPublic;
      [[fallthrough]];
    case 0:
      record.operation = Operation::verify;
      record.input2 = answer;
      break;
    case 1:
      record.operation = Operation::decrypt;
      record.parameter = gcmParameter(Bytes(answer.begin(), answer.begin() + 12));
      record.input.assign(answer.begin() + 12, answer.end());
      break;
    case 3:
      record.operation = Operation::unwrapBytes;
      record.input = answer;
      break;
    case 4:
      record.operation = Operation::destroy;
      record.object = handleAt(answer, 0);
      record.attributes = {};
      break;
    default:
      record.operation = Operation::digest;
      record.mechanism = CKM_SHA256;
      record.input = answer;
  }
  return record;
}

bool isRight(uint32_t pair, const Means& means, const Completion& second) {
  const bool givesTheTextBack = pair % kKinds == 1 || pair % kKinds == 3;
  return second.returnValue == CKR_OK && (!givesTheTextBack || second.bytes == textOf(pair, means));
}

}  // namespace

Completion call(RingFixture& under, Record record) {
  record.requestId = 1;
  REQUIRE(under.submit(record));
  std::vector<Completion> completions;
  while (completions.empty()) completions = wait(under);
  REQUIRE(completions.size() == 1);
  REQUIRE(completions[0].requestId == 1);
  INFO(nameOf(static_cast<Function>(completions[0].function)) << " returned " << completions[0].returnValue);
  REQUIRE(completions[0].outcome == Outcome::done);
  REQUIRE(completions[0].returnValue == CKR_OK);
  return completions[0];
}

void requireRightTraffic(RingFixture& under, uint32_t pairs, bool large) {
  const Means means = meansFor(under, large);
  std::deque<Record> waiting;
  std::vector<uint8_t> answers(size_t{pairs} * 2);
  uint32_t started = 0;
  uint32_t finished = 0;
  while (finished < pairs) {
    while (started < pairs && under.ring->inFlight() + waiting.size() < kAtOnce) waiting.push_back(firstOf(started++, means));
    while (!waiting.empty() && under.submit(waiting.front())) waiting.pop_front();
    for (const Completion& completion : wait(under)) {
      const uint32_t place = completion.requestId - kFirstId;
      REQUIRE(place < answers.size());
      if (++answers[place] != 1) FAIL("request " << place << " was answered twice");
      const uint32_t pair = place / 2;
      if (completion.outcome != Outcome::done || completion.returnValue != CKR_OK) {
        FAIL("request " << place << ": outcome " << static_cast<int>(completion.outcome) << ", "
                        << nameOf(static_cast<Function>(completion.function)) << " returned " << completion.returnValue);
      }
      if (place % 2 == 0) {
        waiting.push_back(secondOf(pair, means, completion.bytes));
      } else {
        finished++;
        if (!isRight(pair, means, completion)) FAIL("pair " << pair << " came back wrong");
      }
    }
  }
  REQUIRE(under.ring->inFlight() == 0);
  REQUIRE(under.payloadsAreZero());
}

}  // namespace strongroom::test
