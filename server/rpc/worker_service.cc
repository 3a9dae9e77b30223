// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/worker_service.h"

#include <string>
#include <variant>
#include <vector>

#include "core/base/errors.h"
#include "core/base/failpoint.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "fmt/format.h"
#include "proto/convert/trial.h"
#include "server/rpc/status_map.h"
#include "server/rpc/transform_convert.h"
#include "server/rpc/transform_result.h"
#include "server/scheduler/job_name.h"
#include "spdlog/spdlog.h"

namespace bitsweep::rpc {
namespace {

constexpr std::int32_t kMaxSlots = 4096;
constexpr std::size_t kMaxText = 256;
constexpr std::size_t kMaxMessage = 4096;
constexpr std::size_t kMaxAnswerBytes = 2 << 20;  // of jobs, well below the largest message

scheduler::JobRef RefOf(const v1::JobRef& proto, const std::string& worker_id) {
  return {proto.job(), proto.attempt(), JobId{proto.id()}, worker_id};
}

std::vector<scheduler::JobRef> RefsOf(const google::protobuf::RepeatedPtrField<v1::JobRef>& jobs,
                                      const std::string& worker_id) {
  std::vector<scheduler::JobRef> refs;
  for (const v1::JobRef& job : jobs) refs.push_back(RefOf(job, worker_id));
  return refs;
}

v1::Directive DirectiveOf(scheduler::Directive directive) {
  switch (directive) {
    case scheduler::Directive::kContinue:
      return v1::DIRECTIVE_CONTINUE;
    case scheduler::Directive::kCancel:
      return v1::DIRECTIVE_CANCEL;
    case scheduler::Directive::kLost:
      return v1::DIRECTIVE_LOST;
    case scheduler::Directive::kDrain:
      break;
  }
  return v1::DIRECTIVE_DRAIN;
}

absl::StatusOr<store::WorkerRecord> WorkerOf(const v1::RegisterWorkerRequest& request) {
  std::vector<FieldViolation> violations;
  store::WorkerRecord worker;
  absl::StatusOr<std::string> id = ParseWorkerName(request.name());
  if (id.ok()) {
    worker.worker_id = *std::move(id);
  } else {
    violations.push_back({"name", std::string(id.status().message())});
  }
  if (request.instance_id().empty() || request.instance_id().size() > 64) {
    violations.push_back({"instance_id", "expected 1 to 64 characters"});
  }
  if (request.slots() < 1 || request.slots() > kMaxSlots) {
    violations.push_back(
        {"slots", fmt::format("{}: expected 1 to {}", request.slots(), kMaxSlots)});
  }
  for (const auto& [field, text] :
       {std::pair{"version", &request.version()}, std::pair{"host", &request.host()}}) {
    if (text->size() > kMaxText) {
      violations.push_back({field, fmt::format("expected at most {} characters", kMaxText)});
    }
  }
  if (!violations.empty()) return InvalidSpecError(std::move(violations));
  worker.instance_id = request.instance_id();
  worker.slots = request.slots();
  worker.host = request.host();
  worker.version = request.version();
  worker.engines = {request.engines().begin(), request.engines().end()};
  return worker;
}

std::vector<spec::EpochPoint> PointsOf(
    const google::protobuf::RepeatedPtrField<v1::EpochPoint>& points) {
  std::vector<spec::EpochPoint> values;
  values.reserve(static_cast<std::size_t>(points.size()));
  for (const v1::EpochPoint& point : points) values.push_back(convert::FromProto(point));
  return values;
}

absl::StatusOr<v1::LeasedJob> MessageOf(const store::LeasedJob& job) {
  v1::LeasedJob proto;
  proto.mutable_ref()->set_job(scheduler::JobNameText(job.submission_name, job.number));
  proto.mutable_ref()->set_attempt(job.ref.attempt);
  proto.mutable_ref()->set_id(job.ref.job.value);
  if (const auto* trial = std::get_if<spec::TrialSpec>(&job.work)) {
    *proto.mutable_trial() = convert::ToProto(*trial);
    proto.mutable_trial()->set_expected_data_digest(job.expected_data_digest);
  } else {
    ASSIGN_OR_RETURN(*proto.mutable_transform(),
                     WorkOf(std::get<store::TransformJobSpec>(job.work)));
    proto.mutable_transform()->set_expected_data_digest(job.expected_data_digest);
  }
  return proto;
}

}  // namespace

grpc::Status WorkerServiceImpl::RegisterWorker(grpc::ServerContext* context,
                                               const v1::RegisterWorkerRequest* request,
                                               v1::RegisterWorkerResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kWorker}));
    ASSIGN_OR_RETURN(const store::WorkerRecord worker, WorkerOf(*request));
    RETURN_IF_ERROR(scheduler_.RegisterWorker(worker));
    *response->mutable_lease_ttl() = convert::ToProto(scheduler_.options().lease_ttl);
    *response->mutable_renew_interval() = convert::ToProto(scheduler_.renew_interval());
    return absl::OkStatus();
  }());
}

