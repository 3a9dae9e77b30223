// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_WORKER_SERVICE_H_
#define BITSWEEP_SERVER_RPC_WORKER_SERVICE_H_

#include <string>
#include <vector>

#include "bitsweep/v1/worker_service.grpc.pb.h"
#include "server/rpc/access_control.h"
#include "server/scheduler/scheduler.h"
#include "server/store/store.h"

namespace bitsweep::rpc {

// WorkerService on the scheduler: converts and delegates. Thread-safe; scheduler and store must
// outlive it.
class WorkerServiceImpl final : public v1::WorkerService::Service {
 public:
  WorkerServiceImpl(const AccessControl& access, scheduler::Scheduler& scheduler,
                    store::Store& store)
      : access_(access), scheduler_(scheduler), store_(store) {}

  grpc::Status RegisterWorker(grpc::ServerContext* context,
                              const v1::RegisterWorkerRequest* request,
                              v1::RegisterWorkerResponse* response) override;
  grpc::Status LeaseJobs(grpc::ServerContext* context, const v1::LeaseJobsRequest* request,
                         v1::LeaseJobsResponse* response) override;
  grpc::Status RenewLeases(grpc::ServerContext* context, const v1::RenewLeasesRequest* request,
                           v1::RenewLeasesResponse* response) override;
  grpc::Status ReportProgress(grpc::ServerContext* context,
                              const v1::ReportProgressRequest* request,
                              v1::ReportProgressResponse* response) override;
  grpc::Status CompleteJob(grpc::ServerContext* context, const v1::CompleteJobRequest* request,
                           v1::CompleteJobResponse* response) override;
  grpc::Status FailJob(grpc::ServerContext* context, const v1::FailJobRequest* request,
                       v1::FailJobResponse* response) override;
  grpc::Status ReleaseJobs(grpc::ServerContext* context, const v1::ReleaseJobsRequest* request,
                           v1::ReleaseJobsResponse* response) override;

 private:
  // Those that do not fit into one message are given back. What goes wrong with one job does not
  // keep the others: it is logged, and its lease expires.
  void AddJobs(const std::vector<store::LeasedJob>& jobs, v1::LeaseJobsResponse& response);
  // Ends a job that this program cannot make out, so that it does not come back again and again.
  void FailUnreadable(const store::LeasedJob& job, const absl::Status& why);

  absl::Status CompleteTransform(const v1::CompleteJobRequest& request, const std::string& worker);

  const AccessControl& access_;
  scheduler::Scheduler& scheduler_;
  store::Store& store_;
};

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_WORKER_SERVICE_H_
