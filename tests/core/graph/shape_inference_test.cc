// SPDX-License-Identifier: Apache-2.0
#include "core/graph/shape_inference.h"

#include <cmath>
#include <limits>

#include "tests/support/status_matchers.h"

namespace bitsweep::graph {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;
using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

void ExpectShape(const Op& op, const std::vector<Shape>& inputs, const Shape& expected) {
  const absl::StatusOr<Shape> shape = InferShape(op, inputs);
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(*shape, expected);
}
void ExpectError(const Op& op, const std::vector<Shape>& inputs, const std::string& why) {
  EXPECT_THAT(InferShape(op, inputs), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
}

TEST(LinearShapeTest, IsItsOutputFeatures) { ExpectShape(Linear{16, 5}, {{16}}, {5}); }

TEST(LinearShapeTest, WantsARowOfItsInputFeatures) {
  ExpectError(Linear{16, 5}, {{15}}, "input has shape [15], expected [16]");
  ExpectError(Linear{16, 5}, {{1, 16}}, "input has shape [1, 16], expected [16]");
}

TEST(LinearShapeTest, WantsPositiveSizes) {
  ExpectError(Linear{0, 5}, {{16}}, "in_features is 0");
  ExpectError(Linear{16, -1}, {{16}}, "out_features is -1");
  ExpectError(Linear{16, std::int64_t{1} << 40}, {{16}}, "out_features is 1099511627776");
}

// Output length (L + 2 padding - kernel) / stride + 1, rounded down: by hand.
TEST(Conv1dShapeTest, FollowsTheFormula) {
  ExpectShape(Conv1d{1, 8, 3, 1, 1}, {{1, 16}}, {8, 16});
  ExpectShape(Conv1d{1, 8, 3, 1, 0}, {{1, 16}}, {8, 14});
  ExpectShape(Conv1d{2, 4, 3, 2, 1}, {{2, 8}}, {4, 4});
  ExpectShape(Conv1d{2, 4, 5, 3, 0}, {{2, 9}}, {4, 2});
  ExpectShape(Conv1d{2, 4, 9, 1, 0}, {{2, 9}}, {4, 1});
  ExpectShape(Conv1d{2, 4, 1, 100, 0}, {{2, 9}}, {4, 1});
}

TEST(Conv1dShapeTest, WantsChannelsAndALength) {
  ExpectError(Conv1d{2, 4, 3}, {{16}}, "input has shape [16], expected [2, length]");
  ExpectError(Conv1d{2, 4, 3}, {{3, 16}}, "input has shape [3, 16], expected [2, length]");
  ExpectError(Conv1d{2, 4, 3}, {{2, 4, 4}}, "input has shape [2, 4, 4]");
}

TEST(Conv1dShapeTest, WantsAKernelThatFits) {
  ExpectShape(Conv1d{1, 1, 5, 1, 1}, {{1, 3}}, {1, 1});
  ExpectError(Conv1d{1, 1, 6, 1, 1}, {{1, 3}}, "kernel_size 6 is longer than the padded input, 5");
}

TEST(Conv1dShapeTest, WantsPositiveSizes) {
  ExpectError(Conv1d{0, 1, 1}, {{1, 3}}, "in_channels is 0");
  ExpectError(Conv1d{1, 0, 1}, {{1, 3}}, "out_channels is 0");
  ExpectError(Conv1d{1, 1, 0}, {{1, 3}}, "kernel_size is 0");
  ExpectError(Conv1d{1, 1, 1, 0}, {{1, 3}}, "stride is 0");
  ExpectError(Conv1d{1, 1, 1, 1, -1}, {{1, 3}}, "padding is -1");
  ExpectError(Conv1d{1, 1, 1, 1, std::int64_t{1} << 60}, {{1, 3}}, "padding is");
}

TEST(BatchNorm1dShapeTest, KeepsRowsAndChannels) {
  ExpectShape(BatchNorm1d{16}, {{16}}, {16});
  ExpectShape(BatchNorm1d{4}, {{4, 10}}, {4, 10});
}

TEST(BatchNorm1dShapeTest, WantsItsFeaturesFirst) {
  ExpectError(BatchNorm1d{16}, {{10}}, "input has shape [10], expected [16] or [16, length]");
  ExpectError(BatchNorm1d{10}, {{4, 10}}, "input has shape [4, 10]");
  ExpectError(BatchNorm1d{4}, {{4, 2, 2}}, "input has shape [4, 2, 2]");
  ExpectError(BatchNorm1d{0}, {{4}}, "num_features is 0");
}

TEST(BatchNorm1dShapeTest, WantsAnEpsAboveZero) {
  for (const double eps : {0.0, -1e-5, kNan, kInf}) {
    ExpectError(BatchNorm1d{4, eps, 0.1}, {{4}}, "eps is");
  }
}

TEST(BatchNorm1dShapeTest, WantsAMomentumFromZeroToOne) {
  ExpectShape(BatchNorm1d{4, 1e-5, 0}, {{4}}, {4});
  ExpectShape(BatchNorm1d{4, 1e-5, 1}, {{4}}, {4});
  for (const double momentum : {-0.1, 1.1, kNan, kInf}) {
    ExpectError(BatchNorm1d{4, 1e-5, momentum}, {{4}}, "momentum is");
  }
}

TEST(ActivationShapeTest, IsTheInputs) {
  for (const Op& op : {Op(Relu{}), Op(Relu{true}), Op(Sigmoid{}), Op(Dropout{0.5}), Op(NoOp{})}) {
    ExpectShape(op, {{4, 10}}, {4, 10});
  }
}

TEST(AddShapeTest, WantsEqualShapes) {
  ExpectShape(Add{}, {{4, 10}, {4, 10}}, {4, 10});
  ExpectError(Add{}, {{4, 10}, {10, 4}},
              "inputs have shapes [4, 10] and [10, 4], expected equal ones");
  ExpectError(Add{}, {{4}, {1, 4}}, "expected equal ones");
}

TEST(ViewShapeTest, KeepsTheBatchAndTheElements) {
  ExpectShape(View{{-1, 256}}, {{16, 16}}, {256});
  ExpectShape(View{{-1, 2, 8}}, {{16}}, {2, 8});
  ExpectShape(View{{-1, 1, 1, 1, 1, 1, 1, 4}}, {{4}}, {1, 1, 1, 1, 1, 1, 4});
}

TEST(ViewShapeTest, WantsTheBatchToBeMinusOne) {
  for (const Shape& shape : {Shape{}, Shape{-1}, Shape{16}, Shape{8, 16}, Shape{16, -1}}) {
    ExpectError(View{shape}, {{16}}, "expected -1 for the batch and then 1 to 7 sizes");
  }
  ExpectError(View{{-1, 1, 1, 1, 1, 1, 1, 1, 16}}, {{16}}, "1 to 7 sizes");
}

TEST(ViewShapeTest, WantsPositiveSizesAndAsManyElements) {
  ExpectError(View{{-1, -1}}, {{16}}, "a size of the view is -1");
  ExpectError(View{{-1, 0}}, {{16}}, "a size of the view is 0");
  ExpectError(View{{-1, 15}}, {{16}},
              "view [-1, 15] has 15 elements a sample, the input [16] has 16");
  const std::int64_t big = 1 << 28;
  ExpectError(View{{-1, big, big, big, big, big, big, big}}, {{16}}, "the input [16] has 16");
}

TEST(FlattenShapeTest, JoinsFromStartToEnd) {
  ExpectShape(Flatten{1}, {{4, 10, 2}}, {80});
  ExpectShape(Flatten{2}, {{4, 10, 2}}, {4, 20});
  ExpectShape(Flatten{3}, {{4, 10, 2}}, {4, 10, 2});
  ExpectShape(Flatten{1}, {{7}}, {7});
}

TEST(FlattenShapeTest, WantsADimensionOfTheSample) {
  ExpectError(Flatten{0}, {{4, 10}}, "start_dim is 0: expected 1 to 2");
  ExpectError(Flatten{3}, {{4, 10}}, "start_dim is 3: expected 1 to 2");
  ExpectError(Flatten{-1}, {{4, 10}}, "start_dim is -1");
}

TEST(DropoutShapeTest, WantsAProbabilityBelowOne) {
  ExpectShape(Dropout{0}, {{7}}, {7});
  for (const double p : {-0.1, 1.0, 1.5, kNan}) {
    ExpectError(Dropout{p}, {{7}}, "p is");
  }
}

TEST(OpTest, NamesEachOp) {
  EXPECT_EQ(OpName(NoOp{}), "none");
  EXPECT_EQ(OpName(Linear{}), "linear");
  EXPECT_EQ(OpName(Conv1d{}), "conv1d");
  EXPECT_EQ(OpName(BatchNorm1d{}), "batch_norm1d");
  EXPECT_EQ(OpName(Relu{}), "relu");
  EXPECT_EQ(OpName(Sigmoid{}), "sigmoid");
  EXPECT_EQ(OpName(Add{}), "add");
  EXPECT_EQ(OpName(View{}), "view");
  EXPECT_EQ(OpName(Flatten{}), "flatten");
  EXPECT_EQ(OpName(Dropout{}), "dropout");
}

TEST(OpTest, OnlyAddTakesTwoInputs) {
  EXPECT_EQ(InputCount(Add{}), 2);
  EXPECT_EQ(InputCount(Linear{}), 1);
  EXPECT_EQ(InputCount(NoOp{}), 1);
}

}  // namespace
}  // namespace bitsweep::graph
