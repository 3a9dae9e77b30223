// SPDX-License-Identifier: Apache-2.0
#include "client/cmd/report_pages.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/api/sweep_data.h"
#include "client/cmd/command.h"
#include "client/cmd/report_transform.h"
#include "client/report/compare_models.h"
#include "client/report/compare_sweeps.h"
#include "client/report/sweep_page.h"
#include "core/base/status_macros.h"
#include "core/base/version.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep::client {
namespace {

constexpr std::size_t kMostEpochs = 300;  // of one curve

std::string MadeText() {
  return fmt::format("Made {} by bitsweep {}.",
                     absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::Now(), absl::UTCTimeZone()),
                     Version());
}

std::string CollectionOf(const std::string& name) { return name.substr(0, name.find('/')); }

absl::StatusOr<report::SweepResults> FetchResults(const Connection& connection, v1::Sweep sweep) {
  report::SweepResults results;
  results.sweep = std::move(sweep);
  const std::string& name = results.sweep.name();
  ASSIGN_OR_RETURN(results.configurations, ListConfigurations(connection, name));
  RETURN_IF_ERROR(ForEachTrial(connection, name, v1::TRIAL_VIEW_BASIC, [&](const v1::Trial& trial) {
    results.Add(trial);
    return absl::OkStatus();
  }));
  return results;
}

absl::StatusOr<report::Curve> FetchCurve(const Connection& connection,
                                         const report::SweepResults& results,
                                         std::int64_t configuration) {
  report::CurveBuilder builder(configuration);
  RETURN_IF_ERROR(ForEachTrialThat(connection, results.sweep.name(),
                                   fmt::format("configuration = {}", configuration),
                                   v1::TRIAL_VIEW_FULL, [&](const v1::Trial& trial) {
                                     builder.Add(trial);
                                     return absl::OkStatus();
                                   }));
  return builder.Finish(kMostEpochs);
}

absl::StatusOr<report::Page> SweepPage(const Connection& connection, v1::Sweep sweep) {
  ASSIGN_OR_RETURN(const report::SweepResults results, FetchResults(connection, std::move(sweep)));
  std::vector<report::Curve> curves;
  for (const std::int64_t number : report::ConfigurationsToDraw(results)) {
    ASSIGN_OR_RETURN(report::Curve curve, FetchCurve(connection, results, number));
    curves.push_back(std::move(curve));
  }
  return report::BuildSweepPage(results, curves, MadeText());
}

// What a word of the command line names: one of the three, by its collection or as it is found.
struct Subject {
  std::string name;
  v1::Sweep sweep;  // of a sweep
  v1::Model model;  // of a model
};

absl::StatusOr<Subject> FindSubject(const Connection& connection, const std::string& name,
                                    const std::string& second_collection) {
  const bool is_bare = name.find('/') == std::string::npos;
  const std::string collection = is_bare ? "sweeps" : CollectionOf(name);
  if (collection == "sweeps") {
    absl::StatusOr<v1::Sweep> sweep = GetSweep(connection, FullName("sweeps", name));
    if (sweep.ok()) return Subject{.name = sweep->name(), .sweep = *std::move(sweep)};
    if (!is_bare || !absl::IsNotFound(sweep.status()) || second_collection == "transforms") {
      return sweep.status();
    }
  }
  const std::string chosen = is_bare ? second_collection : collection;
  if (chosen == "models" && second_collection == "models") {
    absl::StatusOr<v1::Model> model = GetModel(connection, FullName("models", name));
    if (model.ok()) return Subject{.name = model->name(), .model = *std::move(model)};
    if (!is_bare || !absl::IsNotFound(model.status())) return model.status();
    return absl::NotFoundError(fmt::format("there is no sweep and no model of the name {}", name));
  }
  return absl::InvalidArgumentError(
      fmt::format("{}: expected sweeps/ID or {}/ID", name, second_collection));
}

