// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_NN_FAKE_QUANTIZE_H_
#define BITSWEEP_WORKER_NN_FAKE_QUANTIZE_H_

#include <ATen/core/Tensor.h>

#include "core/base/random.h"
#include "core/graph/number_format.h"

namespace bitsweep::nn {

// x with every element rounded to `format`: float32 of the same shape, computed by
// worker/quant/quantize.h. The gradient passes straight through: grad_in = grad_out, also where the
// value saturates (Bengio et al., "Estimating or propagating gradients through stochastic
// neurons", 2013). `random` feeds stochastic formats. Throws c10::Error when the format cannot be
// used on a tensor of this shape.
at::Tensor FakeQuantize(const at::Tensor& x, const graph::NumberFormat& format, Random& random);

}  // namespace bitsweep::nn

#endif  // BITSWEEP_WORKER_NN_FAKE_QUANTIZE_H_
