// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_CLIENT_GOLDEN_TEXT_H_
#define BITSWEEP_TESTS_CLIENT_GOLDEN_TEXT_H_

#include <fstream>
#include <iterator>
#include <string>

#include "gtest/gtest.h"

namespace bitsweep::client {

// What a person sees is in tests/client/NAME.golden, to the byte.
inline void ExpectGolden(const std::string& text, const std::string& name) {
  const std::string path = "tests/client/" + name + ".golden";
  std::ifstream stream(path, std::ios::binary);
  const std::string golden((std::istreambuf_iterator<char>(stream)),
                           std::istreambuf_iterator<char>());
  ASSERT_TRUE(stream) << "cannot read " << path;
  EXPECT_EQ(text, golden) << path;
}

}  // namespace bitsweep::client

#endif  // BITSWEEP_TESTS_CLIENT_GOLDEN_TEXT_H_
