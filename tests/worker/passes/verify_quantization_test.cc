// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/verify_quantization.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/passes/reference_runner.h"

namespace bitsweep::passes {
namespace {

using ::bitsweep::testing::ReferenceRunners;
using ::bitsweep::testing::SampleNetwork;
using ::bitsweep::testing::StatusIs;
using ::bitsweep::testing::TensorOf;
using ::bitsweep::testing::WithIntegers;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Values = std::vector<float>;

const graph::NumberFormat kInteger84 = graph::IntegerFormat{.width = 8, .frac_width = 4};

QuantizationReport Verify(const Network& network, const spec::VerifyQuantizationPass& pass = {},
                          std::uint64_t seed = 3) {
  return VerifyQuantization(pass, network, seed, ReferenceRunners(), nullptr).value();
}

void ExpectRange(const graph::NumberFormat& format, double lowest, double highest) {
  const std::optional<Range> range = RangeOf(format);
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->lowest, lowest);
  EXPECT_EQ(range->highest, highest);
}

TEST(MeasureErrorTest, CountsAndMeasuresWhatAHandDoes) {
  const Values x = {1, -0.01F, 9, 0.5F, 0.52F};
  const Values q = {1, -0.0F, 7.9375F, 0.5F, 0.5F};
  const QuantizationError error = MeasureError(kInteger84, x, q);
  EXPECT_EQ(error.elements, 5);
  EXPECT_EQ(error.distinct, 4);
  EXPECT_EQ(error.saturated, 1);
  EXPECT_EQ(error.flushed_to_zero, 1);
  EXPECT_EQ(error.max_abs_error, 1.0625);
  EXPECT_NEAR(error.mean_abs_error, (0.01 + 1.0625 + 0.02) / 5, 1e-8);
  const double signal = 1 + 1e-4 + 81 + 0.25 + 0.52 * 0.52;
  const double noise = 1e-4 + 1.0625 * 1.0625 + 4e-4;
  EXPECT_NEAR(error.sqnr_db, 10 * std::log10(signal / noise), 1e-5);
}

std::int64_t Sum(const std::vector<std::int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

std::size_t BinOf(const QuantizationHistogram& histogram, double value) {
  return static_cast<std::size_t>(std::floor((value - histogram.low) / histogram.bin_width));
}

TEST(MakeHistogramTest, FewStepsAreDividedWithTheGridInsideBins) {
  const Values x = {-0.20F, -0.03F, 0.01F, 0.06F, 0.17F};
  const Values q = {-0.1875F, 0, 0, 0.0625F, 0.1875F};
  const QuantizationHistogram histogram = MakeHistogram(kInteger84, x, q);
  EXPECT_GE(histogram.original.size(), 32U);
  EXPECT_EQ(histogram.original.size(), histogram.quantized.size());
  EXPECT_EQ(Sum(histogram.original), 5);
  EXPECT_EQ(Sum(histogram.quantized), 5);
  EXPECT_EQ(std::fmod(0.0625 / histogram.bin_width, 2), 1);
  for (const float value : x) EXPECT_GE(histogram.original[BinOf(histogram, value)], 1) << value;
  EXPECT_EQ(histogram.quantized[BinOf(histogram, 0)], 2);
  // A number of the grid is in the middle of its bin: it stays there a third of a bin away.
  EXPECT_EQ(BinOf(histogram, 0.0625 + histogram.bin_width / 3), BinOf(histogram, 0.0625));
  EXPECT_EQ(BinOf(histogram, 0.0625 - histogram.bin_width / 3), BinOf(histogram, 0.0625));
}

TEST(MakeHistogramTest, ManyStepsShareBins) {
  const graph::NumberFormat format = graph::IntegerFormat{.width = 16, .frac_width = 8};
  const QuantizationHistogram histogram =
      MakeHistogram(format, Values{-100, 100}, Values{-100, 100});
  EXPECT_LE(histogram.original.size(), 257U);
  EXPECT_GE(histogram.original.size(), 200U);
  EXPECT_EQ(std::fmod(histogram.bin_width, 1.0 / 256), 0);
  EXPECT_THAT(histogram.original.front() + histogram.original.back(), 2);
}

TEST(MakeHistogramTest, BinaryNumbersAreInTheMiddle) {
  const QuantizationHistogram histogram =
      MakeHistogram(graph::BinaryFormat{}, Values{-0.1F, 0.2F, 0.3F}, Values{-1, 1, 1});
  EXPECT_EQ(histogram.quantized[BinOf(histogram, -1)], 1);
  EXPECT_EQ(histogram.quantized[BinOf(histogram, 1)], 2);
  EXPECT_EQ(BinOf(histogram, 1 + histogram.bin_width / 3), BinOf(histogram, 1));
}

TEST(MakeHistogramTest, FormatsWithoutAStepDivideTheRange) {
  const QuantizationHistogram histogram =
      MakeHistogram(graph::LogFormat{}, Values{-1, 0, 1}, Values{-1, 0.25F, 1});
  EXPECT_EQ(histogram.bin_width, 2.0 / 64);
  EXPECT_EQ(histogram.original.size(), 65U);  // the largest value begins a bin
  EXPECT_EQ(Sum(histogram.quantized), 3);
  EXPECT_EQ(MakeHistogram(graph::LogFormat{}, Values{3}, Values{3}).original,
            std::vector<std::int64_t>{1});
}

TEST(MakeHistogramTest, WhatIsNotFiniteIsLeftOut) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const QuantizationHistogram histogram =
      MakeHistogram(kInteger84, Values{nan, infinity, 1}, Values{nan, 7.9375F, 1});
  EXPECT_EQ(Sum(histogram.original), 1);
  EXPECT_EQ(Sum(histogram.quantized), 2);
  EXPECT_THAT(MakeHistogram(kInteger84, Values{nan}, Values{nan}).original, IsEmpty());
}

TEST(MeasureErrorTest, BothZerosAreOneValue) {
  EXPECT_EQ(MeasureError(kInteger84, Values{0.01F, -0.01F}, Values{0.0F, -0.0F}).distinct, 1);
}

TEST(MeasureErrorTest, NoNoiseIsAnInfiniteRatio) {
  EXPECT_EQ(MeasureError(kInteger84, Values{1, 0}, Values{1, 0}).sqnr_db,
            std::numeric_limits<double>::infinity());
}

TEST(MeasureErrorTest, NanMakesErrorsNan) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const QuantizationError error = MeasureError(kInteger84, Values{nan, 1}, Values{nan, 1.5F});
  EXPECT_TRUE(std::isnan(error.max_abs_error));
  EXPECT_TRUE(std::isnan(error.mean_abs_error));
  EXPECT_TRUE(std::isnan(error.sqnr_db));
  EXPECT_EQ(error.distinct, 2);
}

