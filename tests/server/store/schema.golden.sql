-- SPDX-License-Identifier: Apache-2.0

CREATE VIEW queue_sources AS
  SELECT id, 'sweeps/' || sweep_id AS name, priority, max_parallel, paused, end_time FROM sweeps
  UNION ALL
  SELECT id, 'transforms/' || transform_id, priority, max_parallel, paused, end_time FROM transforms;

CREATE TRIGGER jobs_state AFTER UPDATE OF state ON jobs WHEN old.state <> new.state BEGIN
  UPDATE counters SET jobs = jobs - 1 WHERE submission = new.submission AND state = old.state;
  UPDATE counters SET jobs = jobs + 1 WHERE submission = new.submission AND state = new.state;
  UPDATE trials SET state = new.state WHERE job = new.id AND new.state <> 'SUCCEEDED';
  UPDATE transform_jobs SET state = new.state WHERE job = new.id AND new.state <> 'SUCCEEDED';
END;

CREATE TRIGGER sweeps_deleted AFTER DELETE ON sweeps BEGIN
  DELETE FROM submissions WHERE id = old.id;
END;

CREATE TABLE artifacts (
  sha256 TEXT PRIMARY KEY CHECK (length(sha256) = 64),
  size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
  create_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  number INTEGER NOT NULL CHECK (number > 0),
  worker TEXT NOT NULL,
  lease_time INTEGER NOT NULL,
  start_time INTEGER,
  end_time INTEGER,
  outcome TEXT CHECK (outcome IN ('SUCCEEDED', 'FAILED', 'LEASE_EXPIRED', 'RELEASED', 'CANCELLED')),
  failure_reason TEXT,
  failure_message TEXT,
  PRIMARY KEY (job, number),
  CHECK ((outcome IS NULL) = (end_time IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE configurations (
  sweep INTEGER NOT NULL REFERENCES sweeps (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  max_epochs INTEGER NOT NULL,
  learning_rate REAL NOT NULL,
  batch_size INTEGER NOT NULL,
  optimizer TEXT NOT NULL CHECK (optimizer IN ('adam', 'adamw', 'sgd')),
  weight_decay REAL NOT NULL,
  schedule TEXT NOT NULL CHECK (schedule IN ('cosine', 'constant')),
  PRIMARY KEY (sweep, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE "counters" (
  submission INTEGER NOT NULL REFERENCES submissions (id) ON DELETE CASCADE,
  state TEXT NOT NULL CHECK (state IN ('QUEUED', 'LEASED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'DEAD')),
  jobs INTEGER NOT NULL CHECK (jobs >= 0),
  PRIMARY KEY (submission, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE epochs (
  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  epoch INTEGER NOT NULL CHECK (epoch >= 0),
  attempt INTEGER NOT NULL,
  learning_rate REAL NOT NULL,
  train_loss REAL NOT NULL,
  train_loss_last_step REAL NOT NULL,
  train_acc_last_step REAL NOT NULL,
  val_acc REAL NOT NULL,
  val_loss REAL NOT NULL,
  val_loss_batch_mean REAL NOT NULL,
  seconds REAL NOT NULL,
  PRIMARY KEY (job, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE "events" (
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

CREATE TABLE "jobs" (
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

CREATE TABLE "models" (
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

CREATE TABLE pass_results (
  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  position INTEGER NOT NULL CHECK (position >= 0),
  pass TEXT NOT NULL,
  seconds REAL NOT NULL,
  result TEXT NOT NULL CHECK (json_valid(result)),
  PRIMARY KEY (job, position)
) STRICT;

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

CREATE TABLE settings (
  key TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE submissions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('SWEEP', 'TRANSFORM'))
) STRICT;

CREATE TABLE sweeps (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sweep_id TEXT NOT NULL UNIQUE,
  display_name TEXT NOT NULL,
  model TEXT NOT NULL,
  dataset TEXT NOT NULL,
  spec TEXT NOT NULL CHECK (json_valid(spec)),
  spec_digest TEXT NOT NULL CHECK (length(spec_digest) = 64),
  request_id TEXT UNIQUE,
  model_artifact TEXT REFERENCES artifacts (sha256),
  keep_models TEXT NOT NULL CHECK (keep_models IN ('all', 'best', 'none')),
  repeats INTEGER NOT NULL CHECK (repeats > 0),
  seed INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  max_parallel INTEGER NOT NULL CHECK (max_parallel >= 0),
  stop_after_failures INTEGER NOT NULL CHECK (stop_after_failures >= 0),
  configuration_count INTEGER NOT NULL CHECK (configuration_count > 0),
  trial_count INTEGER NOT NULL CHECK (trial_count = configuration_count * repeats),
  varying TEXT NOT NULL,
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

CREATE TABLE tokens (
  token_id TEXT PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64),
  scopes TEXT NOT NULL CHECK (length(scopes) > 0),
  create_time INTEGER NOT NULL,
  expire_time INTEGER CHECK (expire_time > create_time),
  revoke_time INTEGER
) STRICT, WITHOUT ROWID;

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

CREATE TABLE trials (
  job INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  sweep INTEGER NOT NULL,
  number INTEGER NOT NULL,
  configuration INTEGER NOT NULL,
  repeat INTEGER NOT NULL,
  seed INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'QUEUED',
  epochs_done INTEGER NOT NULL DEFAULT 0,
  start_time INTEGER,
  end_time INTEGER,
  val_acc REAL,
  val_loss REAL,
  val_loss_batch_mean REAL,
  train_acc_last_step REAL,
  train_loss_last_step REAL,
  best_epoch INTEGER,
  best_val_acc REAL,
  epochs INTEGER,
  steps INTEGER,
  train_rows INTEGER,
  validation_rows INTEGER,
  seconds REAL,
  rows_per_second REAL,
  engine TEXT,
  engine_version TEXT,
  data_digest TEXT,
  artifact TEXT,
  artifact_bytes INTEGER,
  graph_name TEXT,
  parameter_count INTEGER,
  validation TEXT CHECK (validation IN ('held_out', 'training_rows')),
  failure_reason TEXT,
  failure_message TEXT,
  UNIQUE (sweep, number),
  CHECK ((state = 'SUCCEEDED') = (val_acc IS NOT NULL AND val_loss IS NOT NULL AND steps IS NOT NULL AND engine IS NOT NULL AND validation IS NOT NULL))
) STRICT;

CREATE TABLE workers (
  worker_id TEXT PRIMARY KEY,
  instance_id TEXT NOT NULL,
  slots INTEGER NOT NULL,
  host TEXT NOT NULL,
  version TEXT NOT NULL,
  engines TEXT NOT NULL CHECK (json_valid(engines)),
  register_time INTEGER NOT NULL,
  last_seen_time INTEGER NOT NULL,
  completed INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX events_of_submission ON events (submission, id);

CREATE INDEX jobs_held ON jobs (submission, id) WHERE state IN ('LEASED', 'RUNNING');

CREATE INDEX jobs_of_submission ON jobs (submission);

CREATE INDEX jobs_queued ON jobs (submission, not_before, id) WHERE state = 'QUEUED';

CREATE INDEX jobs_waiting ON jobs (not_before) WHERE state = 'QUEUED' AND not_before > 0;

CREATE INDEX models_artifact ON models (artifact);

CREATE INDEX sweeps_active ON sweeps (id) WHERE end_time IS NULL;

CREATE INDEX transforms_active ON transforms (id) WHERE end_time IS NULL;
