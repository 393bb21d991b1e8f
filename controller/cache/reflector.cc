#include "controller/cache/reflector.h"

#include <utility>

#include "controller/base/log.h"
#include "controller/cache/stream_reader.h"
#include "controller/kube/api_error.h"
#include "controller/kube/request.h"

namespace kr::cache {

using document::WatchEvent;

// What the stream thread's inputs hold on to instead of the reflector, which may be gone by then.
class Reflector::Self final : public StreamSink {
 public:
  explicit Self(Reflector& reflector) : reflector_(reflector) {}
  void OnUp(uint64_t stream, MonotonicTime at) override { reflector_.OnUp(stream, at); }
  void OnLines(uint64_t stream, LineBatch lines) override {
    reflector_.OnLines(stream, std::move(lines));
    reflector_.Meter();
  }
  void OnBody(uint64_t stream, std::string body) override {
    reflector_.OnBody(stream, body);
    reflector_.Meter();
  }
  void OnEnded(uint64_t stream, Status status, absl::Duration lifetime, MonotonicTime at) override {
    reflector_.OnEnded(stream, status, lifetime, at);
    reflector_.Meter();
  }
  void OnTimer(uint64_t stream, bool guard) {
    reflector_.OnTimer(stream, guard);
    reflector_.Meter();
  }

