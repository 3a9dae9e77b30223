// SPDX-License-Identifier: Apache-2.0
// The queue as clients see it: a real bitsweep-server in its own process, with its store on disk
// and every commit synced. Writes one JSON document to standard output.
//
//   queue_bench PATH_TO_BITSWEEP_SERVER [SECONDS]     seconds of each lease measurement, default 3
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bitsweep/v1/admin_service.grpc.pb.h"
#include "bitsweep/v1/sweep_service.grpc.pb.h"
#include "bitsweep/v1/worker_service.grpc.pb.h"
#include "core/base/clock.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "spdlog/spdlog.h"
#include "tests/bench/server_process.h"
#include "tests/support/test_paths.h"
#include "worker/agent/agent.h"

namespace bitsweep::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Json = nlohmann::json;

constexpr std::int64_t kLargestSweep = 100'000;
constexpr std::int64_t kMillion = 1'000'000;
constexpr std::int64_t kFedDepth = 10'000;  // at most: larger queues shrink by a part only
constexpr int kClients = 8;
const std::string kDigest(64, 'd');

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

template <typename Stub, typename Request, typename Response>
Response Call(Stub& stub,
              grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
              const Request& request) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) throw std::runtime_error(status.error_message());
  return response;
}

// A sweep of `trials` trials of one epoch; 100 or one repeat.
v1::SubmitSweepRequest SweepOf(std::int64_t trials) {
  v1::SubmitSweepRequest request;
  v1::Sweep& sweep = *request.mutable_sweep();
  sweep.mutable_model()->set_builtin("jsc-tiny");
  sweep.mutable_dataset()->set_name("synthetic-jets");
  sweep.mutable_base()->set_max_epochs(1);
  sweep.set_keep_models(v1::KEEP_MODELS_NONE);
  const std::int64_t repeats = trials >= 1000 ? 100 : 1;
  sweep.set_repeats(repeats);
  for (std::int64_t i = 0; i < trials / repeats; ++i) {
    sweep.mutable_grid()->add_learning_rate(1e-5 * static_cast<double>(i + 1));
  }
  return request;
}

void Submit(v1::SweepService::Stub& sweeps, std::int64_t trials) {
  for (; trials > 0; trials -= kLargestSweep) {
    Call(sweeps, &v1::SweepService::Stub::SubmitSweep, SweepOf(std::min(trials, kLargestSweep)));
  }
}

// Leases up to `batch` trials in one call, completes them side by side, and so on, as fast as it is
// answered.
class Client {
 public:
  Client(const ServerProcess& server, int number, int batch)
      : stub_(v1::WorkerService::NewStub(server.NewChannel())),
        name_(fmt::format("workers/client-{}", number)),
        batch_(batch) {
    v1::RegisterWorkerRequest request;
    request.set_name(name_);
    request.set_instance_id("p-1");
    request.set_slots(batch);
    request.set_version("0.1.0");
    Call(*stub_, &v1::WorkerService::Stub::RegisterWorker, request);
  }

  // Returns how many it completed; adds the latency of each lease in seconds.
  std::int64_t Run(SteadyClock::time_point until, std::vector<double>& latencies,
                   std::atomic<std::int64_t>& leased) {
    v1::LeaseJobsRequest lease;
    lease.set_worker(name_);
    lease.set_instance_id("p-1");
    lease.set_max_jobs(batch_);
    lease.mutable_wait()->set_seconds(1);
    std::int64_t completed = 0;
    while (SteadyClock::now() < until) {
      const auto start = SteadyClock::now();
      const v1::LeaseJobsResponse answer = Call(*stub_, &v1::WorkerService::Stub::LeaseJobs, lease);
      if (answer.jobs_size() == 0) continue;
      latencies.push_back(SecondsSince(start));
      leased += answer.jobs_size();
      Complete(answer);
      completed += answer.jobs_size();
    }
    return completed;
  }

 private:
  struct Completion {
    grpc::ClientContext context;
    v1::CompleteJobResponse response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::CompleteJobResponse>> reader;
  };

  void Complete(const v1::LeaseJobsResponse& leased) {
    std::vector<Completion> completions(static_cast<std::size_t>(leased.jobs_size()));
    for (std::size_t i = 0; i < completions.size(); ++i) {
      Completion& c = completions[i];
      c.reader =
          stub_->AsyncCompleteJob(&c.context, ResultOf(leased.jobs(static_cast<int>(i))), &queue_);
      c.reader->Finish(&c.response, &c.status, &c);
    }
    for (std::size_t i = 0; i < completions.size(); ++i) {
      void* tag = nullptr;
      bool ok = false;
      if (!queue_.Next(&tag, &ok) || !ok) throw std::runtime_error("the connection broke");
      const grpc::Status& status = static_cast<Completion*>(tag)->status;
      if (!status.ok()) throw std::runtime_error(status.error_message());
    }
  }

