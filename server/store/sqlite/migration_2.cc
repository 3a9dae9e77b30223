// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite/migrations.h"

namespace bitsweep::store {

// Transforms, beside sweeps in one queue; models of any origin.
const char kMigration2[] = R"sql(
-- Sweeps and transforms share the queue, and so one space of ids. A job, a counter and an event belong to a
-- submission of either kind.
CREATE TABLE submissions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('SWEEP', 'TRANSFORM'))
) STRICT;
INSERT INTO submissions (id, kind) SELECT id, 'SWEEP' FROM sweeps;
DELETE FROM sqlite_sequence WHERE name = 'submissions';
INSERT INTO sqlite_sequence (name, seq) SELECT 'submissions', seq FROM sqlite_sequence WHERE name = 'sweeps';

CREATE TABLE transforms (
  id INTEGER PRIMARY KEY REFERENCES submissions (id) ON DELETE CASCADE,
  transform_id TEXT NOT NULL UNIQUE,
  display_name TEXT NOT NULL,
  model TEXT NOT NULL,
  dataset TEXT NOT NULL,
  spec TEXT NOT NULL CHECK (json_valid(spec)),
  spec_digest TEXT NOT NULL CHECK (length(spec_digest) = 64),
  request_id TEXT UNIQUE,
  model_artifact TEXT REFERENCES artifacts (sha256),
  parent_model TEXT,
  seed INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  max_parallel INTEGER NOT NULL CHECK (max_parallel >= 0),
  stop_after_failures INTEGER NOT NULL DEFAULT 0 CHECK (stop_after_failures >= 0),
  job_count INTEGER NOT NULL CHECK (job_count > 0),
  first_job INTEGER NOT NULL,
  paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
  cancelled INTEGER NOT NULL DEFAULT 0 CHECK (cancelled IN (0, 1)),
  stopped_by_policy INTEGER NOT NULL DEFAULT 0 CHECK (stopped_by_policy IN (0, 1)),
  state TEXT NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'PAUSED', 'SUCCEEDED', 'PARTIALLY_SUCCEEDED', 'FAILED', 'CANCELLED')),
  data_digest TEXT,
  revision INTEGER NOT NULL DEFAULT 0,
  create_time INTEGER NOT NULL,
  start_time INTEGER,
  end_time INTEGER
) STRICT;
CREATE INDEX transforms_active ON transforms (id) WHERE end_time IS NULL;

DROP TRIGGER jobs_state;

