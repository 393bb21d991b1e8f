#include "reconcilers/agent/task_watch.h"

#include <random>
#include <thread>
#include <utility>

#include "controller/base/log.h"
#include "controller/base/random.h"
#include "controller/cache/flow_control.h"
#include "controller/cache/reflector.h"
#include "controller/document/decoder.h"
#include "controller/runtime/engine.h"
#include "controller/runtime/engine_inbox.h"
#include "reconcilers/node/resources.h"
#include "reconcilers/node/task.h"

namespace kr::agent {

class TaskWatch::Parts final : private cache::ReflectorSink {
 public:
  Parts(const std::string& node, kube::StreamTransport& streams, Clock& clock,
        std::function<void(std::string)> on_task)
      : on_task_(std::move(on_task)),
        engine_(clock),
        inbox_(engine_),
        flow_(inbox_, streams),
        reflector_({.scope = {.resource = node::NodeTaskResource(),
                              .label_selector = std::string(crds::kNodeTaskNodeLabel) + "=" +
                                                node::NodeLabel(node)},
                    // Who executes one reads it whole, and live.
                    .metadata_only = true,
                    .projection = document::Projection::Of({})},
                   {}, {streams, flow_, clock, random_, decoder_}, *this),
        thread_([this](std::stop_token stop) {
          reflector_.Start();
          engine_.Run(std::move(stop));
        }) {}

 private:
  void OnListBegin() override {}
  void OnUpsert(document::DocumentPtr object) override { on_task_(std::string(object->name())); }
  void OnDelete(document::DocumentPtr) override {}
  void OnVersion(std::string_view) override {}
  void OnListEnd(std::string_view) override {}
  void OnProblem() override {
    const Status problem = reflector_.status().problem;
    if (problem.ok()) return;
    log::Warning("The tasks of this node cannot be watched", {{"error", Message(problem)}});
  }

  const std::function<void(std::string)> on_task_;
  runtime::Engine engine_;
  runtime::EngineInbox inbox_;
  cache::FlowControl flow_;
  document::Decoder decoder_;
  SeededRandom random_{std::random_device()()};
  cache::Reflector reflector_;
  std::jthread thread_;
};

TaskWatch::TaskWatch(const std::string& node, kube::StreamTransport& streams, Clock& clock,
                     std::function<void(std::string)> on_task)
    : parts_(std::make_unique<Parts>(node, streams, clock, std::move(on_task))) {}

TaskWatch::~TaskWatch() = default;

}  // namespace kr::agent
