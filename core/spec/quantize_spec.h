// SPDX-License-Identifier: Apache-2.0
// Which nodes of a graph are quantized, and how: as the user writes it, and applied to a graph.
#ifndef BITSWEEP_CORE_SPEC_QUANTIZE_SPEC_H_
#define BITSWEEP_CORE_SPEC_QUANTIZE_SPEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/errors.h"
#include "core/graph/graph.h"

namespace bitsweep::spec {

// The entries that were written for one tensor ("data_in_width" is data_in.width).
struct TensorFormatSpec {
  std::optional<std::int64_t> width, frac_width, exponent_width, exponent_bias, exponent_bias_width;
  std::vector<std::int64_t> block_size;  // empty: not written
  std::optional<bool> stochastic, bipolar, scaling_factor, floor;
  std::optional<double> mean, median, max;
  bool operator==(const TensorFormatSpec&) const = default;
};

struct FormatConfig {
  std::string name;  // a format, "fixed" (integer), or "NA": leave it alone
  bool bypass = false;
  graph::Semantics semantics = graph::Semantics::kCompatible;
  std::optional<TensorFormatSpec> data_in, weight, bias;
  bool operator==(const FormatConfig&) const = default;
};

struct QuantizationRule {
  std::string key;  // an op, a node's name, or a regular expression
  FormatConfig config;
  bool operator==(const QuantizationRule&) const = default;
};

struct QuantizeSpec {
  std::string by;  // "type", "name", "regex_name"
  std::optional<FormatConfig> default_config;
  std::vector<QuantizationRule> rules;
  bool operator==(const QuantizeSpec&) const = default;
};

// A number format as a user may name it: the ops it goes with and the entries it takes.
struct FormatRule {
  std::string_view name;
  std::vector<std::string_view> ops;                 // "linear", "conv1d", "relu", "add"
  std::vector<std::string_view> required, optional;  // entries, without the tensor's prefix
};
// In the order of docs/numerics.md. "fixed" is one of them.
const std::vector<FormatRule>& FormatRules();
// Ops that can be quantized: linear, conv1d, relu, add.
const std::vector<std::string_view>& QuantizableOps();

// Every problem of `spec`, with fields named below `field`
// ("transform.passes[0].quantize.quantization" + ".rules[1].config.data_in.width"). With a graph
// also what does not fit it: a key that names no op or node of it, a node that cannot be quantized,
// a missing default, block sizes that no tensor of the rank can have. Pure.
std::vector<FieldViolation> ValidateQuantize(const QuantizeSpec& spec, const graph::Graph* graph,
                                             const std::string& field);

// The graph with every node that the spec selects quantized; a node that was quantized before is
// quantized anew from its float tensors. The first rule that matches a node counts; then the
// default. linear: data_in, weight and bias (binary, ternary: only the weight; conv1d binary: all
// three with data_in's entries); add: both inputs; relu: its input, integer as unsigned (binary,
// ternary: nothing). bias unset: as weight. Blocks: a linear weight in true tiles, its bias 1-D,
// inputs and conv1d weights with skip_first_dim. InvalidArgument with all problems
// (ValidateQuantize). Pure.
absl::StatusOr<graph::Graph> Quantize(const graph::Graph& graph, const QuantizeSpec& spec);

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_QUANTIZE_SPEC_H_
