// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/transform_service.h"

#include <string>
#include <string_view>
#include <vector>

#include "core/base/errors.h"
#include "core/base/failpoint.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "core/spec/quantize_spec.h"
#include "core/spec/transform_spec.h"
#include "proto/convert/trial.h"
#include "server/rpc/list_query.h"
#include "server/rpc/status_map.h"
#include "server/rpc/submit_checks.h"
#include "server/rpc/transform_convert.h"
#include "server/rpc/transform_plan.h"
#include "server/rpc/watch.h"

namespace bitsweep::rpc {
namespace {

std::string ReasonOf(const absl::Status& status) {
  const std::optional<ErrorDetails> details = GetErrorDetails(status);
  return details ? details->reason : std::string();
}

}  // namespace

absl::StatusOr<v1::Transform> TransformServiceImpl::WithEta(
    const store::TransformRecord& transform) {
  ASSIGN_OR_RETURN(v1::Transform proto, ToProto(transform));
  if (const std::optional<absl::Duration> eta = scheduler_.Eta(transform)) {
    *proto.mutable_eta() = convert::ToProto(*eta);
  }
  return proto;
}

absl::Status TransformServiceImpl::Submit(const v1::SubmitTransformRequest& request,
                                          v1::SubmitTransformResponse& response) {
  const absl::StatusOr<TransformPlan> plan = PlanTransform(request, store_);
  if (!plan.ok()) {
    if (ReasonOf(plan.status()) == "PLAN_TOO_LARGE") {
      metrics_.Rejected(metrics::Rejection::kPlanTooLarge);
    }
    return plan.status();
  }
  for (const std::string& warning : plan->warnings) response.add_warnings(warning);
  if (request.validate_only()) {
    ASSIGN_OR_RETURN(*response.mutable_transform(), ToProto(Preview(plan->transform)));
    response.mutable_transform()->clear_create_time();
    return absl::OkStatus();
  }
  const absl::StatusOr<store::SubmitTransformOutcome> outcome =
      scheduler_.SubmitTransform(plan->transform);
  if (!outcome.ok()) {
    if (absl::IsResourceExhausted(outcome.status())) {
      metrics_.Rejected(metrics::Rejection::kStoreFull);
    } else if (absl::IsUnavailable(outcome.status())) {
      metrics_.Rejected(metrics::Rejection::kDraining);
    }
    return outcome.status();
  }
  if (outcome->deduplicated && !request.transform_id().empty() &&
      outcome->transform.transform_id != request.transform_id()) {
    return RequestIdReused(request.request_id(), TransformName(outcome->transform.transform_id));
  }
  Failpoint("rpc.before_reply");
  response.set_deduplicated(outcome->deduplicated);
  ASSIGN_OR_RETURN(*response.mutable_transform(), WithEta(outcome->transform));
  return absl::OkStatus();
}

grpc::Status TransformServiceImpl::SubmitTransform(grpc::ServerContext* context,
                                                   const v1::SubmitTransformRequest* request,
                                                   v1::SubmitTransformResponse* response) {
  if (const absl::Status denied = access_.Require(*context, {Scope::kSubmit}); !denied.ok()) {
    return ToGrpcStatus(denied);
  }
  return ToGrpcStatus(Submit(*request, *response));
}

grpc::Status TransformServiceImpl::GetTransform(grpc::ServerContext* context,
                                                const v1::GetTransformRequest* request,
                                                v1::GetTransformResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kRead}));
    ASSIGN_OR_RETURN(const std::string id, ParseTransformName(request->name()));
    ASSIGN_OR_RETURN(const store::TransformRecord transform, store_.GetTransform(id));
    ASSIGN_OR_RETURN(*response->mutable_transform(), WithEta(transform));
    return absl::OkStatus();
  }());
}

grpc::Status TransformServiceImpl::ListTransforms(grpc::ServerContext* context,
                                                  const v1::ListTransformsRequest* request,
                                                  v1::ListTransformsResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kRead}));
    const ListRequest list{.method = "ListTransforms",
                           .page_size = request->page_size(),
                           .page_token = request->page_token(),
                           .filter = request->filter()};
    ASSIGN_OR_RETURN(const store::PageQuery query, ToPageQuery(list, Listed::kTransforms));
    ASSIGN_OR_RETURN(
        const std::optional<store::Cursor> next,
        FillPage(
            query, [&](const auto& page) { return store_.ListTransforms(page); },
            [&](const store::TransformRecord& transform, v1::Transform& message) -> absl::Status {
              ASSIGN_OR_RETURN(message, WithEta(transform));
              return absl::OkStatus();
            },
            *response->mutable_transforms()));
    response->set_next_page_token(NextToken(next, list));
    return absl::OkStatus();
  }());
}

