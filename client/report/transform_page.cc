// SPDX-License-Identifier: Apache-2.0
#include "client/report/transform_page.h"

#include <algorithm>
#include <utility>

#include "client/report/fields.h"
#include "client/report/graph_chart.h"
#include "client/report/graph_nodes.h"
#include "client/report/transform_facts.h"
#include "client/report/transform_jobs.h"
#include "client/report/transform_passes.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep::report {
namespace {

std::string Subtitle(const std::vector<TransformRun>& runs) {
  const v1::Transform& first = runs[0].transform;
  if (runs.size() == 1) {
    return fmt::format("{}, {}, {}", first.name(), Count(first.job_count(), "job"),
                       TransformStateText(first));
  }
  return fmt::format("{} on {}, {} each", first.name(),
                     Count(static_cast<std::int64_t>(runs.size()), "model"),
                     Count(first.job_count(), "job"));
}

// What is still missing, above everything.
void AddRemarks(const std::vector<TransformRun>& runs, Blocks& blocks) {
  for (const TransformRun& run : runs) {
    const v1::Transform& t = run.transform;
    if (!t.has_end_time()) {
      blocks.push_back(Warning(fmt::format(
          "{} has not ended: {} of {} have succeeded. This page is what is known so far.", t.name(),
          Grouped(t.counts().succeeded()), Count(t.job_count(), "job"))));
    }
    if (t.has_end_time() && t.counts().succeeded() == 0) {
      blocks.push_back(
          Warning(fmt::format("{} has ended, and none of its jobs has succeeded: "
                              "there are no results.",
                              t.name())));
    }
  }
}

Section GraphSection(const TransformReportInput& input, const v1::Transform& transform) {
  const v1::TransformJob none;
  const GraphSource source = FindGraph(transform, input.job ? *input.job : none,
                                       input.result_model ? &*input.result_model : nullptr,
                                       input.source_model ? &*input.source_model : nullptr);
  Section section{.id = "graph", .title = "Graph", .blocks = {}};
  if (source.nodes.empty()) {
    section.blocks.push_back(Note(source.remark));
  } else if (source.nodes.size() > kMostDrawnNodes) {
    section.blocks.push_back(Note(
        fmt::format("The graph has {} nodes; up to {} are drawn.",
                    Grouped(static_cast<std::int64_t>(source.nodes.size())), kMostDrawnNodes)));
  } else {
    const auto quantized = std::count_if(source.nodes.begin(), source.nodes.end(),
                                         [](const DrawnNode& node) { return node.is_quantized; });
    section.blocks.push_back(GraphChart(
        "graph-picture", source.nodes,
        fmt::format("{}. {} of {} are quantized. B is the batch.", source.remark, quantized,
                    Count(static_cast<std::int64_t>(source.nodes.size()), "node"))));
  }
  return section;
}

// Which job's passes follow, and its headlines.
Section ShownJobSection(const ShownJob& shown, const v1::TransformJob& job) {
  Facts facts;
  facts.items.emplace_back("job", fmt::format("{}: {}", job.name(), shown.why));
  std::string values;
  for (const v1::AxisValue& value : job.values()) {
    values += fmt::format("{}{} = {}", values.empty() ? "" : ", ", value.entry(), value.value());
  }
  if (!values.empty()) facts.items.emplace_back("values", values);
  const v1::TransformMetrics& m = job.metrics();
  const auto add = [&](const char* name, bool is_known, const std::string& text) {
    if (is_known) facts.items.emplace_back(name, text);
  };
  add("accuracy", m.has_accuracy(), fmt::format("{:.4f}", m.accuracy()));
  add("accuracy before", m.has_original_accuracy(), fmt::format("{:.4f}", m.original_accuracy()));
  add("loss", m.has_loss(), fmt::format("{:.4f}", m.loss()));
  add("FLOPs", m.has_flops(), NumberText(m.flops()));
  add("BitOPs", m.has_bitops(), NumberText(m.bitops()));
  add("size", m.has_size_bits(), NumberText(static_cast<double>(m.size_bits())) + " bits");
  add("model", !job.model().empty(), job.model());
  add("worker", !job.worker().empty(), job.worker());
  add("seconds", true, fmt::format("{:.3g}", job.seconds()));
  return {.id = "shown-job", .title = "Results", .blocks = {std::move(facts)}};
}

}  // namespace

absl::StatusOr<Page> TransformPage(const TransformReportInput& input) {
  RETURN_IF_ERROR(CheckEqualSpecs(input.runs));
  const v1::Transform& first = input.runs[0].transform;
  Page page{.title = first.display_name().empty() ? IdOf(first.name()) : first.display_name(),
            .subtitle = Subtitle(input.runs),
            .made = input.made,
            .sections = {}};
  Blocks what;
  AddRemarks(input.runs, what);
  for (Block& block : WhatWasRun(input.runs)) what.push_back(std::move(block));
  page.sections.push_back({.id = "what-was-run", .title = "What was run", .blocks = what});

  const std::vector<TransformPoint> points = PointsOf(input.runs);
  if (!points.empty() && (points.size() > 1 || input.runs.size() > 1)) {
    page.sections.push_back(
        {.id = "jobs", .title = "Jobs", .blocks = JobBlocks(first, points, input.runs.size())});
  }
  Blocks failures = FailureBlocks(input.runs);
  if (!failures.empty()) {
    page.sections.push_back({.id = "failures", .title = "Failures", .blocks = std::move(failures)});
  }
  const std::optional<ShownJob> shown = JobToShow(input.runs);
  if (input.job && shown) page.sections.push_back(ShownJobSection(*shown, *input.job));
  page.sections.push_back(GraphSection(input, input.runs[shown ? shown->run : 0].transform));
  if (input.job) {
    for (Section& section : PassSections(*input.job)) page.sections.push_back(std::move(section));
  }
  page.sections.push_back({.id = "specification",
                           .title = "Specification",
                           .blocks = {Listing{.title = "", .text = SpecificationText(first)}}});
  return page;
}

}  // namespace bitsweep::report
