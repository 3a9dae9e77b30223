// SPDX-License-Identifier: Apache-2.0
#include "client/report/vega_lite.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "nlohmann/json.hpp"

namespace bitsweep::report {
namespace {

Json Encoded(const std::string& field, const char* type, const std::string& title) {
  Json encoding = {{"field", field}, {"type", type}};
  if (title.empty()) {
    encoding["title"] = nullptr;
  } else {
    encoding["title"] = title;
  }
  return encoding;
}

}  // namespace

Json FiniteNumber(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }
Json FiniteNumber(const std::optional<double>& value) {
  return value ? FiniteNumber(*value) : Json(nullptr);
}

Chart MakeChart(std::string id, std::string title, std::string caption, const Json& spec) {
  Json whole = {{"$schema", "https://vega.github.io/schema/vega-lite/v6.json"}};
  if (!spec.contains("width")) whole["width"] = "container";
  whole.update(spec);
  return {.id = std::move(id),
          .title = std::move(title),
          .caption = std::move(caption),
          .vega_lite = whole.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

Json DataRows(Json rows) { return {{"values", std::move(rows)}}; }

Json Quantity(const std::string& field, const std::string& title) {
  return Encoded(field, "quantitative", title);
}
Json Category(const std::string& field, const std::string& title) {
  Json encoding = Encoded(field, "nominal", title);
  encoding["sort"] = nullptr;
  return encoding;
}

Json ColourOf(const std::string& field, const std::vector<std::string>& values) {
  Json encoding = Category(field, "");
  encoding["scale"] = {{"domain", values}};
  encoding["legend"] = {{"columns", values.size()}};
  return encoding;
}

double RowsHeight(std::size_t rows, double row_height) {
  return row_height * static_cast<double>(std::max<std::size_t>(rows, 1));
}

}  // namespace bitsweep::report
