// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite/connection.h"

#include <sqlite3.h>

#include <utility>

#include "absl/time/time.h"
#include "core/base/errors.h"
#include "fmt/format.h"

namespace bitsweep::store {
namespace {

// Filters and orders make many texts; those in use are kept in any case.
constexpr std::size_t kMaxCached = 256;

[[noreturn]] void Throw(sqlite3* db, int code, std::string_view doing) {
  throw SqliteError(code, fmt::format("{}: {}", doing,
                                      db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code)));
}

}  // namespace

absl::Status ToStatus(const SqliteError& error) {
  switch (error.code() & 0xFF) {
    case SQLITE_FULL:
      return ErrorWithDetails(absl::StatusCode::kResourceExhausted,
                              fmt::format("the store's disk is full: {}", error.what()),
                              {.reason = "STORE_FULL", .retry_after = absl::Seconds(30)});
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(fmt::format("the store is damaged: {}", error.what()));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorWithDetails(absl::StatusCode::kUnavailable,
                              fmt::format("the store is busy: {}", error.what()),
                              {.reason = "STORE_BUSY", .retry_after = absl::Seconds(1)});
    default:
      return absl::InternalError(fmt::format("store: {} (code {})", error.what(), error.code()));
  }
}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  if (home_ == nullptr) {
    sqlite3_finalize(statement_);
    return;
  }
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  *home_ = statement_;
}

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), home_(other.home_) {}

void Statement::Bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_, index, value);
}
void Statement::Bind(int index, double value) { sqlite3_bind_double(statement_, index, value); }
void Statement::Bind(int index, std::string_view value) {
  sqlite3_bind_text(statement_, index, value.data() == nullptr ? "" : value.data(),
                    static_cast<int>(value.size()),
                    copies_texts_ ? SQLITE_TRANSIENT : SQLITE_STATIC);
}
void Statement::BindNull(int index) { sqlite3_bind_null(statement_, index); }

bool Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3* db = sqlite3_db_handle(statement_);
  const std::string message =
      fmt::format("{}, in: {}", sqlite3_errmsg(db), sqlite3_sql(statement_));
  throw SqliteError(sqlite3_extended_errcode(db), message);
}

void Statement::Reset() { sqlite3_reset(statement_); }

std::int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }
double Statement::Real(int column) const { return sqlite3_column_double(statement_, column); }
std::string Statement::Text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_, column);
  if (text == nullptr) return "";
  return {reinterpret_cast<const char*>(text),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}
bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
std::optional<std::int64_t> Statement::MaybeInt(int column) const {
  return IsNull(column) ? std::nullopt : std::optional<std::int64_t>(Int(column));
}
std::optional<double> Statement::MaybeReal(int column) const {
  return IsNull(column) ? std::nullopt : std::optional<double>(Real(column));
}

Connection::Connection(const std::string& file, OpenMode mode) {
  // Counting every allocation under a lock costs more than most statements here. Refused, and so
  // without effect, when something else in this process has used SQLite before.
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)configured;
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE |
                    (mode == OpenMode::kReadWrite ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(file.c_str(), &db_, flags, nullptr);
  if (code != SQLITE_OK) {
    const std::string message =
        fmt::format("{}: {}", file, db_ ? sqlite3_errmsg(db_) : sqlite3_errstr(code));
    sqlite3_close_v2(db_);
    throw SqliteError(code, message);
  }
  sqlite3_extended_result_codes(db_, 1);
  sqlite3_busy_timeout(db_, 5000);
  try {
    Script("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;");
    if (mode == OpenMode::kReadWrite) {
      Script(
          "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
          "PRAGMA recursive_triggers = OFF; PRAGMA cache_size = -32768;");
    } else {
      // Without autocheckpoint a reader never touches the file, not even when it closes last.
      Script("PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0;");
      sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    }
  } catch (...) {
    sqlite3_close_v2(db_);
    throw;
  }
}

Connection::~Connection() {
  for (const auto& [sql, statement] : cache_) sqlite3_finalize(*statement);
  sqlite3_close_v2(db_);
}

Statement Connection::Prepare(std::string_view sql) {
  const auto found = cache_.find(sql);
  if (found != cache_.end() && *found->second != nullptr) {
    return {std::exchange(*found->second, nullptr), found->second.get()};
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) Throw(db_, code, fmt::format("preparing {}", sql));
  if (found != cache_.end()) return {statement, nullptr};  // its twin is in use: not cached
  if (cache_.size() >= kMaxCached) {
    std::erase_if(cache_, [](const auto& entry) {
      sqlite3_finalize(*entry.second);
      return *entry.second != nullptr;
    });
  }
  auto home = std::make_unique<sqlite3_stmt*>(nullptr);
  sqlite3_stmt** const place = home.get();
  cache_.emplace(sql, std::move(home));
  return {statement, place};
}

void Connection::Script(const std::string& sql) {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) Throw(db_, sqlite3_extended_errcode(db_), "running a script");
}

std::int64_t Connection::Changes() const { return sqlite3_changes64(db_); }
std::int64_t Connection::TotalChanges() const { return sqlite3_total_changes64(db_); }
std::int64_t Connection::LastInsertId() const { return sqlite3_last_insert_rowid(db_); }
bool Connection::InTransaction() const { return sqlite3_get_autocommit(db_) == 0; }

}  // namespace bitsweep::store