  v1::CompleteJobRequest ResultOf(const v1::LeasedJob& job) const {
    v1::CompleteJobRequest request;
    request.set_worker(name_);
    request.set_instance_id("p-1");
    *request.mutable_ref() = job.ref();
    v1::EpochPoint* point = request.add_points();
    point->set_val_acc(0.5);
    v1::TrialResult* result = request.mutable_result();
    result->set_val_acc(0.5);
    result->set_best_val_acc(0.5);
    result->set_epochs(1);
    result->set_steps(63);
    result->set_train_rows(8000);
    result->set_validation_rows(2000);
    result->set_seconds(0.01);
    result->set_rows_per_second(8e5);
    result->set_engine("empty");
    result->set_engine_version("empty 1");
    result->set_data_digest(kDigest);
    result->set_graph_name("jsc-tiny");
    return request;
  }

  std::unique_ptr<v1::WorkerService::Stub> stub_;
  const std::string name_;
  const int batch_;
  grpc::CompletionQueue queue_;
};

double Quantile(std::vector<double>& sorted, double q) {
  return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

// Durable submits of large sweeps by one client, and what a million trials cost in memory.
Json MeasureSubmit(const ServerProcess& server) {
  const auto sweeps = v1::SweepService::NewStub(server.NewChannel());
  Submit(*sweeps, 1000);  // connects
  const std::int64_t empty = server.ResidentBytes();
  const auto start = SteadyClock::now();
  Submit(*sweeps, kMillion);
  return {{"name", "submit"},
          {"trials_per_second", static_cast<double>(kMillion) / SecondsSince(start)},
          {"trials", kMillion},
          {"resident_bytes_before", empty},
          {"resident_bytes", server.ResidentBytes()},
          {"peak_resident_bytes", server.PeakResidentBytes()}};
}

// kClients lease and complete empty jobs while about `depth` jobs, submitted before, are queued:
// where they would run out, a feeder submits as many again as were leased, in portions of half the
// depth.
Json MeasureLeases(const ServerProcess& server, std::int64_t depth, int batch, double seconds) {
  const auto sweeps = v1::SweepService::NewStub(server.NewChannel());
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(std::make_unique<Client>(server, i, batch));
  std::atomic<std::int64_t> leased = 0;
  std::atomic<std::int64_t> completed = 0;
  std::mutex mutex;
  std::vector<double> latencies;
  const double cpu_before = server.CpuSeconds();
  const auto start = SteadyClock::now();
  const auto until = start + std::chrono::duration_cast<SteadyClock::duration>(
                                 std::chrono::duration<double>(seconds));
  std::vector<std::thread> threads;
  for (const auto& client : clients) {
    threads.emplace_back([&, client = client.get()] {
      std::vector<double> own;
      completed += client->Run(until, own, leased);
      const std::lock_guard lock(mutex);
      latencies.insert(latencies.end(), own.begin(), own.end());
    });
  }
  const std::int64_t portion = std::clamp<std::int64_t>(depth / 2, 50, 10'000);

  std::int64_t fed = 0;
  while (SteadyClock::now() < until) {
    if (depth <= kFedDepth && leased - fed >= portion) {
      Submit(*sweeps, portion);
      fed += portion;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  for (std::thread& thread : threads) thread.join();
  const double taken = SecondsSince(start);
  std::sort(latencies.begin(), latencies.end());
  if (latencies.empty()) throw std::runtime_error("nothing was leased");
  return {{"name", fmt::format("lease/{}/{}", depth, batch)},
          {"queued", depth},
          {"clients", kClients},
          {"jobs_a_lease", batch},
          {"jobs_per_second", static_cast<double>(completed) / taken},
          {"lease_p50_ms", Quantile(latencies, 0.5) * 1e3},
          {"lease_p99_ms", Quantile(latencies, 0.99) * 1e3},
          {"lease_max_ms", latencies.back() * 1e3},
          {"server_cpu", (server.CpuSeconds() - cpu_before) / taken}};
}

double ThreadSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Trials that take 50 ms of processor time. What else runs on the cores makes them longer.
class FixedTrials final : public worker::Executor {
 public:
  static constexpr double kSeconds = 0.05;

  worker::TrialOutcome Run(const spec::TrialSpec&, const std::string&,
                           worker::TrialObserver& observer) override {
    const auto start = SteadyClock::now();
    if (!observer.OnStart(kDigest, 8000)) return worker::TrialStopped{};
    for (const double until = ThreadSeconds() + kSeconds; ThreadSeconds() < until;) {
    }
    observer.OnEpoch({.val_acc = 0.5});
    worker::TrialSuccess success;
    success.result = {.val_acc = 0.5,
                      .best_val_acc = 0.5,
                      .epochs = 1,
                      .steps = 63,
                      .train_rows = 8000,
                      .validation_rows = 2000,
                      .seconds = 0.05,
                      .rows_per_second = 160000,
                      .engine = "empty",
                      .engine_version = "empty 1",
                      .data_digest = kDigest,
                      .graph_name = "jsc-tiny"};
    const std::lock_guard lock(mutex_);
    first_ = std::min(first_, start);
    last_ = SteadyClock::now();
    busy_ += last_ - start;
    ++trials_;
    return success;
  }
  worker::TransformOutcome RunTransform(const spec::TransformWork&, const std::string&,
                                        worker::TrialObserver&) override {
    return worker::TrialStopped{};
  }
  std::vector<std::string> Engines() const override { return {"empty 1"}; }

  // Shares of the slots' time from the first trial's start to the last one's end: that in which a
  // slot had no trial, and that in which its core did other things (the former included).
  std::pair<double, double> IdleAndLost(std::int64_t slots) {
    const std::lock_guard lock(mutex_);
    const double all =
        static_cast<double>(slots) * std::chrono::duration<double>(last_ - first_).count();
    return {1 - std::chrono::duration<double>(busy_).count() / all,
            1 - static_cast<double>(trials_) * kSeconds / all};
  }

 private:
  std::mutex mutex_;
  SteadyClock::time_point first_ = SteadyClock::time_point::max();
  SteadyClock::time_point last_;
  SteadyClock::duration busy_{};
  std::int64_t trials_ = 0;
};

// The share of time that the slots of a real worker do not train: they have no trial, or the server
// and the worker's other threads use their cores.
Json MeasureIdle(const ServerProcess& server, std::int64_t slots) {
  const auto sweeps = v1::SweepService::NewStub(server.NewChannel());
  constexpr std::int64_t kTrials = 100;
  v1::SubmitSweepRequest request = SweepOf(kTrials);
  request.set_sweep_id(fmt::format("idle-{}", slots));
  Call(*sweeps, &v1::SweepService::Stub::SubmitSweep, request);
  FixedTrials executor;
  worker::AgentObserver observer;
  worker::Agent agent(
      {.server = server.address(), .name = fmt::format("idle-{}", slots), .slots = slots}, executor,
      SystemClock(), observer);
  std::thread thread([&] {
    if (const absl::Status status = agent.Run(); !status.ok()) {
      spdlog::error("{}", status.ToString());
    }
  });
  v1::GetSweepRequest get;
  get.set_name(fmt::format("sweeps/idle-{}", slots));
  const auto give_up = SteadyClock::now() + std::chrono::seconds(60);
  while (Call(*sweeps, &v1::SweepService::Stub::GetSweep, get).sweep().state() !=
         v1::Sweep::STATE_SUCCEEDED) {
    if (SteadyClock::now() > give_up) {
      spdlog::error("the sweep does not end");
      std::exit(1);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  agent.BeginDrain();
  thread.join();
  const auto [idle, lost] = executor.IdleAndLost(slots);
  return {{"name", fmt::format("idle/{}", slots)},
          {"slots", slots},
          {"trial_ms", 50},
          {"idle_share", idle},
          {"lost_share", lost}};
}

// What this disk takes to keep 4 KiB.
Json MeasureSync(const std::filesystem::path& folder) {
  const std::string path = folder / "sync";
  const int file = open(path.c_str(), O_CREAT | O_RDWR, 0600);
  if (file < 0) throw std::runtime_error("cannot write " + path);
  std::vector<double> times;
  const std::string block(4096, 'x');
  for (int i = 0; i < 300; ++i) {
    const auto start = SteadyClock::now();
    if (pwrite(file, block.data(), block.size(), i * 4096) != 4096 || fdatasync(file) != 0) {
      throw std::runtime_error("cannot write " + path);
    }
    times.push_back(SecondsSince(start));
  }
  close(file);
  std::sort(times.begin(), times.end());
  return {{"name", "sync"},
          {"p50_ms", Quantile(times, 0.5) * 1e3},
          {"p99_ms", Quantile(times, 0.99) * 1e3}};
}

int Main(const std::filesystem::path& program, double seconds) {
  const testing::TempDir folder;
  Json all = Json::array();
  const auto add = [&all](Json result) {
    std::cerr << result.dump() << "\n";
    all.push_back(std::move(result));
  };
  add(MeasureSync(folder.path()));
  {
    const ServerProcess server(program, folder.path());
    for (const std::int64_t slots : {1, 2}) add(MeasureIdle(server, slots));
  }
  for (const auto& [depth, batch] : std::vector<std::pair<std::int64_t, int>>{
           {100, 1}, {100, 16}, {10'000, 1}, {10'000, 16}, {100'000, 1}, {100'000, 16}}) {
    const ServerProcess server(program, folder.path());
    Submit(*v1::SweepService::NewStub(server.NewChannel()), depth);
    add(MeasureLeases(server, depth, batch, seconds));
  }
  const ServerProcess server(program, folder.path());
  add(MeasureSubmit(server));
  for (const int batch : {1, 16}) add(MeasureLeases(server, kMillion, batch, seconds));
  add({{"name", "memory"}, {"peak_resident_bytes", server.PeakResidentBytes()}});
  std::cout << Json{{"benchmarks", all}}.dump(1) << "\n";
  return 0;
}

}  // namespace
}  // namespace bitsweep::bench

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::cerr << "usage: queue_bench PATH_TO_BITSWEEP_SERVER [SECONDS]\n";
    return 2;
  }
  spdlog::set_level(spdlog::level::warn);
  try {
    return bitsweep::bench::Main(argv[1], argc == 3 ? std::stod(argv[2]) : 3.0);
  } catch (const std::exception& error) {
    std::cerr << "queue_bench: " << error.what() << "\n";
    return 1;
  }
}
