// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_SUPPORT_LOCAL_SERVER_H_
#define BITSWEEP_TESTS_SUPPORT_LOCAL_SERVER_H_

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include "absl/time/time.h"
#include "bitsweep/v1/admin_service.grpc.pb.h"
#include "bitsweep/v1/artifact_service.grpc.pb.h"
#include "bitsweep/v1/model_service.grpc.pb.h"
#include "bitsweep/v1/sweep_service.grpc.pb.h"
#include "bitsweep/v1/transform_service.grpc.pb.h"
#include "bitsweep/v1/worker_service.grpc.pb.h"
#include "core/base/clock.h"
#include "fmt/format.h"
#include "grpcpp/grpcpp.h"
#include "server/app/server.h"
#include "tests/support/test_paths.h"

namespace bitsweep::testing {

// The real server in this process, on a free port of the loopback, with a store of its own. Stop
// and Start again keep port and store. What it is given must outlive it. Header only, so that tests
// without a server do not link one.
class LocalServer {
 public:
  explicit LocalServer(Clock& clock = SystemClock(), absl::Duration lease_ttl = absl::Seconds(15))
      : clock_(clock), lease_ttl_(lease_ttl) {
    Start();
    channel_ = NewChannel();
    sweeps_ = v1::SweepService::NewStub(channel_);
    transforms_ = v1::TransformService::NewStub(channel_);
    models_ = v1::ModelService::NewStub(channel_);
    artifacts_ = v1::ArtifactService::NewStub(channel_);
    workers_ = v1::WorkerService::NewStub(channel_);
    admin_ = v1::AdminService::NewStub(channel_);
  }

  void Start() {
    server::ServerOptions options;
    options.listen = fmt::format("127.0.0.1:{}", port_);
    options.data_dir = (folder_.path() / "data").string();
    options.metrics_listen = "off";
    options.lease_ttl = lease_ttl_;
    options.grace = absl::Seconds(1);
    auto started = server::Server::Start(options, clock_);
    if (!started.ok()) throw std::runtime_error(std::string(started.status().message()));
    server_ = *std::move(started);
    port_ = server_->grpc_port();
  }
  void Stop() { server_.reset(); }

  std::string address() const { return fmt::format("127.0.0.1:{}", port_); }
  v1::SweepService::Stub& sweeps() { return *sweeps_; }
  v1::TransformService::Stub& transforms() { return *transforms_; }
  v1::ModelService::Stub& models() { return *models_; }
  v1::ArtifactService::Stub& artifacts() { return *artifacts_; }
  v1::WorkerService::Stub& workers() { return *workers_; }
  v1::AdminService::Stub& admin() { return *admin_; }

  // Makes one call that must succeed; throws what it failed with.
  template <typename Stub, typename Request, typename Response>
  static Response Call(Stub& stub,
                       grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                    Response*),
                       const Request& request) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) throw std::runtime_error(status.error_message());
    return response;
  }

 private:
  std::shared_ptr<grpc::Channel> NewChannel() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
    // Not the connection of the code under test, which is in the same process.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(address(), grpc::InsecureChannelCredentials(), arguments);
  }

  Clock& clock_;
  const absl::Duration lease_ttl_;
  TempDir folder_;
  int port_ = 0;
  std::unique_ptr<server::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::SweepService::Stub> sweeps_;
  std::unique_ptr<v1::TransformService::Stub> transforms_;
  std::unique_ptr<v1::ModelService::Stub> models_;
  std::unique_ptr<v1::ArtifactService::Stub> artifacts_;
  std::unique_ptr<v1::WorkerService::Stub> workers_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
};

}  // namespace bitsweep::testing

#endif  // BITSWEEP_TESTS_SUPPORT_LOCAL_SERVER_H_