CREATE TABLE new_counters (
  submission INTEGER NOT NULL REFERENCES submissions (id) ON DELETE CASCADE,
  state TEXT NOT NULL CHECK (state IN ('QUEUED', 'LEASED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'DEAD')),
  jobs INTEGER NOT NULL CHECK (jobs >= 0),
  PRIMARY KEY (submission, state)
) STRICT, WITHOUT ROWID;
INSERT INTO new_counters SELECT sweep, state, jobs FROM counters;
DROP TABLE counters;
ALTER TABLE new_counters RENAME TO counters;

CREATE TABLE new_jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('TRIAL', 'TRANSFORM')),
  submission INTEGER NOT NULL REFERENCES submissions (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'QUEUED' CHECK (state IN ('QUEUED', 'LEASED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'DEAD')),
  attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
  failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
  worker_deaths INTEGER NOT NULL DEFAULT 0 CHECK (worker_deaths BETWEEN 0 AND failures),
  not_before INTEGER NOT NULL DEFAULT 0,
  queued_since INTEGER NOT NULL,
  worker TEXT CHECK (state NOT IN ('LEASED', 'RUNNING') OR worker IS NOT NULL)
) STRICT;
INSERT INTO new_jobs SELECT j.id, j.kind, j.sweep, t.number, j.state, j.attempt, j.failures, j.worker_deaths, j.not_before,
  j.queued_since, j.worker FROM jobs j JOIN trials t ON t.job = j.id;
DELETE FROM sqlite_sequence WHERE name = 'new_jobs';
INSERT INTO sqlite_sequence (name, seq) SELECT 'new_jobs', seq FROM sqlite_sequence WHERE name = 'jobs';
DROP TABLE jobs;
ALTER TABLE new_jobs RENAME TO jobs;
CREATE INDEX jobs_queued ON jobs (submission, not_before, id) WHERE state = 'QUEUED';
CREATE INDEX jobs_held ON jobs (submission, id) WHERE state IN ('LEASED', 'RUNNING');
CREATE INDEX jobs_waiting ON jobs (not_before) WHERE state = 'QUEUED' AND not_before > 0;
CREATE INDEX jobs_of_submission ON jobs (submission);

CREATE TABLE new_events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  submission INTEGER NOT NULL REFERENCES submissions (id) ON DELETE CASCADE,
  number INTEGER,
  from_state TEXT,
  to_state TEXT,
  attempt INTEGER NOT NULL DEFAULT 0,
  worker TEXT,
  actor TEXT NOT NULL,
  cause TEXT NOT NULL,
  time INTEGER NOT NULL
) STRICT;
INSERT INTO new_events SELECT id, sweep, trial, from_state, to_state, attempt, worker, actor, cause, time FROM events;
DELETE FROM sqlite_sequence WHERE name = 'new_events';
INSERT INTO sqlite_sequence (name, seq) SELECT 'new_events', seq FROM sqlite_sequence WHERE name = 'events';
DROP TABLE events;
ALTER TABLE new_events RENAME TO events;
CREATE INDEX events_of_submission ON events (submission, id);

CREATE TABLE transform_jobs (
  job INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  transform INTEGER NOT NULL,
  number INTEGER NOT NULL,
  assignment TEXT NOT NULL CHECK (json_valid(assignment)),
  state TEXT NOT NULL DEFAULT 'QUEUED',
  start_time INTEGER,
  end_time INTEGER,
  accuracy REAL,
  original_accuracy REAL,
  loss REAL,
  flops REAL,
  bitops REAL,
  size_bits INTEGER,
  seconds REAL,
  data_digest TEXT,
  artifact TEXT,
  artifact_bytes INTEGER,
  graph_name TEXT,
  parameter_count INTEGER,
  failure_reason TEXT,
  failure_message TEXT,
  UNIQUE (transform, number),
  CHECK ((state = 'SUCCEEDED') = (seconds IS NOT NULL AND graph_name IS NOT NULL))
) STRICT;

CREATE TABLE pass_results (
  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  position INTEGER NOT NULL CHECK (position >= 0),
  pass TEXT NOT NULL,
  seconds REAL NOT NULL,
  result TEXT NOT NULL CHECK (json_valid(result)),
  PRIMARY KEY (job, position)
) STRICT;

CREATE TABLE node_statistics (
  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  model TEXT NOT NULL,
  node TEXT NOT NULL,
  tensor TEXT NOT NULL,
  statistic TEXT NOT NULL,
  key TEXT NOT NULL,
  value REAL,
  PRIMARY KEY (job, position, node, tensor, statistic, key)
) STRICT, WITHOUT ROWID;

-- node is empty in the row of the sum.
CREATE TABLE op_counts (
  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  model TEXT NOT NULL,
  node TEXT NOT NULL,
  convention TEXT NOT NULL,
  flops REAL NOT NULL,
  bitops REAL NOT NULL,
  PRIMARY KEY (job, position, convention, node)
) STRICT, WITHOUT ROWID;

CREATE TABLE quantized_tensors (
  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  model TEXT NOT NULL,
  node TEXT NOT NULL,
  tensor TEXT NOT NULL,
  format TEXT NOT NULL,
  width INTEGER NOT NULL,
  elements INTEGER NOT NULL,
  distinct_values INTEGER NOT NULL,
  step REAL,
  saturated INTEGER NOT NULL,
  flushed_to_zero INTEGER NOT NULL,
  max_abs_error REAL,
  mean_abs_error REAL,
  sqnr_db REAL,
  PRIMARY KEY (job, position, node, tensor)
) STRICT, WITHOUT ROWID;

-- A model comes from a trial, from a transform's job, or from a user.
CREATE TABLE new_models (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  model_id TEXT NOT NULL UNIQUE,
  display_name TEXT NOT NULL DEFAULT '',
  sweep INTEGER REFERENCES sweeps (id) ON DELETE CASCADE,
  trial INTEGER CHECK ((trial IS NULL) = (sweep IS NULL)),
  transform INTEGER REFERENCES transforms (id) ON DELETE CASCADE,
  job_number INTEGER CHECK ((job_number IS NULL) = (transform IS NULL)),
  parent_model TEXT,
  graph_name TEXT NOT NULL,
  parameter_count INTEGER NOT NULL,
  artifact TEXT NOT NULL REFERENCES artifacts (sha256),
  size_bytes INTEGER NOT NULL,
  val_acc REAL,
  create_time INTEGER NOT NULL,
  UNIQUE (sweep, trial),
  UNIQUE (transform, job_number),
  CHECK (sweep IS NULL OR transform IS NULL)
) STRICT;
INSERT INTO new_models (id, model_id, sweep, trial, graph_name, parameter_count, artifact, size_bytes, val_acc, create_time)
  SELECT id, model_id, sweep, trial, graph_name, parameter_count, artifact, size_bytes, val_acc, create_time FROM models;
DELETE FROM sqlite_sequence WHERE name = 'new_models';
INSERT INTO sqlite_sequence (name, seq) SELECT 'new_models', seq FROM sqlite_sequence WHERE name = 'models';
DROP TABLE models;
ALTER TABLE new_models RENAME TO models;
CREATE INDEX models_artifact ON models (artifact);

CREATE VIEW queue_sources AS
  SELECT id, 'sweeps/' || sweep_id AS name, priority, max_parallel, paused, end_time FROM sweeps
  UNION ALL
  SELECT id, 'transforms/' || transform_id, priority, max_parallel, paused, end_time FROM transforms;

-- What belongs to a submission goes with it.
CREATE TRIGGER sweeps_deleted AFTER DELETE ON sweeps BEGIN
  DELETE FROM submissions WHERE id = old.id;
END;

CREATE TRIGGER jobs_state AFTER UPDATE OF state ON jobs WHEN old.state <> new.state BEGIN
  UPDATE counters SET jobs = jobs - 1 WHERE submission = new.submission AND state = old.state;
  UPDATE counters SET jobs = jobs + 1 WHERE submission = new.submission AND state = new.state;
  UPDATE trials SET state = new.state WHERE job = new.id AND new.state <> 'SUCCEEDED';
  UPDATE transform_jobs SET state = new.state WHERE job = new.id AND new.state <> 'SUCCEEDED';
END;
)sql";

}  // namespace bitsweep::store
