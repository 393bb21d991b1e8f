#include "reconcilers/sandbox/sandbox.h"

#include <algorithm>
#include <utility>

#include "controller/cache/flow_control.h"
#include "controller/runtime/engine.h"
#include "controller/runtime/engine_inbox.h"
#include "reconcilers/policy/evaluate.h"
#include "reconcilers/sandbox/streams.h"

namespace kr::sandbox {
namespace {

class OwnTime final : public Clock {
 public:
  explicit OwnTime(absl::Time now) : now_(now) {}
  absl::Time Now() const override { return now_; }
  MonotonicTime Monotonic() const override { return monotonic_; }
  void Advance(absl::Duration duration) {
    now_ += duration;
    monotonic_ = monotonic_ + duration;
  }

 private:
  absl::Time now_;
  MonotonicTime monotonic_{absl::Hours(1)};
};

class Sender final : public runtime::ApiSender {
 public:
  Sender(runtime::Engine& engine, ObjectStore& store) : engine_(engine), store_(store) {}
  using runtime::ApiSender::Send;
  void Send(kube::HttpRequest request, Callback done, runtime::SendOptions) override {
    engine_.Post(1, [answer = store_.Answer(request), done = std::move(done)]() mutable {
      std::move(done)(std::move(answer));
    });
  }

 private:
  runtime::Engine& engine_;
  ObjectStore& store_;
};

// Policies only observe here, so nothing is ever called.
class NoCalls final : public runtime::OutboundSender {
 public:
  explicit NoCalls(runtime::Engine& engine) : engine_(engine) {}
  void Send(kube::OutboundRequest, Callback done) override {
    engine_.Post(1, [done = std::move(done)]() mutable {
      std::move(done)(runtime::NotSent("a sandbox calls nobody"));
    });
  }

 private:
  runtime::Engine& engine_;
};

class Nobody final : public runtime::EventSink {
 public:
  void Record(const runtime::Event&) override {}
};

remediation::Controller::Options Quick(bool onlooker) {
  remediation::Controller::Options options;
  options.watches.onlooker = onlooker;
  options.watches.informers.settle = absl::Milliseconds(1);
  options.timing.recheck = absl::Milliseconds(10);
  options.report.interval = absl::Milliseconds(10);
  return options;
}

constexpr absl::Duration kBegan = absl::Hours(24 * 30);

// A jump over years is no wait: so many steps are enough for any timer that matters.
constexpr absl::Duration kShortestStep = absl::Microseconds(1);

}  // namespace

struct Sandbox::World {
  explicit World(Options options)
      : clock(options.now),
        objects(clock, std::move(options.upstream)),
        streams(clock, objects),
        engine(clock),
        inbox(engine),
        flow(inbox, streams),
        sender(engine, objects),
        outbound(engine),
        controller(Quick(!objects.alone()), engine, sender, outbound,
                   cache::WatchContext{streams, flow, clock, random, decoder}, nobody,
                   remediation::RemedyMetrics()) {}
  OwnTime clock;
  SeededRandom random{1};
  ObjectStore objects;
  Streams streams;
  runtime::Engine engine;
  runtime::EngineInbox inbox;
  cache::FlowControl flow;
  document::Decoder decoder;
  Sender sender;
  NoCalls outbound;
  Nobody nobody;
  remediation::Controller controller;
};

Sandbox::Sandbox(Options options) {
  // What happened before a controller began is not counted as new: this one began long ago.
  options.now -= kBegan;
  world_ = std::make_unique<World>(std::move(options));
  world_->clock.Advance(kBegan);
}
Sandbox::~Sandbox() = default;

ObjectStore& Sandbox::objects() {
  return world_->objects;
}

void Sandbox::Lead() {
  world_->controller.Lead({"sandbox", 0});
}

void Sandbox::Run() {
  bool busy = true;
  while (busy) {
    busy = world_->streams.Run();
    busy = world_->engine.RunUntilIdle() > 0 || busy;
  }
}

void Sandbox::Advance(absl::Duration duration) {
  Run();
  const MonotonicTime end = world_->clock.Monotonic() + duration;
  while (world_->clock.Monotonic() < end) {
    MonotonicTime next = end;
    if (const auto timer = world_->engine.NextTimer()) next = std::min(next, *timer);
    if (const auto task = world_->streams.NextDue()) next = std::min(next, *task);
    world_->clock.Advance(std::max(next - world_->clock.Monotonic(), kShortestStep));
    Run();
  }
}

absl::Time Sandbox::now() const {
  return world_->clock.Now();
}

const policy::Policies& Sandbox::policies() const {
  return world_->controller.policies();
}

const policy::Watches& Sandbox::watches() const {
  return world_->controller.watches();
}

std::optional<Sandbox::Reading> Sandbox::Read(const policy::CompiledPolicy& policy,
                                              const kube::ObjectKey& key,
                                              const Answered& answered) const {
  const document::DocumentPtr target = watches().Target(policy, key);
  if (!target) return std::nullopt;
  const policy::TargetView view(policy, target, watches().Around(policy),
                                {.now = now(),
                                 .remediation = std::nullopt,
                                 .events_since = answered.events,
                                 .schedule_since = answered.schedule});
  Reading reading{.evaluation = policy::Evaluate(policy, view), .cured = {}};
  reading.cured = policy::Cured(reading.evaluation);
  return reading;
}

}  // namespace kr::sandbox