 private:
  Reflector& reflector_;
};

Reflector::Reflector(WatchSpec spec, const WatchState::Options& options,
                     const WatchContext& context, ReflectorSink& sink)
    : spec_(std::move(spec)),
      context_(context),
      sink_(sink),
      state_(options, context.random),
      connectivity_(context.clock.Monotonic()),
      self_(std::make_shared<Self>(*this)),
      reader_(
          std::make_shared<StreamReader>(context.transport, context.flow, context.clock, self_)) {}

Reflector::~Reflector() {
  reader_->Close();
}

void Reflector::Start() {
  Do(state_.Begin(context_.clock.Monotonic()));
}

void Reflector::Restart(document::Projection::Ptr projection, bool metadata_only) {
  spec_.projection = std::move(projection);
  spec_.metadata_only = metadata_only;
  connectivity_.Down(context_.clock.Monotonic());
  Start();
}

StreamStatus Reflector::status() const {
  return {.connected = connectivity_.connected(),
          .disconnected_for = connectivity_.DisconnectedFor(context_.clock.Monotonic()),
          .listing = state_.listing(),
          .problem = problem_,
          .problem_since = problem_since_};
}

void Reflector::OnUp(uint64_t stream, MonotonicTime at) {
  if (stream != stream_) return;
  connectivity_.Up(at);
  if (problem_.ok()) return;
  problem_ = OkStatus();
  sink_.OnProblem();
}

void Reflector::OnLines(uint64_t stream, LineBatch lines) {
  counters_.bytes += lines.bytes();
  // A line may end the stream: what comes after it belongs to nothing any more.
  while (stream == stream_) {
    const auto line = lines.Next();
    if (!line.has_value()) return;
    Apply(*line);
  }
}

void Reflector::Apply(std::string_view line) {
  using Kind = watch_input::Event::Kind;
  StatusOr<WatchEvent> event =
      context_.decoder.DecodeEvent(line, spec_.projection, /*padded=*/true);
  if (!event.ok()) {
    // Leaving it out would make an object look absent.
    ++counters_.undecodable;
    Feed(watch_input::Error{Internal(Message(event.status()))});
    return;
  }
  ++counters_.events;
  Kind kind = Kind::kBookmark;
  switch (event->type) {
    case WatchEvent::Type::kError:
      Feed(watch_input::Error{kube::StatusFromJson(event->error)});
      return;
    case WatchEvent::Type::kAdded:
      kind = Kind::kAdded;
      sink_.OnUpsert(std::move(event->object));
      break;
    case WatchEvent::Type::kModified:
      kind = Kind::kModified;
      sink_.OnUpsert(std::move(event->object));
      break;
    case WatchEvent::Type::kDeleted:
      kind = Kind::kDeleted;
      sink_.OnDelete(std::move(event->object));
      break;
    case WatchEvent::Type::kBookmark:
      break;
  }
  Feed(watch_input::Event{kind, event->resource_version, event->initial_events_end});
}

void Reflector::OnBody(uint64_t stream, const std::string& body) {
  if (stream != stream_) return;
  counters_.bytes += body.size();
  StatusOr<document::ListPage> page = context_.decoder.DecodeList(body, spec_.projection);
  if (!page.ok()) {
    ++counters_.undecodable;
    Feed(watch_input::Error{Internal(Message(page.status()))});
    return;
  }
  if (!version_only_) {
    for (document::DocumentPtr& object : page->items) sink_.OnUpsert(std::move(object));
  }
  Feed(watch_input::Page{page->resource_version, page->continue_token});
}

void Reflector::OnEnded(uint64_t stream, const Status& status, absl::Duration lifetime,
                        MonotonicTime at) {
  if (stream != stream_) return;
  connectivity_.Down(at);
  Feed(watch_input::Ended{status, lifetime});
}

void Reflector::OnTimer(uint64_t stream, bool guard) {
  if (stream != stream_) return;
  if (!guard) return Feed(watch_input::Waited{});
  if (!state_.listing()) return;
  Feed(watch_input::GuardPassed{});
  if (stream == stream_) After(guard_, /*guard=*/true);
}

void Reflector::Feed(const WatchInput& input) {
  const std::string before = state_.resource_version();
  const WatchStep step = state_.Next(input, context_.clock.Monotonic());
  Do(step);
  if (!step.list_ends && state_.resource_version() != before) {
    sink_.OnVersion(state_.resource_version());
  }
}

void Reflector::Meter() {
  if (context_.meter == nullptr || counters_ == metered_) return;
  const WatchCounters before = std::exchange(metered_, counters_);
  context_.meter->Count(spec_.scope.resource,
                        {.events = counters_.events - before.events,
                         .bytes = counters_.bytes - before.bytes,
                         .lists = counters_.lists - before.lists,
                         .watches = counters_.watches - before.watches,
                         .undecodable = counters_.undecodable - before.undecodable,
                         .problems = counters_.problems - before.problems});
}

void Reflector::Do(const WatchStep& step) {
  if (!step.problem.ok()) Report(step.problem);
  if (step.history_went_back) {
    log::Error("History of the API server went back", {{"watch", spec_.scope.ToString()}});
  }
  if (step.list_begins) {
    ++counters_.lists;
    sink_.OnListBegin();
  }
  if (step.list_ends) sink_.OnListEnd(step.list_version);

  const WatchCommand& command = step.command;
  if (command.kind == WatchCommand::Kind::kGoOn) return;
  ++stream_;
  connectivity_.Down(context_.clock.Monotonic());
  switch (command.kind) {
    case WatchCommand::Kind::kOpenWatch:
      return OpenWatch(command);
    case WatchCommand::Kind::kOpenList:
      return OpenList(command);
    case WatchCommand::Kind::kWait:
      reader_->Close();
      return After(command.delay, /*guard=*/false);
    case WatchCommand::Kind::kGoOn:
      break;
  }
}

void Reflector::OpenWatch(const WatchCommand& command) {
  ++counters_.watches;
  kube::WatchOptions options;
  options.name_space = spec_.scope.name_space;
  options.field_selector = spec_.scope.field_selector;
  options.label_selector = spec_.scope.label_selector;
  options.metadata_only = spec_.metadata_only;
  options.resource_version = command.resource_version;
  options.send_initial_events = command.send_initial_events;
  options.timeout_seconds = command.timeout_seconds;
  reader_->Open(stream_, kube::WatchObjects(spec_.scope.resource, options), command.hard_stop,
                StreamReader::Shape::kLines);
  guard_ = command.guard;
  if (guard_ > absl::ZeroDuration()) After(guard_, /*guard=*/true);
}

void Reflector::OpenList(const WatchCommand& command) {
  version_only_ = command.version_only;
  kube::ListOptions options;
  options.name_space = spec_.scope.name_space;
  options.field_selector = spec_.scope.field_selector;
  options.label_selector = spec_.scope.label_selector;
  options.metadata_only = spec_.metadata_only;
  options.resource_version = command.resource_version;
  options.resource_version_match = command.resource_version_match;
  options.continue_token = command.continue_token;
  options.limit = command.limit;
  reader_->Open(stream_, kube::ListObjects(spec_.scope.resource, options), command.hard_stop,
                StreamReader::Shape::kBody);
}

void Reflector::After(absl::Duration delay, bool guard) {
  reader_->After(delay, [stream = stream_, guard](StreamSink& sink) {
    static_cast<Self&>(sink).OnTimer(stream, guard);
  });
}

void Reflector::Report(const Status& problem) {
  ++counters_.problems;
  if (problem == problem_) return;
  if (problem_.ok()) problem_since_ = context_.clock.Monotonic();
  problem_ = problem;
  log::Warning("Watch did not go on",
               {{"watch", spec_.scope.ToString()}, {"error", Message(problem)}});
  sink_.OnProblem();
}

}  // namespace kr::cache
