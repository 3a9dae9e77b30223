// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/passes.h"

#include "fmt/format.h"
#include "proto/convert/quantization.h"

namespace bitsweep::convert {
namespace {

using Violations = std::vector<FieldViolation>;

template <typename Repeated>
auto ToVector(const Repeated& repeated) {
  return std::vector<typename Repeated::value_type>(repeated.begin(), repeated.end());
}

spec::ReportNodeMetaPass FromProto(const v1::ReportNodeMetaPass& proto) {
  spec::ReportNodeMetaPass pass;
  pass.which = ToVector(proto.which());
  if (proto.has_batch_size()) pass.batch_size = proto.batch_size();
  return pass;
}

spec::StatisticSpec FromProto(const v1::Statistic& proto) {
  spec::StatisticSpec statistic;
  statistic.name = proto.name();
  statistic.dims = proto.dims();
  statistic.reduce_dims.assign(proto.reduce_dims().begin(), proto.reduce_dims().end());
  statistic.abs = proto.abs();
  if (proto.has_quantile()) statistic.quantile = proto.quantile();
  if (proto.has_num_sigma()) statistic.num_sigma = proto.num_sigma();
  statistic.var_mode = proto.var_mode();
  statistic.add_new_dim_before_concat = proto.add_new_dim_before_concat();
  return statistic;
}

v1::Statistic ToProto(const spec::StatisticSpec& statistic) {
  v1::Statistic proto;
  proto.set_name(statistic.name);
  proto.set_dims(statistic.dims);
  proto.mutable_reduce_dims()->Add(statistic.reduce_dims.begin(), statistic.reduce_dims.end());
  proto.set_abs(statistic.abs);
  if (statistic.quantile) proto.set_quantile(*statistic.quantile);
  if (statistic.num_sigma) proto.set_num_sigma(*statistic.num_sigma);
  proto.set_var_mode(statistic.var_mode);
  proto.set_add_new_dim_before_concat(statistic.add_new_dim_before_concat);
  return proto;
}

spec::ProfileStatisticsPass FromProto(const v1::ProfileStatisticsPass& proto) {
  spec::ProfileStatisticsPass pass;
  pass.by = proto.by();
  pass.target_weight_nodes = ToVector(proto.target_weight_nodes());
  pass.target_activation_nodes = ToVector(proto.target_activation_nodes());
  for (const v1::Statistic& statistic : proto.weight_statistics()) {
    pass.weight_statistics.push_back(FromProto(statistic));
  }
  for (const v1::Statistic& statistic : proto.activation_statistics()) {
    pass.activation_statistics.push_back(FromProto(statistic));
  }
  if (proto.has_num_samples()) pass.num_samples = proto.num_samples();
  return pass;
}

spec::VerifyQuantizationPass FromProto(const v1::VerifyQuantizationPass& proto) {
  spec::VerifyQuantizationPass pass;
  pass.input = ToVector(proto.input());
  if (proto.has_show()) pass.show = proto.show();
  return pass;
}

spec::CountOpsPass FromProto(const v1::CountOpsPass& proto, const std::string& field,
                             Violations& violations) {
  spec::CountOpsPass pass;
  if (proto.has_batch_size()) pass.batch_size = proto.batch_size();
  for (int i = 0; i < proto.conventions_size(); ++i) {
    switch (proto.conventions(i)) {
      case v1::COUNT_CONVENTION_LAB_REPORT:
        pass.conventions.push_back(spec::CountConvention::kLabReport);
        break;
      case v1::COUNT_CONVENTION_MACS:
        pass.conventions.push_back(spec::CountConvention::kMacs);
        break;
      case v1::COUNT_CONVENTION_BOPS_UNIQ:
        pass.conventions.push_back(spec::CountConvention::kBopsUniq);
        break;
      case v1::COUNT_CONVENTION_EBOPS:
        pass.conventions.push_back(spec::CountConvention::kEbops);
        break;
      default:
        violations.push_back(
            {fmt::format("{}.conventions[{}]", field, i),
             fmt::format("unknown value {}", static_cast<int>(proto.conventions(i)))});
    }
  }
  if (proto.has_data_width()) pass.data_width = proto.data_width();
  if (proto.has_weight_width()) pass.weight_width = proto.weight_width();
  if (proto.has_bias_width()) pass.bias_width = proto.bias_width();
  return pass;
}

v1::CountConvention ToProto(spec::CountConvention convention) {
  switch (convention) {
    case spec::CountConvention::kLabReport:
      return v1::COUNT_CONVENTION_LAB_REPORT;
    case spec::CountConvention::kMacs:
      return v1::COUNT_CONVENTION_MACS;
    case spec::CountConvention::kBopsUniq:
      return v1::COUNT_CONVENTION_BOPS_UNIQ;
    case spec::CountConvention::kEbops:
      break;
  }
  return v1::COUNT_CONVENTION_EBOPS;
}

spec::EvaluatePass FromProto(const v1::EvaluatePass& proto) {
  spec::EvaluatePass pass;
  if (proto.has_batch_size()) pass.batch_size = proto.batch_size();
  pass.skip_original = proto.skip_original();
  return pass;
}

spec::PrunePass FromProto(const v1::PrunePass& proto, const std::string& field,
                          Violations& violations) {
  if (!proto.has_weight()) violations.push_back({field + ".weight", "required"});
  return {.scope = proto.weight().scope(),
          .granularity = proto.weight().granularity(),
          .method = proto.weight().method(),
          .sparsity = proto.weight().sparsity()};
}

// Writes each kind of pass into the message's oneof.
struct PassWriter {
  v1::Pass& proto;

