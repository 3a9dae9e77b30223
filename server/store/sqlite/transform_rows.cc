// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite/transform_rows.h"

#include "core/base/errors.h"
#include "core/base/ids.h"
#include "fmt/format.h"
#include "server/store/sqlite/rows.h"

namespace bitsweep::store {

const char kTransformColumns[] =
    "t.id, t.transform_id, t.display_name, t.spec, t.spec_digest, t.model_artifact, t.paused, "
    "t.cancelled, t.stopped_by_policy, t.state, t.job_count, t.create_time, t.start_time, "
    "t.end_time, t.data_digest, t.revision";

absl::StatusOr<TransformRecord> ReadTransform(Connection& db, const Statement& row) {
  const std::optional<spec::SweepState> state = spec::ParseSweepState(row.Text(9));
  if (!state) {
    return absl::DataLossError(
        fmt::format("transform {}: unknown state \"{}\"", row.Text(1), row.Text(9)));
  }
  const SubmissionId id{row.Int(0)};
  return TransformRecord{.row = id,
                         .transform_id = row.Text(1),
                         .display_name = row.Text(2),
                         .spec = row.Text(3),
                         .spec_digest = row.Text(4),
                         .model_artifact = row.Text(5),
                         .counts = LoadCounts(db, id),
                         .flags = {.paused = row.Int(6) != 0,
                                   .cancelled = row.Int(7) != 0,
                                   .stopped_by_policy = row.Int(8) != 0},
                         .state = *state,
                         .job_count = row.Int(10),
                         .create_time = FromMicros(row.Int(11)),
                         .start_time = MaybeTime(row, 12),
                         .end_time = MaybeTime(row, 13),
                         .data_digest = row.Text(14),
                         .revision = row.Int(15)};
}

absl::StatusOr<TransformRecord> LoadTransform(Connection& db, const std::string& transform_id) {
  static const std::string sql =
      fmt::format("SELECT {} FROM transforms t WHERE t.transform_id = ?1", kTransformColumns);
  Statement row = db.Query(sql, transform_id);
  if (!row.Step()) return NotFoundError("transform", TransformName(transform_id));
  return ReadTransform(db, row);
}

absl::StatusOr<TransformRecord> LoadTransform(Connection& db, SubmissionId id) {
  static const std::string sql =
      fmt::format("SELECT {} FROM transforms t WHERE t.id = ?1", kTransformColumns);
  Statement row = db.Query(sql, id.value);
  if (!row.Step()) return NotFoundError("transform", fmt::format("row {}", id.value));
  return ReadTransform(db, row);
}

}  // namespace bitsweep::store