void WorkerServiceImpl::AddJobs(const std::vector<store::LeasedJob>& jobs,
                                v1::LeaseJobsResponse& response) {
  std::vector<scheduler::JobRef> too_many;
  std::size_t bytes = 0;
  for (const store::LeasedJob& job : jobs) {
    absl::StatusOr<v1::LeasedJob> leased = MessageOf(job);
    if (!leased.ok()) {
      FailUnreadable(job, leased.status());
      continue;
    }
    bytes += leased->ByteSizeLong();
    if (bytes > kMaxAnswerBytes && response.jobs_size() > 0) {
      too_many.push_back(RefOf(leased->ref(), job.worker_id));
    } else {
      *response.add_jobs() = *std::move(leased);
    }
  }
  if (too_many.empty()) return;
  const absl::Status released = scheduler_.ReleaseJobs(too_many, "ANSWER_FULL").status();
  if (!released.ok()) {
    spdlog::error("jobs not given back count={} error=\"{}\"", too_many.size(),
                  released.ToString());
  }
}

void WorkerServiceImpl::FailUnreadable(const store::LeasedJob& job, const absl::Status& why) {
  const std::string name = scheduler::JobNameText(job.submission_name, job.number);
  spdlog::error("job unreadable job={} error=\"{}\"", name, why.ToString());
  const absl::Status failed =
      scheduler_
          .FailJob({name, job.ref.attempt, job.ref.job, job.worker_id},
                   {spec::FailureReason::kException, ToValidUtf8(why.ToString(), kMaxMessage)})
          .status();
  if (!failed.ok()) {
    spdlog::error("failure not stored job={} error=\"{}\"", name, failed.ToString());
  }
}

grpc::Status WorkerServiceImpl::LeaseJobs(grpc::ServerContext* context,
                                          const v1::LeaseJobsRequest* request,
                                          v1::LeaseJobsResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kWorker}));
    ASSIGN_OR_RETURN(const std::string worker, ParseWorkerName(request->worker()));
    if (request->max_jobs() < 1 || request->max_jobs() > kMaxSlots) {
      return InvalidSpecError(
          {{"max_jobs", fmt::format("{}: expected 1 to {}", request->max_jobs(), kMaxSlots)}});
    }
    const absl::Duration wait = std::max(absl::ZeroDuration(), convert::FromProto(request->wait()));
    ASSIGN_OR_RETURN(const std::vector<store::LeasedJob> jobs,
                     scheduler_.LeaseJobs(worker, request->instance_id(), request->max_jobs(), wait,
                                          [context] { return context->IsCancelled(); }));
    AddJobs(jobs, *response);
    return absl::OkStatus();
  }());
}

grpc::Status WorkerServiceImpl::RenewLeases(grpc::ServerContext* context,
                                            const v1::RenewLeasesRequest* request,
                                            v1::RenewLeasesResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kWorker}));
    ASSIGN_OR_RETURN(const std::string worker, ParseWorkerName(request->worker()));
    ASSIGN_OR_RETURN(
        const scheduler::RenewAnswer answer,
        scheduler_.RenewLeases(worker, request->instance_id(), RefsOf(request->jobs(), worker),
                               request->busy_slots()));
    for (const scheduler::Directive directive : answer.jobs) {
      response->add_directives(DirectiveOf(directive));
    }
    response->set_worker_directive(DirectiveOf(answer.worker));
    return absl::OkStatus();
  }());
}

