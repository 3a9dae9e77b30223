// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_CORE_SPEC_LAB1_H_
#define BITSWEEP_TESTS_CORE_SPEC_LAB1_H_

#include "core/spec/sweep_spec.h"

namespace bitsweep::spec {

// The lab report's Lab 1, as deploy/examples/lab1.json has it, with fewer rows.
inline SweepSpec Lab1() {
  SweepSpec spec;
  spec.display_name = "lab 1";
  spec.model.builtin = "jsc-tiny";
  spec.dataset.name = "synthetic-jets";
  spec.dataset.synthetic_rows = 125'000;
  spec.base.max_epochs = 10;
  spec.base.learning_rate = 1e-5;
  spec.base.batch_size = 256;
  OneAtATime search;
  search.axes.max_epochs = {50, 100};
  search.axes.batch_size = {16, 32, 64, 128, 512};
  search.axes.learning_rate = {1e-6, 1e-4, 1e-3, 1e-2};
  spec.search = search;
  spec.repeats = 10;
  spec.seed = 1;
  return spec;
}

}  // namespace bitsweep::spec

#endif  // BITSWEEP_TESTS_CORE_SPEC_LAB1_H_
