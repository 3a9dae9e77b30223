// SPDX-License-Identifier: Apache-2.0
#include "client/report/sweep_tables.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "client/report/chart_axis.h"
#include "client/report/fields.h"
#include "fmt/format.h"

namespace bitsweep::report {
namespace {

std::string ModelText(const SweepResults& results) {
  const v1::ModelSource& model = results.sweep.model();
  std::string text = !model.builtin().empty() ? model.builtin()
                     : !model.name().empty()  ? model.name()
                                              : "a graph of its own";
  if (!results.graph_name.empty() && results.graph_name != text) text += ", " + results.graph_name;
  if (results.parameter_count > 0) {
    text += fmt::format(", {}", Count(results.parameter_count, "parameter"));
  }
  return text;
}

std::string DatasetText(const v1::Dataset& data) {
  std::string text = data.name();
  if (data.has_synthetic()) {
    text += fmt::format(", {}, seed {}", Count(data.synthetic().rows(), "row"),
                        data.synthetic().seed());
  }
  if (data.drop_duplicate_rows()) text += ", without duplicate rows";
  if (data.scaler() == v1::SCALER_NONE) text += ", features as they are";
  return text;
}

std::string SplitText(const SweepResults& results) {
  const v1::Split& split = results.sweep.dataset().split();
  std::string text = fmt::format("{:g} for validation, seed {}{}", split.validation_fraction(),
                                 split.seed(), split.stratified() ? ", stratified" : "");
  if (results.train_rows > 0) {
    text += fmt::format(" ({} to train, {} to validate)", Count(results.train_rows, "row"),
                        Grouped(results.validation_rows));
  }
  if (results.sweep.dataset().validation() == v1::VALIDATION_TRAINING_ROWS) {
    text += "; val_acc is measured on the training rows";
  }
  return text;
}

std::string SearchText(const v1::Sweep& sweep) {
  const char* search = sweep.has_grid()            ? "grid"
                       : sweep.has_one_at_a_time() ? "one at a time from the base"
                       : sweep.has_random()        ? "random"
                       : sweep.points_size() > 0   ? "points"
                                                   : "the base alone";
  std::vector<std::string> names;
  for (const std::string& field : sweep.varying()) names.push_back(FieldTitle(field));
  return names.empty() ? search : fmt::format("{}: {}", search, absl::StrJoin(names, ", "));
}

std::string CountsText(const v1::TrialCounts& c) {
  std::string text;
  for (const auto& [count, what] :
       {std::pair{c.succeeded(), "succeeded"}, std::pair{c.failed(), "failed"},
        std::pair{c.dead(), "dead"}, std::pair{c.cancelled(), "cancelled"},
        std::pair{c.running() + c.leased(), "under way"}, std::pair{c.queued(), "queued"}}) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", Grouped(count), what);
  }
  return text;
}

double SecondsBetween(const google::protobuf::Timestamp& a, const google::protobuf::Timestamp& b) {
  return static_cast<double>(b.seconds() - a.seconds()) + 1e-9 * (b.nanos() - a.nanos());
}

std::string BaseText(const SweepResults& results) {
  const v1::Hyperparameters base = ResolvedBase(results.sweep);
  std::vector<std::string> parts;
  for (const std::string& field : FieldNames()) {
    parts.push_back(FieldTitle(field) + " " + ValueOf(base, field).text);
  }
  return absl::StrJoin(parts, ", ");
}

// Summary's mean, or missing.
Cell MeanOf(const v1::MetricSummary& summary, const char* format) {
  return summary.has_mean() ? NumberCell(summary.mean(), format) : Cell{};
}

}  // namespace

Cell NumberCell(double value, const char* format) {
  if (!std::isfinite(value)) return {};
  return {fmt::format(fmt::runtime(format), value), value};
}

Cell CountCell(std::int64_t value) { return {Grouped(value), static_cast<double>(value)}; }

Cell TextCell(std::string text) { return {std::move(text), std::monostate()}; }

Facts SweepFacts(const SweepResults& results) {
  const v1::Sweep& sweep = results.sweep;
  Facts facts;
  const auto add = [&](const char* name, std::string value) {
    if (!value.empty()) facts.items.emplace_back(name, std::move(value));
  };
  add("sweep", sweep.name());
  add("name", sweep.display_name());
  add("state", LowerEnum(v1::Sweep::State_Name(sweep.state()), "STATE_"));
  add("plan", fmt::format("{} x {} = {}", Count(sweep.configuration_count(), "configuration"),
                          Count(sweep.has_repeats() ? sweep.repeats() : 1, "repeat"),
                          Count(sweep.trial_count(), "trial")));
  add("trials", CountsText(sweep.counts()));
  add("search", SearchText(sweep));
  add("base", BaseText(results));
  add("seed", std::to_string(sweep.seed()));
  add("model", ModelText(results));
  if (sweep.has_quantization())
    add("quantization", "aware of it in training, see the specification");
  add("data set", DatasetText(sweep.dataset()));
  add("split", SplitText(results));
  add("data digest", sweep.data_digest());
  add("specification", sweep.spec_digest());
  add("engine", absl::StrJoin(results.engines, "; "));
  add("workers", absl::StrJoin(results.workers, ", "));
  add("submitted", TimeText(sweep.create_time()));
  add("started", TimeText(sweep.start_time()));
  if (sweep.has_end_time()) {
    add("ended",
        fmt::format("{}{}", TimeText(sweep.end_time()),
                    sweep.has_start_time() ? ", after " + DurationText(SecondsBetween(
                                                              sweep.start_time(), sweep.end_time()))
                                           : ""));
  }
  if (!results.outcomes.empty()) {
    add("training", fmt::format("{} in all, {} epochs", DurationText(results.trial_seconds),
                                Grouped(std::llround(results.epochs_trained))));
  }
  return facts;
}

