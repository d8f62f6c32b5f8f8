#include "lane.h"

#include <pthread.h>
#include <unistd.h>

#include <string>

namespace strongroom {

namespace {

void nameThread(uint32_t index) {
  // The main thread's name is that of the process.
  if (gettid() != getpid()) pthread_setname_np(pthread_self(), ("lane-" + std::to_string(index)).c_str());
}

}  // namespace

Lane::Lane(std::shared_ptr<RingMemory> memory, uint32_t index, Module& module)
    : index_(index), port_(std::move(memory), index), session_(module), operations_(session_, *this),
      buffer_(kBlockBytes) {}

void Lane::run() {
  nameThread(index_);
  Request request;
  while (port_.next(request)) {
    Answer answer(buffer_.span());
    request.header.mechanism = static_cast<uint32_t>(session_.module().numberOf(request.header.mechanism));
    operations_.perform(request, answer);
    LaneAnswer completion{static_cast<uint16_t>(answer.function()), static_cast<uint32_t>(answer.returnValue()), 0, {}};
    if (answer.ok()) {
      completion.bytes = answer.bytes();
      completion.length = static_cast<uint32_t>(answer.length());
    } else if (answer.returnValue() == CKR_BUFFER_TOO_SMALL) {
      completion.length = static_cast<uint32_t>(answer.needed());
    }
    port_.complete(completion);
    answer.zeroise();
    // Nothing has been begun: whoever asked comes again, and the lanes that have a session serve him.
    const bool refused = answer.function() == Function::C_OpenSession && answer.returnValue() == CKR_SESSION_COUNT;
    if (refused && port_.giveUp(CKR_SESSION_COUNT)) break;
  }
  session_.close();
}

}  // namespace strongroom
