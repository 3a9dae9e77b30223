// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <utility>

#include "CLI/CLI.hpp"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "core/base/status_macros.h"

namespace bitsweep::client {
namespace {

struct TransformResultsOptions {
  std::string transform;
  std::string sort;
  std::string format;
};

// "accuracy" is best first: most. The others are least first. "accuracy asc" is what it says.
std::string TransformOrderBy(const std::string& sort) {
  if (sort == "accuracy") return "accuracy desc";
  if (sort.ends_with(" asc")) return sort.substr(0, sort.size() - 4);
  return sort;
}

absl::StatusOr<v1::ListTransformJobsResponse> JobsOf(const Connection& connection,
                                                     const std::string& name,
                                                     const std::string& sort) {
  v1::ListTransformJobsRequest request;
  request.set_parent(name);
  request.set_page_size(1000);
  request.set_order_by(TransformOrderBy(sort));
  v1::ListTransformJobsResponse all;
  do {
    v1::ListTransformJobsResponse page;
    RETURN_IF_ERROR(connection.Call(
        connection.transforms(), &v1::TransformService::Stub::ListTransformJobs, request, &page));
    all.mutable_jobs()->MergeFrom(page.jobs());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

Table TableOf(const v1::ListTransformJobsResponse& all) {
  const bool has_failures = std::any_of(all.jobs().begin(), all.jobs().end(), [](const auto& job) {
    return job.failure_reason() != v1::FAILURE_REASON_UNSPECIFIED;
  });
  Table table{.columns = {{"job"}}};
  if (all.jobs_size() > 0) {
    for (const v1::AxisValue& value : all.jobs(0).values()) {
      table.columns.push_back({value.entry()});
    }
  }
  const int axes = static_cast<int>(table.columns.size()) - 1;
  for (const Column& column :
       {Column{"state"}, Column{"accuracy", Precision::kFraction},
        Column{"original_accuracy", Precision::kFraction}, Column{"loss", Precision::kFraction},
        Column{"flops", Precision::kCount}, Column{"bitops", Precision::kCount},
        Column{"size_bits"}, Column{"seconds", Precision::kSeconds}, Column{"pareto"}}) {
    table.columns.push_back(column);
  }
  if (has_failures) table.columns.push_back({"failure"});
  for (const v1::TransformJob& job : all.jobs()) {
    const v1::TransformMetrics& m = job.metrics();
    std::vector<Cell> row(table.columns.size());
    std::size_t column = 0;
    const auto add = [&](bool is_known, auto value) {
      if (is_known) row[column] = std::move(value);
      ++column;
    };
    add(true, std::int64_t{std::stoll(LastPart(job.name()))});
    for (int i = 0; i < axes; ++i) {
      const bool is_known = i < job.values_size();
      add(is_known, is_known ? std::int64_t{job.values(i).value()} : std::int64_t{0});
    }
    add(true, ShortEnum(v1::Trial::State_Name(job.state()), "STATE_"));
    add(m.has_accuracy(), m.accuracy());
    add(m.has_original_accuracy(), m.original_accuracy());
    add(m.has_loss(), m.loss());
    add(m.has_flops(), m.flops());
    add(m.has_bitops(), m.bitops());
    add(m.has_size_bits(), std::int64_t{m.size_bits()});
    add(job.state() == v1::Trial::STATE_SUCCEEDED, job.seconds());
    add(true, std::string(job.pareto_optimal() ? "*" : ""));
    if (has_failures) add(true, FailureText(job.failure_reason(), job.failure_message()));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

absl::Status PrintTransformResults(Context& context, const std::string& name,
                                   const std::string& sort, const std::string& format) {
  ASSIGN_OR_RETURN(const v1::ListTransformJobsResponse all, JobsOf(context.Connect(), name, sort));
  if (context.json && format.empty()) {
    context.PrintJson(all);
    return absl::OkStatus();
  }
  return context.PrintTable(TableOf(all), format);
}

void RegisterTransformResults(CLI::App& transform, Command& chosen) {
  CLI::App* command = transform.add_subcommand(
      "results", "One row a job: accuracy, operations, size; * where no other job is better");
  const auto options = std::make_shared<TransformResultsOptions>();
  command->add_option("TRANSFORM", options->transform, "Id of the transform")->required();
  command->add_option("--sort", options->sort,
                      "Best first by accuracy, bitops, size_bits or seconds; or \"FIELD asc\", "
                      "\"FIELD desc\" (default: the plan's order)");
  command
      ->add_option("--format", options->format,
                   "table, tsv, csv or json (default: table on a terminal, tsv elsewhere)")
      ->check(CLI::IsMember({"table", "tsv", "csv", "json"}));
  command->callback([options, &chosen] {
    chosen = [options](Context& c) {
      const absl::Status status = PrintTransformResults(
          c, FullName("transforms", options->transform), options->sort, options->format);
      return status.ok() ? kExitOk : c.Fail(status);
    };
  });
}

}  // namespace bitsweep::client
