// SPDX-License-Identifier: Apache-2.0
#include "client/report/transform_facts.h"

#include <algorithm>
#include <set>
#include <utility>

#include "client/report/fields.h"
#include "client/report/vega_lite.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

constexpr std::size_t kMostGraphBytes = 20'000;
constexpr std::size_t kMostNamedWorkers = 8;
constexpr std::size_t kLineWidth = 110;

std::string DataText(const v1::Dataset& data) {
  if (data.name().empty()) return "none";
  std::string text = data.name();
  if (data.synthetic().has_rows()) {
    text += fmt::format(", {}", Count(data.synthetic().rows(), "row"));
  }
  return text;
}

std::string PassesText(const v1::Transform& transform) {
  std::vector<std::string> names;
  for (const v1::Pass& pass : transform.passes()) {
    const auto* field = v1::Pass::descriptor()->FindFieldByNumber(pass.pass_case());
    names.push_back(field == nullptr ? "unknown" : field->name());
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string AxesText(const v1::Transform& transform) {
  std::vector<std::string> axes;
  for (const v1::QuantizationAxis& axis : transform.axes()) {
    axes.push_back(fmt::format("{}: {}", axis.entry(), fmt::join(axis.values(), ", ")));
  }
  return fmt::format("{}", fmt::join(axes, "\n"));
}

std::string JobsText(const v1::Transform& transform) {
  const v1::TrialCounts& counts = transform.counts();
  std::vector<std::string> parts;
  for (const auto& [count, state] :
       {std::pair(counts.succeeded(), "succeeded"), std::pair(counts.failed(), "failed"),
        std::pair(counts.dead(), "dead"), std::pair(counts.cancelled(), "cancelled"),
        std::pair(counts.running(), "running"), std::pair(counts.leased(), "leased"),
        std::pair(counts.queued(), "queued")}) {
    if (count > 0) parts.push_back(fmt::format("{} {}", Grouped(count), state));
  }
  return fmt::format("{}: {}", Grouped(transform.job_count()), fmt::join(parts, ", "));
}

std::string WorkersText(const std::vector<TransformRun>& runs) {
  std::set<std::string> workers;
  for (const TransformRun& run : runs) {
    for (const v1::TransformJob& job : run.jobs) {
      if (!job.worker().empty()) workers.insert(job.worker());
    }
  }
  if (workers.size() <= kMostNamedWorkers) return fmt::format("{}", fmt::join(workers, ", "));
  return Count(static_cast<std::int64_t>(workers.size()), "worker");
}

// JSON whose short values stand on one line.
std::string Indented(const Json& value, std::size_t indent) {
  const std::string line = value.dump();
  if (!value.is_structured() || indent + line.size() <= kLineWidth) return line;
  const std::string margin(indent + 2, ' ');
  std::string text;
  for (const auto& [key, item] : value.items()) {
    const std::string name = value.is_object() ? Json(key).dump() + ": " : "";
    text += fmt::format("{}\n{}{}{}", text.empty() ? "" : ",", margin, name,
                        Indented(item, indent + 2));
  }
  const std::string end = "\n" + std::string(indent, ' ');
  return value.is_object() ? "{" + text + end + "}" : "[" + text + end + "]";
}

double SecondsOf(const std::vector<v1::TransformJob>& jobs) {
  double seconds = 0;
  for (const v1::TransformJob& job : jobs) seconds += job.seconds();
  return seconds;
}

void AddOne(const TransformRun& run, Facts& facts) {
  const v1::Transform& t = run.transform;
  const auto add = [&](const char* name, std::string value) {
    if (!value.empty()) facts.items.emplace_back(name, std::move(value));
  };
  add("transform", t.name());
  add("display name", t.display_name());
  add("state", TransformStateText(t));
  add("jobs", JobsText(t));
  add("model", TransformModelText(t));
  add("seed", fmt::format("{}", t.seed()));
  add("created", TimeText(t.create_time()));
  add("started", TimeText(t.start_time()));
  add("ended", TimeText(t.end_time()));
  add("time in jobs", DurationText(SecondsOf(run.jobs)));
  add("digest of the specification", t.spec_digest());
}

Table RunsTable(const std::vector<TransformRun>& runs) {
  client::Table table{
      .columns = {{"Transform"}, {"Model"}, {"Seed"}, {"State"}, {"Jobs"}, {"Started"}, {"Ended"}},
      .rows = {}};
  for (const TransformRun& run : runs) {
    const v1::Transform& t = run.transform;
    table.rows.push_back({t.name(), TransformModelText(t), std::int64_t{t.seed()},
                          TransformStateText(t), JobsText(t), TimeText(t.start_time()),
                          TimeText(t.end_time())});
  }
  return TableFrom(table, "Transforms");
}

}  // namespace

std::string TransformModelText(const v1::Transform& transform) {
  const v1::ModelSource& model = transform.model();
  if (!model.builtin().empty()) return model.builtin();
  return model.name().empty() ? "a graph" : model.name();
}

std::string TransformStateText(const v1::Transform& transform) {
  return LowerEnum(v1::Sweep::State_Name(transform.state()), "STATE_");
}

Blocks WhatWasRun(const std::vector<TransformRun>& runs) {
  const v1::Transform& first = runs[0].transform;
  Facts facts;
  Blocks blocks;
  if (runs.size() == 1) {
    AddOne(runs[0], facts);
  } else {
    blocks.push_back(RunsTable(runs));
  }
  std::set<std::string> digests;
  for (const TransformRun& run : runs) {
    if (!run.transform.data_digest().empty()) digests.insert(run.transform.data_digest());
  }
  const auto add = [&](const char* name, std::string value) {
    if (!value.empty()) facts.items.emplace_back(name, std::move(value));
  };
  add("data set", DataText(first.dataset()));
  add("digest of the data", fmt::format("{}", fmt::join(digests, "\n")));
  add("passes", PassesText(first));
  add("axes", AxesText(first));
  add("workers", WorkersText(runs));
  blocks.push_back(std::move(facts));
  if (digests.size() > 1) {
    blocks.push_back(Warning("The transforms did not see the same data: their digests differ."));
  }
  return blocks;
}

std::string SpecificationText(const v1::Transform& transform) {
  v1::Transform spec = transform;
  // What the server fills is no part of it.
  const auto* descriptor = v1::Transform::descriptor();
  const auto* reflection = v1::Transform::GetReflection();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto* field = descriptor->field(i);
    if (field->number() == 1 || field->number() >= 20) reflection->ClearField(&spec, field);
  }
  if (spec.model().graph().ByteSizeLong() > kMostGraphBytes) {
    auto& fields = *spec.mutable_model()->mutable_graph()->mutable_fields();
    fields.erase("nodes");
    fields["nodes"].set_string_value("(too long to be shown)");
  }
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(spec, &text, options).ok()) return "";
  return Indented(Json::parse(text), 0);
}

}  // namespace bitsweep::report
