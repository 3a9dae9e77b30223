// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <string>
#include <vector>

#include "core/graph/zoo.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/test_paths.h"
#include "worker/nn/graph_module.h"
#include "worker/nn/initialize.h"

namespace bitsweep::nn {
namespace {

std::int64_t Elements(const nlohmann::json& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

TEST(ModelParametersTest, ModulesHoldTheGoldenParametersAndBuffers) {
  const nlohmann::json golden = bitsweep::testing::ReadGolden("model_parameters.json");
  int models = 0;
  for (const auto& [title, entry] : golden.items()) {
    const std::string name = title.substr(0, title.find(' '));  // "jsc-trt (...)"
    if (!entry.is_object() || !graph::IsBuiltinModel(name)) continue;
    ++models;
    const graph::Graph graph = graph::BuildModel(name, {}).value();
    GraphModule module(graph, InitialTensors(graph, 1), 1);
    EXPECT_EQ(module.parameters().size(), entry.at("parameters").get<std::size_t>()) << name;

    std::map<std::string, graph::Shape> shapes;
    for (const graph::TensorInfo& tensor : graph.tensors()) shapes[tensor.name] = tensor.shape;
    std::map<std::string, std::size_t> sizes;
    for (const graph::TensorValue& value : module.Values()) {
      sizes[value.name] = value.f32.size() + value.i64.size();
    }
    const nlohmann::json& buffers = entry.at("buffers");
    EXPECT_EQ(sizes.size(), entry.at("per_parameter").size() + buffers.size()) << name;
    for (const char* part : {"per_parameter", "buffers"}) {
      for (const auto& [tensor, shape] : entry.at(part).items()) {
        ASSERT_TRUE(sizes.contains(tensor)) << name << " " << tensor;
        EXPECT_EQ(shapes[tensor], shape.get<graph::Shape>()) << name << " " << tensor;
        EXPECT_EQ(sizes[tensor], static_cast<std::size_t>(Elements(shape))) << tensor;
      }
    }
  }
  EXPECT_GE(models, 6);
}

}  // namespace
}  // namespace bitsweep::nn
