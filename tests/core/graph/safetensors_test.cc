// SPDX-License-Identifier: Apache-2.0
#include "core/graph/safetensors.h"

#include <cstring>
#include <limits>

#include "core/graph/graph_json.h"
#include "tests/core/graph/nodes.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::graph {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// x [2] -> norm -> fc [1]: 6 float tensors and num_batches_tracked.
Graph Small() {
  return Graph::Create("small", {Input({2}), Module("norm", BatchNorm1d{2}, "x"),
                                 Module("fc", Linear{2, 1, true}, "norm"), Output("fc")})
      .value();
}

std::string File(const std::string& header, const std::string& data) {
  const std::uint64_t size = header.size();
  std::string bytes(reinterpret_cast<const char*>(&size), sizeof size);
  return bytes + header + data;
}

template <typename T>
std::string Raw(std::initializer_list<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), std::data(values), bytes.size());
  return bytes;
}

// Tensors behind one another.
class Builder {
 public:
  Builder& Add(const std::string& name, const std::string& dtype, const std::string& shape,
               const std::string& bytes) {
    header_ += (header_.empty() ? "" : ",") + ("\"" + name + "\":{\"dtype\":\"" + dtype) +
               "\",\"shape\":" + shape + ",\"data_offsets\":[" + std::to_string(data_.size()) +
               "," + std::to_string(data_.size() + bytes.size()) + "]}";
    data_ += bytes;
    return *this;
  }
  std::string Done() const { return File("{" + header_ + "}", data_); }

 private:
  std::string header_;
  std::string data_;
};

Builder SmallTensors(const std::string& prefix) {
  Builder builder;
  builder.Add(prefix + "norm.weight", "F32", "[2]", Raw({1.0F, 2.0F}))
      .Add(prefix + "norm.bias", "F32", "[2]", Raw({3.0F, 4.0F}))
      .Add(prefix + "norm.running_mean", "F32", "[2]", Raw({5.0F, 6.0F}))
      .Add(prefix + "norm.running_var", "F32", "[2]", Raw({7.0F, 8.0F}))
      .Add(prefix + "fc.weight", "F32", "[1,2]", Raw({9.0F, 10.0F}));
  return builder;
}
std::string Whole(const std::string& prefix) {
  return SmallTensors(prefix)
      .Add(prefix + "norm.num_batches_tracked", "I64", "[]", Raw<std::int64_t>({11}))
      .Add(prefix + "fc.bias", "F32", "[1]", Raw({12.0F}))
      .Done();
}

