// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/model_import.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "core/graph/checkpoint.h"
#include "core/graph/graph_json.h"
#include "core/graph/safetensors.h"
#include "core/graph/zoo.h"
#include "fmt/format.h"
#include "proto/convert/inputs.h"

namespace bitsweep::rpc {
namespace {

constexpr std::int64_t kMaxArtifactBytes = std::int64_t{512} << 20;  // read into memory
constexpr std::size_t kMaxDisplayName = 200;

absl::Status Refuse(std::string field, const absl::Status& why) {
  return InvalidSpecError({{std::move(field), std::string(why.message())}});
}

// The digest of the artifact; every problem of the request's own fields.
absl::StatusOr<std::string> CheckRequest(const v1::ImportModelRequest& request) {
  std::vector<FieldViolation> violations;
  if (!request.model_id().empty() && !IsValidResourceId(request.model_id())) {
    violations.push_back(
        {"model_id", fmt::format("\"{}\": expected [a-z][a-z0-9-]{{3,62}}", request.model_id())});
  }
  if (request.display_name().size() > kMaxDisplayName) {
    violations.push_back(
        {"display_name", fmt::format("{} characters: expected at most {}",
                                     request.display_name().size(), kMaxDisplayName)});
  }
  const absl::StatusOr<std::string> digest = ParseArtifactName(request.artifact());
  if (!digest.ok()) violations.push_back({"artifact", std::string(digest.status().message())});
  if (request.has_source()) {
    const v1::ModelSource& source = request.source();
    if (!source.name().empty()) {
      violations.push_back({"source.name", "a stored model: expected a builtin or a graph"});
    }
    if (source.builtin().empty() == !source.has_graph()) {
      violations.push_back({"source", "expected exactly one of builtin and graph"});
    }
  }
  if (!violations.empty()) return InvalidSpecError(std::move(violations));
  return *digest;
}

absl::StatusOr<graph::Graph> SourceGraph(const v1::ModelSource& source) {
  std::vector<FieldViolation> violations;
  const spec::ModelSpec spec = convert::FromProto(source, "source", violations);
  if (!violations.empty()) return InvalidSpecError(std::move(violations));
  if (spec.builtin.empty()) {
    absl::StatusOr<graph::Graph> graph = graph::FromJson(spec.graph_json);
    if (!graph.ok()) return Refuse("source.graph", graph.status());
    return graph;
  }
  absl::StatusOr<graph::Graph> graph =
      graph::BuildModel(spec.builtin, {.output_activation = spec.output_activation});
  if (!graph.ok()) return Refuse("source.builtin", graph.status());
  return graph;
}

// Stores bytes made here; returns their digest.
absl::StatusOr<std::string> StoreBytes(const std::string& bytes, store::ArtifactStore& store,
                                       absl::Time now) {
  const std::string digest = Sha256Hex(bytes);
  ASSIGN_OR_RETURN(const std::unique_ptr<store::ArtifactUpload> upload,
                   store.Begin(digest, static_cast<std::int64_t>(bytes.size())));
  RETURN_IF_ERROR(upload->Append(bytes));
  RETURN_IF_ERROR(upload->Commit(now).status());
  return digest;
}

}  // namespace

absl::StatusOr<store::ModelRecord> ImportModel(const v1::ImportModelRequest& request,
                                               store::Store& store, absl::Time now) {
  ASSIGN_OR_RETURN(std::string digest, CheckRequest(request));
  ASSIGN_OR_RETURN(const store::ArtifactRecord artifact, store.GetArtifact(digest));
  if (artifact.size_bytes > kMaxArtifactBytes) {
    return InvalidSpecError({{"artifact", fmt::format("{} bytes: expected at most {}",
                                                      artifact.size_bytes, kMaxArtifactBytes)}});
  }
  ASSIGN_OR_RETURN(std::string bytes, store.Read(digest, 0, artifact.size_bytes));
  store::NewModel model;
  if (request.has_source()) {
    ASSIGN_OR_RETURN(const graph::Graph graph, SourceGraph(request.source()));
    absl::StatusOr<std::vector<graph::TensorValue>> tensors =
        graph::TensorsFromSafetensors(graph, bytes);
    if (!tensors.ok()) return Refuse("artifact", tensors.status());
    bytes = graph::SerializeCheckpoint(
        {.graph = graph, .tensors = *std::move(tensors), .metadata = {}});
    ASSIGN_OR_RETURN(digest, StoreBytes(bytes, store, now));
    model.graph_name = graph.name();
    model.parameter_count = graph.ParameterCount();
  } else {
    const absl::StatusOr<graph::Checkpoint> checkpoint = graph::ParseCheckpoint(bytes);
    if (!checkpoint.ok()) return Refuse("artifact", checkpoint.status());
    model.graph_name = checkpoint->graph.name();
    model.parameter_count = checkpoint->graph.ParameterCount();
  }
  model.model_id = request.model_id().empty() ? GenerateResourceId("model") : request.model_id();
  model.display_name = request.display_name();
  model.artifact = digest;
  model.size_bytes = static_cast<std::int64_t>(bytes.size());
  return store.ImportModel(model, now);
}

}  // namespace bitsweep::rpc