grpc::Status WorkerServiceImpl::ReportProgress(grpc::ServerContext* context,
                                               const v1::ReportProgressRequest* request,
                                               v1::ReportProgressResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kWorker}));
    ASSIGN_OR_RETURN(const std::string worker, ParseWorkerName(request->worker()));
    std::vector<scheduler::JobReport> reports;
    for (const v1::JobProgress& report : request->reports()) {
      reports.push_back({.ref = RefOf(report.ref(), worker),
                         .started = report.started(),
                         .data_digest = report.data_digest(),
                         .train_rows = report.train_rows(),
                         .points = PointsOf(report.points())});
    }
    ASSIGN_OR_RETURN(const std::vector<scheduler::ReportAnswer> answers,
                     scheduler_.ReportProgress(reports));
    for (const scheduler::ReportAnswer& answer : answers) {
      response->add_directives(DirectiveOf(answer.directive));
      response->add_data_mismatches(answer.data_mismatch);
    }
    return absl::OkStatus();
  }());
}

absl::Status WorkerServiceImpl::CompleteTransform(const v1::CompleteJobRequest& request,
                                                  const std::string& worker) {
  if (request.has_result() || request.points_size() > 0) {
    return InvalidSpecError(
        {{"transform_result", "with result or points: expected one kind of result"}});
  }
  ASSIGN_OR_RETURN(const store::TransformOutcome outcome, FromProto(request.transform_result()));
  // A job's name that is none, or one whose transform has gone, is the scheduler's to answer.
  const absl::StatusOr<TransformJobName> name = ParseTransformJobName(request.ref().job());
  if (name.ok()) {
    const absl::StatusOr<store::TransformRecord> transform =
        store_.GetTransform(name->transform_id);
    if (!transform.ok() && !absl::IsNotFound(transform.status())) return transform.status();
    if (transform.ok()) {
      ASSIGN_OR_RETURN(const spec::TransformSpec plan, SpecFromStoredJson(transform->spec));
      RETURN_IF_ERROR(CheckAgainstPlan(outcome, plan));
    }
  }
  return scheduler_.CompleteTransformJob(RefOf(request.ref(), worker), outcome);
}

grpc::Status WorkerServiceImpl::CompleteJob(grpc::ServerContext* context,
                                            const v1::CompleteJobRequest* request,
                                            v1::CompleteJobResponse*) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kWorker}));
    ASSIGN_OR_RETURN(const std::string worker, ParseWorkerName(request->worker()));
    if (request->has_transform_result()) {
      RETURN_IF_ERROR(CompleteTransform(*request, worker));
      Failpoint("rpc.before_reply");
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const spec::TrialResult result, convert::FromProto(request->result()));
    RETURN_IF_ERROR(
        scheduler_.CompleteJob(RefOf(request->ref(), worker), PointsOf(request->points()), result));
    Failpoint("rpc.before_reply");
    return absl::OkStatus();
  }());
}

grpc::Status WorkerServiceImpl::FailJob(grpc::ServerContext* context,
                                        const v1::FailJobRequest* request,
                                        v1::FailJobResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kWorker}));
    ASSIGN_OR_RETURN(const std::string worker, ParseWorkerName(request->worker()));
    const spec::JobFailure failure{convert::FromProto(request->reason()),
                                   ToValidUtf8(request->message(), kMaxMessage)};
    ASSIGN_OR_RETURN(const spec::JobState state,
                     scheduler_.FailJob(RefOf(request->ref(), worker), failure));
    response->set_state(convert::ToProto(state));
    return absl::OkStatus();
  }());
}

grpc::Status WorkerServiceImpl::ReleaseJobs(grpc::ServerContext* context,
                                            const v1::ReleaseJobsRequest* request,
                                            v1::ReleaseJobsResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kWorker}));
    ASSIGN_OR_RETURN(const std::string worker, ParseWorkerName(request->worker()));
    const std::string cause =
        request->cause().empty() ? "RELEASED" : ToValidUtf8(request->cause(), kMaxText);
    ASSIGN_OR_RETURN(const std::int64_t released,
                     scheduler_.ReleaseJobs(RefsOf(request->jobs(), worker), cause));
    response->set_released(released);
    return absl::OkStatus();
  }());
}

}  // namespace bitsweep::rpc
