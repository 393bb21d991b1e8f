#include "controller/cache/relation.h"

#include <algorithm>
#include <utility>

#include "controller/cache/key_join.h"
#include "controller/cache/selector_join.h"

namespace kr::cache {
namespace {

using document::Document;
using document::DocumentPtr;

bool Contains(const std::vector<std::string>& allowed, std::string_view value) {
  return allowed.empty() || std::find(allowed.begin(), allowed.end(), value) != allowed.end();
}

// A watch may deliver more than this need asked for.
bool InScope(const Need& need, const Document& object) {
  return Contains(need.namespaces, object.name_space()) && Contains(need.names, object.name());
}

bool AnySelects(const std::vector<crds::LabelSelector>& selectors,
                const std::optional<Labels>& labels) {
  return labels && std::any_of(selectors.begin(), selectors.end(),
                               [&](const auto& selector) { return Selects(selector, *labels); });
}

}  // namespace

void KeySink::Add(std::string_view key) {
  if (key.empty()) return;
  if (keys_.size() >= kMaxKeys) {
    ++left_out_;
    return;
  }
  keys_.emplace_back(key);
}

void KeySink::AddSelector(crds::LabelSelector selector) {
  if (selectors_.size() >= kMaxKeys) {
    ++left_out_;
    return;
  }
  selectors_.push_back(std::move(selector));
}

bool Joined(JoinKind kind, const KeySink& related, const KeySink& target) {
  switch (kind) {
    case JoinKind::kEqualKeys:
      return std::any_of(related.keys().begin(), related.keys().end(), [&](const auto& key) {
        return std::find(target.keys().begin(), target.keys().end(), key) != target.keys().end();
      });
    case JoinKind::kRelatedSelected:
      return AnySelects(target.selectors(), related.labels());
    case JoinKind::kTargetsSelected:
      return AnySelects(related.selectors(), target.labels());
  }
  return false;
}

Relation::Relation(RelationSpec spec, const ObjectTable& objects)
    : spec_(std::move(spec)), objects_(objects) {
  if (spec_.kind == JoinKind::kEqualKeys) {
    index_ = std::make_unique<KeyJoin>();
  } else {
    const auto selected = spec_.kind == JoinKind::kRelatedSelected
                              ? SelectorJoin::Selected::kRelated
                              : SelectorJoin::Selected::kTargets;
    index_ = std::make_unique<SelectorJoin>(selected, [this](ObjectId id) { return LabelsOf(id); });
  }
}

JoinSide Relation::Side(std::string_view name_space, KeySink sink) const {
  JoinSide side;
  side.labels = sink.labels();
  side.selectors = sink.selectors();
  side.keys = std::move(sink).TakeKeys();
  if (spec_.same_namespace) {
    side.scope = name_space;
    // No namespace has a slash in it.
    const std::string prefix = side.scope + "/";
    for (std::string& key : side.keys) key.insert(0, prefix);
  }
  if (side.keys.size() > 1) {
    std::sort(side.keys.begin(), side.keys.end());
    side.keys.erase(std::unique(side.keys.begin(), side.keys.end()), side.keys.end());
  }
  return side;
}

JoinSide Relation::SideOf(const Need& need, const KeyFunction& function, const Document* object,
                          size_t* left_out) const {
  if (object == nullptr || !InScope(need, *object)) return {};
  KeySink sink;
  function(*object, sink);
  if (left_out != nullptr) *left_out = sink.left_out();
  return Side(object->name_space(), std::move(sink));
}

std::optional<Labels> Relation::LabelsOf(ObjectId id) const {
  const Document* object = objects_.Get(id).get();
  if (spec_.kind == JoinKind::kRelatedSelected) {
    return SideOf(spec_.related, spec_.key, object).labels;
  }
  if (spec_.equals) return SideOf(spec_.targets, spec_.equals, object).labels;
  const auto said = said_.find(id);
  return said == said_.end() ? std::nullopt : said->second.labels;
}

void Relation::ChangeRelated(ObjectId id, const Document* before, const Document* after) {
  size_t left_out = 0;
  const JoinSide old_side = SideOf(spec_.related, spec_.key, before);
  const JoinSide new_side = SideOf(spec_.related, spec_.key, after, &left_out);
  left_out_ += left_out;
  index_->ChangeRelated(id, old_side, new_side);
}

void Relation::ChangeTarget(ObjectId id, const Document* before, const Document* after) {
  if (!spec_.equals) return;
  size_t left_out = 0;
  const JoinSide old_side = SideOf(spec_.targets, spec_.equals, before);
  const JoinSide new_side = SideOf(spec_.targets, spec_.equals, after, &left_out);
  left_out_ += left_out;
  index_->ChangeTarget(id, old_side, new_side);
}

void Relation::SetTarget(ObjectId id, std::string_view name_space, const KeySink& keys) {
  JoinSide side = Side(name_space, keys);
  const bool nothing = side.keys.empty() && side.selectors.empty() && !side.labels;
  const auto said = said_.find(id);
  const JoinSide before = said == said_.end() ? JoinSide{} : std::move(said->second);
  if (nothing) {
    if (said != said_.end()) said_.erase(said);
  } else {
    said_[id] = side;
  }
  left_out_ += keys.left_out();
  index_->ChangeTarget(id, before, side);
}

void Relation::ClearTargets() {
  for (const auto& [id, side] : said_) index_->ChangeTarget(id, side, JoinSide{});
  said_.clear();
}

std::vector<DocumentPtr> Relation::Lookup(const Document& target) const {
  return Documents(index_->RelatedOf(SideOf(spec_.targets, spec_.equals, &target)));
}

std::vector<DocumentPtr> Relation::Lookup(std::string_view name_space, const KeySink& keys) const {
  return Documents(index_->RelatedOf(Side(name_space, keys)));
}

std::vector<DocumentPtr> Relation::Documents(const std::vector<ObjectId>& ids) const {
  std::vector<DocumentPtr> objects;
  objects.reserve(ids.size());
  for (const ObjectId id : ids) objects.push_back(objects_.Get(id));
  return objects;
}

std::vector<ObjectId> Relation::TargetsOf(const Document& related) const {
  return index_->TargetsOf(SideOf(spec_.related, spec_.key, &related));
}

}  // namespace kr::cache
