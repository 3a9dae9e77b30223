// SPDX-License-Identifier: Apache-2.0
#include "core/graph/checkpoint.h"

#include <cstring>
#include <limits>
#include <utility>

#include "core/base/sha256.h"
#include "core/graph/graph_json.h"
#include "core/graph/zoo.h"
#include "nlohmann/json.hpp"
#include "tests/core/graph/nodes.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::graph {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

// Distinct values in every tensor.
Checkpoint Filled(Graph graph) {
  Checkpoint checkpoint{std::move(graph), {}, {{"epoch", "3"}, {"val_acc", "0.5"}}};
  float next = 0.25F;
  for (const TensorInfo& info : checkpoint.graph.tensors()) {
    TensorValue value{.name = info.name};
    for (std::int64_t i = 0; i < ElementCount(info.shape); ++i) {
      if (info.is_int64) {
        value.i64.push_back(-1234567890123);
      } else {
        value.f32.push_back(next);
        next += 0.5F;
      }
    }
    checkpoint.tensors.push_back(std::move(value));
  }
  return checkpoint;
}

Graph Model(std::string_view name) { return BuildModel(name, {}).value(); }

// A checkpoint written here, byte by byte, with a right digest.
std::string Write(const Json& header, std::size_t data_bytes, std::uint32_t version = 1) {
  const std::string text = header.dump();
  std::string bytes = "BSCK";
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(version >> (8 * i));
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(std::uint64_t{text.size()} >> (8 * i));
  bytes += text;
  while (bytes.size() % 64 != 0) bytes += '\0';
  bytes.append(data_bytes, '\0');
  return bytes;
}
std::string Signed(std::string bytes) {
  Sha256 sha;
  sha.Update(bytes);
  for (const std::uint8_t byte : sha.Finish()) bytes += static_cast<char>(byte);
  return bytes;
}

// The header of Linear(2, 1): weight of 2 and bias of 1.
Json SmallHeader() {
  const Graph graph =
      Graph::Create("g", {Input({2}), Module("fc", Linear{2, 1}, "x"), Output("fc")}).value();
  return {
      {"graph", Json::parse(ToJson(graph))},
      {"metadata", Json::object()},
      {"tensors",
       {{{"name", "fc.weight"}, {"dtype", "f32"}, {"shape", {1, 2}}, {"offset", 0}, {"bytes", 8}},
        {{"name", "fc.bias"}, {"dtype", "f32"}, {"shape", {1}}, {"offset", 8}, {"bytes", 4}}}}};
}
void ExpectRefused(const std::string& bytes, const std::string& why) {
  EXPECT_THAT(ParseCheckpoint(bytes), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
}

TEST(CheckpointTest, RoundTripsEveryBuiltinModel) {
  for (const std::string_view model : BuiltinModels()) {
    SCOPED_TRACE(model);
    const Checkpoint checkpoint = Filled(Model(model));
    ASSERT_OK_AND_ASSIGN(const Checkpoint read, ParseCheckpoint(SerializeCheckpoint(checkpoint)));
    EXPECT_EQ(read.graph, checkpoint.graph);
    EXPECT_EQ(read.tensors, checkpoint.tensors);
    EXPECT_EQ(read.metadata, checkpoint.metadata);
  }
}

TEST(CheckpointTest, KeepsEveryBitOfTheValues) {
  Checkpoint checkpoint = Filled(Model("jsc-tiny"));
  std::vector<float>& values = checkpoint.tensors[0].f32;
  values[0] = -0.0F;
  values[1] = std::numeric_limits<float>::denorm_min();
  values[2] = std::numeric_limits<float>::infinity();
  values[3] = std::numeric_limits<float>::quiet_NaN();
  ASSERT_OK_AND_ASSIGN(const Checkpoint read, ParseCheckpoint(SerializeCheckpoint(checkpoint)));
  EXPECT_EQ(std::memcmp(read.tensors[0].f32.data(), values.data(), values.size() * 4), 0);
}

TEST(CheckpointTest, IsLaidOutAsDocumented) {
  const Graph graph =
      Graph::Create("g", {Input({2}), Module("fc", Linear{2, 1}, "x"), Output("fc")}).value();
  const Checkpoint checkpoint{graph, {{"fc.weight", {1, -2}, {}}, {"fc.bias", {0.5F}, {}}}, {}};
  std::string expected = Write(SmallHeader(), 0);
  ASSERT_EQ(expected.size() % 64, 0u);
  expected += std::string("\x00\x00\x80\x3f\x00\x00\x00\xc0\x00\x00\x00\x3f", 12);  // 1, -2, 0.5
  EXPECT_EQ(SerializeCheckpoint(checkpoint), Signed(expected));
}

TEST(CheckpointTest, EqualCheckpointsHaveEqualBytes) {
  EXPECT_EQ(SerializeCheckpoint(Filled(Model("jsc-toy"))),
            SerializeCheckpoint(Filled(Model("jsc-toy"))));
}

TEST(CheckpointDamageTest, RefusesEveryShorterFile) {
  const std::string bytes = SerializeCheckpoint(Filled(Model("jsc-tiny")));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    ASSERT_THAT(ParseCheckpoint(bytes.substr(0, length)), Not(IsOk())) << length;
  }
}

