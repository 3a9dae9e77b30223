// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/transform_convert.h"

#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"
#include "proto/convert/transform.h"
#include "proto/convert/trial.h"
#include "server/rpc/sweep_convert.h"

namespace bitsweep::rpc {
namespace {

template <typename Message>
absl::StatusOr<Message> Parse(const std::string& json, const char* what) {
  Message message;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &message);
  if (!status.ok()) {
    return absl::DataLossError(
        fmt::format("the stored {} cannot be read: {}", what, std::string(status.message())));
  }
  return message;
}

v1::TransformMetrics MetricsToProto(const store::TransformMetrics& metrics) {
  v1::TransformMetrics proto;
  if (metrics.accuracy) proto.set_accuracy(*metrics.accuracy);
  if (metrics.original_accuracy) proto.set_original_accuracy(*metrics.original_accuracy);
  if (metrics.loss) proto.set_loss(*metrics.loss);
  if (metrics.flops) proto.set_flops(*metrics.flops);
  if (metrics.bitops) proto.set_bitops(*metrics.bitops);
  if (metrics.size_bits) proto.set_size_bits(*metrics.size_bits);
  return proto;
}

}  // namespace

std::string ToStoredJson(const spec::TransformSpec& spec) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  // Fails only for a Value that holds nothing; those of a graph come from JSON text.
  (void)google::protobuf::util::MessageToJsonString(convert::ToProto(spec), &json, options);
  // A graph's Struct is written in any order; the parsed form sorts its keys.
  return nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false).dump();
}

absl::StatusOr<v1::Transform> FromStoredJson(const std::string& json) {
  return Parse<v1::Transform>(json, "specification");
}

absl::StatusOr<v1::Transform> ToProto(const store::TransformRecord& record) {
  ASSIGN_OR_RETURN(v1::Transform transform, FromStoredJson(record.spec));
  if (!record.transform_id.empty()) transform.set_name(TransformName(record.transform_id));
  transform.set_state(ToProto(record.state));
  *transform.mutable_counts() = ToProto(record.counts);
  transform.set_job_count(record.job_count);
  *transform.mutable_create_time() = convert::ToProto(record.create_time);
  if (record.start_time) *transform.mutable_start_time() = convert::ToProto(*record.start_time);
  if (record.end_time) *transform.mutable_end_time() = convert::ToProto(*record.end_time);
  transform.set_data_digest(record.data_digest);
  transform.set_spec_digest(record.spec_digest);
  transform.set_revision(record.revision);
  return transform;
}

absl::StatusOr<v1::TransformJob> ToProto(const store::TransformJobRecord& record) {
  v1::TransformJob job;
  job.set_name(TransformJobNameText(record.transform_id, record.number));
  const absl::StatusOr<spec::Assignment> values = spec::AssignmentFromJson(record.assignment);
  if (!values.ok()) {
    return absl::DataLossError(fmt::format("the stored values of {} cannot be read: {}", job.name(),
                                           std::string(values.status().message())));
  }
  for (const spec::AxisValue& value : *values) *job.add_values() = convert::ToProto(value);
  job.set_state(convert::ToProto(record.state));
  job.set_attempt(record.attempt);
  if (!record.worker_id.empty()) job.set_worker(WorkerName(record.worker_id));
  if (record.failure) {
    job.set_failure_reason(convert::ToProto(record.failure->reason));
    job.set_failure_message(record.failure->message);
  }
  if (record.state == spec::JobState::kSucceeded) {
    *job.mutable_metrics() = MetricsToProto(record.metrics);
  }
  job.set_pareto_optimal(record.pareto_optimal);
  job.set_seconds(record.seconds);
  if (!record.model_id.empty()) job.set_model(ModelName(record.model_id));
  if (record.start_time) *job.mutable_start_time() = convert::ToProto(*record.start_time);
  if (record.end_time) *job.mutable_end_time() = convert::ToProto(*record.end_time);
  for (const std::string& result : record.results) {
    ASSIGN_OR_RETURN(*job.add_results(), Parse<v1::PassResult>(result, "result"));
  }
  return job;
}

absl::StatusOr<spec::TransformSpec> SpecFromStoredJson(const std::string& json) {
  ASSIGN_OR_RETURN(const v1::Transform proto, FromStoredJson(json));
  std::vector<FieldViolation> violations;
  spec::TransformSpec spec = convert::FromProto(proto, violations);
  if (!violations.empty()) return InvalidSpecError(std::move(violations));
  return spec;
}

absl::StatusOr<v1::TransformWork> WorkOf(const store::TransformJobSpec& job) {
  ASSIGN_OR_RETURN(spec::TransformSpec spec, SpecFromStoredJson(job.spec));
  ASSIGN_OR_RETURN(const spec::Assignment values, spec::AssignmentFromJson(job.assignment));
  spec::TransformWork work;
  ASSIGN_OR_RETURN(work.passes, spec::ApplyAssignment(spec.passes, values));
  work.model = std::move(spec.model);
  work.model_artifact = job.model_artifact;
  work.dataset = std::move(spec.dataset);
  work.seed = spec.seed;
  work.keep_model = spec.keep_models.value_or(spec.axes.empty());
  return convert::ToProto(work);
}

}  // namespace bitsweep::rpc
