// SPDX-License-Identifier: Apache-2.0
// The canonical JSON of specifications: what the store keeps and what digests are taken of.
#ifndef BITSWEEP_CORE_SPEC_SPEC_JSON_H_
#define BITSWEEP_CORE_SPEC_SPEC_JSON_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/spec/sweep_spec.h"

namespace bitsweep::spec {

// Sorted keys, no spaces, every field present but unset optionals, enums by Name(), doubles in
// shortest round-trip form. Equal specs have equal text.
std::string ToCanonicalJson(const SweepSpec& spec);

// The inverse. InvalidArgument names the field that is missing, unknown or of the wrong type.
absl::StatusOr<SweepSpec> SweepSpecFromJson(std::string_view json);

// SHA-256 of the canonical text, hex.
std::string SpecDigest(const SweepSpec& spec);

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_SPEC_JSON_H_
