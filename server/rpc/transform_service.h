// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_TRANSFORM_SERVICE_H_
#define BITSWEEP_SERVER_RPC_TRANSFORM_SERVICE_H_

#include "absl/status/statusor.h"
#include "bitsweep/v1/transform_service.grpc.pb.h"
#include "core/base/clock.h"
#include "server/metrics/server_metrics.h"
#include "server/rpc/access_control.h"
#include "server/scheduler/scheduler.h"
#include "server/store/store.h"

namespace bitsweep::rpc {

// TransformService on scheduler and store: converts and delegates. Thread-safe; what it is given
// must outlive it.
class TransformServiceImpl final : public v1::TransformService::Service {
 public:
  TransformServiceImpl(const AccessControl& access, scheduler::Scheduler& scheduler,
                       store::Store& store, metrics::ServerMetrics& metrics, Clock& clock)
      : access_(access), scheduler_(scheduler), store_(store), metrics_(metrics), clock_(clock) {}

  grpc::Status SubmitTransform(grpc::ServerContext* context,
                               const v1::SubmitTransformRequest* request,
                               v1::SubmitTransformResponse* response) override;
  grpc::Status GetTransform(grpc::ServerContext* context, const v1::GetTransformRequest* request,
                            v1::GetTransformResponse* response) override;
  grpc::Status ListTransforms(grpc::ServerContext* context,
                              const v1::ListTransformsRequest* request,
                              v1::ListTransformsResponse* response) override;
  grpc::Status WatchTransform(grpc::ServerContext* context,
                              const v1::WatchTransformRequest* request,
                              grpc::ServerWriter<v1::WatchTransformResponse>* writer) override;
  grpc::Status CancelTransform(grpc::ServerContext* context,
                               const v1::CancelTransformRequest* request,
                               v1::CancelTransformResponse* response) override;
  grpc::Status DeleteTransform(grpc::ServerContext* context,
                               const v1::DeleteTransformRequest* request,
                               v1::DeleteTransformResponse* response) override;
  grpc::Status GetTransformJob(grpc::ServerContext* context,
                               const v1::GetTransformJobRequest* request,
                               v1::GetTransformJobResponse* response) override;
  grpc::Status ListTransformJobs(grpc::ServerContext* context,
                                 const v1::ListTransformJobsRequest* request,
                                 v1::ListTransformJobsResponse* response) override;
  grpc::Status ListPasses(grpc::ServerContext* context, const v1::ListPassesRequest* request,
                          v1::ListPassesResponse* response) override;

 private:
  absl::Status Submit(const v1::SubmitTransformRequest& request,
                      v1::SubmitTransformResponse& response);
  absl::StatusOr<v1::Transform> WithEta(const store::TransformRecord& transform);

  const AccessControl& access_;
  scheduler::Scheduler& scheduler_;
  store::Store& store_;
  metrics::ServerMetrics& metrics_;
  Clock& clock_;
};

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_TRANSFORM_SERVICE_H_
