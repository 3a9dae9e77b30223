// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_PROTO_CONVERT_TRIAL_H_
#define BITSWEEP_PROTO_CONVERT_TRIAL_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bitsweep/v1/trial.pb.h"
#include "bitsweep/v1/worker_service.pb.h"
#include "core/spec/job_state.h"
#include "core/spec/trial.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace bitsweep::convert {

spec::EpochPoint FromProto(const v1::EpochPoint& proto);
v1::EpochPoint ToProto(const spec::EpochPoint& point);

// `artifact` is a digest in the value and `artifacts/{sha256}` on the wire. InvalidArgument when it
// is not.
absl::StatusOr<spec::TrialResult> FromProto(const v1::TrialResult& proto);
v1::TrialResult ToProto(const spec::TrialResult& result);

v1::FailureReason ToProto(spec::FailureReason reason);
// A reason that this version does not know, or none, is EXCEPTION.
spec::FailureReason FromProto(v1::FailureReason reason);
v1::Trial::State ToProto(spec::JobState state);

// InvalidArgument lists every field that is missing or unknown.
absl::StatusOr<spec::TrialSpec> FromProto(const v1::TrialJob& proto);
v1::TrialJob ToProto(const spec::TrialSpec& trial);

google::protobuf::Timestamp ToProto(absl::Time time);
google::protobuf::Duration ToProto(absl::Duration duration);
absl::Duration FromProto(const google::protobuf::Duration& duration);

}  // namespace bitsweep::convert

#endif  // BITSWEEP_PROTO_CONVERT_TRIAL_H_
