// SPDX-License-Identifier: Apache-2.0
// The project's two control-flow macros for absl::Status and absl::StatusOr.
#ifndef BITSWEEP_CORE_BASE_STATUS_MACROS_H_
#define BITSWEEP_CORE_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define BITSWEEP_CONCAT_INNER(a, b) a##b
#define BITSWEEP_CONCAT(a, b) BITSWEEP_CONCAT_INNER(a, b)

// Returns from the enclosing function when `expr` (an absl::Status) is not OK.
#define RETURN_IF_ERROR(expr) \
  RETURN_IF_ERROR_IMPL(BITSWEEP_CONCAT(bitsweep_status_, __COUNTER__), expr)
#define RETURN_IF_ERROR_IMPL(tmp, expr) \
  do {                                  \
    ::absl::Status tmp = (expr);        \
    if (!tmp.ok()) return tmp;          \
  } while (false)

// Assigns the value of `expr` (an absl::StatusOr) to `lhs`, or returns its status.
#define ASSIGN_OR_RETURN(lhs, expr) \
  ASSIGN_OR_RETURN_IMPL(BITSWEEP_CONCAT(bitsweep_status_or_, __COUNTER__), lhs, expr)
#define ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr)    \
  auto tmp = (expr);                             \
  if (!tmp.ok()) return std::move(tmp).status(); \
  lhs = *std::move(tmp)

#endif  // BITSWEEP_CORE_BASE_STATUS_MACROS_H_