Table ConfigurationTable(const SweepResults& results, std::size_t& left_out) {
  const std::vector<std::string> varying = results.Varying();
  Table table{.title = "Configurations"};
  table.columns = {{"#", "number of the configuration, in the plan's order", true}};
  for (const std::string& field : varying) {
    const bool is_number = field != "optimizer" && field != "schedule";
    table.columns.push_back({FieldTitle(field), "", is_number});
  }
  for (const Column& column :
       {Column{"n", "repeats with a result", true},
        Column{"val acc", "mean over the repeats of the last epoch's validation accuracy", true},
        Column{"sd", "sample standard deviation of val acc (n - 1)", true},
        Column{"95 % from", "lower end of Student's 95 % interval of the mean", true},
        Column{"to", "upper end of Student's 95 % interval of the mean", true},
        Column{"best val acc", "mean of the best epoch's validation accuracy", true},
        Column{"train acc", "mean accuracy on the last step's batch", true},
        Column{"val loss", "mean of the last epoch's validation loss", true},
        Column{"seconds", "mean time of a trial", true},
        Column{"rows/s", "mean training rows a second", true}}) {
    table.columns.push_back(column);
  }
  std::vector<std::int64_t> shown;
  if (results.configurations.size() > kMostConfigurations) {
    shown = results.BestFirst();
    if (shown.size() > kMostConfigurations) shown.resize(kMostConfigurations);
  } else {
    for (std::size_t i = 0; i < results.configurations.size(); ++i) {
      shown.push_back(static_cast<std::int64_t>(i));
    }
  }
  left_out = results.configurations.size() - shown.size();
  const std::optional<std::int64_t> base = results.Base();
  for (const std::int64_t number : shown) {
    const v1::Configuration& c = results.configurations[static_cast<std::size_t>(number)];
    Row row{.is_marked = base == number};
    row.cells.push_back(CountCell(number));
    for (const std::string& field : varying) {
      const FieldValue value = ValueOf(c.hyperparameters(), field);
      row.cells.push_back(value.number ? Cell{value.text, *value.number} : TextCell(value.text));
    }
    const Sample sample = results.AccuracyOf(number);
    const std::optional<Interval> interval = MeanInterval(sample);
    row.cells.push_back(CountCell(sample.n));
    row.cells.push_back(MeanOf(c.val_acc(), "{:.4f}"));
    row.cells.push_back(sample.sd ? NumberCell(*sample.sd, "{:.4f}") : Cell{});
    row.cells.push_back(interval ? NumberCell(interval->low, "{:.4f}") : Cell{});
    row.cells.push_back(interval ? NumberCell(interval->high, "{:.4f}") : Cell{});
    row.cells.push_back(MeanOf(c.best_val_acc(), "{:.4f}"));
    row.cells.push_back(MeanOf(c.train_acc_last_step(), "{:.4f}"));
    row.cells.push_back(MeanOf(c.val_loss(), "{:.4f}"));
    row.cells.push_back(MeanOf(c.seconds(), "{:.3g}"));
    row.cells.push_back(c.rows_per_second().has_mean()
                            ? CountCell(std::llround(c.rows_per_second().mean()))
                            : Cell{});
    table.rows.push_back(std::move(row));
  }
  if (base && varying.size() > 0) table.mark = "the base of the search";
  return table;
}

std::optional<Section> FailureSection(const SweepResults& results) {
  if (results.failure_counts.empty()) return std::nullopt;
  Section section{.id = "failures", .title = "Without a result"};
  Facts facts;
  std::int64_t all = 0;
  for (const auto& [reason, count] : results.failure_counts) {
    facts.items.emplace_back(reason, Count(count, "trial"));
    all += count;
  }
  section.blocks.push_back(std::move(facts));
  Table table{.title = "Trials without a result",
              .columns = {{"trial", "", true},
                          {"configuration", "", true},
                          {"repeat", "", true},
                          {"state"},
                          {"reason"},
                          {"attempts", "", true},
                          {"message"}}};
  for (const Failure& failure : results.failures) {
    table.rows.push_back(
        {.cells = {CountCell(failure.trial), CountCell(failure.configuration),
                   CountCell(failure.repeat), TextCell(failure.state), TextCell(failure.reason),
                   CountCell(failure.attempts), TextCell(failure.message)}});
  }
  section.blocks.push_back(std::move(table));
  if (const std::int64_t more = all - static_cast<std::int64_t>(results.failures.size());
      more > 0) {
    section.blocks.push_back(
        Text{Text::Kind::kNote, fmt::format("{} more are not listed.", Count(more, "trial"))});
  }
  return section;
}

}  // namespace bitsweep::report