  void operator()(const spec::ReportGraphPass&) const { proto.mutable_report_graph(); }
  void operator()(const spec::ReportNodeMetaPass& pass) const {
    v1::ReportNodeMetaPass* message = proto.mutable_report_node_meta();
    for (const std::string& which : pass.which) message->add_which(which);
    message->set_batch_size(pass.batch_size);
  }
  void operator()(const spec::ProfileStatisticsPass& pass) const {
    v1::ProfileStatisticsPass* message = proto.mutable_profile_statistics();
    message->set_by(pass.by);
    for (const std::string& node : pass.target_weight_nodes) {
      message->add_target_weight_nodes(node);
    }
    for (const std::string& node : pass.target_activation_nodes) {
      message->add_target_activation_nodes(node);
    }
    for (const spec::StatisticSpec& statistic : pass.weight_statistics) {
      *message->add_weight_statistics() = ToProto(statistic);
    }
    for (const spec::StatisticSpec& statistic : pass.activation_statistics) {
      *message->add_activation_statistics() = ToProto(statistic);
    }
    message->set_num_samples(pass.num_samples);
  }
  void operator()(const spec::QuantizePass& pass) const {
    *proto.mutable_quantize()->mutable_quantization() = convert::ToProto(pass.quantization);
  }
  void operator()(const spec::CompareGraphsPass&) const { proto.mutable_compare_graphs(); }
  void operator()(const spec::VerifyQuantizationPass& pass) const {
    v1::VerifyQuantizationPass* message = proto.mutable_verify_quantization();
    message->mutable_input()->Add(pass.input.begin(), pass.input.end());
    message->set_show(pass.show);
  }
  void operator()(const spec::CountOpsPass& pass) const {
    v1::CountOpsPass* message = proto.mutable_count_ops();
    message->set_batch_size(pass.batch_size);
    for (const spec::CountConvention convention : pass.conventions) {
      message->add_conventions(ToProto(convention));
    }
    if (pass.data_width) message->set_data_width(*pass.data_width);
    if (pass.weight_width) message->set_weight_width(*pass.weight_width);
    if (pass.bias_width) message->set_bias_width(*pass.bias_width);
  }
  void operator()(const spec::EvaluatePass& pass) const {
    v1::EvaluatePass* message = proto.mutable_evaluate();
    message->set_batch_size(pass.batch_size);
    message->set_skip_original(pass.skip_original);
  }
  void operator()(const spec::PrunePass& pass) const {
    v1::PruneTarget* target = proto.mutable_prune()->mutable_weight();
    target->set_scope(pass.scope);
    target->set_granularity(pass.granularity);
    target->set_method(pass.method);
    target->set_sparsity(pass.sparsity);
  }
};

}  // namespace

spec::PassSpec FromProto(const v1::Pass& proto, const std::string& field, Violations& violations) {
  switch (proto.pass_case()) {
    case v1::Pass::kReportGraph:
      return spec::ReportGraphPass{};
    case v1::Pass::kReportNodeMeta:
      return FromProto(proto.report_node_meta());
    case v1::Pass::kProfileStatistics:
      return FromProto(proto.profile_statistics());
    case v1::Pass::kQuantize:
      return spec::QuantizePass{
          FromProto(proto.quantize().quantization(), field + ".quantize.quantization", violations)};
    case v1::Pass::kCompareGraphs:
      return spec::CompareGraphsPass{};
    case v1::Pass::kVerifyQuantization:
      return FromProto(proto.verify_quantization());
    case v1::Pass::kCountOps:
      return FromProto(proto.count_ops(), field + ".count_ops", violations);
    case v1::Pass::kEvaluate:
      return FromProto(proto.evaluate());
    case v1::Pass::kPrune:
      return FromProto(proto.prune(), field + ".prune", violations);
    case v1::Pass::PASS_NOT_SET:
      break;
  }
  violations.push_back({field, "no pass: expected exactly one, for example report_graph"});
  return spec::ReportGraphPass{};
}

v1::Pass ToProto(const spec::PassSpec& pass) {
  v1::Pass proto;
  std::visit(PassWriter{proto}, pass);
  return proto;
}

}  // namespace bitsweep::convert
