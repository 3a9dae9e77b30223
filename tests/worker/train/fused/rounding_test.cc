// SPDX-License-Identifier: Apache-2.0
// Integer formats in the fused engine: the bits of worker/quant, straight through for gradients.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "gtest/gtest.h"
#include "hwy/aligned_allocator.h"
#include "tests/worker/train/fused/reference.h"
#include "tests/worker/train/fused/small_graphs.h"
#include "worker/quant/quantize.h"
#include "worker/train/fused/compile.h"
#include "worker/train/fused/fused_engine.h"
#include "worker/train/fused/kernels.h"

namespace bitsweep::train::fused {
namespace {

std::vector<graph::IntegerFormat> Formats() {
  std::vector<graph::IntegerFormat> formats;
  for (const std::int64_t width : {1, 2, 4, 8, 16, 24, 25, 32}) {
    for (const std::int64_t frac : {-3, 0, 1, 4, 8, 20, 32}) {
      for (const bool is_signed : {true, false}) {
        for (const auto rounding : {graph::Rounding::kNearestEven, graph::Rounding::kFloor}) {
          formats.push_back({width, frac, is_signed, rounding});
        }
      }
    }
  }
  return formats;
}

std::vector<float> Values() {
  std::vector<float> values = {0.0F,
                               -0.0F,
                               0.5F,
                               -0.5F,
                               1.5F,
                               2.5F,
                               -2.5F,
                               0.03125F,
                               -0.03125F,
                               0.09375F,
                               8388608.0F,
                               -8388609.0F,
                               4194304.5F,
                               1e30F,
                               -1e30F,
                               1e-40F,
                               -1e-40F,
                               std::numeric_limits<float>::infinity(),
                               -std::numeric_limits<float>::infinity(),
                               std::numeric_limits<float>::quiet_NaN()};
  Random random(3, RandomStream::kSynthetic);
  while (values.size() < 4000) {  // any bits; and small ones near the grids
    values.push_back(std::bit_cast<float>(random.NextUint32()));
    values.push_back(std::ldexp(static_cast<float>(random.NextBelow(4096)) - 2048.0F, -9));
  }
  return values;
}

TEST(FusedRoundingTest, ActivationsHaveTheBitsOfTheQuantizer) {
  const std::vector<float> x = Values();
  for (const graph::IntegerFormat& format : Formats()) {
    const graph::Graph graph =
        Network({1}, {{"r",
                       graph::Relu{},
                       {"x"},
                       graph::NodeQuantization{.format = "integer", .data_in = format}},
                      {"a", Fc(1, 2), {"r"}}});
    const Program program = Compile(graph).value();
    ASSERT_EQ(program.ops.front().kind, OpKind::kRound);
    const std::size_t stride = (x.size() + kLanes - 1) / kLanes * kLanes;
    const auto memory = hwy::AllocateAligned<float>(stride * (program.activation_rows + 2) + 64);
    std::fill(memory.get(), memory.get() + stride * (program.activation_rows + 2) + 64, 0.0F);
    std::vector<std::int32_t> y(x.size(), 0);
    const Buffers buffers{
        .activations = memory.get(),
        .stride = stride,
        .parameters = memory.get() + stride * (program.activation_rows + 2),
        .labels = reinterpret_cast<std::int32_t*>(memory.get() + stride * program.activation_rows),
        .losses = memory.get() + stride * (program.activation_rows + 1)};
    EvaluateTile(program, buffers,
                 {.x = x.data(), .y = y.data(), .features = 1, .count = x.size()});

    std::vector<float> expected(x.size());
    ASSERT_TRUE(
        quant::Quantize(format, {static_cast<std::int64_t>(x.size()), 1}, x, expected, nullptr)
            .ok());
    const float* rounded = memory.get() + stride * program.ops.front().output.first;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (std::isnan(expected[i])) {
        ASSERT_TRUE(std::isnan(rounded[i])) << x[i];
      } else {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(rounded[i]),
                  std::bit_cast<std::uint32_t>(expected[i]))
            << graph::FormatText(format) << " of " << x[i] << ": " << rounded[i] << ", expected "
            << expected[i];
      }
    }
  }
}

