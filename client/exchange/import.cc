// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/import.h"

#include <cstdint>
#include <utility>

#include "client/exchange/file_kind.h"
#include "client/exchange/npz.h"
#include "client/exchange/onnx_import.h"
#include "core/base/status_macros.h"
#include "core/graph/graph_json.h"
#include "core/graph/safetensors.h"
#include "core/graph/tensor_match.h"
#include "core/graph/zoo.h"
#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

absl::Status BadSource(const std::string& why) { return absl::InvalidArgumentError(why); }

// The size, of the builtin's input or output, with which a dimension of a tensor comes to what the
// file has. `base` and `wider` are the builtin with `size`, and with one more.
std::optional<std::int64_t> SizeFrom(const graph::Graph& base, const graph::Graph& wider,
                                     std::int64_t size, const graph::StoredTensors& stored,
                                     const std::string& prefix) {
  for (std::size_t t = 0; t < base.tensors().size(); ++t) {
    const graph::Shape& shape = base.tensors()[t].shape;
    const auto found = stored.find(prefix + base.tensors()[t].name);
    if (found == stored.end() || found->second.shape.size() != shape.size()) continue;
    for (std::size_t d = 0; d < shape.size(); ++d) {
      const std::int64_t step = wider.tensors()[t].shape[d] - shape[d];
      if (step == 0) continue;
      const std::int64_t more = found->second.shape[d] - shape[d];
      if (more % step == 0 && size + more / step >= 1) return size + more / step;
    }
  }
  return std::nullopt;
}

// The builtin that the tensors fit.
absl::StatusOr<graph::Graph> FitBuiltin(const std::string& name, const graph::StoredTensors& stored,
                                        std::vector<std::string>& notes) {
  const graph::ZooOptions usual;
  ASSIGN_OR_RETURN(const graph::Graph base, graph::BuildModel(name, usual));
  ASSIGN_OR_RETURN(const graph::Graph more_features,
                   graph::BuildModel(name, {.features = usual.features + 1}));
  ASSIGN_OR_RETURN(const graph::Graph more_classes,
                   graph::BuildModel(name, {.classes = usual.classes + 1}));
  const std::string prefix = graph::PrefixOf(base, stored);
  const graph::ZooOptions sizes{
      .features =
          SizeFrom(base, more_features, usual.features, stored, prefix).value_or(usual.features),
      .classes =
          SizeFrom(base, more_classes, usual.classes, stored, prefix).value_or(usual.classes)};
  if (sizes.features != usual.features || sizes.classes != usual.classes) {
    notes.push_back(fmt::format("{} for {} features and {} classes, as the tensors have them", name,
                                sizes.features, sizes.classes));
  }
  return graph::BuildModel(name, sizes);
}

// The network of tensors that come without one, or that `metadata` holds.
absl::StatusOr<graph::Graph> NetworkOf(const ImportSource& source, const std::string& metadata,
                                       const graph::StoredTensors& stored,
                                       std::vector<std::string>& notes) {
  if (source.graph) return *source.graph;
  if (!source.builtin.empty()) return FitBuiltin(source.builtin, stored, notes);
  if (metadata.empty()) {
    return BadSource("tensors without their network: say which with --builtin or --graph");
  }
  absl::StatusOr<graph::Graph> graph = graph::FromJson(metadata);
  if (!graph.ok()) {
    return BadSource(
        fmt::format("the network in the file's metadata: {}; say which with --builtin "
                    "or --graph",
                    std::string(graph.status().message())));
  }
  notes.push_back("the graph is the one of the file's metadata");
  return graph;
}

absl::StatusOr<graph::Checkpoint> ReadSafetensors(std::string_view bytes,
                                                  const ImportSource& source,
                                                  std::vector<std::string>& notes) {
  ASSIGN_OR_RETURN(const graph::SafetensorsHeader header, graph::ReadSafetensorsHeader(bytes));
  const auto found = header.metadata.find(graph::kSafetensorsGraph);
  ASSIGN_OR_RETURN(graph::Graph graph,
                   NetworkOf(source, found == header.metadata.end() ? "" : found->second,
                             header.tensors, notes));
  ASSIGN_OR_RETURN(std::vector<graph::TensorValue> tensors,
                   graph::TensorsFromSafetensors(graph, bytes));
  return graph::Checkpoint{
      .graph = std::move(graph), .tensors = std::move(tensors), .metadata = {}};
}

absl::StatusOr<graph::Checkpoint> ReadNpz(std::string_view bytes, const ImportSource& source,
                                          std::vector<std::string>& notes) {
  ASSIGN_OR_RETURN(const graph::StoredTensors stored, ReadNpzHeaders(bytes));
  ASSIGN_OR_RETURN(graph::Graph graph, NetworkOf(source, "", stored, notes));
  ASSIGN_OR_RETURN(std::vector<graph::TensorValue> tensors, TensorsFromNpz(graph, bytes));
  return graph::Checkpoint{
      .graph = std::move(graph), .tensors = std::move(tensors), .metadata = {}};
}

absl::Status NoSource(const ImportSource& source, const char* what) {
  if (source.builtin.empty() && !source.graph) return absl::OkStatus();
  return BadSource(fmt::format("{} holds its own network: leave --builtin and --graph out", what));
}

}  // namespace

absl::StatusOr<ImportedModel> ReadModelFile(std::string_view bytes, const ImportSource& source) {
  if (bytes.size() > kMaxImportBytes) {
    return BadSource(fmt::format("{} bytes: expected at most {}", bytes.size(), kMaxImportBytes));
  }
  ASSIGN_OR_RETURN(const FileKind kind, KindOfFile(bytes));
  ImportedModel model;
  std::optional<absl::StatusOr<graph::Checkpoint>> checkpoint;
  switch (kind) {
    case FileKind::kCheckpoint:
      RETURN_IF_ERROR(NoSource(source, "a checkpoint"));
      model.checkpoint = bytes;
      return model;
    case FileKind::kOnnx: {
      RETURN_IF_ERROR(NoSource(source, "an ONNX file"));
      ASSIGN_OR_RETURN(OnnxModel onnx, FromOnnx(bytes));
      model.notes = std::move(onnx.notes);
      checkpoint = std::move(onnx.checkpoint);
      break;
    }
    case FileKind::kSafetensors:
      checkpoint = ReadSafetensors(bytes, source, model.notes);
      break;
    case FileKind::kNpz:
      checkpoint = ReadNpz(bytes, source, model.notes);
      break;
  }
  if (!checkpoint->ok()) return checkpoint->status();
  model.checkpoint = graph::SerializeCheckpoint(**checkpoint);
  return model;
}

}  // namespace bitsweep::exchange
