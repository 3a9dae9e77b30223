// SPDX-License-Identifier: Apache-2.0
#include "client/api/report_passes.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "bitsweep/v1/pass.pb.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "nlohmann/json.hpp"

namespace bitsweep::client {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// A pass of the form and the field of Pass that it is. `output`: where the tool writes its result
// to; the server keeps results, so that only "NA" is right.
struct PassName {
  std::string_view name;
  const char* field;
  std::string_view output;
};
constexpr std::array<PassName, 14> kPasses = {{
    {"report_graph", "report_graph", "file_name"},
    {"report_node_meta_param", "report_node_meta", "save_path"},
    {"report_node_meta", "report_node_meta", "save_path"},
    {"profile_statistics", "profile_statistics", ""},
    {"quantize", "quantize", ""},
    {"compare_graphs", "compare_graphs", "save_dir"},
    {"compare", "compare_graphs", "save_dir"},
    {"summary", "compare_graphs", "save_dir"},
    {"summarize_quantization", "compare_graphs", "save_dir"},
    {"verify_quantization", "verify_quantization", ""},
    {"count_ops", "count_ops", ""},
    {"add_flops_bitops", "count_ops", ""},
    {"evaluate", "evaluate", ""},
    {"prune", "prune", ""},
}};

void DropNotAvailable(SpecJson& table) {
  SpecJson kept = SpecJson::object();
  for (auto& [key, value] : table.items()) {
    if (value.is_object()) DropNotAvailable(value);
    if (!IsNotAvailable(value)) kept[key] = value;
  }
  table = std::move(kept);
}

class PassConverter {
 public:
  PassConverter(SpecChecker& checker, std::vector<std::string>& warnings)
      : checker_(checker), warnings_(warnings) {}

  SpecJson Quantize(const SpecJson& table, const std::string& path) {
    SpecJson quantization = SpecJson::object();
    for (const auto& [key, value] : table.items()) {
      const std::string here = PathBelow(path, key);
      if (key == "by") {
        quantization["by"] = Field(*v1::Quantization::descriptor(), "by", value, here);
      } else if (key == "report" && value.is_boolean()) {
        warnings_.push_back(fmt::format("{}: the pass compare_graphs reports", here));
      } else if (key == "default") {
        quantization["default_config"] = Config(value, here);
      } else {
        quantization["rules"].push_back({{"key", key}, {"config", Config(value, here)}});
      }
    }
    return {{"quantization", std::move(quantization)}};
  }

  SpecJson ProfileStatistics(const SpecJson& table, const std::string& path) {
    SpecJson pass = SpecJson::object();
    for (const auto& [key, value] : table.items()) {
      const std::string here = PathBelow(path, key);
      if (key == "weight_statistics" || key == "activation_statistics") {
        pass[key] = Statistics(value, here);
      } else if (!IsNotAvailable(value)) {
        pass[key] = value;
      }
    }
    // The statistics are right already, or noted.
    SpecJson rest = pass;
    rest.erase("weight_statistics");
    rest.erase("activation_statistics");
    checker_.Message(rest, *v1::ProfileStatisticsPass::descriptor(), path);
    return pass;
  }

  SpecJson Other(SpecJson table, const PassName& pass, const std::string& path) {
    DropNotAvailable(table);
    const std::string output(pass.output);
    if (!output.empty() && table.contains(output)) {
      checker_.Note(
          PathBelow(path, output),
          fmt::format("{}: the server keeps the result, expected \"NA\"", table[output].dump()));
      table.erase(output);
    }
    const FieldDescriptor* field = v1::Pass::descriptor()->FindFieldByName(pass.field);
    checker_.Message(table, *field->message_type(), path);
    return table;
  }

 private:
  SpecJson Field(const Descriptor& type, const std::string& name, SpecJson value,
                 const std::string& path) {
    checker_.Value(value, *type.FindFieldByName(name), path);
    return value;
  }

  // { config = { name = "integer", data_in_width = 8, ... } }
  SpecJson Config(const SpecJson& table, const std::string& path) {
    SpecJson config = SpecJson::object();
    if (!table.is_object() || !table.contains("config")) {
      checker_.Note(path, fmt::format("expected a table with config: [{}.config]", path));
      return config;
    }
    for (const auto& [key, value] : table.items()) {
      const std::string here = PathBelow(path, key);
      if (key != "config") {
        checker_.Note(here, "no such key: expected config");
      } else if (!value.is_object()) {
        checker_.Note(here, fmt::format("expected a table, found {}", value.type_name()));
      } else {
        for (const auto& [entry, item] : value.items()) {
          Entry(config, entry, item, PathBelow(here, entry));
        }
      }
    }
    return config;
  }