void ExpectFileRefused(const std::string& bytes, const std::string& why) {
  EXPECT_THAT(TensorsFromSafetensors(Small(), bytes),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
}

TEST(SafetensorsTest, ReadsTensorsInTheGraphsOrder) {
  ASSERT_OK_AND_ASSIGN(const std::vector<TensorValue> tensors,
                       TensorsFromSafetensors(Small(), Whole("")));
  ASSERT_THAT(tensors, SizeIs(7));
  EXPECT_EQ(tensors[0].name, "norm.weight");
  EXPECT_THAT(tensors[0].f32, ElementsAre(1, 2));
  EXPECT_THAT(tensors[3].f32, ElementsAre(7, 8));
  EXPECT_EQ(tensors[4].name, "norm.num_batches_tracked");
  EXPECT_THAT(tensors[4].i64, ElementsAre(11));
  EXPECT_THAT(tensors[5].f32, ElementsAre(9, 10));
  EXPECT_THAT(tensors[6].f32, ElementsAre(12));
}

TEST(SafetensorsTest, LeavesACommonPrefixAway) {
  for (const char* prefix : {"model.", "module.", "a.b."}) {
    ASSERT_OK_AND_ASSIGN(const std::vector<TensorValue> tensors,
                         TensorsFromSafetensors(Small(), Whole(prefix)));
    EXPECT_EQ(tensors[0].name, "norm.weight");
  }
}

TEST(SafetensorsTest, KeepsAPrefixThatIsTheGraphsOwn) {
  Node fc = Module("fc", Linear{1, 1, false}, "x");
  fc.target = "seq.fc";
  const Graph graph = Graph::Create("g", {Input({1}), fc, Output("fc")}).value();
  const std::string bytes = Builder().Add("seq.fc.weight", "F32", "[1,1]", Raw({1.5F})).Done();
  ASSERT_OK_AND_ASSIGN(const std::vector<TensorValue> tensors,
                       TensorsFromSafetensors(graph, bytes));
  EXPECT_EQ(tensors[0].name, "seq.fc.weight");
}

TEST(SafetensorsTest, CountsNoBatchesWhereNoneAreGiven) {
  ASSERT_OK_AND_ASSIGN(
      const std::vector<TensorValue> tensors,
      TensorsFromSafetensors(Small(),
                             SmallTensors("").Add("fc.bias", "F32", "[1]", Raw({12.0F})).Done()));
  EXPECT_THAT(tensors[4].i64, ElementsAre(0));
}

TEST(SafetensorsTest, ConvertsEveryFloatType) {
  const Graph graph =
      Graph::Create("g", {Input({4}), Module("fc", Linear{4, 1, false}, "x"), Output("fc")})
          .value();
  const auto read = [&](const std::string& dtype, const std::string& data) {
    return TensorsFromSafetensors(graph, Builder().Add("fc.weight", dtype, "[1,4]", data).Done())
        .value()[0]
        .f32;
  };
  EXPECT_THAT(read("F64", Raw({0.5, -2.0, 1.0 / 3, std::numeric_limits<double>::infinity()})),
              ElementsAre(0.5F, -2.0F, 1.0F / 3, std::numeric_limits<float>::infinity()));
  // 1.5, -2, the smallest subnormal 2^-24, the largest 65504.
  EXPECT_THAT(read("F16", Raw<std::uint16_t>({0x3e00, 0xc000, 0x0001, 0x7bff})),
              ElementsAre(1.5F, -2.0F, 5.9604644775390625e-08F, 65504.0F));
  EXPECT_THAT(read("F16", Raw<std::uint16_t>({0x7c00, 0xfc00, 0x0000, 0x0400})),
              ElementsAre(std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity(), 0.0F, 6.103515625e-05F));
  EXPECT_THAT(read("BF16", Raw<std::uint16_t>({0x3f80, 0xc040, 0x0000, 0x7f80})),
              ElementsAre(1.0F, -3.0F, 0.0F, std::numeric_limits<float>::infinity()));
}

TEST(SafetensorsTest, RefusesAFiniteNumberThatFloatDoesNotHold) {
  const Graph graph =
      Graph::Create("g", {Input({2}), Module("fc", Linear{2, 1, false}, "x"), Output("fc")})
          .value();
  const std::string bytes = Builder().Add("fc.weight", "F64", "[1,2]", Raw({0.5, -1e300})).Done();
  EXPECT_THAT(TensorsFromSafetensors(graph, bytes),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("\"fc.weight\"[1] is -1e+300: float32 ends at 3.4e38")));
}

TEST(SafetensorsTest, SkipsMetadataAndTakesPadding) {
  const Graph graph =
      Graph::Create("g", {Input({1}), Module("fc", Linear{1, 1, false}, "x"), Output("fc")})
          .value();
  EXPECT_THAT(TensorsFromSafetensors(
                  graph, File(R"({"__metadata__":{"format":"pt"},"fc.weight":{"dtype":"F32",)"
                              R"("shape":[1,1],"data_offsets":[0,4]}}   )",
                              Raw({1.0F}))),
              IsOk());
}

TEST(SafetensorsTest, WritesWhatItReads) {
  const Graph graph = Small();
  ASSERT_OK_AND_ASSIGN(const std::vector<TensorValue> tensors,
                       TensorsFromSafetensors(graph, Whole("")));
  const std::string bytes =
      ToSafetensors({.graph = graph, .tensors = tensors, .metadata = {{"trial", "t"}}});
  EXPECT_EQ(TensorsFromSafetensors(graph, bytes).value(), tensors);
  EXPECT_EQ(bytes, ToSafetensors({.graph = graph, .tensors = tensors, .metadata = {}}));
  ASSERT_OK_AND_ASSIGN(const SafetensorsHeader header, ReadSafetensorsHeader(bytes));
  EXPECT_EQ(header.metadata.at("format"), "pt");
  EXPECT_EQ(FromJson(header.metadata.at(kSafetensorsGraph)).value(), graph);
  EXPECT_EQ(header.tensors.at("norm.num_batches_tracked").dtype, "I64");
  // The data begin at a multiple of 8, with the wider type.
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
  EXPECT_EQ(header_bytes % 8, 0U);
  EXPECT_EQ(bytes.substr(8 + header_bytes, 8), Raw<std::int64_t>({11}));
}

