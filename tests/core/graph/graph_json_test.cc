// SPDX-License-Identifier: Apache-2.0
#include "core/graph/graph_json.h"

#include <fstream>
#include <iterator>
#include <utility>

#include "core/base/random.h"
#include "core/graph/zoo.h"
#include "nlohmann/json.hpp"
#include "tests/core/graph/nodes.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::graph {
namespace {

using ::bitsweep::testing::IsOk;
using ::bitsweep::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

constexpr char kSmall[] =
    R"({"format":"bitsweep.graph","name":"g","nodes":[)"
    R"({"kind":"placeholder","name":"x","shape":[16]},)"
    R"({"attributes":{"bias":true,"in_features":16,"out_features":5},"inputs":["x"],)"
    R"("kind":"call_module","name":"fc","op":"linear","target":"fc"},)"
    R"({"inputs":["fc"],"kind":"output","name":"output"}],"version":1})";

// kSmall with the value at `pointer` replaced, or removed.
std::string With(const std::string& pointer, Json value) {
  Json json = Json::parse(kSmall);
  json[Json::json_pointer(pointer)] = std::move(value);
  return json.dump();
}
std::string Without(const std::string& parent, const std::string& key) {
  Json json = Json::parse(kSmall);
  json[Json::json_pointer(parent)].erase(key);
  return json.dump();
}
void ExpectRefused(const std::string& json, const std::string& where, const std::string& why) {
  EXPECT_THAT(FromJson(json),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr(where), HasSubstr(why))))
      << json;
}

TEST(GraphJsonTest, WritesCanonicalText) {
  ASSERT_OK_AND_ASSIGN(
      const Graph graph,
      Graph::Create("g", {Input({16}), Module("fc", Linear{16, 5}, "x"), Output("fc")}));
  EXPECT_EQ(ToJson(graph), kSmall);
}

TEST(GraphJsonTest, RoundTripsEveryOp) {
  ASSERT_OK_AND_ASSIGN(const Graph graph, Graph::Create("every op", NodesOfEveryOp()));
  ASSERT_OK_AND_ASSIGN(const Graph read, FromJson(ToJson(graph)));
  EXPECT_EQ(read, graph);
  EXPECT_EQ(ToJson(read), ToJson(graph));
}

TEST(GraphJsonTest, RoundTripsEveryBuiltinModel) {
  for (const std::string_view model : BuiltinModels()) {
    SCOPED_TRACE(model);
    ASSERT_OK_AND_ASSIGN(const Graph graph, BuildModel(model, {}));
    ASSERT_OK_AND_ASSIGN(const Graph read, FromJson(ToJson(graph)));
    EXPECT_EQ(read, graph);
    EXPECT_EQ(read.ParameterCount(), graph.ParameterCount());
  }
}

TEST(GraphJsonTest, ReadsTheExampleOfItsDocumentation) {
  std::ifstream file("docs/graph_ir.md");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::size_t start = text.find("```json\n") + 8;
  ASSERT_OK_AND_ASSIGN(const Graph graph,
                       FromJson(text.substr(start, text.find("```", start) - start)));
  EXPECT_EQ(graph.name(), "two-layers");
  EXPECT_EQ(graph.ParameterCount(), 32 + (16 * 16 + 16) + (16 * 5 + 5));
}

TEST(GraphJsonTest, FillsDefaults) {
  const std::string text = R"({"format":"bitsweep.graph","version":1,"name":"g","nodes":[
    {"name":"x","kind":"placeholder","shape":[2,8]},
    {"name":"c","kind":"call_module","op":"conv1d","inputs":["x"],
     "attributes":{"in_channels":2,"out_channels":4,"kernel_size":3}},
    {"name":"n","kind":"call_module","op":"batch_norm1d","inputs":["c"],
     "attributes":{"num_features":4}},
    {"name":"r","kind":"call_function","op":"relu","inputs":["n"]},
    {"name":"d","kind":"call_module","op":"dropout","inputs":["r"]},
    {"name":"f","kind":"call_method","op":"flatten","inputs":["d"]},
    {"name":"l","kind":"call_module","op":"linear","inputs":["f"],
     "attributes":{"in_features":24,"out_features":3}},
    {"name":"output","kind":"output","inputs":["l"]}]})";
  ASSERT_OK_AND_ASSIGN(const Graph graph, FromJson(text));
  EXPECT_EQ(graph.nodes()[1].op, Op(Conv1d{2, 4, 3, 1, 0, true}));
  EXPECT_EQ(graph.nodes()[1].target, "conv1d");
  EXPECT_EQ(graph.nodes()[2].op, Op(BatchNorm1d{4, 1e-5, 0.1}));
  EXPECT_EQ(graph.nodes()[3].op, Op(Relu{false}));
  EXPECT_EQ(graph.nodes()[4].op, Op(Dropout{0.5}));
  EXPECT_EQ(graph.nodes()[5].op, Op(Flatten{1}));
  EXPECT_EQ(graph.nodes()[6].op, Op(Linear{24, 3, true}));
}

