// SPDX-License-Identifier: Apache-2.0
// Pieces of a page from what the command line prints of the same results. Pure. Used inside this
// room.
#ifndef BITSWEEP_CLIENT_REPORT_TRANSFORM_BLOCKS_H_
#define BITSWEEP_CLIENT_REPORT_TRANSFORM_BLOCKS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "client/output/pass_report.h"
#include "client/output/table.h"
#include "client/report/page.h"

namespace bitsweep::report {

using Blocks = std::vector<Block>;

Text Paragraph(std::string text);
Text Note(std::string text);
Text Warning(std::string text);

// The same table; numbers are shown as the command line shows them and sort by their exact value.
Table TableFrom(const client::Table& table, std::string title);
// The text as a paragraph where it is one line, else as a listing.
void AddText(const std::string& text, Blocks& blocks);

// A count with its thousands apart: "79,680"; small fractions as "{:.4g}".
std::string NumberText(double value);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_TRANSFORM_BLOCKS_H_
