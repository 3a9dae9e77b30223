// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

// "lab-1/7", "sweeps/lab-1/trials/7" -> the latter.
std::string TrialNameOf(const std::string& name) {
  if (name.starts_with("sweeps/")) return name;
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos) return name;
  return fmt::format("sweeps/{}/trials/{}", name.substr(0, slash), name.substr(slash + 1));
}

void PrintResult(const Context& context, const v1::Trial& trial) {
  const v1::TrialResult& r = trial.result();
  *context.out << fmt::format(
      "val_acc         {:.4f} (best {:.4f} in epoch {})\n"
      "val_loss        {:.6f} (mean of batch means {:.6f})\n"
      "last step       accuracy {:.4f}, loss {:.6f} on its training batch\n"
      "work            {}, {}, {} training rows, {} validation rows\n"
      "validation      {}\n"
      "speed           {:.2f} s, {:.0f} rows/s with {}\n"
      "data digest     {}\n",
      r.val_acc(), r.best_val_acc(), r.best_epoch(), r.val_loss(), r.val_loss_batch_mean(),
      r.train_acc_last_step(), r.train_loss_last_step(), Plural(r.epochs(), "epoch"),
      Plural(r.steps(), "step"), r.train_rows(), r.validation_rows(),
      absl::AsciiStrToLower(ShortEnum(v1::Validation_Name(r.validation()), "VALIDATION_")),
      r.seconds(), r.rows_per_second(), r.engine_version(), r.data_digest());
  if (!trial.model().empty()) *context.out << "model           " << trial.model() << "\n";
}

absl::Status PrintTrial(Context& context, const v1::Trial& trial) {
  const v1::Hyperparameters& h = trial.hyperparameters();
  *context.out << fmt::format(
      "trial           {}\nstate           {}\nconfiguration   {}, repeat {}\n"
      "seed            {}\nhyperparameters max_epochs={} learning_rate={} batch_size={} "
      "optimizer={} weight_decay={} schedule={}\n",
      trial.name(), ShortEnum(v1::Trial::State_Name(trial.state()), "STATE_"),
      LastPart(trial.configuration()), trial.repeat(), trial.seed(), h.max_epochs(),
      h.learning_rate(), h.batch_size(),
      absl::AsciiStrToLower(ShortEnum(v1::Optimizer_Name(h.optimizer()), "OPTIMIZER_")),
      h.weight_decay(),
      absl::AsciiStrToLower(ShortEnum(v1::Schedule_Name(h.schedule()), "SCHEDULE_")));
  if (trial.has_result()) PrintResult(context, trial);
  Table attempts{.columns = {{"attempt"}, {"worker"}, {"leased"}, {"ended"}, {"outcome"}, {"why"}}};
  for (const v1::Attempt& a : trial.attempts()) {
    const std::string reason = FailureText(a.failure_reason(), a.failure_message());
    attempts.rows.push_back({std::int64_t{a.number()}, LastPart(a.worker()),
                             FormatTime(a.lease_time()), FormatTime(a.end_time()), a.outcome(),
                             reason});
  }
  Table epochs{.columns = {{"epoch"},
                           {"learning_rate"},
                           {"train_loss", Precision::kFraction},
                           {"train_acc_last_step", Precision::kFraction},
                           {"val_acc", Precision::kFraction},
                           {"val_loss", Precision::kFraction},
                           {"seconds", Precision::kSeconds}}};
  for (const v1::EpochPoint& p : trial.epochs()) {
    epochs.rows.push_back({std::int64_t{p.epoch()}, p.learning_rate(), p.train_loss(),
                           p.train_acc_last_step(), p.val_acc(), p.val_loss(), p.seconds()});
  }
  for (const Table& table : {attempts, epochs}) {
    if (table.rows.empty()) continue;
    *context.out << "\n";
    RETURN_IF_ERROR(context.PrintTable(table));
  }
  return absl::OkStatus();
}

absl::Status ShowTrial(Context& context, const std::string& name) {
  const Connection connection = context.Connect();
  v1::GetTrialRequest request;
  request.set_name(TrialNameOf(name));
  v1::GetTrialResponse response;
  RETURN_IF_ERROR(
      connection.Call(connection.sweeps(), &v1::SweepService::Stub::GetTrial, request, &response));
  if (!context.json) return PrintTrial(context, response.trial());
  context.PrintJson(response.trial());
  return absl::OkStatus();
}

}  // namespace

void RegisterTrial(CLI::App& app, Command& chosen) {
  CLI::App* trial = app.add_subcommand("trial", "One training");
  CLI::App* show = trial->add_subcommand("show", "One trial with its attempts and epochs");
  const auto name = std::make_shared<std::string>();
  show->add_option("TRIAL", *name, "SWEEP/NUMBER, or sweeps/SWEEP/trials/NUMBER")->required();
  show->callback([name, &chosen] {
    chosen = [name](Context& c) {
      const absl::Status status = ShowTrial(c, *name);
      return status.ok() ? kExitOk : c.Fail(status);
    };
  });
  RequireVerb(*trial);
}

}  // namespace bitsweep::client
