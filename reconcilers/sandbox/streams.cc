#include "reconcilers/sandbox/streams.h"

#include <algorithm>
#include <utility>

#include "controller/kube/api_error.h"
#include "controller/kube/request.h"

namespace kr::sandbox {
namespace {

using nlohmann::json;

std::string Line(std::string_view type, const json& object) {
  return json{{"type", type}, {"object", object}}.dump(-1, ' ', false,
                                                       json::error_handler_t::replace) +
         "\n";
}

}  // namespace

class Streams::Handle final : public kube::Stream {
 public:
  explicit Handle(std::shared_ptr<Watch> watch) : watch_(std::move(watch)) {}
  ~Handle() override { watch_->open = false; }
  void Pause() override { watch_->paused = true; }
  void Resume() override { watch_->paused = false; }

 private:
  std::shared_ptr<Watch> watch_;
};

std::unique_ptr<kube::Stream> Streams::Open(const kube::HttpRequest& request, absl::Duration,
                                            kube::StreamHandler& handler) {
  auto watch = std::make_shared<Watch>(
      Watch{.request = request, .query = Query::Parse(request.target), .handler = &handler});
  watches_.push_back(watch);
  return std::make_unique<Handle>(std::move(watch));
}

void Streams::Post(std::function<void()> task, absl::Duration delay) {
  tasks_.push_back({clock_.Monotonic() + delay, std::move(task)});
}

bool Streams::Run() {
  bool any = false;
  const auto due = [this](const Task& task) { return task.due <= clock_.Monotonic(); };
  for (auto task = tasks_.begin();
       (task = std::find_if(tasks_.begin(), tasks_.end(), due)) != tasks_.end();) {
    const auto run = std::move(task->run);
    tasks_.erase(task);
    run();
    any = true;
  }
  // A handler may open further ones.
  const std::list<std::shared_ptr<Watch>> now = watches_;
  for (const auto& watch : now) any = Serve(*watch) || any;
  watches_.remove_if([](const auto& watch) { return !watch->open; });
  return any;
}

std::optional<MonotonicTime> Streams::NextDue() const {
  std::optional<MonotonicTime> next;
  for (const Task& task : tasks_) next = next ? std::min(*next, task.due) : task.due;
  return next;
}

void Streams::Begin(Watch& watch) {
  watch.begun = true;
  watch.seen = store_.changes().size();
  const bool is_watch = !watch.query.Option("watch").empty();
  const bool initial = is_watch && watch.query.Option("sendInitialEvents") == "true";
  // Events are counted as they come by and never listed: those that there are come by now.
  const bool replay = is_watch && watch.query.collection == "/api/v1/events";
  const bool lists = !is_watch || initial || replay;
  StatusOr<std::vector<json>> items = std::vector<json>();
  if (lists) {
    kube::HttpRequest list = watch.request;
    const size_t mark = list.target.find('?');
    list.target.resize(std::min(mark, list.target.size()));
    char separator = '?';
    for (const char* selector : {"labelSelector", "fieldSelector"}) {
      const std::string value = watch.query.Option(selector);
      if (value.empty()) continue;
      list.target += separator + std::string(selector) + "=" + kube::Escape(value);
      separator = '&';
    }
    items = store_.List(list);
  }
  if (!items.ok()) {
    const auto error = kube::GetApiError(items.status());
    const int code = error ? error->code : 503;
    watch.handler->OnHeaders({.code = code, .headers = {}, .body = ""});
    if (watch.open) {
      watch.handler->OnData(json{{"kind", "Status"},
                                 {"status", "Failure"},
                                 {"code", code},
                                 {"reason", error ? error->reason : "ServiceUnavailable"},
                                 {"message", std::string(Message(items.status()))}}
                                .dump());
    }
    if (watch.open) {
      watch.open = false;
      watch.handler->OnEnd(OkStatus());
    }
    return;
  }
  watch.handler->OnHeaders({.code = 200, .headers = {}, .body = ""});
  if (!watch.open) return;
  if (!is_watch) {
    watch.handler->OnData(json{
        {"kind", "List"},
        {"metadata", {{"resourceVersion", store_.version()}}},
        {"items", *items}}.dump(-1, ' ', false, json::error_handler_t::replace));
    if (watch.open) {
      watch.open = false;
      watch.handler->OnEnd(OkStatus());
    }
    return;
  }
  for (const json& item : *items) watch.lines.push_back(Line("ADDED", item));
  if (initial) {
    watch.lines.push_back(
        Line("BOOKMARK", {{"kind", "Bookmark"},
                          {"metadata",
                           {{"resourceVersion", store_.version()},
                            {"annotations", {{"k8s.io/initial-events-end", "true"}}}}}}));
  }
}

bool Streams::Serve(Watch& watch) {
  if (!watch.open) return false;
  bool any = false;
  if (!watch.begun) {
    Begin(watch);
    any = true;
  }
  for (; watch.open && watch.seen < store_.changes().size(); ++watch.seen) {
    const ObjectStore::Change& change = store_.changes()[watch.seen];
    if (change.collection != watch.query.collection || !watch.query.Selects(change.object))
      continue;
    watch.lines.push_back(Line(change.type, change.object));
  }
  while (watch.open && !watch.paused && !watch.lines.empty()) {
    const std::string line = std::move(watch.lines.front());
    watch.lines.pop_front();
    watch.handler->OnData(line);
    any = true;
  }
  return any;
}

}  // namespace kr::sandbox
