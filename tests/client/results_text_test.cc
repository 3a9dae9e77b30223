// SPDX-License-Identifier: Apache-2.0
#include "client/results/results_text.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace bitsweep::results {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

v1::Hyperparameters Values(double learning_rate, v1::Optimizer optimizer) {
  v1::Hyperparameters values;
  values.set_max_epochs(2);
  values.set_learning_rate(learning_rate);
  values.set_batch_size(64);
  values.set_optimizer(optimizer);
  values.set_weight_decay(0);
  values.set_schedule(v1::SCHEDULE_COSINE);
  return values;
}

v1::Trial TrialOf(int number, const v1::Hyperparameters& values, v1::Trial::State state) {
  v1::Trial trial;
  trial.set_name("sweeps/lab-1/trials/" + std::to_string(number));
  trial.set_configuration("sweeps/lab-1/configurations/" + std::to_string(number));
  trial.set_seed(6418534167523916515);
  *trial.mutable_hyperparameters() = values;
  trial.set_state(state);
  return trial;
}

v1::Trial Succeeded(double val_acc) {
  v1::Trial trial = TrialOf(0, Values(1e-3, v1::OPTIMIZER_ADAM), v1::Trial::STATE_SUCCEEDED);
  trial.set_attempt(1);
  trial.set_worker("workers/alpha");
  trial.mutable_start_time()->set_seconds(1700000000);
  trial.mutable_start_time()->set_nanos(125000);
  trial.mutable_end_time()->set_seconds(1700000001);
  trial.mutable_result()->set_val_acc(val_acc);
  trial.mutable_result()->set_val_loss(1.0 / 3);
  trial.mutable_result()->set_epochs(2);
  trial.mutable_result()->set_graph_name("=1+1");
  trial.mutable_result()->set_validation(v1::VALIDATION_HELD_OUT);
  for (int epoch = 0; epoch < 2; ++epoch) {
    v1::EpochPoint* point = trial.add_epochs();
    point->set_epoch(epoch);
    point->set_val_acc(0.25 + 0.25 * epoch);
    point->set_train_loss(std::numeric_limits<double>::quiet_NaN());
  }
  return trial;
}

v1::Sweep SweepOf() {
  v1::Sweep sweep;
  sweep.set_name("sweeps/lab-1");
  sweep.set_display_name("lab 1");
  sweep.set_state(v1::Sweep::STATE_RUNNING);
  return sweep;
}

std::string TextOf(const std::string& format, const v1::Sweep& sweep,
                   const std::vector<v1::Trial>& trials, const std::string& metric = "val_acc") {
  const auto text = *MakeResultsText(format, metric);
  std::string all = text->Begin(sweep);
  for (const v1::Trial& trial : trials) {
    v1::Configuration configuration;
    configuration.set_name(trial.configuration());
    *configuration.mutable_hyperparameters() = trial.hyperparameters();
    all += text->Configuration(configuration);
  }
  for (const v1::Trial& trial : trials) all += text->Trial(trial);
  return all + text->End();
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The records of trials in a journal.
std::vector<Json> JournalTrials(const std::string& text) {
  std::vector<Json> trials;
  for (const std::string& line : LinesOf(text)) {
    const Json record = Json::parse(line);
    if (record["op_code"] == 4) trials.push_back(record);
  }
  return trials;
}

TEST(ResultsTextTest, CsvHasALineATrialWithEveryDigit) {
  const auto lines = LinesOf(TextOf("csv", SweepOf(), {Succeeded(0.1 + 0.2)}));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0],
            "sweep,trial,configuration,repeat,state,seed,max_epochs,learning_rate,batch_size,"
            "optimizer,weight_decay,schedule,attempt,worker,epochs_done,start_time,end_time,"
            "val_acc,val_loss,val_loss_batch_mean,train_acc_last_step,train_loss_last_step,"
            "best_epoch,best_val_acc,epochs,steps,train_rows,validation_rows,seconds,"
            "rows_per_second,engine,engine_version,data_digest,artifact,artifact_bytes,graph_name,"
            "parameter_count,validation,model,failure_reason,failure_message");
  EXPECT_EQ(lines[1],
            "lab-1,0,0,0,SUCCEEDED,6418534167523916515,2,0.001,64,adam,0,cosine,1,alpha,0,"
            "2023-11-14T22:13:20.000125Z,2023-11-14T22:13:21.000000Z,0.30000000000000004,"
            "0.3333333333333333,0,0,0,0,0,2,0,0,0,0,0,,,,,0,'=1+1,0,held_out,,,");
}

