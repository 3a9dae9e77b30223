// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_MODEL_SERVICE_H_
#define BITSWEEP_SERVER_RPC_MODEL_SERVICE_H_

#include "bitsweep/v1/model_service.grpc.pb.h"
#include "core/base/clock.h"
#include "server/rpc/access_control.h"
#include "server/store/store.h"

namespace bitsweep::rpc {

// ModelService on the store. Thread-safe; what it is given must outlive it.
class ModelServiceImpl final : public v1::ModelService::Service {
 public:
  ModelServiceImpl(const AccessControl& access, store::Store& store, Clock& clock)
      : access_(access), store_(store), clock_(clock) {}

  grpc::Status GetModel(grpc::ServerContext* context, const v1::GetModelRequest* request,
                        v1::GetModelResponse* response) override;
  grpc::Status ListModels(grpc::ServerContext* context, const v1::ListModelsRequest* request,
                          v1::ListModelsResponse* response) override;
  grpc::Status ImportModel(grpc::ServerContext* context, const v1::ImportModelRequest* request,
                           v1::ImportModelResponse* response) override;
  grpc::Status DeleteModel(grpc::ServerContext* context, const v1::DeleteModelRequest* request,
                           v1::DeleteModelResponse* response) override;

 private:
  const AccessControl& access_;
  store::Store& store_;
  Clock& clock_;
};

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_MODEL_SERVICE_H_
