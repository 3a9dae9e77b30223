// SPDX-License-Identifier: Apache-2.0
// SQLite as values: a connection, its statements, and one kind of error. Only for
// server/store/sqlite.
#ifndef BITSWEEP_SERVER_STORE_SQLITE_CONNECTION_H_
#define BITSWEEP_SERVER_STORE_SQLITE_CONNECTION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace bitsweep::store {

// Thrown by everything below, caught where the store's operations are run (Writer, ReaderPool).
class SqliteError : public std::runtime_error {
 public:
  SqliteError(int code, const std::string& message) : std::runtime_error(message), code_(code) {}
  int code() const { return code_; }

 private:
  int code_;
};

// FULL -> ResourceExhausted / STORE_FULL, CORRUPT and NOTADB -> DataLoss, BUSY -> Unavailable, else
// Internal.
absl::Status ToStatus(const SqliteError& error);

// A prepared statement in use: bound, then stepped. Gives itself back to its connection's cache
// when it goes.
class Statement {
 public:
  Statement(sqlite3_stmt* statement, sqlite3_stmt** home) : statement_(statement), home_(home) {}
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void Bind(int index, std::int64_t value);
  void Bind(int index, int value) { Bind(index, std::int64_t{value}); }
  void Bind(int index, bool value) { Bind(index, std::int64_t{value}); }
  void Bind(int index, double value);
  void Bind(int index, std::string_view value);
  void Bind(int index, const std::string& value) { Bind(index, std::string_view(value)); }
  void Bind(int index, const char* value) { Bind(index, std::string_view(value)); }
  template <typename T>
  void Bind(int index, const std::optional<T>& value) {
    if (value) {
      Bind(index, *value);
    } else {
      BindNull(index);
    }
  }
  void BindNull(int index);
  template <typename... Args>
  Statement& With(const Args&... args) {
    int index = 0;
    (Bind(++index, args), ...);
    return *this;
  }
  // The same without copies of texts: the values must outlive the last Step.
  template <typename... Args>
  Statement& WithReferences(const Args&... args) {
    copies_texts_ = false;
    With(args...);
    copies_texts_ = true;
    return *this;
  }

  // Moves to the next row; false at the end.
  bool Step();
  // Runs again with new values.
  void Reset();

  std::int64_t Int(int column) const;
  double Real(int column) const;
  std::string Text(int column) const;
  bool IsNull(int column) const;
  std::optional<std::int64_t> MaybeInt(int column) const;
  std::optional<double> MaybeReal(int column) const;

 private:
  sqlite3_stmt* statement_;
  sqlite3_stmt** home_;  // where the cache keeps it; null: finalize
  bool copies_texts_ = true;
};

enum class OpenMode { kReadWrite, kReadOnly };

// One connection. Not thread-safe.
class Connection {
 public:
  Connection(const std::string& file, OpenMode mode);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Statements are cached by their text.
  Statement Prepare(std::string_view sql);
  // Runs a statement that gives no rows; returns how many rows it changed.
  template <typename... Args>
  std::int64_t Run(std::string_view sql, const Args&... args) {
    Statement statement = Prepare(sql);
    statement.WithReferences(args...);
    while (statement.Step()) {
    }
    return Changes();
  }
  // A statement bound and ready for its first Step.
  template <typename... Args>
  Statement Query(std::string_view sql, const Args&... args) {
    Statement statement = Prepare(sql);
    statement.With(args...);
    return statement;
  }
  // Runs several statements given as text, without parameters.
  void Script(const std::string& sql);

  std::int64_t Changes() const;
  std::int64_t TotalChanges() const;  // since it was opened, by triggers and foreign keys too
  std::int64_t LastInsertId() const;
  bool InTransaction() const;
  sqlite3* handle() { return db_; }

 private:
  sqlite3* db_ = nullptr;
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt*>, TextHash, std::equal_to<>> cache_;
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SQLITE_CONNECTION_H_
