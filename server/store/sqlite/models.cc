// SPDX-License-Identifier: Apache-2.0
// Artifacts, models and workers.
#include <sqlite3.h>

#include "core/base/errors.h"
#include "core/base/failpoint.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "server/store/sqlite/completion.h"
#include "server/store/sqlite/filter_sql.h"
#include "server/store/sqlite/rows.h"
#include "server/store/sqlite/sqlite_store.h"

namespace bitsweep::store {
namespace {

constexpr char kModelColumns[] =
    "m.id, m.model_id, s.sweep_id, m.trial, m.graph_name, m.parameter_count, m.artifact, "
    "m.size_bytes, m.val_acc, m.create_time, m.display_name, t.transform_id, m.job_number, "
    "m.parent_model FROM models m LEFT JOIN sweeps s ON s.id = m.sweep LEFT JOIN transforms t ON "
    "t.id = m.transform";

ModelRecord ReadModel(const Statement& row) {
  return {.model_id = row.Text(1),
          .display_name = row.Text(10),
          .sweep_id = row.Text(2),
          .trial = row.Int(3),
          .transform_id = row.Text(11),
          .job = row.Int(12),
          .parent_model = row.Text(13),
          .graph_name = row.Text(4),
          .parameter_count = row.Int(5),
          .artifact = row.Text(6),
          .size_bytes = row.Int(7),
          .val_acc = row.MaybeReal(8),
          .create_time = FromMicros(row.Int(9))};
}

absl::Status Corrupt(const std::string& sha256, std::string why) {
  return ErrorWithDetails(absl::StatusCode::kDataLoss,
                          fmt::format("{}: {}", ArtifactName(sha256), why),
                          {.reason = "ARTIFACT_CORRUPT", .metadata = {{"sha256", sha256}}});
}

class SqliteUpload final : public ArtifactUpload {
 public:
  SqliteUpload(Writer& writer, std::string sha256, std::int64_t size_bytes,
               std::unique_ptr<ArtifactFile> file)
      : writer_(writer),
        sha256_(std::move(sha256)),
        size_bytes_(size_bytes),
        file_(std::move(file)) {}

  absl::Status Append(std::string_view bytes) override {
    if (file_->size() + static_cast<std::int64_t>(bytes.size()) > size_bytes_) {
      return Corrupt(sha256_,
                     fmt::format("more than the {} bytes that were announced", size_bytes_));
    }
    Failpoint("artifact.mid_upload");
    return file_->Append(bytes);
  }

  absl::StatusOr<ArtifactRecord> Commit(absl::Time now) override {
    if (file_->size() != size_bytes_) {
      return Corrupt(sha256_,
                     fmt::format("{} bytes came, {} were announced", file_->size(), size_bytes_));
    }
    if (const std::string digest = file_->Digest(); digest != sha256_) {
      return Corrupt(sha256_, fmt::format("the bytes have digest {}", digest));
    }
    RETURN_IF_ERROR(file_->Sync());
    ArtifactRecord record{sha256_, size_bytes_, now};
    RETURN_IF_ERROR(writer_.Run(WriteOp::kArtifact, [&](Connection& db) -> absl::Status {
      // The file first, then the row: a row always has its bytes. Both on the writer thread, where
      // CollectGarbage removes files: it cannot come between them.
      RETURN_IF_ERROR(file_->Publish());
      db.Run(
          "INSERT INTO artifacts (sha256, size_bytes, create_time) VALUES (?1, ?2, ?3) "
          "ON CONFLICT (sha256) DO UPDATE SET create_time = max(create_time, ?3)",
          sha256_, size_bytes_, ToMicros(now));
      return absl::OkStatus();
    }));
    return record;
  }