TEST(SafetensorsTest, ListsEveryProblem) {
  const std::string bytes = SmallTensors("")
                                .Add("fc.bias", "I64", "[1]", Raw<std::int64_t>({1}))
                                .Add("head.weight", "F32", "[1]", Raw({1.0F}))
                                .Done();
  EXPECT_THAT(TensorsFromSafetensors(Small(), bytes),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("\"fc.bias\" is I64, expected F32, F64, F16 or BF16"),
                             HasSubstr("\"head.weight\" is no tensor of graph \"small\""))));
  ExpectFileRefused(Builder().Add("fc.weight", "F32", "[2,1]", Raw({1.0F, 2.0F})).Done(),
                    "\"norm.weight\" is missing; \"norm.bias\" is missing");
  ExpectFileRefused(Builder().Add("fc.weight", "F32", "[2,1]", Raw({1.0F, 2.0F})).Done(),
                    "\"fc.weight\" has shape [2, 1], expected [1, 2]");
}

TEST(SafetensorsTest, RefusesHeadersThatAreNone) {
  ExpectFileRefused("", "0 bytes are no file of this format");
  ExpectFileRefused("1234567", "7 bytes are no file");
  ExpectFileRefused(Raw<std::uint64_t>({5}) + "{}", "a header of 5 bytes in a file of 10");
  ExpectFileRefused(Raw<std::uint64_t>({UINT64_MAX}) + "{}",
                    "a header of 18446744073709551615 bytes");
  ExpectFileRefused(File(std::string((32 << 20) + 1, ' '), ""), "at most 33554432 are accepted");
  ExpectFileRefused(File("[]", ""), "the header is no JSON object");
  ExpectFileRefused(File("{", ""), "the header is no JSON object");
  ExpectFileRefused(File(R"({"a":[[[[[[[[[1]]]]]]]]]})", ""), "nested too deep");
}

TEST(SafetensorsTest, RefusesATensorGivenTwice) {
  ExpectFileRefused(File(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                         R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                         Raw({1.0F})),
                    "\"a\" is given twice");
}

// A file with one tensor "a" of this entry and 8 bytes of data.
void ExpectEntryRefused(const std::string& entry, const std::string& why) {
  ExpectFileRefused(File("{\"a\":" + entry + "}", std::string(8, '\0')), "\"a\": " + why);
}

TEST(SafetensorsTest, RefusesEntriesThatAreNone) {
  ExpectEntryRefused("1", "expected an object");
  ExpectEntryRefused(R"({"dtype":"F32","shape":[2]})", "expected an object of dtype");
  ExpectEntryRefused(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1})",
                     "expected an object of dtype");
  ExpectEntryRefused(R"({"dtype":1,"shape":[2],"data_offsets":[0,8]})", "expected text for dtype");
  ExpectEntryRefused(R"({"dtype":"F7","shape":[2],"data_offsets":[0,8]})", "unknown dtype \"F7\"");
  ExpectEntryRefused(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})", "expected sizes");
  ExpectEntryRefused(R"({"dtype":"F32","shape":[1.5],"data_offsets":[0,8]})", "expected sizes");
}

TEST(SafetensorsTest, RefusesOffsetsThatLeaveTheFile) {
  ExpectEntryRefused(R"({"dtype":"F32","shape":[3],"data_offsets":[0,12]})", "data_offsets [0,12]");
  ExpectEntryRefused(R"({"dtype":"F32","shape":[1],"data_offsets":[8,4]})", "data_offsets [8,4]");
  ExpectEntryRefused(R"({"dtype":"F32","shape":[1],"data_offsets":[-4,0]})", "data_offsets [-4,0]");
  ExpectEntryRefused(R"({"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]})",
                     "data_offsets [0,18446744073709551615]");
}

TEST(SafetensorsTest, RefusesSizesThatAreNotTheShapes) {
  ExpectEntryRefused(R"({"dtype":"F32","shape":[1],"data_offsets":[0,8]})", "8 bytes, but F32 [1]");
  ExpectEntryRefused(
      R"({"dtype":"F32","shape":[4611686018427387904,4611686018427387904],"data_offsets":[0,8]})",
      "8 bytes, but F32");
}

TEST(SafetensorsTest, RefusesOverlapsAndGaps) {
  const auto two = [](const std::string& first, const std::string& second) {
    return File(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + first +
                    R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + second + "}}",
                std::string(12, '\0'));
  };
  ExpectFileRefused(two("[0,4]", "[2,6]"),
                    "\"b\" begins at byte 2, the tensor before it ends at 4");
  ExpectFileRefused(two("[0,4]", "[8,12]"),
                    "\"b\" begins at byte 8, the tensor before it ends at 4");
  ExpectFileRefused(two("[4,8]", "[8,12]"), "\"a\" begins at byte 4");
  ExpectFileRefused(two("[4,8]", "[0,4]"), "4 bytes after the last tensor");
}

}  // namespace
}  // namespace bitsweep::graph
