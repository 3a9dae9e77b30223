// SPDX-License-Identifier: Apache-2.0
// What sweep_convert.h declares of configurations, trials and their events.
#include "core/base/ids.h"
#include "proto/convert/hyperparameters.h"
#include "proto/convert/trial.h"
#include "server/rpc/sweep_convert.h"
#include "server/scheduler/job_name.h"

namespace bitsweep::rpc {
namespace {

v1::MetricSummary SummaryToProto(const store::MetricSummary& summary) {
  v1::MetricSummary proto;
  proto.set_n(summary.n);
  if (summary.n == 0) return proto;
  proto.set_mean(summary.mean);
  if (summary.sd) proto.set_sd(*summary.sd);
  proto.set_min(summary.min);
  proto.set_max(summary.max);
  return proto;
}

v1::Attempt AttemptToProto(const store::AttemptRecord& attempt) {
  v1::Attempt proto;
  proto.set_number(attempt.number);
  proto.set_worker(WorkerName(attempt.worker_id));
  *proto.mutable_lease_time() = convert::ToProto(attempt.lease_time);
  if (attempt.start_time) *proto.mutable_start_time() = convert::ToProto(*attempt.start_time);
  if (attempt.end_time) *proto.mutable_end_time() = convert::ToProto(*attempt.end_time);
  proto.set_outcome(attempt.outcome);
  if (attempt.failure) {
    proto.set_failure_reason(convert::ToProto(attempt.failure->reason));
    proto.set_failure_message(attempt.failure->message);
  }
  return proto;
}

}  // namespace

v1::Configuration ToProto(const std::string& sweep_id,
                          const store::ConfigurationRecord& configuration) {
  v1::Configuration proto;
  proto.set_name(ConfigurationName(sweep_id, configuration.number));
  *proto.mutable_hyperparameters() = convert::ToProto(configuration.hyperparameters);
  *proto.mutable_counts() = ToProto(configuration.counts);
  *proto.mutable_val_acc() = SummaryToProto(configuration.val_acc);
  *proto.mutable_val_loss() = SummaryToProto(configuration.val_loss);
  *proto.mutable_val_loss_batch_mean() = SummaryToProto(configuration.val_loss_batch_mean);
  *proto.mutable_train_acc_last_step() = SummaryToProto(configuration.train_acc_last_step);
  *proto.mutable_best_val_acc() = SummaryToProto(configuration.best_val_acc);
  *proto.mutable_seconds() = SummaryToProto(configuration.seconds);
  *proto.mutable_rows_per_second() = SummaryToProto(configuration.rows_per_second);
  return proto;
}

v1::Trial ToProto(const store::TrialRecord& trial) {
  v1::Trial proto;
  proto.set_name(TrialNameText(trial.sweep_id, trial.number));
  proto.set_configuration(ConfigurationName(trial.sweep_id, trial.configuration));
  proto.set_repeat(trial.repeat);
  *proto.mutable_hyperparameters() = convert::ToProto(trial.hyperparameters);
  proto.set_seed(static_cast<std::int64_t>(trial.seed));
  proto.set_state(convert::ToProto(trial.state));
  proto.set_attempt(trial.attempt);
  if (!trial.worker_id.empty()) proto.set_worker(WorkerName(trial.worker_id));
  proto.set_epochs_done(trial.epochs_done);
  if (trial.failure) {
    proto.set_failure_reason(convert::ToProto(trial.failure->reason));
    proto.set_failure_message(trial.failure->message);
  }
  if (trial.result) *proto.mutable_result() = convert::ToProto(*trial.result);
  if (!trial.model_id.empty()) proto.set_model(ModelName(trial.model_id));
  if (trial.start_time) *proto.mutable_start_time() = convert::ToProto(*trial.start_time);
  if (trial.end_time) *proto.mutable_end_time() = convert::ToProto(*trial.end_time);
  for (const spec::EpochPoint& point : trial.epochs) *proto.add_epochs() = convert::ToProto(point);
  for (const store::AttemptRecord& attempt : trial.attempts) {
    *proto.add_attempts() = AttemptToProto(attempt);
  }
  return proto;
}

v1::TrialTransition ToProto(const std::string& submission, const store::EventRecord& event) {
  v1::TrialTransition proto;
  proto.set_revision(event.revision);
  proto.set_trial(scheduler::JobNameText(submission, event.trial));
  if (event.from) proto.set_from(convert::ToProto(*event.from));
  if (event.to) proto.set_to(convert::ToProto(*event.to));
  proto.set_attempt(event.attempt);
  if (!event.worker_id.empty()) proto.set_worker(WorkerName(event.worker_id));
  proto.set_cause(event.cause);
  *proto.mutable_time() = convert::ToProto(event.time);
  return proto;
}

}  // namespace bitsweep::rpc
