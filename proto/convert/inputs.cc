// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/inputs.h"

#include "core/graph/graph_json.h"
#include "fmt/format.h"
#include "google/protobuf/util/json_util.h"

namespace bitsweep::convert {

spec::DatasetSpec FromProto(const v1::Dataset& proto, const std::string& field,
                            std::vector<FieldViolation>& violations) {
  spec::DatasetSpec d;
  d.name = proto.name();
  if (proto.has_synthetic()) {
    if (proto.name() != spec::kSyntheticJets) {
      violations.push_back(
          {field + ".synthetic", fmt::format("only for the data set {}", spec::kSyntheticJets)});
    }
    if (proto.synthetic().has_rows()) d.synthetic_rows = proto.synthetic().rows();
    if (proto.synthetic().has_seed()) d.synthetic_seed = proto.synthetic().seed();
  }
  d.label_column = proto.label_column();
  d.feature_columns.assign(proto.feature_columns().begin(), proto.feature_columns().end());
  d.labels_file = proto.labels_file();
  d.features_key = proto.features_key();
  d.labels_key = proto.labels_key();
  d.drop_duplicate_rows = proto.drop_duplicate_rows();
  if (proto.split().has_validation_fraction()) {
    d.validation_fraction = proto.split().validation_fraction();
  }
  if (proto.split().has_seed()) d.split_seed = proto.split().seed();
  d.stratified = proto.split().stratified();
  switch (proto.scaler()) {
    case v1::SCALER_UNSPECIFIED:
    case v1::SCALER_STANDARD:
      break;
    case v1::SCALER_NONE:
      d.scaler = spec::Scaler::kNone;
      break;
    default:
      violations.push_back(
          {field + ".scaler", fmt::format("unknown value {}", static_cast<int>(proto.scaler()))});
  }
  switch (proto.validation()) {
    case v1::VALIDATION_UNSPECIFIED:
    case v1::VALIDATION_HELD_OUT:
      break;
    case v1::VALIDATION_TRAINING_ROWS:
      d.validation = spec::Validation::kTrainingRows;
      break;
    default:
      violations.push_back({field + ".validation",
                            fmt::format("unknown value {}", static_cast<int>(proto.validation()))});
  }
  return d;
}

v1::Dataset ToProto(const spec::DatasetSpec& d) {
  v1::Dataset proto;
  proto.set_name(d.name);
  if (d.name == spec::kSyntheticJets) {
    proto.mutable_synthetic()->set_rows(d.synthetic_rows);
    proto.mutable_synthetic()->set_seed(d.synthetic_seed);
  }
  proto.set_label_column(d.label_column);
  proto.mutable_feature_columns()->Assign(d.feature_columns.begin(), d.feature_columns.end());
  proto.set_labels_file(d.labels_file);
  proto.set_features_key(d.features_key);
  proto.set_labels_key(d.labels_key);
  proto.set_drop_duplicate_rows(d.drop_duplicate_rows);
  proto.mutable_split()->set_validation_fraction(d.validation_fraction);
  proto.mutable_split()->set_seed(d.split_seed);
  proto.mutable_split()->set_stratified(d.stratified);
  proto.set_scaler(d.scaler == spec::Scaler::kStandard ? v1::SCALER_STANDARD : v1::SCALER_NONE);
  proto.set_validation(d.validation == spec::Validation::kHeldOut ? v1::VALIDATION_HELD_OUT
                                                                  : v1::VALIDATION_TRAINING_ROWS);
  return proto;
}

spec::ModelSpec FromProto(const v1::ModelSource& proto, const std::string& field,
                          std::vector<FieldViolation>& violations) {
  spec::ModelSpec m;
  m.builtin = proto.builtin();
  m.stored = proto.name();
  if (proto.has_graph()) {
    const auto status = google::protobuf::util::MessageToJsonString(proto.graph(), &m.graph_json);
    if (!status.ok()) violations.push_back({field + ".graph", "not a JSON object"});
    // A Struct has no order of its keys: equal graphs shall have equal text.
    const absl::StatusOr<graph::Graph> graph = graph::FromJson(m.graph_json);
    if (graph.ok()) m.graph_json = graph::ToJson(*graph);
  }
  switch (proto.output_activation()) {
    case v1::OUTPUT_ACTIVATION_UNSPECIFIED:
      break;
    case v1::OUTPUT_ACTIVATION_NONE:
      m.output_activation = graph::OutputActivation::kNone;
      break;
    case v1::OUTPUT_ACTIVATION_RELU:
      m.output_activation = graph::OutputActivation::kRelu;
      break;
    case v1::OUTPUT_ACTIVATION_SIGMOID:
      m.output_activation = graph::OutputActivation::kSigmoid;
      break;
    default:
      violations.push_back(
          {field + ".output_activation",
           fmt::format("unknown value {}", static_cast<int>(proto.output_activation()))});
  }
  return m;
}

v1::ModelSource ToProto(const spec::ModelSpec& m) {
  v1::ModelSource proto;
  proto.set_builtin(m.builtin);
  proto.set_name(m.stored);
  if (!m.graph_json.empty()) {
    // Text that FromProto wrote or Validate accepted: it is an object.
    (void)google::protobuf::util::JsonStringToMessage(m.graph_json, proto.mutable_graph());
  }
  if (m.output_activation) {
    switch (*m.output_activation) {
      case graph::OutputActivation::kNone:
        proto.set_output_activation(v1::OUTPUT_ACTIVATION_NONE);
        break;
      case graph::OutputActivation::kRelu:
        proto.set_output_activation(v1::OUTPUT_ACTIVATION_RELU);
        break;
      case graph::OutputActivation::kSigmoid:
        proto.set_output_activation(v1::OUTPUT_ACTIVATION_SIGMOID);
        break;
    }
  }
  return proto;
}

}  // namespace bitsweep::convert
