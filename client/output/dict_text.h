// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_OUTPUT_DICT_TEXT_H_
#define BITSWEEP_CLIENT_OUTPUT_DICT_TEXT_H_

#include <map>
#include <string>
#include <utility>

namespace bitsweep::client {

// A value as Python prints it: text as it is, or a dictionary sorted by key.
class Dict {
 public:
  Dict() = default;
  explicit Dict(std::string text) : text_(std::move(text)), is_text_(true) {}

  // The value under a key; a new dictionary where there was none.
  Dict& operator[](const std::string& key) { return items_[key]; }

  // "{'a': 1, 'b': {'c': 2}}", broken after commas where a line would have more than `width`
  // characters, each item below the one before: as its pprint does. Pure.
  std::string Format(std::size_t width) const { return Format(width, 0, 0); }

 private:
  std::string OnOneLine() const;
  // `allowance`: characters that follow on the last line.
  std::string Format(std::size_t width, std::size_t indent, std::size_t allowance) const;

  std::string text_;
  bool is_text_ = false;
  std::map<std::string, Dict> items_;
};

// 'x' as Python writes text.
std::string Quoted(const std::string& text);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_OUTPUT_DICT_TEXT_H_
