// SPDX-License-Identifier: Apache-2.0
// The commands of transforms, and model import, against the real server. The server's clock stands
// still, so that what is printed is the same each time.
#include <fstream>

#include "client/exchange/npz.h"
#include "core/base/simulated_clock.h"
#include "core/graph/checkpoint.h"
#include "core/graph/safetensors.h"
#include "core/graph/zoo.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "nlohmann/json.hpp"
#include "tests/client/command_line.h"
#include "tests/client/scripted_worker.h"
#include "tests/support/local_server.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::client {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kOneJob[] = R"(
transform_id = "solo"
[transform]
display_name = "a graph"
model.builtin = "jsc-tiny"
[[transform.passes]]
report_graph = {}
)";

constexpr char kThreeJobs[] = R"(
transform_id = "grid"
[transform]
model.builtin = "jsc-tiny"
dataset.name = "synthetic-jets"
axes = [{ entry = "weight_width", values = [2, 4, 8] }]
[[transform.passes]]
[transform.passes.quantize.quantization]
by = "type"
default_config.name = "NA"
rules = [{ key = "linear", config = { name = "integer", data_in = { width = 8 }, weight = { width = 8 } } }]
[[transform.passes]]
evaluate = {}
[[transform.passes]]
count_ops = { conventions = ["macs"] }
)";

v1::TransformResult Result(const std::string& text) {
  v1::TransformResult result;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &result));
  return result;
}

v1::TransformResult GraphResult() {
  return Result(R"(seconds: 0.5 graph_name: "jsc-tiny" parameter_count: 117
    passes { pass: "report_graph" graph { listing: "graph():" graph_name: "jsc-tiny"
      parameter_count: 117 counts { placeholder: 1 call_module: 4 output: 1 } } })");
}

v1::TransformResult GridResult(double accuracy, double bitops) {
  v1::TransformResult result = Result(R"(seconds: 0.25 graph_name: "jsc-tiny"
    parameter_count: 117 passes { pass: "quantize" quantize {} }
    passes { pass: "evaluate" position: 1 evaluation { rows: 10 classes: 5 } }
    passes { pass: "count_ops" position: 2 ops { batch_size: 1 } }
    metrics { original_accuracy: 0.75 loss: 1.5 flops: 80 size_bits: 4768 })");
  result.set_data_digest(std::string(64, 'd'));
  result.mutable_metrics()->set_accuracy(accuracy);
  result.mutable_metrics()->set_bitops(bitops);
  return result;
}

class TransformCommandsTest : public ::testing::Test {
 protected:
  TransformCommandsTest() { cli_.environment["BITSWEEP_SERVER"] = server_.address(); }

  Ran Run(const std::vector<std::string>& arguments) const { return cli_.Run(arguments); }
  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = (folder_.path() / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  void Submit(const std::string& text) {
    const Ran ran = Run({"transform", "submit", Write("t.toml", text)});
    ASSERT_EQ(ran.code, 0) << ran.err;
  }
  // More bits, more accuracy; but the last job is no better than the one before.
  void SubmitWithResults() {
    Submit(kThreeJobs);
    ScriptedWorker worker(server_);
    worker.Succeed(GridResult(0.5, 1280));
    worker.Succeed(GridResult(0.625, 2560));
    worker.Succeed(GridResult(0.5625, 5120));
  }

  SimulatedClock clock_;  // from 2023-11-14 22:13:20 UTC
  testing::LocalServer server_{clock_};
  testing::TempDir folder_;
  CommandLine cli_;
};

TEST_F(TransformCommandsTest, SubmitSaysWhatWillRun) {
  const Ran ran = Run({"transform", "submit", Write("t.toml", kThreeJobs)});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "transforms/grid: 3 jobs, 3 passes\n");
}

