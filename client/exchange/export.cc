// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/export.h"

#include <utility>

#include "client/exchange/onnx_export.h"
#include "core/base/status_macros.h"

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

}  // namespace

const std::vector<ExportFormat>& ExportFormats() {
  static const auto& formats = *new std::vector<ExportFormat>{
      {"onnx", ".onnx", "ONNX, float models", false, OneFile<ToOnnx>},
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
