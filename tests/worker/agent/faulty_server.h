// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_WORKER_AGENT_FAULTY_SERVER_H_
#define BITSWEEP_TESTS_WORKER_AGENT_FAULTY_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "bitsweep/v1/artifact_service.grpc.pb.h"
#include "bitsweep/v1/worker_service.grpc.pb.h"
#include "core/base/ids.h"
#include "fmt/format.h"
#include "grpcpp/grpcpp.h"
#include "proto/convert/trial.h"
#include "tests/worker/agent/scripted_executor.h"

namespace bitsweep::worker {

// A server as the real one never is: it has one job or a few, answers CompleteJob as the test says,
// and its transfers do not end, but for downloads of bytes that it was given.
class FaultyServer final : public v1::WorkerService::Service, public v1::ArtifactService::Service {
 public:
  using Answer = std::function<grpc::Status(int call)>;

  explicit FaultyServer(
      std::string model_artifact = "", Answer complete = [](int) { return grpc::Status::OK; },
      int jobs = 1)
      : model_artifact_(std::move(model_artifact)), complete_(std::move(complete)), jobs_(jobs) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(static_cast<v1::WorkerService::Service*>(this));
    builder.RegisterService(static_cast<v1::ArtifactService::Service*>(this));
    server_ = builder.BuildAndStart();
  }
  ~FaultyServer() override { server_->Shutdown(); }

