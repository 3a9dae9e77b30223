// SPDX-License-Identifier: Apache-2.0
#include "tests/server/rpc/rpc_fixture.h"

#include <chrono>
#include <ostream>

#include "core/base/clock.h"
#include "core/base/sha256.h"
#include "core/graph/checkpoint.h"
#include "core/graph/zoo.h"
#include "fmt/format.h"
#include "google/protobuf/util/json_util.h"
#include "google/rpc/status.pb.h"
#include "httplib.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::rpc {

Error Decode(const grpc::Status& status) {
  Error error{.code = status.error_code(), .message = status.error_message()};
  google::rpc::Status proto;
  if (!proto.ParseFromString(status.error_details())) return error;
  for (const google::protobuf::Any& any : proto.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad;
    google::rpc::RetryInfo retry;
    if (any.UnpackTo(&info)) {
      ++error.infos;
      error.reason = info.reason();
      error.domain = info.domain();
      error.metadata = {info.metadata().begin(), info.metadata().end()};
    } else if (any.UnpackTo(&bad)) {
      for (const auto& violation : bad.field_violations()) {
        error.violations[violation.field()] = violation.description();
      }
    } else if (any.UnpackTo(&retry)) {
      error.retry_seconds = static_cast<double>(retry.retry_delay().seconds()) +
                            static_cast<double>(retry.retry_delay().nanos()) * 1e-9;
    } else if (any.Is<google::rpc::ResourceInfo>()) {
      any.UnpackTo(&error.resource);
    } else if (any.Is<google::rpc::PreconditionFailure>()) {
      any.UnpackTo(&error.precondition);
    }
  }
  return error;
}

void PrintTo(const Error& error, std::ostream* out) {
  *out << "code " << error.code << " " << error.reason << ": " << error.message;
}

void ParseJson(const std::string& json, google::protobuf::Message& message) {
  const auto status = google::protobuf::util::JsonStringToMessage(json, &message);
  ASSERT_TRUE(status.ok()) << status.ToString() << " in " << json;
}

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
}

void RpcTest::StartServer(const std::string& metrics_listen) {
  server_.reset();
  auto started = server::Server::Start({.listen = "127.0.0.1:0",
                                        .data_dir = folder_.path().string(),
                                        .metrics_listen = metrics_listen,
                                        .grace = absl::Seconds(1)},
                                       SystemClock());
  ASSERT_THAT(started, testing::IsOk());
  server_ = *std::move(started);
  grpc::ChannelArguments arguments;
  arguments.SetMaxSendMessageSize(-1);  // what the server refuses is what is tested
  channel_ = grpc::CreateCustomChannel(fmt::format("127.0.0.1:{}", server_->grpc_port()),
                                       grpc::InsecureChannelCredentials(), arguments);
  stubs_ = {v1::SweepService::NewStub(channel_),    v1::ModelService::NewStub(channel_),
            v1::ArtifactService::NewStub(channel_), v1::WorkerService::NewStub(channel_),
            v1::AdminService::NewStub(channel_),    v1::TransformService::NewStub(channel_)};
}

double RpcTest::Metric(const std::string& series) {
  httplib::Client client("127.0.0.1", server_->metrics_port());
  const httplib::Result answer = client.Get("/metrics");
  if (!answer || answer->status != 200) {
    ADD_FAILURE() << "no metrics";
    return -1;
  }
  const std::string line = "\n" + series + " ";
  const std::size_t at = answer->body.find(line);
  if (at == std::string::npos) {
    ADD_FAILURE() << "no series " << series;
    return -1;
  }
  return std::stod(answer->body.substr(at + line.size()));
}

void RpcTest::Submit(const std::string& sweep_id, int trials, const std::string& more) {
  const auto answer = Call(&Sweeps::SubmitSweep,
                           fmt::format(
                               R"({{"sweep_id": "{}", "sweep": {{"model": {{"builtin": "jsc-tiny"}},
              "dataset": {{"name": "synthetic-jets"}}, "base": {{"max_epochs": 1}},
              "repeats": {}{}}}}})",
                               sweep_id, trials, more));
  ASSERT_TRUE(answer.ok()) << answer.error.message;
}

void RpcTest::SubmitTransform(const std::string& transform_id, const std::string& more) {
  const auto answer =
      Call(&Transforms::SubmitTransform,
           fmt::format(
               R"({{"transform_id": "{}", "transform": {{"model": {{"builtin": "jsc-tiny"}},
              "passes": [{{"count_ops": {{}}}}]{}}}}})",
               transform_id, more));
  ASSERT_TRUE(answer.ok()) << answer.error.message;
}

