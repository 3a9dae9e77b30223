// SPDX-License-Identifier: Apache-2.0
// Models out: a graph and its tensors as the bytes of other tools' files. Pure functions.
#ifndef BITSWEEP_CLIENT_EXCHANGE_EXPORT_H_
#define BITSWEEP_CLIENT_EXCHANGE_EXPORT_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/checkpoint.h"

namespace bitsweep::exchange {

// What is exported.
struct ExportInput {
  std::string model;  // its name, "models/lab-1-0"
  graph::Checkpoint checkpoint;
  // Formats that cannot hold a quantization write the network without it, and do not refuse.
  bool drop_quantization = false;
};

// One file of what is written. A format of one file gives it no name: the user does.
struct ExportedFile {
  std::string name;  // "config.yml"
  std::string bytes;
};

// One way to write a model.
struct ExportFormat {
  std::string_view name;       // "onnx"
  std::string_view extension;  // behind the model's name where the user gives none: ".onnx"
  std::string_view what;       // for people
  bool is_folder = false;      // several files, in a folder of their own
  // Equal input gives equal bytes. InvalidArgument with everything that the format cannot hold,
  // by node, as violations (core/base/errors.h).
  absl::StatusOr<std::vector<ExportedFile>> (*write)(const ExportInput& input) = nullptr;
};

// In the order in which they are shown.
const std::vector<ExportFormat>& ExportFormats();
// nullptr: there is none of that name.
const ExportFormat* FindExportFormat(std::string_view name);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_EXPORT_H_
