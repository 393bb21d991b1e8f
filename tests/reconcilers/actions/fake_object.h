#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/kube/http.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

using nlohmann::json;

// Merge patch as RFC 7396 says.
inline void ApplyMerge(json& object, const json& patch) {
  if (!object.is_object()) object = json::object();
  for (const auto& [field, value] : patch.items()) {
    if (value.is_null()) {
      object.erase(field);
    } else if (value.is_object()) {
      ApplyMerge(object[field], value);
    } else {
      object[field] = value;
    }
  }
}

// Strategic merge as far as these tests need it: lists by their merge key, $patch: delete.
inline void ApplyStrategic(json& object, const json& patch) {
  static const std::map<std::string, std::string> keys = {{"containers", "name"},
                                                          {"env", "name"},
                                                          {"volumeMounts", "mountPath"},
                                                          {"conditions", "type"}};
  if (!object.is_object()) object = json::object();
  for (const auto& [field, value] : patch.items()) {
    auto key = keys.find(field);
    if (value.is_null()) {
      object.erase(field);
    } else if (value.is_object()) {
      ApplyStrategic(object[field], value);
    } else if (value.is_array() && key != keys.end()) {
      json& list = object[field];
      if (!list.is_array()) list = json::array();
      for (const json& element : value) {
        size_t i = 0;
        while (i < list.size() && list[i][key->second] != element[key->second]) ++i;
        if (element.contains("$patch")) {
          if (i < list.size()) list.erase(i);
          continue;
        }
        if (i == list.size()) list.push_back(json::object());
        ApplyStrategic(list[i], element);
      }
    } else {
      object[field] = value;
    }
  }
}

// One object on an API server, and how an action gets along with it.
class FakeObject {
 public:
  // `object` without resourceVersion; it gets "1".
  explicit FakeObject(json object) : object_(std::move(object)) { Bump(); }

  const json& object() const { return object_; }
  int writes() const { return writes_; }
  // How the server changes what was written (normalising, pruning, a webhook).
  void OnWrite(std::function<void(json&)> hook) { hook_ = std::move(hook); }
  // Somebody else changes it.
  void Edit(const std::function<void(json&)>& edit) {
    edit(object_);
    Bump();
  }

  // False: 409, nothing was changed.
  bool Send(const kube::HttpRequest& request) {
    json patch = json::parse(request.body);
    const json& expected = patch["metadata"]["resourceVersion"];
    if (expected != object_["metadata"]["resourceVersion"]) return false;
    json result = Patched(request);
    if (result != object_) {
      object_ = std::move(result);
      ++writes_;
      Bump();
    }
    return true;
  }
  json DryRun(const kube::HttpRequest& request) const {
    EXPECT_NE(request.target.find("dryRun=All"), std::string::npos) << request.target;
    return Patched(request);
  }

 private:
  json Patched(const kube::HttpRequest& request) const {
    json patch = json::parse(request.body);
    json result = object_;
    if (request.content_type == "application/merge-patch+json") {
      ApplyMerge(result, patch);
    } else {
      EXPECT_EQ(request.content_type, "application/strategic-merge-patch+json");
      ApplyStrategic(result, patch);
    }
    if (hook_) hook_(result);
    return result;
  }
  void Bump() { object_["metadata"]["resourceVersion"] = std::to_string(++version_); }

  json object_;
  std::function<void(json&)> hook_;
  int version_ = 0;
  int writes_ = 0;
};

inline absl::Time At(int seconds) {
  return absl::FromCivil(absl::CivilMinute(2026, 1, 2, 3, 0), absl::UTCTimeZone()) +
         absl::Seconds(seconds);
}

inline const kube::Resource kDaemonSets{{"apps", "v1", "DaemonSet"}, "daemonsets", true};

// What a step sees whose expressions give `values` (an expression that is not there is unknown).
inline Observed Seeing(std::optional<json> live, std::map<std::string, json> values = {}) {
  Observed observed;
  observed.ref = {kDaemonSets, {"kube-system", "calico-node"}, "ds-uid"};
  observed.live = std::move(live);
  observed.step_started = observed.now = At(0);
  observed.evaluate = [values](const cel::Program& program) -> StatusOr<json> {
    auto value = values.find(program.text());
    if (value == values.end()) return FailedPrecondition("not listed yet");
    return value->second;
  };
  return observed;
}

// Drives an action until it ends, doing what a runner does. Null when it went on for too long.
struct Outcome {
  Next last;
  json memo;
};
inline Outcome Drive(const Action& action, FakeObject& server, Observed observed,
                     json memo = nullptr) {
  for (int turn = 0; turn < 10; ++turn) {
    Next next = action.Ask(memo, observed);
    if (std::holds_alternative<Read>(next)) {
      observed.live = server.object();
      observed.dry_run.reset();
    } else if (auto* question = std::get_if<DryRun>(&next)) {
      observed.dry_run = server.DryRun(question->request);
    } else if (auto* write = std::get_if<Write>(&next)) {
      memo = write->memo;
      server.Send(write->request);
      observed.live.reset();
      observed.dry_run.reset();
    } else {
      return {std::move(next), std::move(memo)};
    }
  }
  return {Failed{"TestGaveUp", "the action did not end"}, std::move(memo)};
}

// "Write", "Done", ...: the first word of what an action answered.
inline std::string KindOf(const Next& next) {
  constexpr const char* names[] = {"Read",   "DryRun", "Write", "Wait", "Done",  "Failed",
                                   "Report", "Abort",  "Look",  "Call", "Batch", "Settled"};
  return names[next.index()];
}
// With reason and message where there are some.
inline std::string Text(const Next& next) {
  std::string text = KindOf(next);
  if (auto* failed = std::get_if<Failed>(&next))
    text += " " + failed->reason + ": " + failed->message;
  if (auto* report = std::get_if<Report>(&next))
    text += " " + report->reason + ": " + report->message;
  if (auto* done = std::get_if<Done>(&next)) text += " " + done->message;
  if (auto* wait = std::get_if<Wait>(&next)) text += " " + wait->progress;
  return text;
}

}  // namespace kr::actions
