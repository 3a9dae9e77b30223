// SPDX-License-Identifier: Apache-2.0
#include "client/report/fields.h"

#include <charconv>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "core/spec/hyperparameters.h"
#include "fmt/format.h"

namespace bitsweep::report {
namespace {

// In its shortest form: "1e-5", not "1e-05".
FieldValue NumberValue(double number) {
  return {absl::StrReplaceAll(fmt::format("{}", number), {{"e-0", "e-"}, {"e+0", "e"}}), number};
}
FieldValue CountValue(std::int64_t number) {
  return {std::to_string(number), static_cast<double>(number)};
}

std::string ShortName(std::string_view field) {
  if (field == "max_epochs") return "epochs ";
  if (field == "learning_rate") return "rate ";
  if (field == "batch_size") return "batch ";
  if (field == "weight_decay") return "decay ";
  return "";  // the value says what it is
}

}  // namespace

const std::vector<std::string>& FieldNames() {
  static const auto& names = *new std::vector<std::string>{
      "max_epochs", "learning_rate", "batch_size", "optimizer", "weight_decay", "schedule"};
  return names;
}

std::string FieldTitle(const std::string& field) {
  return absl::StrReplaceAll(field, {{"_", " "}});
}

FieldValue ValueOf(const v1::Hyperparameters& h, std::string_view field) {
  if (field == "max_epochs") return CountValue(h.max_epochs());
  if (field == "learning_rate") return NumberValue(h.learning_rate());
  if (field == "batch_size") return CountValue(h.batch_size());
  if (field == "weight_decay") return NumberValue(h.weight_decay());
  if (field == "optimizer") {
    return {LowerEnum(v1::Optimizer_Name(h.optimizer()), "OPTIMIZER_"), std::nullopt};
  }
  if (field == "schedule") {
    return {LowerEnum(v1::Schedule_Name(h.schedule()), "SCHEDULE_"), std::nullopt};
  }
  return {};
}

v1::Hyperparameters ResolvedBase(const v1::Sweep& sweep) {
  const spec::Hyperparameters defaults;
  v1::Hyperparameters base = sweep.base();
  if (!base.has_max_epochs()) base.set_max_epochs(defaults.max_epochs);
  if (!base.has_learning_rate()) base.set_learning_rate(defaults.learning_rate);
  if (!base.has_batch_size()) base.set_batch_size(defaults.batch_size);
  if (!base.has_weight_decay()) base.set_weight_decay(defaults.weight_decay);
  if (base.optimizer() == v1::OPTIMIZER_UNSPECIFIED) base.set_optimizer(v1::OPTIMIZER_ADAM);
  if (base.schedule() == v1::SCHEDULE_UNSPECIFIED) base.set_schedule(v1::SCHEDULE_COSINE);
  return base;
}

bool AreEqual(const v1::Hyperparameters& a, const v1::Hyperparameters& b) {
  return a.max_epochs() == b.max_epochs() && a.learning_rate() == b.learning_rate() &&
         a.batch_size() == b.batch_size() && a.optimizer() == b.optimizer() &&
         a.weight_decay() == b.weight_decay() && a.schedule() == b.schedule();
}

std::string ShortLabel(const v1::Hyperparameters& h, const std::vector<std::string>& fields) {
  std::string label;
  for (const std::string& field : fields) {
    label +=
        fmt::format("{}{}{}", label.empty() ? "" : ", ", ShortName(field), ValueOf(h, field).text);
  }
  return label.empty() ? "the only configuration" : label;
}

std::int64_t NumberOf(const std::string& name) {
  const std::string_view last = std::string_view(name).substr(name.rfind('/') + 1);
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), number);
  return error == std::errc() && end == last.data() + last.size() ? number : -1;
}

std::string IdOf(const std::string& name) {
  const std::size_t begin = name.find('/') + 1;
  return name.substr(begin, name.find('/', begin) - begin);
}

std::string LowerEnum(const std::string& name, std::string_view prefix) {
  return absl::AsciiStrToLower(name.starts_with(prefix) ? name.substr(prefix.size()) : name);
}

std::string Grouped(std::int64_t number) {
  const std::string digits = std::to_string(number);
  std::string grouped;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const bool is_start = grouped.empty() || grouped == "-";
    if (!is_start && (digits.size() - i) % 3 == 0) grouped += ',';
    grouped += digits[i];
  }
  return grouped;
}

std::string Count(std::int64_t count, const std::string& thing) {
  return fmt::format("{} {}{}", Grouped(count), thing, count == 1 ? "" : "s");
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return "";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

std::string DurationText(double seconds) {
  if (seconds < 60) return fmt::format("{:.3g} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", Grouped(whole / 3600), whole % 3600 / 60);
}

}  // namespace bitsweep::report
