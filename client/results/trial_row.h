// SPDX-License-Identifier: Apache-2.0
// A trial as one row of named values: what every format shows. Used inside this room.
#ifndef BITSWEEP_CLIENT_RESULTS_TRIAL_ROW_H_
#define BITSWEEP_CLIENT_RESULTS_TRIAL_ROW_H_

#include <string>

#include "bitsweep/v1/trial.pb.h"
#include "client/results/message_json.h"

namespace bitsweep::results {

// Names and values, the same names in the same order for every trial: where it stands in the plan,
// its hyper-parameters, how it went, every field of its result, why it failed. Values are numbers,
// text, or null where there is none. Hyper-parameters and the result are read off their messages,
// so that a field which the API gains is here too. Pure.
Json TrialRow(const v1::Trial& trial);

}  // namespace bitsweep::results

#endif  // BITSWEEP_CLIENT_RESULTS_TRIAL_ROW_H_
