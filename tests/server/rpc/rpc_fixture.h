// SPDX-License-Identifier: Apache-2.0
// A whole server on a loopback port, and calls that read like grpcurl's.
#ifndef BITSWEEP_TESTS_SERVER_RPC_RPC_FIXTURE_H_
#define BITSWEEP_TESTS_SERVER_RPC_RPC_FIXTURE_H_

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "bitsweep/v1/admin_service.grpc.pb.h"
#include "bitsweep/v1/artifact_service.grpc.pb.h"
#include "bitsweep/v1/model_service.grpc.pb.h"
#include "bitsweep/v1/sweep_service.grpc.pb.h"
#include "bitsweep/v1/transform_service.grpc.pb.h"
#include "bitsweep/v1/worker_service.grpc.pb.h"
#include "google/protobuf/message.h"
#include "google/rpc/error_details.pb.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "server/app/server.h"
#include "tests/support/test_paths.h"

namespace bitsweep::rpc {

using Sweeps = v1::SweepService::Stub;
using Transforms = v1::TransformService::Stub;
using Models = v1::ModelService::Stub;
using Artifacts = v1::ArtifactService::Stub;
using Workers = v1::WorkerService::Stub;
using Admin = v1::AdminService::Stub;

// An error as it came over the wire.
struct Error {
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string message;
  std::string reason;
  std::string domain;
  std::map<std::string, std::string> metadata;
  std::map<std::string, std::string> violations;  // description by field
  google::rpc::ResourceInfo resource;
  google::rpc::PreconditionFailure precondition;
  double retry_seconds = -1;  // -1: no RetryInfo
  int infos = 0;              // how many ErrorInfo it carries
};
Error Decode(const grpc::Status& status);
void PrintTo(const Error& error, std::ostream* out);

// The message that JSON text describes; the test fails when it describes none.
void ParseJson(const std::string& json, google::protobuf::Message& message);
template <typename Message>
Message FromJson(const std::string& json) {
  Message message;
  ParseJson(json, message);
  return message;
}

template <typename Response>
struct Answer {
  Response response;
  Error error;
  bool ok() const { return error.code == grpc::StatusCode::OK; }
};

// Sets a deadline that no call comes near.
void SetDeadline(grpc::ClientContext& context);

class RpcTest : public ::testing::Test {
 protected:
  void SetUp() override { StartServer(); }
  // Anew on the same folder, if one runs.
  void StartServer(const std::string& metrics_listen = "off");

  template <typename Stub, typename Request, typename Response>
  Answer<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                     Response*),
                        const Request& request) {
    Answer<Response> answer;
    grpc::ClientContext context;
    SetDeadline(context);
    answer.error = Decode((stub<Stub>().*method)(&context, request, &answer.response));
    return answer;
  }
  template <typename Stub, typename Request, typename Response>
  Answer<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                     Response*),
                        const std::string& json = "{}") {
    return Call(method, FromJson<Request>(json));
  }
  template <typename Stub>
  Stub& stub() {
    return *std::get<std::unique_ptr<Stub>>(stubs_);
  }

  // The value that the server's metrics have for `series`, "name{label="value"}"; the test fails
  // when there is none. Needs a server that was started with an address for them.
  double Metric(const std::string& series);

  // A sweep of `trials` trials of one epoch on synthetic-jets, submitted under `sweep_id`.
  void Submit(const std::string& sweep_id, int trials = 1, const std::string& more = "");
  // A transform of jsc-tiny that counts operations, with `more` fields beside model and passes.
  void SubmitTransform(const std::string& transform_id, const std::string& more = "");
  void Register(const std::string& worker_id, const std::string& instance_id = "first");
  // Leases a job; the test fails when there is none.
  v1::LeasedJob Lease(const std::string& worker_id, const std::string& instance_id = "first");
  // A complete request with a result of one epoch.
  static v1::CompleteJobRequest ResultOf(const v1::LeasedJob& job, double val_acc = 0.5);
  // A complete request of a transform's job: one count_ops, and headlines.
  static v1::CompleteJobRequest TransformResultOf(const v1::LeasedJob& job, double accuracy = 0.5,
                                                  double bitops = 79680);
  // Registers, leases and completes everything that is queued.
  void FinishAll(const std::vector<double>& val_accs);
  // Stores `bytes`; returns their digest.
  std::string Upload(const std::string& bytes);
  // A checkpoint of jsc-tiny whose values are all 0.
  static std::string TinyCheckpoint();

  testing::TempDir folder_;
  std::unique_ptr<server::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::tuple<std::unique_ptr<Sweeps>, std::unique_ptr<Models>, std::unique_ptr<Artifacts>,
             std::unique_ptr<Workers>, std::unique_ptr<Admin>, std::unique_ptr<Transforms>>
      stubs_;
};

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_TESTS_SERVER_RPC_RPC_FIXTURE_H_
