#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kr::policy {

// Finds the values that may concern an object, so that a change costs nothing for the thousand that
// it does not concern: by kind, then by name, by namespace, and a rest that has to be asked. What
// it finds is a candidate; somebody else has the last word. Not thread-safe.
template <typename Kind, typename Value>
class SelectionIndex {
 public:
  // What a value is added with, and removed with again. Names narrow more than namespaces.
  struct Selection {
    Kind kind;
    std::vector<std::string> names;
    std::vector<std::string> namespaces;
  };

  void Add(const Selection& selection, const Value& value) {
    ForEachList(selection, [&](std::vector<Value>& list) {
      if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
    });
  }

  void Remove(const Selection& selection, const Value& value) {
    ForEachList(selection, [&](std::vector<Value>& list) { std::erase(list, value); });
  }

  // Each candidate once. `visit` must not change the index.
  template <typename Visit>
  void ForEach(const Kind& kind, std::string_view name_space, std::string_view name,
               Visit visit) const {
    const auto lists = kinds_.find(kind);
    if (lists == kinds_.end()) return;
    VisitList(lists->second.by_name, name, visit);
    VisitList(lists->second.by_namespace, name_space, visit);
    for (const Value& value : lists->second.rest) visit(value);
  }

 private:
  using ByText = std::map<std::string, std::vector<Value>, std::less<>>;
  struct Lists {
    ByText by_name;
    ByText by_namespace;
    std::vector<Value> rest;
  };

  template <typename Visit>
  void ForEachList(const Selection& selection, Visit visit) {
    Lists& lists = kinds_[selection.kind];
    if (!selection.names.empty()) {
      for (const std::string& name : selection.names) visit(lists.by_name[name]);
    } else if (!selection.namespaces.empty()) {
      for (const std::string& name_space : selection.namespaces) {
        visit(lists.by_namespace[name_space]);
      }
    } else {
      visit(lists.rest);
    }
  }

  template <typename Visit>
  static void VisitList(const ByText& lists, std::string_view key, Visit& visit) {
    const auto list = lists.find(key);
    if (list == lists.end()) return;
    for (const Value& value : list->second) visit(value);
  }

  std::map<Kind, Lists> kinds_;
};

}  // namespace kr::policy
