// SPDX-License-Identifier: Apache-2.0
// What quantization did to the tensors and to the output of each quantized node.
#ifndef BITSWEEP_WORKER_PASSES_VERIFY_QUANTIZATION_H_
#define BITSWEEP_WORKER_PASSES_VERIFY_QUANTIZATION_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/number_format.h"
#include "core/spec/transform_spec.h"
#include "worker/passes/graph_runner.h"
#include "worker/passes/network.h"

namespace bitsweep::passes {

// x: values, q: the same quantized; both [elements].
struct QuantizationError {
  std::int64_t elements = 0;
  std::int64_t distinct = 0;         // different q; -0 is 0, one NaN is as good as another
  std::int64_t saturated = 0;        // x below the lowest or above the highest value of the format
  std::int64_t flushed_to_zero = 0;  // x != 0, q == 0
  double max_abs_error = 0;          // max |x - q|
  double mean_abs_error = 0;         // sum |x - q| / elements
  // 10 log10(sum x^2 / sum (x - q)^2), in dB; infinite without noise. Signal to quantization noise:
  // Widrow and Kollar 2008.
  double sqnr_db = 0;
};
QuantizationError MeasureError(const graph::NumberFormat& format, std::span<const float> x,
                               std::span<const float> q);

// Distance of neighbours on the format's grid: 2^-frac of integer, 2 of binary -1 and 1, 1 of
// unscaled ternary; 0 where it differs from value to value or tensor to tensor.
double Step(const graph::NumberFormat& format);

// The lowest and highest value that the format holds, for block formats with the best exponent that
// a block may have. Nothing where the tensor's own values set the scale (scale_integer, mxint,
// mxfp, binary {0, scale}, scaled ternary).
struct Range {
  double lowest = 0;
  double highest = 0;
};
std::optional<Range> RangeOf(const graph::NumberFormat& format);

// How values lie before and after quantization: bin i counts those from low + i bin_width up to,
// and without, low + (i + 1) bin_width.
struct QuantizationHistogram {
  double low = 0;
  double bin_width = 0;
  std::vector<std::int64_t> original, quantized;  // as many bins: about 32 to 256
};
// Over the range of all finite x and q; others are not counted. Where Step(format) is not 0 bins
// have its width, a multiple or an odd part of it, with grid numbers never on a border; else the
// range is divided into 64. Empty without finite values. Pure.
QuantizationHistogram MakeHistogram(const graph::NumberFormat& format, std::span<const float> x,
                                    std::span<const float> q);

struct QuantizedTensor {
  std::string node;
  std::string tensor;  // "weight", "bias"
  std::string format;  // "integer (8, 4)"
  graph::Shape shape;
  std::int64_t width = 32;
  std::vector<float> original, quantized;  // leading values
  double step = 0;
  QuantizationError error;
  QuantizationHistogram histogram;
};
struct QuantizedOutput {
  std::string node;
  std::string original_type, quantized_type;  // "Linear", "LinearInteger"
  std::vector<float> input;                   // of all inputs, one behind another
  std::vector<float> original, quantized;     // outputs
};
struct QuantizationReport {
  std::vector<QuantizedTensor> tensors;
  std::vector<QuantizedOutput> outputs;
};

// For each node with a quantized tensor (a bypassed node has none), in the graph's order: weight
// and bias, and the output for one row in full precision and as it is now. Both come from the
// network's own tensors, so that pruning does not show up as an error of quantization. The input is
// `pass.input` for nodes with as many input features, else standard normal numbers from (seed,
// RandomStream::kRandomInput, the node's position). Lists are cut after pass.show values.
// InvalidArgument: an input that fits no quantized node. Cancelled: should_stop. Errors of the
// runner and of quant::Quantize, with the node's name.
absl::StatusOr<QuantizationReport> VerifyQuantization(const spec::VerifyQuantizationPass& pass,
                                                      const Network& network, std::uint64_t seed,
                                                      const GraphRunnerFactory& make_runner,
                                                      const std::function<bool()>& should_stop);

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_VERIFY_QUANTIZATION_H_
