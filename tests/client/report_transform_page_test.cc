// SPDX-License-Identifier: Apache-2.0
// Jobs of transforms, their Pareto set, and the page as a whole.
#include <random>
#include <set>

#include "client/report/html.h"
#include "client/report/transform_jobs.h"
#include "client/report/transform_page.h"
#include "client/report/transform_points.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

v1::Transform TransformOf(const std::string& text) {
  v1::Transform transform;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &transform));
  return transform;
}

constexpr char kGrid[] =
    R"pb(name: "transforms/grid"
         display_name: "the <b>grid</b>"
         model { builtin: "jsc-tiny" }
         dataset { name: "synthetic-jets" }
         passes { evaluate {} }
         passes { count_ops {} }
         axes {
           entry: "weight_width"
           values: [ 4, 8 ]
         }
         axes {
           entry: "data_in_width"
           values: [ 4, 8 ]
         }
         state: STATE_SUCCEEDED
         job_count: 4
         counts { succeeded: 4 }
         end_time { seconds: 1 })pb";

v1::TransformJob JobOf(const std::string& transform, int number, std::vector<std::int64_t> values,
                       double accuracy, double bitops, bool is_pareto) {
  v1::TransformJob job;
  job.set_name(transform + "/jobs/" + std::to_string(number));
  for (const std::int64_t value : values) job.add_values()->set_value(value);
  job.set_state(v1::Trial::STATE_SUCCEEDED);
  job.mutable_metrics()->set_accuracy(accuracy);
  job.mutable_metrics()->set_bitops(bitops);
  job.set_pareto_optimal(is_pareto);
  return job;
}

TransformRun Grid(const std::string& name, double shift) {
  TransformRun run{.transform = TransformOf(kGrid), .jobs = {}};
  run.transform.set_name(name);
  run.jobs = {JobOf(name, 0, {4, 4}, 0.50 + shift, 100, true),
              JobOf(name, 1, {4, 8}, 0.45 + shift, 200, false),
              JobOf(name, 2, {8, 4}, 0.60 + shift, 200, true),
              JobOf(name, 3, {8, 8}, 0.70 + shift, 4000, true)};
  return run;
}

TEST(TransformPointsTest, TakesTheServersParetoSetOfOneTransform) {
  const std::vector<TransformRun> runs = {Grid("transforms/grid", 0)};
  const std::vector<TransformPoint> points = PointsOf(runs);
  ASSERT_EQ(points.size(), 4u);
  EXPECT_THAT(ParetoSet(points), ElementsAre(0, 2, 3));
  EXPECT_FALSE(points[0].interval.has_value());
}

TEST(TransformPointsTest, AveragesTheSameTransformOnSeveralModels) {
  const std::vector<TransformRun> runs = {Grid("transforms/a", 0), Grid("transforms/b", 0.1),
                                          Grid("transforms/c", -0.1)};
  const std::vector<TransformPoint> points = PointsOf(runs);
  ASSERT_EQ(points.size(), 4u);
  EXPECT_EQ(points[3].accuracy.n, 3);
  EXPECT_NEAR(points[3].accuracy.mean, 0.7, 1e-12);
  // t(2) = 4.3027, sd = 0.1
  ASSERT_TRUE(points[3].interval.has_value());
  EXPECT_NEAR(points[3].interval->high - 0.7, 4.302653 * 0.1 / std::sqrt(3.0), 1e-5);
  EXPECT_THAT(ParetoSet(points), ElementsAre(0, 2, 3));
}

// By the definition: nobody is better in one and at least as good in the other.
TEST(TransformPointsTest, FindsTheParetoSetOfMeans) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<TransformRun> runs(2);
    runs[0].transform.set_name("transforms/a");
    runs[1].transform.set_name("transforms/b");
    const int jobs = 1 + static_cast<int>(random() % 20);
    for (int i = 0; i < jobs; ++i) {
      const double accuracy = static_cast<double>(random() % 6) / 6;
      const double bitops = static_cast<double>(random() % 6);
      for (TransformRun& run : runs) {
        run.jobs.push_back(JobOf(run.transform.name(), i, {i}, accuracy, bitops, false));
      }
    }
    const std::vector<TransformPoint> points = PointsOf(runs);
    for (const TransformPoint& p : points) {
      bool is_beaten = false;
      for (const TransformPoint& o : points) {
        is_beaten = is_beaten || (o.accuracy.mean >= p.accuracy.mean && *o.bitops < *p.bitops) ||
                    (o.accuracy.mean > p.accuracy.mean && *o.bitops <= *p.bitops);
      }
      EXPECT_EQ(p.is_pareto, !is_beaten);
    }
  }
}

