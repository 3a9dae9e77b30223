// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_REPORT_COMPARE_MODELS_H_
#define BITSWEEP_CLIENT_REPORT_COMPARE_MODELS_H_

#include <optional>
#include <string>

#include "bitsweep/v1/model.pb.h"
#include "bitsweep/v1/sweep.pb.h"
#include "client/report/page.h"

namespace bitsweep::report {

struct ComparedModel {
  v1::Model model;  // with its graph and tensors
  // The configuration of the trial that made it, where it was one: its repeats are the noise.
  std::optional<v1::Configuration> configuration;
};

// Two models side by side: accuracy, size, graph and tensors, and whether what made them differs by
// more than the noise of its repeats. Pure.
Page BuildModelComparison(const ComparedModel& a, const ComparedModel& b, const std::string& made);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_COMPARE_MODELS_H_
