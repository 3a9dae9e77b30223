// SPDX-License-Identifier: Apache-2.0
// What every page holds, as it was put into the program when that was built.
#ifndef BITSWEEP_CLIENT_REPORT_ASSETS_H_
#define BITSWEEP_CLIENT_REPORT_ASSETS_H_

#include <string_view>

namespace bitsweep::report {

std::string_view PageScript();  // bundle.mjs: assets/page.js with Vega-Lite
std::string_view PageStyle();   // assets/page.css
// Of everything in the script, with names and versions. Holds nothing that ends an HTML comment.
std::string_view Licences();

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_ASSETS_H_
