// SPDX-License-Identifier: Apache-2.0
// SQLite behind the store's back.
#ifndef BITSWEEP_TESTS_SERVER_STORE_RAW_SQLITE_H_
#define BITSWEEP_TESTS_SERVER_STORE_RAW_SQLITE_H_

#include <sqlite3.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace bitsweep::store {

// Runs `sql` on the file; returns the rows, columns joined with "|". Throws on an error.
inline std::vector<std::string> RawSql(const std::string& file, const std::string& sql) {
  sqlite3* db = nullptr;
  std::vector<std::string> rows;
  const auto add = [](void* to, int columns, char** values, char**) {
    std::string row;
    for (int i = 0; i < columns; ++i) {
      row += (i == 0 ? "" : "|") + std::string(values[i] != nullptr ? values[i] : "NULL");
    }
    static_cast<std::vector<std::string>*>(to)->push_back(row);
    return 0;
  };
  const bool ok = sqlite3_open(file.c_str(), &db) == SQLITE_OK &&
                  sqlite3_exec(db, sql.c_str(), add, &rows, nullptr) == SQLITE_OK;
  const std::string error = ok ? "" : sqlite3_errmsg(db);
  sqlite3_close(db);
  if (!ok) throw std::runtime_error(sql + ": " + error);
  return rows;
}

}  // namespace bitsweep::store

#endif  // BITSWEEP_TESTS_SERVER_STORE_RAW_SQLITE_H_