grpc::Status TransformServiceImpl::WatchTransform(
    grpc::ServerContext* context, const v1::WatchTransformRequest* request,
    grpc::ServerWriter<v1::WatchTransformResponse>* writer) {
  if (const absl::Status denied = access_.Require(*context, {Scope::kRead}); !denied.ok()) {
    return ToGrpcStatus(denied);
  }
  metrics_.WatchStreams(1);
  const absl::Status status = FollowTransform(
      *request, scheduler_, store_, clock_,
      {.write = [&](const v1::WatchTransformResponse& r) { return writer->Write(r); },
       .is_cancelled =
           [&] {
             return context->IsCancelled() || !access_.Require(*context, {Scope::kRead}).ok();
           },
       .on_gap = [&] { metrics_.WatchFellBehind(); }});
  metrics_.WatchStreams(-1);
  if (const absl::Status denied = access_.Require(*context, {Scope::kRead}); !denied.ok()) {
    return ToGrpcStatus(denied);  // since it began
  }
  return ToGrpcStatus(status);
}

grpc::Status TransformServiceImpl::CancelTransform(grpc::ServerContext* context,
                                                   const v1::CancelTransformRequest* request,
                                                   v1::CancelTransformResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kSubmit}));
    ASSIGN_OR_RETURN(const std::string id, ParseTransformName(request->name()));
    ASSIGN_OR_RETURN(const store::ChangeTransformOutcome outcome, scheduler_.CancelTransform(id));
    ASSIGN_OR_RETURN(*response->mutable_transform(), WithEta(outcome.transform));
    response->set_cancelled_jobs(outcome.changed_jobs);
    return absl::OkStatus();
  }());
}

grpc::Status TransformServiceImpl::DeleteTransform(grpc::ServerContext* context,
                                                   const v1::DeleteTransformRequest* request,
                                                   v1::DeleteTransformResponse*) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kSubmit}));
    ASSIGN_OR_RETURN(const std::string id, ParseTransformName(request->name()));
    return scheduler_.DeleteTransform(id);
  }());
}

grpc::Status TransformServiceImpl::GetTransformJob(grpc::ServerContext* context,
                                                   const v1::GetTransformJobRequest* request,
                                                   v1::GetTransformJobResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kRead}));
    ASSIGN_OR_RETURN(const TransformJobName name, ParseTransformJobName(request->name()));
    ASSIGN_OR_RETURN(const store::TransformJobRecord job,
                     store_.GetTransformJob(name.transform_id, name.number));
    ASSIGN_OR_RETURN(*response->mutable_job(), ToProto(job));
    return absl::OkStatus();
  }());
}

grpc::Status TransformServiceImpl::ListTransformJobs(grpc::ServerContext* context,
                                                     const v1::ListTransformJobsRequest* request,
                                                     v1::ListTransformJobsResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kRead}));
    ASSIGN_OR_RETURN(const std::string id, ParseTransformName(request->parent()));
    const ListRequest list{.method = "ListTransformJobs",
                           .parent = request->parent(),
                           .page_size = request->page_size(),
                           .page_token = request->page_token(),
                           .order_by = request->order_by()};
    ASSIGN_OR_RETURN(const store::PageQuery query, ToPageQuery(list, Listed::kTransformJobs));
    ASSIGN_OR_RETURN(
        const std::optional<store::Cursor> next,
        FillPage(
            query, [&](const auto& page) { return store_.ListTransformJobs(id, page); },
            [](const store::TransformJobRecord& job, v1::TransformJob& message) -> absl::Status {
              ASSIGN_OR_RETURN(message, ToProto(job));
              return absl::OkStatus();
            },
            *response->mutable_jobs()));
    response->set_next_page_token(NextToken(next, list));
    return absl::OkStatus();
  }());
}

grpc::Status TransformServiceImpl::ListPasses(grpc::ServerContext* context,
                                              const v1::ListPassesRequest*,
                                              v1::ListPassesResponse* response) {
  if (const absl::Status denied = access_.Require(*context, {Scope::kRead}); !denied.ok()) {
    return ToGrpcStatus(denied);
  }
  for (const spec::PassTraits& pass : spec::Passes()) {
    v1::PassInfo* info = response->add_passes();
    info->set_name(std::string(pass.name));
    info->set_description(std::string(pass.description));
    info->set_rewrites(pass.rewrites);
    info->set_needs_dataset(pass.needs_dataset);
  }
  for (const spec::FormatRule& format : spec::FormatRules()) {
    v1::FormatInfo* info = response->add_formats();
    info->set_name(std::string(format.name));
    for (const std::string_view op : format.ops) info->add_ops(std::string(op));
    for (const auto* entries : {&format.required, &format.optional}) {
      for (const std::string_view entry : *entries) info->add_entries(std::string(entry));
    }
  }
  return grpc::Status::OK;
}

}  // namespace bitsweep::rpc
