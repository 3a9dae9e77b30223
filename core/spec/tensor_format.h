// SPDX-License-Identifier: Apache-2.0
// The entries of one tensor as a number format. Used inside this room.
#ifndef BITSWEEP_CORE_SPEC_TENSOR_FORMAT_H_
#define BITSWEEP_CORE_SPEC_TENSOR_FORMAT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/quantization_check.h"
#include "core/spec/quantize_spec.h"

namespace bitsweep::spec {

// Name of a configuration that leaves its nodes alone.
inline constexpr std::string_view kNotQuantized = "NA";

// The rule of a format; null when there is none of that name.
const FormatRule* FindFormat(std::string_view name);
// Whether the format takes the entry.
bool TakesEntry(const FormatRule& rule, std::string_view entry);

// The member of an entry that holds one integer ("width", ...); null for other entries.
using IntegerEntry = std::optional<std::int64_t> TensorFormatSpec::*;
IntegerEntry FindIntegerEntry(std::string_view entry);

// What is wrong with the entries of one tensor under config.name, which must exist: entries that
// are missing, that the format does not take, or out of range. Pure.
std::vector<graph::FormatProblem> CheckEntries(const FormatConfig& config,
                                               const TensorFormatSpec& entries);

// The format with what is unset filled in: frac_width width / 2, exponent_bias 2^(exponent_width -
// 1) - 1, of log 2^(width - 2) - 1. Integers are signed; blocks skip the first dimension as said.
// REQUIRES: CheckEntries is empty.
graph::NumberFormat MakeFormat(const FormatConfig& config, const TensorFormatSpec& entries,
                               bool skip_first_dim);

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_TENSOR_FORMAT_H_
