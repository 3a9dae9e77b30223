// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/npz.h"
#include "client/exchange/zip_file.h"
#include "core/base/npy_header.h"
#include "core/base/status_macros.h"

namespace bitsweep::exchange {

absl::StatusOr<std::string> ToNpz(const graph::Checkpoint& checkpoint) {
  ZipWriter zip;
  for (std::size_t i = 0; i < checkpoint.tensors.size(); ++i) {
    const graph::TensorInfo& tensor = checkpoint.graph.tensors()[i];
    const graph::TensorValue& value = checkpoint.tensors[i];
    std::string array = MakeNpyHeader(tensor.is_int64 ? "i8" : "f4", tensor.shape);
    if (tensor.is_int64) {
      array.append(reinterpret_cast<const char*>(value.i64.data()), value.i64.size() * 8);
    } else {
      array.append(reinterpret_cast<const char*>(value.f32.data()), value.f32.size() * 4);
    }
    RETURN_IF_ERROR(zip.Add(tensor.name + ".npy", array));
  }
  return zip.Finish();
}

}  // namespace bitsweep::exchange