absl::StatusOr<report::ComparedModel> FetchModel(const Connection& connection, v1::Model model) {
  report::ComparedModel compared;
  compared.model = std::move(model);
  const std::string& trial_name = compared.model.source_trial();
  if (trial_name.empty()) return compared;
  v1::GetTrialRequest request;
  request.set_name(trial_name);
  v1::GetTrialResponse response;
  const absl::Status status =
      connection.Call(connection.sweeps(), &v1::SweepService::Stub::GetTrial, request, &response);
  if (absl::IsNotFound(status)) return compared;  // its sweep is gone, the model was kept
  RETURN_IF_ERROR(status);
  const std::string& configuration = response.trial().configuration();
  const std::string sweep = trial_name.substr(0, trial_name.find("/trials/"));
  ASSIGN_OR_RETURN(const std::vector<v1::Configuration> all, ListConfigurations(connection, sweep));
  for (const v1::Configuration& candidate : all) {
    if (candidate.name() == configuration) compared.configuration = candidate;
  }
  return compared;
}

absl::StatusOr<report::Page> CompareSweeps(const Connection& connection,
                                           std::array<Subject, 2> subjects) {
  std::array<report::SweepResults, 2> results;
  std::array<report::Curve, 2> best;
  for (std::size_t i = 0; i < 2; ++i) {
    ASSIGN_OR_RETURN(results[i], FetchResults(connection, std::move(subjects[i].sweep)));
    const std::vector<std::int64_t> numbers = results[i].BestFirst();
    if (numbers.empty()) continue;
    ASSIGN_OR_RETURN(best[i], FetchCurve(connection, results[i], numbers.front()));
  }
  return report::BuildSweepComparison(results[0], results[1], best[0], best[1], MadeText());
}

}  // namespace

absl::StatusOr<NamedPage> ReportPage(const Connection& connection,
                                     const std::vector<std::string>& names) {
  const std::string& name = names[0];
  const auto is_transform = [](const std::string& n) { return CollectionOf(n) == "transforms"; };
  const auto transform = [&](const std::vector<std::string>& all) -> absl::StatusOr<NamedPage> {
    ASSIGN_OR_RETURN(report::Page page, FetchTransformPage(connection, all, MadeText()));
    return NamedPage{LastPart(name), std::move(page)};
  };
  if (std::all_of(names.begin(), names.end(), is_transform)) return transform(names);
  if (names.size() > 1) {
    return absl::InvalidArgumentError(
        fmt::format("{}: a report of several is one of transforms; expected transforms/ID for each",
                    fmt::join(names, " ")));
  }
  absl::StatusOr<Subject> subject = FindSubject(connection, name, "transforms");
  const bool is_bare = name.find('/') == std::string::npos;
  if (is_bare && absl::IsNotFound(subject.status())) {
    absl::StatusOr<NamedPage> page = transform({FullName("transforms", name)});
    if (!absl::IsNotFound(page.status())) return page;
    return absl::NotFoundError(
        fmt::format("there is no sweep and no transform of the name {}", name));
  }
  RETURN_IF_ERROR(subject.status());
  ASSIGN_OR_RETURN(report::Page page, SweepPage(connection, std::move(subject->sweep)));
  return NamedPage{LastPart(subject->name), std::move(page)};
}

absl::StatusOr<NamedPage> ComparisonPage(const Connection& connection, const std::string& a,
                                         const std::string& b) {
  std::array<Subject, 2> subjects;
  ASSIGN_OR_RETURN(subjects[0], FindSubject(connection, a, "models"));
  ASSIGN_OR_RETURN(subjects[1], FindSubject(connection, b, "models"));
  const std::string id =
      fmt::format("{}-and-{}", LastPart(subjects[0].name), LastPart(subjects[1].name));
  const bool is_model = CollectionOf(subjects[0].name) == "models";
  if (is_model != (CollectionOf(subjects[1].name) == "models")) {
    return absl::InvalidArgumentError(
        fmt::format("{} and {} are of different kinds; expected two sweeps or two models",
                    subjects[0].name, subjects[1].name));
  }
  if (is_model) {
    ASSIGN_OR_RETURN(const report::ComparedModel left,
                     FetchModel(connection, std::move(subjects[0].model)));
    ASSIGN_OR_RETURN(const report::ComparedModel right,
                     FetchModel(connection, std::move(subjects[1].model)));
    return NamedPage{id, report::BuildModelComparison(left, right, MadeText())};
  }
  ASSIGN_OR_RETURN(report::Page page, CompareSweeps(connection, std::move(subjects)));
  return NamedPage{id, std::move(page)};
}

}  // namespace bitsweep::client
