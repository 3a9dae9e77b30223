// SPDX-License-Identifier: Apache-2.0
// What each pass of a job gave, as blocks of a page. Pure.
#ifndef BITSWEEP_CLIENT_REPORT_TRANSFORM_PASSES_H_
#define BITSWEEP_CLIENT_REPORT_TRANSFORM_PASSES_H_

#include <string>
#include <vector>

#include "bitsweep/v1/pass_result.pb.h"
#include "bitsweep/v1/transform.pb.h"
#include "client/report/page.h"
#include "client/report/transform_blocks.h"

namespace bitsweep::report {

// One section a pass, in order.
std::vector<Section> PassSections(const v1::TransformJob& job);

// One function a kind of result; `id` begins the ids of its charts. Tables are the command line's.
Blocks BlocksOf(const v1::GraphReport& report, const std::string& id);
// `collected`: what profile_statistics gave before in the same job; null: nothing.
Blocks BlocksOf(const v1::NodeMetaReport& report, const v1::StatisticsReport* collected,
                const std::string& id);
Blocks BlocksOf(const v1::StatisticsReport& report, const std::string& id);
Blocks BlocksOf(const v1::QuantizeReport& report, const std::string& id);
Blocks BlocksOf(const v1::GraphComparison& comparison, const std::string& id);
Blocks BlocksOf(const v1::QuantizationReport& report, const std::string& id);
Blocks BlocksOf(const v1::OpCountReport& report, const std::string& id);
Blocks BlocksOf(const v1::EvaluationReport& report, const std::string& id);
Blocks BlocksOf(const v1::PruneReport& report, const std::string& id);

// Tensors whose histograms are drawn.
inline constexpr int kMostHistograms = 24;

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_TRANSFORM_PASSES_H_