TEST(TransformPointsTest, RefusesTransformsThatAreNoRepeats) {
  std::vector<TransformRun> runs = {Grid("transforms/a", 0), Grid("transforms/b", 0)};
  EXPECT_TRUE(CheckEqualSpecs(runs).ok());
  runs[1].transform.mutable_passes(0)->mutable_evaluate()->set_batch_size(7);
  runs[1].transform.mutable_axes(1)->add_values(16);
  runs[1].transform.mutable_dataset()->set_name("other");
  const absl::Status status = CheckEqualSpecs(runs);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("transforms/b has another passes[0] than transforms/a"));
  EXPECT_THAT(message, HasSubstr("other axes"));
  EXPECT_THAT(message, HasSubstr("another dataset"));
}

TEST(TransformPointsTest, ShowsTheBestOfTheParetoSet) {
  const std::optional<ShownJob> shown = JobToShow({Grid("transforms/grid", 0)});
  ASSERT_TRUE(shown.has_value());
  EXPECT_EQ(shown->name, "transforms/grid/jobs/3");
  EXPECT_EQ(shown->why, "the best accuracy of the Pareto set");
  EXPECT_EQ(JobToShow({{.transform = TransformOf(kGrid), .jobs = {}}}), std::nullopt);
}

nlohmann::json LayerOf(const Chart& chart, const std::string& name) {
  const auto spec = nlohmann::json::parse(chart.vega_lite);
  for (const auto& layer : spec["layer"]) {
    if (layer["name"] == name) return layer;
  }
  return nullptr;
}

TEST(TransformJobsTest, DrawsAccuracyAgainstBitOperations) {
  const std::vector<TransformRun> runs = {Grid("transforms/grid", 0)};
  const Chart chart = ParetoChart(runs[0].transform, PointsOf(runs));
  const auto jobs = LayerOf(chart, "jobs");
  EXPECT_EQ(jobs["data"]["values"].size(), 4u);
  EXPECT_EQ(jobs["encoding"]["x"]["scale"]["type"], "log");  // 100 to 4000
  const auto front = LayerOf(chart, "front");
  EXPECT_EQ(front["mark"]["interpolate"], "step-after");
  ASSERT_EQ(front["data"]["values"].size(), 3u);
  EXPECT_EQ(front["data"]["values"][1]["label"], "2");
  EXPECT_EQ(front["data"]["values"][2]["job"], "8/8");
}

TEST(TransformJobsTest, DrawsErrorBarsOfRepeats) {
  const std::vector<TransformRun> runs = {Grid("transforms/a", 0), Grid("transforms/b", 0.1)};
  const Chart chart = ParetoChart(runs[0].transform, PointsOf(runs));
  const auto bars = LayerOf(chart, "intervals");
  ASSERT_EQ(bars["data"]["values"].size(), 4u);
  for (const auto& row : bars["data"]["values"]) {
    EXPECT_LT(row["low"].get<double>(), row["accuracy"].get<double>());
    EXPECT_GT(row["high"].get<double>(), row["accuracy"].get<double>());
  }
}

TEST(TransformJobsTest, WarnsOfModelsThatNeedOtherNumbersOfOperations) {
  std::vector<TransformRun> runs = {Grid("transforms/a", 0), Grid("transforms/b", 0.1)};
  const auto has_warning = [&] {
    const Blocks blocks = JobBlocks(runs[0].transform, PointsOf(runs), runs.size());
    const auto* text = std::get_if<Text>(&blocks[0]);
    return text != nullptr && text->kind == Text::Kind::kWarning;
  };
  EXPECT_FALSE(has_warning());
  runs[1].jobs[2].mutable_metrics()->set_bitops(201);
  EXPECT_TRUE(has_warning());
}

// 10,000 jobs, of which pictures draw at most 2,000 and the Pareto set: every value is among them,
// and the means are those of all jobs.
TEST(TransformJobsTest, DrawsEvenlyAndAveragesAllOfManyJobs) {
  TransformRun run = Grid("transforms/grid", 0);
  run.jobs.clear();
  for (v1::QuantizationAxis& axis : *run.transform.mutable_axes()) axis.clear_values();
  for (int wide = 0; wide < 1000; ++wide) run.transform.mutable_axes(0)->add_values(wide);
  for (int narrow = 0; narrow < 10; ++narrow) run.transform.mutable_axes(1)->add_values(narrow);
  for (int i = 0; i < 10'000; ++i) {
    const bool is_pareto = i % 10 == 3 && i < 1000;
    run.jobs.push_back(JobOf("transforms/grid", i, {i / 10, i % 10},
                             0.05 * (i % 10) + (is_pareto ? 0.1 : 0), 1000 + i, is_pareto));
  }
  const std::vector<TransformRun> runs = {run};
  const std::vector<Chart> charts = QuantizationAxisCharts(run.transform, PointsOf(runs));
  ASSERT_EQ(charts.size(), 2u);
  const auto spec = nlohmann::json::parse(charts[1].vega_lite);  // by the axis of 10 values
  std::set<int> values;
  for (const auto& row : spec["data"]["values"]) values.insert(row["value"].get<int>());
  EXPECT_EQ(values.size(), 10u);
  EXPECT_LE(spec["data"]["values"].size(), kMostJobMarks + 100);
  EXPECT_GE(spec["data"]["values"].size(), kMostJobMarks / 2);
  EXPECT_THAT(charts[1].caption, HasSubstr("of 10000 points are drawn"));
  const auto means = LayerOf(charts[1], "means")["data"]["values"];
  ASSERT_EQ(means.size(), 10u);
  for (const auto& row : means) {
    const int value = row["value"].get<int>();
    EXPECT_NEAR(row["accuracy"].get<double>(), 0.05 * value + (value == 3 ? 0.01 : 0), 1e-9);
  }
}

