// The budget of the caches: which policy gives way, and when it is tried again.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controller/base/log.h"
#include "reconcilers/policy/watches_served.h"

namespace kr::policy {

namespace {

// Memory is looked at whenever this part of the budget has come in: a list that is far too large is
// not read to its end.
constexpr size_t kLooksPerBudget = 64;

size_t PoolBytes(const document::Decoder& decoder) {
  const document::Decoder::PoolStats pools = decoder.pool_stats();
  return pools.interned_bytes + pools.shared_bytes;
}

}  // namespace

size_t Watches::cache_bytes() const {
  return informers_.bytes() + relations_.bytes() + PoolBytes(context_.decoder);
}

size_t Watches::dismissed() const {
  return static_cast<size_t>(std::count_if(served_.begin(), served_.end(), [](const auto& entry) {
    return entry.second->dismissed.has_value();
  }));
}

void Watches::NoteGrowth(size_t bytes) {
  if (options_.memory.max_bytes == 0) return;
  grown_ += bytes;
  const size_t pools = PoolBytes(context_.decoder);  // where much of a document may be
  const size_t grown = grown_ + (pools > pools_ ? pools - pools_ : 0);
  if (grown >= options_.memory.max_bytes / kLooksPerBudget) ScheduleMemoryCheck();
}

void Watches::ScheduleMemoryCheck() {
  if (options_.memory.max_bytes == 0 || std::exchange(memory_check_scheduled_, true)) return;
  // Not here: the informer that calls may be the one to close.
  engine_.After(absl::ZeroDuration(), [weak = std::weak_ptr(self_)] {
    if (auto self = weak.lock()) (*self)->CheckMemory();
  });
}

// Each object is replaced as it comes, by one that keeps less: memory is free at the end of the
// list.
bool Watches::IsNarrowing() const {
  if (narrowing_.empty()) return false;
  bool open = false;
  informers_.ForEach([&](const cache::Informer& informer) {
    open = open || informer.spec().scope.ToString() == narrowing_;
  });
  return open;
}

void Watches::CheckMemory() {
  memory_check_scheduled_ = false;
  grown_ = 0;
  pools_ = PoolBytes(context_.decoder);
  const size_t used = cache_bytes();
  const size_t max = options_.memory.max_bytes;
  if (IsNarrowing() && used <= peak_ + max / 8) return;
  if (used <= max) short_of_memory_ = false;
  // Nobody could give way: that is another question only when others watch.
  if (used <= max || short_of_memory_) return;
  // Also of a policy that was edited while a remediation keeps to the old one: both or none.
  struct Asker {
    absl::Time since = absl::InfinitePast();
    std::vector<Served*> parts;
  };
  std::map<std::string, Asker> by_uid;
  for (auto& [key, served] : served_) {
    if (!served->missing.ok()) continue;
    Asker& asker = by_uid[served->policy->uid];
    asker.since = std::max(asker.since, served->since);
    asker.parts.push_back(served.get());
  }
  std::vector<Asker> youngest_first;
  for (auto& [uid, asker] : by_uid) youngest_first.push_back(std::move(asker));
  std::stable_sort(youngest_first.begin(), youngest_first.end(),
                   [](const Asker& a, const Asker& b) { return a.since > b.since; });
  std::vector<std::vector<cache::Need>> needs;
  for (const Asker& asker : youngest_first) {
    std::vector<cache::Need>& all = needs.emplace_back();
    for (const Served* part : asker.parts) {
      for (cache::Need& need : NeedsOf(*part)) all.push_back(std::move(need));
    }
  }
  // Indexes and what documents share count for each watch in proportion.
  const double share =
      static_cast<double>(used) / static_cast<double>(std::max(informers_.bytes(), size_t{1}));
  const auto bytes = [&](const cache::WatchScope& scope) {
    size_t size = 0;
    informers_.ForEach([&](const cache::Informer& informer) {
      if (informer.spec().scope == scope) size = informer.store().bytes();
    });
    return static_cast<size_t>(static_cast<double>(size) * share);
  };
  const GivingWay gives = WhoGivesWay(options_.memory, needs, CommonNeeds(), bytes);
  for (const size_t i : gives.who) {
    for (Served* part : youngest_first[i].parts) Dismiss(*part, gives, used);
  }
  if (!gives.who.empty()) {
    narrowing_ = gives.closed ? "" : gives.watch;
    peak_ = used;
    memory_freed_ = true;
    Rebuild();
    ScheduleMemoryCheck();
  } else {
    short_of_memory_ = true;
    log::Error("The caches are larger than they may be, and no policy can give way",
               {{"bytes", std::to_string(used)}, {"max", std::to_string(max)}});
  }
}

void Watches::Dismiss(Served& served, const GivingWay& gives, size_t used) {
  const absl::Duration pause = std::max(served.pause, options_.memory.retry);
  served.pause = std::min(pause * 2, options_.memory.retry_max);
  const absl::Time until = engine_.clock().Now() + pause;
  served.dismissed = {
      .message = absl::StrCat(
          "what is watched does not fit into memory: it takes ", BytesText(used), ", at most ",
          BytesText(options_.memory.max_bytes),
          " are allowed (watches.maxBytes). This policy gave way: it needs ",
          gives.closed ? "the watch of " : "more fields of the objects in the watch of ",
          gives.watch, " (", BytesText(gives.bytes),
          "), and no policy that stays does. It is tried again at ",
          absl::FormatTime(absl::RFC3339_sec, until, absl::UTCTimeZone()),
          ", and at once when it is edited or another policy goes"),
      .until = until};
  log::Warning("A policy gave way to the budget of the caches",
               {{"policy", served.policy->name}, {"why", served.dismissed->message}});
  engine_.After(pause, [weak = std::weak_ptr(self_), policy = served.policy, until] {
    if (auto self = weak.lock()) (*self)->Readmit(policy, until);
  });
}

// A policy that was let back before its time and gave way again has a later time.
void Watches::Readmit(const CompiledPolicyPtr& policy, absl::Time gave_way_until) {
  const auto it = served_.find(policy.get());
  if (it == served_.end() || !it->second->dismissed) return;
  if (it->second->dismissed->until != gave_way_until) return;
  it->second->dismissed.reset();
  it->second->since = engine_.clock().Now();
  Rebuild();
}

}  // namespace kr::policy
