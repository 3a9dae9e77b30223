// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_BASE_TEXT_H_
#define BITSWEEP_CORE_BASE_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace bitsweep {

// `text` as valid UTF-8 of at most `max_bytes`: bytes that are none become '?', and a longer text
// ends before the character that would not fit. Messages about a user's files carry the file's
// bytes; protobuf refuses strings that are no UTF-8. Pure.
std::string ToValidUtf8(std::string_view text, std::size_t max_bytes);

// A user's text in a message: in quotes, valid UTF-8, at most 200 bytes of it. Pure.
std::string Quoted(std::string_view text);

}  // namespace bitsweep

#endif  // BITSWEEP_CORE_BASE_TEXT_H_
