// SPDX-License-Identifier: Apache-2.0
// What a transform was: its specification and how its jobs went. Pure. Used inside this room.
#ifndef BITSWEEP_CLIENT_REPORT_TRANSFORM_FACTS_H_
#define BITSWEEP_CLIENT_REPORT_TRANSFORM_FACTS_H_

#include <string>
#include <vector>

#include "bitsweep/v1/transform.pb.h"
#include "client/report/page.h"
#include "client/report/transform_blocks.h"
#include "client/report/transform_points.h"

namespace bitsweep::report {

// "models/lab2-0", "jsc-tiny", "a graph".
std::string TransformModelText(const v1::Transform& transform);
// "succeeded".
std::string TransformStateText(const v1::Transform& transform);

// Model, data, passes, times; for several runs what they share, and a table of them.
Blocks WhatWasRun(const std::vector<TransformRun>& runs);
// The specification as JSON, in the names of docs/transform_files.md; a long graph is left out.
std::string SpecificationText(const v1::Transform& transform);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_TRANSFORM_FACTS_H_
