// SPDX-License-Identifier: Apache-2.0
#include "client/report/compare_sweeps.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "client/report/chart_axis.h"
#include "client/report/compare_words.h"
#include "client/report/curve_charts.h"
#include "client/report/fields.h"
#include "client/report/sweep_tables.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

using nlohmann::json;

constexpr std::size_t kMostForestRows = 60;
constexpr std::size_t kMostListed = 50;

const v1::Hyperparameters& HyperparametersOf(const SweepResults& results, std::int64_t number) {
  return results.configurations[static_cast<std::size_t>(number)].hyperparameters();
}

// Equal for equal values: every field, in its shortest exact form.
std::string KeyOf(const v1::Hyperparameters& h) {
  std::string key;
  for (const std::string& field : FieldNames()) key += ValueOf(h, field).text + "\n";
  return key;
}

// Fields that vary in either sweep, in the plan's order.
std::vector<std::string> VaryingInEither(const SweepResults& a, const SweepResults& b) {
  std::vector<std::string> fields;
  for (const std::string& field : FieldNames()) {
    const auto varies = [&](const SweepResults& results) {
      const std::vector<std::string> varying = results.Varying();
      return std::find(varying.begin(), varying.end(), field) != varying.end();
    };
    if (varies(a) || varies(b)) fields.push_back(field);
  }
  return fields;
}

