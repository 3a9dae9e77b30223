// SPDX-License-Identifier: Apache-2.0
#include "server/app/server.h"

#include <chrono>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "core/base/status_macros.h"
#include "core/base/version.h"
#include "core/options/value_options.h"
#include "fmt/format.h"
#include "grpc/grpc.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "server/app/credentials.h"
#include "server/app/metrics_observer.h"
#include "server/app/upkeep.h"
#include "server/metrics/server_metrics.h"
#include "server/rpc/access_control.h"
#include "server/rpc/admin_service.h"
#include "server/rpc/artifact_service.h"
#include "server/rpc/call_observer.h"
#include "server/rpc/model_service.h"
#include "server/rpc/sweep_service.h"
#include "server/rpc/token_service.h"
#include "server/rpc/transform_service.h"
#include "server/rpc/worker_service.h"
#include "server/scheduler/scheduler.h"
#include "server/store/sqlite/open.h"
#include "spdlog/spdlog.h"

namespace bitsweep::server {
namespace {

constexpr int kMaxMessageBytes = 4 << 20;

// gRPC's clean-up after its last object may wait 10 s for a socket of a client that has not closed
// it. The process ends anyway: never let it begin.
void KeepGrpc() {
  static const bool kept = (grpc_init(), true);
  (void)kept;
}

// Connections that are dead are noticed in half a minute; clients may ask as often as that.
void SetChannelOptions(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  // Two servers on one port would each get a part of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 20000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
}

}  // namespace

struct Server::Parts {
  Parts(const ServerOptions& given, Clock& given_clock, const metrics::BuildInfo& build)
      : options(given), clock(given_clock), metrics(build), observer(metrics, clock) {}

  const ServerOptions options;
  Clock& clock;
  metrics::ServerMetrics metrics;
  MetricsObserver observer;
  std::shared_ptr<grpc::ServerCredentials> credentials;
  rpc::AccessOptions access_options;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<scheduler::Scheduler> scheduler;
  std::unique_ptr<rpc::AccessControl> access;
  std::unique_ptr<rpc::SweepServiceImpl> sweeps;
  std::unique_ptr<rpc::TransformServiceImpl> transforms;
  std::unique_ptr<rpc::ModelServiceImpl> models;
  std::unique_ptr<rpc::ArtifactServiceImpl> artifacts;
  std::unique_ptr<rpc::WorkerServiceImpl> workers;
  std::unique_ptr<rpc::AdminServiceImpl> admin;
  std::unique_ptr<rpc::TokenServiceImpl> tokens;
  std::unique_ptr<grpc::Server> grpc;
  std::unique_ptr<Upkeep> upkeep;
  int grpc_port = 0;
  int metrics_port = 0;

  absl::Status OpenStore();
  absl::Status Serve();
};

absl::Status Server::Parts::OpenStore() {
  ASSIGN_OR_RETURN(store,
                   store::OpenSqliteStore({.data_dir = options.data_dir, .observer = &observer}));
  metrics.IntegrityChecked(true);  // or it had not been opened
  scheduler = std::make_unique<scheduler::Scheduler>(
      *store, clock, scheduler::SchedulerOptions{.lease_ttl = options.lease_ttl}, observer);
  return scheduler->Start();
}

absl::Status Server::Parts::Serve() {
  access = std::make_unique<rpc::AccessControl>(*store, clock, access_options);
  RETURN_IF_ERROR(access->Load());
  sweeps = std::make_unique<rpc::SweepServiceImpl>(*access, *scheduler, *store, metrics, clock);
  transforms =
      std::make_unique<rpc::TransformServiceImpl>(*access, *scheduler, *store, metrics, clock);
  models = std::make_unique<rpc::ModelServiceImpl>(*access, *store, clock);
  artifacts = std::make_unique<rpc::ArtifactServiceImpl>(*access, *store, clock);
  workers = std::make_unique<rpc::WorkerServiceImpl>(*access, *scheduler, *store);
  admin = std::make_unique<rpc::AdminServiceImpl>(*access, *scheduler, *store, metrics, clock);
  tokens = std::make_unique<rpc::TokenServiceImpl>(*access, clock);

  if (options.metrics_listen != "off") {
    ASSIGN_OR_RETURN(metrics_port, metrics.Serve(options.metrics_listen));
  }
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  SetChannelOptions(builder);
  builder.AddListeningPort(options.listen, credentials, &grpc_port);
  for (grpc::Service* service :
       std::vector<grpc::Service*>{sweeps.get(), transforms.get(), models.get(), artifacts.get(),
                                   workers.get(), admin.get(), tokens.get()}) {
    builder.RegisterService(service);
  }
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(std::make_unique<rpc::CallObserver>(metrics, clock));
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  grpc = builder.BuildAndStart();
  if (grpc == nullptr || (grpc_port == 0 && !options.listen.starts_with("unix:"))) {
    return absl::UnavailableError(
        fmt::format("cannot listen on {}: is the address right, and free?", options.listen));
  }
  upkeep = std::make_unique<Upkeep>(*scheduler, *store, metrics, clock);
  return absl::OkStatus();
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() { Stop(); }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options, Clock& clock) {
  RETURN_IF_ERROR(Check(options));
  KeepGrpc();
  auto parts = std::make_unique<Parts>(options, clock,
                                       metrics::BuildInfo{.version = Version(),
                                                          .revision = Revision(),
                                                          .sqlite = store::SqliteVersion(),
                                                          .grpc = grpc::Version()});
  ASSIGN_OR_RETURN(parts->credentials, MakeServerCredentials(options, clock.Now()));
  ASSIGN_OR_RETURN(parts->access_options, MakeAccessOptions(options));
  RETURN_IF_ERROR(parts->OpenStore());
  std::unique_ptr<Server> server(new Server(std::move(parts)));
  RETURN_IF_ERROR(server->parts_->Serve());
  if (!options.port_file.empty()) {
    RETURN_IF_ERROR(options::WriteWholeFile(
        options.port_file,
        fmt::format("grpc={} metrics={}\n", server->grpc_port(), server->metrics_port())));
  }
  spdlog::info(
      "serving version={} listen={} grpc_port={} metrics_port={} data_dir={} tls={} "
      "client_certificates={} tokens={}",
      Version(), options.listen, server->grpc_port(), server->metrics_port(), options.data_dir,
      !options.tls_cert.empty(), !options.tls_client_ca.empty(), RequiresTokens(options));
  return server;
}

void Server::Stop() {
  Parts& parts = *parts_;
  parts.upkeep.reset();
  if (parts.grpc != nullptr) {
    if (parts.grpc->GetHealthCheckService() != nullptr) {
      parts.grpc->GetHealthCheckService()->SetServingStatus(false);
    }
    parts.scheduler->BeginDrain();  // ends polls and watches
    parts.grpc->Shutdown(std::chrono::system_clock::now() +
                         absl::ToChronoMilliseconds(parts.options.grace));
    parts.grpc->Wait();
    parts.grpc.reset();
  }
  if (parts.scheduler != nullptr) parts.scheduler->Stop();
}

int Server::grpc_port() const { return parts_->grpc_port; }
int Server::metrics_port() const { return parts_->metrics_port; }

}  // namespace bitsweep::server