TEST(GraphJsonTest, TakesWholeValuedDoublesForIntegers) {
  Json json = Json::parse(kSmall);
  json["version"] = 1.0;
  json["nodes"][0]["shape"][0] = 16.0;
  json["nodes"][1]["attributes"]["in_features"] = 1.6e1;
  ASSERT_OK_AND_ASSIGN(const Graph graph, FromJson(json.dump()));
  EXPECT_EQ(ToJson(graph), kSmall);
}

TEST(GraphJsonTest, RefusesWhatIsNoJson) {
  for (const std::string text : {"", "{", "null x", "{\"format\":}", "[1,]", "\xff", "{'a':1}"}) {
    ExpectRefused(text, "graph: ", "not JSON");
  }
}

TEST(GraphJsonTest, RefusesWhatIsNoObject) {
  for (const std::string text : {"null", "1", "\"g\"", "[]"}) {
    ExpectRefused(text, "graph: ", "expected an object");
  }
}

TEST(GraphJsonTest, RefusesAnotherFormatOrVersion) {
  ExpectRefused(With("/format", "onnx"), "graph: ", "\"format\" must be \"bitsweep.graph\"");
  ExpectRefused(With("/version", 3), "graph: ", "version 3: this program reads 1 to 2");
  ExpectRefused(With("/version", 0), "graph: ", "version 0");
}

TEST(GraphJsonTest, NamesEachMissingKey) {
  const std::pair<const char*, const char*> keys[] = {{"", "format"},
                                                      {"", "version"},
                                                      {"", "name"},
                                                      {"", "nodes"},
                                                      {"/nodes/0", "name"},
                                                      {"/nodes/0", "kind"},
                                                      {"/nodes/0", "shape"},
                                                      {"/nodes/1", "op"},
                                                      {"/nodes/1", "inputs"},
                                                      {"/nodes/1/attributes", "in_features"},
                                                      {"/nodes/1/attributes", "out_features"},
                                                      {"/nodes/2", "inputs"}};
  for (const auto& [parent, key] : keys) {
    ExpectRefused(Without(parent, key), "", "\"" + std::string(key) + "\" is missing");
  }
}

TEST(GraphJsonTest, NamesEachUnknownKeyAndItsNode) {
  ExpectRefused(With("/extra", 1), "graph: ", "unknown key \"extra\"");
  ExpectRefused(With("/nodes/0/op", "relu"), "node \"x\": ", "unknown key \"op\"");
  ExpectRefused(With("/nodes/1/shape", Json::array({5})), "node \"fc\": ", "unknown key \"shape\"");
  ExpectRefused(With("/nodes/1/attributes/units", 5),
                "node \"fc\" attributes: ", "unknown key \"units\"");
  ExpectRefused(With("/nodes/2/target", "output"), "node \"output\": ", "unknown key \"target\"");
}

TEST(GraphJsonTest, NamesEachValueOfAWrongType) {
  ExpectRefused(With("/name", 1), "graph: ", "\"name\" must be a string");
  ExpectRefused(With("/version", "1"), "graph: ", "\"version\" must be an integer");
  ExpectRefused(With("/nodes", Json::object()), "graph: ", "\"nodes\" must be a list");
  ExpectRefused(With("/nodes/1", 7), "node 1: ", "expected an object");
  ExpectRefused(With("/nodes/1/name", 7), "node 1: ", "\"name\" must be a string");
  ExpectRefused(With("/nodes/1/kind", nullptr), "node \"fc\": ", "\"kind\" must be a string");
  ExpectRefused(With("/nodes/1/op", true), "node \"fc\": ", "\"op\" must be a string");
  ExpectRefused(With("/nodes/1/target", 3), "node \"fc\": ", "\"target\" must be a string");
  ExpectRefused(With("/nodes/1/inputs", "x"), "node \"fc\": ", "\"inputs\" must be a list");
  ExpectRefused(With("/nodes/1/inputs/0", 0), "node \"fc\": ", "\"inputs\" must be a list");
  ExpectRefused(With("/nodes/1/attributes", Json::array()),
                "node \"fc\" attributes: ", "expected an object");
  ExpectRefused(With("/nodes/1/attributes/bias", 1),
                "node \"fc\" attributes: ", "\"bias\" must be true or false");
  ExpectRefused(With("/nodes/0/shape", 16), "node \"x\": ", "\"shape\" must be a list");
  ExpectRefused(With("/nodes/0/shape/0", "16"), "node \"x\": ", "\"shape\" must be an integer");
}

TEST(GraphJsonTest, RefusesNumbersThatAreNoIntegers) {
  for (const Json& value : {Json(16.5), Json(1e300), Json(-1e300), Json(9007199254740993u),
                            Json(18446744073709551615u), Json(true), Json(nullptr)}) {
    ExpectRefused(With("/nodes/1/attributes/in_features", value),
                  "node \"fc\" attributes: ", "\"in_features\" must be an integer");
  }
}

TEST(GraphJsonTest, RefusesNumbersThatAreNoNumbers) {
  Json json = Json::parse(kSmall);
  json["nodes"][1]["op"] = "batch_norm1d";
  json["nodes"][1]["attributes"] = {{"num_features", 16}, {"eps", "small"}};
  ExpectRefused(json.dump(), "node \"fc\" attributes: ", "\"eps\" must be a number");
}

