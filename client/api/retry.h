// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_API_RETRY_H_
#define BITSWEEP_CLIENT_API_RETRY_H_

#include "absl/time/time.h"

namespace bitsweep::client {

// A call that finds no server is made this often, the pause doubling each time.
inline constexpr int kTries = 4;
inline constexpr absl::Duration kFirstPause = absl::Milliseconds(200);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_API_RETRY_H_
