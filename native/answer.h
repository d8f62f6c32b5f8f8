// What an operation answers, in the lane's own buffer: the request's bytes in the ring stay as they are until the end.
#ifndef STRONGROOM_ANSWER_H_
#define STRONGROOM_ANSWER_H_

#include <string.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "return_value.h"

namespace strongroom {

class Answer {
 public:
  explicit Answer(std::span<uint8_t> buffer) : buffer_(buffer) {}

  Function function() const { return function_; }
  CK_RV returnValue() const { return returnValue_; }
  bool ok() const { return returnValue_ == CKR_OK; }
  size_t length() const { return length_; }
  std::span<const uint8_t> bytes() const { return buffer_.first(length_); }

  /// Where the next bytes go, and how many can.
  uint8_t* end() { return buffer_.data() + length_; }
  size_t room() const { return buffer_.size() - length_; }
  /// Counts bytes that were written at `end`.
  void grow(size_t count) {
    length_ += count;
    touch(length_);
  }

  /// False, and nothing written, when there is no room.
  bool append(const void* bytes, size_t count) {
    if (count > room()) return false;
    if (count > 0) memcpy(end(), bytes, count);
    grow(count);
    return true;
  }
  bool appendHandle(CK_OBJECT_HANDLE handle) {
    const uint64_t wide = handle;
    return append(&wide, sizeof wide);
  }

  /// Notes the call that was made last; true when it went well.
  bool report(Function function, CK_RV returnValue) {
    function_ = function;
    returnValue_ = returnValue;
    return ok();
  }

  /// An answer of `needed` bytes is more than there is room for.
  void tooLong(size_t needed) {
    returnValue_ = CKR_BUFFER_TOO_SMALL;
    needed_ = needed;
  }
  size_t needed() const { return needed_; }

  /// Says that the buffer may have been written up to there.
  void touch(size_t end) { touched_ = std::max(touched_, std::min(end, buffer_.size())); }
  void shrink(size_t length) { length_ = length; }
  uint8_t* begin() { return buffer_.data(); }

  void zeroise() { explicit_bzero(buffer_.data(), touched_); }

 private:
  std::span<uint8_t> buffer_;
  size_t length_ = 0;
  size_t needed_ = 0;
  size_t touched_ = 0;
  Function function_ = Function::none;
  CK_RV returnValue_ = CKR_OK;
};

}  // namespace strongroom

#endif  // STRONGROOM_ANSWER_H_
