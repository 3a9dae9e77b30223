// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_STORE_OBSERVER_H_
#define BITSWEEP_SERVER_STORE_STORE_OBSERVER_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "absl/time/time.h"

namespace bitsweep::store {

// What a write is for.
enum class WriteOp {
  kSubmit,
  kLease,
  kReport,  // starts and epochs
  kComplete,
  kFail,
  kExpire,
  kRelease,
  kCancel,
  kRetry,
  kDelete,
  kPause,     // and resume
  kArtifact,  // artifacts and models
  kWorker,
  kOther,
};
inline constexpr std::array kAllWriteOps = {
    WriteOp::kSubmit, WriteOp::kLease,    WriteOp::kReport, WriteOp::kComplete, WriteOp::kFail,
    WriteOp::kExpire, WriteOp::kRelease,  WriteOp::kCancel, WriteOp::kRetry,    WriteOp::kDelete,
    WriteOp::kPause,  WriteOp::kArtifact, WriteOp::kWorker, WriteOp::kOther};

// "submit", "lease", ...
constexpr std::string_view Name(WriteOp op) {
  switch (op) {
    case WriteOp::kSubmit:
      return "submit";
    case WriteOp::kLease:
      return "lease";
    case WriteOp::kReport:
      return "report";
    case WriteOp::kComplete:
      return "complete";
    case WriteOp::kFail:
      return "fail";
    case WriteOp::kExpire:
      return "expire";
    case WriteOp::kRelease:
      return "release";
    case WriteOp::kCancel:
      return "cancel";
    case WriteOp::kRetry:
      return "retry";
    case WriteOp::kDelete:
      return "delete";
    case WriteOp::kPause:
      return "pause";
    case WriteOp::kArtifact:
      return "artifact";
    case WriteOp::kWorker:
      return "worker";
    case WriteOp::kOther:
      break;
  }
  return "other";
}

// Hears of what the store does, for metrics. Calls come from the store's writer thread: return at
// once. Does nothing by itself.
class StoreObserver {
 public:
  virtual ~StoreObserver() = default;
  // One write ran its statements, which took so long and changed so many rows, those of triggers
  // included. It may yet be rolled back.
  virtual void OnWrite(WriteOp /*op*/, absl::Duration /*taken*/, std::int64_t /*rows*/) {}
  // COMMIT of a group returned.
  virtual void OnFsync(absl::Duration /*taken*/) {}
  // A group ended, all in all.
  virtual void OnCommit(std::int64_t /*operations*/, absl::Duration /*taken*/) {}
  // `is_held_up`: a reader still needs a part of the log.
  virtual void OnCheckpoint(absl::Duration /*taken*/, bool /*is_held_up*/) {}
  // Another process has the lock: the writer waits.
  virtual void OnBusy() {}
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_STORE_OBSERVER_H_