TEST(ResultsTextTest, CsvQuotesTextAndLeavesEmptyWhatIsNotThere) {
  v1::Trial trial = TrialOf(3, Values(1e-3, v1::OPTIMIZER_SGD), v1::Trial::STATE_FAILED);
  trial.set_failure_reason(v1::FAILURE_REASON_INVALID_DATASET);
  trial.set_failure_message("row 1, \"x\"\nexpected 2");
  const std::string text = TextOf("csv", SweepOf(), {trial});
  EXPECT_THAT(text, HasSubstr("sgd,0,cosine,0,,0,,,,,,,,,,,,,,,,,,,,,,,,,INVALID_DATASET,"
                              "\"row 1, \"\"x\"\"\nexpected 2\"\n"));
}

TEST(ResultsTextTest, CsvPutsAnApostropheBeforeWhatSpreadsheetsCompute) {
  v1::Trial trial = TrialOf(3, Values(1e-3, v1::OPTIMIZER_SGD), v1::Trial::STATE_FAILED);
  for (const char* message : {"=HYPERLINK(1)", "+1", "-1", "@x", "\t=1"}) {
    trial.set_failure_message(message);
    EXPECT_THAT(TextOf("csv", SweepOf(), {trial}), HasSubstr(std::string(",'") + message + "\n"));
  }
  trial.set_failure_message("\r=1,2");
  EXPECT_THAT(TextOf("csv", SweepOf(), {trial}), HasSubstr(",\"'\r=1,2\"\n"));
}

