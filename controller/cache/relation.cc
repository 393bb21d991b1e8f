#include "controller/cache/relation.h"

#include <algorithm>
#include <iterator>
#include <utility>

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

// Calls `removed` with what is only in `before` and `added` with what is only in `after`; both
// sorted.
template <typename Removed, typename Added>
void Diff(const std::vector<std::string>& before, const std::vector<std::string>& after,
          Removed removed, Added added) {
  std::vector<std::string> only;
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                      std::back_inserter(only));
  for (const std::string& key : only) removed(key);
  only.clear();
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                      std::back_inserter(only));
  for (const std::string& key : only) added(key);
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

Relation::Relation(RelationSpec spec, const ObjectTable& objects)
    : spec_(std::move(spec)), objects_(objects) {}

std::vector<std::string> Relation::Keys(const Need& need, const KeyFunction& function,
                                        const Document* object, size_t* left_out) const {
  if (object == nullptr || !InScope(need, *object)) return {};
  KeySink sink;
  function(*object, sink);
  if (left_out != nullptr) *left_out = sink.left_out();
  std::vector<std::string> keys;
  keys.reserve(sink.keys().size());
  for (const std::string& key : sink.keys()) keys.push_back(IndexKey(object->name_space(), key));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

std::string Relation::IndexKey(std::string_view name_space, std::string_view key) const {
  if (!spec_.same_namespace) return std::string(key);
  // No namespace has a slash in it.
  return std::string(name_space) + "/" + std::string(key);
}

void Relation::ChangeRelated(ObjectId id, const Document* before, const Document* after,
                             absl::FunctionRef<void(std::string_view)> woken) {
  size_t left_out = 0;
  const std::vector<std::string> old_keys = Keys(spec_.related, spec_.key, before);
  const std::vector<std::string> new_keys = Keys(spec_.related, spec_.key, after, &left_out);
  left_out_ += left_out;
  const auto wake = [&](const std::string& key) {
    targets_.Wake(key);
    woken(key);
  };
  Diff(
      old_keys, new_keys,
      [&](const std::string& key) {
        related_.Remove(key, id);
        wake(key);
      },
      [&](const std::string& key) { related_.Add(key, id); });
  for (const std::string& key : new_keys) wake(key);
}

void Relation::ChangeTarget(ObjectId id, const Document* before, const Document* after) {
  size_t left_out = 0;
  const std::vector<std::string> old_keys = Keys(spec_.targets, spec_.equals, before);
  const std::vector<std::string> new_keys = Keys(spec_.targets, spec_.equals, after, &left_out);
  left_out_ += left_out;
  Diff(
      old_keys, new_keys, [&](const std::string& key) { targets_.Remove(key, id); },
      [&](const std::string& key) { targets_.Add(key, id); });
}

std::vector<std::string> Relation::KeysOfTarget(const Document& target) const {
  return Keys(spec_.targets, spec_.equals, &target);
}

std::vector<DocumentPtr> Relation::Lookup(const Document& target) const {
  return LookupKeys(KeysOfTarget(target));
}

std::vector<DocumentPtr> Relation::LookupKeys(std::span<const std::string> index_keys) const {
  std::vector<ObjectId> ids;
  for (const std::string& key : index_keys) {
    const auto found = related_.Find(key);
    ids.insert(ids.end(), found.begin(), found.end());
  }
  if (index_keys.size() > 1) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  }
  std::vector<DocumentPtr> objects;
  objects.reserve(ids.size());
  for (const ObjectId id : ids) objects.push_back(objects_.Get(id));
  return objects;
}

std::vector<ObjectId> Relation::TargetsOf(const Document& related) const {
  std::vector<ObjectId> ids;
  for (const std::string& key : Keys(spec_.related, spec_.key, &related)) {
    const auto found = targets_.Find(key);
    ids.insert(ids.end(), found.begin(), found.end());
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace kr::cache
