// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_BASE_SHA256_H_
#define BITSWEEP_CORE_BASE_SHA256_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace bitsweep {

using Sha256Digest = std::array<std::uint8_t, 32>;

// SHA-256 (FIPS 180-4) of bytes given in pieces, through OpenSSL. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(const void* data, std::size_t bytes);
  void Update(std::string_view data) { Update(data.data(), data.size()); }

  // The digest of everything so far. REQUIRES: called at most once, no Update after it.
  Sha256Digest Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// Lower-case hex, 64 characters.
std::string ToHex(const Sha256Digest& digest);
std::string Sha256Hex(std::string_view data);
// True for exactly 64 lower-case hex characters.
bool IsSha256Hex(std::string_view text);

}  // namespace bitsweep

#endif  // BITSWEEP_CORE_BASE_SHA256_H_