void RpcTest::Register(const std::string& worker_id, const std::string& instance_id) {
  const auto answer =
      Call(&Workers::RegisterWorker,
           fmt::format(
               R"({{"name": "workers/{}", "instance_id": "{}", "slots": 2, "version": "1.0",
              "engines": ["libtorch"], "host": "here"}})",
               worker_id, instance_id));
  ASSERT_TRUE(answer.ok()) << answer.error.message;
}

v1::LeasedJob RpcTest::Lease(const std::string& worker_id, const std::string& instance_id) {
  const auto answer =
      Call(&Workers::LeaseJobs,
           fmt::format(
               R"({{"worker": "workers/{}", "instance_id": "{}", "max_jobs": 1, "wait": "20s"}})",
               worker_id, instance_id));
  EXPECT_TRUE(answer.ok()) << answer.error.message;
  EXPECT_EQ(answer.response.jobs_size(), 1);
  return answer.response.jobs_size() == 1 ? answer.response.jobs(0) : v1::LeasedJob();
}

v1::CompleteJobRequest RpcTest::ResultOf(const v1::LeasedJob& job, double val_acc) {
  v1::CompleteJobRequest request = FromJson<v1::CompleteJobRequest>(
      R"({"worker": "workers/worker-1", "instance_id": "first",
          "points": [{"epoch": 0, "learning_rate": 1e-5, "train_loss": 1.5, "val_loss": 1.25}],
          "result": {"val_loss": 1.25, "epochs": 1, "steps": 4, "seconds": 2.5,
                     "engine": "libtorch", "data_digest": "d1", "graph_name": "jsc-tiny",
                     "parameter_count": 117}})");
  *request.mutable_ref() = job.ref();
  request.mutable_points(0)->set_val_acc(val_acc);
  request.mutable_result()->set_val_acc(val_acc);
  return request;
}

v1::CompleteJobRequest RpcTest::TransformResultOf(const v1::LeasedJob& job, double accuracy,
                                                  double bitops) {
  v1::CompleteJobRequest request = FromJson<v1::CompleteJobRequest>(
      R"({"worker": "workers/worker-1", "instance_id": "first", "transform_result": {
          "passes": [{"pass": "count_ops", "seconds": 0.25, "ops": {"batch_size": 1, "counts": [
              {"convention": "COUNT_CONVENTION_LAB_REPORT", "flops": 1833, "bitops": 79680,
               "nodes": [{"node": "seq_blocks_2", "op": "linear", "flops": 165, "bitops": 87200}],
               "unsupported": ["x"]}], "size_bits": 4768}}],
          "metrics": {"flops": 1833, "size_bits": 4768}, "seconds": 0.5,
          "graph_name": "jsc-tiny", "parameter_count": 117}})");
  *request.mutable_ref() = job.ref();
  if (job.transform().passes(0).has_quantize()) {
    auto& passes = *request.mutable_transform_result()->mutable_passes();
    *passes.Add() = FromJson<v1::PassResult>(R"({"pass": "quantize", "quantize": {}})");
    passes.SwapElements(0, 1);
    passes[1].set_position(1);
  }
  request.mutable_transform_result()->mutable_metrics()->set_accuracy(accuracy);
  request.mutable_transform_result()->mutable_metrics()->set_bitops(bitops);
  return request;
}

std::string RpcTest::TinyCheckpoint() {
  graph::Checkpoint checkpoint{.graph = *graph::BuildModel("jsc-tiny", {}), .tensors = {}};
  for (const graph::TensorInfo& tensor : checkpoint.graph.tensors()) {
    graph::TensorValue& value = checkpoint.tensors.emplace_back();
    value.name = tensor.name;
    const auto values = static_cast<std::size_t>(graph::ElementCount(tensor.shape));
    (tensor.is_int64 ? value.i64.resize(values) : value.f32.resize(values));
  }
  return graph::SerializeCheckpoint(checkpoint);
}

void RpcTest::FinishAll(const std::vector<double>& val_accs) {
  Register("worker-1");
  for (const double val_acc : val_accs) {
    const auto answer = Call(&Workers::CompleteJob, ResultOf(Lease("worker-1"), val_acc));
    ASSERT_TRUE(answer.ok()) << answer.error.message;
  }
}

std::string RpcTest::Upload(const std::string& bytes) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::UploadArtifactResponse response;
  const auto stream = stub<Artifacts>().UploadArtifact(&context, &response);
  v1::UploadArtifactRequest request;
  request.set_sha256(Sha256Hex(bytes));
  request.set_size_bytes(static_cast<std::int64_t>(bytes.size()));
  for (std::size_t at = 0; at < bytes.size() || at == 0; at += 1 << 20) {
    request.set_chunk(bytes.substr(at, 1 << 20));
    stream->Write(request);
    request.Clear();
  }
  stream->WritesDone();
  const grpc::Status status = stream->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  return Sha256Hex(bytes);
}

}  // namespace bitsweep::rpc
