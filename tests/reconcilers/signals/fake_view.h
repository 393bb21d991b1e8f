#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "crds/meta/time.h"
#include "reconcilers/signals/past.h"
#include "reconcilers/signals/view.h"
#include "tests/support/documents.h"

namespace kr::signals {

inline absl::Time At(std::string_view time) {
  return *crds::ParseTime("2026-03-02T" + std::string(time) + "Z");
}

// A target as a test says; without `json` an empty place.
class FakeView final : public View {
 public:
  absl::Time time = At("12:00:00");
  std::optional<absl::Time> began;  // of the remediation that asks
  absl::Time answered_at = absl::InfinitePast();
  absl::Time schedule_answered_at = absl::InfinitePast();
  StatusOr<std::vector<EventFacts>> facts = std::vector<EventFacts>();
  Past remembered;

  void Set(nlohmann::json json) {
    json["metadata"].emplace("name", "web");
    json["metadata"].emplace("namespace", "shop");
    json["metadata"].emplace("uid", "11111111-2222-3333-4444-555555555555");
    object_ = testing::Doc(json.dump());
  }
  void Remove() { object_ = {}; }

  absl::Time now() const override { return time; }
  const document::Document* object() const override { return object_.get(); }
  TargetName target() const override {
    return object_ ? View::target() : TargetName{"shop", "web", ""};
  }
  StatusOr<std::vector<EventFacts>> Events(std::string_view, int64_t) const override {
    return facts;
  }
  absl::Time answered() const override { return answered_at; }
  absl::Time schedule_answered() const override { return schedule_answered_at; }
  std::optional<absl::Time> remediating_since() const override { return began; }
  const Past& past() const override { return remembered; }
  StatusOr<cel::Value> Resolve(std::string_view variable) const override {
    if (variable == "now") return cel::Value::Timestamp(time);
    return object_ ? cel::Value::Node(object_->root()) : cel::Value();
  }

 private:
  document::DocumentPtr object_;
};

inline cel::Scope ObjectScope() {
  return {{"object", cel::Type::Dyn()}, {"now", cel::Type::Timestamp()}};
}

}  // namespace kr::signals
