// How long lanes take over ciphertexts that are wrong in different ways: the whole of a request, without the ring, and of OAEP the decoding alone,
// which is all that depends on the padding, and of which a difference does not drown in what RSA takes. It is no test that passes or fails by a
// time, and runs when it is asked for by name: test/campaigns/padding_timing.test.ts judges what it prints.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "oaep.h"
#include "token_session.h"

using namespace strongroom;
using namespace strongroom::test;

namespace {

constexpr size_t kModulusBytes = 256;
/// Others that are made beforehand: the same bytes over and over would be the caches' to answer.
constexpr size_t kCiphertexts = 64;
/// In the time of one request there is room for more of them.
constexpr size_t kDecodings = 5;

std::mt19937_64& chance() {
  static std::mt19937_64 generator(std::random_device{}());
  return generator;
}

Bytes randomBytes(size_t count, uint8_t least = 0) {
  std::uniform_int_distribution<int> byte(least, 255);
  Bytes bytes(count);
  for (uint8_t& each : bytes) each = static_cast<uint8_t>(byte(chance()));
  return bytes;
}

/// Blocks that RSA is done over, wrong in one way.
using Block = Bytes (*)();

Bytes pkcs1(size_t messageBytes) {
  Bytes block = {0, 2};
  const Bytes padding = randomBytes(kModulusBytes - 3 - messageBytes, 1);
  block.insert(block.end(), padding.begin(), padding.end());
  block.push_back(0);
  const Bytes message = randomBytes(messageBytes);
  block.insert(block.end(), message.begin(), message.end());
  return block;
}

const std::pair<const char*, Block> kPkcs1[] = {
    {"the first byte is not zero", [] { Bytes block = pkcs1(32); block[0] = 1; return block; }},
    {"the block is not of type 2", [] { Bytes block = pkcs1(32); block[1] = 1; return block; }},
    {"no zero ends the padding", [] { Bytes block = randomBytes(kModulusBytes, 1); block[0] = 0; block[1] = 2; return block; }},
    {"the padding is too short", [] { Bytes block = pkcs1(32); block[5] = 0; return block; }},
    {"everything is wrong", [] { Bytes block = randomBytes(kModulusBytes, 1); block[0] = 1; return block; }},
    {"chance", [] { Bytes block = randomBytes(kModulusBytes, 3); block[0] = 0; return block; }},
};

class TokenDigester : public Digester {
 public:
  explicit TokenDigester(TokenSession& token) : token_(token) {}
  bool digest(const OaepHash& hash, std::span<const uint8_t> input, uint8_t* out) override {
    const Result result = token_.run({.operation = Operation::digest, .capacity = 64,
                                      .mechanism = static_cast<uint32_t>(hash.mechanism),
                                      .input = Bytes(input.begin(), input.end())});
    REQUIRE(result.ok());
    std::copy(result.bytes.begin(), result.bytes.end(), out);
    return true;
  }

