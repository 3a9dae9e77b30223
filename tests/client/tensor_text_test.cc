// SPDX-License-Identifier: Apache-2.0
// Tensors as PyTorch prints them. The expected texts are those of the lab report, or laid out by
// hand after PyTorch's rules.
#include "client/output/tensor_text.h"

#include "gtest/gtest.h"

namespace bitsweep::client {
namespace {

// The quantized weight of the report's jsc-rs1923: its edges, zeros between them.
std::vector<double> ReportWeight() {
  const double edges[5][6] = {{0.0625, -0.0625, 0.0, 0.0, -0.125, 0.0625},
                              {-0.0, 0.0, 0.0, 0.0625, 0.0625, 0.0625},
                              {0.125, 0.0625, -0.0625, 0.0, 0.0625, 0.125},
                              {0.0, 0.0625, -0.0, 0.0625, 0.0625, -0.0625},
                              {0.0, -0.0625, 0.0625, 0.0625, -0.0, -0.0}};
  std::vector<double> values(5 * 256, 0.0);
  for (std::size_t row = 0; row < 5; ++row) {
    for (std::size_t i = 0; i < 3; ++i) {
      values[row * 256 + i] = edges[row][i];
      values[row * 256 + 253 + i] = edges[row][3 + i];
    }
  }
  return values;
}

TEST(TensorTextTest, PrintsTheReportsWeight) {
  EXPECT_EQ(TensorText(ReportWeight(), {5, 256}),
            "tensor([[ 0.0625, -0.0625,  0.0000,  ...,  0.0000, -0.1250,  0.0625],\n"
            "        [-0.0000,  0.0000,  0.0000,  ...,  0.0625,  0.0625,  0.0625],\n"
            "        [ 0.1250,  0.0625, -0.0625,  ...,  0.0000,  0.0625,  0.1250],\n"
            "        [ 0.0000,  0.0625, -0.0000,  ...,  0.0625,  0.0625, -0.0625],\n"
            "        [ 0.0000, -0.0625,  0.0625,  ...,  0.0625, -0.0000, -0.0000]])");
}

TEST(TensorTextTest, PrintsTheReportsBias) {
  EXPECT_EQ(TensorText({-0.0223, 0.0642, 0.0230, 0.0888, -0.0599}, {5}),
            "tensor([-0.0223,  0.0642,  0.0230,  0.0888, -0.0599])");
}

TEST(TensorTextTest, ShowsTheLeadingValuesOfAPart) {
  std::vector<double> leading = ReportWeight();
  leading.resize(32);
  EXPECT_EQ(TensorText(leading, {5, 256}),
            "tensor([[ 0.0625, -0.0625,  0.0000,  ...],\n        ...])");
}

TEST(TensorTextTest, EndsAPartWhereItsValuesEnd) {
  EXPECT_EQ(TensorText({1, 2, 3, 4, 5}, {3, 4}),
            "tensor([[1.0000, 2.0000, 3.0000, 4.0000],\n"
            "        [5.0000,  ...],\n"
            "        ...])");
}

TEST(TensorTextTest, BreaksLinesAt80Columns) {
  // 7 columns for "tensor(", 9 for each value: 8 values a line.
  std::vector<double> values(10, 0.5);
  values[9] = -0.5;
  EXPECT_EQ(TensorText(values, {10}),
            "tensor([ 0.5000,  0.5000,  0.5000,  0.5000,  0.5000,  0.5000,  0.5000,  0.5000,\n"
            "         0.5000, -0.5000])");
}

TEST(TensorTextTest, SetsMatricesApart) {
  EXPECT_EQ(TensorText({1, 2, 3, 4}, {2, 1, 2}),
            "tensor([[[1.0000, 2.0000]],\n\n        [[3.0000, 4.0000]]])");
}

TEST(TensorTextTest, PrintsNumbersAndNothing) {
  EXPECT_EQ(TensorText({-0.25}, {}), "tensor(-0.2500)");
  EXPECT_EQ(TensorText({}, {0}), "tensor([])");
  EXPECT_EQ(TensorText({}, {3}), "tensor([ ...])");
}

}  // namespace
}  // namespace bitsweep::client
