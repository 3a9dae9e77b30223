// SPDX-License-Identifier: Apache-2.0
#include "client/report/compare_models.h"

#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "client/report/chart_axis.h"
#include "client/report/compare_sweeps.h"
#include "client/report/compare_words.h"
#include "client/report/fields.h"
#include "client/report/graph_nodes.h"
#include "client/report/statistics.h"
#include "client/report/sweep_tables.h"
#include "fmt/format.h"

namespace bitsweep::report {
namespace {

using Kind = Text::Kind;

Facts ModelFacts(const ComparedModel& compared) {
  const v1::Model& model = compared.model;
  Facts facts;
  const auto add = [&](const char* name, const std::string& value) {
    facts.items.emplace_back(name, value);
  };
  add("model", model.name());
  add("name", model.display_name());
  add("val acc", model.has_val_acc() ? AccuracyText(model.val_acc()) : "");
  add("graph", model.graph_name());
  add("parameters", Grouped(model.parameter_count()));
  add("checkpoint", fmt::format("{} bytes", Grouped(model.size_bytes())));
  add("made by", model.source_trial().empty() ? model.source_job() : model.source_trial());
  add("made from", model.parent_model());
  if (compared.configuration) {
    const v1::Hyperparameters& h = compared.configuration->hyperparameters();
    for (const std::string& field : FieldNames()) {
      facts.items.emplace_back(FieldTitle(field), ValueOf(h, field).text);
    }
    const v1::MetricSummary& s = compared.configuration->val_acc();
    add("its repeats", s.has_mean()
                           ? fmt::format("{} with mean val acc {:.4f}{}", s.n(), s.mean(),
                                         s.has_sd() ? fmt::format(", sd {:.4f}", s.sd()) : "")
                           : "");
  }
  add("stored", TimeText(model.create_time()));
  return facts;
}

std::optional<Sample> RepeatsOf(const ComparedModel& compared) {
  if (!compared.configuration || compared.configuration->val_acc().n() == 0) return std::nullopt;
  const v1::MetricSummary& s = compared.configuration->val_acc();
  return Sample{s.n(), s.mean(), s.has_sd() ? std::optional<double>(s.sd()) : std::nullopt};
}

std::vector<Text> AccuracyTexts(const ComparedModel& a, const ComparedModel& b) {
  std::vector<Text> texts;
  if (a.model.has_val_acc() && b.model.has_val_acc()) {
    const double difference = b.model.val_acc() - a.model.val_acc();
    texts.push_back(
        {Kind::kNote,
         difference == 0
             ? fmt::format("These two models have the same accuracy, {:.4f}.", a.model.val_acc())
             : fmt::format("Of these two models {} is better: A has {:.4f}, B {:.4f}, B - A is {}.",
                           difference > 0 ? "B" : "A", a.model.val_acc(), b.model.val_acc(),
                           SignedText(difference))});
  } else {
    texts.push_back(
        {Kind::kWarning, "The accuracy of at least one of these models was not measured."});
  }
  const std::optional<Sample> sample_a = RepeatsOf(a);
  const std::optional<Sample> sample_b = RepeatsOf(b);
  if (sample_a && sample_b) {
    const Difference difference = WelchDifference(*sample_a, *sample_b);
    texts.push_back(
        {Kind::kParagraph,
         fmt::format("Would it be so again? The repeats of what made them have the means {:.4f} "
                     "and {:.4f}: {}. The interval is Welch's, of 95 %.",
                     sample_a->mean, sample_b->mean,
                     DifferenceWords(*sample_a, *sample_b, difference))});
  } else {
    texts.push_back(
        {Kind::kParagraph,
         "Not both models were made by trials that still exist, so the noise is not known: "
         "the difference may be chance."});
  }
  return texts;
}

std::string ShapeText(const v1::TensorInfo& tensor) {
  std::string text = tensor.dtype();
  for (int i = 0; i < tensor.shape_size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? " " : " x ", tensor.shape(i));
  }
  return text;
}

Facts TensorFacts(const v1::Model& model) {
  Facts facts;
  for (const v1::TensorInfo& tensor : model.tensors()) {
    facts.items.emplace_back(tensor.name(), ShapeText(tensor));
  }
  return facts;
}

// "fc": "linear 256 -> 5, [B, 5]; quantized integer (8, 4); of data_in, weight, bias" of each node.
Facts NodeFacts(const v1::Model& model) {
  Facts facts;
  const std::optional<std::vector<DrawnNode>> nodes = NodesOf(model.graph());
  if (!nodes) return facts;
  for (const DrawnNode& node : *nodes) {
    facts.items.emplace_back(node.name, absl::StrJoin(node.lines, "; "));
  }
  return facts;
}

}  // namespace

Page BuildModelComparison(const ComparedModel& a, const ComparedModel& b, const std::string& made) {
  Page page{.title = "Two models compared",
            .subtitle = fmt::format("A: {}; B: {}", a.model.name(), b.model.name()),
            .made = made};
  Section comparison{.id = "comparison", .title = "Difference of B to A"};
  for (Text& text : AccuracyTexts(a, b)) comparison.blocks.push_back(std::move(text));
  comparison.blocks.push_back(SideBySide("Side by side", ModelFacts(a), ModelFacts(b)));
  page.sections.push_back(std::move(comparison));
  page.sections.push_back(
      {.id = "nodes",
       .title = "Graphs",
       .blocks = {SideBySide("Nodes", NodeFacts(a.model), NodeFacts(b.model))}});
  page.sections.push_back(
      {.id = "tensors",
       .title = "Tensors",
       .blocks = {SideBySide("Tensors", TensorFacts(a.model), TensorFacts(b.model))}});
  return page;
}

}  // namespace bitsweep::report