TEST(FusedRoundingTest, ParametersHaveTheBitsOfTheQuantizer) {
  const std::vector<float> w = Values();
  const auto count = static_cast<std::int64_t>(w.size());
  for (const graph::IntegerFormat& format : Formats()) {
    const graph::Graph graph = Network({count}, {{"a", Fc(count, 1), {"x"}, Rounded(format)}});
    const Program program = Compile(graph).value();
    std::vector<float> parameters = w;
    parameters.push_back(0);  // the bias
    std::vector<float> rounded(parameters.size());
    RoundParameters(program, {.parameters = parameters.data(), .rounded = rounded.data()});
    std::vector<float> expected(w.size());
    ASSERT_TRUE(quant::Quantize(format, {1, count}, w, expected, nullptr).ok());
    for (std::size_t i = 0; i < w.size(); ++i) {
      if (!std::isnan(expected[i])) {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(rounded[i]),
                  std::bit_cast<std::uint32_t>(expected[i]))
            << w[i];
      }
    }
  }
}

// A network whose values lie on the grid of its format trains like one that rounds nothing: the
// same loss, and, straight through, the same gradients.
TEST(FusedRoundingTest, GradientsPassStraightThrough) {
  const graph::IntegerFormat fine{.width = 16, .frac_width = 8};
  const std::vector<Line> plain = {
      {"a", Fc(6, 5), {"x"}}, {"r", graph::Relu{}, {"a"}}, {"b", Fc(5, 3), {"r"}}};
  std::vector<Line> rounding = plain;
  rounding[0].quantization = Rounded(fine);
  rounding[2].quantization =
      graph::NodeQuantization{.format = "integer", .weight = fine, .bias = fine};
  const graph::Graph graph = Network({6}, plain);
  const graph::Graph quantized = Network({6}, rounding);
  std::vector<graph::TensorValue> tensors = RandomTensors(graph, 1);
  data::Dataset dataset = RandomRows(graph, 30, 2);
  const auto to_grid = [](float& v) { v = std::nearbyint(v * 256) / 256; };
  for (graph::TensorValue& t : tensors) std::for_each(t.f32.begin(), t.f32.end(), to_grid);
  std::for_each(dataset.train_x.begin(), dataset.train_x.end(), to_grid);

  const spec::Hyperparameters h{.batch_size = 30, .optimizer = spec::Optimizer::kSgd};
  const auto expected = FusedEngine().Start(graph, tensors, h, dataset, 1).value();
  const auto session = FusedEngine().Start(quantized, tensors, h, dataset, 1).value();
  std::vector<StepReport> wanted(1);
  std::vector<StepReport> report(1);
  expected->Steps(InOrder(30), 30, 0.5, wanted);
  session->Steps(InOrder(30), 30, 0.5, report);
  EXPECT_EQ(report[0].loss, wanted[0].loss);
  EXPECT_EQ(session->Tensors(), expected->Tensors());
}

// Where a value saturates its gradient passes all the same.
TEST(FusedRoundingTest, SaturatedWeightsGetTheirGradients) {
  const graph::IntegerFormat narrow{.width = 4, .frac_width = 3};  // up to 0.875
  const graph::Graph graph = Network({3}, {{"a", Fc(3, 2), {"x"}, Rounded(narrow)}});
  std::vector<graph::TensorValue> tensors = RandomTensors(graph, 1);
  tensors[0].f32.assign(6, 5.0F);
  const data::Dataset dataset = RandomRows(graph, 20, 2);
  const auto session =
      FusedEngine()
          .Start(graph, tensors, {.batch_size = 20, .optimizer = spec::Optimizer::kSgd}, dataset, 1)
          .value();
  std::vector<StepReport> report(1);
  session->Steps(InOrder(20), 20, 1.0, report);
  const float without_gradient = 5.0F - 1.9F * 5e-4F * 5.0F;
  const std::vector<graph::TensorValue> stepped = session->Tensors();
  for (const float w : stepped[0].f32) EXPECT_GT(std::abs(w - without_gradient), 1e-4F);
}

}  // namespace
}  // namespace bitsweep::train::fused
