// SPDX-License-Identifier: Apache-2.0
// The built-in models against model_parameters.json and graph_reports.json of the golden folder.
#include <fstream>

#include "core/graph/zoo.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_paths.h"

namespace bitsweep::graph {
namespace {

using Json = nlohmann::ordered_json;  // the files' order is the framework's order

Json Read(const std::string& file) {
  std::ifstream in(bitsweep::testing::GoldenDir() / file);
  if (!in) throw std::runtime_error("cannot read " + file + " of BITSWEEP_GOLDEN");
  return Json::parse(in);
}

// "jsc-trt (where it comes from)" is jsc-trt.
std::string ModelOf(const std::string& title) { return title.substr(0, title.find(" (")); }

// Sizes of data that the parameters of a case are for.
ZooOptions OptionsOf(const std::string& model, const Json& parameters) {
  ZooOptions options;
  options.classes = parameters.back()[0].get<std::int64_t>();
  options.features = HasOutputActivation(model)
                         ? parameters.at("fc.weight")[1].get<std::int64_t>() / 16
                         : parameters.front()[0].get<std::int64_t>();
  return options;
}

struct NamedShape {
  std::string name;
  Shape shape;
  bool operator==(const NamedShape&) const = default;
};
std::ostream& operator<<(std::ostream& out, const NamedShape& tensor) {
  return out << tensor.name << ShapeText(tensor.shape);
}

std::vector<NamedShape> Expected(const Json& tensors) {
  std::vector<NamedShape> list;
  for (const auto& [name, shape] : tensors.items()) list.push_back({name, shape.get<Shape>()});
  return list;
}

std::vector<NamedShape> Actual(const Graph& graph, TensorRole role) {
  std::vector<NamedShape> list;
  for (const TensorInfo& tensor : graph.tensors()) {
    if (tensor.role == role) list.push_back({tensor.name, tensor.shape});
  }
  return list;
}

TEST(ZooGoldenTest, ParametersHaveTheFrameworksNamesShapesAndOrder) {
  const Json models = Read("model_parameters.json");
  ASSERT_FALSE(models.empty());
  for (const auto& [title, expected] : models.items()) {
    SCOPED_TRACE(title);
    const std::string model = ModelOf(title);
    ASSERT_OK_AND_ASSIGN(const Graph graph,
                         BuildModel(model, OptionsOf(model, expected.at("per_parameter"))));
    EXPECT_EQ(graph.ParameterCount(), expected.at("parameters").get<std::int64_t>());
    EXPECT_EQ(Actual(graph, TensorRole::kParameter), Expected(expected.at("per_parameter")));
    EXPECT_EQ(Actual(graph, TensorRole::kBuffer), Expected(expected.at("buffers")));
  }
}

// The case's graph: its activation is what the output reads.
absl::StatusOr<Graph> BuildReported(const std::string& title, const Json& report) {
  const std::string model = ModelOf(title);
  const Json& nodes = report.at("nodes");
  ZooOptions options{.features = nodes.front().at("shape").back().get<std::int64_t>(),
                     .classes = nodes.back().at("shape").back().get<std::int64_t>()};
  if (HasOutputActivation(model)) {
    options.output_activation =
        ParseOutputActivation(nodes[nodes.size() - 2].at("mase_op").get<std::string>())
            .value_or(OutputActivation::kNone);
  }
  return BuildModel(model, options);
}

TEST(ZooGoldenTest, NodesAreThoseOfTheReports) {
  const Json reports = Read("graph_reports.json").at("graphs");
  ASSERT_FALSE(reports.empty());
  for (const auto& [title, report] : reports.items()) {
    SCOPED_TRACE(title);
    ASSERT_OK_AND_ASSIGN(const Graph graph, BuildReported(title, report));
    const Json& expected = report.at("nodes");
    ASSERT_EQ(graph.nodes().size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const Node& node = graph.nodes()[i];
      const Json& wanted = expected[i];
      SCOPED_TRACE(node.name);
      EXPECT_EQ(node.name, wanted.at("name").get<std::string>());
      EXPECT_EQ(Name(node.kind), wanted.at("op").get<std::string>());
      EXPECT_EQ(node.target, wanted.at("target").get<std::string>());
      const std::string op = wanted.at("mase_op").get<std::string>();
      EXPECT_EQ(OpName(node.op), op == "placeholder" || op == "output" ? "none" : op);

      std::vector<std::string> inputs;
      std::vector<std::int64_t> numbers;
      for (const Json& arg : wanted.at("args")) {
        if (arg.is_string()) {
          inputs.push_back(arg.get<std::string>());
        } else {
          numbers.push_back(arg.get<std::int64_t>());
        }
      }
      EXPECT_EQ(node.inputs, inputs);
      if (const auto* view = std::get_if<View>(&node.op)) {
        EXPECT_EQ(view->shape, numbers);
      }

      Shape shape = graph.sample_shapes()[i];
      shape.insert(shape.begin(), report.at("batch").get<std::int64_t>());
      EXPECT_EQ(shape, wanted.at("shape").get<Shape>());
    }
  }
}

TEST(ZooGoldenTest, KindsAreCountedAsInTheReports) {
  const Json reports = Read("graph_reports.json").at("graphs");
  for (const auto& [title, report] : reports.items()) {
    SCOPED_TRACE(title);
    ASSERT_OK_AND_ASSIGN(const Graph graph, BuildReported(title, report));
    Json counts = report.at("counts");
    for (const Node& node : graph.nodes()) {
      Json& count = counts.at(std::string(Name(node.kind)));
      count = count.get<std::int64_t>() - 1;
    }
    for (const auto& [kind, left] : counts.items()) EXPECT_EQ(left, 0) << kind;
  }
}

}  // namespace
}  // namespace bitsweep::graph