 private:
  TokenSession& token_;
};

/// A block that decodes, but for what `spoil` does to it.
Bytes oaepBlock(TokenSession& token, void (*spoil)(Bytes&)) {
  TokenDigester digester(token);
  Oaep oaep(*oaepHash(CKM_SHA256), *oaepMaskHash(CKG_MGF1_SHA256), digester);
  const Bytes seed = randomBytes(32);
  Bytes encoded(kModulusBytes);
  REQUIRE(oaep.encode(randomBytes(32), seed, encoded));
  spoil(encoded);
  return encoded;
}

/// Of the two masked parts: a bit that is flipped in one spoils all of the hash, the zeros and the separator.
const std::pair<const char*, void (*)(Bytes&)> kOaep[] = {
    {"the first byte is not zero", [](Bytes& block) { block[0] = 1; }},
    {"another hash of the label", [](Bytes& block) { block[40] ^= 1; }},
    {"another seed", [](Bytes& block) { block[1] ^= 1; }},
    {"the end is another", [](Bytes& block) { block[255] ^= 1; }},
    {"everything is wrong", [](Bytes& block) { block[0] = 1; block[40] ^= 1; }},
    {"chance", [](Bytes& block) { block = randomBytes(kModulusBytes); block[0] = 0; }},
};

template <typename Ciphertext>
struct Kind {
  std::string name;
  std::vector<Ciphertext> ciphertexts;
};

template <typename Make>
auto kindOf(const char* name, Make make) {
  Kind<decltype(make())> kind{name, {}};
  for (size_t i = 0; i < kCiphertexts; i++) kind.ciphertexts.push_back(make());
  return kind;
}

Record decryption(TokenSession& token, const TokenSession::KeyPair& keys, const Bytes& block, bool isOaep) {
  const Result encrypted = token.run({.operation = Operation::encrypt, .capacity = kModulusBytes,
                                      .mechanism = CKM_RSA_X_509, .object = keys.publicKey, .input = block});
  REQUIRE(encrypted.ok());
  if (!isOaep) {
    return {.operation = Operation::decrypt, .capacity = kModulusBytes, .mechanism = CKM_RSA_PKCS,
            .object = keys.privateKey, .input = encrypted.bytes};
  }
  return {.operation = Operation::oaepDecrypt, .parameterKind = ParameterKind::oaep, .capacity = kModulusBytes,
          .mechanism = CKM_RSA_X_509, .object = keys.privateKey, .parameter = words({CKM_SHA256, CKG_MGF1_SHA256}),
          .input = encrypted.bytes};
}

template <typename Work>
int64_t timeOf(Work work) {
  const auto started = std::chrono::steady_clock::now();
  work();
  const auto ended = std::chrono::steady_clock::now();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(ended - started).count();
}

int64_t timeOfDecryption(TokenSession& token, const Record& record) {
  Result result;
  const int64_t time = timeOf([&] { result = token.run(record, 1024); });
  REQUIRE_FALSE(result.ok());
  return time;
}

int64_t timeOfDecoding(Oaep& oaep, Bytes block) {
  Oaep::Decoded decoded{};
  bool isDigested = false;
  const int64_t time = timeOf([&] { isDigested = oaep.decode(block, decoded); });
  REQUIRE(isDigested);
  REQUIRE(decoded.valid == 0);
  return time;
}

double medianOf(std::vector<int64_t> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return static_cast<double>(*middle);
}

/// Median of the differences to the first kind, and the interval in which it is with 95 %, by the order statistics.
void tell(const char* algorithm, const std::string& name, std::vector<int64_t> differences) {
  std::sort(differences.begin(), differences.end());
  const auto count = static_cast<double>(differences.size());
  const double spread = 0.98 * std::sqrt(count);
  const auto at = [&](double place) {
    const double last = count - 1;
    return differences[static_cast<size_t>(std::clamp(place, 0.0, last))];
  };
  std::printf("{\"algorithm\":\"%s\",\"kind\":\"%s\",\"pairs\":%zu,\"median\":%.0f,\"from\":%lld,\"to\":%lld}\n", algorithm,
              name.c_str(), differences.size(), medianOf(differences), static_cast<long long>(at(count / 2 - spread)),
              static_cast<long long>(at(count / 2 + spread)));
}

template <typename Ciphertext, typename Time>
void measure(const char* algorithm, const std::vector<Kind<Ciphertext>>& kinds, size_t pairs, Time timeOfOne) {
  std::vector<std::vector<int64_t>> differences(kinds.size());
  for (size_t pair = 0; pair < pairs; pair++) {
    for (size_t kind = 1; kind < kinds.size(); kind++) {
      const Ciphertext& one = kinds.front().ciphertexts[chance()() % kCiphertexts];
      const Ciphertext& other = kinds[kind].ciphertexts[chance()() % kCiphertexts];
      // Either goes first as often, for whatever the first one leaves behind in the caches.
      const bool otherFirst = (chance()() & 1) != 0;
      const int64_t first = timeOfOne(otherFirst ? other : one);
      const int64_t second = timeOfOne(otherFirst ? one : other);
      differences[kind].push_back(otherFirst ? first - second : second - first);
    }
  }
  for (size_t kind = 1; kind < kinds.size(); kind++) tell(algorithm, kinds[kind].name, differences[kind]);
}

}  // namespace

TEST_CASE("how long bad ciphertexts take", "[.][padding-timing]") {
  const char* given = getenv("PADDING_TIMING_PAIRS");
  const size_t pairs = given == nullptr ? 100 : strtoul(given, nullptr, 10);
  TokenSession token;
  const TokenSession::KeyPair keys = token.rsaKeyPair();
  TokenDigester digester(token);
  Oaep oaep(*oaepHash(CKM_SHA256), *oaepMaskHash(CKG_MGF1_SHA256), digester);
  std::vector<Kind<Record>> pkcs1Kinds, oaepKinds;
  std::vector<Kind<Bytes>> blockKinds;
  for (const auto& [name, block] : kPkcs1) {
    pkcs1Kinds.push_back(kindOf(name, [&, make = block] { return decryption(token, keys, make(), false); }));
  }
  for (const auto& [name, spoil] : kOaep) {
    const auto block = [&, how = spoil] { return oaepBlock(token, how); };
    oaepKinds.push_back(kindOf(name, [&] { return decryption(token, keys, block(), true); }));
    blockKinds.push_back(kindOf(name, block));
  }
  const auto decrypt = [&](const Record& record) { return timeOfDecryption(token, record); };
  measure("decoding of RSA-OAEP-256", blockKinds, pairs * kDecodings, [&](const Bytes& block) { return timeOfDecoding(oaep, block); });
  measure("RSA-OAEP-256", oaepKinds, pairs, decrypt);
  measure("RSA1_5", pkcs1Kinds, pairs, decrypt);
}
