// SPDX-License-Identifier: Apache-2.0
#include "client/results/optuna_journal.h"

#include <cmath>
#include <utility>

#include "client/results/search_space.h"
#include "client/results/trial_row.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::results {
namespace {

// Numbers of Optuna's journal.
enum Operation {
  kCreateStudy = 0,
  kSetStudyUserAttr = 2,
  kSetStudySystemAttr = 3,
  kCreateTrial = 4
};
enum Direction { kMinimize = 1, kMaximize = 2 };
enum class OptunaState { kRunning = 0, kComplete = 1, kFail = 3, kWaiting = 4 };

OptunaState StateOf(v1::Trial::State state) {
  switch (state) {
    case v1::Trial::STATE_SUCCEEDED:
      return OptunaState::kComplete;
    case v1::Trial::STATE_LEASED:
    case v1::Trial::STATE_RUNNING:
      return OptunaState::kRunning;
    case v1::Trial::STATE_FAILED:
    case v1::Trial::STATE_CANCELLED:
    case v1::Trial::STATE_DEAD:
      return OptunaState::kFail;
    default:
      return OptunaState::kWaiting;
  }
}

// The journal is read by Python's json, which has words for what JSON lacks.
std::string PythonNumber(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return Line(value);
}

std::string IsoTime(const google::protobuf::Timestamp& time) {
  const Json text = TimeJson(time);
  return text.is_null() ? "null" : Line(text);
}

double MetricOf(const google::protobuf::Message& message, const std::string& name) {
  const auto* field = message.GetDescriptor()->FindFieldByName(name);
  return message.GetReflection()->GetDouble(message, field);
}

class OptunaJournal : public ResultsText {
 public:
  explicit OptunaJournal(std::string metric)
      : metric_(std::move(metric)),
        epoch_metric_(metric_ == "best_val_acc" ? "val_acc" : metric_) {}

  Needs needs() const override { return {.configurations = true, .epochs_and_attempts = true}; }

  std::string Begin(const v1::Sweep& sweep) override {
    space_ = SearchSpace(sweep);
    const bool is_accuracy = metric_.find("acc") != std::string::npos;
    std::string text = Record({{"op_code", kCreateStudy},
                               {"study_name", IdOf(sweep.name())},
                               {"directions", Json::array({is_accuracy ? kMaximize : kMinimize})}});
    text += Record({{"op_code", kSetStudySystemAttr},
                    {"study_id", 0},
                    {"system_attr", {{"study:metric_names", Json::array({metric_})}}}});
    const Json attributes = {{"sweep", sweep.name()},
                             {"display_name", sweep.display_name()},
                             {"data_digest", sweep.data_digest()},
                             {"spec_digest", sweep.spec_digest()}};
    for (const auto& [name, value] : attributes.items()) {
      text +=
          Record({{"op_code", kSetStudyUserAttr}, {"study_id", 0}, {"user_attr", {{name, value}}}});
    }
    return text;
  }

  std::string Configuration(const v1::Configuration& configuration) override {
    space_.Add(configuration.hyperparameters());
    return "";
  }

  std::string Trial(const v1::Trial& trial) override {
    if (distributions_.empty()) distributions_ = Line(space_.Distributions());
    OptunaState state = StateOf(trial.state());
    std::string value = "null";
    if (state == OptunaState::kComplete) {
      const double metric = MetricOf(trial.result(), metric_);
      // Optuna knows no completed trial whose value is no number.
      if (std::isnan(metric)) {
        state = OptunaState::kFail;
      } else {
        value = PythonNumber(metric);
      }
    }
    const bool is_ended = state == OptunaState::kComplete || state == OptunaState::kFail;
    const std::string end = is_ended ? IsoTime(trial.end_time()) : "null";
    return fmt::format(
        "{{\"op_code\":{},\"worker_id\":\"{}\",\"study_id\":0,\"state\":{},\"datetime_start\":{},{}"
        "\"distributions\":{},\"params\":{},\"value\":{},\"values\":null,"
        "\"intermediate_values\":{{{}}},\"user_attrs\":{},\"system_attrs\":{{}}}}\n",
        static_cast<int>(kCreateTrial), kWriter, static_cast<int>(state), StartTime(trial, state),
        end == "null" ? "" : fmt::format("\"datetime_complete\":{},", end), distributions_,
        Line(space_.InternalValues(trial.hyperparameters())), value,
        IntermediateValues(trial, state), Line(UserAttributes(trial)));
  }

 private:
  static constexpr char kWriter[] = "bitsweep";

  static std::string Record(Json record) {
    record["worker_id"] = kWriter;
    return Line(record) + "\n";
  }

  // Of a trial that has not started: when a worker got it, else its end. Optuna wants a start of
  // all but waiting trials, and refuses to copy a study otherwise.
  static std::string StartTime(const v1::Trial& trial, OptunaState state) {
    if (state == OptunaState::kWaiting) return "null";
    if (trial.has_start_time()) return IsoTime(trial.start_time());
    if (!trial.attempts().empty()) return IsoTime(trial.attempts().rbegin()->lease_time());
    return IsoTime(trial.end_time());
  }

  std::string IntermediateValues(const v1::Trial& trial, OptunaState state) const {
    std::string text;
    if (state == OptunaState::kWaiting) return text;
    for (const v1::EpochPoint& point : trial.epochs()) {
      text += fmt::format("{}\"{}\":{}", text.empty() ? "" : ",", point.epoch(),
                          PythonNumber(MetricOf(point, epoch_metric_)));
    }
    return text;
  }

  // The row without what Optuna has places for, and without what is not there.
  static Json UserAttributes(const v1::Trial& trial) {
    Json attributes = TrialRow(trial);
    for (int i = 0; i < v1::Hyperparameters::descriptor()->field_count(); ++i) {
      attributes.erase(v1::Hyperparameters::descriptor()->field(i)->name());
    }
    for (const char* name : {"sweep", "trial", "start_time", "end_time"}) attributes.erase(name);
    Json set = Json::object();
    for (const auto& [name, value] : attributes.items()) {
      const bool is_number = !value.is_number_float() || std::isfinite(value.get<double>());
      if (!value.is_null() && is_number) set[name] = value;
    }
    return set;
  }

  const std::string metric_;
  const std::string epoch_metric_;
  SearchSpace space_;
  std::string distributions_;
};

}  // namespace

std::unique_ptr<ResultsText> MakeOptunaJournal(std::string metric) {
  return std::make_unique<OptunaJournal>(std::move(metric));
}

}  // namespace bitsweep::results
