// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/onnx_import.h"

#include <map>
#include <optional>
#include <utility>

#include "client/exchange/export.h"
#include "client/exchange/onnx_constant.h"
#include "client/exchange/onnx_reader.h"
#include "core/base/text.h"
#include "core/graph/graph_json.h"
#include "core/graph/json_depth.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "onnx/onnx_pb.h"

namespace bitsweep::exchange {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxModelBytes = std::size_t{512} << 20;
constexpr std::int64_t kMinIrVersion = 3;
constexpr std::int64_t kMaxIrVersion = 14;
constexpr std::int64_t kMinOpset = 7;
constexpr std::int64_t kMaxOpset = 28;

absl::Status BadModel(const std::string& why) { return absl::InvalidArgumentError("onnx: " + why); }

absl::Status CheckVersions(const onnx::ModelProto& model) {
  if (model.ir_version() < kMinIrVersion || model.ir_version() > kMaxIrVersion) {
    return BadModel(fmt::format("IR version {}: versions {} to {} are read", model.ir_version(),
                                kMinIrVersion, kMaxIrVersion));
  }
  for (const onnx::OperatorSetIdProto& opset : model.opset_import()) {
    if (!opset.domain().empty() && opset.domain() != "ai.onnx") continue;
    if (opset.version() < kMinOpset || opset.version() > kMaxOpset) {
      return BadModel(
          fmt::format("opset {}: opsets {} to {} are read", opset.version(), kMinOpset, kMaxOpset));
    }
    return absl::OkStatus();
  }
  return BadModel("it names no opset of ONNX's own ops");
}

std::optional<Json> JsonObject(const std::map<std::string, std::string>& metadata,
                               const std::string& key) {
  const auto found = metadata.find(key);
  if (found == metadata.end() || graph::IsNestedDeeperThan(4, found->second)) return std::nullopt;
  Json json = Json::parse(found->second, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  return json;
}

template <typename T>
bool AreEqual(const google::protobuf::RepeatedPtrField<T>& a,
              const google::protobuf::RepeatedPtrField<T>& b) {
  if (a.size() != b.size()) return false;
  for (int i = 0; i < a.size(); ++i) {
    if (a[i].SerializeAsString() != b[i].SerializeAsString()) return false;
  }
  return true;
}

// Whether `format` writes the checkpoint as the nodes and tensors of `model`.
bool GivesTheSame(const ExportFormat& format, const ExportInput& input,
                  const onnx::ModelProto& model) {
  const auto files = format.write(input);
  onnx::ModelProto again;
  if (!files.ok() || !again.ParseFromString(files->front().bytes)) return false;
  return AreEqual(again.graph().node(), model.graph().node()) &&
         AreEqual(again.graph().initializer(), model.graph().initializer()) &&
         AreEqual(again.graph().input(), model.graph().input()) &&
         AreEqual(again.graph().output(), model.graph().output());
}

// The checkpoint that a file of ours was written from; nullopt where the metadata cannot be what
// the file holds.
std::optional<graph::Checkpoint> FromMetadata(const onnx::ModelProto& model,
                                              const std::map<std::string, std::string>& metadata) {
  absl::StatusOr<graph::Graph> graph = graph::FromJson(metadata.at("bitsweep.graph"));
  if (!graph.ok()) return std::nullopt;
  std::map<std::string, const onnx::TensorProto*> stored;
  for (const onnx::TensorProto& tensor : model.graph().initializer()) {
    stored[tensor.name()] = &tensor;
  }
  const std::optional<Json> counts = JsonObject(metadata, "bitsweep.integers");
  ExportInput input{.model = "models/imported",
                    .checkpoint = {.graph = *std::move(graph), .tensors = {}, .metadata = {}}};
  for (const graph::TensorInfo& info : input.checkpoint.graph.tensors()) {
    graph::TensorValue value{.name = info.name};
    if (info.is_int64) {
      const bool is_known =
          counts && counts->contains(info.name) && (*counts)[info.name].is_number_integer();
      value.i64 = {is_known ? (*counts)[info.name].get<std::int64_t>() : 0};
    } else {
      const auto found = stored.find(info.name);
      if (found == stored.end()) return std::nullopt;
      absl::StatusOr<OnnxConstant> constant = ReadOnnxTensor(*found->second);
      if (!constant.ok() || !constant->is_float || constant->shape != info.shape) {
        return std::nullopt;
      }
      value.f32 = std::move(constant->floats);
    }
    input.checkpoint.tensors.push_back(std::move(value));
  }
  if (const std::optional<Json> words = JsonObject(metadata, "bitsweep.metadata")) {
    for (const auto& [key, value] : words->items()) {
      if (value.is_string()) input.checkpoint.metadata[key] = value.get<std::string>();
    }
  }
  for (const char* name : {"onnx", "qonnx"}) {
    const ExportFormat* format = FindExportFormat(name);
    if (format != nullptr && GivesTheSame(*format, input, model)) {
      return std::move(input.checkpoint);
    }
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<OnnxModel> FromOnnx(std::string_view bytes) {
  if (bytes.size() > kMaxModelBytes) {
    return BadModel(fmt::format("{} bytes: expected at most {}", bytes.size(), kMaxModelBytes));
  }
  onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !model.has_graph()) {
    return BadModel("no ONNX file, or a damaged one");
  }
  if (absl::Status status = CheckVersions(model); !status.ok()) return status;
  std::map<std::string, std::string> metadata;
  for (const onnx::StringStringEntryProto& entry : model.metadata_props()) {
    metadata[entry.key()] = entry.value();
  }
  if (!metadata.contains("bitsweep.graph")) return OnnxReader(model).Read();
  if (std::optional<graph::Checkpoint> checkpoint = FromMetadata(model, metadata)) {
    return OnnxModel{.checkpoint = *std::move(checkpoint),
                     .notes = {"the graph is the one that the file was written from"}};
  }
  absl::StatusOr<OnnxModel> read = OnnxReader(model).Read();
  if (read.ok()) {
    read->notes.insert(read->notes.begin(),
                       "the graph was read from the nodes: the one in the file's metadata does not "
                       "give these nodes");
  }
  return read;
}

}  // namespace bitsweep::exchange
