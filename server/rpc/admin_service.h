// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_ADMIN_SERVICE_H_
#define BITSWEEP_SERVER_RPC_ADMIN_SERVICE_H_

#include "absl/time/time.h"
#include "bitsweep/v1/admin_service.grpc.pb.h"
#include "server/metrics/server_metrics.h"
#include "server/scheduler/scheduler.h"
#include "server/store/store.h"

namespace bitsweep::rpc {

// AdminService on scheduler and store. Thread-safe; what it is given must outlive it.
class AdminServiceImpl final : public v1::AdminService::Service {
 public:
  AdminServiceImpl(scheduler::Scheduler& scheduler, store::Store& store,
                   metrics::ServerMetrics& metrics, absl::Time start_time)
      : scheduler_(scheduler), store_(store), metrics_(metrics), start_time_(start_time) {}

  grpc::Status GetServerInfo(grpc::ServerContext*, const v1::GetServerInfoRequest*,
                             v1::GetServerInfoResponse* response) override;
  grpc::Status ListWorkers(grpc::ServerContext*, const v1::ListWorkersRequest* request,
                           v1::ListWorkersResponse* response) override;
  grpc::Status DrainWorker(grpc::ServerContext*, const v1::DrainWorkerRequest* request,
                           v1::DrainWorkerResponse* response) override;
  grpc::Status PauseQueue(grpc::ServerContext*, const v1::PauseQueueRequest*,
                          v1::PauseQueueResponse*) override;
  grpc::Status ResumeQueue(grpc::ServerContext*, const v1::ResumeQueueRequest*,
                           v1::ResumeQueueResponse*) override;
  grpc::Status VerifyStore(grpc::ServerContext*, const v1::VerifyStoreRequest* request,
                           v1::VerifyStoreResponse* response) override;

 private:
  scheduler::Scheduler& scheduler_;
  store::Store& store_;
  metrics::ServerMetrics& metrics_;
  const absl::Time start_time_;
};

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_ADMIN_SERVICE_H_
