// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "CLI/CLI.hpp"
#include "client/cmd/command.h"
#include "client/output/error_report.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

int Info(Context& context) {
  const Connection connection = context.Connect();
  v1::GetServerInfoResponse info;
  const absl::Status status =
      connection.Call(connection.admin(), &v1::AdminService::Stub::GetServerInfo,
                      v1::GetServerInfoRequest(), &info);
  if (!status.ok()) return context.Fail(status);
  if (context.json) {
    context.PrintJson(info);
    return kExitOk;
  }
  const v1::TrialCounts& counts = info.counts();
  *context.out << fmt::format(
      "server     bitsweep {} ({}), SQLite {}, gRPC {}, schema {}\n"
      "started    {}\n"
      "queue      {}\n"
      "trials     {} queued, {} leased, {} running, {} succeeded, {} failed, {} cancelled, {} "
      "dead\n"
      "workers    {} alive with {}\n"
      "store      {} bytes, {} bytes free\n"
      "limits     {} trials a sweep, {} jobs a transform\n",
      info.version(), info.revision(), info.sqlite_version(), info.grpc_version(),
      info.schema_version(), FormatTime(info.start_time()), info.queue_paused() ? "paused" : "open",
      counts.queued(), counts.leased(), counts.running(), counts.succeeded(), counts.failed(),
      counts.cancelled(), counts.dead(), info.live_workers(), Plural(info.live_slots(), "slot"),
      info.store_bytes(), info.free_bytes(), info.max_trials_per_sweep(),
      info.max_jobs_per_transform());
  return kExitOk;
}

int Verify(Context& context, bool deep) {
  const Connection connection = context.Connect();
  v1::VerifyStoreRequest request;
  request.set_deep(deep);
  v1::VerifyStoreResponse report;
  const absl::Status status =
      connection.Call(connection.admin(), &v1::AdminService::Stub::VerifyStore, request, &report);
  if (!status.ok()) return context.Fail(status);
  if (context.json) {
    context.PrintJson(report);
  } else {
    for (const v1::StoreProblem& problem : report.problems()) {
      *context.out << fmt::format("{}: {}\n", problem.check(), problem.description());
    }
    *context.out << fmt::format(
        "{}: {}, {}, {}, {} checked\n",
        report.problems().empty() ? std::string("everything is as promised")
                                  : Plural(report.problems_size(), "problem"),
        Plural(report.sweeps(), "sweep"), Plural(report.trials(), "trial"),
        Plural(report.transforms(), "transform"), Plural(report.artifacts(), "artifact"));
  }
  return report.problems().empty() ? kExitOk : kExitNoSuccess;
}

// For those who watch over it: one word, and an exit code.
int Health(Context& context) {
  const Connection connection = context.Connect();
  grpc::health::v1::HealthCheckResponse health;
  const absl::Status status =
      connection.Call(connection.health(), &grpc::health::v1::Health::Stub::Check,
                      grpc::health::v1::HealthCheckRequest(), &health);
  if (!status.ok()) return context.Fail(status);
  if (context.json) {
    context.PrintJson(health);
  } else {
    *context.out << grpc::health::v1::HealthCheckResponse::ServingStatus_Name(health.status())
                 << "\n";
  }
  return health.status() == grpc::health::v1::HealthCheckResponse::SERVING ? kExitOk
                                                                           : kExitNoSuccess;
}

}  // namespace

void RegisterServer(CLI::App& app, Command& chosen) {
  CLI::App* server = app.add_subcommand("server", "The server itself");
  server->add_subcommand("info", "Versions, queue, store")->callback([&chosen] { chosen = Info; });
  server->add_subcommand("health", "Whether it serves (needs no token)")->callback([&chosen] {
    chosen = Health;
  });
  CLI::App* verify =
      server->add_subcommand("verify", "Recount everything from the rows and compare");
  const auto deep = std::make_shared<bool>(false);
  verify->add_flag("--deep", *deep, "Also read every artifact, and SQLite's integrity check");
  verify->callback([deep, &chosen] { chosen = [deep](Context& c) { return Verify(c, *deep); }; });
  RegisterServerBackup(*server, chosen);
  RequireVerb(*server);
}

}  // namespace bitsweep::client