 private:
  Writer& writer_;
  const std::string sha256_;
  const std::int64_t size_bytes_;
  const std::unique_ptr<ArtifactFile> file_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ArtifactUpload>> SqliteStore::Begin(const std::string& sha256,
                                                                   std::int64_t size_bytes) {
  // Checkpoints belong to results, which go on when no more is admitted: they may use half of the
  // reserve.
  RETURN_IF_ERROR(CheckSpace(options_.min_free_bytes / 2 + size_bytes));
  ASSIGN_OR_RETURN(std::unique_ptr<ArtifactFile> file, files_->Begin(sha256));
  return std::make_unique<SqliteUpload>(writer_, sha256, size_bytes, std::move(file));
}

absl::StatusOr<ArtifactRecord> SqliteStore::GetArtifact(const std::string& sha256) {
  ArtifactRecord artifact;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) -> absl::Status {
    Statement row =
        db.Query("SELECT size_bytes, create_time FROM artifacts WHERE sha256 = ?1", sha256);
    if (!row.Step()) return NotFoundError("artifact", ArtifactName(sha256));
    artifact = {sha256, row.Int(0), FromMicros(row.Int(1))};
    return absl::OkStatus();
  }));
  return artifact;
}

absl::StatusOr<std::string> SqliteStore::Read(const std::string& sha256, std::int64_t offset,
                                              std::int64_t max_bytes) {
  ASSIGN_OR_RETURN(const ArtifactRecord artifact, GetArtifact(sha256));
  if (offset < 0 || offset > artifact.size_bytes) {
    return absl::OutOfRangeError(fmt::format("{}: offset {}, it has {} bytes", ArtifactName(sha256),
                                             offset, artifact.size_bytes));
  }
  return files_->Read(sha256, offset, max_bytes);
}

absl::StatusOr<std::int64_t> SqliteStore::CollectGarbage(absl::Time before) {
  std::vector<std::string> removed;
  RETURN_IF_ERROR(writer_.Run(WriteOp::kArtifact, [&](Connection& db) {
    removed.clear();
    if (is_linking_) return absl::OkStatus();  // a backup begins: the next time
    Statement row = db.Query(
        "DELETE FROM artifacts WHERE create_time < ?1 "
        "AND NOT EXISTS (SELECT 1 FROM models m WHERE m.artifact = sha256) "
        "AND NOT EXISTS (SELECT 1 FROM sweeps s WHERE s.model_artifact = sha256) "
        "AND NOT EXISTS (SELECT 1 FROM transforms t WHERE t.model_artifact = sha256) "
        "RETURNING sha256",
        ToMicros(before));
    while (row.Step()) removed.push_back(row.Text(0));
    return absl::OkStatus();
  }));
  // Files go after the commit: a row always has its bytes. A crash in between leaves a file without
  // a row, which the next upload of the same bytes takes over.
  for (const std::string& sha256 : removed) {
    // An upload of the same bytes may have stored them again meanwhile.
    RETURN_IF_ERROR(writer_.Run(WriteOp::kArtifact, [&](Connection& db) -> absl::Status {
      Statement again = db.Query("SELECT 1 FROM artifacts WHERE sha256 = ?1", sha256);
      return again.Step() ? absl::OkStatus() : files_->Remove(sha256);
    }));
  }
  return static_cast<std::int64_t>(removed.size());
}

absl::StatusOr<ModelRecord> SqliteStore::GetModel(const std::string& model_id) {
  ModelRecord model;
  static const std::string sql = fmt::format("SELECT {} WHERE m.model_id = ?1", kModelColumns);
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) -> absl::Status {
    Statement row = db.Query(sql, model_id);
    if (!row.Step()) return NotFoundError("model", ModelName(model_id));
    model = ReadModel(row);
    return absl::OkStatus();
  }));
  return model;
}

absl::StatusOr<Page<ModelRecord>> SqliteStore::ListModels(const PageQuery& query) {
  static const auto& fields =
      *new FieldTable{{"sweep", {"('sweeps/' || s.sweep_id)", FieldType::kText}},
                      {"transform", {"('transforms/' || t.transform_id)", FieldType::kText}},
                      {"graph_name", {"m.graph_name", FieldType::kText}},
                      {"val_acc", {"m.val_acc", FieldType::kNumber}}};
  ASSIGN_OR_RETURN(const WhereClause where, ToSql(query.conditions, fields));
  Page<ModelRecord> page;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) {
    const std::string sql = fmt::format("SELECT {} WHERE m.id < ?1 {} ORDER BY m.id DESC LIMIT ?2",
                                        kModelColumns, where.sql);
    Statement row = db.Query(sql, query.after ? query.after->id : INT64_MAX, query.limit + 1);
    where.BindTo(row, 3);
    std::int64_t last_id = 0;
    while (row.Step()) {
      if (static_cast<std::int64_t>(page.items.size()) == query.limit) {
        page.next = Cursor{std::nullopt, last_id};
        break;
      }
      last_id = row.Int(0);
      page.items.push_back(ReadModel(row));
    }
    return absl::OkStatus();
  }));
  return page;
}

