// SPDX-License-Identifier: Apache-2.0
// verify_quantization: tensors and outputs before and after.
#include <algorithm>
#include <cmath>
#include <utility>

#include "client/report/transform_passes.h"
#include "client/report/vega_lite.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

constexpr int kMostGridLines = 200;
constexpr int kMostOutputs = 16;
constexpr int kMostShownValues = 128;

using Numbers = google::protobuf::RepeatedField<double>;

Json BeforeOrAfter() { return ColourOf("is", {"before", "after"}); }

// Multiples of the step from `low` to `high`; nothing where there are too many to see.
Json GridLines(double step, double low, double high) {
  Json rows = Json::array();
  if (!(step > 0) || !std::isfinite(low) || !std::isfinite(high)) return rows;
  const double first = std::ceil(low / step);
  const double last = std::floor(high / step);
  if (last - first + 1 > kMostGridLines) return rows;
  for (double k = first; k <= last; ++k) rows.push_back({{"grid", k * step}});
  return rows;
}

// binary's numbers are -1 and 1: a step of 2 from 1.
Json GridOf(const v1::QuantizedTensor& tensor, double low, double high) {
  if (tensor.step() == 2 && tensor.format().starts_with("binary")) {
    return Json::array({{{"grid", -1}}, {{"grid", 1}}});
  }
  return GridLines(tensor.step(), low, high);
}

Json GridLayer(Json lines) {
  return {{"name", "grid"},
          {"data", DataRows(std::move(lines))},
          {"mark", {{"type", "rule"}, {"opacity", 0.25}, {"strokeWidth", 1}}},
          {"encoding", {{"x", Quantity("grid", "value")}}}};
}

std::string About(const v1::QuantizedTensor& t) {
  return fmt::format(
      "{}. {} of {} values saturated, {} flushed to zero, {} distinct after; SQNR {:.2f} dB.",
      t.format(), NumberText(static_cast<double>(t.saturated())),
      NumberText(static_cast<double>(t.elements())),
      NumberText(static_cast<double>(t.flushed_to_zero())),
      NumberText(static_cast<double>(t.distinct())), t.sqnr_db());
}

// Bars of all values, before and after over one another.
Chart HistogramChart(const v1::QuantizedTensor& tensor, const std::string& id) {
  const v1::QuantizationHistogram& histogram = tensor.histogram();
  const double width = histogram.bin_width();
  Json rows = Json::array();
  // Where a bin is a step of the grid, both are as high: then after is narrower, to be seen.
  const auto add = [&](const auto& counts, const char* is, double margin) {
    for (int i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      const double low = histogram.low() + i * width;
      rows.push_back({{"low", FiniteNumber(low + margin * width)},
                      {"high", FiniteNumber(low + (1 - margin) * width)},
                      {"values", counts[i]},
                      {"zero", 0},
                      {"is", is}});
    }
  };
  add(histogram.original(), "before", 0);
  const bool is_finer = tensor.step() > 0 && width < 0.9 * tensor.step();
  add(histogram.quantized(), "after", is_finer ? 0 : 0.25);
  const double high = histogram.low() + width * histogram.original_size();
  Json grid = GridOf(tensor, histogram.low(), high);
  const std::size_t lines = grid.size();
  Json x = Quantity("low", "value");
  x["scale"] = {{"zero", false}, {"nice", false}};
  x["axis"] = {{"grid", false}};
  Json y = Quantity("values", "count");
  y["axis"] = {{"tickMinStep", 1}, {"tickCount", 5}};
  const std::string shown = lines > 0
                                ? " Thin lines are the numbers of the format's grid."
                                : (tensor.step() > 0 ? " The grid is too fine to be drawn." : "");
  return MakeChart(
      id, tensor.node() + "." + tensor.tensor(),
      About(tensor) + " All values in bins, before and after over one another." + shown,
      {{"height", 150},
       {"layer",
        {{{"name", "values"},
          {"data", DataRows(std::move(rows))},
          {"mark", {{"type", "rect"}, {"opacity", 0.65}, {"tooltip", true}}},
          {"encoding",
           {{"x", std::move(x)},
            {"x2", {{"field", "high"}}},
            {"y", std::move(y)},
            {"y2", {{"field", "zero"}}},
            {"color", BeforeOrAfter()}}}},
         GridLayer(std::move(grid))}}});
}

