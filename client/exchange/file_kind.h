// SPDX-License-Identifier: Apache-2.0
// Used inside this room.
#ifndef BITSWEEP_CLIENT_EXCHANGE_FILE_KIND_H_
#define BITSWEEP_CLIENT_EXCHANGE_FILE_KIND_H_

#include <string_view>

#include "absl/status/statusor.h"

namespace bitsweep::exchange {

enum class FileKind { kCheckpoint, kSafetensors, kNpz, kOnnx };

// By the bytes alone. InvalidArgument: none of these; what the file seems to be, and what to do.
absl::StatusOr<FileKind> KindOfFile(std::string_view bytes);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_FILE_KIND_H_
