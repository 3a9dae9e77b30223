// SPDX-License-Identifier: Apache-2.0
#include "client/results/trial_row.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"

namespace bitsweep::results {
namespace {

Json NumberOf(const std::string& name) {
  std::int64_t number = 0;
  return absl::SimpleAtoi(IdOf(name), &number) ? Json(number) : Json();
}

Json TextOrNull(const std::string& text) { return text.empty() ? Json() : Json(text); }

// The fields of `message`, all null when it is not there.
void AddFields(Json& row, const google::protobuf::Message& message, bool is_there) {
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const auto& field = *message.GetDescriptor()->field(i);
    Json value = is_there ? ScalarJson(message, field) : Json();
    if (value.is_string() && value.get_ref<const std::string&>().empty()) value = nullptr;
    row[field.name()] = std::move(value);
  }
}

}  // namespace

Json TrialRow(const v1::Trial& trial) {
  const std::vector<std::string> parts = absl::StrSplit(trial.name(), '/');
  Json row = Json::object();
  row["sweep"] = parts.size() > 1 ? Json(parts[1]) : Json();
  row["trial"] = NumberOf(trial.name());
  row["configuration"] = NumberOf(trial.configuration());
  row["repeat"] = trial.repeat();
  row["state"] = EnumJson(*v1::Trial::State_descriptor()->FindValueByNumber(
      v1::Trial::State_IsValid(trial.state()) ? trial.state() : 0));
  row["seed"] = trial.seed();
  AddFields(row, trial.hyperparameters(), trial.has_hyperparameters());
  row["attempt"] = trial.attempt();
  row["worker"] = TextOrNull(IdOf(trial.worker()));
  row["epochs_done"] = trial.epochs_done();
  row["start_time"] = TimeJson(trial.start_time());
  row["end_time"] = TimeJson(trial.end_time());
  AddFields(row, trial.result(), trial.has_result());
  row["model"] = TextOrNull(IdOf(trial.model()));
  row["failure_reason"] = EnumJson(*v1::FailureReason_descriptor()->FindValueByNumber(
      v1::FailureReason_IsValid(trial.failure_reason()) ? trial.failure_reason() : 0));
  row["failure_message"] = TextOrNull(trial.failure_message());
  return row;
}

}  // namespace bitsweep::results
