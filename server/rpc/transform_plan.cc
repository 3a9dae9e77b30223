// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/transform_plan.h"

#include <optional>
#include <utility>

#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "core/spec/transform_spec.h"
#include "fmt/format.h"
#include "proto/convert/transform.h"
#include "server/rpc/model_files.h"
#include "server/rpc/submit_checks.h"
#include "server/rpc/transform_convert.h"

namespace bitsweep::rpc {
namespace {

// The stored model that a specification names: its row, and its graph where it can be read.
struct StoredModel {
  store::ModelRecord record;
  std::optional<graph::Checkpoint> checkpoint;
};

absl::StatusOr<StoredModel> FindModel(const std::string& name, store::Store& store) {
  StoredModel model;
  ASSIGN_OR_RETURN(const std::string id, ParseModelName(name));
  ASSIGN_OR_RETURN(model.record, store.GetModel(id));
  ASSIGN_OR_RETURN(model.checkpoint, ReadCheckpoint(store, model.record));
  return model;
}

std::string ModelText(const spec::ModelSpec& model) {
  if (!model.builtin.empty()) return model.builtin;
  return model.stored.empty() ? "graph" : model.stored;
}

}  // namespace

absl::StatusOr<TransformPlan> PlanTransform(const v1::SubmitTransformRequest& request,
                                            store::Store& store) {
  std::vector<FieldViolation> violations;
  CheckSubmit({.noun = "transform",
               .specification = request.has_transform() ? &request.transform() : nullptr,
               .id = request.transform_id(),
               .request_id = request.request_id()},
              violations);
  if (!request.has_transform() || request.transform().ByteSizeLong() > kMaxSpecificationBytes) {
    return InvalidSpecError(std::move(violations));
  }

  const spec::TransformSpec spec = convert::FromProto(request.transform(), violations);
  // A model that is not there is said only when the request is right otherwise.
  absl::StatusOr<StoredModel> model = StoredModel{};
  if (!spec.model.stored.empty()) model = FindModel(spec.model.stored, store);
  const graph::Graph* graph = model.ok() && model->checkpoint ? &model->checkpoint->graph : nullptr;
  for (FieldViolation& violation : spec::Validate(spec, graph)) {
    violations.push_back(std::move(violation));
  }
  if (!violations.empty()) return InvalidSpecError(std::move(violations));
  RETURN_IF_ERROR(model.status());

  TransformPlan plan;
  ASSIGN_OR_RETURN(const std::vector<spec::Assignment> assignments, spec::ExpandAxes(spec));
  store::NewTransform& transform = plan.transform;
  for (const spec::Assignment& assignment : assignments) {
    transform.assignments.push_back(spec::ToJson(assignment));
  }
  transform.transform_id =
      request.transform_id().empty() ? GenerateResourceId("transform") : request.transform_id();
  transform.display_name = spec.display_name;
  transform.model = ModelText(spec.model);
  if (spec.dataset) transform.dataset = spec.dataset->name;
  transform.spec = ToStoredJson(spec);
  transform.spec_digest = Sha256Hex(transform.spec);
  transform.request_id = request.request_id();
  transform.model_artifact = model->record.artifact;
  transform.parent_model = model->record.model_id;
  transform.seed = spec.seed;
  transform.priority = spec.priority;
  transform.max_parallel = spec.max_parallel_jobs;

  plan.warnings = spec::Warnings(spec);
  if (!request.transform().name().empty()) {
    plan.warnings.push_back(
        fmt::format("transform.name \"{}\" is not used: transform_id chooses the id",
                    request.transform().name()));
  }
  return plan;
}

store::TransformRecord Preview(const store::NewTransform& transform) {
  store::TransformRecord record;
  record.spec = transform.spec;
  record.spec_digest = transform.spec_digest;
  record.job_count = static_cast<std::int64_t>(transform.assignments.size());
  record.counts.queued = record.job_count;
  return record;
}

}  // namespace bitsweep::rpc
