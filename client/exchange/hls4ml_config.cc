// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/hls4ml_config.h"

#include <algorithm>
#include <cctype>

#include "core/base/version.h"
#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

// A layer's name as a key: YAML's own words are text in quotes only.
std::string YamlKey(const std::string& layer) {
  std::string word = layer;
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char* own : {"yes", "no", "on", "off", "y", "n", "true", "false", "null"}) {
    if (word == own) return fmt::format("'{}'", layer);
  }
  return layer;
}

}  // namespace

std::string Hls4mlConfig(const std::string& model, const std::vector<LayerPrecision>& layers) {
  // Defaults are hls4ml's own, but for the precision: each type is written out.
  std::string text = fmt::format(
      R"(# {} for hls4ml, written by bitsweep {}. In this folder:
#   hls4ml convert -c config.yml
OnnxModel: model.onnx
Backend: Vivado
ProjectName: myproject
OutputDir: hls4ml_prj
Part: xcvu13p-flga2577-2-e
ClockPeriod: 5
ClockUncertainty: 12.5%
IOType: io_parallel
InputData: null
OutputPredictions: null
HLSConfig:
  Model:
    Precision:
      default: ap_fixed<16,6>
    ReuseFactor: 1
    Strategy: Latency
    BramFactor: 1000000000
    TraceOutput: false
  LayerName:
)",
      model, Version());
  for (const LayerPrecision& layer : layers) {
    if (!layer.comment.empty()) text += fmt::format("    # {}\n", layer.comment);
    text += fmt::format("    {}:\n      Precision:\n", YamlKey(layer.layer));
    for (const auto& [name, type] : layer.types) {
      text += fmt::format("        {}: {}\n", name, type.Text());
    }
  }
  return text;
}

}  // namespace bitsweep::exchange