absl::StatusOr<ModelRecord> SqliteStore::ImportModel(const NewModel& model, absl::Time now) {
  RETURN_IF_ERROR(writer_.Run(WriteOp::kArtifact, [&](Connection& db) -> absl::Status {
    RETURN_IF_ERROR(CheckArtifact(db, model.artifact));
    {
      Statement taken = db.Query("SELECT 1 FROM models WHERE model_id = ?1", model.model_id);
      if (taken.Step()) {
        return ErrorWithDetails(absl::StatusCode::kAlreadyExists,
                                fmt::format("a model {} exists already", ModelName(model.model_id)),
                                {.reason = "ID_IN_USE",
                                 .resource_type = "model",
                                 .resource_name = ModelName(model.model_id)});
      }
    }
    db.Run(
        "INSERT INTO models (model_id, display_name, graph_name, parameter_count, artifact, "
        "size_bytes, create_time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        model.model_id, model.display_name, model.graph_name, model.parameter_count, model.artifact,
        model.size_bytes, ToMicros(now));
    return absl::OkStatus();
  }));
  return GetModel(model.model_id);
}

absl::Status SqliteStore::DeleteModel(const std::string& model_id) {
  return writer_.Run(WriteOp::kDelete, [&](Connection& db) -> absl::Status {
    if (db.Run("DELETE FROM models WHERE model_id = ?1", model_id) == 0) {
      return NotFoundError("model", ModelName(model_id));
    }
    return absl::OkStatus();
  });
}

absl::Status SqliteStore::PutWorker(const WorkerRecord& worker) {
  return writer_.Run(WriteOp::kWorker, [&](Connection& db) {
    db.Run(
        "INSERT INTO workers (worker_id, instance_id, slots, host, version, engines, "
        "register_time, "
        "last_seen_time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (worker_id) DO UPDATE "
        "SET "
        "instance_id = ?2, slots = ?3, host = ?4, version = ?5, engines = ?6, register_time = ?7, "
        "last_seen_time = ?8",
        worker.worker_id, worker.instance_id, worker.slots, worker.host, worker.version,
        nlohmann::json(worker.engines)
            .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
        ToMicros(worker.register_time), ToMicros(worker.last_seen_time));
    return absl::OkStatus();
  });
}

absl::Status SqliteStore::TouchWorkers(const std::vector<std::string>& worker_ids, absl::Time now) {
  return writer_.Run(WriteOp::kWorker, [&](Connection& db) {
    for (const std::string& id : worker_ids) {
      db.Run("UPDATE workers SET last_seen_time = ?2 WHERE worker_id = ?1", id, ToMicros(now));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<Page<WorkerRecord>> SqliteStore::ListWorkers(const std::string& after,
                                                            std::int64_t limit) {
  Page<WorkerRecord> page;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) {
    Statement row = db.Query(
        "SELECT worker_id, instance_id, slots, host, version, engines, register_time, "
        "last_seen_time, completed, "
        "failed FROM workers WHERE worker_id > ?1 ORDER BY worker_id LIMIT ?2",
        after, limit + 1);
    while (row.Step()) {
      if (static_cast<std::int64_t>(page.items.size()) == limit) {
        page.next = Cursor{};  // the next page starts after the last name
        break;
      }
      WorkerRecord worker{.worker_id = row.Text(0),
                          .instance_id = row.Text(1),
                          .slots = row.Int(2),
                          .host = row.Text(3),
                          .version = row.Text(4),
                          .register_time = FromMicros(row.Int(6)),
                          .last_seen_time = FromMicros(row.Int(7)),
                          .completed = row.Int(8),
                          .failed = row.Int(9)};
      const nlohmann::json engines = nlohmann::json::parse(row.Text(5), nullptr, false);
      for (const auto& engine : engines) {
        if (engine.is_string()) worker.engines.push_back(engine.get<std::string>());
      }
      page.items.push_back(std::move(worker));
    }
    return absl::OkStatus();
  }));
  return page;
}

}  // namespace bitsweep::store
