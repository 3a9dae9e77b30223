// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/server_api.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "bitsweep/v1/artifact_service.grpc.pb.h"
#include "bitsweep/v1/worker_service.grpc.pb.h"
#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "fmt/format.h"
#include "google/protobuf/util/json_util.h"
#include "grpcpp/grpcpp.h"
#include "proto/channel/channel.h"
#include "proto/convert/status.h"
#include "proto/convert/transform.h"
#include "proto/convert/trial.h"

namespace bitsweep::worker {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(10);
constexpr absl::Duration kTransferTimeout = absl::Minutes(5);
constexpr std::size_t kChunk = 512 << 10;
constexpr std::size_t kMaxMessage = 4000;
constexpr std::size_t kMaxRequestBytes = (4 << 20) - (64 << 10);  // the server takes 4 MiB

absl::Status FromGrpc(const grpc::Status& status) {
  return convert::StatusFromCall(status.error_code(), status.error_message(),
                                 status.error_details());
}

v1::JobRef ToProto(const JobRef& ref) {
  v1::JobRef proto;
  proto.set_job(ref.job);
  proto.set_attempt(ref.attempt);
  proto.set_id(ref.id);
  return proto;
}

Directive FromProto(v1::Directive directive) {
  switch (directive) {
    case v1::DIRECTIVE_CANCEL:
      return Directive::kCancel;
    case v1::DIRECTIVE_LOST:
      return Directive::kLost;
    case v1::DIRECTIVE_DRAIN:
      return Directive::kDrain;
    default:
      return Directive::kContinue;
  }
}

absl::StatusOr<Work> WorkOf(const v1::LeasedJob& job) {
  if (job.has_trial()) return convert::FromProto(job.trial());
  if (job.has_transform()) return convert::FromProto(job.transform());
  return absl::UnimplementedError(
      "a kind of job that this worker does not know: it is older than the server");
}

const std::string& ExpectedDigest(const v1::LeasedJob& job) {
  return job.has_transform() ? job.transform().expected_data_digest()
                             : job.trial().expected_data_digest();
}

absl::StatusOr<v1::TransformResult> ResultOf(const TransformSuccess& success) {
  v1::TransformResult result;
  for (const PassReport& report : success.passes) {
    v1::PassResult* pass = result.add_passes();
    const auto status = google::protobuf::util::JsonStringToMessage(report.json, pass);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("pass {}: its result is no PassResult: {}", report.pass, status.ToString()));
    }
    pass->set_pass(report.pass);
    pass->set_position(result.passes_size() - 1);
    pass->set_seconds(report.seconds);
  }
  v1::TransformMetrics* metrics = result.mutable_metrics();
  if (success.accuracy) metrics->set_accuracy(*success.accuracy);
  if (success.original_accuracy) metrics->set_original_accuracy(*success.original_accuracy);
  if (success.loss) metrics->set_loss(*success.loss);
  if (success.flops) metrics->set_flops(*success.flops);
  if (success.bitops) metrics->set_bitops(*success.bitops);
  if (success.size_bits) metrics->set_size_bits(*success.size_bits);
  result.set_seconds(success.seconds);
  result.set_data_digest(success.data_digest);
  result.set_graph_name(success.graph_name);
  result.set_parameter_count(success.parameter_count);
  return result;
}

}  // namespace

std::string ReasonOf(const absl::Status& status) {
  const std::optional<ErrorDetails> details = GetErrorDetails(status);
  return details ? details->reason : "";
}

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsCancelled(status) || IsDenied(status);
}

bool IsDenied(const absl::Status& status) {
  return absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
}

bool IsDoubtful(const absl::Status& status) {
  if (status.ok() || IsTransient(status)) return false;
  return absl::IsInternal(status) || absl::IsUnknown(status) || ReasonOf(status).empty();
}

// The context of one call, with its deadline; known to the ServerApi while it lives, so that the
// call can be ended from outside.
class ServerApi::Call {
 public:
  Call(ServerApi& api, Kind kind, absl::Duration timeout) : api_(api) {
    absl::MutexLock lock(&api_.mu_);
    context_.set_deadline(std::chrono::system_clock::now() +
                          absl::ToChronoNanoseconds(std::min(timeout, api_.longest_)));
    const bool is_over = (kind == Kind::kWait && api_.wait_cancelled_) ||
                         (kind == Kind::kTransfer && api_.is_cut_short_);
    if (is_over) context_.TryCancel();
    api_.under_way_.emplace(&context_, kind);
  }
  ~Call() {
    absl::MutexLock lock(&api_.mu_);
    api_.under_way_.erase(&context_);
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  grpc::ClientContext* context() { return &context_; }

 private:
  ServerApi& api_;
  grpc::ClientContext context_;
};

struct ServerApi::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : worker(v1::WorkerService::NewStub(channel)),
        artifact(v1::ArtifactService::NewStub(channel)) {}
  std::unique_ptr<v1::WorkerService::Stub> worker;
  std::unique_ptr<v1::ArtifactService::Stub> artifact;
};

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const std::string& address,
                                                           const options::ServerAccess& access) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // How long one attempt to connect may take, its TLS handshake included.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 10000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10000);
  return channel::Open(address, access, arguments);
}

