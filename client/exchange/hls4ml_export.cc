// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/hls4ml_export.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

#include "client/exchange/fixed_point.h"
#include "client/exchange/hls4ml_check.h"
#include "client/exchange/hls4ml_config.h"
#include "client/exchange/onnx_nodes.h"
#include "client/exchange/qonnx_quantizers.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

// Bits behind the point of what is float in our model: an input is right to half of 2^-24,
// constants of a batch norm and its results to half of 2^-40.
constexpr std::int64_t kInputFraction = 24;
constexpr std::int64_t kInputInteger = 16;
constexpr std::int64_t kFloatFraction = 40;

// A batch norm in evaluation, y = scale x + shift, with the constants as LibTorch computes them on
// processors that multiply and add in one step.
struct ScaleAndShift {
  std::vector<float> scale, shift;
};

// A tensor of hls4ml's model: its name in the file and the type of its values.
struct Value {
  std::string tensor;
  FixedType type;
};

bool WritesNothing(const graph::Op& op) {
  return std::holds_alternative<graph::Dropout>(op) || std::holds_alternative<graph::Flatten>(op) ||
         std::holds_alternative<graph::View>(op);
}

const FixedType kOne{.width = 1, .integer = 1, .is_signed = false};

class Hls4mlWriter {
 public:
  explicit Hls4mlWriter(const ExportInput& input) : input_(input), graph_(input.checkpoint.graph) {
    builder_.model().mutable_graph()->set_name(graph_.name());
    builder_.UniqueName("input");  // hls4ml's own
    for (const graph::Node& node : graph_.nodes()) {
      names_[node.name] = builder_.UniqueName(node.name);
    }
    for (const graph::TensorValue& tensor : input.checkpoint.tensors) {
      tensors_[tensor.name] = &tensor.f32;
    }
    onnx::OperatorSetIdProto& qonnx = *builder_.model().add_opset_import();
    qonnx.set_domain(kQonnxDomain);
    qonnx.set_version(1);
    builder_.DescribeConstants();
  }

  absl::StatusOr<std::vector<ExportedFile>> Write() {
    const Value x{NameOf(graph_.placeholder()), InputType()};
    builder_.SetInput(x.tensor, graph_.input_shape());
    Configure(x.tensor, "the inputs", {{"result", x.type}});
    values_[graph_.placeholder().name] = x;
    for (std::size_t n = 1; n + 1 < graph_.nodes().size(); ++n) {
      std::visit([&](const auto& op) { WriteNode(graph_.nodes()[n], op); }, graph_.nodes()[n].op);
    }
    if (!problems_.empty()) return NotExportable(std::move(problems_));
    const graph::Node& output = graph_.nodes().back();
    const std::string& result = values_[output.inputs.front()].tensor;
    if (result == x.tensor) {
      return NotExportable({{output.name, "the input itself: expected a network with a layer"}});
    }
    builder_.SetOutput(result, graph_.sample_shapes().back());
    AddModelMetadata(input_, graph_, builder_);
    ASSIGN_OR_RETURN(std::string model, builder_.Finish());
    return std::vector<ExportedFile>{{"model.onnx", std::move(model)},
                                     {"config.yml", Hls4mlConfig(input_.model, layers_)}};
  }

 private:
  // That of the quantizers where all that read the input round it alike; else wide. Read behind a
  // node that writes nothing, it is still the input: rounding it twice could come to another
  // number.
  FixedType InputType() const {
    std::set<std::string_view> same{graph_.placeholder().name};
    std::optional<FixedType> type;
    for (const graph::Node& node : graph_.nodes()) {
      if (std::none_of(node.inputs.begin(), node.inputs.end(),
                       [&](const std::string& input) { return same.contains(input); })) {
        continue;
      }
      if (WritesNothing(node.op)) {
        same.insert(node.name);
        continue;
      }
      const bool is_rounded = IsQuantized(node) && node.quantization->data_in;
      const FixedType wanted =
          is_rounded ? TypeOf(std::get<graph::IntegerFormat>(*node.quantization->data_in))
                     : RoundedType(kInputInteger, kInputFraction);
      if (type && *type != wanted) return RoundedType(kInputInteger, kInputFraction);
      type = wanted;
    }
    return *type;
  }

  const std::string& NameOf(const graph::Node& node) const { return names_.at(node.name); }