TEST(RangeOfTest, IsWhatTheFormatHolds) {
  ExpectRange(kInteger84, -8, 7.9375);
  ExpectRange(graph::IntegerFormat{.width = 8, .frac_width = 4, .is_signed = false}, 0, 15.9375);
  ExpectRange(graph::IntegerFormat{.width = 4, .frac_width = -2}, -32, 28);
  ExpectRange(graph::BinaryFormat{}, -1, 1);
  ExpectRange(graph::TernaryFormat{}, -1, 1);
  ExpectRange(graph::MinifloatFormat{.width = 8, .exponent_width = 4, .exponent_bias = 7}, -480,
              480);
  ExpectRange(graph::MinifloatFormat{.kind = graph::MinifloatFormat::Kind::kDenorm,
                                     .width = 8,
                                     .exponent_width = 4,
                                     .exponent_bias = 7},
              -224, 224);
  ExpectRange(graph::LogFormat{.width = 4, .exponent_bias = 3}, -16, 16);
  ExpectRange(graph::BlockFpFormat{.width = 3, .exponent_width = 3, .exponent_bias = 3}, -12, 12);
}

TEST(RangeOfTest, IsNothingWhereTheTensorSetsTheScale) {
  EXPECT_EQ(RangeOf(graph::ScaleIntegerFormat{}), std::nullopt);
  EXPECT_EQ(RangeOf(graph::MxintFormat{}), std::nullopt);
  EXPECT_EQ(RangeOf(graph::MxfpFormat{}), std::nullopt);
  EXPECT_EQ(RangeOf(graph::BinaryFormat{.bipolar = false}), std::nullopt);
  EXPECT_EQ(RangeOf(graph::TernaryFormat{.scaling_factor = true}), std::nullopt);
}

TEST(StepTest, IsTheGridsWhereThereIsOne) {
  EXPECT_EQ(Step(kInteger84), 0.0625);
  EXPECT_EQ(Step(graph::IntegerFormat{.frac_width = -1}), 2);
  EXPECT_EQ(Step(graph::BinaryFormat{}), 2);
  EXPECT_EQ(Step(graph::TernaryFormat{}), 1);
  EXPECT_EQ(Step(graph::MinifloatFormat{}), 0);
  EXPECT_EQ(Step(graph::MxintFormat{}), 0);
}

TEST(VerifyQuantizationTest, ShowsTheReportsValues) {
  Network network = SampleNetwork("jsc-tiny");
  TensorOf(network, "seq_blocks.2.bias") = {-0.0223F, 0.0642F, 0.0230F, 0.0888F, -0.0599F};
  const QuantizationReport report = Verify(WithIntegers(network, 8, 4));
  ASSERT_THAT(report.tensors, SizeIs(2));
  const QuantizedTensor& bias = report.tensors[1];
  EXPECT_EQ(bias.node, "seq_blocks_2");
  EXPECT_EQ(bias.tensor, "bias");
  EXPECT_EQ(bias.format, "integer (8, 4)");
  EXPECT_EQ(bias.width, 8);
  EXPECT_EQ(bias.step, 0.0625);
  EXPECT_THAT(bias.original, ElementsAre(-0.0223F, 0.0642F, 0.0230F, 0.0888F, -0.0599F));
  EXPECT_THAT(bias.quantized, ElementsAre(-0.0F, 0.0625F, 0.0F, 0.0625F, -0.0625F));
  EXPECT_TRUE(std::signbit(bias.quantized[0]));
  EXPECT_EQ(bias.error.flushed_to_zero, 2);
  EXPECT_EQ(bias.error.distinct, 3);
}

