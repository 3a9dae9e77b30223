// SPDX-License-Identifier: Apache-2.0
// Rows of transforms and their jobs to values, shared by the queries of this folder.
#ifndef BITSWEEP_SERVER_STORE_SQLITE_TRANSFORM_ROWS_H_
#define BITSWEEP_SERVER_STORE_SQLITE_TRANSFORM_ROWS_H_

#include <string>

#include "absl/status/statusor.h"
#include "server/store/sqlite/connection.h"
#include "server/store/transform_records.h"

namespace bitsweep::store {

// Columns of a transform, in the order that ReadTransform expects; FROM transforms t.
extern const char kTransformColumns[];
absl::StatusOr<TransformRecord> ReadTransform(Connection& db, const Statement& row);
// NotFound / TRANSFORM_NOT_FOUND.
absl::StatusOr<TransformRecord> LoadTransform(Connection& db, const std::string& transform_id);
absl::StatusOr<TransformRecord> LoadTransform(Connection& db, SubmissionId row);

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SQLITE_TRANSFORM_ROWS_H_
