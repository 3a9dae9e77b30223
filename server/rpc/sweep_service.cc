// SPDX-License-Identifier: Apache-2.0
// Submitting, changing and watching sweeps. Lists are in sweep_lists.cc.
#include "server/rpc/sweep_service.h"

#include "core/base/errors.h"
#include "core/base/failpoint.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "core/spec/plan.h"
#include "core/spec/spec_json.h"
#include "core/spec/validate.h"
#include "fmt/format.h"
#include "proto/convert/trial.h"
#include "server/rpc/model_files.h"
#include "server/rpc/status_map.h"
#include "server/rpc/submit_checks.h"
#include "server/rpc/sweep_convert.h"
#include "server/rpc/watch.h"

namespace bitsweep::rpc {
namespace {

constexpr int kMaxDuplicates = 1000;  // listed in an answer

// What would be stored, for validate_only.
store::SweepRecord Preview(const store::NewSweep& sweep) {
  store::SweepRecord record;
  record.spec = sweep.spec;
  record.spec_digest = sweep.spec_digest;
  record.counts.queued = sweep.plan.TrialCount();
  record.configuration_count = static_cast<std::int64_t>(sweep.plan.configurations.size());
  record.trial_count = sweep.plan.TrialCount();
  record.varying = sweep.plan.varying;
  return record;
}

}  // namespace

v1::Sweep SweepServiceImpl::WithEta(const store::SweepRecord& sweep) {
  v1::Sweep proto = ToProto(sweep);
  if (const std::optional<absl::Duration> eta = scheduler_.Eta(sweep)) {
    *proto.mutable_eta() = convert::ToProto(*eta);
  }
  return proto;
}

// Which nodes a stored model has, only its checkpoint says.
absl::Status SweepServiceImpl::CheckQuantization(const spec::SweepSpec& spec,
                                                 const store::ModelRecord& model) {
  if (!spec.quantization) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::optional<graph::Checkpoint> checkpoint,
                   ReadCheckpoint(store_, model));
  if (!checkpoint) return absl::OkStatus();
  std::vector<FieldViolation> violations =
      spec::ValidateQuantize(*spec.quantization, &checkpoint->graph, "sweep.quantization");
  return violations.empty() ? absl::OkStatus() : InvalidSpecError(std::move(violations));
}

absl::Status SweepServiceImpl::Submit(const v1::SubmitSweepRequest& request,
                                      v1::SubmitSweepResponse& response) {
  std::vector<FieldViolation> violations;
  CheckSubmit({.noun = "sweep",
               .specification = request.has_sweep() ? &request.sweep() : nullptr,
               .id = request.sweep_id(),
               .request_id = request.request_id()},
              violations);
  store::NewSweep sweep;
  if (request.has_sweep()) {
    sweep.spec = FromProto(request.sweep(), violations);
    for (FieldViolation& violation : spec::Validate(sweep.spec)) {
      violations.push_back(std::move(violation));
    }
  }
  if (!violations.empty()) return InvalidSpecError(std::move(violations));

  absl::StatusOr<spec::Plan> plan = spec::ExpandPlan(sweep.spec);
  if (!plan.ok()) {
    metrics_.Rejected(metrics::Rejection::kPlanTooLarge);
    return plan.status();
  }
  sweep.plan = *std::move(plan);
  if (!sweep.spec.model.stored.empty()) {
    ASSIGN_OR_RETURN(const std::string model_id, ParseModelName(sweep.spec.model.stored));
    ASSIGN_OR_RETURN(const store::ModelRecord model, store_.GetModel(model_id));
    sweep.model_artifact = model.artifact;
    RETURN_IF_ERROR(CheckQuantization(sweep.spec, model));
  }
  sweep.spec_digest = spec::SpecDigest(sweep.spec);
  sweep.request_id = request.request_id();
  sweep.sweep_id = request.sweep_id().empty() ? GenerateResourceId("sweep") : request.sweep_id();

  for (const spec::MergedDuplicate& duplicate : sweep.plan.duplicates) {
    if (response.merged_duplicates_size() == kMaxDuplicates) break;
    v1::MergedDuplicate* merged = response.add_merged_duplicates();
    merged->set_point(duplicate.point);
    merged->set_configuration(duplicate.configuration);
  }
  for (const std::string& warning : sweep.plan.warnings) response.add_warnings(warning);
  if (!request.sweep().name().empty()) {
    response.add_warnings(fmt::format("sweep.name \"{}\" is not used: sweep_id chooses the id",
                                      request.sweep().name()));
  }
  if (request.validate_only()) {
    *response.mutable_sweep() = ToProto(Preview(sweep));
    response.mutable_sweep()->clear_create_time();
    return absl::OkStatus();
  }
  absl::StatusOr<store::SubmitOutcome> outcome = scheduler_.SubmitSweep(sweep);
  if (!outcome.ok()) {
    if (absl::IsResourceExhausted(outcome.status())) {
      metrics_.Rejected(metrics::Rejection::kStoreFull);
    } else if (absl::IsUnavailable(outcome.status())) {
      metrics_.Rejected(metrics::Rejection::kDraining);
    }
    return outcome.status();
  }
  if (outcome->deduplicated && !request.sweep_id().empty() &&
      outcome->sweep.sweep_id != request.sweep_id()) {
    return RequestIdReused(request.request_id(), SweepName(outcome->sweep.sweep_id));
  }
  Failpoint("rpc.before_reply");
  response.set_deduplicated(outcome->deduplicated);
  *response.mutable_sweep() = WithEta(outcome->sweep);
  return absl::OkStatus();
}

