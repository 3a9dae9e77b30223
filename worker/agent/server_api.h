// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_AGENT_SERVER_API_H_
#define BITSWEEP_WORKER_AGENT_SERVER_API_H_

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/spec/transform_spec.h"
#include "core/spec/trial.h"
#include "worker/executor/executor.h"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace bitsweep::worker {

struct JobRef {
  std::string job;
  std::int64_t attempt = 0;
  std::int64_t id = 0;  // as leased: tells jobs of one name apart
  auto operator<=>(const JobRef&) const = default;
};
using Work = std::variant<spec::TrialSpec, spec::TransformWork>;
struct LeasedJob {
  JobRef ref;
  // A job that this program does not understand holds why.
  absl::StatusOr<Work> work;
  std::string expected_data_digest;
};
struct Registration {
  absl::Duration lease_ttl;
  absl::Duration renew_interval;
};
enum class Directive { kContinue, kCancel, kLost, kDrain };
struct Renewal {
  std::vector<Directive> jobs;
  Directive worker = Directive::kContinue;
};
struct Report {
  JobRef ref;
  bool started = false;
  std::string data_digest;
  std::int64_t train_rows = 0;
  std::vector<spec::EpochPoint> points;
};
struct ReportAnswer {
  Directive directive = Directive::kContinue;
  std::string data_mismatch;
};

// Between calls that are tried again, doubling.
inline constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
inline constexpr absl::Duration kLongestPause = absl::Seconds(3);

// The reason of an error ("LEASE_LOST"), or empty.
std::string ReasonOf(const absl::Status& status);
// Whether the same call may succeed later: the server is away, or busy, or the token is exchanged.
bool IsTransient(const absl::Status& status);
// Whether the server does not let this worker in, as its token is now.
bool IsDenied(const absl::Status& status);
// Whether it may have been an accident, of the server or of something between: an error without the
// server's reason, or one that the server did not expect. Worth some more tries, but not endless.
bool IsDoubtful(const absl::Status& status);

// The server's WorkerService and ArtifactService as values. Every call has a deadline; errors carry
// the server's code, message and reason. Thread-safe.
class ServerApi {
 public:
  // `channel`: to the server at `address`; without one it is plain.
  ServerApi(const std::string& address, std::shared_ptr<grpc::Channel> channel,
            std::string worker_name, std::string instance_id);

  ~ServerApi();

  absl::StatusOr<Registration> Register(std::int64_t slots, const std::string& version,
                                        const std::vector<std::string>& engines,
                                        const std::string& host);
  // Waits up to `wait` for up to `max_jobs`. CancelWait ends it, and every later one.
  absl::StatusOr<std::vector<LeasedJob>> Lease(std::int64_t max_jobs, absl::Duration wait);
  void CancelWait();
  absl::StatusOr<Renewal> Renew(const std::vector<JobRef>& jobs, std::int64_t busy_slots,
                                absl::Duration timeout);
  absl::StatusOr<std::vector<ReportAnswer>> ReportProgress(const std::vector<Report>& reports);
  absl::Status Complete(const JobRef& ref, const std::vector<spec::EpochPoint>& points,
                        const spec::TrialResult& result);
  // `artifact` (its digest) and `artifact_bytes`: of the checkpoint, empty when there is none.
  // InvalidArgument when a result is not as the wire contract says, or all are too large.
  absl::Status CompleteTransform(const JobRef& ref, const TransformSuccess& success,
                                 const std::string& artifact, std::int64_t artifact_bytes);
  absl::Status Fail(const JobRef& ref, const spec::JobFailure& failure);
  absl::Status Release(const std::vector<JobRef>& refs, const std::string& cause);

  absl::Status Upload(const std::string& sha256, const std::string& bytes);
  // DataLoss when the bytes do not have the digest.
  absl::StatusOr<std::string> Download(const std::string& sha256);

  const std::string& worker_name() const { return worker_name_; }  // "workers/alpha"

  // Ends the calls under way. From now on transfers end at once, and other calls after `timeout`.
  void CutShort(absl::Duration timeout);

 private:
  enum class Kind { kCall, kWait, kTransfer };
  class Call;
  struct Stubs;
  const std::string worker_name_;
  const std::string instance_id_;
  std::unique_ptr<Stubs> stubs_;
  absl::Mutex mu_;
  std::map<grpc::ClientContext*, Kind> under_way_ ABSL_GUARDED_BY(mu_);
  bool wait_cancelled_ ABSL_GUARDED_BY(mu_) = false;
  bool is_cut_short_ ABSL_GUARDED_BY(mu_) = false;
  absl::Duration longest_ ABSL_GUARDED_BY(mu_) = absl::InfiniteDuration();
};

}  // namespace bitsweep::worker

#endif  // BITSWEEP_WORKER_AGENT_SERVER_API_H_
