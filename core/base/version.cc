// SPDX-License-Identifier: Apache-2.0
#include "core/base/version.h"

namespace bitsweep {

std::string Version() { return BITSWEEP_VERSION; }
std::string Revision() { return BITSWEEP_REVISION; }

}  // namespace bitsweep
