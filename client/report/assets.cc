// SPDX-License-Identifier: Apache-2.0
#include "client/report/assets.h"

// The assembler reads the files: compilers take seconds for half a megabyte in a literal.
#define BITSWEEP_INCLUDE_BYTES(name, file)         \
  asm(".pushsection .rodata\n"                     \
      ".global bitsweep_report_" #name             \
      "\n"                                         \
      ".global bitsweep_report_" #name             \
      "_end\n"                                     \
      "bitsweep_report_" #name ": .incbin \"" file \
      "\"\n"                                       \
      "bitsweep_report_" #name                     \
      "_end: .byte 0\n"                            \
      ".popsection\n");                            \
  extern "C" const char bitsweep_report_##name[];  \
  extern "C" const char bitsweep_report_##name##_end[];

BITSWEEP_INCLUDE_BYTES(script, BITSWEEP_REPORT_SCRIPT)
BITSWEEP_INCLUDE_BYTES(style, BITSWEEP_REPORT_STYLE)
BITSWEEP_INCLUDE_BYTES(licences, BITSWEEP_REPORT_LICENCES)

namespace bitsweep::report {
namespace {

std::string_view Between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::string_view PageScript() {
  return Between(bitsweep_report_script, bitsweep_report_script_end);
}
std::string_view PageStyle() { return Between(bitsweep_report_style, bitsweep_report_style_end); }
std::string_view Licences() {
  return Between(bitsweep_report_licences, bitsweep_report_licences_end);
}

}  // namespace bitsweep::report
