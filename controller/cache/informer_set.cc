#include "controller/cache/informer_set.h"

#include <algorithm>
#include <utility>

namespace kr::cache {

using document::DocumentPtr;
using document::Projection;

bool View::Stale(absl::Duration patience) const {
  return !ready_ || std::any_of(informers_.begin(), informers_.end(),
                                [&](const Informer* part) { return part->Stale(patience); });
}

bool View::HasSeen(std::string_view version) const {
  return ready_ && std::all_of(informers_.begin(), informers_.end(), [&](const Informer* part) {
           return part->store().HasSeen(version);
         });
}

bool View::HasSeen(std::string_view name_space, std::string_view version) const {
  return ready_ && std::all_of(informers_.begin(), informers_.end(), [&](const Informer* part) {
           const std::string& scope = part->spec().scope.name_space;
           return (!scope.empty() && scope != name_space) || part->store().HasSeen(version);
         });
}

Status View::problem() const {
  for (const Informer* part : informers_) {
    if (Status problem = part->reflector().status().problem; !problem.ok()) return problem;
  }
  return OkStatus();
}

DocumentPtr View::Find(std::string_view name_space, std::string_view name) const {
  for (const Informer* part : informers_) {
    if (DocumentPtr object = part->store().Find(name_space, name)) return object;
  }
  return DocumentPtr();
}

std::optional<ObjectId> View::FindId(std::string_view name_space, std::string_view name) const {
  for (const Informer* part : informers_) {
    if (const auto id = part->store().FindId(name_space, name)) return id;
  }
  return std::nullopt;
}

void View::ForEach(absl::FunctionRef<void(ObjectId, const DocumentPtr&)> visit) const {
  for (const Informer* part : informers_) part->store().ForEach(visit);
}

// Between the informers and their observer: also the set must know when one has synced.
class InformerSet::Relay final : public InformerObserver {
 public:
  explicit Relay(InformerSet& set) : set_(set) {}
  void OnChange(const Informer& informer, ObjectId id, const DocumentPtr& before,
                const DocumentPtr& after) override {
    set_.observer_.OnChange(informer, id, before, after);
  }
  void OnProblem(const Informer& informer) override { set_.observer_.OnProblem(informer); }
  void OnSynced(const Informer& informer) override {
    set_.observer_.OnSynced(informer);
    set_.ViewsChanged();
    // Not here: the informer that calls may be the one to close.
    set_.Later(absl::ZeroDuration(), [](InformerSet& set) { set.CloseReplaced(); });
  }

