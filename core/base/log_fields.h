// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_BASE_LOG_FIELDS_H_
#define BITSWEEP_CORE_BASE_LOG_FIELDS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitsweep {

// A line of the log taken apart: `trial failed job=sweeps/a/trials/1 message="no such file"` is the
// text "trial failed" and the fields job and message.
struct LogLine {
  std::string text;
  std::vector<std::pair<std::string, std::string>> fields;  // in the line's order
};

// Fields are key=value or key="value", keys of lower-case letters and underscores, set apart by
// spaces; a quoted value ends with a quote before a field or the end. All else is text. Pure.
LogLine ParseLogLine(std::string_view line);

}  // namespace bitsweep

#endif  // BITSWEEP_CORE_BASE_LOG_FIELDS_H_
