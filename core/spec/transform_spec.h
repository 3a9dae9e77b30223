// SPDX-License-Identifier: Apache-2.0
// A transform: a model and the passes to run on it, as plain values.
#ifndef BITSWEEP_CORE_SPEC_TRANSFORM_SPEC_H_
#define BITSWEEP_CORE_SPEC_TRANSFORM_SPEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/errors.h"
#include "core/graph/graph.h"
#include "core/spec/dataset_spec.h"
#include "core/spec/model_spec.h"
#include "core/spec/quantize_spec.h"

namespace bitsweep::spec {

struct ReportGraphPass {
  bool operator==(const ReportGraphPass&) const = default;
};
struct ReportNodeMetaPass {
  std::vector<std::string> which;  // "all", "common", "software"; empty: all
  std::int64_t batch_size = 8;
  bool operator==(const ReportNodeMetaPass&) const = default;
};

struct StatisticSpec {
  std::string name;  // variance_precise, variance_online, range_min_max, range_quantile,
                     // range_n_sigma, abs_mean, record
  std::string dims;  // "", "all", "element"
  std::vector<std::int64_t> reduce_dims;
  bool abs = false;
  std::optional<double> quantile;   // 0.975
  std::optional<double> num_sigma;  // 3
  std::string var_mode;             // "", "precise", "online"
  bool add_new_dim_before_concat = false;
  bool operator==(const StatisticSpec&) const = default;
};
struct ProfileStatisticsPass {
  std::string by;  // "type", "name"
  std::vector<std::string> target_weight_nodes, target_activation_nodes;
  std::vector<StatisticSpec> weight_statistics, activation_statistics;
  std::int64_t num_samples = 512;
  bool operator==(const ProfileStatisticsPass&) const = default;
};
struct QuantizePass {
  QuantizeSpec quantization;
  bool operator==(const QuantizePass&) const = default;
};
struct CompareGraphsPass {
  bool operator==(const CompareGraphsPass&) const = default;
};
struct VerifyQuantizationPass {
  std::vector<double> input;
  std::int64_t show = 32;
  bool operator==(const VerifyQuantizationPass&) const = default;
};
enum class CountConvention { kLabReport, kMacs, kBopsUniq, kEbops };
std::string_view Name(CountConvention convention);  // "LAB_REPORT", "MACS", "BOPS_UNIQ", "EBOPS"
struct CountOpsPass {
  std::int64_t batch_size = 1;
  std::vector<CountConvention> conventions;  // empty: all
  std::optional<std::int64_t> data_width, weight_width, bias_width;
  bool operator==(const CountOpsPass&) const = default;
};
struct EvaluatePass {
  std::int64_t batch_size = 256;
  bool skip_original = false;
  bool operator==(const EvaluatePass&) const = default;
};
struct PrunePass {
  std::string scope;        // "", "local", "global"
  std::string granularity;  // "", "elementwise"
  std::string method;       // "", "l1-norm", "random"
  double sparsity = 0;
  bool operator==(const PrunePass&) const = default;
};
using PassSpec =
    std::variant<ReportGraphPass, ReportNodeMetaPass, ProfileStatisticsPass, QuantizePass,
                 CompareGraphsPass, VerifyQuantizationPass, CountOpsPass, EvaluatePass, PrunePass>;

// What there is to know of a kind of pass.
struct PassTraits {
  std::string_view name;         // "report_graph"
  std::string_view description;  // one sentence for people
  bool rewrites = false;         // the graph or its tensors
  bool needs_dataset = false;
};
// In the order of PassSpec's alternatives.
const std::vector<PassTraits>& Passes();
const PassTraits& TraitsOf(const PassSpec& pass);

// Values of one entry of the quantization: "weight_width", or of one rule only,
// "linear.weight_width".
struct QuantizationAxis {
  std::string entry;
  std::vector<std::int64_t> values;
  bool operator==(const QuantizationAxis&) const = default;
};

// What a user submits. Immutable once stored.
struct TransformSpec {
  std::string display_name;
  ModelSpec model;
  std::optional<DatasetSpec> dataset;
  std::vector<PassSpec> passes;
  std::vector<QuantizationAxis> axes;
  std::int64_t seed = 0;
  std::int64_t priority = 0;
  std::int64_t max_parallel_jobs = 0;  // 0: no limit
  std::optional<bool> keep_models;     // unset: yes without axes, no with them
  bool operator==(const TransformSpec&) const = default;
};

inline constexpr std::int64_t kMaxTransformJobs = 100'000;
inline constexpr std::int64_t kMaxPasses = 100;

// Every problem, fields named as in SubmitTransformRequest
// ("transform.passes[0].count_ops.batch_size"). `graph`: the model's, when it is known (a builtin's
// is made here with the data set's or the default sizes; a stored one's comes from the caller);
// each pass is checked against the graph as the passes before it leave it. Of axes every
// combination of one tensor's values is checked, up to 10,000 (a format depends on its own tensor's
// values only), and of more a choice. Pure.
std::vector<FieldViolation> Validate(const TransformSpec& spec, const graph::Graph* graph);
// What is legal but unusual, for people.
std::vector<std::string> Warnings(const TransformSpec& spec);

// One job's values, in the axes' order.
struct AxisValue {
  std::string entry;
  std::int64_t value = 0;
  bool operator==(const AxisValue&) const = default;
};
using Assignment = std::vector<AxisValue>;

// Every combination, the last axis varying fastest; one empty assignment without axes. Pure.
// InvalidArgument / PLAN_TOO_LARGE above kMaxTransformJobs. REQUIRES: Validate(spec) is empty.
absl::StatusOr<std::vector<Assignment>> ExpandAxes(const TransformSpec& spec);
// The passes of a job: the values put into every quantize pass (into every rule that quantizes, and
// the default, that has the tensor; or the named rule). InvalidArgument: an entry that fits
// nowhere.
absl::StatusOr<std::vector<PassSpec>> ApplyAssignment(const std::vector<PassSpec>& passes,
                                                      const Assignment& assignment);
// The tensor that an axis is of: "data_in", "weight" or "bias"; empty where it is none.
std::string_view TensorOfAxis(std::string_view entry);
// [{"entry":"weight_width","value":4}], and back.
std::string ToJson(const Assignment& assignment);
absl::StatusOr<Assignment> AssignmentFromJson(std::string_view json);

// What a worker gets: a job, complete. The results are a function of this and of the data's bytes.
struct TransformWork {
  ModelSpec model;
  std::string model_artifact;  // of model.stored: SHA-256, hex
  std::optional<DatasetSpec> dataset;
  std::vector<PassSpec> passes;
  std::int64_t seed = 0;
  bool keep_model = true;
};

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_TRANSFORM_SPEC_H_
