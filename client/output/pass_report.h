// SPDX-License-Identifier: Apache-2.0
// What passes of a transform gave, for people: as the lab report shows it.
#ifndef BITSWEEP_CLIENT_OUTPUT_PASS_REPORT_H_
#define BITSWEEP_CLIENT_OUTPUT_PASS_REPORT_H_

#include <string>
#include <vector>

#include "bitsweep/v1/pass_result.pb.h"
#include "bitsweep/v1/transform.pb.h"
#include "client/output/table.h"

namespace bitsweep::client {

// A piece of a report: text as it is, ending in a line break where there is any, then a table
// where it has columns.
struct Section {
  std::string text;
  Table table;
};
using Sections = std::vector<Section>;

// One function a kind of result. Pure, as everything here.
Sections ReportOf(const v1::GraphReport& report);
// `collected`: what profile_statistics gave before in the same job; null: nothing.
Sections ReportOf(const v1::NodeMetaReport& report, const v1::StatisticsReport* collected);
Sections ReportOf(const v1::StatisticsReport& report);
Sections ReportOf(const v1::QuantizeReport& report);
Sections ReportOf(const v1::GraphComparison& comparison);
Sections ReportOf(const v1::QuantizationReport& report);
Sections ReportOf(const v1::OpCountReport& report);
Sections ReportOf(const v1::EvaluationReport& report);
Sections ReportOf(const v1::PruneReport& report);

// The reports of a job's passes, each under a line that names the pass. Tables in `format`.
std::string RenderPassResults(const v1::TransformJob& job, Format format);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_OUTPUT_PASS_REPORT_H_
