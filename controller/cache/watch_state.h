#pragma once

#include <optional>
#include <string>
#include <variant>

#include "absl/time/time.h"
#include "controller/base/backoff.h"
#include "controller/base/clock.h"
#include "controller/base/random.h"
#include "controller/base/status.h"

namespace kr::cache {

// What happened to the one stream (or wait) that a WatchState asked for last.
namespace watch_input {
// An event of a watch, after it was applied to the store.
struct Event {
  enum class Kind { kAdded, kModified, kDeleted, kBookmark };
  Kind kind = Kind::kBookmark;
  std::string_view resource_version;
  bool initial_events_end = false;
};
// An ERROR event (kube::StatusFromJson), or a line that cannot be decoded (a Status without
// ApiError).
struct Error {
  Status status;
};
// One page of a list, after it was applied to the store.
struct Page {
  std::string_view resource_version;
  std::string_view continue_token;
};
// The answer was not 2xx, could not be had, was too large, or (of a watch) came to its end: OK.
struct Ended {
  Status status;
  // From the request to the end.
  absl::Duration lifetime;
};
// The wait is over.
struct Waited {};
// A streaming list has taken WatchCommand::guard.
struct GuardPassed {};
}  // namespace watch_input

using WatchInput = std::variant<watch_input::Event, watch_input::Error, watch_input::Page,
                                watch_input::Ended, watch_input::Waited, watch_input::GuardPassed>;

// What to do next. All but kGoOn first end what is under way.
struct WatchCommand {
  enum class Kind { kGoOn, kOpenWatch, kOpenList, kWait };
  Kind kind = Kind::kGoOn;
  std::string resource_version;
  // kOpenWatch. A streaming list also asks for initial events and wants GuardPassed, again and
  // again, until its end bookmark has come.
  bool send_initial_events = false;
  int timeout_seconds = 0;
  absl::Duration hard_stop;  // for lists too
  absl::Duration guard;      // zero: none
  // kOpenList
  std::string resource_version_match;
  std::string continue_token;
  int limit = 0;
  bool version_only = false;  // the objects in the answer are not wanted
  // kWait
  absl::Duration delay;
};

struct WatchStep {
  WatchCommand command;
  // All objects are about to be delivered: what was not seen by `list_ends` is gone. May be said
  // again before the end: then from the beginning.
  bool list_begins = false;
  bool list_ends = false;
  // The version that the list is at, when list_ends.
  std::string list_version;
  // The server's history went back (restored from a backup): versions seen so far mean nothing.
  bool history_went_back = false;
  // Why things do not go on, for people and metrics; OK when they do.
  Status problem;
};

// The rules of a reflector as a value without I/O: which request follows upon which answer. Those
// of client-go's reflector, with streaming lists first (KEP-3157), and
// - no list is ever asked from "any version" (RV=0), not even the first (kubernetes #59848),
// - lists are always paged, as their bodies are held in memory,
// - a watch that ended without a single event proves nothing (one from a version of the future is
//   silent): the next thing is a list of one object whose version is compared.
// Not thread-safe. Deterministic in its inputs and `random`.
class WatchState {
 public:
  enum class Mode {
    kStore,  // list, then watch
    // Only what happens from now on: a list of one object gives the version to watch from. After
    // 410 it begins again from now.
    kStreamOnly,
  };
  struct Options {
    Mode mode = Mode::kStore;
    Backoff::Options backoff;
    int page_size = 500;
    // Watches end by themselves after a random time in here. Many proxies cut at 300 s.
    absl::Duration min_watch = absl::Seconds(240);
    absl::Duration max_watch = absl::Seconds(290);
    // A watch that has not ended this long after its time is dead.
    absl::Duration hard_stop_slack = absl::Seconds(15);
    absl::Duration list_timeout = absl::Seconds(60);
    // An old server may ignore that a streaming list was asked for, and never end it.
    absl::Duration end_bookmark_guard = absl::Seconds(60);
    // The guard is extended while at least so many events came in its time: a large list.
    int guard_events = 1000;
    // How long a server that cannot stream lists is not asked again.
    absl::Duration streaming_retry = absl::Minutes(30);
    // Internal errors inside a watch are waited out this long before listing again.
    absl::Duration internal_error_patience = absl::Minutes(1);
    // A watch that ends sooner than this, and moved nothing, is an error.
    absl::Duration very_short = absl::Seconds(1);
  };

  // `random` must outlive it.
  WatchState(const Options& options, Random& random);

  // The first step, or a new beginning (other projection): from the last version seen.
  WatchStep Begin(MonotonicTime now);
  WatchStep Next(const WatchInput& input, MonotonicTime now);

  // The last version seen, which a new watch would start from; "" before the first list.
  const std::string& resource_version() const { return version_; }
  // Between list_begins and list_ends.
  bool listing() const { return listing_; }

 private:
  enum class Phase { kIdle, kStreamingList, kPagedList, kHead, kWatch, kVerify, kWait };
  enum class After { kBegin, kStreamingList, kPage, kHead, kWatch };

  WatchStep On(const watch_input::Event& event, MonotonicTime now);
  WatchStep On(const watch_input::Error& error, MonotonicTime now);
  WatchStep On(const watch_input::Page& page, MonotonicTime now);
  WatchStep On(const watch_input::Ended& ended, MonotonicTime now);
  WatchStep On(const watch_input::Waited&, MonotonicTime now);
  WatchStep On(const watch_input::GuardPassed&, MonotonicTime now);

  WatchStep StreamingListFailed(const Status& status, MonotonicTime now);
  WatchStep PagedListFailed(const Status& status, MonotonicTime now);
  WatchStep WatchFailed(const Status& status, MonotonicTime now);
  WatchStep WatchEnded(const watch_input::Ended& ended, MonotonicTime now);
  WatchStep HeadCame(std::string_view list_version, MonotonicTime now);
  WatchStep VersionCompared(std::string_view list_version, MonotonicTime now);

  WatchStep OpenStreamingList();
  WatchStep BeginPagedList();
  WatchStep OpenPage();
  WatchStep OpenHead(Phase phase);
  WatchStep OpenWatch();
  WatchStep Relist(MonotonicTime now);
  WatchStep Wait(After after, const Status& why, MonotonicTime now);
  // The list is complete at `version`.
  void FinishList(std::string_view version, WatchStep& step);
  WatchCommand WatchFrom(std::string_view version);

  const Options options_;
  Random& random_;
  Backoff backoff_;

  Phase phase_ = Phase::kIdle;
  After after_wait_ = After::kBegin;
  std::string version_;
  // The server said that it does not have version_ (any more, or yet): ask for the newest.
  bool version_unavailable_ = false;
  bool listing_ = false;

  // Of the stream under way.
  int events_ = 0;
  int events_at_guard_ = 0;
  bool moved_ = false;
  bool synthetic_ = false;  // only ADDED events so far, in no order

  int expired_watches_ = 0;         // in a row
  int broken_streaming_lists_ = 0;  // in a row
  MonotonicTime streaming_off_until_;
  std::string page_token_;
  int page_limit_;
  bool list_restarted_ = false;
  std::optional<MonotonicTime> internal_errors_since_;
};

}  // namespace kr::cache
