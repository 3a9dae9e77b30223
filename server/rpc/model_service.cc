// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/model_service.h"

#include <optional>
#include <string>

#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "core/graph/checkpoint.h"
#include "core/graph/graph_json.h"
#include "google/protobuf/util/json_util.h"
#include "proto/convert/trial.h"
#include "server/rpc/list_query.h"
#include "server/rpc/model_files.h"
#include "server/rpc/model_import.h"
#include "server/rpc/status_map.h"

namespace bitsweep::rpc {
namespace {

v1::Model ModelMessage(const store::ModelRecord& model) {
  v1::Model proto;
  proto.set_name(ModelName(model.model_id));
  proto.set_display_name(model.display_name);
  if (!model.sweep_id.empty()) {
    proto.set_source_trial(TrialNameText(model.sweep_id, model.trial));
  }
  if (!model.transform_id.empty()) {
    proto.set_source_job(TransformJobNameText(model.transform_id, model.job));
  }
  if (!model.parent_model.empty()) proto.set_parent_model(ModelName(model.parent_model));
  proto.set_graph_name(model.graph_name);
  proto.set_parameter_count(model.parameter_count);
  proto.set_artifact(ArtifactName(model.artifact));
  proto.set_size_bytes(model.size_bytes);
  if (model.val_acc) proto.set_val_acc(*model.val_acc);
  *proto.mutable_create_time() = convert::ToProto(model.create_time);
  return proto;
}

absl::Status AddGraph(const graph::Checkpoint& checkpoint, v1::Model& proto) {
  const auto parsed = google::protobuf::util::JsonStringToMessage(graph::ToJson(checkpoint.graph),
                                                                  proto.mutable_graph());
  if (!parsed.ok()) return absl::InternalError(parsed.ToString());
  for (const graph::TensorInfo& tensor : checkpoint.graph.tensors()) {
    v1::TensorInfo* info = proto.add_tensors();
    info->set_name(tensor.name);
    info->mutable_shape()->Add(tensor.shape.begin(), tensor.shape.end());
    info->set_trainable(tensor.role == graph::TensorRole::kParameter);
    info->set_dtype(tensor.is_int64 ? "i64" : "f32");
  }
  return absl::OkStatus();
}

}  // namespace

grpc::Status ModelServiceImpl::GetModel(grpc::ServerContext* context,
                                        const v1::GetModelRequest* request,
                                        v1::GetModelResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kRead}));
    ASSIGN_OR_RETURN(const std::string id, ParseModelName(request->name()));
    ASSIGN_OR_RETURN(const store::ModelRecord model, store_.GetModel(id));
    *response->mutable_model() = ModelMessage(model);
    ASSIGN_OR_RETURN(const std::optional<graph::Checkpoint> checkpoint,
                     ReadCheckpoint(store_, model));
    return checkpoint ? AddGraph(*checkpoint, *response->mutable_model()) : absl::OkStatus();
  }());
}

grpc::Status ModelServiceImpl::ListModels(grpc::ServerContext* context,
                                          const v1::ListModelsRequest* request,
                                          v1::ListModelsResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kRead}));
    const ListRequest list{.method = "ListModels",
                           .page_size = request->page_size(),
                           .page_token = request->page_token(),
                           .filter = request->filter()};
    ASSIGN_OR_RETURN(const store::PageQuery query, ToPageQuery(list, Listed::kModels));
    ASSIGN_OR_RETURN(const store::Page<store::ModelRecord> page, store_.ListModels(query));
    for (const store::ModelRecord& model : page.items)
      *response->add_models() = ModelMessage(model);
    response->set_next_page_token(NextToken(page.next, list));
    return absl::OkStatus();
  }());
}

grpc::Status ModelServiceImpl::ImportModel(grpc::ServerContext* context,
                                           const v1::ImportModelRequest* request,
                                           v1::ImportModelResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kSubmit}));
    ASSIGN_OR_RETURN(const store::ModelRecord model,
                     rpc::ImportModel(*request, store_, clock_.Now()));
    *response->mutable_model() = ModelMessage(model);
    return absl::OkStatus();
  }());
}

grpc::Status ModelServiceImpl::DeleteModel(grpc::ServerContext* context,
                                           const v1::DeleteModelRequest* request,
                                           v1::DeleteModelResponse*) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kSubmit}));
    ASSIGN_OR_RETURN(const std::string id, ParseModelName(request->name()));
    return store_.DeleteModel(id);
  }());
}

}  // namespace bitsweep::rpc
