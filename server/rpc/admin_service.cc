// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/admin_service.h"

#include <map>
#include <string>

#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "core/base/version.h"
#include "core/spec/transform_spec.h"
#include "core/spec/validate.h"
#include "grpcpp/grpcpp.h"
#include "proto/convert/trial.h"
#include "server/rpc/paging.h"
#include "server/rpc/status_map.h"
#include "server/rpc/sweep_convert.h"
#include "spdlog/spdlog.h"

namespace bitsweep::rpc {
namespace {

v1::Worker WorkerMessage(const store::WorkerRecord& record) {
  v1::Worker worker;
  worker.set_name(WorkerName(record.worker_id));
  worker.set_state(v1::Worker::STATE_LOST);
  worker.set_slots(static_cast<std::int32_t>(record.slots));
  worker.set_host(record.host);
  worker.set_version(record.version);
  for (const std::string& engine : record.engines) worker.add_engines(engine);
  *worker.mutable_register_time() = convert::ToProto(record.register_time);
  *worker.mutable_last_seen_time() = convert::ToProto(record.last_seen_time);
  worker.set_completed(record.completed);
  worker.set_failed(record.failed);
  return worker;
}

// What only the scheduler knows: whether it lives, and what it does.
void AddLive(const scheduler::LiveWorker& live, v1::Worker& worker) {
  worker.set_state(live.lost       ? v1::Worker::STATE_LOST
                   : live.draining ? v1::Worker::STATE_DRAINING
                                   : v1::Worker::STATE_LIVE);
  worker.set_busy_slots(static_cast<std::int32_t>(live.busy_slots));
  worker.set_leases(static_cast<std::int32_t>(live.leases));
  *worker.mutable_last_seen_time() = convert::ToProto(live.record.last_seen_time);
}

}  // namespace

v1::VerifyStoreResponse ReportMessage(const store::VerifyReport& report) {
  v1::VerifyStoreResponse message;
  for (const store::StoreProblem& problem : report.problems) {
    v1::StoreProblem* entry = message.add_problems();
    entry->set_check(problem.check);
    entry->set_description(problem.description);
  }
  message.set_sweeps(report.sweeps);
  message.set_trials(report.trials);
  message.set_transforms(report.transforms);
  message.set_artifacts(report.artifacts);
  return message;
}

grpc::Status AdminServiceImpl::GetServerInfo(grpc::ServerContext* context,
                                             const v1::GetServerInfoRequest*,
                                             v1::GetServerInfoResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kRead}));
    ASSIGN_OR_RETURN(const store::StoreInfo info, store_.Info());
    response->set_version(Version());
    response->set_revision(Revision());
    response->set_sqlite_version(info.sqlite_version);
    response->set_grpc_version(grpc::Version());
    response->set_schema_version(info.schema_version);
    *response->mutable_start_time() = convert::ToProto(start_time_);
    response->set_queue_paused(scheduler_.IsQueuePaused());
    *response->mutable_counts() = rpc::ToProto(info.counts);
    for (const scheduler::LiveWorker& worker : scheduler_.Workers()) {
      if (worker.lost) continue;
      response->set_live_workers(response->live_workers() + 1);
      response->set_live_slots(response->live_slots() +
                               static_cast<std::int32_t>(worker.record.slots));
    }
    response->set_store_bytes(info.store_bytes);
    response->set_free_bytes(info.free_bytes);
    response->set_max_trials_per_sweep(spec::kMaxTrials);
    response->set_max_jobs_per_transform(spec::kMaxTransformJobs);
    return absl::OkStatus();
  }());
}

grpc::Status AdminServiceImpl::ListWorkers(grpc::ServerContext* context,
                                           const v1::ListWorkersRequest* request,
                                           v1::ListWorkersResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kRead}));
    const ListRequest list{.method = "ListWorkers"};
    ASSIGN_OR_RETURN(const std::int64_t limit, PageSize(request->page_size()));
    ASSIGN_OR_RETURN(const std::optional<PagePlace> place,
                     ParsePageToken(request->page_token(), list.QueryText()));
    ASSIGN_OR_RETURN(const store::Page<store::WorkerRecord> page,
                     store_.ListWorkers(place ? place->name : "", limit));
    std::map<std::string, scheduler::LiveWorker> live;
    for (scheduler::LiveWorker& worker : scheduler_.Workers()) {
      live.emplace(worker.record.worker_id, std::move(worker));
    }
    for (const store::WorkerRecord& record : page.items) {
      v1::Worker& worker = *response->add_workers();
      worker = WorkerMessage(record);
      const auto entry = live.find(record.worker_id);
      if (entry != live.end()) AddLive(entry->second, worker);
    }
    if (page.next) {
      response->set_next_page_token(
          MakePageToken({.name = page.items.back().worker_id}, list.QueryText()));
    }
    return absl::OkStatus();
  }());
}

grpc::Status AdminServiceImpl::DrainWorker(grpc::ServerContext* context,
                                           const v1::DrainWorkerRequest* request,
                                           v1::DrainWorkerResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kAdmin}));
    ASSIGN_OR_RETURN(const std::string id, ParseWorkerName(request->name()));
    ASSIGN_OR_RETURN(const scheduler::LiveWorker worker, scheduler_.DrainWorker(id));
    *response->mutable_worker() = WorkerMessage(worker.record);
    AddLive(worker, *response->mutable_worker());
    return absl::OkStatus();
  }());
}

grpc::Status AdminServiceImpl::PauseQueue(grpc::ServerContext* context,
                                          const v1::PauseQueueRequest*, v1::PauseQueueResponse*) {
  if (const absl::Status denied = access_.Require(*context, {Scope::kAdmin}); !denied.ok()) {
    return ToGrpcStatus(denied);
  }
  return ToGrpcStatus(scheduler_.SetQueuePaused(true));
}

grpc::Status AdminServiceImpl::ResumeQueue(grpc::ServerContext* context,
                                           const v1::ResumeQueueRequest*,
                                           v1::ResumeQueueResponse*) {
  if (const absl::Status denied = access_.Require(*context, {Scope::kAdmin}); !denied.ok()) {
    return ToGrpcStatus(denied);
  }
  return ToGrpcStatus(scheduler_.SetQueuePaused(false));
}

grpc::Status AdminServiceImpl::VerifyStore(grpc::ServerContext* context,
                                           const v1::VerifyStoreRequest* request,
                                           v1::VerifyStoreResponse* response) {
  return ToGrpcStatus([&]() -> absl::Status {
    RETURN_IF_ERROR(access_.Require(*context, {Scope::kAdmin}));
    ASSIGN_OR_RETURN(
        const store::VerifyReport report,
        store_.Verify(request->deep() ? store::VerifyDepth::kDeep : store::VerifyDepth::kRows));
    *response = ReportMessage(report);
    std::int64_t of_the_plan = 0;  // the others are damage: of files, of pages
    for (const store::StoreProblem& problem : report.problems) {
      spdlog::error("store problem check={} description=\"{}\"", problem.check,
                    problem.description);
      if (problem.check != "artifacts" && problem.check != "integrity") ++of_the_plan;
    }
    if (of_the_plan > 0) metrics_.PlanViolated(of_the_plan);
    // A check that looked at less than all does not take back what another has found.
    if (!report.problems.empty()) metrics_.IntegrityChecked(false);
    if (report.problems.empty() && request->deep()) metrics_.IntegrityChecked(true);
    return absl::OkStatus();
  }());
}

}  // namespace bitsweep::rpc
