// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <optional>

#include "CLI/CLI.hpp"
#include "client/api/sweep_data.h"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "client/output/pass_report.h"
#include "client/output/progress.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "proto/convert/trial.h"

namespace bitsweep::client {
namespace {

// What a person named: a transform, or one job of it.
struct Target {
  std::string transform;  // "transforms/grid"
  std::string job;        // "transforms/grid/jobs/7"; empty: none was named
};

// "grid", "transforms/grid", "grid/7" and "transforms/grid/jobs/7".
Target TargetOf(const std::string& name) {
  const std::string prefix = "transforms/";
  std::string rest = name.starts_with(prefix) ? name.substr(prefix.size()) : name;
  const std::size_t slash = rest.find('/');
  if (slash == std::string::npos) return {.transform = prefix + rest, .job = ""};
  const std::string jobs = "/jobs/";
  const std::size_t number = rest.compare(slash, jobs.size(), jobs) == 0 ? jobs.size() : 1;
  return {.transform = prefix + rest.substr(0, slash),
          .job = prefix + rest.substr(0, slash) + jobs + rest.substr(slash + number)};
}

class Lines {
 public:
  explicit Lines(std::ostream& out) : out_(out) {}
  void Add(const char* what, const std::string& value) {
    if (!value.empty()) out_ << fmt::format("{:<16}{}\n", what, value);
  }

 private:
  std::ostream& out_;
};

std::string ModelText(const v1::ModelSource& model) {
  if (!model.builtin().empty()) return model.builtin();
  return model.name().empty() ? "a graph" : model.name();
}

std::string AxesText(const v1::Transform& transform) {
  std::string text;
  for (const v1::QuantizationAxis& axis : transform.axes()) {
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", axis.entry(),
                        Plural(axis.values_size(), "value"));
  }
  return text;
}

void PrintTransform(Context& context, const v1::Transform& transform) {
  const v1::TrialCounts& counts = transform.counts();
  Lines lines(*context.out);
  lines.Add("transform", transform.name());
  lines.Add("display name", transform.display_name());
  lines.Add("state", ShortEnum(v1::Sweep::State_Name(transform.state()), "STATE_"));
  lines.Add("jobs", fmt::format("{} of {} ended: {} queued, {} leased, {} running, {} succeeded, "
                                "{} failed, {} cancelled, {} dead",
                                Ended(counts), transform.job_count(), counts.queued(),
                                counts.leased(), counts.running(), counts.succeeded(),
                                counts.failed(), counts.cancelled(), counts.dead()));
  lines.Add("model", ModelText(transform.model()));
  lines.Add("data set", transform.dataset().name());
  lines.Add("axes", AxesText(transform));
  lines.Add("seed", fmt::format("{}", transform.seed()));
  lines.Add("created", FormatTime(transform.create_time()));
  lines.Add("started", FormatTime(transform.start_time()));
  lines.Add("ended", FormatTime(transform.end_time()));
  if (transform.has_eta()) {
    lines.Add("ETA", ShortDuration(convert::FromProto(transform.eta())));
  }
  lines.Add("data digest", transform.data_digest());
}

void PrintJob(Context& context, const v1::TransformJob& job, std::int64_t jobs) {
  Lines lines(*context.out);
  if (jobs > 1) {
    lines.Add("job", LastPart(job.name()));
    lines.Add("job state", ShortEnum(v1::Trial::State_Name(job.state()), "STATE_"));
    std::string values;
    for (const v1::AxisValue& value : job.values()) {
      values += fmt::format("{}{} = {}", values.empty() ? "" : ", ", value.entry(), value.value());
    }
    lines.Add("values", values);
    lines.Add("pareto", job.pareto_optimal() ? "yes" : "");
  }
  lines.Add("why", FailureText(job.failure_reason(), job.failure_message()));
  lines.Add("new model", job.model());
  if (job.results().empty()) return;
  *context.out << "\n"
               << RenderPassResults(job, context.out_is_terminal ? Format::kTable : Format::kTsv);
}

absl::Status ShowTransform(Context& context, const std::string& name) {
  Target target = TargetOf(name);
  const Connection connection = context.Connect();
  ASSIGN_OR_RETURN(const v1::Transform transform, GetTransform(connection, target.transform));
  if (target.job.empty() && transform.job_count() == 1) target.job = transform.name() + "/jobs/0";
  std::optional<v1::TransformJob> job;
  if (!target.job.empty()) {
    ASSIGN_OR_RETURN(job, GetTransformJob(connection, target.job));
  }
  if (context.json) {
    if (job) {
      context.PrintJson({{"transform", &transform}, {"job", &*job}});
    } else {
      context.PrintJson({{"transform", &transform}});
    }
    return absl::OkStatus();
  }
  PrintTransform(context, transform);
  if (job) {
    PrintJob(context, *job, transform.job_count());
  } else if (context.out_is_terminal) {
    *context.out << fmt::format(
        "\nits jobs: bitsweep transform results {0}\none of them: bitsweep transform show {0}/0\n",
        LastPart(transform.name()));
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterTransformShow(CLI::App& transform, Command& chosen) {
  CLI::App* show =
      transform.add_subcommand("show", "One transform and what its passes gave, or one job of it");
  const auto name = std::make_shared<std::string>();
  show->add_option("TRANSFORM", *name, "Id of the transform, or TRANSFORM/NUMBER")->required();
  show->callback([name, &chosen] {
    chosen = [name](Context& c) {
      const absl::Status status = ShowTransform(c, *name);
      return status.ok() ? kExitOk : c.Fail(status);
    };
  });
}

}  // namespace bitsweep::client
