// SPDX-License-Identifier: Apache-2.0
// Any bytes are a checkpoint or an error; what was read is written as something that reads the
// same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "core/base/sha256.h"
#include "core/graph/checkpoint.h"

namespace {

constexpr std::size_t kDigest = 32;

// The bytes with a digest that fits, so that what is before it gets read.
std::string WithDigest(std::string bytes) {
  if (bytes.size() < kDigest) return bytes;
  bytes.resize(bytes.size() - kDigest);
  const std::string hex = bitsweep::Sha256Hex(bytes);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using bitsweep::graph::ParseCheckpoint;
  using bitsweep::graph::SerializeCheckpoint;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  (void)ParseCheckpoint(bytes);
  const auto checkpoint = ParseCheckpoint(WithDigest(bytes));
  if (!checkpoint.ok()) return 0;
  const std::string written = SerializeCheckpoint(*checkpoint);
  const auto again = ParseCheckpoint(written);
  if (!again.ok() || SerializeCheckpoint(*again) != written) std::abort();
  return 0;
}
