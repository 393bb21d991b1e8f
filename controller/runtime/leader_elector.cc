#include "controller/runtime/leader_elector.h"

#include <algorithm>
#include <utility>

namespace kr::runtime {
namespace {

// client-go's JitterFactor: candidates that start together drift apart.
constexpr double kJitter = 1.2;
// A release that conflicts is read and tried again; somebody touched the object, not the holder.
constexpr int kReleaseAttempts = 3;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace

Status LeaderElectionConfig::Validate() const {
  if (identity.empty()) return InvalidArgument("leader election: identity is empty");
  if (lease.name.empty() || lease.name_space.empty()) {
    return InvalidArgument("leader election: the lease needs a namespace and a name");
  }
  if (lease_duration < absl::Seconds(1) ||
      lease_duration != absl::Trunc(lease_duration, absl::Seconds(1))) {
    return InvalidArgument("leader election: leaseDuration must be whole seconds, at least 1");
  }
  if (renew_deadline >= lease_duration) {
    return InvalidArgument("leader election: renewDeadline must be less than leaseDuration");
  }
  if (retry_period <= absl::ZeroDuration()) {
    return InvalidArgument("leader election: retryPeriod must be positive");
  }
  if (retry_period * kJitter >= renew_deadline) {
    return InvalidArgument("leader election: renewDeadline must be more than 1.2 * retryPeriod");
  }
  return OkStatus();
}

absl::Duration LeaderElectionConfig::RequestTimeout() const {
  return std::max(absl::Seconds(1), renew_deadline / 2);
}

LeaderElector::LeaderElector(LeaderElectionConfig config, Random& random)
    : config_(std::move(config)), random_(random) {}

LeaderElector::Result LeaderElector::Step(Input input, Now now) {
  if (state_ == State::kFinished) return Finish();
  return std::visit(Overloaded{
                        [&](Start) { return Try(now); },
                        [&](Elapsed) { return Try(now); },
                        [&](Answer& answer) { return OnAnswer(std::move(answer.reply), now); },
                        [&](Stop stop) { return OnStop(stop.release, now); },
                    },
                    input);
}

LeaderElector::Result LeaderElector::Try(Now now) {
  if (!leading_) return SendNow(State::kReading, GetLease(config_.lease), now);
  if (now.monotonic >= renew_deadline()) return Lose("not renewed within the renew deadline");
  return SendNow(State::kRenewing, UpdateLease(config_.lease, *observed_, RecordToWrite(now)), now);
}

LeaderElector::Result LeaderElector::OnAnswer(StatusOr<kube::Reply> reply, Now now) {
  switch (state_) {
    case State::kRenewing:
      if (reply.ok()) return OnWritten(std::move(reply), now);
      if (now.monotonic >= renew_deadline()) return Failed(reply.status(), now);
      // Somebody else wrote, or nobody knows: look.
      return SendNow(State::kReading, GetLease(config_.lease), now);
    case State::kReading:
      return OnRead(std::move(reply), now);
    case State::kCreating:
    case State::kUpdating:
      return OnWritten(std::move(reply), now);
    case State::kReleaseReading:
      return OnReleaseRead(std::move(reply), now);
    case State::kReleasing:
      return OnReleased(reply.status(), now);
    case State::kWaiting:
    case State::kFinished:
      break;
  }
  return Failed(Internal("an answer without a request"), now);
}

LeaderElector::Result LeaderElector::OnRead(StatusOr<kube::Reply> reply, Now now) {
  if (leading_ && now.monotonic >= renew_deadline()) return Failed(reply.status(), now);
  if (absl::IsNotFound(reply.status())) {
    takeover_ = !observed_holder().empty() && !ObservedIsOurs();
    return SendNow(State::kCreating, CreateLease(config_.lease, RecordToWrite(now)), now);
  }
  if (!reply.ok()) return Failed(reply.status(), now);
  StatusOr<Lease> lease = ParseLease(reply->body);
  if (!lease.ok()) return Failed(lease.status(), now);
  Observe(*std::move(lease), now);

  const std::string& holder = observed_->record.holder;
  if (leading_ && !ObservedIsOurs()) {
    return Lose(holder.empty() ? "the lease was released by somebody else"
                               : "the lease is held by " + holder);
  }
  if (HeldByOther(now)) return Failed(OkStatus(), now);
  takeover_ = !holder.empty() && !ObservedIsOurs();
  return SendNow(State::kUpdating, UpdateLease(config_.lease, *observed_, RecordToWrite(now)), now);
}

LeaderElector::Result LeaderElector::OnWritten(StatusOr<kube::Reply> reply, Now now) {
  if (!reply.ok()) return Failed(reply.status(), now);
  StatusOr<Lease> lease = ParseLease(reply->body);
  if (!lease.ok()) return Failed(lease.status(), now);
  Observe(*std::move(lease), now);
  last_success_ = request_started_;

  Result result;
  if (leading_) {
    result.change = Renewed{.request_started = request_started_};
  } else {
    leading_ = true;
    result.change = Won{.request_started = request_started_,
                        .transitions = observed_->record.transitions,
                        .unreleased_takeover = takeover_};
  }
  state_ = State::kWaiting;
  result.action = WaitUntil{now.monotonic + config_.retry_period};
  return result;
}

LeaderElector::Result LeaderElector::Failed(Status problem, Now now) {
  Result result;
  if (!leading_) {
    state_ = State::kWaiting;
    const double factor = 1.0 + kJitter * random_.Uniform();
    result.action = WaitUntil{now.monotonic + config_.retry_period * factor};
  } else if (now.monotonic >= renew_deadline()) {
    result = Lose("not renewed within the renew deadline");
  } else {
    state_ = State::kWaiting;
    result.action = WaitUntil{std::min(now.monotonic + config_.retry_period, renew_deadline())};
  }
  result.problem = std::move(problem);
  return result;
}

LeaderElector::Result LeaderElector::OnStop(bool release, Now now) {
  // A write in flight may have won the lease although its answer will not be seen.
  const bool may_hold = leading_ || state_ == State::kCreating || state_ == State::kUpdating;
  leading_ = false;
  if (!release || !may_hold) return Finish();
  return SendNow(State::kReleaseReading, GetLease(config_.lease), now);
}

LeaderElector::Result LeaderElector::OnReleaseRead(StatusOr<kube::Reply> reply, Now now) {
  if (!reply.ok()) return Finish(reply.status());
  StatusOr<Lease> lease = ParseLease(reply->body);
  if (!lease.ok()) return Finish(lease.status());
  Observe(*std::move(lease), now);
  if (!ObservedIsOurs()) return Finish();
  ++release_attempts_;
  // One second, so that clients which look at the duration alone agree that it is over.
  const LeaseRecord released{.holder = "",
                             .duration_seconds = 1,
                             .acquire_time = now.wall,
                             .renew_time = now.wall,
                             .transitions = observed_->record.transitions};
  return SendNow(State::kReleasing, UpdateLease(config_.lease, *observed_, released), now);
}

LeaderElector::Result LeaderElector::OnReleased(const Status& status, Now now) {
  if (absl::IsAborted(status) && release_attempts_ < kReleaseAttempts) {
    return SendNow(State::kReleaseReading, GetLease(config_.lease), now);
  }
  return Finish(status);
}

LeaderElector::Result LeaderElector::Lose(std::string why) {
  leading_ = false;
  Result result = Finish();
  result.change = Lost{std::move(why)};
  return result;
}

LeaderElector::Result LeaderElector::Finish(Status problem) {
  state_ = State::kFinished;
  return {.action = Finished{}, .change = {}, .problem = std::move(problem)};
}

LeaderElector::Result LeaderElector::SendNow(State state, kube::HttpRequest request, Now now) {
  state_ = state;
  request_started_ = now.monotonic;
  request.timeout = config_.RequestTimeout();
  // A leader must know by its deadline that it leads no more.
  if (leading_) request.timeout = std::min(request.timeout, renew_deadline() - now.monotonic);
  return {.action = Send{std::move(request)}, .change = {}, .problem = OkStatus()};
}

void LeaderElector::Observe(Lease lease, Now now) {
  if (!observed_ || !(observed_->record == lease.record)) observed_at_ = now.monotonic;
  observed_ = std::move(lease);
}

const std::string& LeaderElector::observed_holder() const {
  static const std::string* const kNobody = new std::string();
  return observed_ ? observed_->record.holder : *kNobody;
}

bool LeaderElector::ObservedIsOurs() const {
  return observed_ && observed_->record.holder == config_.identity;
}

bool LeaderElector::HeldByOther(Now now) const {
  const LeaseRecord& record = observed_->record;
  return !record.holder.empty() && !ObservedIsOurs() &&
         observed_at_ + absl::Seconds(record.duration_seconds) > now.monotonic;
}

LeaseRecord LeaderElector::RecordToWrite(Now now) const {
  LeaseRecord record{
      .holder = config_.identity,
      .duration_seconds = static_cast<int>(absl::ToInt64Seconds(config_.lease_duration)),
      .acquire_time = now.wall,
      .renew_time = now.wall,
      .transitions = observed_ ? observed_->record.transitions + 1 : 0};
  if (ObservedIsOurs()) {
    record.acquire_time = observed_->record.acquire_time;
    record.transitions = observed_->record.transitions;
  }
  return record;
}

}  // namespace kr::runtime