ServerApi::ServerApi(const std::string& address, std::shared_ptr<grpc::Channel> channel,
                     std::string worker_name, std::string instance_id)
    : worker_name_(std::move(worker_name)), instance_id_(std::move(instance_id)) {
  if (channel == nullptr) channel = *OpenChannel(address, {});  // plain: nothing to fail
  stubs_ = std::make_unique<Stubs>(channel);
}

ServerApi::~ServerApi() = default;

absl::StatusOr<Registration> ServerApi::Register(std::int64_t slots, const std::string& version,
                                                 const std::vector<std::string>& engines,
                                                 const std::string& host) {
  v1::RegisterWorkerRequest request;
  request.set_name(worker_name_);
  request.set_instance_id(instance_id_);
  request.set_slots(static_cast<std::int32_t>(slots));
  request.set_version(version);
  for (const std::string& engine : engines) request.add_engines(engine);
  request.set_host(host);
  v1::RegisterWorkerResponse response;
  Call call(*this, Kind::kCall, kCallTimeout);
  RETURN_IF_ERROR(FromGrpc(stubs_->worker->RegisterWorker(call.context(), request, &response)));
  const Registration registration{convert::FromProto(response.lease_ttl()),
                                  convert::FromProto(response.renew_interval())};
  if (registration.renew_interval <= absl::ZeroDuration()) {
    return absl::InternalError("the server gave no renew interval");
  }
  return registration;
}

absl::StatusOr<std::vector<LeasedJob>> ServerApi::Lease(std::int64_t max_jobs,
                                                        absl::Duration wait) {
  v1::LeaseJobsRequest request;
  request.set_worker(worker_name_);
  request.set_instance_id(instance_id_);
  request.set_max_jobs(static_cast<std::int32_t>(max_jobs));
  *request.mutable_wait() = convert::ToProto(wait);
  v1::LeaseJobsResponse response;
  Call call(*this, Kind::kWait, wait + kCallTimeout);
  RETURN_IF_ERROR(FromGrpc(stubs_->worker->LeaseJobs(call.context(), request, &response)));
  std::vector<LeasedJob> jobs;
  for (const v1::LeasedJob& job : response.jobs()) {
    jobs.push_back({.ref = {job.ref().job(), job.ref().attempt(), job.ref().id()},
                    .work = WorkOf(job),
                    .expected_data_digest = ExpectedDigest(job)});
  }
  return jobs;
}

void ServerApi::CancelWait() {
  absl::MutexLock lock(&mu_);
  wait_cancelled_ = true;
  for (const auto& [context, kind] : under_way_) {
    if (kind == Kind::kWait) context->TryCancel();
  }
}

void ServerApi::CutShort(absl::Duration timeout) {
  absl::MutexLock lock(&mu_);
  is_cut_short_ = true;
  longest_ = timeout;
  for (const auto& [context, kind] : under_way_) context->TryCancel();
}

absl::StatusOr<Renewal> ServerApi::Renew(const std::vector<JobRef>& jobs, std::int64_t busy_slots,
                                         absl::Duration timeout) {
  v1::RenewLeasesRequest request;
  request.set_worker(worker_name_);
  request.set_instance_id(instance_id_);
  request.set_busy_slots(static_cast<std::int32_t>(busy_slots));
  for (const JobRef& job : jobs) *request.add_jobs() = ToProto(job);
  v1::RenewLeasesResponse response;
  Call call(*this, Kind::kCall, timeout);
  RETURN_IF_ERROR(FromGrpc(stubs_->worker->RenewLeases(call.context(), request, &response)));
  Renewal renewal{.worker = FromProto(response.worker_directive())};
  for (int i = 0; i < response.directives_size(); ++i) {
    renewal.jobs.push_back(FromProto(response.directives(i)));
  }
  if (renewal.jobs.size() != jobs.size()) {
    return absl::InternalError("the server answered for another number of jobs");
  }
  return renewal;
}

absl::StatusOr<std::vector<ReportAnswer>> ServerApi::ReportProgress(
    const std::vector<Report>& reports) {
  v1::ReportProgressRequest request;
  request.set_worker(worker_name_);
  request.set_instance_id(instance_id_);
  for (const Report& report : reports) {
    v1::JobProgress* progress = request.add_reports();
    *progress->mutable_ref() = ToProto(report.ref);
    progress->set_started(report.started);
    progress->set_data_digest(report.data_digest);
    progress->set_train_rows(report.train_rows);
    for (const spec::EpochPoint& point : report.points) {
      *progress->add_points() = convert::ToProto(point);
    }
  }
  v1::ReportProgressResponse response;
  Call call(*this, Kind::kCall, kCallTimeout);
  RETURN_IF_ERROR(FromGrpc(stubs_->worker->ReportProgress(call.context(), request, &response)));
  if (response.directives_size() != request.reports_size() ||
      response.data_mismatches_size() != request.reports_size()) {
    return absl::InternalError("the server answered for another number of reports");
  }
  std::vector<ReportAnswer> answers;
  for (int i = 0; i < response.directives_size(); ++i) {
    answers.push_back({FromProto(response.directives(i)), response.data_mismatches(i)});
  }
  return answers;
}

