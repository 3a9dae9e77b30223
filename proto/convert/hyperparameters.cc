// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/hyperparameters.h"

#include "fmt/format.h"

namespace bitsweep::convert {
namespace {

template <typename Enum>
void Unknown(const std::string& field, Enum value, std::vector<FieldViolation>& violations) {
  violations.push_back({field, fmt::format("unknown value {}", static_cast<int>(value))});
}

}  // namespace

spec::PartialHyperparameters FromProto(const v1::Hyperparameters& proto, const std::string& field,
                                       std::vector<FieldViolation>& violations) {
  spec::PartialHyperparameters h;
  if (proto.has_max_epochs()) h.max_epochs = proto.max_epochs();
  if (proto.has_learning_rate()) h.learning_rate = proto.learning_rate();
  if (proto.has_batch_size()) h.batch_size = proto.batch_size();
  if (proto.has_weight_decay()) h.weight_decay = proto.weight_decay();
  if (proto.has_optimizer() && proto.optimizer() != v1::OPTIMIZER_UNSPECIFIED) {
    h.optimizer = FromProto(proto.optimizer(), field + ".optimizer", violations);
  }
  if (proto.has_schedule() && proto.schedule() != v1::SCHEDULE_UNSPECIFIED) {
    h.schedule = FromProto(proto.schedule(), field + ".schedule", violations);
  }
  return h;
}

v1::Hyperparameters ToProto(const spec::Hyperparameters& h) {
  v1::Hyperparameters proto;
  proto.set_max_epochs(h.max_epochs);
  proto.set_learning_rate(h.learning_rate);
  proto.set_batch_size(h.batch_size);
  proto.set_optimizer(ToProto(h.optimizer));
  proto.set_weight_decay(h.weight_decay);
  proto.set_schedule(ToProto(h.schedule));
  return proto;
}

v1::Hyperparameters ToProto(const spec::PartialHyperparameters& h) {
  v1::Hyperparameters proto;
  if (h.max_epochs) proto.set_max_epochs(*h.max_epochs);
  if (h.learning_rate) proto.set_learning_rate(*h.learning_rate);
  if (h.batch_size) proto.set_batch_size(*h.batch_size);
  if (h.optimizer) proto.set_optimizer(ToProto(*h.optimizer));
  if (h.weight_decay) proto.set_weight_decay(*h.weight_decay);
  if (h.schedule) proto.set_schedule(ToProto(*h.schedule));
  return proto;
}

v1::Optimizer ToProto(spec::Optimizer optimizer) {
  switch (optimizer) {
    case spec::Optimizer::kAdam:
      return v1::OPTIMIZER_ADAM;
    case spec::Optimizer::kAdamW:
      return v1::OPTIMIZER_ADAMW;
    case spec::Optimizer::kSgd:
      break;
  }
  return v1::OPTIMIZER_SGD;
}

spec::Optimizer FromProto(v1::Optimizer optimizer, const std::string& field,
                          std::vector<FieldViolation>& violations) {
  switch (optimizer) {
    case v1::OPTIMIZER_UNSPECIFIED:
    case v1::OPTIMIZER_ADAM:
      return spec::Optimizer::kAdam;
    case v1::OPTIMIZER_ADAMW:
      return spec::Optimizer::kAdamW;
    case v1::OPTIMIZER_SGD:
      return spec::Optimizer::kSgd;
    default:
      Unknown(field, optimizer, violations);
      return spec::Optimizer::kAdam;
  }
}

v1::Schedule ToProto(spec::Schedule schedule) {
  return schedule == spec::Schedule::kCosine ? v1::SCHEDULE_COSINE : v1::SCHEDULE_CONSTANT;
}

spec::Schedule FromProto(v1::Schedule schedule, const std::string& field,
                         std::vector<FieldViolation>& violations) {
  switch (schedule) {
    case v1::SCHEDULE_UNSPECIFIED:
    case v1::SCHEDULE_COSINE:
      return spec::Schedule::kCosine;
    case v1::SCHEDULE_CONSTANT:
      return spec::Schedule::kConstant;
    default:
      Unknown(field, schedule, violations);
      return spec::Schedule::kCosine;
  }
}

v1::Engine ToProto(spec::EngineChoice engine) {
  switch (engine) {
    case spec::EngineChoice::kAuto:
      return v1::ENGINE_AUTO;
    case spec::EngineChoice::kLibtorch:
      return v1::ENGINE_LIBTORCH;
    case spec::EngineChoice::kFused:
      return v1::ENGINE_FUSED;
  }
  return v1::ENGINE_UNSPECIFIED;
}

spec::EngineChoice FromProto(v1::Engine engine, const std::string& field,
                             std::vector<FieldViolation>& violations) {
  switch (engine) {
    case v1::ENGINE_UNSPECIFIED:
    case v1::ENGINE_AUTO:
      return spec::EngineChoice::kAuto;
    case v1::ENGINE_LIBTORCH:
      return spec::EngineChoice::kLibtorch;
    case v1::ENGINE_FUSED:
      return spec::EngineChoice::kFused;
    default:
      Unknown(field, engine, violations);
      return spec::EngineChoice::kAuto;
  }
}

}  // namespace bitsweep::convert
