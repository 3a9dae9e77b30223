// SPDX-License-Identifier: Apache-2.0
// Whole sweeps and transforms, read page by page.
#ifndef BITSWEEP_CLIENT_API_SWEEP_DATA_H_
#define BITSWEEP_CLIENT_API_SWEEP_DATA_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/api/connection.h"

namespace bitsweep::client {

// `name`: `sweeps/{sweep}`, `transforms/{transform}`. Each reads through Connection::Call: errors
// are the server's, Unavailable is tried again. Jobs and trials come in the plan's order.
absl::StatusOr<v1::Sweep> GetSweep(const Connection& connection, const std::string& name);
absl::StatusOr<std::vector<v1::Configuration>> ListConfigurations(const Connection& connection,
                                                                  const std::string& name);
// Calls `use` for each configuration. Holds one page in memory. Stops at the first error, of the
// server or of `use`.
absl::Status ForEachConfiguration(const Connection& connection, const std::string& name,
                                  const std::function<absl::Status(const v1::Configuration&)>& use);
// Calls `use` for each trial; epochs and attempts are there with TRIAL_VIEW_FULL. As above.
absl::Status ForEachTrial(const Connection& connection, const std::string& name, v1::TrialView view,
                          const std::function<absl::Status(const v1::Trial&)>& use);

// The same of those that `filter` lets through, in the words of ListTrialsRequest.filter.
absl::Status ForEachTrialThat(const Connection& connection, const std::string& name,
                              const std::string& filter, v1::TrialView view,
                              const std::function<absl::Status(const v1::Trial&)>& use);

absl::StatusOr<v1::Transform> GetTransform(const Connection& connection, const std::string& name);
// With headlines, without results of passes.
absl::StatusOr<std::vector<v1::TransformJob>> ListTransformJobs(const Connection& connection,
                                                                const std::string& name);
// `transforms/{transform}/jobs/{job}`, with the results of its passes.
absl::StatusOr<v1::TransformJob> GetTransformJob(const Connection& connection,
                                                 const std::string& name);
// `models/{model}`, with its graph and the shapes of its tensors.
absl::StatusOr<v1::Model> GetModel(const Connection& connection, const std::string& name);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_API_SWEEP_DATA_H_
