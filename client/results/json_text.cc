// SPDX-License-Identifier: Apache-2.0
#include "client/results/json_text.h"

#include <string>

#include "client/results/trial_row.h"
#include "nlohmann/json.hpp"

namespace bitsweep::results {
namespace {

Json TrialJson(const v1::Trial& trial) {
  Json json = TrialRow(trial);
  Json& points = json["epoch_points"] = Json::array();
  for (const v1::EpochPoint& point : trial.epochs()) points.push_back(MessageJson(point));
  Json& attempts = json["attempts"] = Json::array();
  for (const v1::Attempt& attempt : trial.attempts()) attempts.push_back(MessageJson(attempt));
  return json;
}

class JsonText : public ResultsText {
 public:
  Needs needs() const override { return {.configurations = true, .epochs_and_attempts = true}; }
  std::string Begin(const v1::Sweep& sweep) override {
    return "{\"sweep\": " + Line(MessageJson(sweep)) + ",\n\"configurations\": [";
  }
  std::string Configuration(const v1::Configuration& configuration) override {
    return Next() + Line(MessageJson(configuration));
  }
  std::string Trial(const v1::Trial& trial) override {
    const std::string before = BeginTrials();
    return before + Next() + Line(TrialJson(trial));
  }
  std::string End() override { return BeginTrials() + "]}\n"; }

 private:
  std::string Next() {
    const std::string before = is_first_ ? "\n" : ",\n";
    is_first_ = false;
    return before;
  }
  std::string BeginTrials() {
    if (is_in_trials_) return "";
    is_in_trials_ = true;
    is_first_ = true;
    return "],\n\"trials\": [";
  }

  bool is_in_trials_ = false;
  bool is_first_ = true;
};

class JsonLinesText : public ResultsText {
 public:
  Needs needs() const override { return {.epochs_and_attempts = true}; }
  std::string Begin(const v1::Sweep& /*sweep*/) override { return ""; }
  std::string Trial(const v1::Trial& trial) override { return Line(TrialJson(trial)) + "\n"; }
};

}  // namespace

std::unique_ptr<ResultsText> MakeJsonText() { return std::make_unique<JsonText>(); }

std::unique_ptr<ResultsText> MakeJsonLinesText() { return std::make_unique<JsonLinesText>(); }

}  // namespace bitsweep::results