// The leading values, from workers that gave no histogram.
Chart LeadingChart(const v1::QuantizedTensor& tensor, const std::string& id) {
  Json rows = Json::array();
  const int shown = std::min({tensor.original_size(), tensor.quantized_size(), kMostShownValues});
  double low = HUGE_VAL;
  double high = -HUGE_VAL;
  for (int i = 0; i < shown; ++i) {
    for (const auto& [value, is] :
         {std::pair(tensor.original(i), "before"), std::pair(tensor.quantized(i), "after")}) {
      rows.push_back({{"value", FiniteNumber(value)}, {"is", is}});
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  Json x = Quantity("value", "value");
  x["scale"] = {{"zero", false}};
  Json y = Category("is", "");
  return MakeChart(
      id, tensor.node() + "." + tensor.tensor(),
      About(tensor) + fmt::format(" The first {} of {} values before and after quantization: the "
                                  "worker that made this result gave no histogram.",
                                  shown, tensor.elements()),
      {{"height", 70},
       {"layer",
        {{{"name", "values"},
          {"data", DataRows(std::move(rows))},
          {"mark", {{"type", "tick"}, {"opacity", 0.6}, {"thickness", 1.5}}},
          {"encoding", {{"x", std::move(x)}, {"y", std::move(y)}, {"color", BeforeOrAfter()}}}},
         GridLayer(GridOf(tensor, low, high))}}});
}

// Those with the most noise first, where not all are drawn.
std::vector<const v1::QuantizedTensor*> Chosen(const v1::QuantizationReport& report) {
  std::vector<const v1::QuantizedTensor*> tensors;
  for (const v1::QuantizedTensor& tensor : report.tensors()) tensors.push_back(&tensor);
  if (tensors.size() <= kMostHistograms) return tensors;
  std::vector<const v1::QuantizedTensor*> by_noise = tensors;
  std::stable_sort(by_noise.begin(), by_noise.end(),
                   [](const auto* a, const auto* b) { return a->sqnr_db() < b->sqnr_db(); });
  by_noise.resize(kMostHistograms);
  std::erase_if(tensors, [&](const auto* tensor) {
    return std::find(by_noise.begin(), by_noise.end(), tensor) == by_noise.end();
  });
  return tensors;
}

Table TensorTable(const v1::QuantizationReport& report) {
  client::Table table{.columns = {{"Node"},
                                  {"Tensor"},
                                  {"Format"},
                                  {"Values", client::Precision::kCount},
                                  {"Distinct", client::Precision::kCount},
                                  {"Step"},
                                  {"Saturated", client::Precision::kCount},
                                  {"Flushed to 0", client::Precision::kCount},
                                  {"Max error"},
                                  {"Mean error"},
                                  {"SQNR, dB"}},
                      .rows = {}};
  for (const v1::QuantizedTensor& t : report.tensors()) {
    table.rows.push_back(
        {t.node(), t.tensor(), t.format(), std::int64_t{t.elements()}, std::int64_t{t.distinct()},
         t.step() > 0 ? client::Cell(t.step()) : client::Cell(), std::int64_t{t.saturated()},
         std::int64_t{t.flushed_to_zero()}, t.max_abs_error(), t.mean_abs_error(), t.sqnr_db()});
  }
  return TableFrom(table, "Tensors before and after quantization");
}

std::string ValuesText(const Numbers& values) {
  std::string text;
  for (int i = 0; i < std::min(values.size(), kMostOutputs); ++i) {
    // Lines break after every fourth.
    const char* separator = i == 0 ? "" : i % 4 == 0 ? ", " : ",\u00a0";
    text += fmt::format("{}{:.4g}", separator, values[i]);
  }
  if (values.size() > kMostOutputs) text += fmt::format(", \u2026 {}", values.size());
  return text;
}

// Each value before joined with the same value after.
std::optional<Chart> OutputChart(const v1::QuantizationReport& report, const std::string& id) {
  Json rows = Json::array();
  std::vector<std::string> left_out;
  std::size_t nodes = 0;
  for (const v1::QuantizedOutput& output : report.outputs()) {
    const int size = std::min(output.original_size(), output.quantized_size());
    if (rows.size() >= 2 * static_cast<std::size_t>(kMostShownValues)) {
      left_out.push_back(output.node());
      continue;
    }
    nodes += size > 0 ? 1 : 0;
    for (int i = 0; i < std::min(size, kMostOutputs); ++i) {
      rows.push_back({{"node", output.node()},
                      {"output", i},
                      {"before", FiniteNumber(output.original(i))},
                      {"error", FiniteNumber(output.quantized(i) - output.original(i))}});
    }
  }
  if (rows.empty()) return std::nullopt;
  Json x = Quantity("error", "after \u2212 before");
  return MakeChart(
      id + "-outputs", "What quantization changes in the outputs",
      fmt::format("A mark an output (the first {} of a node): its value after quantization less "
                  "its value before, for one input.{}",
                  kMostOutputs,
                  left_out.empty() ? "" : " Nodes further down are in the table only."),
      {{"height", RowsHeight(nodes, 24)},
       {"data", DataRows(std::move(rows))},
       {"mark", {{"type", "tick"}, {"thickness", 2}, {"opacity", 0.7}, {"tooltip", true}}},
       {"encoding", {{"y", Category("node", "")}, {"x", std::move(x)}}}});
}

Table OutputTable(const v1::QuantizationReport& report) {
  client::Table table{
      .columns = {{"Node"}, {"Type before"}, {"Type now"}, {"Max error"}, {"Before"}, {"After"}},
      .rows = {}};
  for (const v1::QuantizedOutput& o : report.outputs()) {
    double error = 0;
    for (int i = 0; i < std::min(o.original_size(), o.quantized_size()); ++i) {
      error = std::max(error, std::abs(o.quantized(i) - o.original(i)));
    }
    table.rows.push_back({o.node(), o.original_type(), o.quantized_type(), error,
                          ValuesText(o.original()), ValuesText(o.quantized())});
  }
  return TableFrom(table, "Outputs of quantized nodes for one input");
}

}  // namespace

Blocks BlocksOf(const v1::QuantizationReport& report, const std::string& id) {
  Blocks blocks;
  if (report.tensors().empty() && report.outputs().empty()) {
    blocks.push_back(Note("No node is quantized."));
    return blocks;
  }
  const std::vector<const v1::QuantizedTensor*> drawn = Chosen(report);
  if (static_cast<int>(drawn.size()) < report.tensors_size()) {
    blocks.push_back(Note(
        fmt::format("{} of {} tensors are drawn, those with the lowest SQNR; the table has all.",
                    drawn.size(), report.tensors_size())));
  }
  if (!report.tensors().empty()) blocks.push_back(TensorTable(report));
  Charts charts;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const std::string chart = fmt::format("{}-tensor-{}", id, i + 1);
    const v1::QuantizedTensor& tensor = *drawn[i];
    const bool has_histogram =
        tensor.histogram().original_size() > 0 && tensor.histogram().bin_width() > 0;
    if (has_histogram) {
      charts.charts.push_back(HistogramChart(tensor, chart));
    } else if (!tensor.original().empty()) {
      charts.charts.push_back(LeadingChart(tensor, chart));
    }
  }
  if (!charts.charts.empty()) blocks.push_back(std::move(charts));
  if (auto chart = OutputChart(report, id)) blocks.push_back(std::move(*chart));
  if (!report.outputs().empty()) blocks.push_back(OutputTable(report));
  return blocks;
}

}  // namespace bitsweep::report