  void Configure(const std::string& layer, std::string comment,
                 std::vector<std::pair<std::string, FixedType>> types) {
    layers_.push_back({layer, std::move(comment), std::move(types)});
  }

  // Adds an ONNX node whose output has the shape of `like`.
  void Add(std::string_view op, const std::string& name, const std::vector<std::string>& inputs,
           const graph::Node& like) {
    builder_.Add(op, name, inputs, name);
    builder_.AddShape(name, ShapeOf(like));
  }
  const graph::Shape& ShapeOf(const graph::Node& node) const {
    return graph_.sample_shapes()[static_cast<std::size_t>(graph_.Find(node.name))];
  }
  const std::vector<float>& Tensor(const graph::Node& node, const char* what) const {
    return *tensors_.at(fmt::format("{}.{}", node.target, what));
  }

  // What the node reads of an input: rounded where it is quantized.
  Value Read(const graph::Node& node, std::size_t i) {
    const Value& value = values_.at(node.inputs[i]);
    if (!IsQuantized(node) || !node.quantization->data_in) return value;
    const auto& format = std::get<graph::IntegerFormat>(*node.quantization->data_in);
    const std::string suffix = i == 0 ? "" : fmt::format("_{}", i);
    const Value rounded{builder_.UniqueName(fmt::format("{}_data_in{}", node.name, suffix)),
                        TypeOf(format)};
    AddQuantizer(format, rounded.tensor, value.tensor, builder_);
    builder_.AddShape(
        rounded.tensor,
        ShapeOf(graph_.nodes()[static_cast<std::size_t>(graph_.Find(node.inputs[i]))]));
    Configure(rounded.tensor, "", {{"result", rounded.type}});
    return rounded;
  }

  // A constant behind a quantizer.
  Value Constant(const graph::Node& node, const char* what, const graph::Shape& shape,
                 const std::vector<float>& values, const graph::NumberFormat& format) {
    const Value rounded{builder_.UniqueName(fmt::format("{}_{}", node.name, what)),
                        TypeOf(std::get<graph::IntegerFormat>(format))};
    const std::string constant = builder_.UniqueName(rounded.tensor + "_values");
    builder_.AddFloats(constant, shape, values);
    AddQuantizer(format, rounded.tensor, constant, builder_);
    builder_.AddConstantShape(rounded.tensor, shape);
    return rounded;
  }

  // x W^T as a product with W transposed, then the bias: hls4ml's Dense and a sum.
  void WriteNode(const graph::Node& node, const graph::Linear& op) {
    const Value x = Read(node, 0);
    const std::vector<float>& weight = Tensor(node, "weight");
    std::vector<float> transposed(weight.size());
    for (std::int64_t o = 0; o < op.out_features; ++o) {
      for (std::int64_t i = 0; i < op.in_features; ++i) {
        transposed[static_cast<std::size_t>(i * op.out_features + o)] =
            weight[static_cast<std::size_t>(o * op.in_features + i)];
      }
    }
    const Value w = Constant(node, "weight", {op.in_features, op.out_features}, transposed,
                             *node.quantization->weight);
    const FixedType product = SumOfProducts(x.type, w.type, op.in_features);
    Add("MatMul", NameOf(node), {x.tensor, w.tensor}, node);
    // The bias of hls4ml's own layer is 0: ours is a layer behind it.
    Configure(
        NameOf(node),
        fmt::format("{} products of {} and {} bits", op.in_features, x.type.width, w.type.width),
        {{"weight", w.type}, {"bias", kOne}, {"accum", product}, {"result", product}});
    values_[node.name] = {NameOf(node), product};
    if (!op.bias) return;
    const Value b =
        Constant(node, "bias", {op.out_features}, Tensor(node, "bias"), *node.quantization->bias);
    const FixedType sum = Sum(product, b.type);
    const std::string name = builder_.UniqueName(node.name + "_sum");
    Add("Add", name, {NameOf(node), b.tensor}, node);
    Configure(name, "", {{"scale", kOne}, {"bias", b.type}, {"accum", sum}, {"result", sum}});
    values_[node.name] = {name, sum};
  }

