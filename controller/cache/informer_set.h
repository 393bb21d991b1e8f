#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "controller/cache/informer.h"
#include "controller/cache/watch_planner.h"

namespace kr::cache {

// What serves one need right now: one informer, or one per namespace. Valid until the version() of
// its InformerSet changes. Holds more than the need asked for, when others ask for more.
class View {
 public:
  // All parts are synced, and their documents cover the need's projection.
  bool ready() const { return ready_; }
  // No decision to write may rest on it (semantics 3.6).
  bool Stale(absl::Duration patience = absl::Seconds(30)) const;
  // Whether a write that was answered with `version` is in here (Store::HasSeen).
  bool HasSeen(std::string_view version) const;
  // The same for a write to an object in `name_space`: the watches of other namespaces, which may
  // be silent for minutes, are not asked.
  bool HasSeen(std::string_view name_space, std::string_view version) const;
  // Why it is not ready; OK when nothing is known to be wrong.
  Status problem() const;

  document::DocumentPtr Find(const kube::ObjectKey& key) const {
    return Find(key.name_space, key.name);
  }
  document::DocumentPtr Find(std::string_view name_space, std::string_view name) const;
  // The number of such an object; nullopt when there is none.
  std::optional<ObjectId> FindId(std::string_view name_space, std::string_view name) const;
  void ForEach(absl::FunctionRef<void(ObjectId, const document::DocumentPtr&)> visit) const;
  const std::vector<const Informer*>& informers() const { return informers_; }

 private:
  friend class InformerSet;
  std::vector<const Informer*> informers_;
  bool ready_ = false;
};

// Keeps the watches open that the present needs ask for. Engine thread only.
//
// What is newly needed opens at once. When a projection grows, or a watch is no longer needed, a
// short time is waited for more of the same (policies are edited in bursts); shrinking costs a
// re-list and is done at most hourly. While narrow watches are replaced by a wide one, or the other
// way round, the old ones serve until the new ones have synced.
// A grown projection re-lists in place: the stream is opened again and each object is replaced as
// it comes. One stream at a time writes to a store, as two would take objects back and forth.
class InformerSet {
 public:
  struct Options {
    absl::Duration settle = absl::Seconds(2);
    absl::Duration min_shrink_interval = absl::Hours(1);
    WatchState::Options watch;
  };

  // `objects` and `observer` must outlive it, and all of `context`.
  InformerSet(const Options& options, const WatchContext& context, ObjectTable& objects,
              InformerObserver& observer);
  ~InformerSet();

  // All needs that there are from now on.
  void Apply(const std::vector<Need>& needs);
  // The same where memory is short: what they do not ask for goes at once, even if it would have
  // to be listed again for what takes its place.
  void ApplyAtOnce(const std::vector<Need>& needs);

  View Find(const Need& need) const;
  // Changes whenever Find may answer with other informers, or ready() may have changed.
  uint64_t version() const { return version_; }

  // Memory of all objects, without the pools of their decoder.
  size_t bytes() const;

  // All open informers.
  void ForEach(absl::FunctionRef<void(const Informer&)> visit) const;

 private:
  struct Entry {
    std::unique_ptr<Informer> informer;
    WatchSpec wanted;  // by the plan
    bool planned = false;
    MonotonicTime last_shrink;

    bool Settled() const;
  };
  class Relay;

  const Informer* Serve(const WatchScope& scope, const document::Projection& projection) const;
  void Open(const WatchSpec& spec);
  void Settle();
  void CloseReplaced();
  void Close(absl::FunctionRef<bool(const Entry&)> which);
  void ViewsChanged();
  // Runs `task` on the engine thread, unless the set is gone by then.
  void Later(absl::Duration delay, std::function<void(InformerSet&)> task);
  // Unless that happens sooner anyway.
  void SettleIn(absl::Duration delay);

  const Options options_;
  const WatchContext context_;
  ObjectTable& objects_;
  InformerObserver& observer_;
  std::unique_ptr<Relay> relay_;
  std::map<WatchScope, Entry> entries_;
  uint64_t version_ = 0;
  MonotonicTime settle_at_ = MonotonicTime::InfiniteFuture();
  uint64_t settle_round_ = 0;           // a timer of an earlier round was overtaken by a sooner one
  std::shared_ptr<InformerSet*> self_;  // what tasks hold on to
};

}  // namespace kr::cache
