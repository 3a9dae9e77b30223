// SPDX-License-Identifier: Apache-2.0
// Used inside this room.
#ifndef BITSWEEP_CLIENT_EXCHANGE_HLS4ML_CONFIG_H_
#define BITSWEEP_CLIENT_EXCHANGE_HLS4ML_CONFIG_H_

#include <string>
#include <utility>
#include <vector>

#include "client/exchange/fixed_point.h"

namespace bitsweep::exchange {

// The types of one of hls4ml's layers: {"accum", ...}, {"result", ...}.
struct LayerPrecision {
  std::string layer;
  std::string comment;
  std::vector<std::pair<std::string, FixedType>> types;
};

// hls4ml's configuration as YAML: what `hls4ml convert -c` and convert_from_config read. Pure.
std::string Hls4mlConfig(const std::string& model, const std::vector<LayerPrecision>& layers);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_HLS4ML_CONFIG_H_
