// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/fake_quantize.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <string>

#include "worker/quant/quantize.h"

namespace bitsweep::nn {
namespace {

at::Tensor Quantized(const at::Tensor& x, const graph::NumberFormat& format, Random& random) {
  const at::Tensor dense = x.contiguous();
  at::Tensor y = at::empty_like(dense);
  const auto count = static_cast<std::size_t>(dense.numel());
  const absl::Status status =
      quant::Quantize(format, dense.sizes().vec(), {dense.data_ptr<float>(), count},
                      {y.data_ptr<float>(), count}, &random);
  TORCH_CHECK(status.ok(), std::string(status.message()));
  return y;
}

struct StraightThrough : torch::autograd::Function<StraightThrough> {
  static at::Tensor forward(torch::autograd::AutogradContext* /*context*/, const at::Tensor& x,
                            const graph::NumberFormat* format, Random* random) {
    return Quantized(x, *format, *random);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* /*context*/,
                                                 const torch::autograd::variable_list& gradients) {
    return {gradients[0], at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor FakeQuantize(const at::Tensor& x, const graph::NumberFormat& format, Random& random) {
  if (!at::GradMode::is_enabled() || !x.requires_grad()) return Quantized(x, format, random);
  return StraightThrough::apply(x, &format, &random);
}

}  // namespace bitsweep::nn
