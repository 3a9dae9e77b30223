// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/sweep_convert.h"

#include "core/base/ids.h"
#include "fmt/format.h"
#include "proto/convert/hyperparameters.h"
#include "proto/convert/inputs.h"
#include "proto/convert/quantization.h"
#include "proto/convert/trial.h"

namespace bitsweep::rpc {
namespace {

using convert::FromProto;
using convert::ToProto;
using Violations = std::vector<FieldViolation>;

template <typename Repeated>
auto ToVector(const Repeated& repeated) {
  return std::vector(repeated.begin(), repeated.end());
}

// A list of enum values: an unset one is an error here, since it could only be a slip.
template <typename Value, typename Enum>
std::vector<Value> EnumList(const google::protobuf::RepeatedField<int>& list,
                            const std::string& field, Violations& violations) {
  std::vector<Value> values;
  for (int i = 0; i < list.size(); ++i) {
    const std::string name = fmt::format("{}[{}]", field, i);
    if (list[i] == 0) {
      violations.push_back({name, "unspecified: expected a value"});
      continue;
    }
    values.push_back(FromProto(static_cast<Enum>(list[i]), name, violations));
  }
  return values;
}

spec::Axes AxesFromProto(const v1::Axes& proto, const std::string& field, Violations& violations) {
  return {.max_epochs = {proto.max_epochs().begin(), proto.max_epochs().end()},
          .learning_rate = ToVector(proto.learning_rate()),
          .batch_size = {proto.batch_size().begin(), proto.batch_size().end()},
          .optimizer = EnumList<spec::Optimizer, v1::Optimizer>(proto.optimizer(),
                                                                field + ".optimizer", violations),
          .weight_decay = ToVector(proto.weight_decay()),
          .schedule = EnumList<spec::Schedule, v1::Schedule>(proto.schedule(), field + ".schedule",
                                                             violations)};
}

v1::Axes AxesToProto(const spec::Axes& axes) {
  v1::Axes proto;
  proto.mutable_max_epochs()->Add(axes.max_epochs.begin(), axes.max_epochs.end());
  proto.mutable_learning_rate()->Add(axes.learning_rate.begin(), axes.learning_rate.end());
  proto.mutable_batch_size()->Add(axes.batch_size.begin(), axes.batch_size.end());
  for (const spec::Optimizer optimizer : axes.optimizer) proto.add_optimizer(ToProto(optimizer));
  proto.mutable_weight_decay()->Add(axes.weight_decay.begin(), axes.weight_decay.end());
  for (const spec::Schedule schedule : axes.schedule) proto.add_schedule(ToProto(schedule));
  return proto;
}

spec::Scale ScaleFromProto(v1::Scale scale, const std::string& field, Violations& violations) {
  if (scale == v1::SCALE_LOG) return spec::Scale::kLog;
  if (scale != v1::SCALE_UNSPECIFIED && scale != v1::SCALE_LINEAR) {
    violations.push_back({field, fmt::format("unknown value {}", static_cast<int>(scale))});
  }
  return spec::Scale::kLinear;
}

template <typename T, typename Proto>
spec::Distribution<T> DistributionFromProto(const Proto& proto, const std::string& field,
                                            Violations& violations) {
  spec::Distribution<T> distribution{
      .values = {proto.values().begin(), proto.values().end()},
      .min = proto.min(),
      .max = proto.max(),
      .scale = ScaleFromProto(proto.scale(), field + ".scale", violations)};
  if (!distribution.IsSet()) {
    violations.push_back({field, "empty: expected values, or min and max"});
  }
  return distribution;
}

template <typename Proto, typename T>
void DistributionToProto(const spec::Distribution<T>& distribution, Proto* proto) {
  proto->mutable_values()->Add(distribution.values.begin(), distribution.values.end());
  proto->set_min(distribution.min);
  proto->set_max(distribution.max);
  proto->set_scale(distribution.scale == spec::Scale::kLog ? v1::SCALE_LOG : v1::SCALE_LINEAR);
}

spec::RandomSearch RandomFromProto(const v1::RandomSearch& proto, Violations& violations) {
  const std::string field = "sweep.random";
  spec::RandomSearch random{.count = proto.count()};
  if (proto.has_max_epochs()) {
    random.max_epochs =
        DistributionFromProto<std::int64_t>(proto.max_epochs(), field + ".max_epochs", violations);
  }
  if (proto.has_learning_rate()) {
    random.learning_rate =
        DistributionFromProto<double>(proto.learning_rate(), field + ".learning_rate", violations);
  }
  if (proto.has_batch_size()) {
    random.batch_size =
        DistributionFromProto<std::int64_t>(proto.batch_size(), field + ".batch_size", violations);
  }
  if (proto.has_weight_decay()) {
    random.weight_decay =
        DistributionFromProto<double>(proto.weight_decay(), field + ".weight_decay", violations);
  }
  random.optimizer =
      EnumList<spec::Optimizer, v1::Optimizer>(proto.optimizer(), field + ".optimizer", violations);
  random.schedule =
      EnumList<spec::Schedule, v1::Schedule>(proto.schedule(), field + ".schedule", violations);
  return random;
}

v1::RandomSearch RandomToProto(const spec::RandomSearch& random) {
  v1::RandomSearch proto;
  proto.set_count(random.count);
  if (random.max_epochs.IsSet()) {
    DistributionToProto(random.max_epochs, proto.mutable_max_epochs());
  }
  if (random.learning_rate.IsSet()) {
    DistributionToProto(random.learning_rate, proto.mutable_learning_rate());
  }
  if (random.batch_size.IsSet()) {
    DistributionToProto(random.batch_size, proto.mutable_batch_size());
  }
  for (const spec::Optimizer optimizer : random.optimizer) proto.add_optimizer(ToProto(optimizer));
  if (random.weight_decay.IsSet()) {
    DistributionToProto(random.weight_decay, proto.mutable_weight_decay());
  }
  for (const spec::Schedule schedule : random.schedule) proto.add_schedule(ToProto(schedule));
  return proto;
}

spec::Search SearchFromProto(const v1::Sweep& sweep, Violations& violations) {
  std::vector<std::string> given;
  if (sweep.has_grid()) given.push_back("grid");
  if (sweep.has_one_at_a_time()) given.push_back("one_at_a_time");
  if (sweep.points_size() > 0) given.push_back("points");
  if (sweep.has_random()) given.push_back("random");
  if (given.size() > 1) {
    for (const std::string& search : given) {
      violations.push_back(
          {"sweep." + search, "only one of grid, one_at_a_time, points and random may be set"});
    }
  }
  if (sweep.has_grid()) return spec::Grid{AxesFromProto(sweep.grid(), "sweep.grid", violations)};
  if (sweep.has_one_at_a_time()) {
    return spec::OneAtATime{
        AxesFromProto(sweep.one_at_a_time(), "sweep.one_at_a_time", violations)};
  }
  if (sweep.has_random()) return RandomFromProto(sweep.random(), violations);
  if (sweep.points_size() == 0) return spec::Single{};
  spec::Points points;
  for (int i = 0; i < sweep.points_size(); ++i) {
    points.points.push_back(
        FromProto(sweep.points(i), fmt::format("sweep.points[{}]", i), violations));
  }
  return points;
}

spec::KeepModels KeepFromProto(v1::KeepModels keep, Violations& violations) {
  switch (keep) {
    case v1::KEEP_MODELS_ALL:
      return spec::KeepModels::kAll;
    case v1::KEEP_MODELS_NONE:
      return spec::KeepModels::kNone;
    case v1::KEEP_MODELS_UNSPECIFIED:
    case v1::KEEP_MODELS_BEST:
      return spec::KeepModels::kBest;
    default:
      violations.push_back(
          {"sweep.keep_models", fmt::format("unknown value {}", static_cast<int>(keep))});
      return spec::KeepModels::kBest;
  }
}

v1::KeepModels KeepToProto(spec::KeepModels keep) {
  switch (keep) {
    case spec::KeepModels::kAll:
      return v1::KEEP_MODELS_ALL;
    case spec::KeepModels::kBest:
      return v1::KEEP_MODELS_BEST;
    case spec::KeepModels::kNone:
      break;
  }
  return v1::KEEP_MODELS_NONE;
}

}  // namespace

spec::SweepSpec FromProto(const v1::Sweep& sweep, Violations& violations) {
  spec::SweepSpec spec;
  spec.display_name = sweep.display_name();
  spec.model = FromProto(sweep.model(), "sweep.model", violations);
  spec.dataset = FromProto(sweep.dataset(), "sweep.dataset", violations);
  spec.base = FromProto(sweep.base(), "sweep.base", violations);
  spec.search = SearchFromProto(sweep, violations);
  if (sweep.has_repeats()) spec.repeats = sweep.repeats();
  spec.seed = sweep.seed();
  spec.keep_models = KeepFromProto(sweep.keep_models(), violations);
  spec.max_parallel_trials = sweep.max_parallel_trials();
  spec.priority = sweep.priority();
  spec.failure_policy.stop_after_failures = sweep.failure_policy().stop_after_failures();
  spec.engine = FromProto(sweep.engine(), "sweep.engine", violations);
  if (sweep.has_quantization()) {
    spec.quantization = FromProto(sweep.quantization(), "sweep.quantization", violations);
  }
  return spec;
}

v1::Sweep SpecToProto(const spec::SweepSpec& spec) {
  v1::Sweep sweep;
  sweep.set_display_name(spec.display_name);
  *sweep.mutable_model() = ToProto(spec.model);
  *sweep.mutable_dataset() = ToProto(spec.dataset);
  *sweep.mutable_base() = ToProto(spec.base);
  if (const auto* grid = std::get_if<spec::Grid>(&spec.search)) {
    *sweep.mutable_grid() = AxesToProto(grid->axes);
  } else if (const auto* one = std::get_if<spec::OneAtATime>(&spec.search)) {
    *sweep.mutable_one_at_a_time() = AxesToProto(one->axes);
  } else if (const auto* points = std::get_if<spec::Points>(&spec.search)) {
    for (const spec::PartialHyperparameters& point : points->points) {
      *sweep.add_points() = ToProto(point);
    }
  } else if (const auto* random = std::get_if<spec::RandomSearch>(&spec.search)) {
    *sweep.mutable_random() = RandomToProto(*random);
  }
  sweep.set_repeats(spec.repeats);
  sweep.set_seed(spec.seed);
  sweep.set_keep_models(KeepToProto(spec.keep_models));
  sweep.set_max_parallel_trials(spec.max_parallel_trials);
  sweep.set_priority(spec.priority);
  if (spec.failure_policy.stop_after_failures != 0) {
    sweep.mutable_failure_policy()->set_stop_after_failures(
        spec.failure_policy.stop_after_failures);
  }
  sweep.set_engine(ToProto(spec.engine));
  if (spec.quantization) *sweep.mutable_quantization() = ToProto(*spec.quantization);
  return sweep;
}

v1::Sweep ToProto(const store::SweepRecord& record) {
  v1::Sweep sweep = SpecToProto(record.spec);
  if (!record.sweep_id.empty()) sweep.set_name(SweepName(record.sweep_id));
  sweep.set_state(ToProto(record.state));
  *sweep.mutable_counts() = ToProto(record.counts);
  sweep.set_configuration_count(record.configuration_count);
  sweep.set_trial_count(record.trial_count);
  for (const std::string& field : record.varying) sweep.add_varying(field);
  *sweep.mutable_create_time() = ToProto(record.create_time);
  if (record.start_time) *sweep.mutable_start_time() = ToProto(*record.start_time);
  if (record.end_time) *sweep.mutable_end_time() = ToProto(*record.end_time);
  sweep.set_data_digest(record.data_digest);
  sweep.set_spec_digest(record.spec_digest);
  sweep.set_revision(record.revision);
  return sweep;
}

v1::Sweep::State ToProto(spec::SweepState state) {
  switch (state) {
    case spec::SweepState::kQueued:
      return v1::Sweep::STATE_QUEUED;
    case spec::SweepState::kRunning:
      return v1::Sweep::STATE_RUNNING;
    case spec::SweepState::kPaused:
      return v1::Sweep::STATE_PAUSED;
    case spec::SweepState::kSucceeded:
      return v1::Sweep::STATE_SUCCEEDED;
    case spec::SweepState::kPartiallySucceeded:
      return v1::Sweep::STATE_PARTIALLY_SUCCEEDED;
    case spec::SweepState::kFailed:
      return v1::Sweep::STATE_FAILED;
    case spec::SweepState::kCancelled:
      break;
  }
  return v1::Sweep::STATE_CANCELLED;
}

v1::TrialCounts ToProto(const spec::JobCounts& counts) {
  v1::TrialCounts proto;
  proto.set_queued(counts.queued);
  proto.set_leased(counts.leased);
  proto.set_running(counts.running);
  proto.set_succeeded(counts.succeeded);
  proto.set_failed(counts.failed);
  proto.set_cancelled(counts.cancelled);
  proto.set_dead(counts.dead);
  return proto;
}

absl::StatusOr<std::vector<spec::JobState>> RetryStates(const v1::RetrySweepRequest& request) {
  std::vector<spec::JobState> states;
  Violations violations;
  for (int i = 0; i < request.states_size(); ++i) {
    switch (request.states(i)) {
      case v1::Trial::STATE_FAILED:
        states.push_back(spec::JobState::kFailed);
        break;
      case v1::Trial::STATE_DEAD:
        states.push_back(spec::JobState::kDead);
        break;
      case v1::Trial::STATE_CANCELLED:
        states.push_back(spec::JobState::kCancelled);
        break;
      default:
        violations.push_back(
            {fmt::format("states[{}]", i), fmt::format("{}: expected STATE_FAILED, STATE_DEAD or "
                                                       "STATE_CANCELLED",
                                                       v1::Trial::State_Name(request.states(i)))});
    }
  }
  if (!violations.empty()) return InvalidSpecError(std::move(violations));
  if (states.empty()) {
    states = {spec::JobState::kFailed, spec::JobState::kDead, spec::JobState::kCancelled};
  }
  return states;
}

}  // namespace bitsweep::rpc
