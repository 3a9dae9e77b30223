// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_CLIENT_SCRIPTED_WORKER_H_
#define BITSWEEP_TESTS_CLIENT_SCRIPTED_WORKER_H_

#include <cstdint>
#include <stdexcept>
#include <string>

#include "core/base/sha256.h"
#include "tests/support/local_server.h"

namespace bitsweep::client {

// Brings results of one-epoch trials and of transforms to a server as a worker would, with numbers
// of the test.
class ScriptedWorker {
 public:
  explicit ScriptedWorker(testing::LocalServer& server) : server_(server) {
    v1::RegisterWorkerRequest request;
    request.set_name("workers/alpha");
    request.set_instance_id("p-1");
    request.set_slots(2);
    request.set_version("0.1.0");
    request.set_host("host-1");
    server_.Call(server_.workers(), &v1::WorkerService::Stub::RegisterWorker, request);
  }

  // The next trial or job in the plan's order; it has started when this returns.
  v1::LeasedJob Take() {
    v1::LeaseJobsRequest request;
    request.set_worker("workers/alpha");
    request.set_instance_id("p-1");
    request.set_max_jobs(1);
    const v1::LeaseJobsResponse leased =
        server_.Call(server_.workers(), &v1::WorkerService::Stub::LeaseJobs, request);
    if (leased.jobs_size() != 1) throw std::runtime_error("no trial to lease");
    v1::ReportProgressRequest report;
    report.set_worker("workers/alpha");
    report.set_instance_id("p-1");
    v1::JobProgress* progress = report.add_reports();
    *progress->mutable_ref() = leased.jobs(0).ref();
    progress->set_started(true);
    if (leased.jobs(0).has_trial() || leased.jobs(0).transform().has_dataset()) {
      progress->set_data_digest(std::string(64, 'd'));
      progress->set_train_rows(8000);
    }
    server_.Call(server_.workers(), &v1::WorkerService::Stub::ReportProgress, report);
    return leased.jobs(0);
  }

  // Ends the next trial well.
  void Succeed(double val_acc, double val_loss, double train_acc, double seconds) {
    Complete(ResultOf(val_acc, val_loss, train_acc, seconds));
  }

  // Ends the next trial well, with a checkpoint.
  void SucceedWithModel(double val_acc, const std::string& checkpoint, const std::string& graph,
                        std::int64_t parameters) {
    v1::UploadArtifactRequest chunk;
    chunk.set_sha256(Sha256Hex(checkpoint));
    chunk.set_size_bytes(static_cast<std::int64_t>(checkpoint.size()));
    chunk.set_chunk(checkpoint);
    v1::UploadArtifactResponse response;
    grpc::ClientContext context;
    const auto writer = server_.artifacts().UploadArtifact(&context, &response);
    writer->Write(chunk);
    writer->WritesDone();
    if (!writer->Finish().ok()) throw std::runtime_error("upload refused");
    v1::TrialResult result = ResultOf(val_acc, 1.0, 0.5, 1.0);
    result.set_artifact("artifacts/" + chunk.sha256());
    result.set_artifact_bytes(chunk.size_bytes());
    result.set_graph_name(graph);
    result.set_parameter_count(parameters);
    Complete(result);
  }

  // Ends the next job of a transform well.
  void Succeed(const v1::TransformResult& result) {
    v1::CompleteJobRequest request;
    request.set_worker("workers/alpha");
    request.set_instance_id("p-1");
    *request.mutable_ref() = Take().ref();
    *request.mutable_transform_result() = result;
    server_.Call(server_.workers(), &v1::WorkerService::Stub::CompleteJob, request);
  }

  // Ends the next trial or job for good.
  void Fail(const std::string& message) {
    v1::FailJobRequest request;
    request.set_worker("workers/alpha");
    request.set_instance_id("p-1");
    *request.mutable_ref() = Take().ref();
    request.set_reason(v1::FAILURE_REASON_INVALID_DATASET);
    request.set_message(message);
    server_.Call(server_.workers(), &v1::WorkerService::Stub::FailJob, request);
  }

 private:
  static v1::TrialResult ResultOf(double val_acc, double val_loss, double train_acc,
                                  double seconds) {
    v1::TrialResult result;
    result.set_val_acc(val_acc);
    result.set_val_loss(val_loss);
    result.set_val_loss_batch_mean(val_loss + 0.0625);
    result.set_train_acc_last_step(train_acc);
    result.set_train_loss_last_step(1.25);
    result.set_best_val_acc(val_acc);
    result.set_epochs(1);
    result.set_steps(63);
    result.set_train_rows(8000);
    result.set_validation_rows(2000);
    result.set_seconds(seconds);
    result.set_rows_per_second(8000 / seconds);
    result.set_engine("scripted");
    result.set_engine_version("scripted 1");
    result.set_data_digest(std::string(64, 'd'));
    return result;
  }

  void Complete(const v1::TrialResult& result) {
    const v1::LeasedJob job = Take();
    v1::CompleteJobRequest request;
    request.set_worker("workers/alpha");
    request.set_instance_id("p-1");
    *request.mutable_ref() = job.ref();
    *request.mutable_result() = result;
    v1::EpochPoint* point = request.add_points();
    point->set_learning_rate(job.trial().hyperparameters().learning_rate());
    point->set_train_loss(1.5);
    point->set_train_loss_last_step(1.25);
    point->set_train_acc_last_step(result.train_acc_last_step());
    point->set_val_acc(result.val_acc());
    point->set_val_loss(result.val_loss());
    point->set_val_loss_batch_mean(result.val_loss_batch_mean());
    point->set_seconds(result.seconds());
    server_.Call(server_.workers(), &v1::WorkerService::Stub::CompleteJob, request);
  }

  testing::LocalServer& server_;
};

}  // namespace bitsweep::client

#endif  // BITSWEEP_TESTS_CLIENT_SCRIPTED_WORKER_H_
