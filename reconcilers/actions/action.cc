#include "reconcilers/actions/action.h"

#include "reconcilers/actions/change.h"
#include "reconcilers/actions/managed_fields.h"

namespace kr::actions {

std::vector<crds::ObjectReference> ObjectsOf(const crds::Intent& intent) {
  std::vector<crds::ObjectReference> objects{intent.object};
  objects.insert(objects.end(), intent.others.begin(), intent.others.end());
  return objects;
}

std::vector<FieldPath> Action::EffectFields() const {
  std::vector<FieldPath> fields;
  for (const document::Path& path : EffectPaths()) {
    FieldPath& field = fields.emplace_back();
    for (const document::Step& step : path.steps) {
      if (step.kind == document::Step::Kind::kEach) break;  // the list as a whole
      field.push_back(FieldStep(step.field));
    }
  }
  return fields;
}

bool Action::EffectHolds(const nlohmann::json&, const nlohmann::json&) const {
  return true;
}

StatusOr<std::optional<crds::ObjectReference>> Action::Object(const Evaluate&) const {
  return std::nullopt;
}

bool Action::MustComplete(const nlohmann::json&, const Observed&) const {
  return false;
}

std::optional<Write> Action::Undo(const nlohmann::json&, const Observed&) const {
  return std::nullopt;
}

std::string Action::Left(const nlohmann::json& memo, const Observed&) const {
  return WhyNoUndo(memo);
}

std::string WhyNoUndo(const nlohmann::json& memo) {
  if (!memo.is_object()) return "";
  auto reason = memo.find(kNoUndo);
  if (reason == memo.end() || !reason->is_string()) return "";
  return reason->get<std::string>();
}

}  // namespace kr::actions
