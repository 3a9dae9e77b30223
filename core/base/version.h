// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_BASE_VERSION_H_
#define BITSWEEP_CORE_BASE_VERSION_H_

#include <string>

namespace bitsweep {

// "0.1.0": the version of the CMake project.
std::string Version();
// The git revision the build was made from, "unknown" outside a checkout.
std::string Revision();

}  // namespace bitsweep

#endif  // BITSWEEP_CORE_BASE_VERSION_H_
