// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/transform.h"

#include <string>

#include "core/base/ids.h"
#include "fmt/format.h"
#include "proto/convert/inputs.h"
#include "proto/convert/passes.h"

namespace bitsweep::convert {
namespace {

std::vector<spec::PassSpec> FromProto(const google::protobuf::RepeatedPtrField<v1::Pass>& passes,
                                      const std::string& field,
                                      std::vector<FieldViolation>& violations) {
  std::vector<spec::PassSpec> values;
  for (int i = 0; i < passes.size(); ++i) {
    values.push_back(
        convert::FromProto(passes[i], fmt::format("{}.passes[{}]", field, i), violations));
  }
  return values;
}

}  // namespace

spec::TransformSpec FromProto(const v1::Transform& proto, std::vector<FieldViolation>& violations) {
  spec::TransformSpec spec;
  spec.display_name = proto.display_name();
  spec.model = FromProto(proto.model(), "transform.model", violations);
  if (proto.has_dataset()) {
    spec.dataset = FromProto(proto.dataset(), "transform.dataset", violations);
  }
  spec.passes = FromProto(proto.passes(), "transform", violations);
  for (const v1::QuantizationAxis& axis : proto.axes()) {
    spec.axes.push_back({axis.entry(), {axis.values().begin(), axis.values().end()}});
  }
  spec.seed = proto.seed();
  spec.priority = proto.priority();
  spec.max_parallel_jobs = proto.max_parallel_jobs();
  if (proto.has_keep_models()) spec.keep_models = proto.keep_models();
  return spec;
}

v1::Transform ToProto(const spec::TransformSpec& spec) {
  v1::Transform proto;
  proto.set_display_name(spec.display_name);
  *proto.mutable_model() = ToProto(spec.model);
  if (spec.dataset) *proto.mutable_dataset() = ToProto(*spec.dataset);
  for (const spec::PassSpec& pass : spec.passes) *proto.add_passes() = ToProto(pass);
  for (const spec::QuantizationAxis& axis : spec.axes) {
    v1::QuantizationAxis* entry = proto.add_axes();
    entry->set_entry(axis.entry);
    entry->mutable_values()->Add(axis.values.begin(), axis.values.end());
  }
  proto.set_seed(spec.seed);
  proto.set_priority(spec.priority);
  proto.set_max_parallel_jobs(spec.max_parallel_jobs);
  if (spec.keep_models) proto.set_keep_models(*spec.keep_models);
  return proto;
}

v1::AxisValue ToProto(const spec::AxisValue& value) {
  v1::AxisValue proto;
  proto.set_entry(value.entry);
  proto.set_value(value.value);
  return proto;
}

absl::StatusOr<spec::TransformWork> FromProto(const v1::TransformWork& proto) {
  std::vector<FieldViolation> violations;
  spec::TransformWork work;
  work.model = FromProto(proto.model(), "transform.model", violations);
  if (proto.has_dataset()) {
    work.dataset = FromProto(proto.dataset(), "transform.dataset", violations);
  }
  work.passes = FromProto(proto.passes(), "transform", violations);
  work.seed = proto.seed();
  work.keep_model = proto.keep_model();
  if (!proto.model_artifact().empty()) {
    absl::StatusOr<std::string> digest = ParseArtifactName(proto.model_artifact());
    if (digest.ok()) {
      work.model_artifact = *std::move(digest);
    } else {
      violations.push_back({"transform.model_artifact", std::string(digest.status().message())});
    }
  }
  if (!violations.empty()) return InvalidSpecError(std::move(violations));
  return work;
}

v1::TransformWork ToProto(const spec::TransformWork& work) {
  v1::TransformWork proto;
  *proto.mutable_model() = ToProto(work.model);
  if (!work.model_artifact.empty()) proto.set_model_artifact(ArtifactName(work.model_artifact));
  if (work.dataset) *proto.mutable_dataset() = ToProto(*work.dataset);
  for (const spec::PassSpec& pass : work.passes) *proto.add_passes() = ToProto(pass);
  proto.set_seed(work.seed);
  proto.set_keep_model(work.keep_model);
  return proto;
}

}  // namespace bitsweep::convert