TEST(TransformJobsTest, LeavesOutWhatIsNoNumber) {
  TransformRun run = Grid("transforms/grid", 0);
  run.jobs[1].mutable_metrics()->set_accuracy(std::nan(""));
  run.jobs[2].mutable_metrics()->set_bitops(HUGE_VAL);
  const std::vector<TransformRun> runs = {run};
  const Blocks blocks = JobBlocks(run.transform, PointsOf(runs), 1);
  for (const Block& block : blocks) {
    if (const auto* chart = std::get_if<Chart>(&block)) {
      EXPECT_TRUE(nlohmann::json::accept(chart->vega_lite));
    }
  }
  const auto* table = std::get_if<Table>(&blocks.back());
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->rows[1].cells[1].text, "");  // missing
  EXPECT_EQ(table->mark, "in the Pareto set");
}

TEST(TransformPageTest, SaysWhatIsMissing) {
  TransformReportInput input{.runs = {Grid("transforms/grid", 0)}};
  v1::Transform& transform = input.runs[0].transform;
  transform.clear_end_time();
  transform.mutable_counts()->set_succeeded(0);
  input.runs[0].jobs.clear();
  auto page = TransformPage(input);
  ASSERT_TRUE(page.ok());
  EXPECT_THAT(RenderHtml(*page), HasSubstr("has not ended: 0 of 4 jobs have succeeded"));

  transform.mutable_end_time()->set_seconds(1);
  v1::TransformJob& job = input.runs[0].jobs.emplace_back();
  job.set_name("transforms/grid/jobs/0");
  job.set_state(v1::Trial::STATE_DEAD);
  job.set_failure_reason(v1::FAILURE_REASON_DATASET_NOT_FOUND);
  job.set_failure_message("no <script>alert(1)</script>");
  page = TransformPage(input);
  ASSERT_TRUE(page.ok());
  const std::string html = RenderHtml(*page);
  EXPECT_THAT(html, HasSubstr("none of its jobs has succeeded"));
  EXPECT_THAT(html, HasSubstr("dataset_not_found"));
  EXPECT_THAT(html, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(html, Not(HasSubstr("<b>grid")));
}

TEST(TransformPageTest, HasUniqueIdsAndTheSectionsInOrder) {
  TransformReportInput input{.runs = {Grid("transforms/grid", 0)}, .made = "now"};
  input.job = input.runs[0].jobs[3];
  for (const char* pass : {"evaluate", "evaluate"}) {
    v1::PassResult* result = input.job->add_results();
    result->set_pass(pass);
    result->mutable_evaluation()->set_classes(2);
    for (int i = 0; i < 4; ++i) result->mutable_evaluation()->mutable_current()->add_confusion(i);
  }
  const auto page = TransformPage(input);
  ASSERT_TRUE(page.ok());
  std::vector<std::string> sections;
  std::vector<std::string> charts;
  for (const Section& section : page->sections) {
    sections.push_back(section.id);
    for (const Block& block : section.blocks) {
      if (const auto* chart = std::get_if<Chart>(&block)) charts.push_back(chart->id);
      if (const auto* side = std::get_if<Charts>(&block)) {
        for (const Chart& chart : side->charts) charts.push_back(chart.id);
      }
    }
  }
  EXPECT_THAT(sections, ElementsAre("what-was-run", "jobs", "shown-job", "graph", "pass-1",
                                    "pass-2", "specification"));
  EXPECT_THAT(charts, ElementsAre("accuracy-by-bitops", "accuracy-by-axis-1", "accuracy-by-axis-2",
                                  "graph-picture", "pass-1-now", "pass-2-now"));
}

}  // namespace
}  // namespace bitsweep::report
