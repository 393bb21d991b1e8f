#include "controller/cache/subscriptions.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

namespace kr::cache {
namespace {

std::string KeyOf(uint32_t relation, std::string_view key) {
  std::string text(sizeof(relation), '\0');
  std::memcpy(text.data(), &relation, sizeof(relation));
  text += key;
  return text;
}

}  // namespace

void Subscriptions::Set(SubscriberId subscriber, std::vector<RelationLookup> lookups) {
  std::sort(lookups.begin(), lookups.end());
  lookups.erase(std::unique(lookups.begin(), lookups.end()), lookups.end());

  std::vector<RelationLookup>& current = lookups_[subscriber];
  std::vector<RelationLookup> only;
  std::set_difference(current.begin(), current.end(), lookups.begin(), lookups.end(),
                      std::back_inserter(only));
  for (const RelationLookup& gone : only) {
    index_.Remove(KeyOf(gone.relation, gone.key), subscriber);
  }
  only.clear();
  std::set_difference(lookups.begin(), lookups.end(), current.begin(), current.end(),
                      std::back_inserter(only));
  for (const RelationLookup& added : only) {
    index_.Add(KeyOf(added.relation, added.key), subscriber);
  }
  if (lookups.empty()) {
    lookups_.erase(subscriber);
  } else {
    current = std::move(lookups);
  }
}

void Subscriptions::Wake(uint32_t relation, std::string_view key) {
  index_.Wake(KeyOf(relation, key));
}

}  // namespace kr::cache