  void WriteNode(const graph::Node& node, const graph::BatchNorm1d& op) {
    const Value x = values_.at(node.inputs.front());
    const ScaleAndShift norm = Evaluated(node, op);
    values_[node.name] = x;
    for (const auto* constants : {&norm.scale, &norm.shift}) {
      if (std::all_of(constants->begin(), constants->end(),
                      [](float c) { return std::isfinite(c); }))
        continue;
      problems_.push_back(
          {node.name,
           fmt::format("its {} comes to infinity or NaN: expected numbers, as fixed point "
                       "is",
                       constants == &norm.scale ? "scale" : "shift")});
    }
    if (!problems_.empty()) return;
    const auto add = [&](const char* what, const std::vector<float>& values) {
      const std::string name = builder_.UniqueName(fmt::format("{}_{}", node.name, what));
      builder_.AddFloats(name, {op.num_features}, values);
      return name;
    };
    // hls4ml would compute the constants itself, in another order: mean 0, variance 1 and no
    // epsilon leave it nothing to compute.
    const std::vector<float> zeros(norm.scale.size(), 0.0F);
    const std::vector<float> ones(norm.scale.size(), 1.0F);
    builder_.Add("BatchNormalization", NameOf(node),
                 {x.tensor, add("scale", norm.scale), add("shift", norm.shift), add("mean", zeros),
                  add("variance", ones)},
                 NameOf(node));
    SetAttribute(builder_.LastNode(), "epsilon", 0.0F);
    builder_.AddShape(NameOf(node), ShapeOf(node));
    const FixedType scale = Holding(norm.scale, kFloatFraction);
    const FixedType shift = Holding(norm.shift, kFloatFraction);
    const FixedType exact = Sum(SumOfProducts(x.type, scale, 1), shift);
    const FixedType result = RoundedType(exact.integer, std::min(exact.fraction(), kFloatFraction));
    Configure(NameOf(node), "float in the model: wide, not exact",
              {{"scale", scale}, {"bias", shift}, {"accum", result}, {"result", result}});
    values_[node.name] = {NameOf(node), result};
  }

  ScaleAndShift Evaluated(const graph::Node& node, const graph::BatchNorm1d& op) const {
    const std::vector<float>& weight = Tensor(node, "weight");
    const std::vector<float>& bias = Tensor(node, "bias");
    const std::vector<float>& mean = Tensor(node, "running_mean");
    const std::vector<float>& variance = Tensor(node, "running_var");
    ScaleAndShift norm;
    for (std::size_t c = 0; c < weight.size(); ++c) {
      const float inverse = 1.0F / std::sqrt(variance[c] + static_cast<float>(op.eps));
      norm.scale.push_back(inverse * weight[c]);
      norm.shift.push_back(std::fma(-mean[c], norm.scale.back(), bias[c]));
    }
    return norm;
  }

  void WriteNode(const graph::Node& node, const graph::Relu& /*op*/) {
    const Value x = Read(node, 0);
    Add("Relu", NameOf(node), {x.tensor}, node);
    Configure(NameOf(node), "", {{"result", x.type}});
    values_[node.name] = {NameOf(node), x.type};
  }

  void WriteNode(const graph::Node& node, const graph::Add& /*op*/) {
    const Value a = Read(node, 0);
    const Value b = Read(node, 1);
    const FixedType sum = Sum(a.type, b.type);
    Add("Add", NameOf(node), {a.tensor, b.tensor}, node);
    Configure(NameOf(node), "", {{"accum", sum}, {"result", sum}});
    values_[node.name] = {NameOf(node), sum};
  }

  // Those that change no value of one dimension, and those that are refused before.
  template <typename Other>
  void WriteNode(const graph::Node& node, const Other& /*op*/) {
    values_[node.name] = values_.at(node.inputs.front());
  }

  const ExportInput& input_;
  const graph::Graph& graph_;
  OnnxBuilder builder_;
  std::map<std::string, const std::vector<float>*> tensors_;
  std::map<std::string, std::string> names_;  // of layers, by node
  std::map<std::string, Value> values_;       // by node
  std::vector<LayerPrecision> layers_;
  std::vector<FieldViolation> problems_;  // of computed constants
};

}  // namespace

absl::StatusOr<std::vector<ExportedFile>> ToHls4ml(const ExportInput& input) {
  if (auto problems = Hls4mlProblems(input.checkpoint); !problems.empty()) {
    return NotExportable(std::move(problems));
  }
  return Hls4mlWriter(input).Write();
}

}  // namespace bitsweep::exchange
