// SPDX-License-Identifier: Apache-2.0
// Hyper-parameters as reports name and show them.
#ifndef BITSWEEP_CLIENT_REPORT_FIELDS_H_
#define BITSWEEP_CLIENT_REPORT_FIELDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bitsweep/v1/sweep.pb.h"

namespace bitsweep::report {

// All of them, in the plan's order: "max_epochs", ...
const std::vector<std::string>& FieldNames();
// "learning_rate" -> "learning rate".
std::string FieldTitle(const std::string& field);

// A value as text ("1e-5", "adam"), and as a number where it is one.
struct FieldValue {
  std::string text;
  std::optional<double> number;

  bool operator==(const FieldValue&) const = default;
};
// Empty text for a field that this program does not know.
FieldValue ValueOf(const v1::Hyperparameters& h, std::string_view field);

// The base of a sweep's search with the recipe's defaults in what it leaves open.
v1::Hyperparameters ResolvedBase(const v1::Sweep& sweep);
// REQUIRES: every field of both is set.
bool AreEqual(const v1::Hyperparameters& a, const v1::Hyperparameters& b);

// "batch 16, rate 0.001, adam": the values of `fields`; "the only configuration" without any.
std::string ShortLabel(const v1::Hyperparameters& h, const std::vector<std::string>& fields);

// 7 of "sweeps/lab-1/trials/7"; -1 for a name that does not end in a number.
std::int64_t NumberOf(const std::string& name);
// "sweeps/lab-1" of "sweeps/lab-1/trials/7" is cut down to "lab-1".
std::string IdOf(const std::string& name);
// "STATE_RUNNING" -> "running".
std::string LowerEnum(const std::string& name, std::string_view prefix);
// "1 trial", "2 trials", "1,200 trials".
std::string Count(std::int64_t count, const std::string& thing);
// Digits in groups of three.
std::string Grouped(std::int64_t number);
// "2026-01-31 12:05:09 UTC"; empty when unset.
std::string TimeText(const google::protobuf::Timestamp& time);
// "0.5 s", "2 min 5 s", "3 h 10 min".
std::string DurationText(double seconds);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_FIELDS_H_