 private:
  InformerSet& set_;
};

// What the plan wants of it is there.
bool InformerSet::Entry::Settled() const {
  const Projection::Ptr& swept = informer->swept_projection();
  return swept != nullptr && swept->Covers(*wanted.projection);
}

InformerSet::InformerSet(const Options& options, const WatchContext& context, ObjectTable& objects,
                         InformerObserver& observer)
    : options_(options),
      context_(context),
      objects_(objects),
      observer_(observer),
      relay_(std::make_unique<Relay>(*this)),
      self_(std::make_shared<InformerSet*>(this)) {}

InformerSet::~InformerSet() = default;

void InformerSet::Apply(const std::vector<Need>& needs) {
  for (auto& [scope, entry] : entries_) entry.planned = false;
  const size_t open_before = entries_.size();
  for (const WatchSpec& spec : PlanWatches(needs)) {
    Entry& entry = entries_[spec.scope];
    entry.planned = true;
    entry.wanted = spec;
    if (entry.informer == nullptr) Open(spec);
  }
  if (entries_.size() != open_before) ViewsChanged();
  SettleIn(options_.settle);
}

void InformerSet::ApplyAtOnce(const std::vector<Need>& needs) {
  Apply(needs);
  Close([](const Entry& entry) { return !entry.planned; });
  const MonotonicTime long_ago = context_.clock.Monotonic() + -options_.min_shrink_interval;
  for (auto& [scope, entry] : entries_) entry.last_shrink = long_ago;
  Settle();
}

void InformerSet::Open(const WatchSpec& spec) {
  Entry& entry = entries_[spec.scope];
  entry.informer = std::make_unique<Informer>(spec, options_.watch, context_, objects_, *relay_);
  entry.last_shrink = context_.clock.Monotonic();
  entry.informer->Start();
}

void InformerSet::Settle() {
  settle_at_ = MonotonicTime::InfiniteFuture();
  const MonotonicTime now = context_.clock.Monotonic();
  absl::Duration next = absl::InfiniteDuration();
  bool reprojected = false;
  for (auto& [scope, entry] : entries_) {
    if (!entry.planned) continue;
    const WatchSpec& current = entry.informer->spec();
    const WatchSpec& wanted = entry.wanted;
    const bool grows = !current.projection->Covers(*wanted.projection) ||
                       (current.metadata_only && !wanted.metadata_only);
    const bool shrinks = !wanted.projection->Covers(*current.projection);
    if (!grows && !shrinks) continue;
    const absl::Duration wait = entry.last_shrink + options_.min_shrink_interval - now;
    if (!grows && wait > absl::ZeroDuration()) {
      next = std::min(next, wait);
      continue;
    }
    entry.last_shrink = now;
    // Never both at once: documents of before and after would have little in common to be used.
    const Projection::Ptr projection =
        grows ? Unite(current.projection, wanted.projection) : wanted.projection;
    if (grows && shrinks) next = std::min(next, options_.min_shrink_interval);
    entry.informer->Reproject(projection, projection->MetadataOnly());
    reprojected = true;
  }
  if (reprojected) ViewsChanged();
  if (next < absl::InfiniteDuration()) SettleIn(next);
  CloseReplaced();
}

void InformerSet::CloseReplaced() {
  // Who serves until something else of the same resource does.
  const auto replaced = [&](const Entry& old) {
    return std::all_of(entries_.begin(), entries_.end(), [&](const auto& other) {
      return !other.second.planned || other.first.resource != old.informer->spec().scope.resource ||
             other.second.Settled();
    });
  };
  Close([&](const Entry& entry) { return !entry.planned && replaced(entry); });
}

void InformerSet::Close(absl::FunctionRef<bool(const Entry&)> which) {
  std::map<WatchScope, Entry> closing;
  for (auto it = entries_.begin(); it != entries_.end();) {
    const auto entry = it++;
    if (which(entry->second)) closing.insert(entries_.extract(entry));
  }
  if (!closing.empty()) ViewsChanged();
}

void InformerSet::ViewsChanged() {
  ++version_;
  observer_.OnViewsChanged();
}

void InformerSet::SettleIn(absl::Duration delay) {
  const MonotonicTime at = context_.clock.Monotonic() + delay;
  if (settle_at_ <= at) return;
  settle_at_ = at;
  Later(delay, [round = ++settle_round_](InformerSet& set) {
    if (set.settle_round_ == round) set.Settle();
  });
}

void InformerSet::Later(absl::Duration delay, std::function<void(InformerSet&)> task) {
  context_.transport.Post(
      [&flow = context_.flow, weak = std::weak_ptr<InformerSet*>(self_), task = std::move(task)] {
        flow.Post(0, [weak, task] {
          if (const auto self = weak.lock()) task(**self);
        });
      },
      delay);
}

const Informer* InformerSet::Serve(const WatchScope& scope, const Projection& projection) const {
  const Informer* best = nullptr;
  int best_rank = -1;
  for (const auto& [open, entry] : entries_) {
    if (!open.Covers(scope)) continue;
    const Projection::Ptr& swept = entry.informer->swept_projection();
    const bool serves = swept != nullptr && swept->Covers(projection);
    const int rank = (serves ? 4 : 0) + (entry.planned ? 2 : 0) + (swept != nullptr ? 1 : 0);
    if (rank > best_rank) {
      best = entry.informer.get();
      best_rank = rank;
    }
  }
  return best;
}

View InformerSet::Find(const Need& need) const {
  View view;
  const Projection::Ptr projection = ServedProjection(need);
  view.ready_ = true;
  for (const WatchScope& scope : ScopesOf(need)) {
    const Informer* informer = Serve(scope, *projection);
    if (informer == nullptr) {
      view.ready_ = false;
      continue;
    }
    const Projection::Ptr& swept = informer->swept_projection();
    if (swept == nullptr || !swept->Covers(*projection)) view.ready_ = false;
    if (std::find(view.informers_.begin(), view.informers_.end(), informer) ==
        view.informers_.end()) {
      view.informers_.push_back(informer);
    }
  }
  return view;
}

size_t InformerSet::bytes() const {
  size_t bytes = 0;
  for (const auto& [scope, entry] : entries_) bytes += entry.informer->store().bytes();
  return bytes;
}

void InformerSet::ForEach(absl::FunctionRef<void(const Informer&)> visit) const {
  for (const auto& [scope, entry] : entries_) visit(*entry.informer);
}

}  // namespace kr::cache
