// SPDX-License-Identifier: Apache-2.0
// The built-in models against model_parameters.json of the golden folder (their nodes:
// report_golden_test.cc).
#include "tests/core/graph/golden_graphs.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::graph {
namespace {

using Json = GoldenJson;

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
  const Json models = ReadOrderedGolden("model_parameters.json");
  ASSERT_FALSE(models.empty());
  for (const auto& [title, expected] : models.items()) {
    SCOPED_TRACE(title);
    const std::string model = GoldenModel(title);
    ASSERT_OK_AND_ASSIGN(const Graph graph,
                         BuildModel(model, OptionsOf(model, expected.at("per_parameter"))));
    EXPECT_EQ(graph.ParameterCount(), expected.at("parameters").get<std::int64_t>());
    EXPECT_EQ(Actual(graph, TensorRole::kParameter), Expected(expected.at("per_parameter")));
    EXPECT_EQ(Actual(graph, TensorRole::kBuffer), Expected(expected.at("buffers")));
  }
}

}  // namespace
}  // namespace bitsweep::graph
