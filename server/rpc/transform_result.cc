// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/transform_result.h"

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "core/base/errors.h"
#include "core/base/ids.h"
#include "fmt/format.h"
#include "google/protobuf/util/json_util.h"

namespace bitsweep::rpc {
namespace {

// An answer of 4 MiB must hold it with the rest of the job.
constexpr std::size_t kMaxResultBytes = (4 << 20) - (64 << 10);

constexpr std::string_view kConventionPrefix = "COUNT_CONVENTION_";

void AddRows(const v1::StatisticsReport& report, store::PassResultRecord& record) {
  // One statistic may be taken of a tensor twice, with other options: "range_quantile#2".
  std::map<std::tuple<std::string, std::string, std::string>, int> times;
  for (const v1::NodeStatistic& statistic : report.statistics()) {
    const int time = ++times[{statistic.node(), statistic.tensor(), statistic.statistic()}];
    const std::string name =
        time == 1 ? statistic.statistic() : fmt::format("{}#{}", statistic.statistic(), time);
    for (const v1::StatisticValue& value : statistic.values()) {
      store::StatisticRow row{.node = statistic.node(),
                              .tensor = statistic.tensor(),
                              .statistic = name,
                              .key = value.key()};
      const bool is_number = value.shape().empty() && value.values_size() == 1;
      if (is_number && std::isfinite(value.values(0))) row.value = value.values(0);
      record.statistics.push_back(std::move(row));
    }
  }
}

void AddRows(const v1::OpCountReport& report, store::PassResultRecord& record) {
  for (const v1::OpCount& count : report.counts()) {
    const std::string convention =
        v1::CountConvention_Name(count.convention()).substr(kConventionPrefix.size());
    for (const v1::NodeOps& node : count.nodes()) {
      record.op_counts.push_back({.node = node.node(),
                                  .convention = convention,
                                  .flops = node.flops(),
                                  .bitops = node.bitops()});
    }
    record.op_counts.push_back(
        {.node = "", .convention = convention, .flops = count.flops(), .bitops = count.bitops()});
  }
}

void AddRows(const v1::QuantizationReport& report, store::PassResultRecord& record) {
  for (const v1::QuantizedTensor& tensor : report.tensors()) {
    record.quantized_tensors.push_back({.node = tensor.node(),
                                        .tensor = tensor.tensor(),
                                        .format = tensor.format(),
                                        .width = tensor.width(),
                                        .elements = tensor.elements(),
                                        .distinct = tensor.distinct(),
                                        .saturated = tensor.saturated(),
                                        .flushed_to_zero = tensor.flushed_to_zero(),
                                        .step = tensor.step(),
                                        .max_abs_error = tensor.max_abs_error(),
                                        .mean_abs_error = tensor.mean_abs_error(),
                                        .sqnr_db = tensor.sqnr_db()});
  }
}

// A row has one key: what comes twice is refused here, with its place.
void CheckRows(const v1::PassResult& pass, const std::string& field,
               std::vector<FieldViolation>& violations) {
  std::set<std::pair<int, std::string>> operations;
  for (int i = 0; i < pass.ops().counts_size(); ++i) {
    const v1::OpCount& count = pass.ops().counts(i);
    const std::string name = fmt::format("{}.ops.counts[{}]", field, i);
    if (count.convention() == v1::COUNT_CONVENTION_UNSPECIFIED ||
        !v1::CountConvention_IsValid(count.convention())) {
      violations.push_back({name + ".convention",
                            fmt::format("unknown value {}", static_cast<int>(count.convention()))});
    }
    bool is_new = operations.emplace(count.convention(), "").second;
    for (const v1::NodeOps& node : count.nodes()) {
      is_new = operations.emplace(count.convention(), node.node()).second && is_new;
    }
    if (!is_new) violations.push_back({name, "a node, or the convention, comes twice"});
  }
  std::set<std::pair<std::string, std::string>> tensors;
  for (int i = 0; i < pass.quantization().tensors_size(); ++i) {
    const v1::QuantizedTensor& tensor = pass.quantization().tensors(i);
    if (tensors.emplace(tensor.node(), tensor.tensor()).second) continue;
    violations.push_back(
        {fmt::format("{}.quantization.tensors[{}]", field, i), "the same tensor as before"});
  }
}

void Check(const v1::PassResult& pass, int position, std::vector<FieldViolation>& violations) {
  const std::string field = fmt::format("transform_result.passes[{}]", position);
  if (pass.pass().empty()) violations.push_back({field + ".pass", "required"});
  if (pass.position() != position) {
    violations.push_back(
        {field + ".position", fmt::format("{}: expected {}", pass.position(), position)});
  }
  if (pass.result_case() == v1::PassResult::RESULT_NOT_SET) {
    violations.push_back({field, "no result"});
  }
  CheckRows(pass, field, violations);
}

absl::StatusOr<store::PassResultRecord> ToRecord(const v1::PassResult& pass) {
  store::PassResultRecord record{.pass = pass.pass(), .seconds = pass.seconds()};
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  const auto status = google::protobuf::util::MessageToJsonString(pass, &record.result, options);
  if (!status.ok()) {
    return absl::InternalError(
        fmt::format("{}: its result has no JSON form: {}", pass.pass(), status.ToString()));
  }
  if (pass.has_statistics()) AddRows(pass.statistics(), record);
  if (pass.has_ops()) AddRows(pass.ops(), record);
  if (pass.has_quantization()) AddRows(pass.quantization(), record);
  return record;
}

store::TransformMetrics MetricsFromProto(const v1::TransformMetrics& proto) {
  store::TransformMetrics metrics;
  if (proto.has_accuracy()) metrics.accuracy = proto.accuracy();
  if (proto.has_original_accuracy()) metrics.original_accuracy = proto.original_accuracy();
  if (proto.has_loss()) metrics.loss = proto.loss();
  if (proto.has_flops()) metrics.flops = proto.flops();
  if (proto.has_bitops()) metrics.bitops = proto.bitops();
  if (proto.has_size_bits()) metrics.size_bits = proto.size_bits();
  return metrics;
}

}  // namespace

absl::StatusOr<store::TransformOutcome> FromProto(const v1::TransformResult& proto) {
  std::vector<FieldViolation> violations;
  store::TransformOutcome outcome;
  for (int i = 0; i < proto.passes_size(); ++i) Check(proto.passes(i), i, violations);
  if (!proto.artifact().empty()) {
    absl::StatusOr<std::string> digest = ParseArtifactName(proto.artifact());
    if (digest.ok()) {
      outcome.artifact = *std::move(digest);
    } else {
      violations.push_back({"transform_result.artifact", std::string(digest.status().message())});
    }
  }
  if (proto.ByteSizeLong() > kMaxResultBytes) {
    violations.push_back({"transform_result", fmt::format("{} bytes: expected at most {}",
                                                          proto.ByteSizeLong(), kMaxResultBytes)});
  }
  if (!violations.empty()) return InvalidSpecError(std::move(violations));
  for (const v1::PassResult& pass : proto.passes()) {
    absl::StatusOr<store::PassResultRecord> record = ToRecord(pass);
    if (!record.ok()) return record.status();
    outcome.passes.push_back(*std::move(record));
  }
  outcome.metrics = MetricsFromProto(proto.metrics());
  outcome.seconds = proto.seconds();
  outcome.data_digest = proto.data_digest();
  outcome.artifact_bytes = proto.artifact_bytes();
  outcome.graph_name = proto.graph_name();
  outcome.parameter_count = proto.parameter_count();
  return outcome;
}

absl::Status CheckAgainstPlan(const store::TransformOutcome& outcome,
                              const spec::TransformSpec& plan) {
  std::vector<std::string> planned;
  std::vector<std::string> reported;
  bool evaluated = false;
  bool counted = false;
  for (const spec::PassSpec& pass : plan.passes) {
    const spec::PassTraits& traits = spec::TraitsOf(pass);
    planned.emplace_back(traits.name);
    if (traits.rewrites) evaluated = counted = false;  // headlines are the last graph's
    evaluated = evaluated || std::holds_alternative<spec::EvaluatePass>(pass);
    counted = counted || std::holds_alternative<spec::CountOpsPass>(pass);
  }
  for (const store::PassResultRecord& pass : outcome.passes) reported.push_back(pass.pass);

  std::vector<std::string> problems;
  const auto expect = [&](bool wanted, bool is_there, const char* what) {
    if (wanted && !is_there) problems.push_back(fmt::format("{} is missing", what));
  };
  if (reported != planned) {
    problems.push_back(fmt::format("the passes are [{}], planned are [{}]",
                                   absl::StrJoin(reported, ", "), absl::StrJoin(planned, ", ")));
  }
  const store::TransformMetrics& metrics = outcome.metrics;
  expect(plan.dataset.has_value(), !outcome.data_digest.empty(), "data_digest");
  expect(evaluated, metrics.accuracy.has_value(), "metrics.accuracy");
  expect(counted, metrics.flops.has_value(), "metrics.flops");
  expect(counted, metrics.bitops.has_value(), "metrics.bitops");
  expect(counted, metrics.size_bits.has_value(), "metrics.size_bits");
  if (!plan.dataset && !outcome.data_digest.empty()) {
    problems.emplace_back("data_digest is given, although there is no data set");
  }
  if (problems.empty()) return absl::OkStatus();
  return ErrorWithDetails(
      absl::StatusCode::kInvalidArgument,
      fmt::format("the result is not what was planned: {}", absl::StrJoin(problems, "; ")),
      {.reason = "INCOMPLETE_RESULT"});
}

}  // namespace bitsweep::rpc