TEST(VerifyQuantizationTest, OutputsAreMultiplesOfTheProductOfBothSteps) {
  for (const char* model : {"jsc-tiny", "jsc-rs1923", "jsc-s"}) {
    const QuantizationReport report =
        Verify(WithIntegers(SampleNetwork(model), 8, 4), {.input = {}, .show = 4096});
    EXPECT_FALSE(report.outputs.empty());
    for (const QuantizedOutput& output : report.outputs) {
      EXPECT_NE(output.original, output.quantized) << output.node;
      for (const float value : output.quantized) {
        EXPECT_EQ(value * 256, std::nearbyint(value * 256)) << output.node;
      }
    }
  }
}

TEST(VerifyQuantizationTest, NamesBothTypes) {
  const QuantizationReport report = Verify(WithIntegers(SampleNetwork("jsc-tiny"), 8, 4));
  ASSERT_THAT(report.outputs, SizeIs(1));
  EXPECT_EQ(report.outputs[0].original_type, "Linear");
  EXPECT_EQ(report.outputs[0].quantized_type, "LinearInteger");
}

TEST(VerifyQuantizationTest, AGivenInputGoesToNodesOfItsSize) {
  spec::VerifyQuantizationPass pass;
  pass.input.assign(16, 0.25);
  const QuantizationReport report = Verify(WithIntegers(SampleNetwork("jsc-s"), 8, 4), pass);
  ASSERT_THAT(report.outputs, SizeIs(5));
  EXPECT_EQ(report.outputs[0].input, Values(16, 0.25F));
  EXPECT_THAT(report.outputs[1].input, SizeIs(32));
  EXPECT_NE(report.outputs[1].input, report.outputs[2].input);
}

TEST(VerifyQuantizationTest, RefusesAnInputThatFitsNoNode) {
  spec::VerifyQuantizationPass pass;
  pass.input.assign(7, 0.25);
  EXPECT_THAT(VerifyQuantization(pass, WithIntegers(SampleNetwork("jsc-tiny"), 8, 4), 3,
                                 ReferenceRunners(), nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("input: 7 numbers are no input of a quantized node")));
}

TEST(VerifyQuantizationTest, RandomInputsAreAFunctionOfTheSeed) {
  const Network network = WithIntegers(SampleNetwork("jsc-tiny"), 8, 4);
  EXPECT_EQ(Verify(network, {}, 3).outputs[0].input, Verify(network, {}, 3).outputs[0].input);
  EXPECT_NE(Verify(network, {}, 3).outputs[0].input, Verify(network, {}, 4).outputs[0].input);
}

TEST(VerifyQuantizationTest, OutputInFullPrecisionIsTheFloatLayers) {
  Network network = SampleNetwork("jsc-tiny");
  spec::VerifyQuantizationPass pass;
  pass.input.assign(16, 0);
  pass.input[3] = 2;
  const QuantizationReport report = Verify(WithIntegers(network, 8, 4), pass);
  const Values& weight = TensorOf(network, "seq_blocks.2.weight");
  const Values& bias = TensorOf(network, "seq_blocks.2.bias");
  for (std::size_t out = 0; out < 5; ++out) {
    EXPECT_FLOAT_EQ(report.outputs[0].original[out], 2 * weight[16 * out + 3] + bias[out]);
  }
}

TEST(VerifyQuantizationTest, ShowCutsTheListsAndNotTheMeasures) {
  const QuantizationReport report =
      Verify(WithIntegers(SampleNetwork("jsc-tiny"), 8, 4), {.input = {}, .show = 2});
  EXPECT_THAT(report.tensors[0].original, SizeIs(2));
  EXPECT_THAT(report.tensors[0].quantized, SizeIs(2));
  EXPECT_EQ(report.tensors[0].error.elements, 80);
  EXPECT_THAT(report.outputs[0].input, SizeIs(2));
  EXPECT_THAT(report.outputs[0].quantized, SizeIs(2));
}

TEST(VerifyQuantizationTest, FloatAndBypassedNodesAreLeftOut) {
  EXPECT_THAT(Verify(SampleNetwork("jsc-tiny")).outputs, IsEmpty());
  const Network network = WithIntegers(SampleNetwork("jsc-tiny"), 8, 4);
  std::vector<graph::Node> nodes = network.graph.nodes();
  for (graph::Node& node : nodes) {
    if (node.quantization) node.quantization->bypass = true;
  }
  const Network bypassed{bitsweep::testing::Rebuild(network.graph, nodes), network.tensors};
  EXPECT_THAT(Verify(bypassed).tensors, IsEmpty());
  EXPECT_THAT(Verify(bypassed).outputs, IsEmpty());
}

TEST(VerifyQuantizationTest, StopsWhenAsked) {
  EXPECT_THAT(VerifyQuantization({}, WithIntegers(SampleNetwork("jsc-tiny"), 8, 4), 1,
                                 ReferenceRunners(), [] { return true; }),
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace bitsweep::passes
