// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/trial.h"

#include "core/base/errors.h"
#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "proto/convert/hyperparameters.h"
#include "proto/convert/inputs.h"
#include "proto/convert/quantization.h"

namespace bitsweep::convert {
namespace {

// The digest of `artifacts/{sha256}`; empty for empty.
absl::StatusOr<std::string> ArtifactDigest(const std::string& name) {
  if (name.empty()) return std::string();
  return ParseArtifactName(name);
}

std::string ArtifactText(const std::string& sha256) {
  return sha256.empty() ? std::string() : ArtifactName(sha256);
}

absl::StatusOr<spec::Validation> ValidationOf(v1::Validation proto) {
  switch (proto) {
    case v1::VALIDATION_UNSPECIFIED:
    case v1::VALIDATION_HELD_OUT:
      return spec::Validation::kHeldOut;
    case v1::VALIDATION_TRAINING_ROWS:
      return spec::Validation::kTrainingRows;
    default:
      return InvalidSpecError(
          {{"result.validation", fmt::format("unknown value {}", static_cast<int>(proto))}});
  }
}

}  // namespace

spec::EpochPoint FromProto(const v1::EpochPoint& p) {
  return {.epoch = p.epoch(),
          .learning_rate = p.learning_rate(),
          .train_loss = p.train_loss(),
          .train_loss_last_step = p.train_loss_last_step(),
          .train_acc_last_step = p.train_acc_last_step(),
          .val_acc = p.val_acc(),
          .val_loss = p.val_loss(),
          .val_loss_batch_mean = p.val_loss_batch_mean(),
          .seconds = p.seconds()};
}

v1::EpochPoint ToProto(const spec::EpochPoint& point) {
  v1::EpochPoint p;
  p.set_epoch(point.epoch);
  p.set_learning_rate(point.learning_rate);
  p.set_train_loss(point.train_loss);
  p.set_train_loss_last_step(point.train_loss_last_step);
  p.set_train_acc_last_step(point.train_acc_last_step);
  p.set_val_acc(point.val_acc);
  p.set_val_loss(point.val_loss);
  p.set_val_loss_batch_mean(point.val_loss_batch_mean);
  p.set_seconds(point.seconds);
  return p;
}

absl::StatusOr<spec::TrialResult> FromProto(const v1::TrialResult& p) {
  ASSIGN_OR_RETURN(std::string artifact, ArtifactDigest(p.artifact()));
  ASSIGN_OR_RETURN(const spec::Validation validation, ValidationOf(p.validation()));
  return spec::TrialResult{.val_acc = p.val_acc(),
                           .val_loss = p.val_loss(),
                           .val_loss_batch_mean = p.val_loss_batch_mean(),
                           .train_acc_last_step = p.train_acc_last_step(),
                           .train_loss_last_step = p.train_loss_last_step(),
                           .best_epoch = p.best_epoch(),
                           .best_val_acc = p.best_val_acc(),
                           .epochs = p.epochs(),
                           .steps = p.steps(),
                           .train_rows = p.train_rows(),
                           .validation_rows = p.validation_rows(),
                           .seconds = p.seconds(),
                           .rows_per_second = p.rows_per_second(),
                           .engine = p.engine(),
                           .engine_version = p.engine_version(),
                           .data_digest = p.data_digest(),
                           .artifact = std::move(artifact),
                           .artifact_bytes = p.artifact_bytes(),
                           .graph_name = p.graph_name(),
                           .parameter_count = p.parameter_count(),
                           .validation = validation};
}

v1::TrialResult ToProto(const spec::TrialResult& r) {
  v1::TrialResult p;
  p.set_val_acc(r.val_acc);
  p.set_val_loss(r.val_loss);
  p.set_val_loss_batch_mean(r.val_loss_batch_mean);
  p.set_train_acc_last_step(r.train_acc_last_step);
  p.set_train_loss_last_step(r.train_loss_last_step);
  p.set_best_epoch(r.best_epoch);
  p.set_best_val_acc(r.best_val_acc);
  p.set_epochs(r.epochs);
  p.set_steps(r.steps);
  p.set_train_rows(r.train_rows);
  p.set_validation_rows(r.validation_rows);
  p.set_seconds(r.seconds);
  p.set_rows_per_second(r.rows_per_second);
  p.set_engine(r.engine);
  p.set_engine_version(r.engine_version);
  p.set_data_digest(r.data_digest);
  p.set_artifact(ArtifactText(r.artifact));
  p.set_artifact_bytes(r.artifact_bytes);
  p.set_graph_name(r.graph_name);
  p.set_parameter_count(r.parameter_count);
  p.set_validation(r.validation == spec::Validation::kHeldOut ? v1::VALIDATION_HELD_OUT
                                                              : v1::VALIDATION_TRAINING_ROWS);
  return p;
}

v1::FailureReason ToProto(spec::FailureReason reason) {
  v1::FailureReason proto = v1::FAILURE_REASON_EXCEPTION;
  v1::FailureReason_Parse("FAILURE_REASON_" + std::string(spec::Name(reason)), &proto);
  return proto;
}

spec::FailureReason FromProto(v1::FailureReason reason) {
  static constexpr std::string_view kPrefix = "FAILURE_REASON_";
  const std::string& name = v1::FailureReason_Name(reason);
  if (name.size() < kPrefix.size()) return spec::FailureReason::kException;
  return spec::ParseFailureReason(std::string_view(name).substr(kPrefix.size()))
      .value_or(spec::FailureReason::kException);
}

v1::Trial::State ToProto(spec::JobState state) {
  v1::Trial::State proto = v1::Trial::STATE_UNSPECIFIED;
  v1::Trial::State_Parse("STATE_" + std::string(spec::Name(state)), &proto);
  return proto;
}

absl::StatusOr<spec::TrialSpec> FromProto(const v1::TrialJob& proto) {
  std::vector<FieldViolation> violations;
  spec::TrialSpec trial;
  trial.model = FromProto(proto.model(), "trial.model", violations);
  trial.dataset = FromProto(proto.dataset(), "trial.dataset", violations);
  trial.hyperparameters =
      spec::Apply({}, FromProto(proto.hyperparameters(), "trial.hyperparameters", violations));
  trial.engine = FromProto(proto.engine(), "trial.engine", violations);
  if (proto.has_quantization()) {
    trial.quantization = FromProto(proto.quantization(), "trial.quantization", violations);
  }
  trial.seed = static_cast<std::uint64_t>(proto.seed());
  trial.keep_model = proto.keep_model();
  if (const auto digest = ArtifactDigest(proto.model_artifact()); digest.ok()) {
    trial.model_artifact = *digest;
  } else {
    violations.push_back({"trial.model_artifact", std::string(digest.status().message())});
  }
  if (!violations.empty()) return InvalidSpecError(std::move(violations));
  return trial;
}

v1::TrialJob ToProto(const spec::TrialSpec& trial) {
  v1::TrialJob proto;
  *proto.mutable_model() = ToProto(trial.model);
  proto.set_model_artifact(ArtifactText(trial.model_artifact));
  *proto.mutable_dataset() = ToProto(trial.dataset);
  *proto.mutable_hyperparameters() = ToProto(trial.hyperparameters);
  proto.set_seed(static_cast<std::int64_t>(trial.seed));
  proto.set_engine(ToProto(trial.engine));
  proto.set_keep_model(trial.keep_model);
  if (trial.quantization) *proto.mutable_quantization() = ToProto(*trial.quantization);
  return proto;
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  const std::int64_t micros = absl::ToUnixMicros(time);
  google::protobuf::Timestamp proto;
  std::int64_t seconds = micros / 1'000'000;
  std::int64_t rest = micros % 1'000'000;
  if (rest < 0) {
    rest += 1'000'000;
    --seconds;
  }
  proto.set_seconds(seconds);
  proto.set_nanos(static_cast<std::int32_t>(rest * 1000));
  return proto;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  const std::int64_t nanos = absl::ToInt64Nanoseconds(duration);
  google::protobuf::Duration proto;
  proto.set_seconds(nanos / 1'000'000'000);
  proto.set_nanos(static_cast<std::int32_t>(nanos % 1'000'000'000));
  return proto;
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

}  // namespace bitsweep::convert
