// SPDX-License-Identifier: Apache-2.0
// A QuantizeSpec as a value of the canonical JSON. Used inside this room.
#ifndef BITSWEEP_CORE_SPEC_QUANTIZE_JSON_H_
#define BITSWEEP_CORE_SPEC_QUANTIZE_JSON_H_

#include <string>

#include "core/spec/quantize_spec.h"
#include "nlohmann/json_fwd.hpp"

namespace bitsweep::spec {

// Every field but unset optionals and empty block sizes.
nlohmann::json QuantizeToJson(const QuantizeSpec& spec);
// The inverse; throws std::invalid_argument as JsonReader does.
QuantizeSpec ReadQuantize(const nlohmann::json& json, const std::string& path);

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_QUANTIZE_JSON_H_