TEST(CheckpointDamageTest, RefusesEveryChangedByte) {
  const std::string bytes = SerializeCheckpoint(Filled(Model("jsc-tiny")));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      ASSERT_THAT(ParseCheckpoint(damaged), Not(IsOk())) << at;
    }
  }
}

TEST(CheckpointDamageTest, SaysWhetherItIsDamagedOrNoCheckpoint) {
  std::string bytes = SerializeCheckpoint(Filled(Model("jsc-tiny")));
  EXPECT_THAT(ParseCheckpoint(bytes.substr(0, bytes.size() - 1)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("digest does not match")));
  ExpectRefused("", "not a checkpoint");
  ExpectRefused("PK\x03\x04" + std::string(100, 'x'), "not a checkpoint");
}

TEST(CheckpointDamageTest, RefusesBytesAfterTheDigest) {
  const std::string bytes = SerializeCheckpoint(Filled(Model("jsc-tiny")));
  EXPECT_THAT(ParseCheckpoint(bytes + '\0'), StatusIs(absl::StatusCode::kDataLoss));
}

// From here on the digests are right: what is wrong was written so.

TEST(CheckpointFormatTest, AcceptsWhatThisTestWrites) {
  EXPECT_THAT(ParseCheckpoint(Signed(Write(SmallHeader(), 12))), IsOk());
}

TEST(CheckpointFormatTest, RefusesAnotherVersion) {
  ExpectRefused(Signed(Write(SmallHeader(), 12, 2)), "version 2: this program reads 1");
  ExpectRefused(Signed(Write(SmallHeader(), 12, 0)), "version 0");
}

TEST(CheckpointFormatTest, RefusesAWrongAmountOfData) {
  ExpectRefused(Signed(Write(SmallHeader(), 11)), "the file ends inside tensor fc.bias");
  ExpectRefused(Signed(Write(SmallHeader(), 7)), "the file ends inside tensor fc.weight");
  ExpectRefused(Signed(Write(SmallHeader(), 0)), "the file ends inside tensor fc.weight");
  ExpectRefused(Signed(Write(SmallHeader(), 13)), "1 bytes after the last tensor");
}

TEST(CheckpointFormatTest, RefusesAHeaderLongerThanTheFile) {
  for (const std::uint64_t announced :
       {std::uint64_t{1000}, std::uint64_t{1} << 40, ~std::uint64_t{0}, ~std::uint64_t{0} - 15}) {
    std::string bytes = Write(SmallHeader(), 12);
    std::memcpy(bytes.data() + 8, &announced, 8);
    ExpectRefused(Signed(bytes), "");
  }
}

TEST(CheckpointFormatTest, RefusesAHeaderWhosePaddingIsCutOff) {
  std::string bytes = Write(SmallHeader(), 0);
  bytes.resize(16 + SmallHeader().dump().size());
  ExpectRefused(Signed(bytes), "the file ends before its tensors");
}

TEST(CheckpointFormatTest, RefusesPaddingThatIsNotZero) {
  std::string bytes = Write(SmallHeader(), 12);
  bytes[16 + SmallHeader().dump().size()] = 'x';
  ExpectRefused(Signed(bytes), "padding");
}

