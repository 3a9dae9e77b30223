// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/export.h"

#include <utility>

#include "client/exchange/hls4ml_export.h"
#include "client/exchange/npz.h"
#include "client/exchange/onnx_export.h"
#include "client/exchange/qonnx_export.h"
#include "core/base/status_macros.h"
#include "core/graph/safetensors.h"

namespace bitsweep::exchange {
namespace {

// A format of one file.
template <absl::StatusOr<std::string> (*kWrite)(const ExportInput&)>
absl::StatusOr<std::vector<ExportedFile>> OneFile(const ExportInput& input) {
  ASSIGN_OR_RETURN(std::string bytes, kWrite(input));
  std::vector<ExportedFile> files(1);
  files.front().bytes = std::move(bytes);
  return files;
}

absl::StatusOr<std::string> WriteSafetensors(const ExportInput& input) {
  return graph::ToSafetensors(input.checkpoint);
}

absl::StatusOr<std::string> WriteNpz(const ExportInput& input) { return ToNpz(input.checkpoint); }

}  // namespace

const std::vector<ExportFormat>& ExportFormats() {
  static const auto& formats = *new std::vector<ExportFormat>{
      {"safetensors", ".safetensors", "tensors for PyTorch", false, OneFile<WriteSafetensors>},
      {"npz", ".npz", "tensors for NumPy", false, OneFile<WriteNpz>},
      {"onnx", ".onnx", "ONNX, float models", false, OneFile<ToOnnx>},
      {"qonnx", ".qonnx.onnx", "ONNX with QONNX's quantizers", false, OneFile<ToQonnx>},
      {"hls4ml", ".hls4ml", "a folder for hls4ml: model.onnx, config.yml", true, ToHls4ml},
  };
  return formats;
}

const ExportFormat* FindExportFormat(std::string_view name) {
  for (const ExportFormat& format : ExportFormats()) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

}  // namespace bitsweep::exchange
