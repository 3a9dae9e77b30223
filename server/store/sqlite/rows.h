// SPDX-License-Identifier: Apache-2.0
// Rows to values and small conversions shared by the queries of this folder.
#ifndef BITSWEEP_SERVER_STORE_SQLITE_ROWS_H_
#define BITSWEEP_SERVER_STORE_SQLITE_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/store/records.h"
#include "server/store/sqlite/connection.h"

namespace bitsweep::store {

inline std::int64_t ToMicros(absl::Time time) { return absl::ToUnixMicros(time); }
inline absl::Time FromMicros(std::int64_t micros) { return absl::FromUnixMicros(micros); }
std::optional<absl::Time> MaybeTime(const Statement& row, int column);

// Columns of a sweep, in the order that ReadSweep expects; FROM sweeps s.
extern const char kSweepColumns[];
absl::StatusOr<SweepRecord> ReadSweep(Connection& db, const Statement& row);
// NotFound / SWEEP_NOT_FOUND.
absl::StatusOr<SweepRecord> LoadSweep(Connection& db, const std::string& sweep_id);
absl::StatusOr<SweepRecord> LoadSweep(Connection& db, SubmissionId row);
spec::JobCounts LoadCounts(Connection& db, SubmissionId submission);

// Columns of a trial: FROM trials t JOIN jobs j ON j.id = t.job JOIN configurations c ON c.sweep =
// t.sweep AND c.number = t.configuration LEFT JOIN models m ON m.sweep = t.sweep AND m.trial =
// t.number.
extern const char kTrialColumns[];
inline constexpr int kTrialColumnCount = 41;  // further columns of a query come after them
extern const char kTrialFrom[];
TrialRecord ReadTrial(const Statement& row, const std::string& sweep_id);

extern const char kHyperparameterColumns[];  // of configurations c, 6 columns
spec::Hyperparameters ReadHyperparameters(const Statement& row, int column);
std::optional<spec::JobFailure> ReadFailure(const Statement& row, int column);

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SQLITE_ROWS_H_