grpc::Status SweepServiceImpl::SubmitSweep(grpc::ServerContext* context,
                                           const v1::SubmitSweepRequest* request,
                                           v1::SubmitSweepResponse* response) {
  if (const absl::Status denied = access_.Require(*context, {Scope::kSubmit}); !denied.ok()) {
    return ToGrpcStatus(denied);
  }
  return ToGrpcStatus(Submit(*request, *response));
}

grpc::Status SweepServiceImpl::GetSweep(grpc::ServerContext* context,
                                        const v1::GetSweepRequest* request,
                                        v1::GetSweepResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kRead}));
    ASSIGN_OR_RETURN(const std::string id, ParseSweepName(request->name()));
    ASSIGN_OR_RETURN(const store::SweepRecord sweep, store_.GetSweep(id));
    *response->mutable_sweep() = WithEta(sweep);
    return absl::OkStatus();
  }());
}

grpc::Status SweepServiceImpl::WatchSweep(grpc::ServerContext* context,
                                          const v1::WatchSweepRequest* request,
                                          grpc::ServerWriter<v1::WatchSweepResponse>* writer) {
  if (const absl::Status denied = access_.Require(*context, {Scope::kRead}); !denied.ok()) {
    return ToGrpcStatus(denied);
  }
  metrics_.WatchStreams(1);
  const absl::Status status = FollowSweep(
      *request, scheduler_, store_, clock_,
      {.write = [&](const v1::WatchSweepResponse& r) { return writer->Write(r); },
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

grpc::Status SweepServiceImpl::PauseSweep(grpc::ServerContext* context,
                                          const v1::PauseSweepRequest* request,
                                          v1::PauseSweepResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kSubmit}));
    ASSIGN_OR_RETURN(const std::string id, ParseSweepName(request->name()));
    ASSIGN_OR_RETURN(const store::SweepRecord sweep, scheduler_.PauseSweep(id));
    *response->mutable_sweep() = WithEta(sweep);
    return absl::OkStatus();
  }());
}

grpc::Status SweepServiceImpl::ResumeSweep(grpc::ServerContext* context,
                                           const v1::ResumeSweepRequest* request,
                                           v1::ResumeSweepResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kSubmit}));
    ASSIGN_OR_RETURN(const std::string id, ParseSweepName(request->name()));
    ASSIGN_OR_RETURN(const store::SweepRecord sweep, scheduler_.ResumeSweep(id));
    *response->mutable_sweep() = WithEta(sweep);
    return absl::OkStatus();
  }());
}

grpc::Status SweepServiceImpl::CancelSweep(grpc::ServerContext* context,
                                           const v1::CancelSweepRequest* request,
                                           v1::CancelSweepResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kSubmit}));
    ASSIGN_OR_RETURN(const std::string id, ParseSweepName(request->name()));
    ASSIGN_OR_RETURN(const store::ChangeOutcome outcome, scheduler_.CancelSweep(id));
    *response->mutable_sweep() = WithEta(outcome.sweep);
    response->set_cancelled_trials(outcome.changed_trials);
    return absl::OkStatus();
  }());
}

grpc::Status SweepServiceImpl::RetrySweep(grpc::ServerContext* context,
                                          const v1::RetrySweepRequest* request,
                                          v1::RetrySweepResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kSubmit}));
    ASSIGN_OR_RETURN(const std::string id, ParseSweepName(request->name()));
    ASSIGN_OR_RETURN(const std::vector<spec::JobState> states, RetryStates(*request));
    ASSIGN_OR_RETURN(const store::ChangeOutcome outcome, scheduler_.RetrySweep(id, states));
    *response->mutable_sweep() = WithEta(outcome.sweep);
    response->set_retried_trials(outcome.changed_trials);
    return absl::OkStatus();
  }());
}

grpc::Status SweepServiceImpl::DeleteSweep(grpc::ServerContext* context,
                                           const v1::DeleteSweepRequest* request,
                                           v1::DeleteSweepResponse*) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kSubmit}));
    ASSIGN_OR_RETURN(const std::string id, ParseSweepName(request->name()));
    return scheduler_.DeleteSweep(id);
  }());
}

}  // namespace bitsweep::rpc