TEST_F(TransformCommandsTest, ValidateOnlyStoresNothing) {
  const Ran ran = Run({"transform", "submit", Write("t.toml", kOneJob), "--validate-only"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "valid: 1 job, 1 pass, nothing stored\n");
  const Ran shown = Run({"transform", "show", "solo"});
  EXPECT_EQ(shown.code, 3);
  EXPECT_THAT(shown.err, HasSubstr("transforms/solo"));
}

TEST_F(TransformCommandsTest, SubmitTakesTheReportsFile) {
  const Ran ran =
      Run({"transform", "submit", "deploy/examples/jsc_rs1923_by_type.toml", "--validate-only"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "valid: 1 job, 2 passes, nothing stored\n");
  EXPECT_THAT(ran.err, StartsWith("  warning: no effect on a transform: max_epochs, "));
}

TEST_F(TransformCommandsTest, SubmitTakesTheExamples) {
  for (const auto& [name, out] :
       {std::pair{"jsc_tiny_by_type", "valid: 1 job, 6 passes, nothing stored\n"},
        std::pair{"lab2", "valid: 1 job, 8 passes, nothing stored\n"},
        std::pair{"ptq-grid", "valid: 36 jobs, 3 passes, nothing stored\n"},
        std::pair{"ptq-400", "valid: 400 jobs, 3 passes, nothing stored\n"}}) {
    const Ran ran = Run({"transform", "submit", "--validate-only",
                         "deploy/examples/" + std::string(name) + ".toml"});
    EXPECT_EQ(ran.out, out) << ran.err;
  }
}

TEST_F(TransformCommandsTest, SubmitTellsAWrongFileFromWrongValues) {
  const Ran no_transform = Run({"transform", "submit", Write("a.toml", "[transform]\nx = 1\n")});
  EXPECT_EQ(no_transform.code, 2);
  EXPECT_THAT(no_transform.err, StartsWith("bitsweep: INVALID_FILE (1 problem)\n  transform.x: "));
  const Ran refused = Run({"transform", "submit", Write("b.toml", "[transform]\nseed = -1\n")});
  EXPECT_EQ(refused.code, 3);
  EXPECT_THAT(refused.err,
              AllOf(StartsWith("bitsweep: INVALID_SPEC"), HasSubstr("  transform.seed: ")));
}

TEST_F(TransformCommandsTest, SubmitTakesAnotherModel) {
  ASSERT_EQ(Run({"transform", "submit", Write("t.toml", kOneJob), "--model", "jsc-s"}).code, 0);
  EXPECT_THAT(Run({"transform", "show", "solo"}).out, HasSubstr("model           jsc-s\n"));
}

TEST_F(TransformCommandsTest, RequestIdMakesResubmittingSafe) {
  const std::string file = Write("t.toml", kOneJob);
  ASSERT_EQ(Run({"transform", "submit", file, "--request-id", "monday"}).code, 0);
  EXPECT_EQ(Run({"transform", "submit", file, "--request-id", "monday"}).out,
            "transforms/solo: 1 job, 1 pass, submitted before with this request id\n");
}

TEST_F(TransformCommandsTest, ListShowsTransformsNewestFirst) {
  Submit(kOneJob);
  clock_.Advance(absl::Minutes(1));
  Submit(kThreeJobs);
  EXPECT_EQ(Run({"transform", "list"}).out,
            "transform\tstate\tended\tjobs\tcreated\tdisplay_name\n"
            "grid\tQUEUED\t0\t3\t2023-11-14 22:14:20\t\n"
            "solo\tQUEUED\t0\t1\t2023-11-14 22:13:20\ta graph\n");
}

TEST_F(TransformCommandsTest, ListAsJsonIsTheResponse) {
  Submit(kOneJob);
  const auto json = nlohmann::json::parse(Run({"--json", "transform", "list"}).out);
  EXPECT_EQ(json.at("transforms").at(0).at("name"), "transforms/solo");
}

TEST_F(TransformCommandsTest, ShowPrintsWhatThePassesOfTheOnlyJobGave) {
  Submit(kOneJob);
  ScriptedWorker(server_).Succeed(GraphResult());
  EXPECT_EQ(Run({"transform", "show", "solo"}).out,
            "transform       transforms/solo\n"
            "display name    a graph\n"
            "state           SUCCEEDED\n"
            "jobs            1 of 1 ended: 0 queued, 0 leased, 0 running, 1 succeeded, 0 failed, "
            "0 cancelled, 0 dead\n"
            "model           jsc-tiny\n"
            "seed            0\n"
            "created         2023-11-14 22:13:20\n"
            "started         2023-11-14 22:13:20\n"
            "ended           2023-11-14 22:13:20\n"
            "\n"
            "=== report_graph, 0.00 s\n"
            "graph():\n"
            "Network overview:\n"
            "{'placeholder': 1, 'get_attr': 0, 'call_function': 0, 'call_method': 0, "
            "'call_module': 4, 'output': 1}\n"
            "Layer types:\n"
            "[]\n"
            "jsc-tiny: 117 parameters\n");
}

TEST_F(TransformCommandsTest, ShowAsJsonHasTransformAndJob) {
  Submit(kOneJob);
  ScriptedWorker(server_).Succeed(GraphResult());
  const auto json = nlohmann::json::parse(Run({"--json", "transform", "show", "solo"}).out);
  EXPECT_EQ(json.at("transform").at("name"), "transforms/solo");
  EXPECT_EQ(json.at("job").at("results").at(0).at("pass"), "report_graph");
  EXPECT_EQ(json.at("job").at("results").at(0).at("graph").at("parameterCount"), "117");
}

TEST_F(TransformCommandsTest, ShowOfSeveralJobsWaitsForOneToBeNamed) {
  SubmitWithResults();
  EXPECT_THAT(Run({"transform", "show", "grid"}).out,
              AllOf(HasSubstr("axes            weight_width (3 values)\n"),
                    Not(HasSubstr("=== quantize"))));
  EXPECT_FALSE(
      nlohmann::json::parse(Run({"--json", "transform", "show", "grid"}).out).contains("job"));
  for (const char* name : {"grid/1", "transforms/grid/jobs/1"}) {
    EXPECT_THAT(Run({"transform", "show", name}).out,
                AllOf(HasSubstr("job             1\njob state       SUCCEEDED\n"
                                "values          weight_width = 4\npareto          yes\n"),
                      HasSubstr("=== quantize")))
        << name;
  }
}

TEST_F(TransformCommandsTest, ShowSaysWhyAJobFailed) {
  Submit(kOneJob);
  ScriptedWorker(server_).Fail("no such column");
  EXPECT_THAT(Run({"transform", "show", "solo"}).out,
              HasSubstr("why             INVALID_DATASET: no such column\n"));
}

TEST_F(TransformCommandsTest, ResultsMarkTheParetoSet) {
  SubmitWithResults();
  EXPECT_EQ(
      Run({"transform", "results", "grid", "--format", "table"}).out,
      "job  weight_width  state      accuracy  original_accuracy    loss  flops  bitops  "
      "size_bits  seconds  pareto\n"
      "  0             2  SUCCEEDED    0.5000             0.7500  1.5000     80    1280       "
      "4768     0.25  *\n"
      "  1             4  SUCCEEDED    0.6250             0.7500  1.5000     80    2560       "
      "4768     0.25  *\n"
      "  2             8  SUCCEEDED    0.5625             0.7500  1.5000     80    5120       "
      "4768     0.25\n");
}

TEST_F(TransformCommandsTest, ResultsAreSortedBestFirst) {
  SubmitWithResults();
  const auto order = [&](const char* sort) {
    std::string jobs;
    const auto json =
        nlohmann::json::parse(Run({"--json", "transform", "results", "grid", "--sort", sort}).out);
    for (const auto& job : json.at("jobs")) jobs += job.at("name").get<std::string>().back();
    return jobs;
  };
  EXPECT_EQ(order("accuracy"), "120");
  EXPECT_EQ(order("accuracy asc"), "021");
  EXPECT_EQ(order("bitops"), "012");
  EXPECT_EQ(order("bitops desc"), "210");
}

TEST_F(TransformCommandsTest, ResultsSayWhyJobsFailed) {
  Submit(kOneJob);
  ScriptedWorker(server_).Fail("no such column");
  EXPECT_EQ(Run({"transform", "results", "solo", "--format", "csv"}).out,
            "job,state,accuracy,original_accuracy,loss,flops,bitops,size_bits,seconds,pareto,"
            "failure\n"
            "0,FAILED,,,,,,,,,INVALID_DATASET: no such column\n");
}

TEST_F(TransformCommandsTest, WatchEndsWithTheTransform) {
  Submit(kOneJob);
  ScriptedWorker(server_).Succeed(GraphResult());
  const Ran ran = Run({"transform", "watch", "solo"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "1/1  SUCCEEDED\n");
}

TEST_F(TransformCommandsTest, WatchTellsFailureByItsExitCode) {
  Submit(kOneJob);
  ScriptedWorker(server_).Fail("no such column");
  EXPECT_EQ(Run({"transform", "watch", "solo"}).code, 1);
  EXPECT_EQ(Run({"transform", "watch", "two"}).code, 3);
}

TEST_F(TransformCommandsTest, CancelAndDelete) {
  Submit(kThreeJobs);
  EXPECT_EQ(Run({"transform", "delete", "grid"}).code, 3);
  EXPECT_EQ(Run({"transform", "cancel", "grid"}).out, "transforms/grid: 3 jobs cancelled\n");
  EXPECT_EQ(Run({"transform", "delete", "grid"}).out, "transforms/grid is deleted\n");
  EXPECT_EQ(Run({"transform", "show", "grid"}).code, 3);
}

TEST_F(TransformCommandsTest, PassListNamesPassesAndFormats) {
  const std::string out = Run({"pass", "list"}).out;
  EXPECT_THAT(out,
              StartsWith("pass\trewrites\tneeds_dataset\tdescription\nreport_graph\tno\tno\t"));
  EXPECT_THAT(out, HasSubstr("\nquantize\tyes\tno\t"));
  EXPECT_THAT(out, HasSubstr("\n\nformat\tops\tentries\ninteger\tlinear, "));
}

TEST_F(TransformCommandsTest, ImportsACheckpoint) {
  ASSERT_OK_AND_ASSIGN(const graph::Graph tiny, graph::BuildModel("jsc-tiny", {}));
  graph::Checkpoint checkpoint{.graph = tiny, .tensors = {}, .metadata = {}};
  for (const graph::TensorInfo& tensor : tiny.tensors()) {
    graph::TensorValue& value = checkpoint.tensors.emplace_back();
    value.name = tensor.name;
    const auto values = static_cast<std::size_t>(graph::ElementCount(tensor.shape));
    (tensor.is_int64 ? value.i64.resize(values) : value.f32.resize(values));
  }
  const std::string file = Write("tiny.bsck", graph::SerializeCheckpoint(checkpoint));
  const Ran ran = Run({"model", "import", file, "--id", "mine", "--name", "zeros"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, StartsWith("models/mine: jsc-tiny, 117 parameters, "));
  const auto json = nlohmann::json::parse(Run({"--json", "model", "show", "mine"}).out);
  EXPECT_EQ(json.at("displayName"), "zeros");
  // The bytes are there now, and are not sent again.
  EXPECT_EQ(Run({"model", "import", file}).code, 0);
}

TEST_F(TransformCommandsTest, ImportsTensorsOfABuiltin) {
  ASSERT_OK_AND_ASSIGN(const graph::Graph tiny,
                       graph::BuildModel("jsc-tiny", {.features = 3, .classes = 2}));
  graph::Checkpoint checkpoint{.graph = tiny, .tensors = {}, .metadata = {}};
  for (const graph::TensorInfo& tensor : tiny.tensors()) {
    graph::TensorValue& value = checkpoint.tensors.emplace_back();
    value.name = tensor.name;
    const auto values = static_cast<std::size_t>(graph::ElementCount(tensor.shape));
    (tensor.is_int64 ? value.i64.resize(values) : value.f32.resize(values));
  }
  const std::string npz = Write("tiny.npz", exchange::ToNpz(checkpoint).value());
  const Ran ran = Run({"model", "import", npz, "--builtin", "jsc-tiny", "--id", "small"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, StartsWith("models/small: jsc-tiny, 14 parameters, "));
  EXPECT_EQ(ran.err, npz + ": jsc-tiny for 3 features and 2 classes, as the tensors have them\n");
  const Ran bare = Run({"model", "import", npz});
  EXPECT_EQ(bare.code, 3);
  EXPECT_THAT(bare.err, HasSubstr("tensors without their network"));
  // What a checkpoint, safetensors and npz say of the same model is one artifact.
  const std::string safetensors = Write("tiny.safetensors", graph::ToSafetensors(checkpoint));
  EXPECT_EQ(Run({"model", "import", safetensors, "--id", "same"}).code, 0);
  EXPECT_EQ(nlohmann::json::parse(Run({"--json", "model", "show", "same"}).out).at("artifact"),
            nlohmann::json::parse(Run({"--json", "model", "show", "small"}).out).at("artifact"));
}

TEST_F(TransformCommandsTest, ImportRefusesWhatIsNoModel) {
  const Ran missing = Run({"model", "import", (folder_.path() / "none").string()});
  EXPECT_EQ(missing.code, 3);
  EXPECT_THAT(missing.err, HasSubstr("cannot be read"));
  const std::string file = Write("x.bsck", "no checkpoint");
  const Ran none = Run({"model", "import", file});
  EXPECT_EQ(none.code, 3);
  EXPECT_THAT(none.err, HasSubstr(file + ": neither a checkpoint nor safetensors, npz or ONNX"));
  EXPECT_EQ(Run({"model", "import", Write("y.bsck", "BSCK, but damaged")}).code, 3);
  EXPECT_EQ(Run({"model", "import", file, "--graph", Write("g.json", "{")}).code, 2);
}

}  // namespace
}  // namespace bitsweep::client
