// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_TRAIN_OPTIMIZER_H_
#define BITSWEEP_WORKER_TRAIN_OPTIMIZER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "core/spec/hyperparameters.h"

namespace bitsweep::train {

// The update rules of PyTorch 1.13's Adam, AdamW and SGD over one array of float32 parameters w
// with gradients g, step t from 1, learning rate a, weight decay d:
//
//   Adam    g += d w;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//           w -= a / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
//   AdamW   w -= a d w, then Adam without its first term
//   SGD     g += 5e-4 w;  m = g (t = 1), 0.9 m + g (else);  w -= a (g + 0.9 m)      (Nesterov)
//
// with b1 = 0.9, b2 = 0.999, eps = 1e-8. SGD's weight decay is fixed: docs/training.md. Rounded as
// PyTorch rounds, bit for bit. Owned by one thread.
class Optimizer {
 public:
  Optimizer(spec::Optimizer kind, double weight_decay, std::size_t parameters);

  // REQUIRES: both of the size given to the constructor.
  void Step(std::span<float> parameters, std::span<const float> gradients, double learning_rate);

 private:
  void Adam(std::span<float> w, std::span<const float> g, double learning_rate);
  void Sgd(std::span<float> w, std::span<const float> g, double learning_rate);

  const spec::Optimizer kind_;
  const double weight_decay_;
  std::int64_t step_ = 0;
  std::vector<float> first_;   // m
  std::vector<float> second_;  // v; empty for SGD
};

}  // namespace bitsweep::train

#endif  // BITSWEEP_WORKER_TRAIN_OPTIMIZER_H_
