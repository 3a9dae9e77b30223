// SPDX-License-Identifier: Apache-2.0
#include "client/results/results_text.h"

#include <algorithm>

#include "client/results/csv_text.h"
#include "client/results/json_text.h"
#include "client/results/optuna_journal.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep::results {
namespace {

absl::Status Check(const char* what, std::string_view name, const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), name) != names.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("{} {}: expected one of {}", what, name, fmt::join(names, ", ")));
}

}  // namespace

const std::vector<std::string>& FormatNames() {
  static const auto* const names = new std::vector<std::string>{"csv", "json", "jsonl", "optuna"};
  return *names;
}

const std::vector<std::string>& MetricNames() {
  static const auto* const names = new std::vector<std::string>{
      "val_acc", "val_loss", "val_loss_batch_mean", "best_val_acc", "train_acc_last_step",
      "seconds"};
  return *names;
}

absl::StatusOr<std::unique_ptr<ResultsText>> MakeResultsText(std::string_view format,
                                                             std::string_view metric) {
  absl::Status status = Check("format", format, FormatNames());
  if (!status.ok()) return status;
  if (format == "csv") return MakeCsvText();
  if (format == "json") return MakeJsonText();
  if (format == "jsonl") return MakeJsonLinesText();
  status = Check("metric", metric, MetricNames());
  if (!status.ok()) return status;
  return MakeOptunaJournal(std::string(metric));
}

}  // namespace bitsweep::results
