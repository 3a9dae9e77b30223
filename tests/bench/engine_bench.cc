// SPDX-License-Identifier: Apache-2.0
// Training steps and evaluation of both engines, and of a kernel for exactly jsc-tiny, on the rows
// of the lab report's data set (synthetic-jets), one thread each. Counters: rows and steps a
// second.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ATen/Parallel.h"
#include "benchmark/benchmark.h"
#include "core/graph/zoo.h"
#include "tests/bench/exact_kernel.h"
#include "worker/data/dataset.h"
#include "worker/nn/initialize.h"
#include "worker/train/fused/fused_engine.h"
#include "worker/train/libtorch_engine.h"
#include "worker/train/recipe.h"

namespace bitsweep::bench {
namespace {

constexpr std::uint64_t kSeed = 1;

const data::Dataset& Jets() {
  static const data::Dataset* const kJets = [] {
    const spec::DatasetSpec spec{.name = "synthetic-jets", .synthetic_rows = 986806};
    return new data::Dataset(data::Prepare(data::LoadTable("/", spec).value(), spec).value());
  }();
  return *kJets;
}

const std::vector<std::uint32_t>& Order() {
  static const auto* const kOrder =
      new std::vector<std::uint32_t>(train::RowOrder(kSeed, 0, Jets().train_rows()));
  return *kOrder;
}

// The next `count` rows of the order, over and over.
class Cursor {
 public:
  std::span<const std::uint32_t> Next(std::size_t count) {
    if (at_ + count > Order().size()) at_ = 0;
    at_ += count;
    return std::span(Order()).subspan(at_ - count, count);
  }

 private:
  std::size_t at_ = 0;
};

void Count(benchmark::State& state, std::int64_t steps, std::int64_t batch) {
  state.counters["steps"] =
      benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kIsRate);
  state.counters["rows"] =
      benchmark::Counter(static_cast<double>(steps * batch), benchmark::Counter::kIsRate);
}

void Train(benchmark::State& state, train::Engine& engine, const std::string& model) {
  const std::int64_t batch = state.range(0);
  const graph::Graph graph = graph::BuildModel(model, {}).value();
  const auto session = engine
                           .Start(graph, nn::InitialTensors(graph, kSeed),
                                  {.learning_rate = 1e-3, .batch_size = batch}, Jets(), kSeed)
                           .value();
  std::vector<train::StepReport> reports(static_cast<std::size_t>(session->StepsPerCall(batch)));
  Cursor cursor;
  std::int64_t steps = 0;
  for (auto _ : state) {
    session->Steps(cursor.Next(reports.size() * static_cast<std::size_t>(batch)), batch, 1e-3,
                   reports);
    steps += static_cast<std::int64_t>(reports.size());
  }
  Count(state, steps, batch);
}

void Evaluate(benchmark::State& state, train::Engine& engine, const std::string& model) {
  const std::int64_t batch = state.range(0);
  const graph::Graph graph = graph::BuildModel(model, {}).value();
  const auto session =
      engine.Start(graph, nn::InitialTensors(graph, kSeed), {.batch_size = batch}, Jets(), kSeed)
          .value();
  std::int64_t rows = 0;
  for (auto _ : state) rows += session->Evaluate(batch, [] { return false; }).rows;
  Count(state, rows, 1);
}

void TrainExactly(benchmark::State& state) {
  const std::size_t batch = static_cast<std::size_t>(state.range(0));
  ExactKernel kernel(Jets().train_x.data(), Jets().train_y.data(), batch, 1);
  constexpr std::size_t kSteps = 256;
  Cursor cursor;
  std::int64_t steps = 0;
  for (auto _ : state) {
    const auto rows = cursor.Next(kSteps * batch);
    float loss = 0;
    for (std::size_t i = 0; i < kSteps; ++i) loss += kernel.Step(rows.data() + i * batch, 1e-3F);
    benchmark::DoNotOptimize(loss);
    steps += static_cast<std::int64_t>(kSteps);
  }
  Count(state, steps, static_cast<std::int64_t>(batch));
}

void Register() {
  static train::FusedEngine fused;
  static train::LibtorchEngine libtorch;
  const auto batches = [](benchmark::internal::Benchmark* b) {
    for (const int batch : {16, 64, 256, 1024}) b->Arg(batch);
    b->Unit(benchmark::kMicrosecond);
  };
  batches(benchmark::RegisterBenchmark("train/exact/jsc-tiny", TrainExactly));
  for (const char* model : {"jsc-tiny", "jsc-toy", "jsc-s", "jsc-rs1923"}) {
    for (train::Engine* engine :
         {static_cast<train::Engine*>(&fused), static_cast<train::Engine*>(&libtorch)}) {
      const std::string name = engine->name() + "/" + model;
      batches(benchmark::RegisterBenchmark(
          ("train/" + name).c_str(),
          [engine, model](benchmark::State& state) { Train(state, *engine, model); }));
      batches(benchmark::RegisterBenchmark(
          ("evaluate/" + name).c_str(),
          [engine, model](benchmark::State& state) { Evaluate(state, *engine, model); }));
    }
  }
}

}  // namespace
}  // namespace bitsweep::bench

int main(int argc, char** argv) {
  at::set_num_threads(1);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  bitsweep::bench::Register();
  benchmark::AddCustomContext("instruction_set", bitsweep::train::FusedEngine().version());
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
