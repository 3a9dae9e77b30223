// SPDX-License-Identifier: Apache-2.0
// Sweeps, configurations and trials: wire messages to values and back. Pure.
#ifndef BITSWEEP_SERVER_RPC_SWEEP_CONVERT_H_
#define BITSWEEP_SERVER_RPC_SWEEP_CONVERT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bitsweep/v1/sweep.pb.h"
#include "bitsweep/v1/sweep_service.pb.h"
#include "core/base/errors.h"
#include "core/spec/job_state.h"
#include "core/spec/sweep_spec.h"
#include "server/store/records.h"

namespace bitsweep::rpc {

// The specification in a request's `sweep`; fields that the server fills are not read. Adds to
// `violations` what the value could not carry (unknown enum values, more than one search,
// a missing model or data set); the rest is spec::Validate's to say.
spec::SweepSpec FromProto(const v1::Sweep& sweep, std::vector<FieldViolation>& violations);

// The specification part of a Sweep: what a person would have to send to get it.
v1::Sweep SpecToProto(const spec::SweepSpec& spec);
v1::Sweep ToProto(const store::SweepRecord& sweep);
v1::TrialCounts ToProto(const spec::JobCounts& counts);
v1::Configuration ToProto(const std::string& sweep_id,
                          const store::ConfigurationRecord& configuration);
v1::Trial ToProto(const store::TrialRecord& trial);
// `submission`: "sweeps/lab-1" or "transforms/t-1". REQUIRES: an event of a job (event.trial >= 0).
v1::TrialTransition ToProto(const std::string& submission, const store::EventRecord& event);
v1::Sweep::State ToProto(spec::SweepState state);

// FAILED, DEAD and CANCELLED; none means all three. InvalidArgument for any other.
absl::StatusOr<std::vector<spec::JobState>> RetryStates(const v1::RetrySweepRequest& request);

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_SWEEP_CONVERT_H_