Table PairTable(const SweepResults& a, const Matching& matching,
                const std::vector<std::string>& fields) {
  Table table{.title = "Configurations of both",
              .mark = "the interval of the difference leaves out 0"};
  for (const std::string& field : fields) {
    table.columns.push_back({FieldTitle(field), "", field != "optimizer" && field != "schedule"});
  }
  for (const Column& column :
       {Column{"A", "mean val acc of A's repeats", true},
        Column{"B", "mean val acc of B's repeats", true}, Column{"B - A", "", true},
        Column{"95 % from", "lower end of Welch's 95 % interval of B - A", true},
        Column{"to", "upper end of Welch's 95 % interval of B - A", true}, Column{"in words"},
        Column{"sd A", "", true}, Column{"n A", "", true}, Column{"sd B", "", true},
        Column{"n B", "", true}}) {
    table.columns.push_back(column);
  }
  for (const ConfigurationPair& pair : matching.pairs) {
    Row row{.is_marked = pair.difference.IsMoreThanNoise()};
    for (const std::string& field : fields) {
      const FieldValue value = ValueOf(HyperparametersOf(a, pair.a), field);
      row.cells.push_back(value.number ? Cell{value.text, *value.number} : TextCell(value.text));
    }
    const std::optional<Interval>& interval = pair.difference.interval;
    row.cells.push_back(NumberCell(pair.sample_a.mean, "{:.4f}"));
    row.cells.push_back(NumberCell(pair.sample_b.mean, "{:.4f}"));
    row.cells.push_back({SignedText(pair.difference.value), pair.difference.value});
    row.cells.push_back(interval ? Cell{SignedText(interval->low), interval->low} : Cell{});
    row.cells.push_back(interval ? Cell{SignedText(interval->high), interval->high} : Cell{});
    row.cells.push_back(TextCell(DifferenceWords(pair.sample_a, pair.sample_b, pair.difference)));
    for (const Sample& sample : {pair.sample_a, pair.sample_b}) {
      row.cells.push_back(sample.sd ? NumberCell(*sample.sd, "{:.4f}") : Cell{});
      row.cells.push_back(CountCell(sample.n));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Of `fields` those that differ between the pairs: labels are short.
std::vector<std::string> DifferingFields(const SweepResults& a, const Matching& matching,
                                         std::vector<std::string> fields) {
  const v1::Hyperparameters& first = HyperparametersOf(a, matching.pairs.front().a);
  std::erase_if(fields, [&](const std::string& field) {
    return std::all_of(matching.pairs.begin(), matching.pairs.end(), [&](const auto& pair) {
      return ValueOf(HyperparametersOf(a, pair.a), field) == ValueOf(first, field);
    });
  });
  return fields;
}

Chart ForestChart(const SweepResults& a, const Matching& matching,
                  const std::vector<std::string>& all_fields) {
  const std::vector<std::string> fields = DifferingFields(a, matching, all_fields);
  std::vector<ConfigurationPair> drawn = matching.pairs;
  const bool is_cut = drawn.size() > kMostForestRows;
  if (is_cut) {
    std::stable_sort(drawn.begin(), drawn.end(), [](const auto& x, const auto& y) {
      return std::fabs(x.difference.value) > std::fabs(y.difference.value);
    });
    drawn.resize(kMostForestRows);
  }
  const char* const clear = "more than the noise";
  const char* const unclear = "within the noise, or not known";
  json rows = json::array();
  json domain = json::array();
  for (const ConfigurationPair& pair : drawn) {
    const std::string label =
        fmt::format("{}: {}", pair.a, ShortLabel(HyperparametersOf(a, pair.a), fields));
    domain.push_back(label);
    json row = {{"c", label},
                {"d", Rounded(pair.difference.value)},
                {"kind", pair.difference.IsMoreThanNoise() ? clear : unclear}};
    if (const std::optional<Interval>& interval = pair.difference.interval) {
      row["low"] = Rounded(interval->low);
      row["high"] = Rounded(interval->high);
    }
    rows.push_back(std::move(row));
  }
  const auto x = [](const char* member) {
    return json{{"field", member},
                {"type", "quantitative"},
                {"title", "B - A, mean validation accuracy"},
                {"axis", {{"format", "+~g"}}}};
  };
  const json y = {{"field", "c"},
                  {"type", "ordinal"},
                  {"title", nullptr},
                  {"scale", {{"domain", domain}}},
                  {"axis", {{"labelOverlap", false}, {"labelLimit", RowLabelLimit()}}}};
  const json colour = {
      {"field", "kind"},
      {"type", "nominal"},
      {"title", nullptr},
      {"legend", LegendOf({clear, unclear})},
      {"scale", {{"domain", {clear, unclear}}, {"range", {"#4287cf", "#8c97a3"}}}}};
  const json layers = {
      {{"name", "zero"},
       {"mark", {{"type", "rule"}, {"opacity", 0.6}, {"strokeDash", {4, 3}}}},
       {"data", {{"values", {{{"zero", 0}}}}}},
       {"encoding", {{"x", {{"field", "zero"}, {"type", "quantitative"}}}}}},
      {{"name", "intervals"},
       {"data", {{"name", "pairs"}}},
       {"transform", {{{"filter", "isValid(datum.low)"}}}},
       {"mark", {{"type", "rule"}, {"strokeWidth", 2}}},
       {"encoding", {{"x", x("low")}, {"x2", {{"field", "high"}}}, {"y", y}, {"color", colour}}}},
      {{"name", "differences"},
       {"data", {{"name", "pairs"}}},
       {"mark", {{"type", "point"}, {"shape", "diamond"}, {"size", 70}}},
       {"encoding", {{"x", x("d")}, {"y", y}, {"color", colour}}}}};
  std::string caption =
      "A diamond is the difference of the means, its bar Welch's 95 % interval; right of 0 B is "
      "better.";
  if (is_cut) {
    caption += fmt::format(" The {} largest differences of {} are drawn.", kMostForestRows,
                           Grouped(static_cast<std::int64_t>(matching.pairs.size())));
  }
  return {.id = "differences",
          .title = "Difference by configuration",
          .caption = caption,
          .vega_lite =
              LayeredChart(static_cast<int>(20 * drawn.size() + 10), {{"pairs", rows}}, layers)};
}

// Those that have no partner, as a list.
std::optional<Text> OnlyIn(const char* side, const SweepResults& results,
                           const std::vector<std::int64_t>& numbers,
                           const std::vector<std::string>& fields) {
  if (numbers.empty()) return std::nullopt;
  std::string text =
      fmt::format("Without an equal one with results on the other side, {}: {}. ", side,
                  Count(static_cast<std::int64_t>(numbers.size()), "configuration"));
  for (std::size_t i = 0; i < std::min(numbers.size(), kMostListed); ++i) {
    text += fmt::format("{}{}: {}", i == 0 ? "" : "; ", numbers[i],
                        ShortLabel(HyperparametersOf(results, numbers[i]), fields));
  }
  if (numbers.size() > kMostListed)
    text += fmt::format("; and {} more", numbers.size() - kMostListed);
  return Text{Text::Kind::kParagraph, text + "."};
}

std::vector<Text> CautionsOf(const SweepResults& a, const SweepResults& b) {
  std::vector<Text> cautions;
  const auto add = [&](Text::Kind kind, std::string text) {
    cautions.push_back({kind, std::move(text)});
  };
  if (a.sweep.data_digest() != b.sweep.data_digest() && !a.sweep.data_digest().empty() &&
      !b.sweep.data_digest().empty()) {
    add(Text::Kind::kWarning, "The data sets differ: the accuracies are not of the same rows.");
  } else if (a.sweep.dataset().split().SerializeAsString() !=
                 b.sweep.dataset().split().SerializeAsString() ||
             a.sweep.dataset().validation() != b.sweep.dataset().validation()) {
    add(Text::Kind::kWarning, "The splits differ: the accuracies are not of the same rows.");
  }
  for (const auto& [side, results] : {std::pair("A", &a), std::pair("B", &b)}) {
    if (!results->sweep.has_end_time()) {
      add(Text::Kind::kWarning, fmt::format("{} has not ended: {} of {} have a result.", side,
                                            Grouped(results->sweep.counts().succeeded()),
                                            Count(results->sweep.trial_count(), "trial")));
    }
  }
  if (a.sweep.seed() == b.sweep.seed()) {
    add(Text::Kind::kNote,
        fmt::format(
            "Both sweeps have the seed {}: equal configurations trained with the same seeds, so "
            "their repeats may be alike, and the intervals, which take them for independent, too "
            "wide.",
            a.sweep.seed()));
  }
  return cautions;
}

// The best of each, whatever their hyper-parameters.
std::optional<Text> BestAgainstBest(const SweepResults& a, const SweepResults& b) {
  const std::vector<std::int64_t> best_a = a.BestFirst();
  const std::vector<std::int64_t> best_b = b.BestFirst();
  if (best_a.empty() || best_b.empty()) return std::nullopt;
  const Sample sample_a = a.AccuracyOf(best_a.front());
  const Sample sample_b = b.AccuracyOf(best_b.front());
  return Text{
      Text::Kind::kNote,
      fmt::format("The best of each: A's {} has {:.4f}, B's {} has {:.4f}; {}. A best of many is "
                  "partly luck.",
                  a.LabelOf(best_a.front()), sample_a.mean, b.LabelOf(best_b.front()),
                  sample_b.mean,
                  DifferenceWords(sample_a, sample_b, WelchDifference(sample_a, sample_b)))};
}

std::string ChanceText(const Matching& matching) {
  const auto clear =
      std::count_if(matching.pairs.begin(), matching.pairs.end(),
                    [](const auto& pair) { return pair.difference.IsMoreThanNoise(); });
  return fmt::format(
      "{} {} in both; the interval leaves out 0 for {}. Of intervals without any real "
      "difference about 1 in 20 does so by chance.",
      Count(static_cast<std::int64_t>(matching.pairs.size()), "configuration"),
      matching.pairs.size() == 1 ? "is" : "are", Grouped(clear));
}

}  // namespace

Matching Match(const SweepResults& a, const SweepResults& b) {
  std::map<std::string, std::int64_t> of_b;
  for (const std::int64_t number : b.BestFirst())
    of_b[KeyOf(HyperparametersOf(b, number))] = number;
  Matching matching;
  std::map<std::string, std::int64_t> left = of_b;
  for (std::size_t i = 0; i < a.configurations.size(); ++i) {
    const auto number = static_cast<std::int64_t>(i);
    const std::string key = KeyOf(HyperparametersOf(a, number));
    const Sample sample_a = a.AccuracyOf(number);
    const auto found = of_b.find(key);
    if (found == of_b.end() || sample_a.n == 0) {
      matching.only_a.push_back(number);
      continue;
    }
    left.erase(key);
    const Sample sample_b = b.AccuracyOf(found->second);
    matching.pairs.push_back(
        {number, found->second, sample_a, sample_b, WelchDifference(sample_a, sample_b)});
  }
  for (std::size_t i = 0; i < b.configurations.size(); ++i) {
    const auto number = static_cast<std::int64_t>(i);
    const std::string key = KeyOf(HyperparametersOf(b, number));
    if (left.contains(key) || !of_b.contains(key)) matching.only_b.push_back(number);
  }
  return matching;
}

Table SideBySide(const std::string& title, const Facts& a, const Facts& b) {
  Table table{.title = title, .mark = "differs", .columns = {{""}, {"A"}, {"B"}}};
  const auto value_of = [](const Facts& facts, const std::string& name) {
    for (const auto& [other, value] : facts.items) {
      if (other == name) return value;
    }
    return std::string();
  };
  const auto add = [&](const std::string& name) {
    const std::string left = value_of(a, name);
    const std::string right = value_of(b, name);
    table.rows.push_back(
        {.cells = {TextCell(name), TextCell(left), TextCell(right)}, .is_marked = left != right});
  };
  for (const auto& item : a.items) add(item.first);
  for (const auto& item : b.items) {
    const bool is_new = std::none_of(a.items.begin(), a.items.end(),
                                     [&](const auto& other) { return other.first == item.first; });
    if (is_new) add(item.first);
  }
  return table;
}

Page BuildSweepComparison(const SweepResults& a, const SweepResults& b, const Curve& best_a,
                          const Curve& best_b, const std::string& made) {
  const Matching matching = Match(a, b);
  const std::vector<std::string> fields = VaryingInEither(a, b);
  Page page{.title = "Two sweeps compared",
            .subtitle = fmt::format("A: {} {}; B: {} {}", a.sweep.name(), a.sweep.display_name(),
                                    b.sweep.name(), b.sweep.display_name()),
            .made = made};
  Section differences{.id = "comparison", .title = "Difference of B to A"};
  for (Text& caution : CautionsOf(a, b)) differences.blocks.push_back(std::move(caution));
  if (std::optional<Text> best = BestAgainstBest(a, b))
    differences.blocks.push_back(*std::move(best));
  if (matching.pairs.empty()) {
    differences.blocks.push_back(
        Text{Text::Kind::kWarning, "No configuration has results in both sweeps."});
  } else {
    differences.blocks.push_back(Text{Text::Kind::kParagraph, ChanceText(matching)});
    differences.blocks.push_back(ForestChart(a, matching, fields));
    differences.blocks.push_back(PairTable(a, matching, fields));
  }
  for (const auto& [side, results, numbers] :
       {std::tuple("A", &a, &matching.only_a), std::tuple("B", &b, &matching.only_b)}) {
    if (std::optional<Text> text = OnlyIn(side, *results, *numbers, fields)) {
      differences.blocks.push_back(*std::move(text));
    }
  }
  page.sections.push_back(std::move(differences));

  std::vector<LabelledCurve> curves;
  if (!best_a.points.empty()) curves.push_back({"A: " + a.LabelOf(best_a.configuration), best_a});
  if (!best_b.points.empty()) curves.push_back({"B: " + b.LabelOf(best_b.configuration), best_b});
  std::vector<Chart> charts =
      LabelledCurveCharts("curves-best", "Training of the best of each", "", curves);
  if (!charts.empty()) {
    Section training{.id = "curves", .title = "Training"};
    for (Chart& chart : charts) training.blocks.push_back(std::move(chart));
    page.sections.push_back(std::move(training));
  }
  page.sections.push_back({.id = "run",
                           .title = "What was run",
                           .blocks = {SideBySide("Side by side", SweepFacts(a), SweepFacts(b))}});
  return page;
}

}  // namespace bitsweep::report
