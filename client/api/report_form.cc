// SPDX-License-Identifier: Apache-2.0
#include "client/api/report_form.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "bitsweep/v1/transform_service.pb.h"
#include "client/api/report_passes.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "nlohmann/json.hpp"

namespace bitsweep::client {
namespace {

using google::protobuf::Descriptor;

template <std::size_t N>
bool Contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Of the lab's tool: what its trainer, its logger and its search take.
constexpr std::array<std::string_view, 29> kTrainerKeys = {"accelerator",
                                                           "batch_size",
                                                           "cpu",
                                                           "debug",
                                                           "device",
                                                           "disable_dataset_cache",
                                                           "evaluate_before_training",
                                                           "github_ci",
                                                           "gpus",
                                                           "is_pretrained",
                                                           "is_to_auto_requeue",
                                                           "learning_rate",
                                                           "load_type",
                                                           "log_every_n_steps",
                                                           "log_level",
                                                           "max_epochs",
                                                           "max_steps",
                                                           "max_token_len",
                                                           "num_devices",
                                                           "num_nodes",
                                                           "num_workers",
                                                           "optimizer",
                                                           "project",
                                                           "project_dir",
                                                           "report_to",
                                                           "strategy",
                                                           "trainer_precision",
                                                           "training_optimizer",
                                                           "weight_decay"};
// Fields of Transform and of the request that may stand at the top as well.
constexpr std::array<std::string_view, 6> kTransformFields = {
    "axes", "display_name", "keep_models", "max_parallel_jobs", "priority", "seed"};
constexpr std::array<std::string_view, 3> kRequestFields = {"request_id", "transform_id",
                                                            "validate_only"};

class Converter {
 public:
  Converter(bool model_is_given, SpecChecker& checker, std::vector<std::string>& warnings)
      : model_is_given_(model_is_given), checker_(checker), warnings_(warnings) {}

  SpecJson Convert(const SpecJson& json) {
    for (const auto& [key, value] : json.items()) {
      if (!value.is_null() && !IsNotAvailable(value)) TopLevel(key, value);
    }
    if (!ignored_.empty()) {
      warnings_.push_back(fmt::format("no effect on a transform: {}", fmt::join(ignored_, ", ")));
    }
    if (!transform_.empty()) request_["transform"] = std::move(transform_);
    return std::move(request_);
  }

 private:
  void TopLevel(const std::string& key, const SpecJson& value) {
    if (key == "model") {
      if (!transform_.contains("model")) Source(value, "model", "builtin", *ModelType());
    } else if (key == "dataset") {
      Source(value, "dataset", "name", *v1::Dataset::descriptor());
    } else if (key == "load_name") {
      LoadName(value);
    } else if (key == "task") {
      if (value != "cls" && value != "classification") {
        checker_.Note(key, fmt::format("{}: expected \"cls\"", value.dump()));
      }
    } else if (key == "passes") {
      Passes(value);
    } else if (key == "transform") {
      Style(value);
    } else if (Contains(kTransformFields, key)) {
      transform_[key] = Field(*v1::Transform::descriptor(), key, value);
    } else if (Contains(kRequestFields, key)) {
      request_[key] = Field(*v1::SubmitTransformRequest::descriptor(), key, value);
    } else if (Contains(kTrainerKeys, key) || key == "search") {
      ignored_.push_back(key);
    } else {
      checker_.Note(key,
                    "no such key: expected model, dataset, task, load_name, seed, passes, keys of "
                    "the trainer, or fields of a transform");
    }
  }

  static const Descriptor* ModelType() { return v1::ModelSource::descriptor(); }

  SpecJson Field(const Descriptor& type, const std::string& key, SpecJson value) {
    checker_.Value(value, *type.FindFieldByName(key), key);
    return value;
  }

  // A name alone, or the table that our own shape has.
  void Source(SpecJson value, const std::string& key, const char* name_field,
              const Descriptor& type) {
    if (value.is_object()) {
      checker_.Message(value, type, key);
      transform_[key] = std::move(value);
    } else if (!value.is_string()) {
      checker_.Note(key, fmt::format("{}: expected a name", value.dump()));
    } else if (key == "model" && value.get<std::string>().starts_with("models/")) {
      transform_[key] = {{"name", value}};
    } else {
      transform_[key] = {{name_field, value}};
    }
  }

  // The network's weights. Files of the tool are nothing that the server can read, and to go on
  // with random weights would be wrong without a word.
  void LoadName(const SpecJson& value) {
    if (model_is_given_) return;
    if (value.is_string() && value.get<std::string>().starts_with("models/")) {
      transform_["model"] = {{"name", value}};
      return;
    }
    checker_.Note("load_name", fmt::format("{}: expected a stored model, models/...; see bitsweep "
                                           "model import, or give another with --model",
                                           value.dump()));
  }

  void Passes(const SpecJson& value) {
    if (!value.is_object()) {
      checker_.Note("passes", fmt::format("expected a table, found {}", value.type_name()));
      return;
    }
    for (const auto& [name, table] : value.items()) {
      transform_["passes"].push_back(
          PassFromReport(name, table, PathBelow("passes", name), checker_, warnings_));
    }
  }

  // [transform] style = "graph" of the tool.
  void Style(const SpecJson& value) {
    if (!value.is_object()) {
      checker_.Note("transform", fmt::format("expected a table, found {}", value.type_name()));
      return;
    }
    for (const auto& [key, item] : value.items()) {
      if (key == "style" && item == "graph") continue;
      checker_.Note(PathBelow("transform", key),
                    "expected only style = \"graph\" beside model, dataset and passes at the top");
    }
  }

  const bool model_is_given_;
  SpecChecker& checker_;
  std::vector<std::string>& warnings_;
  std::vector<std::string> ignored_;
  SpecJson request_ = SpecJson::object();
  SpecJson transform_ = SpecJson::object();
};

}  // namespace

bool IsReportForm(const SpecJson& json) {
  return json.is_object() &&
         (json.contains("model") || json.contains("dataset") || json.contains("passes"));
}

SpecJson FromReportForm(const SpecJson& json, bool model_is_given, SpecChecker& checker,
                        std::vector<std::string>& warnings) {
  return Converter(model_is_given, checker, warnings).Convert(json);
}

}  // namespace bitsweep::client
