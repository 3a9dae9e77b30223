// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_ADMIN_SERVICE_H_
#define BITSWEEP_SERVER_RPC_ADMIN_SERVICE_H_

#include "absl/time/time.h"
#include "bitsweep/v1/admin_service.grpc.pb.h"
#include "server/metrics/server_metrics.h"
#include "server/rpc/access_control.h"
#include "server/scheduler/scheduler.h"
#include "server/store/store.h"

namespace bitsweep::rpc {

// What a check of the store found, as the API says it. Pure.
v1::VerifyStoreResponse ReportMessage(const store::VerifyReport& report);

// AdminService on scheduler and store. Thread-safe; what it is given must outlive it.
class AdminServiceImpl final : public v1::AdminService::Service {
 public:
  AdminServiceImpl(const AccessControl& access, scheduler::Scheduler& scheduler,
                   store::Store& store, metrics::ServerMetrics& metrics, Clock& clock)
      : access_(access),
        scheduler_(scheduler),
        store_(store),
        metrics_(metrics),
        clock_(clock),
        start_time_(clock.Now()) {}

  grpc::Status GetServerInfo(grpc::ServerContext* context, const v1::GetServerInfoRequest*,
                             v1::GetServerInfoResponse* response) override;
  grpc::Status ListWorkers(grpc::ServerContext* context, const v1::ListWorkersRequest* request,
                           v1::ListWorkersResponse* response) override;
  grpc::Status DrainWorker(grpc::ServerContext* context, const v1::DrainWorkerRequest* request,
                           v1::DrainWorkerResponse* response) override;
  grpc::Status PauseQueue(grpc::ServerContext* context, const v1::PauseQueueRequest*,
                          v1::PauseQueueResponse*) override;
  grpc::Status ResumeQueue(grpc::ServerContext* context, const v1::ResumeQueueRequest*,
                           v1::ResumeQueueResponse*) override;
  grpc::Status VerifyStore(grpc::ServerContext* context, const v1::VerifyStoreRequest* request,
                           v1::VerifyStoreResponse* response) override;
  grpc::Status CreateBackup(grpc::ServerContext* context, const v1::CreateBackupRequest*,
                            grpc::ServerWriter<v1::CreateBackupResponse>* writer) override;

 private:
  const AccessControl& access_;
  scheduler::Scheduler& scheduler_;
  store::Store& store_;
  metrics::ServerMetrics& metrics_;
  Clock& clock_;
  const absl::Time start_time_;
};

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_ADMIN_SERVICE_H_
