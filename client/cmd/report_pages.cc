// SPDX-License-Identifier: Apache-2.0
#include "client/cmd/report_pages.h"

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

bool IsId(const std::string& name) { return name.find('/') == std::string::npos; }

// What a side of a comparison names.
struct Side {
  std::string name;
  v1::Sweep sweep;  // of a sweep
  v1::Model model;  // of a model
  bool is_model = false;
};

absl::StatusOr<Side> FindSide(const Connection& connection, const std::string& name) {
  if (IsId(name) || CollectionOf(name) == "sweeps") {
    absl::StatusOr<v1::Sweep> sweep = GetSweep(connection, FullName("sweeps", name));
    if (sweep.ok()) return Side{.name = sweep->name(), .sweep = *std::move(sweep)};
    if (!IsId(name) || !absl::IsNotFound(sweep.status())) return sweep.status();
  }
  if (IsId(name) || CollectionOf(name) == "models") {
    absl::StatusOr<v1::Model> model = GetModel(connection, FullName("models", name));
    if (model.ok())
      return Side{.name = model->name(), .model = *std::move(model), .is_model = true};
    if (!IsId(name) || !absl::IsNotFound(model.status())) return model.status();
    return absl::NotFoundError(fmt::format("no such sweep or model: {}", name));
  }
  return absl::InvalidArgumentError(
      fmt::format("--compare {}: expected sweeps/ID or models/ID", name));
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
                                           std::array<Side, 2> sides) {
  std::array<report::SweepResults, 2> results;
  std::array<report::Curve, 2> best;
  for (std::size_t i = 0; i < 2; ++i) {
    ASSIGN_OR_RETURN(results[i], FetchResults(connection, std::move(sides[i].sweep)));
    const std::vector<std::int64_t> numbers = results[i].BestFirst();
    if (numbers.empty()) continue;
    ASSIGN_OR_RETURN(best[i], FetchCurve(connection, results[i], numbers.front()));
  }
  return report::BuildSweepComparison(results[0], results[1], best[0], best[1], MadeText());
}

}  // namespace

absl::StatusOr<NamedPage> ReportPage(const Connection& connection,
                                     const std::vector<std::string>& names) {
  const std::string& first = names.front();
  for (const std::string& name : names) {
    const std::string collection = CollectionOf(name);
    if (!IsId(name) && collection != "sweeps" && collection != "transforms") {
      return absl::InvalidArgumentError(
          fmt::format("{}: expected sweeps/ID or transforms/ID", name));
    }
    if (names.size() > 1 && collection == "sweeps") {
      return absl::InvalidArgumentError(fmt::format(
          "{}: expected transforms where several are named; --compare takes two sweeps", name));
    }
  }
  if (names.size() == 1 && (IsId(first) || CollectionOf(first) == "sweeps")) {
    absl::StatusOr<v1::Sweep> sweep = GetSweep(connection, FullName("sweeps", first));
    if (sweep.ok()) {
      const std::string id = LastPart(sweep->name());
      ASSIGN_OR_RETURN(report::Page page, SweepPage(connection, *std::move(sweep)));
      return NamedPage{id, std::move(page)};
    }
    if (!IsId(first) || !absl::IsNotFound(sweep.status())) return sweep.status();
  }
  std::vector<std::string> transforms;
  for (const std::string& name : names) transforms.push_back(FullName("transforms", name));
  absl::StatusOr<report::Page> page = FetchTransformPage(connection, transforms, MadeText());
  if (absl::IsNotFound(page.status()) && names.size() == 1 && IsId(first)) {
    return absl::NotFoundError(fmt::format("no such sweep or transform: {}", first));
  }
  RETURN_IF_ERROR(page.status());
  return NamedPage{LastPart(transforms.front()), *std::move(page)};
}

absl::StatusOr<NamedPage> ComparisonPage(const Connection& connection, const std::string& a,
                                         const std::string& b) {
  std::array<Side, 2> sides;
  ASSIGN_OR_RETURN(sides[0], FindSide(connection, a));
  ASSIGN_OR_RETURN(sides[1], FindSide(connection, b));
  const std::string id = fmt::format("{}-and-{}", LastPart(sides[0].name), LastPart(sides[1].name));
  if (sides[0].is_model != sides[1].is_model) {
    return absl::InvalidArgumentError(
        fmt::format("{} and {} are of different kinds; expected two sweeps or two models",
                    sides[0].name, sides[1].name));
  }
  if (sides[0].is_model) {
    ASSIGN_OR_RETURN(const report::ComparedModel left,
                     FetchModel(connection, std::move(sides[0].model)));
    ASSIGN_OR_RETURN(const report::ComparedModel right,
                     FetchModel(connection, std::move(sides[1].model)));
    return NamedPage{id, report::BuildModelComparison(left, right, MadeText())};
  }
  ASSIGN_OR_RETURN(report::Page page, CompareSweeps(connection, std::move(sides)));
  return NamedPage{id, std::move(page)};
}

}  // namespace bitsweep::client
