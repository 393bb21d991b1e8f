#include "controller/cache/watch_state.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "controller/cache/resource_version.h"
#include "controller/kube/api_error.h"

namespace kr::cache {
namespace {

// However long a server asks us to stay away: staying blind for longer is worse.
constexpr absl::Duration kMaxRetryAfter = absl::Minutes(2);
// Streaming lists that broke off in a row before lists are paged instead.
constexpr int kMaxBrokenStreamingLists = 2;
// A page that does not fit in memory is asked for again with so many times fewer objects.
constexpr int kPageShrink = 8;

int HttpCode(const Status& status) {
  const auto error = kube::GetApiError(status);
  return error.has_value() ? error->code : 0;
}

// The server could not be asked, or had no time: the same question is worth asking again.
bool IsTransient(const Status& status) {
  const int code = HttpCode(status);
  if (code == 0) return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
  return code == 429 || code == 502 || code == 503 || code == 504;
}

bool IsRefused(const Status& status) {
  const int code = HttpCode(status);
  return code == 401 || code == 403 || code == 404;
}

bool IsGone(const Status& status) {
  return kube::IsExpired(status) || kube::IsTooLargeResourceVersion(status);
}

bool WentBack(std::string_view from, std::string_view to) {
  const auto order = CompareResourceVersions(to, from);
  return order.has_value() && *order < 0;
}

}  // namespace

WatchState::WatchState(const Options& options, Random& random)
    : options_(options),
      random_(random),
      backoff_(options.backoff, random),
      page_limit_(options.page_size) {}

WatchStep WatchState::Begin(MonotonicTime now) {
  return options_.mode == Mode::kStreamOnly ? OpenHead(Phase::kHead) : Relist(now);
}

WatchStep WatchState::Next(const WatchInput& input, MonotonicTime now) {
  return std::visit([&](const auto& in) { return On(in, now); }, input);
}

WatchStep WatchState::On(const watch_input::Event& event, MonotonicTime) {
  using Kind = watch_input::Event::Kind;
  WatchStep step;
  ++events_;
  if (phase_ == Phase::kStreamingList) {
    // The objects of the list come in any order, and changes in between: only its end says where
    // we are.
    if (event.kind == Kind::kBookmark && event.initial_events_end) {
      phase_ = Phase::kWatch;
      moved_ = true;
      synthetic_ = false;
      FinishList(event.resource_version, step);
    }
    return step;
  }
  if (phase_ != Phase::kWatch) return step;
  internal_errors_since_.reset();
  if (event.kind != Kind::kAdded) synthetic_ = false;
  if (!synthetic_ && !event.resource_version.empty() && event.resource_version != version_) {
    version_ = event.resource_version;
    moved_ = true;
    expired_watches_ = 0;
  }
  return step;
}

WatchStep WatchState::On(const watch_input::Error& error, MonotonicTime now) {
  switch (phase_) {
    case Phase::kStreamingList:
      return StreamingListFailed(error.status, now);
    case Phase::kPagedList:
      return PagedListFailed(error.status, now);
    case Phase::kHead:
      return Wait(After::kHead, error.status, now);
    case Phase::kVerify:
      return Wait(After::kWatch, error.status, now);
    case Phase::kWatch:
      return WatchFailed(error.status, now);
    case Phase::kIdle:
    case Phase::kWait:
      break;
  }
  return {};
}

WatchStep WatchState::On(const watch_input::Page& page, MonotonicTime now) {
  switch (phase_) {
    case Phase::kHead:
      return HeadCame(page.resource_version, now);
    case Phase::kVerify:
      return VersionCompared(page.resource_version, now);
    case Phase::kPagedList:
      break;
    default:
      return {};
  }
  if (!page.continue_token.empty()) {
    if (page.continue_token == page_token_) {
      return Wait(After::kBegin, Internal("a list does not get past one page"), now);
    }
    page_token_ = page.continue_token;
    return OpenPage();
  }
  WatchStep step;
  FinishList(page.resource_version, step);
  step.command = OpenWatch().command;
  return step;
}

WatchStep WatchState::On(const watch_input::Ended& ended, MonotonicTime now) {
  if (phase_ == Phase::kWatch) return WatchEnded(ended, now);
  if (phase_ != Phase::kStreamingList) {
    return On(watch_input::Error{ended.status.ok() ? Internal("an empty answer") : ended.status},
              now);
  }
  const bool answered = HttpCode(ended.status) != 0;
  if (answered || (events_ == 0 && !ended.status.ok())) {
    return StreamingListFailed(ended.status, now);
  }
  ++broken_streaming_lists_;
  constexpr std::string_view kBrokeOff = "a streaming list broke off";
  return Wait(After::kBegin,
              ended.status.ok() ? Unavailable(kBrokeOff) : Annotate(ended.status, kBrokeOff), now);
}

WatchStep WatchState::On(const watch_input::Waited&, MonotonicTime now) {
  if (phase_ != Phase::kWait) return {};
  switch (after_wait_) {
    case After::kBegin:
      return Begin(now);
    case After::kStreamingList:
      return OpenStreamingList();
    case After::kPage:
      return OpenPage();
    case After::kHead:
      return OpenHead(Phase::kHead);
    case After::kWatch:
      return OpenWatch();
  }
  return {};
}

WatchStep WatchState::On(const watch_input::GuardPassed&, MonotonicTime now) {
  if (phase_ != Phase::kStreamingList) return {};
  if (events_ - events_at_guard_ >= options_.guard_events) {
    events_at_guard_ = events_;
    return {};
  }
  streaming_off_until_ = now + options_.streaming_retry;
  WatchStep step = BeginPagedList();
  step.problem = DeadlineExceeded("a streaming list did not end");
  return step;
}

WatchStep WatchState::StreamingListFailed(const Status& status, MonotonicTime now) {
  if (IsGone(status) && !version_unavailable_ && !version_.empty()) {
    version_unavailable_ = true;
    WatchStep step = OpenStreamingList();
    step.problem = status;
    return step;
  }
  if (IsTransient(status)) return Wait(After::kStreamingList, status, now);
  if (IsRefused(status)) return Wait(After::kBegin, status, now);
  // 422 (does not know streaming lists), 500 as an event (its etcd cannot), a line that cannot be
  // decoded, ...: a paged list may work. If not, that decides what happens.
  if (HttpCode(status) != 0) streaming_off_until_ = now + options_.streaming_retry;
  WatchStep step = BeginPagedList();
  step.problem = status;
  return step;
}

WatchStep WatchState::PagedListFailed(const Status& status, MonotonicTime now) {
  // Without ApiError it was our own limit.
  if (absl::IsResourceExhausted(status) && HttpCode(status) == 0 && page_limit_ > 1) {
    page_limit_ = std::max(1, page_limit_ / kPageShrink);
    WatchStep step = OpenPage();
    step.problem = status;
    return step;
  }
  const bool token_refused = !page_token_.empty() && HttpCode(status) == 400;
  if ((IsGone(status) || token_refused) && !list_restarted_) {
    list_restarted_ = true;
    version_unavailable_ = true;
    WatchStep step = BeginPagedList();
    step.problem = status;
    return step;
  }
  return Wait(IsTransient(status) && !IsGone(status) ? After::kPage : After::kBegin, status, now);
}

WatchStep WatchState::WatchFailed(const Status& status, MonotonicTime now) {
  if (IsGone(status)) {
    if (kube::IsTooLargeResourceVersion(status)) version_unavailable_ = true;
    // Every 410 right after a list would otherwise be a loop without a pause.
    if (++expired_watches_ > 1) return Wait(After::kBegin, status, now);
    WatchStep step = Begin(now);
    step.problem = status;
    return step;
  }
  if (IsTransient(status)) return Wait(After::kWatch, status, now);
  const int code = HttpCode(status);
  if (code == 401 || code == 403) return Wait(After::kWatch, status, now);
  if (code == 500) {
    if (!internal_errors_since_.has_value()) internal_errors_since_ = now;
    if (now - *internal_errors_since_ < options_.internal_error_patience) {
      return Wait(After::kWatch, status, now);
    }
    internal_errors_since_.reset();
  }
  return Wait(After::kBegin, status, now);
}

WatchStep WatchState::WatchEnded(const watch_input::Ended& ended, MonotonicTime now) {
  if (HttpCode(ended.status) != 0) return WatchFailed(ended.status, now);
  const bool broken = !ended.status.ok() && !absl::IsDeadlineExceeded(ended.status);
  if (broken && !absl::IsUnavailable(ended.status)) {
    return WatchFailed(ended.status, now);  // a line without end, or another fault of our own
  }
  if (broken && events_ == 0) return Wait(After::kWatch, ended.status, now);
  if (!moved_ && ended.lifetime < options_.very_short) {
    return Wait(After::kWatch, Unavailable("a watch ended at once"), now);
  }
  internal_errors_since_.reset();
  return events_ == 0 ? OpenHead(Phase::kVerify) : OpenWatch();
}

WatchStep WatchState::HeadCame(std::string_view list_version, MonotonicTime now) {
  if (list_version.empty()) return Wait(After::kHead, Internal("a list without version"), now);
  WatchStep step;
  FinishList(list_version, step);
  step.command = OpenWatch().command;
  return step;
}

WatchStep WatchState::VersionCompared(std::string_view list_version, MonotonicTime now) {
  if (!WentBack(version_, list_version)) return OpenWatch();
  version_unavailable_ = true;
  WatchStep step;
  if (options_.mode == Mode::kStreamOnly) {
    step = HeadCame(list_version, now);
  } else {
    step = Relist(now);
  }
  step.history_went_back = true;
  return step;
}

WatchStep WatchState::Relist(MonotonicTime now) {
  list_restarted_ = false;
  page_limit_ = options_.page_size;
  const bool streaming =
      now >= streaming_off_until_ && broken_streaming_lists_ < kMaxBrokenStreamingLists;
  return streaming ? OpenStreamingList() : BeginPagedList();
}

WatchStep WatchState::OpenStreamingList() {
  phase_ = Phase::kStreamingList;
  listing_ = true;
  events_ = events_at_guard_ = 0;
  moved_ = false;
  WatchStep step;
  step.list_begins = true;
  step.command = WatchFrom(version_unavailable_ ? "" : version_);
  step.command.send_initial_events = true;
  step.command.guard = options_.end_bookmark_guard;
  return step;
}

WatchStep WatchState::BeginPagedList() {
  listing_ = true;
  page_token_.clear();
  WatchStep step = OpenPage();
  step.list_begins = true;
  return step;
}

WatchStep WatchState::OpenPage() {
  phase_ = Phase::kPagedList;
  WatchStep step;
  step.command.kind = WatchCommand::Kind::kOpenList;
  step.command.limit = page_limit_;
  step.command.continue_token = page_token_;
  step.command.hard_stop = options_.list_timeout;
  // A token carries its own version; another beside it is refused.
  if (page_token_.empty() && !version_unavailable_ && !version_.empty()) {
    step.command.resource_version = version_;
    step.command.resource_version_match = "NotOlderThan";
  }
  return step;
}

WatchStep WatchState::OpenHead(Phase phase) {
  phase_ = phase;
  WatchStep step;
  step.command.kind = WatchCommand::Kind::kOpenList;
  step.command.limit = 1;
  step.command.version_only = true;
  step.command.hard_stop = options_.list_timeout;
  return step;
}

WatchStep WatchState::OpenWatch() {
  phase_ = Phase::kWatch;
  events_ = 0;
  moved_ = false;
  synthetic_ = version_.empty() || version_ == "0";
  WatchStep step;
  step.command = WatchFrom(version_);
  return step;
}

WatchStep WatchState::Wait(After after, const Status& why, MonotonicTime now) {
  phase_ = Phase::kWait;
  after_wait_ = after;
  WatchStep step;
  step.problem = why;
  step.command.kind = WatchCommand::Kind::kWait;
  step.command.delay = backoff_.Next(now);
  if (const auto error = kube::GetApiError(why); error.has_value() && error->retry_after) {
    step.command.delay =
        std::max(step.command.delay, std::min(*error->retry_after, kMaxRetryAfter));
  }
  return step;
}

void WatchState::FinishList(std::string_view version, WatchStep& step) {
  step.history_went_back = WentBack(version_, version);
  step.list_ends = true;
  step.list_version = version;
  version_ = version;
  version_unavailable_ = false;
  listing_ = false;
  broken_streaming_lists_ = 0;
}

WatchCommand WatchState::WatchFrom(std::string_view version) {
  WatchCommand command;
  command.kind = WatchCommand::Kind::kOpenWatch;
  command.resource_version = version;
  const absl::Duration span = options_.max_watch - options_.min_watch;
  const absl::Duration length = options_.min_watch + random_.Uniform() * span;
  command.timeout_seconds = static_cast<int>(std::lround(absl::ToDoubleSeconds(length)));
  command.hard_stop = absl::Seconds(command.timeout_seconds) + options_.hard_stop_slack;
  return command;
}

}  // namespace kr::cache
