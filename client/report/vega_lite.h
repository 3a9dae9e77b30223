// SPDX-License-Identifier: Apache-2.0
// Pieces of Vega-Lite specifications. Pure. Used inside this room.
#ifndef BITSWEEP_CLIENT_REPORT_VEGA_LITE_H_
#define BITSWEEP_CLIENT_REPORT_VEGA_LITE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "client/report/page.h"
#include "nlohmann/json_fwd.hpp"

namespace bitsweep::report {

using Json = nlohmann::ordered_json;

// null where it is not finite, which JSON cannot say: no mark is drawn for it.
Json FiniteNumber(double value);
Json FiniteNumber(const std::optional<double>& value);

// As wide as the page has room, unless `spec` has a width.
Chart MakeChart(std::string id, std::string title, std::string caption, const Json& spec);

// A table of data: {"values": rows}.
Json DataRows(Json rows);

// {"field": ..., "type": ..., "title": ...}; an empty title means none.
Json Quantity(const std::string& field, const std::string& title);
Json Category(const std::string& field, const std::string& title);  // in the data's order
// A colour for each of `values`, whose legend stands on one line.
Json ColourOf(const std::string& field, const std::vector<std::string>& values);

// The room of `rows` names one below the other.
double RowsHeight(std::size_t rows, double row_height);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_VEGA_LITE_H_