TEST(GraphJsonTest, RefusesUnknownOpsAndKinds) {
  ExpectRefused(With("/nodes/1/op", "conv2d"),
                "node \"fc\": ", "unknown op \"conv2d\": expected linear, conv1d");
  ExpectRefused(With("/nodes/1/op", "none"), "node \"fc\": ", "unknown op \"none\"");
  ExpectRefused(With("/nodes/1/kind", "call"), "node \"fc\": ", "unknown kind \"call\"");
  ExpectRefused(With("/nodes/1/kind", "get_attr"), "node \"fc\": ", "get_attr");
}

TEST(GraphJsonTest, RefusesWhatTheGraphRefuses) {
  ExpectRefused(With("/nodes/1/attributes/in_features", 15), "node \"fc\": ", "expected [15]");
  ExpectRefused(With("/nodes/1/inputs/0", "fc"), "node \"fc\": ", "is no earlier node");
  ExpectRefused(With("/nodes/0/shape", Json::array({-4, -4})), "node \"x\": ", "positive");
  ExpectRefused(With("/nodes", Json::array()), "graph: ", "0 nodes");
  ExpectRefused(With("/name", ""), "graph: ", "expected a name");
}

TEST(GraphJsonTest, RefusesLongLists) {
  ExpectRefused(With("/nodes/0/shape", std::vector<int>(17, 1)), "node \"x\": ", "at most 16");
  ExpectRefused(With("/nodes/1/inputs", std::vector<std::string>(17, "x")),
                "node \"fc\": ", "\"inputs\" must be a list");
  Json json = Json::parse(kSmall);
  json["nodes"] = Json(std::vector<Json>(10'001));
  ExpectRefused(json.dump(), "graph: ", "at most 10000 nodes");
}

TEST(GraphJsonTest, RefusesDeepNesting) {
  for (const std::size_t depth : {33u, 1'000'000u}) {
    ExpectRefused(std::string(depth, '['), "graph: ", "nested deeper than 32");
  }
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  ExpectRefused(objects, "graph: ", "nested deeper than 32");
}

TEST(GraphJsonTest, CountsNoBracketsInsideStrings) {
  ASSERT_OK_AND_ASSIGN(const Graph graph, FromJson(With("/name", std::string(100, '[') + "\"[")));
  EXPECT_EQ(graph.name(), std::string(100, '[') + "\"[");
}

TEST(GraphJsonTest, RefusesTextsThatAreTooLong) {
  const std::string text = kSmall + std::string(16 << 20, ' ');
  ExpectRefused(text, "graph: ", "at most 16777216 are accepted");
}

TEST(GraphJsonTest, QuotesUsersTextShort) {
  const std::string longest(1 << 20, 'a');
  const std::string texts[] = {With("/nodes/1/op", longest),     With("/nodes/1/kind", longest),
                               With("/nodes/1/name", longest),   With("/nodes/1/inputs/0", longest),
                               With("/nodes/1/target", longest), With("/" + longest, 1)};
  for (const std::string& text : texts) {
    const absl::StatusOr<Graph> graph = FromJson(text);
    ASSERT_THAT(graph, Not(IsOk()));
    EXPECT_LT(graph.status().message().size(), 1000u);
  }
}

// Thousands of damaged texts: each is refused, or is a graph that its own text gives again.
TEST(GraphJsonMutationTest, NeverCrashesAndWhatIsAcceptedRoundTrips) {
  ASSERT_OK_AND_ASSIGN(const Graph every, Graph::Create("every", NodesOfEveryOp()));
  const std::string valid = ToJson(every);
  const std::string kBytes = "0123456789-+.eE{}[]\",: xautrlfsn\\\xff\x80" + std::string(1, '\0');
  Random random(2024, RandomStream::kSearch);
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = valid;
    const std::uint64_t edits = 1 + random.NextBelow(3);
    for (std::uint64_t edit = 0; edit < edits; ++edit) {
      const std::size_t at = random.NextBelow(text.size());
      const char byte = kBytes[random.NextBelow(kBytes.size())];
      switch (random.NextBelow(4)) {
        case 0:
          text[at] = byte;
          break;
        case 1:
          text.insert(at, 1, byte);
          break;
        case 2:
          text.erase(at, 1 + random.NextBelow(8));
          break;
        default:
          text.insert(at, text.substr(random.NextBelow(text.size()), random.NextBelow(40)));
      }
      if (text.empty()) text = "{";
    }
    const absl::StatusOr<Graph> graph = FromJson(text);
    if (!graph.ok()) {
      ASSERT_EQ(graph.status().code(), absl::StatusCode::kInvalidArgument) << text;
      continue;
    }
    ++accepted;
    ASSERT_OK_AND_ASSIGN(const Graph again, FromJson(ToJson(*graph)));
    ASSERT_EQ(again, *graph) << text;
  }
  EXPECT_GT(accepted, 100);  // the mutations are not all hopeless
}

}  // namespace
}  // namespace bitsweep::graph
