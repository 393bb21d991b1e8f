#include "reconcilers/limits/history.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crds/v1alpha1/common.h"
#include "reconcilers/limits/observe_budget.h"
#include "tests/reconcilers/limits/limits_testing.h"

namespace kr::limits {
namespace {

using crds::Phase;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Settings kSettings;
constexpr int64_t kGeneration = 5;
const absl::Time kNow = At(12) + absl::Hours(24 * 30);

HistoryEntry Entry(std::string lineage, int64_t n, Phase outcome, absl::Duration age) {
  HistoryEntry entry;
  entry.name = lineage + "-" + std::to_string(n);
  entry.lineage = std::move(lineage);
  entry.outcome = outcome;
  entry.finished_at = kNow - age;
  entry.policy_generation = kGeneration;
  entry.ledger.n = n;
  return entry;
}

std::vector<std::string> Prune(const std::vector<HistoryEntry>& entries,
                               const crds::History& history = {}) {
  return Prunable(entries, {.history = history, .generation = kGeneration}, kSettings, kNow);
}

TEST(HistoryTest, KeepsTheYoungestOfEachOutcome) {
  crds::History history{.succeeded = 2, .failed = 1};
  std::vector<HistoryEntry> entries = {
      Entry("a", 1, Phase::kSucceeded, absl::Hours(50)),
      Entry("b", 1, Phase::kSucceeded, absl::Hours(40)),
      Entry("c", 1, Phase::kSucceeded, absl::Hours(30)),
      Entry("d", 1, Phase::kFailed, absl::Hours(52)),
      Entry("e", 1, Phase::kReported, absl::Hours(51)),
      Entry("f", 1, Phase::kCancelled, absl::Hours(49)),
  };
  EXPECT_THAT(Prune(entries, history), ElementsAre("d-1", "e-1", "a-1")) << "oldest first";
}

TEST(HistoryTest, NothingIsKeptForever) {
  EXPECT_THAT(Prune({Entry("a", 1, Phase::kSucceeded, absl::Hours(168))}), ElementsAre("a-1"));
  EXPECT_THAT(Prune({Entry("a", 1, Phase::kSucceeded, absl::Hours(167))}), IsEmpty());
}

TEST(HistoryTest, WhatExpressionsReadOfTheLastDayIsKept) {
  std::vector<HistoryEntry> entries;
  for (int64_t n = 1; n <= 12; ++n) {
    entries.push_back(Entry("a", n, Phase::kSucceeded, absl::Hours(13 - n)));
  }
  entries.push_back(Entry("b", 1, Phase::kSucceeded, absl::Hours(24)));
  PruneRules rules{.history = {.succeeded = 0}, .generation = kGeneration};
  EXPECT_EQ(Prunable(entries, rules, kSettings, kNow).size(), 12u) << "all but the newest";
  rules.reads_previous = true;
  EXPECT_THAT(Prunable(entries, rules, kSettings, kNow), ElementsAre("b-1", "a-1", "a-2"));
}

// What a lineage's newest one knows is needed, however small the history is.
TEST(HistoryTest, PruningKeepsWhatStillCounts) {
  struct Case {
    const char* name;
    std::function<void(HistoryEntry&)> change;
    bool pruned;
  };
  const absl::Duration two_days = absl::Hours(48);
  const Case cases[] = {
      {"nothing to remember", [](HistoryEntry&) {}, true},
      {"a live cooldown",
       [](HistoryEntry& e) { e.ledger.cooldown_until = kNow + absl::Seconds(1); }, false},
      {"a cooldown that is over", [](HistoryEntry& e) { e.ledger.cooldown_until = kNow; }, true},
      {"exhausted", [](HistoryEntry& e) { e.ledger.exhausted = true; }, false},
      {"exhausted under an older policy",
       [](HistoryEntry& e) {
         e.ledger.exhausted = true;
         e.policy_generation = kGeneration - 1;
       },
       true},
      {"disputed",
       [](HistoryEntry& e) { e.contended = crds::Contended{.count = 2, .manager = "argocd"}; },
       false},
      {"a revert that could become a dispute",
       [](HistoryEntry& e) {
         e.contended = crds::Contended{.count = 1, .last_at = kNow - absl::Hours(23)};
       },
       false},
      {"an old revert",
       [](HistoryEntry& e) {
         e.contended = crds::Contended{.count = 1, .last_at = kNow - absl::Hours(24)};
       },
       true},
      {"a success that may still relapse",
       [](HistoryEntry& e) {
         e.outcome = Phase::kSucceeded;
         e.finished_at = kNow - absl::Hours(23);
       },
       false},
      {"a failure that may still be followed by the next",
       [](HistoryEntry& e) {
         e.ledger.failures = 1;
         e.finished_at = kNow - absl::Hours(23);
       },
       false},
      {"outstanding effects", [](HistoryEntry& e) { e.outstanding = true; }, false},
      {"open", [](HistoryEntry& e) { e.outcome.reset(); }, false},
  };
  crds::History none{.succeeded = 0, .failed = 0};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    HistoryEntry entry = Entry("a", 1, Phase::kFailed, two_days);
    c.change(entry);
    EXPECT_EQ(Prune({entry}, none).empty(), !c.pruned);
  }
}

TEST(HistoryTest, OnlyTheNewestOfALineageHasTheMemory) {
  HistoryEntry older = Entry("a", 1, Phase::kFailed, absl::Hours(2));
  HistoryEntry newer = Entry("a", 2, Phase::kFailed, absl::Hours(1));
  older.ledger.cooldown_until = newer.ledger.cooldown_until = kNow + absl::Hours(1);
  crds::History none{.succeeded = 0, .failed = 0};
  EXPECT_THAT(Prune({older, newer}, none), ElementsAre("a-1"));
  EXPECT_THAT(Prune({newer, older}, none), ElementsAre("a-1"));
  HistoryEntry open = Entry("a", 3, Phase::kFailed, absl::ZeroDuration());
  open.outcome.reset();
  EXPECT_THAT(Prune({older, newer, open}, none), ElementsAre("a-1", "a-2"));
}

TEST(HistoryTest, ObservationsHaveARoomOfTheirOwn) {
  std::vector<HistoryEntry> entries;
  for (int64_t i = 0; i < kObservedKept + 1; ++i) {
    entries.push_back(Entry("t" + std::to_string(i), 1, Phase::kObserved, absl::Minutes(i)));
  }
  EXPECT_THAT(Prune(entries), ElementsAre("t" + std::to_string(kObservedKept) + "-1"));
}

TEST(HistoryTest, WhatTheRateCountsStays) {
  crds::History none{.succeeded = 0, .failed = 0};
  HistoryEntry counted = Entry("a", 1, Phase::kCancelled, absl::Minutes(15));
  counted.created = kNow - absl::Minutes(59);
  HistoryEntry aged = Entry("b", 1, Phase::kCancelled, absl::Minutes(15));
  aged.created = kNow - absl::Minutes(60);
  const PruneRules rules{.history = none,
                         .rate = crds::RateLimit{.count = 1, .within = absl::Hours(1)},
                         .generation = kGeneration};
  EXPECT_THAT(Prunable(std::vector{counted, aged}, rules, kSettings, kNow), ElementsAre("b-1"));
}

// It may make the next one wait: that there was nothing to do must not be forgotten at once.
TEST(HistoryTest, TheNewestOfThoseThatWereCancelledStaysAWhile) {
  const PruneRules rules{.history = {.succeeded = 0, .failed = 0}, .generation = kGeneration};
  const std::vector entries{Entry("a", 1, Phase::kCancelled, absl::Minutes(8)),
                            Entry("a", 2, Phase::kCancelled, absl::Minutes(9)),
                            Entry("b", 1, Phase::kCancelled, absl::Minutes(11))};
  EXPECT_THAT(Prunable(entries, rules, kSettings, kNow), ElementsAre("b-1", "a-1"));
}

TEST(HistoryTest, ReadsARemediation) {
  crds::Remediation remediation;
  remediation.metadata.name = "p-t-0123456789abcdef-3";
  remediation.metadata.finalizers = {std::string(crds::kEffectsFinalizer)};
  remediation.metadata.creation_timestamp = kNow;
  remediation.status.lineage = "digest";
  HistoryEntry entry = ToHistoryEntry(remediation);
  EXPECT_EQ(entry.name, remediation.metadata.name);
  EXPECT_EQ(entry.lineage, "digest");
  EXPECT_EQ(entry.created, kNow);
  EXPECT_EQ(entry.outcome, std::nullopt);
  EXPECT_EQ(entry.ledger.n, 3);
  EXPECT_TRUE(entry.outstanding);
}

}  // namespace
}  // namespace kr::limits
