// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_REPORT_COMPARE_WORDS_H_
#define BITSWEEP_CLIENT_REPORT_COMPARE_WORDS_H_

#include <string>

#include "client/report/statistics.h"

namespace bitsweep::report {

// What an accuracy of B against one of A says, for people:
//   "B is better by 0.0120 (0.0080 to 0.0160), more than the noise of 10 and 10 repeats"
//   "no difference is seen: 0.0012 (-0.0030 to 0.0054) is within the noise of 10 and 10 repeats"
//   "B is better by 0.0120, but one repeat does not tell the noise"
std::string DifferenceWords(const Sample& a, const Sample& b, const Difference& difference);

// "+0.0120", "-0.0012".
std::string SignedText(double value);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_COMPARE_WORDS_H_
