// SPDX-License-Identifier: Apache-2.0
// statistics.json: every statistic, fed sample by sample (activation) and at once (weight).
#include <cmath>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/status_matchers.h"
#include "tests/support/test_paths.h"
#include "worker/passes/statistics.h"

namespace bitsweep::passes {
namespace {

using ::bitsweep::testing::IsOk;
using Json = nlohmann::json;

struct Tensor {
  graph::Shape shape;
  std::vector<float> values;
};

double NumberOf(const Json& json) {
  if (!json.is_string()) return json.get<double>();
  const auto text = json.get<std::string>();
  if (text == "nan" || text == "NaN") return std::nan("");
  if (text == "inf") return INFINITY;
  if (text == "-inf") return -INFINITY;
  throw std::runtime_error("no number: " + text);
}

void Flatten(const Json& json, std::vector<double>& values) {
  if (!json.is_array()) {
    values.push_back(NumberOf(json));
    return;
  }
  for (const Json& item : json) Flatten(item, values);
}

Tensor TensorOf(const Json& json) {
  Tensor tensor;
  for (const Json* level = &json; level->is_array() && !level->empty(); level = &level->front()) {
    tensor.shape.push_back(static_cast<std::int64_t>(level->size()));
  }
  std::vector<double> values;
  Flatten(json, values);
  tensor.values.assign(values.begin(), values.end());
  return tensor;
}

spec::StatisticSpec SpecOf(const std::string& name, const Json& config) {
  spec::StatisticSpec spec;
  spec.name = name;
  for (const auto& [key, value] : config.items()) {
    if (key == "device") continue;
    if (key == "dims" && value.is_null()) {
      spec.dims = "element";
    } else if (key == "dims" && value.is_array()) {
      spec.reduce_dims = value.get<std::vector<std::int64_t>>();
    } else if (key == "dims") {
      spec.dims = value.get<std::string>();
    } else if (key == "abs") {
      spec.abs = value.get<bool>();
    } else if (key == "quantile") {
      spec.quantile = value.get<double>();
    } else if (key == "num_sigma") {
      spec.num_sigma = value.get<double>();
    } else if (key == "var_mode") {
      spec.var_mode = value.get<std::string>();
    } else if (key == "add_new_dim_before_concat") {
      spec.add_new_dim_before_concat = value.get<bool>();
    } else {
      ADD_FAILURE() << "unknown config " << key;
    }
  }
  return spec;
}

// "NA" is a value that is not defined.
void ExpectValues(const std::vector<StatisticValue>& result, const Json& expected,
                  double tolerance) {
  for (const auto& [key, wanted] : expected.items()) {
    SCOPED_TRACE(key);
    const auto found = std::find_if(result.begin(), result.end(),
                                    [&, k = key](const auto& value) { return value.key == k; });
    ASSERT_NE(found, result.end());
    if (wanted == "NA") {
      EXPECT_THAT(found->values, ::testing::IsEmpty());
      continue;
    }
    const Tensor tensor = TensorOf(wanted);
    EXPECT_EQ(found->shape, tensor.shape);
    std::vector<double> numbers;
    Flatten(wanted, numbers);
    ASSERT_EQ(found->values.size(), numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (std::isnan(numbers[i])) {
        EXPECT_TRUE(std::isnan(found->values[i])) << found->values[i];
      } else {
        EXPECT_NEAR(found->values[i], numbers[i], tolerance * std::max(1.0, std::abs(numbers[i])));
      }
    }
  }
}

class Cases {
 public:
  Cases() : file_(bitsweep::testing::ReadGolden("statistics.json")) {}

  const Json& file() const { return file_; }

  // Fed from `first` on, up to before `last` (of the samples of an activation).
  std::unique_ptr<Statistic> Feed(const Json& json, std::size_t first, std::size_t last) const {
    std::unique_ptr<Statistic> statistic =
        MakeStatistic(SpecOf(json.at("statistic"), json.at("config"))).value();
    const std::vector<Tensor> updates = Updates(json.at("source"));
    for (std::size_t i = first; i < std::min(last, updates.size()); ++i) {
      EXPECT_THAT(statistic->Update(updates[i].shape, updates[i].values), IsOk());
    }
    return statistic;
  }

 private:
  std::vector<Tensor> Updates(const std::string& source) const {
    if (source == "weight") return {TensorOf(file_.at("weight"))};
    EXPECT_EQ(source, "activation");
    std::vector<Tensor> updates;
    for (const Json& batch : file_.at("activation_batches")) {
      for (const Json& sample : batch) updates.push_back(TensorOf(Json::array({sample})));
    }
    return updates;
  }

  const Json file_;
};

TEST(StatisticsGoldenTest, EveryCaseGivesWhatTheFileExpects) {
  const Cases cases;
  for (const auto& [key, value] : cases.file().items()) {
    EXPECT_TRUE(key == "description" || key == "activation_batches" || key == "weight" ||
                key == "tolerance" || key == "cases" || key == "mase_failures")
        << "unknown key " << key;
  }
  const double tolerance = cases.file().at("tolerance").get<double>();
  ASSERT_FALSE(cases.file().at("cases").empty());
  for (const Json& json : cases.file().at("cases")) {
    SCOPED_TRACE(json.at("statistic").dump() + json.at("config").dump() + json.at("source").dump());
    for (const auto& [key, value] : json.items()) {
      EXPECT_TRUE(key == "statistic" || key == "source" || key == "config" || key == "expected" ||
                  key == "cross_checked" || key == "note" || key == "recommended_correct")
          << "unknown key " << key;
    }
    const auto result = cases.Feed(json, 0, SIZE_MAX)->Result();
    ASSERT_EQ(json.at("expected").size(), 1U);
    ExpectValues(result, json.at("expected").at(json.at("statistic").get<std::string>()),
                 tolerance);
    if (json.contains("recommended_correct")) {
      ExpectValues(result, json.at("recommended_correct"), tolerance);
    }
  }
}

TEST(StatisticsGoldenTest, MergedHalvesGiveTheSame) {
  const Cases cases;
  const double tolerance = cases.file().at("tolerance").get<double>();
  int merged = 0;
  for (const Json& json : cases.file().at("cases")) {
    if (json.at("source") != "activation") continue;
    SCOPED_TRACE(json.at("statistic").dump() + json.at("config").dump());
    for (const std::size_t split : {0U, 1U, 5U, 1000U}) {
      const std::unique_ptr<Statistic> first = cases.Feed(json, 0, split);
      ASSERT_THAT(first->Merge(*cases.Feed(json, split, SIZE_MAX)), IsOk());
      ExpectValues(first->Result(), json.at("expected").at(json.at("statistic").get<std::string>()),
                   tolerance);
      ++merged;
    }
  }
  EXPECT_GT(merged, 0);
}

}  // namespace
}  // namespace bitsweep::passes
