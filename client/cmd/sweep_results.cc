// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string_view>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "client/api/sweep_data.h"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

struct SweepResultsOptions {
  std::string sweep;
  std::string sort;
  std::string format;
};

// "val_acc" is best first: most for accuracies, least for losses and seconds. "val_loss desc" is
// what it says.
std::string SweepOrderBy(const std::string& sort) {
  const bool has_direction = sort.find(' ') != std::string::npos;
  const bool is_accuracy = sort.find("acc") != std::string::npos;
  return sort + (is_accuracy && !has_direction ? " desc" : "");
}

Cell HyperparameterCell(const v1::Hyperparameters& h, std::string_view field) {
  if (field == "max_epochs") return h.max_epochs();
  if (field == "learning_rate") return h.learning_rate();
  if (field == "batch_size") return h.batch_size();
  if (field == "weight_decay") return h.weight_decay();
  if (field == "optimizer") {
    return absl::AsciiStrToLower(ShortEnum(v1::Optimizer_Name(h.optimizer()), "OPTIMIZER_"));
  }
  if (field == "schedule") {
    return absl::AsciiStrToLower(ShortEnum(v1::Schedule_Name(h.schedule()), "SCHEDULE_"));
  }
  return std::monostate();  // a field of a newer server
}

Cell MeanCell(const v1::MetricSummary& summary) {
  return summary.has_mean() ? Cell(summary.mean()) : Cell();
}
Cell SdCell(const v1::MetricSummary& summary) {
  return summary.has_sd() ? Cell(summary.sd()) : Cell();
}

absl::StatusOr<Table> ResultsOf(const Connection& connection, const std::string& name,
                                const std::string& sort) {
  ASSIGN_OR_RETURN(const v1::Sweep sweep, GetSweep(connection, name));
  const std::vector<std::string> varying(sweep.varying().begin(), sweep.varying().end());
  Table table;
  table.columns = {{"configuration"}};
  for (const std::string& field : varying) table.columns.push_back({field});
  for (const Column& column : {Column{"n"}, Column{"val_acc_mean", Precision::kFraction},
                               Column{"val_acc_sd", Precision::kFraction},
                               Column{"train_acc_last_step_mean", Precision::kFraction},
                               Column{"val_loss_mean", Precision::kFraction},
                               Column{"seconds_mean", Precision::kSeconds}}) {
    table.columns.push_back(column);
  }
  v1::ListConfigurationsRequest request;
  request.set_parent(name);
  request.set_page_size(1000);
  request.set_order_by(SweepOrderBy(sort));
  do {
    v1::ListConfigurationsResponse page;
    RETURN_IF_ERROR(connection.Call(connection.sweeps(),
                                    &v1::SweepService::Stub::ListConfigurations, request, &page));
    for (const v1::Configuration& c : page.configurations()) {
      std::vector<Cell> row = {Cell(std::int64_t{std::stoll(LastPart(c.name()))})};
      for (const std::string& field : varying) {
        row.push_back(HyperparameterCell(c.hyperparameters(), field));
      }
      row.insert(row.end(), {Cell(std::int64_t{c.val_acc().n()}), MeanCell(c.val_acc()),
                             SdCell(c.val_acc()), MeanCell(c.train_acc_last_step()),
                             MeanCell(c.val_loss()), MeanCell(c.seconds())});
      table.rows.push_back(std::move(row));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return table;
}

}  // namespace

absl::Status PrintResults(Context& context, const std::string& name, const std::string& sort,
                          const std::string& format) {
  ASSIGN_OR_RETURN(const Table table, ResultsOf(context.Connect(), name, sort));
  return context.PrintTable(table, format);
}

void RegisterSweepResults(CLI::App& sweep, Command& chosen) {
  CLI::App* command = sweep.add_subcommand(
      "results", "One row a configuration, means and deviations over its repeats");
  const auto options = std::make_shared<SweepResultsOptions>();
  command->add_option("SWEEP", options->sweep, "Id of the sweep")->required();
  command->add_option("--sort", options->sort,
                      "Best first by val_acc, val_loss, best_val_acc, train_acc_last_step or "
                      "seconds; or \"FIELD asc\", \"FIELD desc\" (default: the plan's order)");
  command
      ->add_option("--format", options->format,
                   "table, tsv, csv or json (default: table on a terminal, tsv elsewhere)")
      ->check(CLI::IsMember({"table", "tsv", "csv", "json"}));
  command->callback([options, &chosen] {
    chosen = [options](Context& c) {
      const absl::Status status =
          PrintResults(c, FullName("sweeps", options->sweep), options->sort, options->format);
      return status.ok() ? kExitOk : c.Fail(status);
    };
  });
}

}  // namespace bitsweep::client