  void Entry(SpecJson& config, const std::string& key, SpecJson value, const std::string& path) {
    if (key == "name" || key == "bypass" || key == "semantics") {
      config[key] = Field(*v1::QuantizationConfig::descriptor(), key, std::move(value), path);
      return;
    }
    const Descriptor& format = *v1::TensorFormat::descriptor();
    for (const char* tensor : {"data_in", "weight", "bias"}) {
      const std::string prefix = fmt::format("{}_", tensor);
      if (!key.starts_with(prefix)) continue;
      const std::string name = key.substr(prefix.size());
      const FieldDescriptor* field = format.FindFieldByName(name);
      if (field == nullptr) continue;
      if (IsNotAvailable(value)) return;
      if (field->is_repeated() && value.is_number()) value = SpecJson::array({value});
      checker_.Value(value, *field, path);
      config[tensor][name] = std::move(value);
      return;
    }
    std::vector<std::string> names;
    for (int i = 0; i < format.field_count(); ++i) names.push_back(format.field(i)->name());
    checker_.Note(path, fmt::format("no such entry: expected name, bypass, semantics, or data_in_, "
                                    "weight_ or bias_ before one of {}",
                                    fmt::join(names, ", ")));
  }

  // { variance_precise = { device = "cpu", dims = "all" } }
  SpecJson Statistics(const SpecJson& table, const std::string& path) {
    SpecJson list = SpecJson::array();
    if (!table.is_object()) {
      checker_.Note(path, fmt::format("expected a table, found {}", table.type_name()));
      return list;
    }
    for (const auto& [name, options] : table.items()) {
      list.push_back(StatisticOf(name, options, PathBelow(path, name)));
    }
    return list;
  }

  SpecJson StatisticOf(const std::string& name, const SpecJson& options, const std::string& path) {
    SpecJson statistic = SpecJson::object();
    if (!options.is_object()) {
      checker_.Note(path, fmt::format("expected a table, found {}", options.type_name()));
      return statistic;
    }
    for (const auto& [key, value] : options.items()) {
      if (key == "dims" && value.is_array()) {
        statistic["reduce_dims"] = value;
      } else if (key == "dims" && IsNotAvailable(value)) {
        statistic["dims"] = "element";  // the tool's None: each element by itself
      } else if (key == "device") {
        if (value != "cpu" && !IsNotAvailable(value)) {
          checker_.Note(PathBelow(path, key), fmt::format("{}: expected \"cpu\"", value.dump()));
        }
      } else if (key == "name") {
        checker_.Note(PathBelow(path, key), "the table's own name is the statistic's");
      } else if (!IsNotAvailable(value)) {
        statistic[key] = value;
      }
    }
    checker_.Message(statistic, *v1::Statistic::descriptor(), path);
    statistic["name"] = name;
    return statistic;
  }

  SpecChecker& checker_;
  std::vector<std::string>& warnings_;
};

}  // namespace

bool IsNotAvailable(const SpecJson& json) { return json == "NA"; }

SpecJson PassFromReport(const std::string& name, const SpecJson& table, const std::string& path,
                        SpecChecker& checker, std::vector<std::string>& warnings) {
  const auto pass = std::find_if(kPasses.begin(), kPasses.end(),
                                 [&](const PassName& known) { return known.name == name; });
  if (pass == kPasses.end()) {
    std::vector<std::string_view> names;
    for (const PassName& known : kPasses) names.push_back(known.name);
    checker.Note(path, fmt::format("no such pass: expected one of {}", fmt::join(names, ", ")));
    return SpecJson::object();
  }
  if (!table.is_object()) {
    checker.Note(path, fmt::format("expected a table, found {}", table.type_name()));
    return SpecJson::object();
  }
  PassConverter converter(checker, warnings);
  const std::string field = pass->field;
  if (field == "quantize") return {{field, converter.Quantize(table, path)}};
  if (field == "profile_statistics") return {{field, converter.ProfileStatistics(table, path)}};
  return {{field, converter.Other(table, *pass, path)}};
}

}  // namespace bitsweep::client
