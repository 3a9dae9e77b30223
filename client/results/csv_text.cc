// SPDX-License-Identifier: Apache-2.0
#include "client/results/csv_text.h"

#include <string>

#include "absl/strings/str_replace.h"
#include "client/results/trial_row.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::results {
namespace {

// What spreadsheets begin a formula with.
constexpr char kFormulaStarts[] = "=+-@\t\r";

std::string TextField(std::string text) {
  if (!text.empty() && std::string_view(kFormulaStarts).find(text.front()) != std::string::npos) {
    text.insert(text.begin(), '\'');
  }
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return "\"" + absl::StrReplaceAll(text, {{"\"", "\"\""}}) + "\"";
}

std::string CsvValue(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return TextField(value.get<std::string>());
  if (value.is_number_float()) return fmt::format("{}", value.get<double>());
  return value.dump();
}

class CsvText : public ResultsText {
 public:
  Needs needs() const override { return {}; }
  std::string Begin(const v1::Sweep& /*sweep*/) override {
    std::string line;
    const Json row = TrialRow(v1::Trial());
    for (const auto& [name, value] : row.items()) line += (line.empty() ? "" : ",") + name;
    return line + "\n";
  }
  std::string Trial(const v1::Trial& trial) override {
    std::string line;
    const Json row = TrialRow(trial);
    for (const auto& [name, value] : row.items()) line += "," + CsvValue(value);
    return line.substr(1) + "\n";
  }
};

}  // namespace

std::unique_ptr<ResultsText> MakeCsvText() { return std::make_unique<CsvText>(); }

}  // namespace bitsweep::results
