// SPDX-License-Identifier: Apache-2.0
// Names, help and labels of what the server tells of workers, its store, calls and itself. Only for
// server/metrics.
#ifndef BITSWEEP_SERVER_METRICS_SERVER_SERIES_H_
#define BITSWEEP_SERVER_METRICS_SERVER_SERIES_H_

#include <string>
#include <vector>

#include "server/metrics/families.h"

namespace bitsweep::metrics {

inline const Families::Buckets kCallSeconds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                               0.1,    0.25,  0.5,    1,     2.5,  10,    60};
inline const Families::Buckets kWriteSeconds = {0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005,
                                                0.001,   0.0025,   0.005,   0.01,   0.1,     1};
inline const Families::Buckets kCommitSeconds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                 0.01,   0.025,   0.05,   0.1,   0.25,   1};
inline const Families::Buckets kCheckpointSeconds = {0.001, 0.005, 0.01, 0.025, 0.05,
                                                     0.1,   0.25,  0.5,  1,     5};
inline const Families::Buckets kCommitOperations = {1, 2, 4, 8, 16, 32, 64, 128, 256};
inline const Families::Buckets kRows = {1, 2, 5, 10, 25, 100, 1000, 10000, 100000, 1000000};

struct ServerSeries : Families {
  using Families::Families;

  const std::vector<std::string> rejections = {"store_full", "plan_too_large", "draining"};
  // As the store names them; anything else is other.
  const std::vector<std::string> write_ops = {"submit", "lease",    "report", "complete", "fail",
                                              "expire", "release",  "cancel", "retry",    "delete",
                                              "pause",  "artifact", "worker", "other"};

  // Workers.
  By<Gauge> workers = GaugeEach("bitsweep_workers", "Workers by state", "state",
                                {"idle", "busy", "draining", "lost"});
  Gauge& slots = OneGauge("bitsweep_worker_slots", "Slots of workers that are alive");
  Gauge& slots_busy = OneGauge("bitsweep_worker_slots_busy", "Slots that train now");
  Gauge& heartbeat_age =
      OneGauge("bitsweep_worker_heartbeat_age_seconds",
               "Time since the worker, of those alive, that was silent for longest was heard of");
  Gauge& queue_paused = OneGauge("bitsweep_queue_paused", "1 while PauseQueue is in force");

  // Store.
  Histogram& commit_seconds = OneHistogram(
      "bitsweep_store_commit_seconds", "Time of one group commit, fsync included", kCommitSeconds);
  Histogram& commit_operations = OneHistogram("bitsweep_store_commit_operations",
                                              "Writes that shared one commit", kCommitOperations);
  By<Histogram> tx_seconds =
      HistogramEach("bitsweep_store_tx_seconds",
                    "Time of the statements of one write, without the commit that it shares", "op",
                    write_ops, kWriteSeconds);
  By<Histogram> tx_rows = HistogramEach("bitsweep_store_tx_rows", "Rows that one write changed",
                                        "op", write_ops, kRows);
  Histogram& fsync_seconds = OneHistogram(
      "bitsweep_store_fsync_seconds", "Time of COMMIT, which waits for the disk", kCommitSeconds);
  Counter& busy =
      OneCounter("bitsweep_store_busy_total",
                 "Writes that had to wait because another process held the store's lock");
  Histogram& checkpoint_seconds = OneHistogram(
      "bitsweep_store_checkpoint_seconds",
      "Time of a checkpoint: the log's pages go into the store's file", kCheckpointSeconds);
  Counter& checkpoint_busy = OneCounter("bitsweep_store_checkpoint_busy_total",
                                        "Checkpoints that a reader kept from finishing");
  Gauge& last_backup = OneGauge("bitsweep_store_last_backup_timestamp_seconds",
                                "When the latest backup of this store was sent; 0: never");
  Gauge& integrity_ok =
      OneGauge("bitsweep_store_integrity_ok",
               "1 while no check has found a problem of the store, 0 since one has");
  Gauge& db_bytes = OneGauge("bitsweep_store_db_bytes", "Size of the store's file");
  Gauge& wal_bytes = OneGauge("bitsweep_store_wal_bytes", "Size of the write-ahead log");
  Gauge& free_bytes = OneGauge("bitsweep_store_free_bytes", "Free space where the store lies");
  Counter& violations = OneCounter(
      "bitsweep_plan_invariant_violations_total",
      "Sweeps and transforms whose counters were found to differ from their plan or rows: "
      "must stay 0");
  By<Counter> rejected = CounterEach("bitsweep_admission_rejected_total",
                                     "Submits that were refused, by reason", "reason", rejections);

  // Calls.
  Gauge& subscribers =
      OneGauge("bitsweep_stream_subscribers", "WatchSweep and WatchTransform calls under way");
  Counter& dropped =
      OneCounter("bitsweep_stream_dropped_total",
                 "Times that transitions were left out of a watch because it was too far behind");
  prometheus::Family<Counter>& rpc_started =
      Counters("grpc_server_started_total", "RPCs started on the server");
  prometheus::Family<Counter>& rpc_handled =
      Counters("grpc_server_handled_total",
               "RPCs completed on the server, regardless of success or failure");
  prometheus::Family<Counter>& rpc_received =
      Counters("grpc_server_msg_received_total", "RPC messages received on the server");
  prometheus::Family<Counter>& rpc_sent =
      Counters("grpc_server_msg_sent_total", "gRPC messages sent by the server");
  prometheus::Family<Histogram>& rpc_seconds =
      Histograms("grpc_server_handling_seconds", "Time until an RPC was answered by the server");

  // The process.
  Counter& cpu_seconds =
      OneCounter("process_cpu_seconds_total", "Processor time of this process, user and system");
  Gauge& resident_bytes =
      OneGauge("process_resident_memory_bytes", "Memory of this process that is in RAM");
  Gauge& open_fds = OneGauge("process_open_fds", "Files and sockets that this process has open");
  Gauge& start_time = OneGauge("process_start_time_seconds", "When this process started");
};

}  // namespace bitsweep::metrics

#endif  // BITSWEEP_SERVER_METRICS_SERVER_SERIES_H_
