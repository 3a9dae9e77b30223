// SPDX-License-Identifier: Apache-2.0
// Models in: the files of other tools, whose kind their bytes tell, as checkpoints. Pure functions.
#ifndef BITSWEEP_CLIENT_EXCHANGE_IMPORT_H_
#define BITSWEEP_CLIENT_EXCHANGE_IMPORT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/checkpoint.h"
#include "core/graph/graph.h"

namespace bitsweep::exchange {

// The largest file that is imported, as the server has it.
inline constexpr std::size_t kMaxImportBytes = std::size_t{512} << 20;

// What a user says of tensors that come without their network; at most one of the two.
struct ImportSource {
  std::string builtin;
  std::optional<graph::Graph> graph;
};

struct ImportedModel {
  std::string checkpoint;          // its bytes (core/graph/checkpoint.h)
  std::vector<std::string> notes;  // for people: what was decided, and by what
};

// `bytes` are a checkpoint, which stays as it is and is not looked into; safetensors or npz, whose
// network the source gives, or the file's own metadata (safetensors that Bitsweep wrote); or ONNX
// or QONNX, which has its network. A builtin gets the sizes, of its input and output, that the
// tensors have.
//
// InvalidArgument with every problem: a file of no such kind (of PyTorch's and Keras' own files,
// which may hold programs, with how to save another), a source where none is needed, none where one
// is, and what the formats say (npz.h, onnx_import.h, core/graph/safetensors.h).
absl::StatusOr<ImportedModel> ReadModelFile(std::string_view bytes, const ImportSource& source);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_IMPORT_H_
