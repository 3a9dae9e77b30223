// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_WORKER_SERVICE_H_
#define BITSWEEP_SERVER_RPC_WORKER_SERVICE_H_

#include <vector>

#include "bitsweep/v1/worker_service.grpc.pb.h"
#include "server/scheduler/scheduler.h"

namespace bitsweep::rpc {

// WorkerService on the scheduler: converts and delegates. Thread-safe; the scheduler must outlive
// it.
class WorkerServiceImpl final : public v1::WorkerService::Service {
 public:
  explicit WorkerServiceImpl(scheduler::Scheduler& scheduler) : scheduler_(scheduler) {}

  grpc::Status RegisterWorker(grpc::ServerContext*, const v1::RegisterWorkerRequest* request,
                              v1::RegisterWorkerResponse* response) override;
  grpc::Status LeaseJobs(grpc::ServerContext* context, const v1::LeaseJobsRequest* request,
                         v1::LeaseJobsResponse* response) override;
  grpc::Status RenewLeases(grpc::ServerContext*, const v1::RenewLeasesRequest* request,
                           v1::RenewLeasesResponse* response) override;
  grpc::Status ReportProgress(grpc::ServerContext*, const v1::ReportProgressRequest* request,
                              v1::ReportProgressResponse* response) override;
  grpc::Status CompleteJob(grpc::ServerContext*, const v1::CompleteJobRequest* request,
                           v1::CompleteJobResponse* response) override;
  grpc::Status FailJob(grpc::ServerContext*, const v1::FailJobRequest* request,
                       v1::FailJobResponse* response) override;
  grpc::Status ReleaseJobs(grpc::ServerContext*, const v1::ReleaseJobsRequest* request,
                           v1::ReleaseJobsResponse* response) override;

 private:
  // Those that do not fit into one message are given back.
  absl::Status AddJobs(const std::vector<store::LeasedJob>& jobs, v1::LeaseJobsResponse& response);
  // Ends a job that this program cannot make out, so that it does not come back again and again.
  absl::Status FailUnreadable(const store::LeasedJob& job, const absl::Status& why);

  scheduler::Scheduler& scheduler_;
};

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_WORKER_SERVICE_H_
