// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_BACKUP_H_
#define BITSWEEP_SERVER_STORE_BACKUP_H_

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace bitsweep::store {

struct VerifyReport;

// A copy of the whole store as it was at one moment, on its way out: a tar file (POSIX ustar, with
// pax headers where sizes need them) of bitsweep.db and artifacts/. Unpacked into an empty folder
// it is a data folder. Removes what it keeps on disk when it goes. Not thread-safe.
class Backup {
 public:
  virtual ~Backup() = default;
  // The next bytes, at most `max_bytes`; empty at the end. REQUIRES: max_bytes > 0.
  virtual absl::StatusOr<std::string> Next(std::size_t max_bytes) = 0;
  // What is in it. It was opened and checked as Verify(kDeep) does: there is no problem in it.
  virtual const VerifyReport& contents() const = 0;
};

class BackupSource {
 public:
  virtual ~BackupSource() = default;
  // Copies the store while it goes on being used, and checks the copy. ResourceExhausted /
  // STORE_FULL when the copy of bitsweep.db does not fit beside it (artifacts take no space);
  // DataLoss / BACKUP_DAMAGED with the first problem when the copy is not as promised. `now` is the
  // time of the files in it.
  //
  // One at a time, to the end of the Backup's life: FailedPrecondition / BACKUP_RUNNING.
  // `keep_going` is asked now and then meanwhile; when it says false, Cancelled.
  virtual absl::StatusOr<std::unique_ptr<Backup>> StartBackup(
      absl::Time now, absl::FunctionRef<bool()> keep_going) = 0;
  // Remembers that a backup was made at `time`: StoreInfo::last_backup.
  virtual absl::Status NoteBackup(absl::Time time) = 0;
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_BACKUP_H_