TEST(CheckpointFormatTest, RefusesHeadersOfAnotherShape) {
  for (const char* key : {"graph", "metadata", "tensors"}) {
    Json header = SmallHeader();
    header.erase(key);
    ExpectRefused(Signed(Write(header, 12)), "an object of graph, metadata and tensors");
  }
  Json header = SmallHeader();
  header["pickle"] = "x";
  ExpectRefused(Signed(Write(header, 12)), "an object of graph, metadata and tensors");
  ExpectRefused(Signed(Write(Json::array(), 12)), "an object of graph, metadata and tensors");
}

TEST(CheckpointFormatTest, RefusesABadGraph) {
  Json header = SmallHeader();
  header["graph"]["nodes"][1]["op"] = "lstm";
  ExpectRefused(Signed(Write(header, 12)), "node \"fc\": unknown op \"lstm\"");
}

TEST(CheckpointFormatTest, RefusesMetadataThatIsNoText) {
  Json header = SmallHeader();
  header["metadata"] = {{"epoch", 3}};
  ExpectRefused(Signed(Write(header, 12)), "metadata \"epoch\" must be a string");
  header["metadata"] = Json::array();
  ExpectRefused(Signed(Write(header, 12)), "metadata must be an object");
}

TEST(CheckpointFormatTest, RefusesUnknownAndMissingTensors) {
  Json header = SmallHeader();
  header["tensors"].erase(1);
  ExpectRefused(Signed(Write(header, 8)), "1 tensors, the graph has 2");
  header = SmallHeader();
  header["tensors"].push_back(header["tensors"][1]);
  ExpectRefused(Signed(Write(header, 16)), "3 tensors, the graph has 2");
  header["tensors"] = "none";
  ExpectRefused(Signed(Write(header, 16)), "tensors, the graph has 2");
}

TEST(CheckpointFormatTest, RefusesTensorsThatDoNotFitTheGraph) {
  const std::pair<const char*, Json> changes[] = {
      {"name", "fc.bias"}, {"dtype", "i64"}, {"dtype", "f16"}, {"shape", Json::array({2, 1})},
      {"shape", {1, 3}},   {"offset", 4},    {"bytes", 4},     {"bytes", 1ULL << 60},
      {"bytes", "8"},      {"strides", 1}};
  for (const auto& [key, value] : changes) {
    Json header = SmallHeader();
    header["tensors"][0][key] = value;
    ExpectRefused(Signed(Write(header, 12)), "tensor 0 is {");
  }
}

// 1 GiB of weights announced in a file of a few hundred bytes.
TEST(CheckpointFormatTest, AllocatesNothingForAnnouncedSizes) {
  const std::int64_t wide = 1 << 27;
  const Graph graph =
      Graph::Create("g", {Input({wide}), Module("fc", Linear{wide, 1, false}, "x"), Output("fc")})
          .value();
  const Json header = {{"graph", Json::parse(ToJson(graph))},
                       {"metadata", Json::object()},
                       {"tensors", Json::array({{{"name", "fc.weight"},
                                                 {"dtype", "f32"},
                                                 {"shape", {1, wide}},
                                                 {"offset", 0},
                                                 {"bytes", wide * 4}}})}};
  ExpectRefused(Signed(Write(header, 64)), "the file ends inside tensor fc.weight");
}

TEST(CheckpointFormatTest, RefusesHeadersThatNestTooDeep) {
  const std::size_t depth = 200'000;
  const std::string deep = std::string(depth, '[') + std::string(depth, ']');
  std::string text = R"({"graph":)" + deep + R"(,"metadata":{},"tensors":[]})";
  std::string bytes = std::string("BSCK\x01\0\0\0", 8);
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(std::uint64_t{text.size()} >> (8 * i));
  bytes += text;
  while (bytes.size() % 64 != 0) bytes += '\0';
  ExpectRefused(Signed(bytes), "nested too deep");
}

TEST(CheckpointFormatTest, QuotesTheHeaderShort) {
  Json header = SmallHeader();
  header["tensors"][0]["name"] = std::string(1 << 20, 'a');
  const absl::StatusOr<Checkpoint> parsed = ParseCheckpoint(Signed(Write(header, 12)));
  ASSERT_THAT(parsed, Not(IsOk()));
  EXPECT_LT(parsed.status().message().size(), 2000u);
}

}  // namespace
}  // namespace bitsweep::graph
