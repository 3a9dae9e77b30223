// SPDX-License-Identifier: Apache-2.0
// Tensors as NumPy's .npz: a zip file with one NAME.npy an array.
#ifndef BITSWEEP_CLIENT_EXCHANGE_NPZ_H_
#define BITSWEEP_CLIENT_EXCHANGE_NPZ_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/checkpoint.h"
#include "core/graph/graph.h"
#include "core/graph/tensor_match.h"

namespace bitsweep::exchange {

// What the arrays are, without their values. InvalidArgument with every problem: a file that is no
// zip file or is damaged, entries that are no arrays or hold pickled objects, a name twice. Reads
// nothing but headers. Pure.
absl::StatusOr<graph::StoredTensors> ReadNpzHeaders(std::string_view bytes);

// The arrays in the order of graph.tensors(), by the graph's names; a common prefix is left away as
// for safetensors. Floats of 2, 4 and 8 bytes become float32; num_batches_tracked is an integer of
// 4 or 8 bytes, or 0 where it is missing. Either byte order, rows or columns first, compressed or
// not.
//
// InvalidArgument as above, and for tensors that are missing, unknown, or of a wrong shape or type,
// a finite number that is beyond float32, values that are cut short or too many. Never allocates
// more for values than the graph has. Pure.
absl::StatusOr<std::vector<graph::TensorValue>> TensorsFromNpz(const graph::Graph& graph,
                                                               std::string_view bytes);

// The file of a model: the graph's names in its order, <f4, and <i8 for num_batches_tracked,
// uncompressed. Equal checkpoints give equal bytes; neither graph nor metadata are written.
// REQUIRES: tensors match the graph's, as for SerializeCheckpoint.
absl::StatusOr<std::string> ToNpz(const graph::Checkpoint& checkpoint);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_NPZ_H_
