// SPDX-License-Identifier: Apache-2.0
// sweep list, show and trials.
#include <memory>
#include <vector>

#include "CLI/CLI.hpp"
#include "client/api/sweep_data.h"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "client/output/progress.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "proto/convert/trial.h"

namespace bitsweep::client {
namespace {

struct ListOptions {
  std::string sweep;
  std::string filter;
  std::string sort;
  std::int64_t limit = 0;  // 0: all
};

std::string StateOf(const v1::Sweep& sweep) {
  return ShortEnum(v1::Sweep::State_Name(sweep.state()), "STATE_");
}

absl::Status ListSweeps(Context& context, const ListOptions& options) {
  const Connection connection = context.Connect();
  v1::ListSweepsRequest request;
  request.set_filter(options.filter);
  request.set_page_size(
      options.limit == 0 ? 1000
                         : static_cast<std::int32_t>(std::min<std::int64_t>(options.limit, 1000)));
  v1::ListSweepsResponse all;
  do {
    v1::ListSweepsResponse page;
    RETURN_IF_ERROR(
        connection.Call(connection.sweeps(), &v1::SweepService::Stub::ListSweeps, request, &page));
    all.mutable_sweeps()->MergeFrom(page.sweeps());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() &&
           (options.limit == 0 || all.sweeps_size() < options.limit));
  if (options.limit > 0 && all.sweeps_size() > options.limit) {
    all.mutable_sweeps()->DeleteSubrange(static_cast<int>(options.limit),
                                         all.sweeps_size() - static_cast<int>(options.limit));
  }
  if (context.json) {
    context.PrintJson(all);
    return absl::OkStatus();
  }
  Table table{
      .columns = {{"sweep"}, {"state"}, {"ended"}, {"trials"}, {"created"}, {"display_name"}}};
  for (const v1::Sweep& sweep : all.sweeps()) {
    table.rows.push_back({LastPart(sweep.name()), StateOf(sweep), Ended(sweep.counts()),
                          std::int64_t{sweep.trial_count()}, FormatTime(sweep.create_time()),
                          sweep.display_name()});
  }
  return context.PrintTable(table);
}

// "by type: linear integer, relu integer; default NA"; empty where nothing is quantized.
std::string QuantizationText(const v1::Sweep& sweep) {
  if (!sweep.has_quantization()) return "";
  const v1::Quantization& quantization = sweep.quantization();
  std::string text = fmt::format("by {}:", quantization.by());
  for (int i = 0; i < quantization.rules_size(); ++i) {
    const v1::QuantizationRule& rule = quantization.rules(i);
    text += fmt::format("{} {} {}", i == 0 ? "" : ",", rule.key(), rule.config().name());
  }
  if (quantization.has_default_config()) {
    text += fmt::format("{} default {}", quantization.rules().empty() ? "" : ";",
                        quantization.default_config().name());
  }
  return text;
}

absl::Status ShowSweep(Context& context, const std::string& name) {
  const Connection connection = context.Connect();
  ASSIGN_OR_RETURN(const v1::Sweep sweep, GetSweep(connection, name));
  if (context.json) {
    context.PrintJson(sweep);
    return absl::OkStatus();
  }
  const v1::TrialCounts& counts = sweep.counts();
  const auto line = [&](const char* what, const std::string& value) {
    if (!value.empty()) *context.out << fmt::format("{:<16}{}\n", what, value);
  };
  const std::string model = !sweep.model().builtin().empty() ? sweep.model().builtin()
                            : !sweep.model().name().empty()  ? sweep.model().name()
                                                             : "a graph";
  line("sweep", sweep.name());
  line("display name", sweep.display_name());
  line("state", StateOf(sweep));
  line("trials", fmt::format("{} of {} ended ({} configurations x {} repeats)", Ended(counts),
                             sweep.trial_count(), sweep.configuration_count(), sweep.repeats()));
  line("", fmt::format("{} queued, {} leased, {} running, {} succeeded, {} failed, {} cancelled, "
                       "{} dead",
                       counts.queued(), counts.leased(), counts.running(), counts.succeeded(),
                       counts.failed(), counts.cancelled(), counts.dead()));
  line("model", model);
  line("quantization", QuantizationText(sweep));
  line("data set", sweep.dataset().name());
  std::string varying;
  for (const std::string& field : sweep.varying()) varying += (varying.empty() ? "" : ", ") + field;
  line("varying", varying);
  line("seed", fmt::format("{}", sweep.seed()));
  line("created", FormatTime(sweep.create_time()));
  line("started", FormatTime(sweep.start_time()));
  line("ended", FormatTime(sweep.end_time()));
  if (sweep.has_eta()) line("ETA", ShortDuration(convert::FromProto(sweep.eta())));
  line("data digest", sweep.data_digest());
  return absl::OkStatus();
}

absl::Status ListTrials(Context& context, const ListOptions& options) {
  const Connection connection = context.Connect();
  v1::ListTrialsRequest request;
  request.set_parent(FullName("sweeps", options.sweep));
  request.set_filter(options.filter);
  request.set_order_by(options.sort);
  request.set_page_size(1000);
  v1::ListTrialsResponse all;
  do {
    v1::ListTrialsResponse page;
    RETURN_IF_ERROR(
        connection.Call(connection.sweeps(), &v1::SweepService::Stub::ListTrials, request, &page));
    all.mutable_trials()->MergeFrom(page.trials());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (context.json) {
    context.PrintJson(all);
    return absl::OkStatus();
  }
  Table table{.columns = {{"trial"},
                          {"configuration"},
                          {"repeat"},
                          {"state"},
                          {"attempt"},
                          {"worker"},
                          {"epochs"},
                          {"val_acc", Precision::kFraction},
                          {"val_loss", Precision::kFraction},
                          {"seconds", Precision::kSeconds},
                          {"failure"}}};
  for (const v1::Trial& trial : all.trials()) {
    const bool has_result = trial.has_result();
    const std::string failure = FailureText(trial.failure_reason(), trial.failure_message());
    table.rows.push_back(
        {std::int64_t{std::stoll(LastPart(trial.name()))},
         std::int64_t{std::stoll(LastPart(trial.configuration()))}, std::int64_t{trial.repeat()},
         ShortEnum(v1::Trial::State_Name(trial.state()), "STATE_"), std::int64_t{trial.attempt()},
         LastPart(trial.worker()), std::int64_t{trial.epochs_done()},
         has_result ? Cell(trial.result().val_acc()) : Cell(),
         has_result ? Cell(trial.result().val_loss()) : Cell(),
         has_result ? Cell(trial.result().seconds()) : Cell(), failure});
  }
  return context.PrintTable(table);
}

Command RunQuery(std::function<absl::Status(Context&)> query) {
  return [query = std::move(query)](Context& context) {
    const absl::Status status = query(context);
    return status.ok() ? kExitOk : context.Fail(status);
  };
}

}  // namespace

void RegisterSweepQueries(CLI::App& sweep, Command& chosen) {
  const auto options = std::make_shared<ListOptions>();
  CLI::App* list = sweep.add_subcommand("list", "Sweeps, newest first");
  list->add_option("--filter", options->filter, "For example 'state = RUNNING' (docs/api.md)");
  list->add_option("--limit", options->limit, "At most this many (default: all)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}));
  list->callback([options, &chosen] {
    chosen = RunQuery([options](Context& c) { return ListSweeps(c, *options); });
  });

  CLI::App* show = sweep.add_subcommand("show", "One sweep and its counts");
  show->add_option("SWEEP", options->sweep, "Id of the sweep")->required();
  show->callback([options, &chosen] {
    chosen = RunQuery(
        [options](Context& c) { return ShowSweep(c, FullName("sweeps", options->sweep)); });
  });

  CLI::App* trials = sweep.add_subcommand("trials", "The trials of a sweep");
  trials->add_option("SWEEP", options->sweep, "Id of the sweep")->required();
  trials->add_option("--filter", options->filter,
                     "For example 'state = FAILED AND learning_rate > 1e-3' (docs/api.md)");
  trials->add_option("--sort", options->sort,
                     "number, val_acc, val_loss or seconds, with desc after it or not");
  trials->callback([options, &chosen] {
    chosen = RunQuery([options](Context& c) { return ListTrials(c, *options); });
  });
}

}  // namespace bitsweep::client
