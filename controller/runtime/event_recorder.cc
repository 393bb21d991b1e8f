#include "controller/runtime/event_recorder.h"

#include <deque>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "controller/base/log.h"

namespace kr::runtime {
namespace {

// Refused before or without being executed, or nobody knows: worth another try. Writing an event
// twice does no harm, it has a name.
bool IsTransient(const Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kInternal:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct EventRecorder::Core : std::enable_shared_from_this<Core> {
  using Id = EventSeries::Id;

  Core(EventSource source, ApiSender& api_sender, Engine& the_engine, Random& the_random,
       EventMetrics event_metrics, Options recorder_options)
      : sender(api_sender),
        engine(the_engine),
        random(the_random),
        metrics(event_metrics),
        options(recorder_options),
        series(std::move(source)) {}

  EventSeries::Now Now() const { return {engine.Now(), engine.clock().Now()}; }

  void Record(const Event& event) {
    metrics.recorded.Increment();
    if (auto id = series.Observe(event, Now())) Enqueue(*id);
    ArmSweep();
    Pump();
  }

  void Enqueue(Id id) {
    if (tries.contains(id)) return;  // its write will say all of it
    if (tries.size() >= options.max_queued) {
      Drop(id, ResourceExhausted("too many events wait"));
      return;
    }
    tries.emplace(id, 0);
    queue.push_back(id);
  }

  void Pump() {
    while (in_flight < options.max_in_flight && !queue.empty()) {
      const Id id = queue.front();
      queue.pop_front();
      std::optional<kube::HttpRequest> request = series.BuildWrite(id);
      if (!request) {
        tries.erase(id);
        continue;
      }
      request->timeout = options.request_timeout;
      ++in_flight;
      ++tries[id];
      const bool create = request->method == "POST";
      sender.Send(*std::move(request),
                  [weak = weak_from_this(), id, create](StatusOr<kube::Reply> reply) {
                    if (auto core = weak.lock()) core->OnAnswer(id, create, reply.status());
                  },
                  {.lane = Lane::kBackground});
    }
  }

  void OnAnswer(Id id, bool create, const Status& status) {
    --in_flight;
    // AlreadyExists: an earlier try whose answer was lost.
    if (status.ok() || (create && absl::IsAlreadyExists(status))) {
      Finish(id, EventSeries::Outcome::kWritten);
    } else if (!create && absl::IsNotFound(status)) {
      Finish(id, EventSeries::Outcome::kMissing);
    } else if (IsTransient(status) && tries[id] < options.max_tries) {
      Retry(id);
    } else {
      tries.erase(id);
      Drop(id, status);
    }
    Pump();
  }

  void Finish(Id id, EventSeries::Outcome outcome) {
    tries.erase(id);
    if (series.OnWritten(id, outcome, Now())) Enqueue(id);
  }

  void Retry(Id id) {
    const absl::Duration wait = options.retry_wait * (0.5 + random.Uniform());
    engine.After(wait, [weak = weak_from_this(), id] {
      auto core = weak.lock();
      if (core == nullptr) return;
      core->queue.push_back(id);
      core->Pump();
    });
  }

  void Drop(Id id, const Status& why) {
    series.OnWritten(id, EventSeries::Outcome::kGaveUp, Now());
    metrics.dropped.Increment();
    if (last_drop == Message(why)) return;
    last_drop = Message(why);
    log::Warning("Dropped an event", {{"error", last_drop}});
  }

  // Runs only while there is something to sweep, so that an idle engine stays idle.
  void ArmSweep() {
    if (sweep != TimerId::kNone || series.size() == 0) return;
    sweep = engine.After(options.sweep_interval, [weak = weak_from_this()] {
      auto core = weak.lock();
      if (core == nullptr) return;
      core->sweep = TimerId::kNone;
      for (Id id : core->series.Sweep(core->Now())) core->Enqueue(id);
      core->ArmSweep();
      core->Pump();
    });
  }

  ApiSender& sender;
  Engine& engine;
  Random& random;
  const EventMetrics metrics;
  const Options options;
  EventSeries series;
  std::deque<Id> queue;
  absl::flat_hash_map<Id, int> tries;  // of each write that waits or is in flight
  size_t in_flight = 0;
  TimerId sweep = TimerId::kNone;
  std::string last_drop;
};

EventRecorder::EventRecorder(EventSource source, ApiSender& sender, Engine& engine, Random& random,
                             EventMetrics metrics, Options options)
    : core_(std::make_shared<Core>(std::move(source), sender, engine, random, metrics, options)) {}

EventRecorder::~EventRecorder() = default;

void EventRecorder::Record(const Event& event) {
  core_->Record(event);
}

bool EventRecorder::idle() const {
  return core_->tries.empty();
}

}  // namespace kr::runtime