absl::Status ServerApi::Complete(const JobRef& ref, const std::vector<spec::EpochPoint>& points,
                                 const spec::TrialResult& result) {
  v1::CompleteJobRequest request;
  request.set_worker(worker_name_);
  request.set_instance_id(instance_id_);
  *request.mutable_ref() = ToProto(ref);
  for (const spec::EpochPoint& point : points) *request.add_points() = convert::ToProto(point);
  *request.mutable_result() = convert::ToProto(result);
  v1::CompleteJobResponse response;
  Call call(*this, Kind::kCall, kCallTimeout);
  return FromGrpc(stubs_->worker->CompleteJob(call.context(), request, &response));
}

absl::Status ServerApi::CompleteTransform(const JobRef& ref, const TransformSuccess& success,
                                          const std::string& artifact,
                                          std::int64_t artifact_bytes) {
  v1::CompleteJobRequest request;
  request.set_worker(worker_name_);
  request.set_instance_id(instance_id_);
  *request.mutable_ref() = ToProto(ref);
  ASSIGN_OR_RETURN(*request.mutable_transform_result(), ResultOf(success));
  if (!artifact.empty()) {
    request.mutable_transform_result()->set_artifact(ArtifactName(artifact));
    request.mutable_transform_result()->set_artifact_bytes(artifact_bytes);
  }
  if (request.ByteSizeLong() > kMaxRequestBytes) {
    return ErrorWithDetails(
        absl::StatusCode::kInvalidArgument,
        fmt::format("the passes' results take {} bytes, at most {} are stored: show fewer values, "
                    "or record fewer samples",
                    request.ByteSizeLong(), kMaxRequestBytes),
        {.reason = "RESULT_TOO_LARGE"});
  }
  v1::CompleteJobResponse response;
  Call call(*this, Kind::kCall, kCallTimeout);
  return FromGrpc(stubs_->worker->CompleteJob(call.context(), request, &response));
}

absl::Status ServerApi::Fail(const JobRef& ref, const spec::JobFailure& failure) {
  v1::FailJobRequest request;
  request.set_worker(worker_name_);
  request.set_instance_id(instance_id_);
  *request.mutable_ref() = ToProto(ref);
  request.set_reason(convert::ToProto(failure.reason));
  request.set_message(ToValidUtf8(failure.message, kMaxMessage));
  v1::FailJobResponse response;
  Call call(*this, Kind::kCall, kCallTimeout);
  return FromGrpc(stubs_->worker->FailJob(call.context(), request, &response));
}

absl::Status ServerApi::Release(const std::vector<JobRef>& refs, const std::string& cause) {
  v1::ReleaseJobsRequest request;
  request.set_worker(worker_name_);
  request.set_instance_id(instance_id_);
  for (const JobRef& ref : refs) *request.add_jobs() = ToProto(ref);
  request.set_cause(cause);
  v1::ReleaseJobsResponse response;
  Call call(*this, Kind::kCall, kCallTimeout);
  return FromGrpc(stubs_->worker->ReleaseJobs(call.context(), request, &response));
}

absl::Status ServerApi::Upload(const std::string& sha256, const std::string& bytes) {
  v1::UploadArtifactResponse response;
  Call call(*this, Kind::kTransfer, kTransferTimeout);
  const auto writer = stubs_->artifact->UploadArtifact(call.context(), &response);
  std::size_t sent = 0;
  do {
    v1::UploadArtifactRequest request;
    if (sent == 0) {
      request.set_sha256(sha256);
      request.set_size_bytes(static_cast<std::int64_t>(bytes.size()));
    }
    request.set_chunk(bytes.substr(sent, kChunk));
    sent += request.chunk().size();
    if (!writer->Write(request)) break;  // Finish says why
  } while (sent < bytes.size());
  writer->WritesDone();
  return FromGrpc(writer->Finish());
}

absl::StatusOr<std::string> ServerApi::Download(const std::string& sha256) {
  v1::DownloadArtifactRequest request;
  request.set_name(ArtifactName(sha256));
  Call call(*this, Kind::kTransfer, kTransferTimeout);
  const auto reader = stubs_->artifact->DownloadArtifact(call.context(), request);
  std::string bytes;
  v1::DownloadArtifactResponse response;
  while (reader->Read(&response)) bytes += response.chunk();
  RETURN_IF_ERROR(FromGrpc(reader->Finish()));
  if (Sha256Hex(bytes) != sha256) {
    return absl::DataLossError(
        fmt::format("{}: the bytes that came have another digest", ArtifactName(sha256)));
  }
  return bytes;
}

}  // namespace bitsweep::worker
