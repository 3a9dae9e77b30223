// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_SWEEP_SERVICE_H_
#define BITSWEEP_SERVER_RPC_SWEEP_SERVICE_H_

#include "absl/status/statusor.h"
#include "bitsweep/v1/sweep_service.grpc.pb.h"
#include "core/base/clock.h"
#include "server/metrics/server_metrics.h"
#include "server/rpc/access_control.h"
#include "server/scheduler/scheduler.h"
#include "server/store/store.h"

namespace bitsweep::rpc {

// SweepService on scheduler and store: converts and delegates. Thread-safe; what it is given must
// outlive it.
class SweepServiceImpl final : public v1::SweepService::Service {
 public:
  SweepServiceImpl(const AccessControl& access, scheduler::Scheduler& scheduler,
                   store::Store& store, metrics::ServerMetrics& metrics, Clock& clock)
      : access_(access), scheduler_(scheduler), store_(store), metrics_(metrics), clock_(clock) {}

  grpc::Status SubmitSweep(grpc::ServerContext* context, const v1::SubmitSweepRequest* request,
                           v1::SubmitSweepResponse* response) override;
  grpc::Status GetSweep(grpc::ServerContext* context, const v1::GetSweepRequest* request,
                        v1::GetSweepResponse* response) override;
  grpc::Status ListSweeps(grpc::ServerContext* context, const v1::ListSweepsRequest* request,
                          v1::ListSweepsResponse* response) override;
  grpc::Status WatchSweep(grpc::ServerContext* context, const v1::WatchSweepRequest* request,
                          grpc::ServerWriter<v1::WatchSweepResponse>* writer) override;
  grpc::Status PauseSweep(grpc::ServerContext* context, const v1::PauseSweepRequest* request,
                          v1::PauseSweepResponse* response) override;
  grpc::Status ResumeSweep(grpc::ServerContext* context, const v1::ResumeSweepRequest* request,
                           v1::ResumeSweepResponse* response) override;
  grpc::Status CancelSweep(grpc::ServerContext* context, const v1::CancelSweepRequest* request,
                           v1::CancelSweepResponse* response) override;
  grpc::Status RetrySweep(grpc::ServerContext* context, const v1::RetrySweepRequest* request,
                          v1::RetrySweepResponse* response) override;
  grpc::Status DeleteSweep(grpc::ServerContext* context, const v1::DeleteSweepRequest* request,
                           v1::DeleteSweepResponse* response) override;
  grpc::Status ListConfigurations(grpc::ServerContext* context,
                                  const v1::ListConfigurationsRequest* request,
                                  v1::ListConfigurationsResponse* response) override;
  grpc::Status ListOptimalConfigurations(grpc::ServerContext* context,
                                         const v1::ListOptimalConfigurationsRequest* request,
                                         v1::ListOptimalConfigurationsResponse* response) override;
  grpc::Status GetTrial(grpc::ServerContext* context, const v1::GetTrialRequest* request,
                        v1::GetTrialResponse* response) override;
  grpc::Status ListTrials(grpc::ServerContext* context, const v1::ListTrialsRequest* request,
                          v1::ListTrialsResponse* response) override;

 private:
  absl::Status Submit(const v1::SubmitSweepRequest& request, v1::SubmitSweepResponse& response);
  absl::Status CheckQuantization(const spec::SweepSpec& spec, const store::ModelRecord& model);
  v1::Sweep WithEta(const store::SweepRecord& sweep);

  const AccessControl& access_;
  scheduler::Scheduler& scheduler_;
  store::Store& store_;
  metrics::ServerMetrics& metrics_;
  Clock& clock_;
};

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_SWEEP_SERVICE_H_
