#include "controller/cache/key_join.h"

#include <algorithm>
#include <iterator>

namespace kr::cache {
namespace {

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

std::vector<ObjectId> IdsOf(const KeyIndex& index, const std::vector<std::string>& keys) {
  std::vector<ObjectId> ids;
  for (const std::string& key : keys) {
    const auto found = index.Find(key);
    ids.insert(ids.end(), found.begin(), found.end());
  }
  if (keys.size() > 1) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  }
  return ids;
}

}  // namespace

void KeyJoin::ChangeRelated(ObjectId id, const JoinSide& before, const JoinSide& after) {
  Diff(
      before.keys, after.keys,
      [&](const std::string& key) {
        related_.Remove(key, id);
        targets_.Wake(key);
      },
      [&](const std::string& key) { related_.Add(key, id); });
  for (const std::string& key : after.keys) targets_.Wake(key);
}

void KeyJoin::ChangeTarget(ObjectId id, const JoinSide& before, const JoinSide& after) {
  Diff(
      before.keys, after.keys, [&](const std::string& key) { targets_.Remove(key, id); },
      [&](const std::string& key) { targets_.Add(key, id); });
}

std::vector<ObjectId> KeyJoin::RelatedOf(const JoinSide& target) const {
  return IdsOf(related_, target.keys);
}

std::vector<ObjectId> KeyJoin::TargetsOf(const JoinSide& related) const {
  return IdsOf(targets_, related.keys);
}

}  // namespace kr::cache
