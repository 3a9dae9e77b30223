// SPDX-License-Identifier: Apache-2.0
// crash_child FOLDER SEED: random operations on the store of FOLDER until a failpoint ends it. Each
// one that was answered OK is a line on stdout, written at once.
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/base/sha256.h"
#include "server/store/sqlite/open.h"
#include "tests/server/store/store_fixture.h"

namespace bitsweep::store {
namespace {

void Acknowledge(const std::string& line) {
  const std::string text = line + "\n";
  if (write(STDOUT_FILENO, text.data(), text.size()) < 0) _exit(1);
}

int Run(const std::string& folder, std::uint64_t seed) {
  auto opened = OpenSqliteStore({.data_dir = folder, .readers = 1, .min_free_bytes = 0});
  if (!opened.ok()) return 2;
  Store& store = **opened;
  Random random(seed, RandomStream::kShuffle);
  const std::string prefix = "run-" + std::to_string(seed) + "-";
  for (int i = 0; i < 1000; ++i) {
    const std::string id = prefix + std::to_string(i);
    const auto sweep = store.Submit(Planned(id, GridSpec(2, 1)), At(0));
    if (!sweep.ok()) return 3;
    Acknowledge("submitted " + id);
    const auto leased = store.Lease({{sweep->sweep.row, "w", 2}}, At(1));
    if (!leased.ok() || leased->size() != 2) return 4;
    Acknowledge("leased " + id);
    const std::string bytes = "checkpoint of " + id;
    spec::TrialResult result = Result(0.5);
    result.artifact = Sha256Hex(bytes);
    auto upload = store.Begin(result.artifact, static_cast<std::int64_t>(bytes.size()));
    if (!upload.ok() || !(*upload)->Append(bytes).ok() || !(*upload)->Commit(At(1)).ok()) return 5;
    Acknowledge("uploaded " + result.artifact);
    if (random.NextBelow(2) == 0) {
      if (!store.Complete((*leased)[0].ref, Epochs(2, 0.5), result, At(2)).ok()) return 6;
      Acknowledge("completed " + id);
    } else {
      const spec::JobFailure failure{spec::FailureReason::kNanLoss, "NaN"};
      if (!store.Fail((*leased)[0].ref, failure, {}, At(2)).ok()) return 7;
      Acknowledge("failed " + id);
    }
  }
  return 0;
}

}  // namespace
}  // namespace bitsweep::store

int main(int argc, char** argv) {
  if (argc != 3) return 1;
  return bitsweep::store::Run(argv[1], std::strtoull(argv[2], nullptr, 10));
}