// The fields of one record of RFC 4180, which ends at `at`.
std::vector<std::string> RecordOf(const std::string& text, std::size_t& at) {
  std::vector<std::string> fields(1);
  bool is_quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (is_quoted && c == '"' && text[at + 1] == '"') {
      fields.back() += text[++at];
    } else if (c == '"') {
      is_quoted = !is_quoted;
    } else if (!is_quoted && c == ',') {
      fields.emplace_back();
    } else if (!is_quoted && c == '\n') {
      ++at;
      return fields;
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

TEST(ResultsTextTest, AnyNumberAndAnyTextIsReadBackAsItWas) {
  std::mt19937_64 random(7);
  const std::string letters = "a ,;\"\"\n\r\t=+-@'\\{}:\xc3\xa4";
  for (int i = 0; i < 2000; ++i) {
    double number = 0;
    do {
      const std::uint64_t bits = random();
      std::memcpy(&number, &bits, sizeof number);
    } while (!std::isfinite(number));
    std::string message = "x";  // begins like no formula
    for (std::size_t n = random() % 12; n > 0; --n) {
      // The last letter has two bytes.
      const std::size_t letter = random() % (letters.size() - 1);
      message += letters.substr(letter, letter == letters.size() - 2 ? 2 : 1);
    }
    v1::Trial trial = Succeeded(number);
    trial.set_failure_message(message);
    const std::string csv = TextOf("csv", SweepOf(), {trial});
    std::size_t at = 0;
    const std::vector<std::string> names = RecordOf(csv, at);
    const std::vector<std::string> fields = RecordOf(csv, at);
    ASSERT_EQ(at, csv.size());
    ASSERT_EQ(fields.size(), names.size());
    EXPECT_EQ(fields.back(), message);
    const auto column = std::find(names.begin(), names.end(), "val_acc") - names.begin();
    EXPECT_EQ(std::strtod(fields[static_cast<std::size_t>(column)].c_str(), nullptr), number);
    const std::string jsonl = TextOf("jsonl", SweepOf(), {trial});
    EXPECT_EQ(std::count(jsonl.begin(), jsonl.end(), '\n'), 1);
    EXPECT_EQ(Json::parse(jsonl)["val_acc"], number);
    EXPECT_EQ(Json::parse(jsonl)["failure_message"], message);
    EXPECT_EQ(JournalTrials(TextOf("optuna", SweepOf(), {trial}))[0]["value"], number);
  }
}

TEST(ResultsTextTest, JsonIsOneDocumentAndHasNullForWhatIsNoNumber) {
  const Json json = Json::parse(TextOf("json", SweepOf(), {Succeeded(0.5), Succeeded(0.75)}));
  EXPECT_EQ(json["sweep"]["name"], "sweeps/lab-1");
  EXPECT_EQ(json["sweep"]["state"], "RUNNING");
  EXPECT_EQ(json["configurations"].size(), 2u);
  EXPECT_EQ(json["configurations"][0]["hyperparameters"]["optimizer"], "adam");
  ASSERT_EQ(json["trials"].size(), 2u);
  EXPECT_EQ(json["trials"][1]["val_acc"], 0.75);
  EXPECT_EQ(json["trials"][0]["seed"], 6418534167523916515);
  EXPECT_EQ(json["trials"][0]["graph_name"], "=1+1");
  ASSERT_EQ(json["trials"][0]["epoch_points"].size(), 2u);
  EXPECT_EQ(json["trials"][0]["epoch_points"][1]["val_acc"], 0.5);
  EXPECT_TRUE(json["trials"][0]["epoch_points"][1]["train_loss"].is_null());
}

TEST(ResultsTextTest, JsonOfASweepWithoutTrialsIsWhole) {
  const Json json = Json::parse(TextOf("json", SweepOf(), {}));
  EXPECT_TRUE(json["configurations"].empty());
  EXPECT_TRUE(json["trials"].empty());
}

TEST(ResultsTextTest, JsonLinesHasATrialALine) {
  const auto lines = LinesOf(TextOf("jsonl", SweepOf(), {Succeeded(0.5), Succeeded(0.75)}));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(Json::parse(lines[1])["val_acc"], 0.75);
  EXPECT_EQ(Json::parse(lines[1])["epoch_points"].size(), 2u);
}

TEST(ResultsTextTest, TextThatIsNoUtf8IsMended) {
  v1::Trial trial = TrialOf(0, Values(1e-3, v1::OPTIMIZER_ADAM), v1::Trial::STATE_FAILED);
  trial.set_failure_message("caf\xe9");
  for (const char* format : {"json", "jsonl", "optuna"}) {
    EXPECT_THAT(TextOf(format, SweepOf(), {trial}), HasSubstr("caf\xef\xbf\xbd"));
  }
}

TEST(ResultsTextTest, OptunaStatesAreThoseOfTheTrials) {
  std::vector<v1::Trial> trials;
  for (const auto state :
       {v1::Trial::STATE_QUEUED, v1::Trial::STATE_LEASED, v1::Trial::STATE_RUNNING,
        v1::Trial::STATE_FAILED, v1::Trial::STATE_CANCELLED, v1::Trial::STATE_DEAD}) {
    trials.push_back(TrialOf(0, Values(1e-3, v1::OPTIMIZER_ADAM), state));
  }
  for (v1::Trial& trial : trials) trial.clear_start_time();
  trials[1].add_attempts()->mutable_lease_time()->set_seconds(1700000000);
  trials[3].add_attempts()->mutable_lease_time()->set_seconds(1700000001);
  trials[4].mutable_end_time()->set_seconds(1700000002);
  trials.push_back(Succeeded(0.5));
  std::vector<int> states;
  const std::vector<Json> records = JournalTrials(TextOf("optuna", SweepOf(), trials));
  for (const Json& record : records) states.push_back(record["state"]);
  EXPECT_THAT(states, ElementsAre(4, 0, 0, 3, 3, 3, 1));
  EXPECT_EQ(records[1]["datetime_start"], "2023-11-14T22:13:20.000000Z");
  EXPECT_EQ(records[3]["datetime_start"], "2023-11-14T22:13:21.000000Z");
  EXPECT_EQ(records[4]["datetime_start"], "2023-11-14T22:13:22.000000Z");
  EXPECT_EQ(records[4]["user_attrs"]["state"], "CANCELLED");
  EXPECT_FALSE(records[0].contains("datetime_complete"));
  EXPECT_EQ(records[6]["value"], 0.5);
  EXPECT_EQ(records[6]["intermediate_values"].dump(), R"({"0":0.25,"1":0.5})");
}

TEST(ResultsTextTest, OptunaKnowsNoCompletedTrialWithoutANumber) {
  const std::string text =
      TextOf("optuna", SweepOf(), {Succeeded(std::numeric_limits<double>::quiet_NaN())});
  EXPECT_THAT(text, HasSubstr("\"state\":3,"));
  EXPECT_THAT(text, HasSubstr("\"value\":null,"));
}

TEST(ResultsTextTest, OptunaReadsPythonsWordsForWhatIsNoNumber) {
  v1::Trial trial = Succeeded(0.5);
  trial.mutable_epochs(0)->set_val_loss(std::numeric_limits<double>::quiet_NaN());
  trial.mutable_epochs(1)->set_val_loss(std::numeric_limits<double>::infinity());
  trial.mutable_result()->set_val_loss(-std::numeric_limits<double>::infinity());
  const std::string text = TextOf("optuna", SweepOf(), {trial}, "val_loss");
  EXPECT_THAT(text, HasSubstr(R"("intermediate_values":{"0":NaN,"1":Infinity})"));
  EXPECT_THAT(text, HasSubstr(R"("value":-Infinity,)"));
}

TEST(ResultsTextTest, OptunaDistributionsHoldEveryValue) {
  const std::vector<Json> records = JournalTrials(
      TextOf("optuna", SweepOf(),
             {TrialOf(0, Values(1e-4, v1::OPTIMIZER_SGD), v1::Trial::STATE_QUEUED),
              TrialOf(1, Values(1e-2, v1::OPTIMIZER_ADAM), v1::Trial::STATE_QUEUED)}));
  const Json& distributions = records[0]["distributions"];
  EXPECT_EQ(distributions["learning_rate"],
            R"({"name":"FloatDistribution","attributes":{"log":true,"step":null,"low":0.0001,)"
            R"("high":0.01}})");
  EXPECT_EQ(distributions["batch_size"],
            R"({"name":"IntDistribution","attributes":{"log":false,"step":1,"low":64,)"
            R"("high":64}})");
  EXPECT_EQ(distributions["optimizer"],
            R"({"name":"CategoricalDistribution","attributes":{"choices":["adam","sgd"]}})");
  EXPECT_EQ(records[0]["params"]["optimizer"], 1);
  EXPECT_EQ(records[1]["params"]["optimizer"], 0);
  EXPECT_EQ(records[1]["params"]["learning_rate"], 1e-2);
}

TEST(ResultsTextTest, OptunaTakesTheRangesOfARandomSearch) {
  v1::Sweep sweep = SweepOf();
  sweep.mutable_random()->mutable_learning_rate()->set_min(1e-3);
  sweep.mutable_random()->mutable_learning_rate()->set_max(3e-3);
  sweep.mutable_random()->mutable_learning_rate()->set_scale(v1::SCALE_LOG);
  sweep.mutable_random()->mutable_batch_size()->set_min(1);
  sweep.mutable_random()->mutable_batch_size()->set_max(512);
  sweep.mutable_random()->add_optimizer(v1::OPTIMIZER_ADAMW);
  const std::vector<Json> records = JournalTrials(TextOf(
      "optuna", sweep, {TrialOf(0, Values(2e-3, v1::OPTIMIZER_ADAM), v1::Trial::STATE_QUEUED)}));
  const Json& distributions = records[0]["distributions"];
  EXPECT_THAT(distributions["learning_rate"].get<std::string>(),
              HasSubstr(R"("log":true,"step":null,"low":0.001,"high":0.003)"));
  EXPECT_THAT(distributions["batch_size"].get<std::string>(),
              HasSubstr(R"("log":false,"step":1,"low":1,"high":512)"));
  EXPECT_THAT(distributions["optimizer"].get<std::string>(), HasSubstr(R"(["adam","adamw"])"));
}

TEST(ResultsTextTest, OptunaMinimizesLossesAndSeconds) {
  const auto direction = [](const std::string& metric) {
    return Json::parse(LinesOf(TextOf("optuna", SweepOf(), {}, metric))[0])["directions"][0];
  };
  for (const char* metric : {"val_acc", "best_val_acc", "train_acc_last_step"}) {
    EXPECT_EQ(direction(metric), 2) << metric;
  }
  for (const char* metric : {"val_loss", "val_loss_batch_mean", "seconds"}) {
    EXPECT_EQ(direction(metric), 1) << metric;
  }
}

TEST(ResultsTextTest, OtherFormatsAndMetricsAreRefused) {
  EXPECT_EQ(MakeResultsText("xml").status().message(),
            "format xml: expected one of csv, json, jsonl, optuna");
  EXPECT_THAT(std::string(MakeResultsText("optuna", "f1").status().message()),
              HasSubstr("metric f1: expected one of val_acc, "));
}

}  // namespace
}  // namespace bitsweep::results
