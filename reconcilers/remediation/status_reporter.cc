#include "reconcilers/remediation/status_reporter.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/base/log.h"
#include "controller/kube/request.h"
#include "reconcilers/actions/action.h"

namespace kr::remediation {
namespace {

// To see that nothing is new costs as much as to say something.
constexpr int kLooksPerInterval = 50;

// A merge patch that turns one status into the other: what is no longer there has to be said.
nlohmann::json StatusPatch(const nlohmann::json& before, nlohmann::json after) {
  for (const auto& [field, value] : before.items()) {
    if (!after.contains(field)) after[field] = nullptr;
  }
  return after;
}

}  // namespace

StatusReporter::StatusReporter(Options options, runtime::Engine& engine, runtime::ApiSender& api,
                               Source source)
    : options_(options),
      engine_(engine),
      api_(api),
      source_(std::move(source)),
      self_(std::make_shared<StatusReporter*>(this)) {}

StatusReporter::~StatusReporter() = default;

void StatusReporter::Touch(const std::string& uid) {
  Schedule(uid, objects_[uid]);
}

void StatusReporter::Forget(const std::string& uid) {
  objects_.erase(uid);
}

void StatusReporter::Schedule(const std::string& uid, Object& object) {
  if (object.writing) object.again = true;
  if (object.scheduled || object.writing) return;
  object.scheduled = true;
  engine_.At(std::max(engine_.Now(), object.earliest), [weak = std::weak_ptr(self_), uid] {
    if (auto self = weak.lock()) (*self)->Write(uid);
  });
}

void StatusReporter::Write(const std::string& uid) {
  const auto it = objects_.find(uid);
  if (it == objects_.end()) return;
  it->second.scheduled = false;
  const auto wanted = source_(uid);
  if (!wanted) return;
  const bool news = wanted->before != wanted->after;
  it->second.earliest = engine_.Now() + options_.interval / (news ? 1 : kLooksPerInterval);
  if (!news) return;
  it->second.writing = true;
  const nlohmann::json patch = {
      {"metadata",
       {{"resourceVersion", wanted->metadata.resource_version}, {"uid", wanted->metadata.uid}}},
      {"status", StatusPatch(wanted->before, wanted->after)}};
  kube::HttpRequest request = kube::PatchObject(
      wanted->resource, {"", wanted->metadata.name}, "status", kube::PatchType::kMerge, patch,
      {.field_manager = actions::kFieldManager, .server_timeout = options_.write_timeout});
  request.timeout = options_.write_timeout;
  api_.Send(
      std::move(request),
      [weak = std::weak_ptr(self_), uid](StatusOr<kube::Reply> reply) {
        auto self = weak.lock();
        if (!self) return;
        const auto object = (*self)->objects_.find(uid);
        if (object == (*self)->objects_.end()) return;
        object->second.writing = false;
        const bool failed = !reply.ok() && !absl::IsNotFound(reply.status());
        if (failed && !absl::IsAborted(reply.status()) && !runtime::IsNotSent(reply.status())) {
          log::Warning("Status was not written", {{"error", Message(reply.status())}});
        }
        if (std::exchange(object->second.again, false) || failed) {
          (*self)->Schedule(uid, object->second);
        }
      },
      {.permit = runtime::PermitNeed::kWrite});
}

}  // namespace kr::remediation