  std::string address() const { return fmt::format("127.0.0.1:{}", port_); }
  void Keep(const std::string& sha256, const std::string& bytes) {
    absl::MutexLock lock(&mu_);
    kept_.emplace_back(ArtifactName(sha256), bytes);
  }
  // Waits until a transfer hangs.
  bool WaitForTransfer() { return hangs_.WaitForNotificationWithTimeout(kLong); }
  // Whether a transfer hung until the server gave it up, and not the worker.
  bool gave_up() {
    absl::MutexLock lock(&mu_);
    return gave_up_;
  }
  // Waits until CompleteJob has been called so often.
  bool WaitForCompletes(int count) {
    absl::MutexLock lock(&mu_);
    const auto come = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return completes_ >= count; };
    return mu_.AwaitWithTimeout(absl::Condition(&come), kLong);
  }
  int completes() {
    absl::MutexLock lock(&mu_);
    return completes_;
  }
  int downloads() {
    absl::MutexLock lock(&mu_);
    return downloads_;
  }
  // The last job of CompleteJob, FailJob and ReleaseJobs.
  v1::JobRef completed() { return Get(completed_); }
  v1::JobRef failed() { return Get(failed_); }
  v1::JobRef released() { return Get(released_); }

  grpc::Status RegisterWorker(grpc::ServerContext*, const v1::RegisterWorkerRequest*,
                              v1::RegisterWorkerResponse* response) override {
    *response->mutable_lease_ttl() = convert::ToProto(absl::Seconds(15));
    *response->mutable_renew_interval() = convert::ToProto(absl::Seconds(5));
    return grpc::Status::OK;
  }
  grpc::Status LeaseJobs(grpc::ServerContext* context, const v1::LeaseJobsRequest*,
                         v1::LeaseJobsResponse* response) override {
    if (absl::MutexLock lock(&mu_); leased_ < jobs_) {
      v1::LeasedJob* job = response->add_jobs();
      job->mutable_ref()->set_job(fmt::format("sweeps/lab-1/trials/{}", leased_));
      job->mutable_ref()->set_attempt(jobs_ == 1 ? 3 : 1);
      job->mutable_ref()->set_id(77 + leased_);
      ++leased_;
      spec::TrialSpec trial;
      trial.model.builtin = "jsc-tiny";
      trial.dataset.name = "synthetic-jets";
      trial.hyperparameters.max_epochs = 2;
      trial.model_artifact = model_artifact_;
      *job->mutable_trial() = convert::ToProto(trial);
      return grpc::Status::OK;
    }
    WaitUntilCancelled(*context);
    return grpc::Status::OK;
  }
  grpc::Status RenewLeases(grpc::ServerContext*, const v1::RenewLeasesRequest* request,
                           v1::RenewLeasesResponse* response) override {
    for (int i = 0; i < request->jobs_size(); ++i) response->add_directives(v1::DIRECTIVE_CONTINUE);
    return grpc::Status::OK;
  }
  grpc::Status ReportProgress(grpc::ServerContext*, const v1::ReportProgressRequest* request,
                              v1::ReportProgressResponse* response) override {
    for (int i = 0; i < request->reports_size(); ++i) {
      response->add_directives(v1::DIRECTIVE_CONTINUE);
      response->add_data_mismatches("");
    }
    return grpc::Status::OK;
  }
  grpc::Status CompleteJob(grpc::ServerContext*, const v1::CompleteJobRequest* request,
                           v1::CompleteJobResponse*) override {
    int call = 0;
    {
      absl::MutexLock lock(&mu_);
      completed_ = request->ref();
      call = ++completes_;
    }
    return complete_(call);
  }
  grpc::Status FailJob(grpc::ServerContext*, const v1::FailJobRequest* request,
                       v1::FailJobResponse*) override {
    absl::MutexLock lock(&mu_);
    failed_ = request->ref();
    return grpc::Status::OK;
  }
  grpc::Status ReleaseJobs(grpc::ServerContext*, const v1::ReleaseJobsRequest* request,
                           v1::ReleaseJobsResponse*) override {
    absl::MutexLock lock(&mu_);
    released_ = request->jobs(0);
    return grpc::Status::OK;
  }

  grpc::Status UploadArtifact(grpc::ServerContext* context,
                              grpc::ServerReader<v1::UploadArtifactRequest>*,
                              v1::UploadArtifactResponse*) override {
    return Hang(*context);
  }
  grpc::Status DownloadArtifact(grpc::ServerContext* context,
                                const v1::DownloadArtifactRequest* request,
                                grpc::ServerWriter<v1::DownloadArtifactResponse>* writer) override {
    {
      absl::MutexLock lock(&mu_);
      ++downloads_;
      for (const auto& [name, bytes] : kept_) {
        if (name != request->name()) continue;
        v1::DownloadArtifactResponse response;
        response.set_chunk(bytes);
        writer->Write(response);
        return grpc::Status::OK;
      }
    }
    return Hang(*context);
  }

 private:
  v1::JobRef Get(const v1::JobRef& ref) {
    absl::MutexLock lock(&mu_);
    return ref;
  }
  static bool WaitUntilCancelled(const grpc::ServerContext& context) {
    const absl::Notification never;
    const absl::Time give_up = absl::Now() + kLong;
    while (!context.IsCancelled()) {
      if (absl::Now() > give_up) return false;
      never.WaitForNotificationWithTimeout(absl::Milliseconds(5));
    }
    return true;
  }
  grpc::Status Hang(const grpc::ServerContext& context) {
    hangs_.Notify();
    const bool cancelled = WaitUntilCancelled(context);
    absl::MutexLock lock(&mu_);
    gave_up_ = !cancelled;
    return {grpc::StatusCode::UNAVAILABLE, "the test has waited for long"};
  }

  const std::string model_artifact_;
  const Answer complete_;
  const int jobs_;
  absl::Notification hangs_;
  absl::Mutex mu_;
  std::vector<std::pair<std::string, std::string>> kept_ ABSL_GUARDED_BY(mu_);
  int leased_ ABSL_GUARDED_BY(mu_) = 0;
  bool gave_up_ ABSL_GUARDED_BY(mu_) = false;
  int completes_ ABSL_GUARDED_BY(mu_) = 0;
  int downloads_ ABSL_GUARDED_BY(mu_) = 0;
  v1::JobRef completed_, failed_, released_;  // with mu_
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace bitsweep::worker

#endif  // BITSWEEP_TESTS_WORKER_AGENT_FAULTY_SERVER_H_
