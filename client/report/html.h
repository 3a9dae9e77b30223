// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_REPORT_HTML_H_
#define BITSWEEP_CLIENT_REPORT_HTML_H_

#include <string>
#include <string_view>

#include "client/report/page.h"

namespace bitsweep::report {

// The page as one HTML file: style, script, specifications and licences are in it, and its content
// security policy allows no connection and no script but its own. Text is escaped whatever it
// holds; bytes that are no UTF-8 become "?". Pure.
//
// REQUIRES: ids of sections and charts are unique; rows have as many cells as columns; each
// specification is JSON.
std::string RenderHtml(const Page& page);

// For text and for attributes in double quotes.
std::string EscapeHtml(std::string_view text);
// JSON for a <script> element: no "<" is left, so that nothing ends the element.
std::string EscapeScriptJson(std::string_view json);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_HTML_H_
