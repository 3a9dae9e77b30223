// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite/verify.h"

#include "core/base/ids.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "server/store/sqlite/rows.h"
#include "server/store/sqlite/sqlite_store.h"

namespace bitsweep::store {
namespace {

// A query whose every row is a problem; its first column is the description.
struct Check {
  const char* name;
  const char* sql;
};

constexpr Check kCounterChecks[] = {
    {"counters",
     "SELECT s.name || ': counter ' || c.state || ' is ' || c.jobs || ', the rows say ' || "
     "coalesce(n, 0) FROM counters c JOIN queue_sources s ON s.id = c.submission LEFT JOIN (SELECT "
     "submission, state, count(*) AS n FROM jobs GROUP BY submission, state) r ON r.submission = "
     "c.submission AND r.state = c.state WHERE c.jobs <> coalesce(n, 0)"},
    {"counters",
     "SELECT s.name || ': ' || count(*) || ' counters, expected 7' FROM queue_sources s LEFT JOIN "
     "counters c ON c.submission = s.id GROUP BY s.id HAVING count(c.state) <> 7"},
    {"counters",
     "SELECT s.sweep_id || ': ' || (SELECT sum(jobs) FROM counters c WHERE c.submission = s.id) || "
     "' trials counted, ' || s.trial_count || ' planned' FROM sweeps s WHERE s.trial_count <> "
     "(SELECT sum(jobs) FROM counters c WHERE c.submission = s.id)"},
    {"counters",
     "SELECT s.transform_id || ': ' || (SELECT sum(jobs) FROM counters c WHERE c.submission = "
     "s.id) "
     "|| ' jobs counted, ' || s.job_count || ' planned' FROM transforms s WHERE s.job_count <> "
     "(SELECT sum(jobs) FROM counters c WHERE c.submission = s.id)"},
    {"counters",
     "SELECT 'submission ' || u.id || ' is neither a sweep nor a transform' FROM submissions u "
     "WHERE NOT EXISTS (SELECT 1 FROM queue_sources s WHERE s.id = u.id)"},
    {"counters",
     "SELECT s.name || ' has no submission' FROM queue_sources s WHERE NOT EXISTS (SELECT 1 FROM "
     "submissions u WHERE u.id = s.id)"},
};

constexpr Check kRowChecks[] = {
    {"states",
     "SELECT 'trial ' || t.number || ' of sweep row ' || t.sweep || ' is ' || t.state || ', its "
     "job ' || j.state "
     "FROM trials t JOIN jobs j ON j.id = t.job WHERE t.state <> j.state"},
    {"states",
     "SELECT s.sweep_id || ': ' || count(t.job) || ' trials, ' || s.trial_count || ' planned' FROM "
     "sweeps s "
     "LEFT JOIN trials t ON t.sweep = s.id GROUP BY s.id HAVING count(t.job) <> s.trial_count"},
    {"states",
     "SELECT s.sweep_id || ': trial ' || t.number || ' is configuration ' || t.configuration || ' "
     "repeat ' || "
     "t.repeat FROM trials t JOIN sweeps s ON s.id = t.sweep WHERE t.configuration <> t.number / "
     "s.repeats OR "
     "t.repeat <> t.number % s.repeats OR t.job <> s.first_job + t.number"},
    {"states",
     "SELECT s.name || ': ended is ' || (s.end_time IS NOT NULL) || ' but open jobs are ' || open "
     "FROM queue_sources s JOIN (SELECT submission, sum(iif(state IN ('QUEUED', 'LEASED', "
     "'RUNNING'), jobs, 0)) AS open FROM counters GROUP BY submission) c ON c.submission = s.id "
     "WHERE (s.end_time IS NULL) <> (open > 0)"},
    {"states",
     "SELECT 'job ' || t.number || ' of transform row ' || t.transform || ' is ' || t.state || ', "
     "its queue row ' || j.state FROM transform_jobs t JOIN jobs j ON j.id = t.job WHERE t.state "
     "<> "
     "j.state OR t.number <> j.number OR t.transform <> j.submission"},
    {"states",
     "SELECT s.transform_id || ': ' || count(t.job) || ' jobs, ' || s.job_count || ' planned' FROM "
     "transforms s LEFT JOIN transform_jobs t ON t.transform = s.id GROUP BY s.id HAVING "
     "count(t.job) <> s.job_count"},
    {"results",
     "SELECT s.transform_id || ': job ' || t.number || ' is ' || t.state || ' with ' || "
     "count(p.position) || ' pass results, the last at ' || coalesce(max(p.position), -1) FROM "
     "transform_jobs t JOIN transforms s ON s.id = t.transform LEFT JOIN pass_results p ON p.job = "
     "t.job GROUP BY t.job HAVING (count(p.position) > 0) <> (t.state = 'SUCCEEDED') OR "
     "count(p.position) <> coalesce(max(p.position), -1) + 1"},
    {"results",
     "SELECT s.transform_id || ': job ' || t.number || ' has ' || count(a.number) || ' attempts "
     "that succeeded' FROM transform_jobs t JOIN transforms s ON s.id = t.transform LEFT JOIN "
     "attempts a ON a.job = t.job AND a.outcome = 'SUCCEEDED' GROUP BY t.job HAVING "
     "count(a.number) <> (t.state = 'SUCCEEDED')"},
    {"results",
     "SELECT s.sweep_id || ': trial ' || t.number || ' has ' || count(e.epoch) || ' epochs, its "
     "result ' || t.epochs "
     "FROM trials t JOIN sweeps s ON s.id = t.sweep LEFT JOIN epochs e ON e.job = t.job WHERE "
     "t.state = 'SUCCEEDED' "
     "GROUP BY t.job HAVING count(e.epoch) <> t.epochs"},
    {"results",
     "SELECT s.sweep_id || ': trial ' || t.number || ' has ' || count(a.number) || ' attempts that "
     "succeeded' "
     "FROM trials t JOIN sweeps s ON s.id = t.sweep LEFT JOIN attempts a ON a.job = t.job AND "
     "a.outcome = 'SUCCEEDED' GROUP BY t.job HAVING count(a.number) <> (t.state = 'SUCCEEDED')"},
    {"results",
     "SELECT s.sweep_id || ': trial ' || t.number || ' val_acc ' || t.val_acc || ' is not its last "
     "epoch''s ' || "
     "e.val_acc FROM trials t JOIN sweeps s ON s.id = t.sweep JOIN epochs e ON e.job = t.job AND "
     "e.epoch = t.epochs - 1 WHERE t.state = 'SUCCEEDED' AND t.val_acc <> e.val_acc"},
    {"leases",
     "SELECT 'job ' || j.id || ' is ' || j.state || ' with ' || count(a.number) || ' open "
     "attempts' FROM jobs j "
     "LEFT JOIN attempts a ON a.job = j.id AND a.outcome IS NULL GROUP BY j.id "
     "HAVING count(a.number) <> (j.state IN ('LEASED', 'RUNNING'))"},
    {"leases",
     "SELECT 'job ' || j.id || ' has attempt ' || j.attempt || ' and ' || count(a.number) || ' "
     "attempt rows' "
     "FROM jobs j LEFT JOIN attempts a ON a.job = j.id GROUP BY j.id HAVING count(a.number) <> "
     "j.attempt"},
    {"events",
     "SELECT s.name || ': job ' || e.number || ' went from ' || e.from_state || ' where it was ' "
     "|| "
     "prior FROM (SELECT submission, number, from_state, coalesce(lag(to_state) OVER (PARTITION BY "
     "submission, number ORDER BY id), 'QUEUED') AS prior FROM events WHERE number IS NOT NULL) e "
     "JOIN queue_sources s ON s.id = e.submission WHERE e.from_state <> prior"},
    {"events",
     "SELECT s.name || ': job ' || t.number || ' is ' || t.state || ', its last event says ' || "
     "last FROM (SELECT j.submission, j.number, j.state, coalesce(e.to_state, 'QUEUED') AS last "
     "FROM jobs j LEFT JOIN (SELECT submission, number, to_state, max(id) FROM events WHERE number "
     "IS NOT NULL GROUP BY submission, number) e ON e.submission = j.submission AND e.number = "
     "j.number) t JOIN queue_sources s ON s.id = t.submission WHERE t.state <> last"},
    {"events",
     "SELECT s.sweep_id || ': revision ' || s.revision || ', its last event is ' || "
     "coalesce(max(e.id), 0) FROM sweeps s LEFT JOIN events e ON e.submission = s.id GROUP BY s.id "
     "HAVING s.revision <> coalesce(max(e.id), 0)"},
    {"events",
     "SELECT s.transform_id || ': revision ' || s.revision || ', its last event is ' || "
     "coalesce(max(e.id), 0) FROM transforms s LEFT JOIN events e ON e.submission = s.id GROUP BY "
     "s.id HAVING s.revision <> coalesce(max(e.id), 0)"},
    {"artifacts",
     "SELECT s.sweep_id || ': model of trial ' || m.trial || ' is not its result''s artifact' FROM "
     "models m JOIN "
     "sweeps s ON s.id = m.sweep LEFT JOIN trials t ON t.sweep = m.sweep AND t.number = m.trial "
     "WHERE t.artifact IS NULL OR t.artifact <> m.artifact"},
    {"artifacts",
     "SELECT s.transform_id || ': model of job ' || m.job_number || ' is not its result''s "
     "artifact' "
     "FROM models m JOIN transforms s ON s.id = m.transform LEFT JOIN transform_jobs t ON "
     "t.transform = m.transform AND t.number = m.job_number WHERE t.artifact IS NULL OR t.artifact "
     "<> m.artifact"},
};

void RunCheck(Connection& db, const Check& check, VerifyReport& report) {
  Statement row = db.Prepare(check.sql);
  for (int found = 0; found < 100 && row.Step(); ++found) {
    report.problems.push_back({check.name, row.Text(0)});
  }
}

// A sweep's or transform's state is a function of its counters and flags.
void CheckStates(Connection& db, VerifyReport& report) {
  Statement row = db.Prepare(
      "SELECT id, 'sweeps/' || sweep_id, state, paused, cancelled, stopped_by_policy FROM sweeps "
      "UNION ALL SELECT id, 'transforms/' || transform_id, state, paused, cancelled, "
      "stopped_by_policy FROM transforms");
  while (row.Step()) {
    const spec::SweepFlags flags{.paused = row.Int(3) != 0,
                                 .cancelled = row.Int(4) != 0,
                                 .stopped_by_policy = row.Int(5) != 0};
    const std::string_view derived =
        spec::Name(spec::DeriveSweepState(LoadCounts(db, SubmissionId{row.Int(0)}), flags));
    if (row.Text(2) != derived) {
      report.problems.push_back(
          {"states", fmt::format("{}: the state is {}, counters and flags say {}", row.Text(1),
                                 row.Text(2), derived)});
    }
  }
}

std::int64_t Count(Connection& db, const char* sql) {
  Statement row = db.Prepare(sql);
  return row.Step() ? row.Int(0) : 0;
}

}  // namespace

void VerifyRows(Connection& db, VerifyDepth depth, VerifyReport& report) {
  report.sweeps = Count(db, "SELECT count(*) FROM sweeps");
  report.transforms = Count(db, "SELECT count(*) FROM transforms");
  report.trials = Count(db, "SELECT coalesce(sum(trial_count), 0) FROM sweeps");
  for (const Check& check : kCounterChecks) RunCheck(db, check, report);
  if (depth == VerifyDepth::kCounters) return;
  report.trials = Count(db, "SELECT count(*) FROM trials");
  for (const Check& check : kRowChecks) RunCheck(db, check, report);
  CheckStates(db, report);
  if (depth == VerifyDepth::kRows) return;
  Statement row = db.Prepare("PRAGMA integrity_check(20)");
  while (row.Step()) {
    if (row.Text(0) != "ok") report.problems.push_back({"integrity", row.Text(0)});
  }
  Statement foreign = db.Prepare("PRAGMA foreign_key_check");
  while (foreign.Step()) {
    report.problems.push_back({"integrity", fmt::format("table {} row {} refers to a missing row",
                                                        foreign.Text(0), foreign.Int(1))});
  }
}

absl::StatusOr<VerifyReport> SqliteStore::Verify(VerifyDepth depth) {
  VerifyReport report;
  std::vector<ArtifactRecord> artifacts;
  RETURN_IF_ERROR(readers_.Read([&](Connection& db) {
    VerifyRows(db, depth, report);
    Statement row = db.Query("SELECT sha256, size_bytes FROM artifacts");
    while (row.Step()) artifacts.push_back({row.Text(0), row.Int(1), {}});
    return absl::OkStatus();
  }));
  report.artifacts = static_cast<std::int64_t>(artifacts.size());
  if (depth != VerifyDepth::kDeep) return report;
  for (const ArtifactRecord& artifact : artifacts) {
    const absl::Status status = files_->Check(artifact.sha256, artifact.size_bytes);
    if (!status.ok()) report.problems.push_back({"artifacts", std::string(status.message())});
  }
  return report;
}

}  // namespace bitsweep::store
