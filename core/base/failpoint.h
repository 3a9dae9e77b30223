// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_BASE_FAILPOINT_H_
#define BITSWEEP_CORE_BASE_FAILPOINT_H_

#include <string_view>

namespace bitsweep {

// A named point at which a test can make the program die as a crash would: at once, nothing
// flushed, no destructor run.
//
// The environment variable BITSWEEP_FAILPOINTS, read at the first call, lists points separated by
// commas: "store.before_commit" dies at the first time the point is reached,
// "store.before_commit:17" at the 17th. Dying means one line on stderr and _exit(70). A point that
// is not listed does nothing; without the variable a call costs one test of a static bool.
// Thread-safe.
//
// Points: store.before_commit and store.after_commit (writer thread, around each COMMIT),
// scheduler.after_lease (leases are committed, no worker has heard), rpc.before_reply (SubmitSweep
// and CompleteJob are committed, the caller has not heard), artifact.mid_upload (before the bytes
// of a chunk are written).
void Failpoint(std::string_view name);

}  // namespace bitsweep

#endif  // BITSWEEP_CORE_BASE_FAILPOINT_H_
