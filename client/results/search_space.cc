// SPDX-License-Identifier: Apache-2.0
#include "client/results/search_space.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "nlohmann/json.hpp"

namespace bitsweep::results {
namespace {

using google::protobuf::FieldDescriptor;

// Where a range spans less, both scales look the same.
constexpr double kDecade = 10;

template <typename Use>
void ForEachSet(const v1::Hyperparameters& values, const Use& use) {
  const auto& reflection = *values.GetReflection();
  for (int i = 0; i < values.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *values.GetDescriptor()->field(i);
    if (reflection.HasField(values, &field)) use(field);
  }
}

}  // namespace

template <typename Distribution>
void SearchSpace::AddRange(const std::string& name, bool is_whole,
                           const Distribution& distribution) {
  for (const auto value : distribution.values()) {
    AddNumber(name, is_whole, static_cast<double>(value));
  }
  if (!distribution.values().empty()) return;
  AddNumber(name, is_whole, static_cast<double>(distribution.min()));
  AddNumber(name, is_whole, static_cast<double>(distribution.max()));
  numbers_[name].scale = distribution.scale() == v1::SCALE_LOG ? v1::SCALE_LOG : v1::SCALE_LINEAR;
}

SearchSpace::SearchSpace(const v1::Sweep& sweep) {
  if (!sweep.has_random()) return;
  const v1::RandomSearch& random = sweep.random();
  if (random.has_max_epochs()) AddRange("max_epochs", true, random.max_epochs());
  if (random.has_learning_rate()) AddRange("learning_rate", false, random.learning_rate());
  if (random.has_batch_size()) AddRange("batch_size", true, random.batch_size());
  if (random.has_weight_decay()) AddRange("weight_decay", false, random.weight_decay());
  v1::Hyperparameters words;
  for (const int value : random.optimizer()) {
    words.set_optimizer(static_cast<v1::Optimizer>(value));
    Add(words);
  }
  for (const int value : random.schedule()) {
    words.set_schedule(static_cast<v1::Schedule>(value));
    Add(words);
  }
}

void SearchSpace::AddNumber(const std::string& name, bool is_whole, double value) {
  Numbers& numbers = numbers_[name];
  numbers.is_whole = is_whole;
  numbers.low = numbers.is_empty ? value : std::min(numbers.low, value);
  numbers.high = numbers.is_empty ? value : std::max(numbers.high, value);
  numbers.is_empty = false;
}

void SearchSpace::Add(const v1::Hyperparameters& values) {
  const auto& reflection = *values.GetReflection();
  ForEachSet(values, [&](const FieldDescriptor& field) {
    const Json value = ScalarJson(values, field);
    if (value.is_number()) {
      AddNumber(field.name(), value.is_number_integer(), value.get<double>());
    } else if (value.is_string()) {
      words_[field.name()][reflection.GetEnumValue(values, &field)] = value.get<std::string>();
    }
  });
}

Json SearchSpace::Distributions() const {
  Json distributions = Json::object();
  for (const auto& [name, numbers] : numbers_) {
    const bool is_log = numbers.scale == v1::SCALE_UNSPECIFIED
                            ? numbers.high >= kDecade * numbers.low
                            : numbers.scale == v1::SCALE_LOG;
    const auto bound = [&](double value) {
      return numbers.is_whole ? Json(static_cast<std::int64_t>(value)) : Json(value);
    };
    const Json attributes = {{"log", is_log && numbers.low > 0},
                             {"step", numbers.is_whole ? Json(1) : Json()},
                             {"low", bound(numbers.low)},
                             {"high", bound(numbers.high)}};
    distributions[name] =
        Line({{"name", numbers.is_whole ? "IntDistribution" : "FloatDistribution"},
              {"attributes", attributes}});
  }
  for (const auto& [name, words] : words_) {
    Json choices = Json::array();
    for (const auto& [number, word] : words) choices.push_back(word);
    distributions[name] =
        Line({{"name", "CategoricalDistribution"}, {"attributes", {{"choices", choices}}}});
  }
  return distributions;
}

Json SearchSpace::InternalValues(const v1::Hyperparameters& values) const {
  Json internal = Json::object();
  const auto& reflection = *values.GetReflection();
  ForEachSet(values, [&](const FieldDescriptor& field) {
    const auto words = words_.find(field.name());
    if (words == words_.end()) {
      internal[field.name()] = ScalarJson(values, field);
      return;
    }
    const auto word = words->second.find(reflection.GetEnumValue(values, &field));
    internal[field.name()] = std::distance(words->second.begin(), word);
  });
  return internal;
}

}  // namespace bitsweep::results
